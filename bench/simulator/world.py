"""The municipality as data: units, groups, lessons, people. No behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from bench.simulator.calendar import SchoolYear, Span
from bench.simulator.config import SimulatorConfig

MAX_SLOTS = 7
"""Most lessons a pupil has on a day."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A school unit with its own studiedagar."""

    index: int
    id: str
    code: str
    name: str
    area: str
    school_form: str
    study_days: tuple[Span, ...]
    restates: bool


@dataclass(frozen=True, slots=True)
class SchoolClass:
    """A class; ``stage`` chooses its rates."""

    index: int
    id: str
    unit: int
    grade: int
    name: str
    stage: str


@dataclass(frozen=True, slots=True)
class Teacher:
    """A teacher and how well they report."""

    id: str
    unit: int
    unreported: float


@dataclass(frozen=True, slots=True)
class Lesson:
    """One weekly lesson of an activity. ``group`` is whom it is for: a class or a teaching group.

    ``slot`` is its place in the day of every pupil in it, so the same in all
    classes that share a teaching group.
    """

    activity: str
    group: str
    unit: int
    subject: str
    teacher: int
    weekday: int
    slot: int
    start_minute: int
    length: int
    number: int
    """Index of the lesson in the world, the same in every run."""


@dataclass(frozen=True, slots=True)
class Stay:
    """Dates ``[first, end)`` in which a pupil belongs to a class; ``end`` None is open."""

    school_class: int
    first: date
    end: date | None


@dataclass(frozen=True, slots=True)
class Guardian:
    """One guardian; siblings share them."""

    id: str
    given_name: str
    family_name: str
    email: str | None
    phone: str | None


@dataclass(frozen=True, slots=True)
class Pupil:
    """A pupil as the school knows them."""

    index: int
    id: str
    given_name: str
    family_name: str
    born: date
    civic_no: str | None
    female: bool
    protection: str
    newcomer: bool
    stays: tuple[Stay, ...]
    language: int | None
    """Index of the chosen modern language, None where the year reads none."""
    guardians: tuple[str, ...]
    suppressed: bool
    in_roster_from: date
    """The roster names the pupil from this date; lessons may have begun before."""


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A member of staff with a sign-in name."""

    id: str
    given_name: str
    family_name: str
    login: str
    webhook_url: str | None


@dataclass(frozen=True, slots=True)
class Duty:
    """Who answers for what: one of area, unit and class is set, or none for the whole organiser."""

    id: str
    staff: str
    role: str
    area: str | None = None
    unit: str | None = None
    school_class: str | None = None
    grades: tuple[int, ...] = ()
    substitute: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """Everything that is known before the first lesson."""

    config: SimulatorConfig
    calendar: SchoolYear
    days: tuple[date, ...]
    """The organiser's school days, before each unit's studiedagar are taken out."""
    areas: tuple[tuple[str, str], ...]
    units: tuple[Unit, ...]
    classes: tuple[SchoolClass, ...]
    teachers: tuple[Teacher, ...]
    lessons: tuple[Lesson, ...]
    pupils: tuple[Pupil, ...]
    guardians: tuple[Guardian, ...]
    staff: tuple[StaffMember, ...]
    duties: tuple[Duty, ...]
    class_of: npt.NDArray[np.int16]
    """[pupil, day] -> class index, or -1 where the pupil is not enrolled."""
    slot_length: npt.NDArray[np.int16]
    """[class, weekday, slot] -> minutes, 0 where there is no lesson."""
    open_days: npt.NDArray[np.bool_]
    """[unit, day]: the unit has school."""
    members: dict[str, npt.NDArray[np.int32]]
    """group id -> pupils who ever belong to it, ascending."""

    def day_index(self, day: date) -> int | None:
        """Index of a school day of the organiser, None on any other date."""
        try:
            return self.days.index(day)
        except ValueError:
            return None
