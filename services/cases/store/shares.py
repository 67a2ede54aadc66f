"""Who outside its circle has a part in a case: the coordinators, and the huvudman's officers.

The policies of migration 0006 let a case be seen by them once it is written here; that an anmälan
has been sent the database notes by itself (0008).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal
from uuid import UUID

if TYPE_CHECKING:
    from services.common.pg import Connection

Audience = Literal["queue", "coordination", "member"]
"""``queue``: waits for a coordinator, for the area's coordinators and their leader to see;
``coordination``: has one, for the leader to see; ``member``: named, and may know who it is."""


async def share(
    connection: Connection,
    organiser_id: UUID,
    share_id: UUID,
    case_id: UUID,
    audience: Audience,
    *,
    at: datetime,
    staff_id: UUID | None = None,
) -> None:
    """Let the audience see the case; what is shared already stays as it is.

    A ``member`` is somebody by name, the other audiences are roles: ``staff_id`` says which.
    """
    await connection.execute(
        """
        INSERT INTO cases.case_shares (organiser_id, share_id, case_id, audience, staff_id, since)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
        """,
        organiser_id,
        share_id,
        case_id,
        audience,
        staff_id,
        at,
    )


async def end(
    connection: Connection,
    case_id: UUID,
    audience: Audience,
    *,
    at: datetime,
    staff_id: UUID | None = None,
) -> None:
    """The audience (one member, where one is named) sees the case no more."""
    await connection.execute(
        """
        UPDATE cases.case_shares SET ended_at = $3
        WHERE organiser_id = cases.organiser() AND case_id = $1 AND audience = $2
          AND ended_at IS NULL AND ($4::uuid IS NULL OR staff_id = $4)
        """,
        case_id,
        audience,
        at,
        staff_id,
    )


async def roles_on(connection: Connection, case_id: UUID) -> frozenset[str]:
    """The roles in which the viewer meets this case: a rektor elsewhere is none here."""
    found = await connection.fetchval("SELECT cases.roles_on($1)", case_id)
    return frozenset(found or ())
