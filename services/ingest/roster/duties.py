"""Who stands for a unit's warnings: its attendance officer, else its principal, else nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from services.common.pg import Connection


@dataclass(frozen=True, slots=True)
class Coverage:
    """Units by how their warnings find a person on a day."""

    on_principal: tuple[UUID, ...]
    """No attendance officer for the whole unit: the principal stands in."""
    unassigned: tuple[UUID, ...]
    """Neither: an alert, and the warnings stand in the unassigned list."""


async def coverage(connection: Connection, today: date) -> Coverage:
    """The transaction's organiser on ``today``.

    A unit counts as covered by its attendance officers when one of them has
    the whole unit, or when those for some grades or classes leave no pupil
    placed today without one. Substitutes count.
    """
    rows = await connection.fetch(
        """
        WITH now_duties AS (
            SELECT d.role, d.area_id, d.school_unit_id, d.group_id, d.grades
            FROM people_v1.duties d
            WHERE d.valid_from <= $1 AND (d.valid_to IS NULL OR d.valid_to > $1)
              -- Not the mentors: a municipality has thousands, each held against every unit.
              AND d.role IN ('principal', 'attendance_officer')
        ), covers AS (
            -- A duty for a class alone is one at its unit; one for an area, at the area's units.
            SELECT u.school_unit_id, d.role, d.group_id, d.grades
            FROM people.school_units u JOIN now_duties d ON
                d.school_unit_id = u.school_unit_id
                OR (d.school_unit_id IS NULL AND d.area_id = u.area_id)
                OR (d.school_unit_id IS NULL AND d.area_id IS NULL AND d.group_id IN (
                    SELECT g.group_id FROM people.groups g
                    WHERE g.school_unit_id = u.school_unit_id))
        )
        SELECT u.school_unit_id,
            EXISTS (SELECT FROM covers c WHERE c.school_unit_id = u.school_unit_id
                    AND c.role = 'principal') AS principal,
            EXISTS (SELECT FROM covers c WHERE c.school_unit_id = u.school_unit_id
                    AND c.role = 'attendance_officer') AND NOT EXISTS (
                SELECT FROM people.placements l
                WHERE l.school_unit_id = u.school_unit_id AND l.valid_from <= $1
                  AND (l.valid_to IS NULL OR l.valid_to > $1)
                  AND NOT EXISTS (
                    SELECT FROM covers c WHERE c.school_unit_id = u.school_unit_id
                      AND c.role = 'attendance_officer'
                      AND (c.group_id IS NULL OR c.group_id = l.class_id)
                      AND (c.grades = '{}' OR l.grade = ANY(c.grades)))) AS officer
        FROM people.school_units u WHERE NOT u.removed
        ORDER BY u.school_unit_id
        """,
        today,
    )
    return Coverage(
        on_principal=tuple(
            row["school_unit_id"] for row in rows if not row["officer"] and row["principal"]
        ),
        unassigned=tuple(
            row["school_unit_id"] for row in rows if not row["officer"] and not row["principal"]
        ),
    )
