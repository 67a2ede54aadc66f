"""What really happened: every pupil's absence from every lesson, and its cause."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from bench.simulator.rates import ILLNESS_BEGINS, ILLNESS_BY_MONTH, WEEKDAY_ABSENCE
from bench.simulator.seeds import rng
from bench.simulator.trajectories import (
    RISING,
    UNAUTHORISED,
    Course,
    Floats,
    Trajectory,
    course,
    lesson_weights,
)
from bench.simulator.world import MAX_SLOTS, Pupil, World

Minutes = npt.NDArray[np.uint8]


class Cause(IntEnum):
    """Why a pupil missed a lesson or part of it."""

    PRESENT = 0
    ILL = 1
    LEAVE = 2
    REFUSAL = 3
    """Stays at home, and the home reports it as illness."""
    SKIP = 4
    RUN = 5
    """Wholly away without reason."""
    LATE = 6
    OTHER = 7
    """Was elsewhere for the school; counts as present (SS 12000 otherAttendance)."""


@dataclass(frozen=True, slots=True)
class Spell:
    """Days (indices, both included) that one explanation covers."""

    pupil: int
    first: int
    last: int
    cause: Cause


@dataclass(slots=True)
class Truth:
    """The whole year. Arrays are [pupil, day, slot]."""

    offered: npt.NDArray[np.int16]
    absent: Minutes
    """Minutes away; for ``Cause.OTHER`` the minutes spent elsewhere."""
    cause: Minutes
    courses: list[Course]
    spells: list[Spell]
    home_sitters: set[int]
    waves: dict[int, list[int]]
    """unit -> middle day of each influenza wave."""


def offered_minutes(world: World) -> npt.NDArray[np.int16]:
    """[pupil, day, slot]: minutes of the timetable's lessons that each pupil is enrolled for.

    Cancelled lessons are still in it; they are a matter of reporting.
    """
    weekday = np.array([day.weekday() for day in world.days])
    units = np.array([school_class.unit for school_class in world.classes])
    lengths: npt.NDArray[np.int16] = world.slot_length[world.class_of, weekday[None, :]]
    days = np.arange(len(world.days))[None, :]
    away = (world.class_of < 0) | ~world.open_days[units[world.class_of], days]
    lengths[away] = 0
    return lengths


def _subject_grid(world: World) -> npt.NDArray[np.int16]:
    """[class, weekday, slot] -> subject number; shared language lessons count as one subject."""
    numbers: dict[str, int] = {}
    grid = np.full((len(world.classes), 5, MAX_SLOTS), -1, dtype=np.int16)
    index = {school_class.id: school_class.index for school_class in world.classes}
    for lesson in world.lessons:
        number = numbers.setdefault(lesson.subject, len(numbers))
        if lesson.group in index:
            grid[index[lesson.group], lesson.weekday, lesson.slot] = number
    return grid


def _waves(world: World) -> dict[int, list[int]]:
    """One wave a term and unit at most, spread over weeks 46–50 and 4–10; at least one a term."""
    generator = rng(world.config.seed, "waves")
    rates = world.config.rates
    found: dict[int, list[int]] = {unit.index: [] for unit in world.units}
    for weeks, share in ((range(46, 51), rates.wave_autumn), (range(4, 11), rates.wave_spring)):
        possible = [i for i, day in enumerate(world.days) if day.isocalendar().week in weeks]
        count = max(1, round(share * len(world.units)))
        for place, unit in enumerate(generator.permutation(len(world.units))[:count].tolist()):
            when = (place + float(generator.random())) / count
            found[unit].append(possible[int(when * len(possible))])
    return found


class _Year:
    """Day-wise factors shared by all pupils."""

    def __init__(self, world: World) -> None:
        self.weekday = np.array([day.weekday() for day in world.days])
        weekdays = np.array(WEEKDAY_ABSENCE)[self.weekday]
        self.day_factor: Floats = weekdays / np.mean(WEEKDAY_ABSENCE)
        months = np.array([ILLNESS_BY_MONTH[day.month] for day in world.days])
        self.starts = months * np.array(ILLNESS_BEGINS)[self.weekday]


class _PupilYear:
    """One pupil's arrays while they are filled; a lesson keeps its first cause."""

    def __init__(self, world: World, pupil: Pupil, offered: npt.NDArray[np.int16]) -> None:
        self.pupil = pupil
        self.world = world
        self.rng = rng(world.config.seed, "attendance", pupil.index)
        self.offered = offered
        self.absent = np.zeros(self.offered.shape, dtype=np.uint8)
        self.cause = np.zeros(self.offered.shape, dtype=np.uint8)
        self.spells: list[Spell] = []
        self.days = self.offered.shape[0]

    def mark(self, where: npt.NDArray[np.bool_], cause: Cause) -> npt.NDArray[np.bool_]:
        """Whole lessons missed at ``where`` [day, slot]; returns where nothing else took them."""
        free: npt.NDArray[np.bool_] = where & (self.cause == Cause.PRESENT) & (self.offered > 0)
        self.absent[free] = self.offered[free]
        self.cause[free] = cause
        return free

    def spell(self, first: int, length: int, cause: Cause, from_slot: int = 0) -> None:
        """Whole days away; the first perhaps only from ``from_slot`` on."""
        last = min(self.days - 1, first + length - 1)
        span = slice(first, last + 1)
        free = (self.cause[span] == 0) & (self.offered[span] > 0)
        free[0, :from_slot] = False
        self.absent[span][free] = self.offered[span][free]
        self.cause[span][free] = cause
        taken = free.any(axis=1).tolist()
        begun: int | None = None
        for day in range(first, last + 1):
            if taken[day - first]:
                begun = day if begun is None else begun
                end = day
            elif begun is not None and self.offered[day].any():
                # Another absence lies in between, with an explanation of its own.
                self.spells.append(Spell(self.pupil.index, begun, end, cause))
                begun = None
        if begun is not None:
            self.spells.append(Spell(self.pupil.index, begun, end, cause))


