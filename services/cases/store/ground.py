"""What the clocks need of people, places, calendars and profiles, for many cases at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.cases.domain.assignment import Place
from services.cases.domain.profiles import Activation
from services.cases.domain.workdays import SchoolCalendar
from services.cases.store.people import as_list, as_span

if TYPE_CHECKING:
    from services.common.pg import Connection


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a pupil goes today, or last went."""

    place: Place
    school_form: str
    born: date | None
    home: str
    """The home municipality's code; empty where the roster does not say."""


async def placed(
    connection: Connection, pupil_ids: Sequence[UUID], today: date
) -> dict[UUID, Placed]:
    """The placement in force of each pupil, else the newest one there is."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT ON (l.pupil_id) l.pupil_id, l.school_unit_id, l.class_id, l.grade,
               l.school_form, u.area_id, p.birth_date, p.home_municipality
        FROM people_v1.placements l
        LEFT JOIN people_v1.school_units u USING (school_unit_id)
        LEFT JOIN people_v1.pupils p ON p.pupil_id = l.pupil_id
        WHERE l.pupil_id = ANY ($1::uuid[])
        ORDER BY l.pupil_id,
                 (l.valid_from <= $2 AND (l.valid_to IS NULL OR l.valid_to > $2)) DESC,
                 l.valid_from DESC, l.placement_id
        """,
        list(pupil_ids),
        today,
    )
    return {
        row["pupil_id"]: Placed(
            Place(row["school_unit_id"], row["class_id"], row["grade"], row["area_id"]),
            row["school_form"],
            row["birth_date"],
            row["home_municipality"] or "",
        )
        for row in rows
    }


async def calendars(connection: Connection, unit_ids: Sequence[UUID]) -> dict[UUID, SchoolCalendar]:
    """Each unit's terms and free days of every year that the roster knows."""
    rows = await connection.fetch(
        "SELECT school_unit_id, terms, free FROM people_v1.calendars "
        "WHERE school_unit_id = ANY ($1::uuid[])",
        list(unit_ids),
    )
    terms: dict[UUID, list[tuple[date, date]]] = defaultdict(list)
    free: dict[UUID, set[date]] = defaultdict(set)
    for row in rows:
        terms[row["school_unit_id"]] += [as_span(one) for one in as_list(row["terms"])]
        for one in as_list(row["free"]):
            first, last = as_span(one)
            free[row["school_unit_id"]] |= {
                first + timedelta(days=n) for n in range((last - first).days + 1)
            }
    return {
        unit: SchoolCalendar(tuple(sorted(found)), frozenset(free[unit]))
        for unit, found in terms.items()
    }


async def calendar(connection: Connection, unit_id: UUID) -> SchoolCalendar:
    """One unit's."""
    return (await calendars(connection, [unit_id])).get(unit_id, SchoolCalendar())


async def activations(connection: Connection) -> list[Activation]:
    """The organiser's profiles, put into force."""
    rows: list[Any] = await connection.fetch(
        """
        SELECT profile_id, profile_version, valid_from, school_unit_ids, school_forms, activated_at
        FROM people_v1.profile_activations
        """
    )
    return [
        Activation(
            row["profile_id"],
            row["profile_version"],
            row["valid_from"],
            frozenset(row["school_unit_ids"]),
            frozenset(row["school_forms"]),
            row["activated_at"],
        )
        for row in rows
    ]
