"""Which pupils are erased: nothing more is kept of them, and what still comes is not taken."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from services.common.pg import Connection


async def erased(connection: Connection, pupil_ids: Collection[UUID]) -> set[UUID]:
    """Those of the transaction's organiser's pupils who are erased (design D11)."""
    rows = await connection.fetch(
        "SELECT pupil_id FROM records.erased WHERE pupil_id = ANY ($1::uuid[])", list(pupil_ids)
    )
    return {row["pupil_id"] for row in rows}