def _long_absences(year: _PupilYear, world: World) -> bool:
    """Runs of a month and more; True where the pupil becomes one who stays at home."""
    rates, generator = world.config.rates, year.rng
    stage = world.classes[year.pupil.stays[0].school_class].stage
    # Nobody younger than ten; so the share among all is spread over the rest.
    sitter = generator.random() < rates.home_sitter_share * 1.5 and stage != "lower"
    ill = generator.random() < rates.long_illness_share
    onset, length = (
        int(generator.integers(5, int(year.days * 0.75))),
        int(generator.integers(22, 80)),
    )
    if sitter:
        year.spell(onset, length, Cause.RUN)
        # It seldom comes from nowhere: lessons missed here and there in the weeks before.
        before = np.zeros(year.offered.shape, dtype=np.bool_)
        start = max(0, onset - 25)
        before[start:onset] = generator.random((onset - start, MAX_SLOTS)) < 0.18
        year.mark(before, Cause.SKIP)
    elif ill:
        year.spell(onset, length, Cause.ILL)
    return bool(sitter)


def _leave(year: _PupilYear, world: World) -> None:
    generator = year.rng
    if generator.random() >= world.config.rates.leave_share:
        return
    length = int(generator.choice((1, 2, 3, 5, 8), p=(0.4, 0.25, 0.15, 0.15, 0.05)))
    year.spell(int(generator.integers(8, year.days - 10)), length, Cause.LEAVE)


def _wave(year: _PupilYear, world: World, waves: dict[int, list[int]]) -> None:
    generator = year.rng
    unit = world.classes[year.pupil.stays[0].school_class].unit
    for middle in waves[unit]:
        taken = generator.random() < world.config.rates.wave_attack
        start = round(middle + float(generator.normal(0.0, 2.2)))
        length = int(generator.integers(2, 6))
        if taken and 0 <= start < year.days:
            year.spell(start, length, Cause.ILL)


def _illness(year: _PupilYear, world: World, shared: _Year, plan: Course) -> None:
    rates, generator = world.config.rates, year.rng
    stage = rates.stages[world.classes[year.pupil.stays[0].school_class].stage]
    spells = stage.illness_spells * float(
        generator.gamma(rates.illness_shape) / rates.illness_shape
    )
    days = rates.illness_days
    if plan.trajectory is Trajectory.MODERATE_AUTHORISED:
        spells = float(generator.uniform(9.0, 16.0))
        days = 2.3
    elif plan.trajectory in RISING:
        spells *= 1.4
    hazard = shared.starts * spells / year.days
    for first in np.flatnonzero(generator.random(year.days) < hazard):
        length = int(generator.geometric(1 / days))
        lessons = int((year.offered[first] > 0).sum())
        fell_ill_at_school = generator.random() < 0.15 and lessons > 2
        slot = int(generator.integers(1, lessons)) if fell_ill_at_school else 0
        year.spell(int(first), length, Cause.ILL, slot)


