"""In which roles somebody meets a case (migration 0006); who has a part in it: chain/sharing.py."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from services.common.pg import Connection


async def roles_on(connection: Connection, case_id: UUID) -> frozenset[str]:
    """The roles in which the viewer meets this case: a rektor elsewhere is none here."""
    found = await connection.fetchval("SELECT cases.roles_on($1)", case_id)
    return frozenset(found or ())
