"""One school year through every way of warning; and the same pupils without noise or waves."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import numpy as np

from bench.eval import engine
from bench.eval.curves import Curves, Spells, follow
from bench.eval.feed import Feed, Simulated
from bench.eval.foreign import FactsError, Foreign
from bench.eval.rules import rules
from bench.eval.score import Spell
from bench.eval.truth import PupilTerm, PupilYear, read, terms, year_of
from bench.simulator.config import SimulatorConfig
from bench.simulator.files import truth_line
from bench.simulator.rates import Rates, without_noise, without_waves
from bench.simulator.stream import Simulation
from services.ews.core.profile import parse_profile

CASE_FAMILIES = ("strofranvaro", "langvarig", "eskalering")
"""The families that open a case; ogiltig_idag is the day's notice, no early warning."""
LAST_DATE = date(2027, 6, 30)
WAVE_BEFORE, WAVE_AFTER, WAVE_LATER = 5, 10, 20
"""School days before and after a wave's middle: in the first two everybody whom it takes is
ill; until the last a share that it drove up may still cross a threshold."""


@dataclass(slots=True)
class Warned:
    """What the engine told: spells, and the days of changes of the families that open a case."""

    spells: Spells
    changes: dict[str, list[date]]
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many changes there were, by family and what came to be."""
    refused: int = 0


@dataclass(slots=True)
class Year:
    """The truth of one school year, and what each way of warning told."""

    name: str
    terms: list[PupilTerm]
    told: Warned
    others: dict[str, Spells]
    curves: Curves
    seconds: float
    notes: list[str] = field(default_factory=list)
    """What somebody who brought the data must know."""


@dataclass(frozen=True, slots=True)
class Wave:
    """An influenza wave at one unit, and who is there."""

    first: date
    last: date
    """The days on which it has pupils at home."""
    later: date
    """Until then it may still cause warnings."""
    pupils: frozenset[str]


@dataclass(slots=True)
class Calm:
    """The same pupils in a year without waves, as far as the waves of the other one reach."""

    waves: list[Wave]
    told: Warned
    seconds: float


def simulation_of(seed: int, pupils: int, rates: Rates | None = None) -> Simulation:
    """A whole school year."""
    config = SimulatorConfig(seed=seed, pupils=pupils, today=LAST_DATE)
    return Simulation.of(config if rates is None else replace(config, rates=rates))


def noisy(seed: int, pupils: int, profile: bytes) -> Year:
    """The year as it is told: unreported, late, corrected, excused afterwards."""
    began = time.monotonic()
    simulation = simulation_of(seed, pupils)
    feed = Simulated(simulation)
    return _year(str(seed), feed, truth_of(simulation), profile, began)


def noiseless(seed: int, pupils: int, profile: bytes) -> tuple[Warned, float]:
    """The same pupils, told at once and rightly; only the engine."""
    began = time.monotonic()
    simulation = simulation_of(seed, pupils, without_noise(Rates()))
    return _warned(Simulated(simulation), profile), time.monotonic() - began


def calm(seed: int, pupils: int, profile: bytes) -> Calm:
    """The pupils of the units that a wave passes, without it; only the engine.

    The year is judged until the last wave can have no more effect.
    """
    began = time.monotonic()
    simulation = simulation_of(seed, pupils, without_waves(Rates()))
    world = simulation.world
    waves: list[Wave] = []
    concerned: set[int] = set()
    unit_of = np.array([one.unit for one in world.classes])
    for unit, middles in simulation.truth.waves.items():
        at_unit = (world.class_of >= 0) & (unit_of[world.class_of] == unit)
        for middle in middles:
            here = np.flatnonzero(at_unit[:, middle]).tolist()
            first = world.days[max(0, middle - WAVE_BEFORE)]
            last, later = (
                world.days[min(len(world.days) - 1, middle + after)]
                for after in (WAVE_AFTER, WAVE_LATER)
            )
            waves.append(Wave(first, last, later, frozenset(world.pupils[one].id for one in here)))
            # Whoever is ever there counts in the sums by which waves are recognised.
            concerned |= set(np.flatnonzero(at_unit.any(axis=1)).tolist())
    last = max((wave.later for wave in waves), default=world.days[0])
    feed = Simulated(simulation, last=last, only=sorted(concerned))
    return Calm(waves, _warned(feed, profile), time.monotonic() - began)


def foreign(folder: Path, scratch: Path, profile: bytes) -> Year:
    """Data that others brought. Raises FactsError or TruthError where it cannot be used."""
    began = time.monotonic()
    years = list(read(folder))
    feed = Foreign(folder, scratch)
    names = set(feed.pupils.values())
    both = [year for year in years if year.pupil in names]
    if not both:
        raise FactsError(
            f"{folder}: no pupil of truth.jsonl is in facts.jsonl; the field pupil must be the "
            f"same in both (for instance {years[0].pupil if years else 'none'!r} "
            f"and {min(names)!r})"
        )
    year = _year(folder.name, feed, years, profile, began)
    unnamed = feed.bad_lines - len(feed.bad)
    sizes = (
        f"{feed.lines} lines, {feed.bad_lines} bad; {len(years)} pupils in truth.jsonl, "
        f"{len(names)} in facts.jsonl, {len(both)} in both"
    )
    more = [f"... and {unnamed} more bad lines"] if unnamed else []
    year.notes = [sizes, *feed.bad, *more, *_kinds(years)]
    return year


def _kinds(years: Sequence[PupilYear]) -> list[str]:
    """Which kinds were taken for patterns."""
    found: dict[str, list[int]] = {}
    for year in years:
        counts = found.setdefault(year.kind, [0, 0])
        counts[0] += 1
        counts[1] += year.patterned
    return [
        f"kind {kind}: {pupils} pupils, {patterned} of them with a pattern"
        for kind, (pupils, patterned) in sorted(found.items())
    ]


def _year(name: str, feed: Feed, years: Sequence[PupilYear], profile: bytes, began: float) -> Year:
    told = _warned(feed, profile)
    known = [term for year in years for term in terms(year)]
    followed = follow(
        feed, rules(parse_profile(profile)), known, {year.pupil: year.unit for year in years}
    )
    return Year(name, known, told, followed.spells, followed.curves, time.monotonic() - began)


def _warned(feed: Feed, profile: bytes) -> Warned:
    told = engine.warn(feed, profile)
    changes = {
        pupil: [day for family, day, _ in some if family in CASE_FAMILIES]
        for pupil, some in told.changes.items()
    }
    kinds = Counter(
        (family, kind)
        for some in told.changes.values()
        for family, _, kind in some
        if family in CASE_FAMILIES
    )
    return Warned(dict(told.spells), changes, kinds, told.refused)


def truth_of(simulation: Simulation) -> list[PupilYear]:
    """What truth.jsonl would say."""
    world = simulation.world
    held = np.ones(simulation.truth.offered.shape, dtype=np.bool_)
    for unit in world.units:
        for day in range(len(world.days)):
            for lesson, pupils in simulation.reporter.cancelled(unit.index, day):
                held[pupils, day, lesson.slot] = False
    lines = (
        truth_line(simulation, pupil, world.days[0], world.days[-1], held)
        for pupil in range(len(world.pupils))
    )
    return [year_of(line) for line in lines if line is not None]


def wave_extra(
    waves: Sequence[Wave], passed: Spells, without: Spells, *, later: bool = False
) -> tuple[int, int, int]:
    """Extra pupils warned on account of waves; those no longer warned; all at the units.

    The counterfactual is the same year without its waves, every other absence the same:
    a week before the wave would be no measure, since absence has its own seasons. A pupil
    counts once for each wave of the unit that they are at: warned where a family that
    opens a case raised on a day of the wave, that is from five school days before its
    middle to ten after, or with ``later`` to twenty after. Extra is who was so in the
    year with the wave and not in the one without.
    """
    extra = fewer = everybody = 0
    for wave in waves:
        last = wave.later if later else wave.last
        with_it, without_it = (
            {pupil for pupil in wave.pupils if _raised(some.get(pupil, ()), wave.first, last)}
            for some in (passed, without)
        )
        extra += len(with_it - without_it)
        fewer += len(without_it - with_it)
        everybody += len(wave.pupils)
    return extra, fewer, everybody


def _raised(spells: Sequence[Spell], first: date, last: date) -> bool:
    return any(one.family in CASE_FAMILIES and first <= one.raised <= last for one in spells)


def noise_cost(clean: Mapping[str, float], noise: Mapping[str, float]) -> dict[str, float]:
    """Relative loss in per cent of recall, lead and false alarms; below 0 is a gain."""
    return {
        "recall": _loss(clean["share_recall"] - noise["share_recall"], clean["share_recall"]),
        "lead": _loss(
            clean["share_lead_days"] - noise["share_lead_days"], clean["share_lead_days"]
        ),
        "false_alarms": _loss(
            noise["share_false_alarms"] - clean["share_false_alarms"], clean["share_false_alarms"]
        ),
    }


def _loss(by: float, of: float) -> float:
    if by == 0:
        return 0.0
    return 100 * by / of if of > 0 else float("nan")
