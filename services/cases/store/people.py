"""What the case service reads of people_v1 (docs/people-views.md); it writes none of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.cases.domain.assignment import Duty, Place

if TYPE_CHECKING:
    from asyncpg import Record

    from services.common.pg import Connection


async def duties(connection: Connection) -> list[Duty]:
    """Every duty that decides whom a case stands with."""
    rows = await connection.fetch(
        f"SELECT {_DUTY} FROM people_v1.duties WHERE role IN ('attendance_officer', 'principal')"
    )
    return [_duty(row) for row in rows]


async def all_duties(connection: Connection) -> list[Duty]:
    """Every duty of the organiser, whatever the role."""
    return [_duty(row) for row in await connection.fetch(f"SELECT {_DUTY} FROM people_v1.duties")]


_DUTY = (
    "duty_id, staff_id, role, area_id, school_unit_id, group_id, grades, substitute, "
    "valid_from, valid_to"
)


def _duty(row: Record) -> Duty:
    values = {name: row[name] for name in Duty.__dataclass_fields__}
    return Duty(**values | {"grades": frozenset(row["grades"] or ())})


async def places(
    connection: Connection, pupil_ids: Sequence[UUID], today: date
) -> dict[UUID, Place]:
    """Where each pupil belongs today: the placement in force, else the newest one there is."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT ON (p.pupil_id)
               p.pupil_id, p.school_unit_id, p.class_id, p.grade, u.area_id
        FROM people_v1.placements p
        LEFT JOIN people_v1.school_units u ON u.school_unit_id = p.school_unit_id
        WHERE p.pupil_id = ANY ($1::uuid[])
        ORDER BY p.pupil_id,
                 (p.valid_from <= $2 AND (p.valid_to IS NULL OR p.valid_to > $2)) DESC,
                 p.valid_from DESC, p.placement_id
        """,
        list(pupil_ids),
        today,
    )
    return {
        row["pupil_id"]: Place(row["school_unit_id"], row["class_id"], row["grade"], row["area_id"])
        for row in rows
    }


async def wake_from(connection: Connection, pupil_ids: Sequence[UUID]) -> dict[UUID, date]:
    """The pupils whose earlier days a source told of before its cut-over, with that day (D8)."""
    rows = await connection.fetch(
        "SELECT pupil_id, wake_from FROM people_v1.wake_from WHERE pupil_id = ANY ($1::uuid[])",
        list(pupil_ids),
    )
    return {row["pupil_id"]: row["wake_from"] for row in rows}


async def areas(connection: Connection) -> dict[UUID, UUID | None]:
    """The area of each school unit."""
    rows = await connection.fetch("SELECT school_unit_id, area_id FROM people_v1.school_units")
    return {row["school_unit_id"]: row["area_id"] for row in rows}


async def free_days_of(
    connection: Connection, unit_ids: Sequence[UUID], since: date
) -> dict[UUID, frozenset[date]]:
    """Each unit's free days from ``since`` on, weekends not counted in; units without a calendar
    are missing."""
    rows = await connection.fetch(
        """
        SELECT school_unit_id, terms, free FROM people_v1.calendars
        WHERE school_unit_id = ANY ($1::uuid[]) AND school_year >= $2
        """,
        list(unit_ids),
        since.year - 1,
    )
    days: dict[UUID, set[date]] = {}
    for row in rows:
        found = days.setdefault(row["school_unit_id"], set())
        spans = [as_span(entry) for entry in as_list(row["free"])]
        terms = sorted(as_span(entry) for entry in as_list(row["terms"]))
        # What lies between two terms is free as well.
        spans += [
            (before[1] + timedelta(days=1), after[0] - timedelta(days=1))
            for before, after in pairwise(terms)
        ]
        for first, last in spans:
            day = max(first, since)
            while day <= last:
                found.add(day)
                day += timedelta(days=1)
    return {unit: frozenset(found) for unit, found in days.items()}


async def free_days(connection: Connection, unit_id: UUID, since: date) -> frozenset[date]:
    """One unit's free days from ``since`` on."""
    return (await free_days_of(connection, [unit_id], since)).get(unit_id, frozenset())


async def terms(
    connection: Connection, school_unit_id: UUID, school_year: int
) -> list[tuple[date, date]]:
    """The unit's terms in a school year, oldest first; empty where no calendar is known."""
    row = await connection.fetchrow(
        "SELECT terms FROM people_v1.calendars WHERE school_unit_id = $1 AND school_year = $2",
        school_unit_id,
        school_year,
    )
    return sorted(as_span(entry) for entry in as_list(row["terms"])) if row else []


def as_list(value: Any) -> list[dict[str, Any]]:
    decoded = json.loads(value) if isinstance(value, str) else value
    return list(decoded or [])


def as_span(entry: dict[str, Any]) -> tuple[date, date]:
    return date.fromisoformat(entry["first"]), date.fromisoformat(entry["last"])
