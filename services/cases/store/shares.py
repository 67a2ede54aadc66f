"""In which roles somebody meets a case (migration 0006), and who has a part in it from without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from services.common.pg import Connection


async def roles_on(connection: Connection, case_id: UUID) -> frozenset[str]:
    """The roles in which the viewer meets this case: a rektor elsewhere is none here."""
    found = await connection.fetchval("SELECT cases.roles_on($1)", case_id)
    return frozenset(found or ())


async def add(
    connection: Connection,
    share_id: UUID,
    case_id: UUID,
    audience: str,
    *,
    at: datetime,
    staff_id: UUID | None = None,
) -> None:
    """A part in the case for an audience, or for one of it; the same part twice is one."""
    await connection.execute(
        """
        INSERT INTO cases.case_shares (organiser_id, share_id, case_id, audience, staff_id, since)
        VALUES (cases.organiser(), $1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
        """,
        share_id,
        case_id,
        audience,
        staff_id,
        at,
    )


async def queue_again(
    connection: Connection, case_ids: Sequence[UUID], new_id: Callable[[], UUID], at: datetime
) -> None:
    """Cases that are open again wait for a koordinator where they did when they were closed."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT case_id
        FROM cases.entries e JOIN cases.case_shares s USING (organiser_id, case_id)
        WHERE e.organiser_id = cases.organiser() AND case_id = ANY ($1::uuid[])
          AND e.kind = 'coordination_request' AND e.status = 'ordered' AND s.audience = 'queue'
        ORDER BY case_id
        """,
        list(case_ids),
    )
    for row in rows:
        await add(connection, new_id(), row["case_id"], "queue", at=at)
