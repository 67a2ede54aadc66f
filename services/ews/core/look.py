"""What rules look back on: sums over windows of school days, for many pupils at once.

Everything is counted in whole numbers, so that a value that lies on a threshold
is judged exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.ews.core import bound, calendar, change, days, marks
from services.ews.core.lessons import Rows
from services.ews.core.marks import Lessons, MarksOf, gather
from services.ews.core.rule import Measure, Metric, Span, Window

METRICS = (Metric.TOTAL, Metric.VALID, Metric.INVALID, Metric.UNEXPLAINED)
_PLACE = {metric: i for i, metric in enumerate(METRICS)}

Ints = NDArray[np.int64]
_SUMMED = 6
"""The leading fields of a day's sums that windows add up."""
_TERM = Window(Span.TERM)


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


def of_metric(metric: Metric, valid: int, unexplained: int, confirmed: int) -> int:
    """The metric's minutes of one mark or day."""
    match metric:
        case Metric.TOTAL:
            return valid + unexplained + confirmed
        case Metric.VALID:
            return valid
        case Metric.INVALID:
            return unexplained + confirmed
        case Metric.UNEXPLAINED:
            return unexplained


_START: dict[Span, Callable[[int], int]] = {
    Span.CALENDAR_MONTH: calendar.month_start,
    Span.TERM: calendar.term_start,
    Span.SCHOOL_YEAR: calendar.school_year_start,
}


def first_in_window(window: Window, axis: Ints, ends: Ints) -> Ints:
    """For each of the days with which a window ends: the first place of the axis in it.

    ``axis`` are the school days; a window may end with any day.
    """
    if window.span is Span.SCHOOL_DAYS:
        first: Ints = np.maximum(np.searchsorted(axis, ends, "right") - window.length, 0)
    elif window.span is Span.CALENDAR_DAYS:
        first = np.searchsorted(axis, ends + 1 - window.length)
    else:
        return _since(_START[window.span], axis, ends)
    if window.within_term:
        first = np.maximum(first, _since(calendar.term_start, axis, ends))
    return first


def _since(start: Callable[[int], int], axis: Ints, ends: Ints) -> Ints:
    """The first place of the axis in the part of the year that each day lies in."""
    return np.searchsorted(axis, [start(day) for day in ends.tolist()])


def away_all_day(sums: NDArray[np.int64], metric: Metric) -> days.Mask:
    """Whether all of the reported time was absent, and all of the absence of the metric.

    ``sums`` has the field as its second-last axis.
    """
    said = sums[..., days.REPORTED, :]
    counted = minutes(sums, Metric.TOTAL)
    absent: days.Mask = (said > 0) & (counted >= said)
    if metric is not Metric.TOTAL:
        absent &= minutes(sums, metric) == counted
    return absent


def days_counted(sums: NDArray[np.int64], counting: Counting) -> days.Mask:
    """The days that a measure of days counts, the later days of a stretch included.

    ``sums`` has the field as its second-last axis.
    """
    said = sums[..., days.REPORTED, :]
    value = minutes(sums, counting.metric)
    mask: days.Mask = value > 0
    if counting.measure is Measure.PART_DAYS:
        mask &= minutes(sums, Metric.TOTAL) < said
    top, bottom = counting.day_share
    if top:
        mask &= value * (100 * bottom) >= said * top
    return mask


def joins(ends: days.Mask, begins: days.Mask, said: days.Mask) -> tuple[days.Mask, Ints]:
    """Days that go on from the reported day before, and the place of that day.

    All are [day, pupil]: ``ends`` where something reaches the day's end,
    ``begins`` where it is there from the day's beginning; -1 stands for no day.
    """
    here: Ints = np.arange(len(said))[:, None]
    last_said = np.maximum.accumulate(np.where(said, here, -1), axis=0)
    before = np.full_like(last_said, -1)
    before[1:] = last_said[:-1]
    ended = np.take_along_axis(ends, np.maximum(before, 0), axis=0) & (before >= 0)
    return begins & ended, before


