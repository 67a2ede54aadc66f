"""What rules look back on: sums over windows of school days, for many pupils at once.

Everything is counted in whole numbers, so that a value that lies on a threshold
is judged exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.ews.core import calendar, days
from services.ews.core.rule import Measure, Metric, Span, Window

METRICS = (Metric.TOTAL, Metric.VALID, Metric.INVALID, Metric.UNEXPLAINED)
_PLACE = {metric: i for i, metric in enumerate(METRICS)}

Ints = NDArray[np.int64]
_SUMMED = 6
"""The leading fields of a day's sums that windows add up."""


def minutes(sums: NDArray[np.int64], metric: Metric) -> Ints:
    """The metric's minutes from sums whose second-last axis is the field."""
    match metric:
        case Metric.TOTAL:
            return (
                sums[..., days.VALID, :]
                + sums[..., days.UNEXPLAINED, :]
                + sums[..., days.CONFIRMED, :]
            )
        case Metric.VALID:
            return sums[..., days.VALID, :]
        case Metric.INVALID:
            return sums[..., days.UNEXPLAINED, :] + sums[..., days.CONFIRMED, :]
        case Metric.UNEXPLAINED:
            return sums[..., days.UNEXPLAINED, :]


_START: dict[Span, Callable[[int], int]] = {
    Span.CALENDAR_MONTH: calendar.month_start,
    Span.TERM: calendar.term_start,
    Span.SCHOOL_YEAR: calendar.school_year_start,
}


def first_in_window(window: Window, axis: Ints, at: Ints) -> Ints:
    """For each place of the axis of school days: the first place in its window."""
    if window.span is Span.SCHOOL_DAYS:
        return np.maximum(at + 1 - window.length, 0)
    judged = axis[at]
    if window.span is Span.CALENDAR_DAYS:
        return np.searchsorted(axis, judged + 1 - window.length)
    return np.searchsorted(axis, [_START[window.span](day) for day in judged.tolist()])


def runs(sums: days.Sums, metric: Metric, before: Ints) -> Ints:
    """School days in a row without presence, at each of the given days.

    ``sums`` is [day, field, pupil], ``before`` the run on the day before. A day
    with nothing reported neither counts nor breaks a run (design D7). For a
    metric other than total all of the day's absence must be of that metric.
    """
    said = sums[:, days.REPORTED].astype(np.int64)
    wide = sums[:, :_SUMMED].astype(np.int64)
    counted = minutes(wide, Metric.TOTAL)
    absent = (said > 0) & (counted >= said)
    if metric is not Metric.TOTAL:
        absent &= minutes(wide, metric) == counted
    so_far = np.cumsum(absent, axis=0)
    broken = np.where((said > 0) & ~absent, so_far, -before)
    return so_far - np.maximum.accumulate(broken, axis=0)


class Look:
    """The days that a set of rules looks back on; shared by the rules of one judgement.

    ``sums`` is [day, field, pupil] for the school days ``axis[start:]``; the
    days judged are those from ``out`` on. Places are places of ``axis``.
    """

    def __init__(self, axis: Ints, sums: days.Sums, start: int, out: int) -> None:
        self.axis = axis
        self.at: Ints = np.arange(out, len(axis), dtype=np.int64)
        self._sums = sums
        self._start = start
        self._windows: dict[Window, tuple[Ints, Ints]] = {}
        self._minutes: dict[tuple[Window, Metric], Ints] = {}
        self._counts: dict[tuple[Window, Metric, Measure], Ints] = {}
        self.said = sums[out - start :, days.REPORTED] > 0

    def _first(self, window: Window) -> Ints:
        return first_in_window(window, self.axis, self.at)

    def _add_up(self, values: NDArray[Any], first: Ints) -> Ints:
        """Sums of ``values`` [day, ...] over each judged day's window."""
        low, high = first - self._start, self.at + 1 - self._start
        if len(low) <= 3:
            spans = zip(low.tolist(), high.tolist(), strict=True)
            return np.stack([values[a:b].sum(axis=0, dtype=np.int64) for a, b in spans])
        upto = np.zeros((len(values) + 1, *values.shape[1:]), np.int64)
        np.cumsum(values, axis=0, dtype=np.int64, out=upto[1:])
        return upto[high] - upto[low]

    def window(self, window: Window) -> Ints:
        """The leading fields' sums over the window: [judged day, field, pupil]."""
        found = self._windows.get(window)
        if found is None:
            first = self._first(window)
            found = (self._add_up(self._sums[:, :_SUMMED], first), first)
            self._windows[window] = found
        return found[0]

    def minutes(self, window: Window, metric: Metric) -> Ints:
        """The metric's minutes in the window: [judged day, pupil]."""
        key = (window, metric)
        found = self._minutes.get(key)
        if found is None:
            found = self._minutes[key] = minutes(self.window(window), metric)
        return found

    def count(self, window: Window, metric: Metric, measure: Measure) -> Ints:
        """Occasions or days with absence in the window: [judged day, pupil]."""
        key = (window, metric, measure)
        found = self._counts.get(key)
        if found is None:
            self.window(window)
            first = self._windows[window][1]
            if measure is Measure.DAYS:
                daily = minutes(self._sums[:, :_SUMMED].astype(np.int64), metric) > 0
                found = self._add_up(daily, first)
            else:
                found = self._occasions(metric, first)
            self._counts[key] = found
        return found

    def _occasions(self, metric: Metric, first: Ints) -> Ints:
        place = _PLACE[metric]
        stretches = self._add_up(self._sums[:, days.RUNS + place], first)
        edges = self._sums[:, days.EDGES]
        said = self._sums[:, days.REPORTED] > 0
        here: Ints = np.arange(len(said), dtype=np.int64)[:, None]
        last_said = np.maximum.accumulate(np.where(said, here, -1), axis=0)
        before = np.full_like(last_said, -1)
        before[1:] = last_said[:-1]
        ends = (edges & (16 << place)) != 0
        ended = np.take_along_axis(ends, np.maximum(before, 0), axis=0) & (before >= 0)
        # A stretch that goes on from the reported day before was counted there already.
        joined = ((edges & (1 << place)) != 0) & ended
        if not joined.any():
            return stretches
        low, high = first - self._start, self.at + 1 - self._start
        inside = [
            (joined[a:b] & (before[a:b] >= a)).sum(axis=0)
            for a, b in zip(low.tolist(), high.tolist(), strict=True)
        ]
        fewer: Ints = stretches - np.stack(inside)
        return fewer
