"""Rules that are one number and one threshold: what others do, and the profile's own ones bare.

Each is looked at in the evening on what the registers had said by then
(:mod:`bench.eval.registers`), once for all thresholds: the sums are made once and
compared with each (:mod:`bench.eval.curves`). A rule holds as long as its number is at
or over the threshold at each look; there is no hysteresis, quiet time or guard.

What others do, at their own threshold:

- ``weekly_10_percent``: every Friday a mail about everybody who missed 10 % of the
  last 14 days (the setting that Skola24's systems come with).
- ``seven_days``: wholly away on seven school days in a row.
- ``term_15_percent``: 15 % of the term so far, looked at when the month is over
  (Skolverket's survey of 2019).
- ``decayed_25`` and ``decayed_40``: the share of time missed, each school day weighing
  half as much as the one 25 or 40 school days later, shrunk to the school's mean.

Beside them the rules of the profile that is judged, as far as they are a sum of days: a
share (with its prior), minutes or days with absence within a window, and the spread that
the rule asks for (``min_absence_days``). A run of days is ``seven_days``. The others
(occasions, patterns, changes) need each lesson and have no curve; nor have rules that
are bound to dates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.eval.registers import Registers
from forvarning.warnings.v1.warnings_pb2 import FAMILY_UNEXCUSED_TODAY
from services.common.clock import epoch_day
from services.ews.core.calendar import term_start
from services.ews.core.rule import Measure, Metric, Profile, Span
from services.ews.core.rule import Rule as CoreRule

Values = NDArray[np.float64]
Kind = Literal["share", "pattern", "run"]
"""What a rule is mostly for; chooses the plot."""
FINE = tuple(round(0.01 * percent, 3) for percent in (4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 20))
_TIMES = (0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3)
_SUMMED = (Measure.SHARE, Measure.MINUTES, Measure.DAYS)
_SPANS = (Span.SCHOOL_DAYS, Span.TERM, Span.SCHOOL_YEAR)
_METRICS = (Metric.TOTAL, Metric.INVALID, Metric.VALID)
SHRINK_DAYS = 20.0
"""School days that the school's mean counts for in a decayed share."""
DECAYED_AT = 0.14
"""A decayed share from here on is a warning. This and the strength above are nowhere given;
they were chosen on a tuning seed so that the rules' false alarms lie near published ones."""


@dataclass(frozen=True, slots=True)
class Evening:
    """What a rule may look at: ``upto`` school days have begun, the term's first is ``term``."""

    registers: Registers
    days: Sequence[date]
    today: date
    upto: int
    term: int
    school: NDArray[np.int64]
    """Each pupil's school, as a number from 0."""

    @property
    def school_day(self) -> bool:
        """Whether some unit has had lessons today."""
        return self.upto > 0 and self.days[self.upto - 1] == self.today


@dataclass(frozen=True, slots=True)
class Rule:
    """``value`` gives each pupil's number, or None where the rule is not looked at tonight."""

    name: str
    kind: Kind
    value: Callable[[Evening], Values | None]
    thresholds: tuple[float, ...]
    own: float | None = None
    """The threshold that others use; it is one of ``thresholds``. None for the profile's rules."""


def rules(profile: Profile) -> list[Rule]:
    """What others do, and the profile's own."""
    shares = tuple(round(0.01 * percent, 3) for percent in range(4, 31, 2))
    return [
        *of_profile(profile),
        Rule("seven_days", "run", _run, (2, 3, 4, 5, 6, 7, 8, 10, 15, 20), 7),
        Rule("weekly_10_percent", "share", _weekly, shares, 0.10),
        Rule("term_15_percent", "share", _month_end, tuple(sorted({*shares, 0.15})), 0.15),
        Rule("decayed_25", "share", lambda one: _decayed(one, 25), FINE, DECAYED_AT),
        Rule("decayed_40", "share", lambda one: _decayed(one, 40), FINE, DECAYED_AT),
    ]


def of_profile(profile: Profile) -> list[Rule]:
    """The profile's rules that are a sum of days; of several that differ in threshold the first."""
    found: dict[object, Rule] = {}
    for family in profile.families:
        if family == FAMILY_UNEXCUSED_TODAY:
            continue
        for rule in profile.rules(family):
            if _is_summed(rule):
                same = (rule.metric, rule.measure, rule.window, rule.prior_minutes)
                found.setdefault((*same, rule.min_absence_days), _bare(rule))
    return list(found.values())


