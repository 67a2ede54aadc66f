"""Whether a family's rules fire, for many pupils and days at once.

Everything is counted in whole numbers, so that a value that lies on a threshold
is judged exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.ews.core import calendar, days
from services.ews.core.rule import Measure, Metric, Rule, Span, Window

NOT_JUDGED, CALM, BETWEEN, FIRES = range(4)
"""A rule's verdict on one school day; see :class:`services.ews.core.rule.Rule`."""

METRICS = (Metric.TOTAL, Metric.VALID, Metric.INVALID, Metric.UNEXPLAINED)
_PLACE = {metric: i for i, metric in enumerate(METRICS)}

Ints = NDArray[np.int64]
Codes = NDArray[np.int8]
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


def first_in_window(window: Window, axis: Ints, at: Ints) -> Ints:
    """For each place of the axis of school days: the first place in its window."""
    if window.span is Span.SCHOOL_DAYS:
        return np.maximum(at + 1 - window.length, 0)
    start = calendar.month_start if window.span is Span.CALENDAR_MONTH else calendar.term_start
    return np.searchsorted(axis, [start(day) for day in axis[at].tolist()])


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


def verdicts(rule: Rule, look: Look, run: Ints | None) -> Codes:
    """The rule's verdict for each judged day and pupil; ``run`` is for the rules about runs."""
    if run is not None:
        codes = _codes(run >= rule.least, run < rule.calm_below)
        codes *= look.said
        return _members(rule, look, codes)
    window = look.window(rule.window)
    said = window[:, days.REPORTED]
    if rule.measure is Measure.SHARE:
        value = look.minutes(rule.window, rule.metric)
        top, bottom = rule.threshold_ratio
        scaled, limit = value * (100 * bottom), said * top
        fires = scaled >= limit if rule.inclusive else scaled > limit
        top, bottom = rule.resolve_ratio
        calm = value * (100 * bottom) < said * top
    else:
        if rule.measure is Measure.MINUTES:
            value = look.minutes(rule.window, rule.metric)
        else:
            value = look.count(rule.window, rule.metric, rule.measure)
        fires, calm = value >= rule.least, value < rule.calm_below
    if rule.min_absence_minutes:
        fires &= look.minutes(rule.window, rule.metric) >= rule.min_absence_minutes
    if rule.min_absence_days:
        fires &= look.count(rule.window, rule.metric, Measure.DAYS) >= rule.min_absence_days
    if rule.min_occasions:
        fires &= look.count(rule.window, rule.metric, Measure.OCCASIONS) >= rule.min_occasions
    codes = _codes(fires, calm)
    codes *= look.said
    codes *= said >= max(rule.min_offered_minutes, 1)
    if rule.min_reporting_rate:
        top, bottom = rule.rate_ratio
        unknown = window[:, days.TIMETABLED] == 0
        codes *= unknown | (said * (100 * bottom) >= window[:, days.OFFERED] * top)
    return _members(rule, look, codes)


def _codes(fires: days.Mask, calm: days.Mask) -> Codes:
    """FIRES, CALM or BETWEEN; nothing fires that is below the level at which it would rest."""
    codes: Codes = fires.view(np.int8) - calm.view(np.int8)
    codes += BETWEEN
    return codes


def _members(rule: Rule, look: Look, codes: Codes) -> Codes:
    """Not judged where the pupil has not been a member for long enough."""
    if rule.min_membership_days > 1 and len(look.at) and look.at[0] + 1 < rule.min_membership_days:
        codes[look.at + 1 < rule.min_membership_days] = NOT_JUDGED
    return codes


def earliest_needed(rules: Sequence[Rule], axis: Ints, out: int) -> int:
    """The first place of the axis that judging the days from ``out`` on looks at."""
    if out >= len(axis):
        return out
    at: Ints = np.array([out], np.int64)
    spans = {rule.window for rule in rules if rule.window.span not in (Span.RUN, Span.DAY)}
    return min([out, *(int(first_in_window(one, axis, at)[0]) for one in spans)])
