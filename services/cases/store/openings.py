"""SQL of cases that are read outside one's duties (migration 0006); all of it runs as a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from asyncpg import Record

    from services.common.pg import Connection


async def to_open(connection: Connection, number: str) -> Record | None:
    """The case's id, unit and whether its pupil is protected, for somebody who may ask."""
    return await connection.fetchrow("SELECT * FROM cases.to_open($1)", number)


async def has_role(connection: Connection, roles: Sequence[str]) -> bool:
    """Whether the viewer has one of these roles today."""
    found: bool = await connection.fetchval("SELECT cases.has_role($1::text[])", list(roles))
    return found


async def ask(
    connection: Connection,
    opening_id: UUID,
    case: Record,
    *,
    kind: str,
    reason: str,
    at: datetime,
    until: datetime | None,
) -> None:
    """Write an opening down; ``until`` is None where a second person has to say yes first."""
    await connection.execute(
        """
        INSERT INTO cases.openings (organiser_id, opening_id, case_id, school_unit_id, staff_id,
            kind, reason, asked_at, protected, expires_at)
        VALUES (cases.organiser(), $1, $2, $3, cases.viewer(), $4, $5, $6, $7, $8)
        """,
        opening_id,
        case["case_id"],
        case["school_unit_id"],
        kind,
        reason,
        at,
        case["protected"],
        until,
    )


async def approve(
    connection: Connection, opening_id: UUID, at: datetime, until: datetime, asked_since: datetime
) -> Record | None:
    """The second person's yes; None where there is nothing that the viewer may say yes to."""
    return await connection.fetchrow(
        """
        UPDATE cases.openings SET approved_by = cases.viewer(), approved_at = $2, expires_at = $3
        WHERE organiser_id = cases.organiser() AND opening_id = $1 AND protected
          AND approved_by IS NULL AND asked_at > $4
        RETURNING case_id, staff_id, kind, reason
        """,
        opening_id,
        at,
        until,
        asked_since,
    )


async def newest(connection: Connection, since: datetime) -> list[Record]:
    """The openings that the viewer may see, the newest first."""
    return await connection.fetch(
        """
        SELECT o.opening_id, o.case_id, o.staff_id, o.kind, o.reason, o.asked_at, o.protected,
               o.approved_by, o.approved_at, o.expires_at, u.name AS unit_name,
               s.given_name || ' ' || s.family_name AS staff_name,
               a.given_name || ' ' || a.family_name AS approver_name
        FROM cases.openings o
        LEFT JOIN people_v1.school_units u ON u.school_unit_id = o.school_unit_id
        LEFT JOIN people_v1.staff s ON s.staff_id = o.staff_id
        LEFT JOIN people_v1.staff a ON a.staff_id = o.approved_by
        WHERE o.organiser_id = (SELECT cases.organiser()) AND o.asked_at > $1
        ORDER BY o.asked_at DESC, o.opening_id LIMIT 500
        """,
        since,
    )


async def numbers(connection: Connection, case_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Case numbers, which name nobody; asked as the service's own work."""
    rows = await connection.fetch(
        "SELECT case_id, number FROM cases.cases WHERE organiser_id = (SELECT cases.organiser()) "
        "AND case_id = ANY ($1::uuid[])",
        list(case_ids),
    )
    return {row["case_id"]: row["number"] for row in rows}


async def open_until(connection: Connection, case_id: UUID) -> datetime | None:
    """When the viewer's own opening of the case ends; None where there is none."""
    found: datetime | None = await connection.fetchval(
        """
        SELECT max(expires_at) FROM cases.openings
        WHERE organiser_id = (SELECT cases.organiser()) AND staff_id = (SELECT cases.viewer())
          AND case_id = $1 AND expires_at > (SELECT cases.instant())
        """,
        case_id,
    )
    return found
