"""The koordinators' team, their areas by the roster, and how many cases each has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from services.cases.domain.coordination import TeamMember
from services.cases.store.reading import in_order

if TYPE_CHECKING:
    from asyncpg import Record

    from services.common.pg import Connection

#: Room of a koordinator whom the team's leader has not entered yet.
USUAL_ROOM = 10


async def members(connection: Connection, today: date) -> list[TeamMember]:
    """Everybody of the team by their newest place, and whoever else the roster names koordinator.

    The areas are the roster's: who is koordinator for an area is contact person for its schools.
    """
    duties = await connection.fetch(
        """
        SELECT d.staff_id, coalesce(d.area_id, u.area_id) AS area_id
        FROM people_v1.duties d LEFT JOIN people_v1.school_units u USING (school_unit_id)
        WHERE d.role = 'coordinator' AND d.valid_from <= $1
          AND (d.valid_to IS NULL OR d.valid_to > $1)
        """,
        today,
    )
    areas: dict[UUID, set[UUID]] = defaultdict(set)
    for row in duties:
        areas[row["staff_id"]] |= {row["area_id"]} - {None}
    rows = await connection.fetch(
        """
        SELECT DISTINCT ON (staff_id) staff_id, profession, capacity, valid_from, valid_to
        FROM cases.coordination_team
        WHERE organiser_id = cases.organiser()
        ORDER BY staff_id, valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1) DESC,
                 valid_from DESC, updated_at DESC
        """,
        today,
    )
    found = [
        TeamMember(
            row["staff_id"],
            row["profession"],
            row["capacity"],
            row["valid_from"],
            row["valid_to"],
            frozenset(areas.get(row["staff_id"], ())),
        )
        for row in rows
    ]
    entered = {one.staff_id for one in found}
    found += [
        TeamMember(staff, "social_worker", USUAL_ROOM, today, None, frozenset(held))
        for staff, held in areas.items()
        if staff not in entered
    ]
    return found


async def caseload(connection: Connection) -> dict[UUID, int]:
    """In how many cases each works now; as the service itself, for nobody sees all of them."""
    rows = await connection.fetch(
        """
        SELECT staff_id, count(*) AS n FROM cases.case_shares
        WHERE organiser_id = cases.organiser() AND audience = 'member' AND ended_at IS NULL
        GROUP BY staff_id
        """
    )
    return {row["staff_id"]: row["n"] for row in rows}


async def enter(
    connection: Connection,
    member_id: UUID,
    member: TeamMember,
    *,
    note: str,
    at: datetime,
    by: UUID,
) -> None:
    """A koordinator's place in the team, from a day to a day."""
    await connection.execute(
        """
        INSERT INTO cases.coordination_team (organiser_id, member_id, staff_id, profession,
            capacity, valid_from, valid_to, note, updated_at, updated_by)
        VALUES (cases.organiser(), $1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        member_id,
        member.staff_id,
        member.profession,
        member.capacity,
        member.valid_from,
        member.valid_to,
        note,
        at,
        by,
    )


async def received(connection: Connection, document_ids: Sequence[UUID]) -> list[Record]:
    """These beställningar from other organisers, in the order given."""
    rows = await connection.fetch(
        """
        SELECT document_id, sender, created_at, fields FROM cases.documents
        WHERE organiser_id = cases.organiser() AND document_id = ANY ($1::uuid[])
        """,
        list(document_ids),
    )
    return in_order(rows, "document_id", document_ids)