def _refusal(year: _PupilYear, shared: _Year, plan: Course) -> None:
    """Whole days at home that the guardian reports; a day away makes the next likelier."""
    chance = plan.intensity(year.days) * shared.day_factor
    draws: Floats = year.rng.random((year.days,))
    where = np.zeros(year.offered.shape, dtype=np.bool_)
    away = False
    for day in range(year.days):
        odds = min(0.95, chance[day] * 1.35) if away else chance[day] * 0.85
        away = bool(draws[day] < odds) and plan.onset >= 0 and day >= plan.onset
        if away:
            where[day] = True
    for day in np.flatnonzero(year.mark(where, Cause.REFUSAL).any(axis=1)).tolist():
        year.spells.append(Spell(year.pupil.index, day, day, Cause.REFUSAL))


def _skipping(
    year: _PupilYear, shared: _Year, plan: Course, subjects: npt.NDArray[np.int16]
) -> None:
    own = int(year.world.class_of[year.pupil.index].max(initial=0))
    weights = lesson_weights(plan, year.world.slot_length[own], subjects[own])
    chance = plan.intensity(year.days)[:, None] * weights[shared.weekday]
    draws = year.rng.random(chance.shape)
    where = draws < np.minimum(chance * 0.8, 0.95)
    # One in four goes home after it; the rest come back to the next lesson.
    leaves = where & (year.rng.random(chance.shape) < 0.25)
    where |= np.logical_or.accumulate(leaves, axis=1)
    year.mark(where, Cause.SKIP)


def _small_things(year: _PupilYear, world: World, plan: Course) -> None:
    rates, generator = world.config.rates, year.rng
    chance = np.full(year.offered.shape, rates.late_per_lesson * 0.75)
    chance[:, 0] = rates.late_per_lesson * 2.5
    if plan.trajectory in UNAUTHORISED:
        chance *= 3
    minutes = generator.integers(3, 16, year.offered.shape)
    late = (generator.random(year.offered.shape) < chance) & (year.offered > 20)
    late &= year.cause == Cause.PRESENT
    year.absent[late] = minutes[late]
    year.cause[late] = Cause.LATE
    elsewhere = np.flatnonzero(generator.random(year.days) < rates.other_per_day)
    for day in elsewhere:
        slot = int(generator.integers(MAX_SLOTS))
        where = np.zeros(year.offered.shape, dtype=np.bool_)
        where[day, slot : slot + 2] = True
        year.mark(where, Cause.OTHER)


def simulate(world: World) -> Truth:
    """The true attendance of every pupil in the whole school year."""
    offered = offered_minutes(world)
    truth = Truth(
        offered=offered,
        absent=np.zeros(offered.shape, dtype=np.uint8),
        cause=np.zeros(offered.shape, dtype=np.uint8),
        courses=[],
        spells=[],
        home_sitters=set(),
        waves=_waves(world),
    )
    shared = _Year(world)
    subjects = _subject_grid(world)
    for pupil in world.pupils:
        year = _PupilYear(world, pupil, offered[pupil.index])
        stage = world.config.rates.stages[world.classes[pupil.stays[0].school_class].stage]
        plan = course(year.rng, stage, pupil.female, year.days)
        if _long_absences(year, world):
            truth.home_sitters.add(pupil.index)
        _leave(year, world)
        _wave(year, world, truth.waves)
        _illness(year, world, shared, plan)
        if plan.trajectory is Trajectory.STRONG_RISING_AUTHORISED:
            _refusal(year, shared, plan)
        elif plan.trajectory in UNAUTHORISED:
            _skipping(year, shared, plan, subjects)
        _small_things(year, world, plan)
        truth.absent[pupil.index] = year.absent
        truth.cause[pupil.index] = year.cause
        truth.courses.append(plan)
        truth.spells += year.spells
    return truth
