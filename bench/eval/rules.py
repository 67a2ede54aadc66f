"""Rules that are one number and one threshold: what others do, and the engine's own measures bare.

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

The engine's measures:

- ``term_share``: the share of the term so far, with a prior (see
  ``services.ews.core.rule.Rule``), every evening.
- ``invalid_minutes``: invalid minutes of the last ten school days, where they fell on
  three days at least.

The engine's third, the run of days, is ``seven_days``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from bench.eval.registers import Registers
from services.common.clock import epoch_day
from services.ews.core.calendar import term_start

Values = NDArray[np.float64]
SHRINK_DAYS = 10.0
"""School days that the school's mean counts for in a decayed share."""
PRIOR_SHARE, PRIOR_MINUTES = 0.06, 13_200
"""Of the term share: 6 % of about forty school days of five and a half hours."""
INVALID_DAYS, INVALID_ON = 10, 3


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
    title: str
    value: Callable[[Evening], Values | None]
    thresholds: tuple[float, ...]
    own: float | None = None
    """The threshold that others use; it is one of ``thresholds``."""


def rules() -> list[Rule]:
    """All of them."""
    shares = tuple(round(0.01 * percent, 3) for percent in range(4, 31, 2))
    fine = tuple(
        round(0.01 * percent, 3) for percent in (4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 20)
    )
    return [
        Rule("term_share", "term so far, with a prior", _term_share, fine),
        Rule("invalid_minutes", "invalid minutes", _invalid, (30, 60, 90, 120, 180, 240, 360, 480)),
        Rule("seven_days", "school days in a row", _run, (2, 3, 4, 5, 6, 7, 8, 10, 15, 20), 7),
        Rule("weekly_10_percent", "weekly, last 14 days", _weekly, shares, 0.10),
        Rule(
            "term_15_percent",
            "term so far, at month end",
            _month_end,
            tuple(sorted({*shares, 0.15})),
            0.15,
        ),
        Rule("decayed_25", "decayed, 25 days", lambda one: _decayed(one, 25), fine, 0.12),
        Rule("decayed_40", "decayed, 40 days", lambda one: _decayed(one, 40), fine, 0.12),
    ]


def _share(evening: Evening, first: int) -> Values:
    said = evening.registers.reported[:, first : evening.upto].sum(axis=1)
    away = evening.registers.absent[:, first : evening.upto].sum(axis=1)
    share: Values = np.divide(away, said, out=np.zeros(len(said)), where=said > 0)
    return share


def _term_share(evening: Evening) -> Values | None:
    if not evening.school_day:
        return None
    said = evening.registers.reported[:, evening.term : evening.upto].sum(axis=1)
    away = evening.registers.absent[:, evening.term : evening.upto].sum(axis=1)
    value: Values = (away + PRIOR_SHARE * PRIOR_MINUTES) / (said + PRIOR_MINUTES)
    return value


def _invalid(evening: Evening) -> Values | None:
    if not evening.school_day:
        return None
    last = evening.registers.invalid[:, max(0, evening.upto - INVALID_DAYS) : evening.upto]
    spread = (last > 0).sum(axis=1) >= INVALID_ON
    value: Values = np.where(spread, last.sum(axis=1), 0).astype(np.float64)
    return value


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
