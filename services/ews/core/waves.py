"""Whether much more valid absence than usual was shared by a class or a unit (design D8).

An influenza or a closed road takes many pupils at once; a pupil who is ill does
not. For a class's day the question is therefore how many of its pupils were
validly absent for at least half of the day, and whether so many would be absent
if each fell ill by itself. There was a *wave* where all of this holds:

- at least five pupils (what fewer share is not told of anybody);
- their share is at least ten percentage points above the usual one (four for
  the whole unit, where chance evens out);
- were the pupils absent independently with the usual share, so many or more
  would be absent on fewer than one day in a thousand: the exact binomial tail.

The *usual* share is the median of the last twenty school days before, so that a
wave of up to nine days does not become usual; it is drawn towards the unit's
where the class has few days, and the unit's towards a general one at the start
of a year. The weights make it the posterior mean under a prior worth that many
days (parametric empirical Bayes: Morris, JASA 78 (1983) 47-55). A median as the
baseline and an exceedance as the alarm is the shape of the outbreak detection of
Farrington et al., JRSS A 159 (1996) 547-563, for counts of this size.

How much of offered time a wave explains is the share of valid absence beyond
its usual share. Whole numbers throughout; shares are thousandths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb

from services.ews.core.unitdays import UNIT, Count, UnitDays

USUAL_DAYS = 20
LEAST_PUPILS = 5
CLASS_EXCESS = 100
UNIT_EXCESS = 40
ONE_DAY_IN = 1_000
GENERAL = 60
"""Usual valid absence where nothing is known: attendance is 88 to 90 % in a large city's
schools (NYC 2009-2017), about half of the rest with a valid reason."""
GENERAL_DAYS = 5
"""How many of a unit's own days :data:`GENERAL` is worth."""
UNIT_DAYS = 10
"""How many of a class's own days its unit's usual is worth."""
LEAST_USUAL = 20


@dataclass(frozen=True, slots=True)
class Found:
    """One class's, or the unit's, day. ``usual`` and ``share`` are of pupils, in thousandths."""

    pupils: int
    absent: int
    usual: int
    wave: bool
    explained: int

    @property
    def share(self) -> int:
        return 1000 * self.absent // self.pupils if self.pupils else 0


def waves(unit: UnitDays, day: int) -> dict[bytes, Found]:
    """What is found of a unit's day, by class and under :data:`UNIT`; in the order of the names."""
    counts = unit.counts(day)
    before = [unit.counts(at) for at in unit.usual_days(day, USUAL_DAYS)]
    whole = counts.get(UNIT)
    if whole is None:
        return {}
    people = [_people(one[UNIT]) for one in before]
    minutes = [_minutes(one[UNIT]) for one in before]
    usual = shrunk(people, GENERAL, GENERAL_DAYS)
    usual_minutes = shrunk(minutes, GENERAL, GENERAL_DAYS)
    found = {UNIT: _judge(whole, usual, usual_minutes, UNIT_EXCESS)}
    for class_id in sorted(counts.keys() - {UNIT}):
        own = [one[class_id] for one in before if class_id in one and one[class_id].reported]
        found[class_id] = _judge(
            counts[class_id],
            shrunk([_people(one) for one in own], usual, UNIT_DAYS),
            shrunk([_minutes(one) for one in own], usual_minutes, UNIT_DAYS),
            CLASS_EXCESS,
        )
    return found


def explained(found: dict[bytes, Found]) -> dict[bytes, int]:
    """What a Wave says: thousandths of offered time by class, and for the unit's other classes.

    In a unit with a wave, a class with no more absence than usual has none.
    """
    told = {name: one.explained for name, one in found.items() if one.wave}
    if UNIT in told:
        for name, one in found.items():
            if name not in told and one.share <= one.usual:
                told[name] = 0
    return dict(sorted(told.items()))


def is_the_units(found: Mapping[bytes, Found]) -> bool:
    """Whether a day's wave is the whole unit's, to be told as one.

    Where a single class has one and the others together do not, it is that
    class's, though it may be enough to lift a small school.
    """
    whole = found.get(UNIT)
    if whole is None or not whole.wave:
        return False
    having = [one for name, one in found.items() if one.wave and name != UNIT]
    if len(having) != 1:
        return True
    (only,) = having
    pupils, absent = whole.pupils - only.pupils, whole.absent - only.absent
    return _is_wave(pupils, absent, whole.usual, UNIT_EXCESS)


def shrunk(days: Sequence[int], prior: int, weight: int) -> int:
    """The median of ``days``, drawn towards ``prior`` as if that were ``weight`` more days."""
    if not days:
        return prior
    median = sorted(days)[len(days) // 2]
    return (len(days) * median + weight * prior) // (len(days) + weight)


def _people(count: Count) -> int:
    told_of = count.told_of
    return 1000 * count.mostly_valid // told_of if told_of else 0


def _minutes(count: Count) -> int:
    return 1000 * count.valid // count.reported if count.reported else 0


def _judge(count: Count, usual: int, usual_minutes: int, excess: int) -> Found:
    pupils, absent = count.told_of, count.mostly_valid
    usual = max(usual, LEAST_USUAL)
    wave = _is_wave(pupils, absent, usual, excess)
    # Where there was a wave it explains something, however little of the time it took.
    beyond = max(_minutes(count) - usual_minutes, 1) if wave else 0
    return Found(pupils, absent, usual, wave, beyond)


def _is_wave(pupils: int, absent: int, usual: int, excess: int) -> bool:
    return (
        absent >= LEAST_PUPILS
        and 1000 * absent >= (usual + excess) * pupils
        and is_rare(absent, pupils, usual)
    )


def is_rare(absent: int, pupils: int, usual: int) -> bool:
    """Whether P(X >= absent) < 1 / :data:`ONE_DAY_IN` for X ~ Bin(pupils, usual / 1000)."""
    pupils = max(pupils, absent)
    if usual >= 1000:
        return False
    # Terms of the binomial sum times 1000 ** pupils, each exact from the one before.
    term = comb(pupils, absent) * usual**absent * (1000 - usual) ** (pupils - absent)
    tail, limit = 0, 1000**pupils
    for x in range(absent, pupils + 1):
        tail += term
        if tail * ONE_DAY_IN >= limit:
            return False
        term = term * (pupils - x) * usual // ((x + 1) * (1000 - usual))
        if not term:
            break
    return True
