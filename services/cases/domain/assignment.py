"""Whom a case stands with: the unit's närvaroansvarig by the roster, never by chance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

#: The latter two for cases about a pupil of another organiser.
AssignedAs = Literal["attendance_officer", "principal", "coordinator", "team_leader"]


@dataclass(frozen=True, slots=True)
class Duty:
    """One duty of the roster; what is None or empty does not narrow it."""

    duty_id: UUID
    staff_id: UUID
    role: str
    area_id: UUID | None
    school_unit_id: UUID | None
    group_id: UUID | None
    grades: frozenset[int]
    substitute: bool
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pupil belongs today."""

    school_unit_id: UUID
    class_id: UUID | None
    grade: int | None
    area_id: UUID | None


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who, and by which role."""

    staff_id: UUID
    role: AssignedAs


def covers(duty: Duty, place: Place, today: date) -> bool:
    """Whether the duty is in force today and includes that place."""
    return (
        duty.valid_from <= today
        and (duty.valid_to is None or today < duty.valid_to)
        and duty.school_unit_id in (None, place.school_unit_id)
        and duty.group_id in (None, place.class_id)
        and (not duty.grades or place.grade in duty.grades)
        and (
            duty.area_id is None
            or duty.school_unit_id is not None
            or duty.group_id is not None
            or duty.area_id == place.area_id
        )
    )


def assign(duties: Sequence[Duty], place: Place, today: date) -> Assignment | None:
    """The närvaroansvarig of the class, else of the årskurs, unit, area or organiser.

    On each of these steps the ordinary holder comes before a substitute, so a substitute steps in
    when the ordinary duty has ended. Where nobody is närvaroansvarig it is the rektor, in the
    same way; None means the unassigned list. Equal duties: the older, then the lower id, so that
    every process decides alike.
    """
    roles: tuple[AssignedAs, ...] = ("attendance_officer", "principal")
    for role in roles:
        if chosen := holder(duties, role, place, today):
            return Assignment(chosen.staff_id, role)
    return None


def holder(duties: Iterable[Duty], role: str, place: Place, today: date) -> Duty | None:
    """Whose duty of the role covers the place most narrowly, the ordinary before a substitute."""
    standing = [duty for duty in duties if duty.role == role and covers(duty, place, today)]
    return min(standing, key=_rank, default=None)


def _rank(duty: Duty) -> tuple[int, bool, date, UUID]:
    if duty.group_id is not None:
        breadth = 0
    elif duty.grades:
        breadth = 1
    elif duty.school_unit_id is not None:
        breadth = 2
    elif duty.area_id is not None:
        breadth = 3
    else:
        breadth = 4
    return (breadth, duty.substitute, duty.valid_from, duty.duty_id)
