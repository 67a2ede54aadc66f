"""Builds the municipality: units and classes, timetable, people."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from bench.simulator import calendar, people, timetable
from bench.simulator.config import SimulatorConfig
from bench.simulator.seeds import rng
from bench.simulator.world import (
    MAX_SLOTS,
    Lesson,
    Pupil,
    SchoolClass,
    Unit,
    World,
)

_CLASS_SIZE = 25
_TREES = (
    "Björk", "Gran", "Ek", "Asp", "Rönn", "Lind", "Hassel", "Alm", "Tall", "Ask", "Al", "Sälg",
    "En", "Bok", "Lönn", "Hägg", "Oxel", "Avenbok", "Lärk", "Syren",
)  # fmt: skip
_AREAS = (("norr", "Område Norr"), ("soder", "Område Söder"), ("ost", "Område Öst"),
          ("vast", "Område Väst"))  # fmt: skip
# Compulsory school takes three quarters of the pupils; older years fill up first, so
# that the smallest municipality has them.
_GRADES = (7, 8, 9, 4, 5, 6, 1, 2, 3)


def _stage(form: str, grade: int) -> str:
    if form == "GY":
        return "secondary"
    if grade <= 3:
        return "lower"
    return "middle" if grade <= 6 else f"upper{grade}"


def _name(index: int, form: str) -> str:
    stem = _TREES[index % len(_TREES)] + ("" if index < len(_TREES) else f" {index // len(_TREES)}")
    return stem + ("gymnasiet" if form == "GY" else "skolan")


def _units_and_classes(
    config: SimulatorConfig, year: calendar.SchoolYear
) -> tuple[list[Unit], list[SchoolClass]]:
    total = max(2, round(config.pupils / _CLASS_SIZE))
    secondary = round(total / 4)
    compulsory = total - secondary
    shapes: list[tuple[str, int, int, tuple[int, ...]]] = [("GR", compulsory, 20, _GRADES)]
    if secondary:
        shapes.append(("GY", secondary, 24, (1, 2, 3)))
    units: list[Unit] = []
    classes: list[SchoolClass] = []
    restating = rng(config.seed, "restating")
    for form, count, most, grades in shapes:
        schools = max(1, -(-count // most))
        for school in range(schools):
            number = len(units)
            unit_id = f"u{number + 1}"
            units.append(
                Unit(
                    index=number,
                    id=unit_id,
                    code=f"9999{number + 1:04d}",
                    name=_name(number, form),
                    area=_AREAS[number % len(_AREAS)][0],
                    school_form=form,
                    study_days=calendar.study_days(
                        year, unit_id, config.seed, config.rates.study_days
                    ),
                    restates=bool(restating.random() < config.rates.restating_units),
                )
            )
            own = count // schools + (1 if school < count % schools else 0)
            for position in range(own):
                grade = grades[position % len(grades)]
                letter = chr(ord("A") + position // len(grades))
                name = f"{grade}{letter}" if form == "GR" else f"GY{grade}{letter}"
                classes.append(
                    SchoolClass(
                        index=len(classes),
                        id=f"{unit_id}-{name}",
                        unit=number,
                        grade=grade,
                        name=name,
                        stage=_stage(form, grade),
                    )
                )
    return units, classes


def _lessons(
    config: SimulatorConfig, units: list[Unit], classes: list[SchoolClass]
) -> tuple[list[Lesson], list[int]]:
    lessons: list[Lesson] = []
    unit_of_teacher: list[int] = []
    for unit in units:
        own, teachers = timetable.unit_timetable(
            config.seed,
            unit,
            [c for c in classes if c.unit == unit.index],
            len(unit_of_teacher),
            len(lessons),
        )
        lessons += own
        unit_of_teacher += [unit.index] * teachers
    return lessons, unit_of_teacher


def _class_of(pupils: list[Pupil], days: tuple[date, ...]) -> npt.NDArray[np.int16]:
    class_of = np.full((len(pupils), len(days)), -1, dtype=np.int16)
    ordinals = np.array([day.toordinal() for day in days])
    for pupil in pupils:
        for stay in pupil.stays:
            inside = ordinals >= stay.first.toordinal()
            if stay.end is not None:
                inside &= ordinals < stay.end.toordinal()
            class_of[pupil.index, inside] = stay.school_class
    return class_of


def _slot_lengths(
    classes: list[SchoolClass], units: list[Unit], lessons: list[Lesson]
) -> npt.NDArray[np.int16]:
    lengths = np.zeros((len(classes), 5, MAX_SLOTS), dtype=np.int16)
    by_group: dict[str, list[int]] = {}
    for school_class in classes:
        by_group.setdefault(school_class.id, []).append(school_class.index)
        if timetable.has_languages(school_class):
            for language in range(timetable.language_count()):
                group = timetable.language_group(units[school_class.unit], school_class, language)
                by_group.setdefault(group, []).append(school_class.index)
    for lesson in lessons:
        for index in by_group[lesson.group]:
            lengths[index, lesson.weekday, lesson.slot] = lesson.length
    return lengths


def _members(
    pupils: list[Pupil], units: list[Unit], classes: list[SchoolClass]
) -> dict[str, npt.NDArray[np.int32]]:
    found: dict[str, list[int]] = {}
    for pupil in pupils:
        groups = {classes[stay.school_class].id for stay in pupil.stays}
        groups |= {group for group, _, _ in people.language_spans(pupil, units, classes)}
        for group in groups:
            found.setdefault(group, []).append(pupil.index)
    return {group: np.array(sorted(set(own)), dtype=np.int32) for group, own in found.items()}


def build(config: SimulatorConfig) -> World:
    """The municipality of one configuration."""
    year = calendar.school_year(config.school_year)
    days = tuple(year.days())
    units, classes = _units_and_classes(config, year)
    lessons, unit_of_teacher = _lessons(config, units, classes)
    rates = config.rates
    teachers = timetable.staff_quality(
        config.seed,
        unit_of_teacher,
        (
            rates.never_reporting_teachers,
            rates.sloppy_teachers,
            rates.sloppy_unreported,
            rates.unreported,
        ),
    )
    pupils, guardians = people.pupils_and_guardians(config, year, classes)
    areas = _AREAS[: min(len(_AREAS), len(units))]
    staff, duties = people.staff_and_duties(config, areas, units, classes)
    open_days = np.ones((len(units), len(days)), dtype=np.bool_)
    for unit in units:
        for index, day in enumerate(days):
            open_days[unit.index, index] = not any(day in span for span in unit.study_days)
    return World(
        config=config,
        calendar=year,
        days=days,
        areas=areas,
        units=tuple(units),
        classes=tuple(classes),
        teachers=tuple(teachers),
        lessons=tuple(lessons),
        pupils=tuple(pupils),
        guardians=tuple(guardians),
        staff=tuple(staff),
        duties=tuple(duties),
        class_of=_class_of(pupils, days),
        slot_length=_slot_lengths(classes, units, lessons),
        open_days=open_days,
        members=_members(pupils, units, classes),
    )


def closes_at(unit: Unit) -> str:
    """When the unit's school day ends, for the day closer."""
    return "17:30" if unit.school_form == "GY" else "17:00"


def first_date(world: World, weeks: int) -> date:
    """The Monday that begins the ``weeks``-th last school week before today's.

    A week without school days does not count. Never before the school year.
    """
    today = world.config.today
    monday = today - timedelta(days=today.weekday())
    left = weeks
    while left > 0 and monday > world.days[0]:
        monday -= timedelta(days=7)
        if any(monday <= day < monday + timedelta(days=7) for day in world.days):
            left -= 1
    return max(monday, world.days[0])