def _is_summed(rule: CoreRule) -> bool:
    return (
        rule.measure in _SUMMED
        and rule.window.span in _SPANS
        and rule.metric in _METRICS
        and rule.judged is None
        and not rule.day_share
    )


def _bare(rule: CoreRule) -> Rule:
    own = float(rule.threshold)
    if rule.measure is Measure.SHARE:
        thresholds = {*FINE, round(own / 100, 4)}
        return Rule(rule.rule_id, "share", partial(_summed, rule), tuple(sorted(thresholds)))
    thresholds = {round(own * times, 2) for times in _TIMES}
    return Rule(rule.rule_id, "pattern", partial(_summed, rule), tuple(sorted(thresholds)))


def _summed(rule: CoreRule, evening: Evening) -> Values | None:
    """The rule's number, with its prior and the spread that it asks for."""
    if not evening.school_day:
        return None
    window = rule.window
    first = evening.term if window.span is Span.TERM or window.within_term else 0
    if window.span is Span.SCHOOL_DAYS:
        first = max(first, evening.upto - window.length)
    # The longest window: the school year, which is all that the feed holds.
    registers = evening.registers
    part = slice(first, evening.upto)
    absent, invalid = registers.absent[:, part], registers.invalid[:, part]
    away = {Metric.TOTAL: absent, Metric.INVALID: invalid}.get(rule.metric, absent - invalid)
    if rule.measure is Measure.DAYS:
        days: Values = (away > 0).sum(axis=1).astype(np.float64)
        return days
    value: Values = away.sum(axis=1).astype(np.float64)
    if rule.measure is Measure.SHARE:
        said = registers.reported[:, part].sum(axis=1) + rule.prior_minutes
        value = (value + rule.prior_absent) / np.maximum(said, 1)
    if rule.min_absence_days:
        value = np.where((away > 0).sum(axis=1) >= rule.min_absence_days, value, 0.0)
    return value


def _share(evening: Evening, first: int) -> Values:
    said = evening.registers.reported[:, first : evening.upto].sum(axis=1)
    away = evening.registers.absent[:, first : evening.upto].sum(axis=1)
    share: Values = np.divide(away, said, out=np.zeros(len(said)), where=said > 0)
    return share


def _run(evening: Evening) -> Values | None:
    """Wholly absent days in a row; a day with nothing reported neither counts nor breaks."""
    if not evening.school_day:
        return None
    said = evening.registers.reported[:, : evening.upto]
    whole = (said > 0) & (evening.registers.absent[:, : evening.upto] >= said)
    so_far = np.cumsum(whole, axis=1)
    broken = np.maximum.accumulate(np.where((said > 0) & ~whole, so_far, 0), axis=1)
    value: Values = (so_far[:, -1] - broken[:, -1]).astype(np.float64)
    return value


def _weekly(evening: Evening) -> Values | None:
    if evening.today.weekday() != 4:
        return None
    before = evening.today - timedelta(days=14)
    return _share(evening, sum(1 for day in evening.days if day <= before))


def _month_end(evening: Evening) -> Values | None:
    if (evening.today + timedelta(days=1)).day != 1:
        return None
    return _share(evening, evening.term)


def _decayed(evening: Evening, life: int) -> Values | None:
    if not evening.school_day:
        return None
    reported = evening.registers.reported[:, : evening.upto]
    weights = 0.5 ** (np.arange(evening.upto - 1, -1, -1) / life)
    said = reported @ weights
    away = evening.registers.absent[:, : evening.upto] @ weights
    schools = int(evening.school.max(initial=0)) + 1
    by_school = [np.bincount(evening.school, one, schools) for one in (away, said)]
    mean = (by_school[0] / np.maximum(by_school[1], 1.0))[evening.school]
    typical = said.sum() / max(weights.sum() * max(int((said > 0).sum()), 1), 1.0)
    extra = SHRINK_DAYS * typical
    value: Values = (away + mean * extra) / np.maximum(said + extra, 1.0)
    return value


def term_column(days: Sequence[date], today: date) -> int:
    """Place of the first school day of the term that ``today`` lies in."""
    begins = term_start(epoch_day(today))
    return sum(1 for day in days if epoch_day(day) < begins)
