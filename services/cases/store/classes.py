"""Classes that somebody works with, and what has been written about each."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from asyncpg import Record

    from services.common.pg import Connection


async def mine(connection: Connection, today: date, only: UUID | None = None) -> list[Record]:
    """The viewer's classes, with how often each has been mapped this term.

    The autumn term is counted from 1 July, the spring term from 1 January.
    """
    return await connection.fetch(
        """
        SELECT g.group_id AS class_id, g.name, u.name AS school_unit,
               (SELECT count(*) FROM cases.entries e
                WHERE e.organiser_id = (SELECT cases.organiser()) AND e.case_id IS NULL
                  AND e.class_id = g.group_id AND e.kind = 'class_assessment'
                  AND e.school_date >= CASE WHEN extract(month FROM $1::date) >= 7
                      THEN make_date(extract(year FROM $1::date)::int, 7, 1)
                      ELSE make_date(extract(year FROM $1::date)::int, 1, 1) END)::int AS this_term
        FROM people_v1.groups g JOIN people_v1.school_units u USING (school_unit_id)
        WHERE g.kind = 'class' AND ($2::uuid IS NULL OR g.group_id = $2)
          AND (g.school_unit_id = ANY ((SELECT cases.units_of(
                  '{attendance_officer,principal,student_health}'))::uuid[])
               OR g.group_id = ANY ((SELECT cases.groups_in_scope())::uuid[]))
        ORDER BY u.name, g.grade, g.name
        """,
        today,
        only,
    )


async def unit_of(connection: Connection, class_id: UUID) -> UUID:
    """The unit that a class belongs to."""
    found: UUID = await connection.fetchval(
        "SELECT school_unit_id FROM people_v1.groups WHERE group_id = $1", class_id
    )
    return found


async def roles_in(connection: Connection, class_id: UUID) -> frozenset[str]:
    """The roles in which the viewer works with a class today."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT m.role FROM cases.my_duties() m
        JOIN people_v1.groups g ON g.group_id = $1
        JOIN people_v1.school_units u ON u.school_unit_id = g.school_unit_id
        WHERE m.group_id = g.group_id
           OR (m.group_id IS NULL AND (m.school_unit_id = g.school_unit_id
               OR (m.school_unit_id IS NULL AND m.area_id = u.area_id)
               OR (m.school_unit_id IS NULL AND m.area_id IS NULL)))
        """,
        class_id,
    )
    return frozenset(row["role"] for row in rows)