def runs(sums: days.Sums, metric: Metric, before: Ints) -> Ints:
    """School days in a row without presence, at each of the given days.

    ``sums`` is [day, field, pupil], ``before`` the run on the day before. A day
    with nothing reported neither counts nor breaks a run (design D7). For a
    metric other than total all of the day's absence must be of that metric.
    """
    said = sums[:, days.REPORTED]
    absent = away_all_day(sums[:, :_SUMMED].astype(np.int64), metric)
    so_far = np.cumsum(absent, axis=0)
    broken = np.where((said > 0) & ~absent, so_far, -before)
    return so_far - np.maximum.accumulate(broken, axis=0)


@dataclass(frozen=True, slots=True)
class Counting:
    """What is counted. ``day_share`` is the per cent of a day as a ratio, (0, 1) for any part."""

    measure: Measure
    metric: Metric
    day_share: tuple[int, int] = (0, 1)


class Look:
    """The days that a set of rules looks back on; shared by the rules of one judgement.

    ``sums`` is [day, field, pupil] for the school days ``axis[start:]``; the
    days judged are those from ``out`` on. Places are places of ``axis``.
    ``marks`` are the lessons of a day, of which the pupils are the rows ``rows``.
    ``ends`` are the last days of the windows: the days judged, unless :meth:`ending`
    says others.
    """

    def __init__(  # noqa: PLR0917  # what there is to look at
        self,
        axis: Ints,
        sums: days.Sums,
        start: int,
        out: int,
        marks: MarksOf,
        rows: Rows,
    ) -> None:
        self.axis = axis
        self.at: Ints = np.arange(out, len(axis))
        self.ends: Ints = axis[out:]
        self.after: Ints = self.at + 1
        """The place after the last of each window."""
        self._sums = sums
        self._wide_sums: Ints | None = None
        self._start = start
        self._windows: dict[Window, tuple[Ints, Ints]] = {}
        self._minutes: dict[tuple[Window, Metric], Ints] = {}
        self._counts: dict[tuple[Window, Counting], Ints] = {}
        self._marks = marks
        self._rows = rows
        self._lessons: dict[tuple[Window, bytes], Lessons] = {}
        self._bound: dict[bound.Dates, Look] = {}
        self.said = sums[out - start :, days.REPORTED] > 0
        self.totals: dict[change.Key, change.Totals] = {}
        """For each metric of which earlier days are looked at; set by services.ews.core.judge."""
        self.noted: Callable[[Measure, int], Ints] | None = None
        """What notices tell of the school days from a place on: [day, pupil]; set likewise."""
        self.prepare: Callable[[Sequence[int]], None] | None = None
        """Told which days' marks are asked for next; set likewise."""

    def ending(self, judged: bound.Dates) -> Look:
        """The same pupils judged at dates: see services.ews.core.bound."""
        found = self._bound.get(judged)
        if found is None:
            out = int(self.at[0]) if len(self.at) else len(self.axis)
            found = self._bound[judged] = copy(self)
            found.at, found.ends = bound.tallies(judged, self.axis, out)
            found.after = np.searchsorted(self.axis, found.ends, "right")
            found._forget()  # noqa: SLF001  # its own kind
            found.said = np.ones((len(found.at), self.said.shape[1]), bool)
        return found

    def _forget(self) -> None:
        self._windows, self._minutes, self._counts, self._lessons = {}, {}, {}, {}

    @property
    def _wide(self) -> Ints:
        """The leading fields as numbers that may be multiplied."""
        if self._wide_sums is None:
            self._wide_sums = self._sums[:, :_SUMMED].astype(np.int64)
        return self._wide_sums

    def first(self, window: Window) -> Ints:
        """The first place in each judged day's window."""
        return first_in_window(window, self.axis, self.ends)

    def noted_in(self, window: Window, measure: Measure) -> Ints:
        """What notices tell of the window: [judged day, pupil]."""
        assert self.noted is not None  # noqa: S101  # set before anything is judged
        return self._add_up(self.noted(measure, self._start), self.first(window))

    def since_first(self, metric: Metric, least: int) -> days.Mask:
        """Whether absence of the metric began in the term ``least`` days before a window's end."""
        low = self.first(_TERM)
        upto = np.searchsorted(self.axis, self.ends - least, "right")
        daily = minutes(self._wide, metric) > 0
        return self._add_up(daily, low, np.maximum(upto, low)) > 0

    def _add_up(self, values: NDArray[Any], first: Ints, after: Ints | None = None) -> Ints:
        """Sums of ``values`` [day, ...] over each judged day's window."""
        low = first - self._start
        high = (self.after if after is None else after) - self._start
        if 0 < len(low) <= 3:
            spans = zip(low.tolist(), high.tolist(), strict=True)
            return np.stack([values[a:b].sum(axis=0) for a, b in spans])
        upto = np.zeros((len(values) + 1, *values.shape[1:]), np.int64)
        np.cumsum(values, axis=0, out=upto[1:])
        return upto[high] - upto[low]

    def window(self, window: Window) -> Ints:
        """The leading fields' sums over the window: [judged day, field, pupil]."""
        found = self._windows.get(window)
        if found is None:
            first = self.first(window)
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

    def count(self, window: Window, counting: Counting) -> Ints:
        """Occasions, days or lessons of the window that count: [judged day, pupil]."""
        key = (window, counting)
        found = self._counts.get(key)
        if found is None:
            self.window(window)
            first = self._windows[window][1]
            found = self._counts[key] = self._count(counting, first)
        return found

    def _count(self, counting: Counting, first: Ints) -> Ints:
        metric = counting.metric
        match counting.measure:
            case Measure.OCCASIONS:
                return self._occasions(metric, first)
            case Measure.LATE_ARRIVALS:
                return self._add_up(self._late(metric), first)
            case _:
                found = self._add_up(days_counted(self._wide, counting), first)
                if counting.measure is Measure.DISPERSED_DAYS:
                    away = away_all_day(self._wide, metric)
                    found -= self._joined(away, away, first)
                return found

    def _occasions(self, metric: Metric, first: Ints) -> Ints:
        place = _PLACE[metric]
        stretches = self._add_up(self._sums[:, days.RUNS + place], first)
        edges = self._sums[:, days.EDGES]
        # A stretch that goes on from the reported day before was counted there already.
        ends, begins = (edges & (16 << place)) != 0, (edges & (1 << place)) != 0
        fewer: Ints = stretches - self._joined(ends, begins, first)
        return fewer

    def _joined(self, ends: days.Mask, begins: days.Mask, first: Ints) -> Ints:
        """How many days of each window go on from a reported day that lies in it too."""
        joined, before = joins(ends, begins, self._sums[:, days.REPORTED] > 0)
        if not joined.any() or not len(first):
            return np.zeros((len(first), joined.shape[1]), np.int64)
        low, high = first - self._start, self.after - self._start
        return np.stack(
            [
                (joined[a:b] & (before[a:b] >= a)).sum(axis=0)
                for a, b in zip(low.tolist(), high.tolist(), strict=True)
            ]
        )

    def _late(self, metric: Metric) -> Ints:
        """Lessons attended in part, day by day: [day, pupil]."""
        parted = days_counted(self._wide, Counting(Measure.PART_DAYS, metric))
        found = np.zeros(parted.shape, np.int64)
        for i in np.nonzero(parted.any(1))[0].tolist():
            bits = self._marks(int(self.axis[self._start + i])).bits[:, self._rows]
            late = ((bits & marks.PART) != 0) & ((bits & marks.OF_METRIC[metric]) != 0)
            found[i] = late.sum(0)
        return found

    def lessons(self, window: Window, who: NDArray[np.intp]) -> Lessons:
        """The lessons of every judged day's window, of the pupils with these places."""
        key = (window, who.tobytes())
        found = self._lessons.get(key)
        if found is None:
            first = int(self.first(window)[0])
            wanted = self.axis[first:].tolist()
            if self.prepare is not None:
                self.prepare(wanted)
            some = [(day, self._marks(day)) for day in wanted]
            found = self._lessons[key] = gather(some, self._rows[who])
        return found

    def window_days(self, window: Window) -> tuple[Ints, Ints]:
        """The first and the last epoch day of each judged day's window."""
        return self.axis[self.first(window)], self.axis[self.at]
