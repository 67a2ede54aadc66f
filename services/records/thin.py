"""Thins the stored warnings of pupils without a case (:mod:`services.common.thin`)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from services.common.thin import without_lessons

if TYPE_CHECKING:
    from services.common.pg import Connection

_PORTION = 1000


async def without_case(connection: Connection, today: date) -> int:
    """Thin the organiser's stored warnings of pupils without a case; how many changed."""
    changed, after = 0, UUID(int=0)
    while True:
        rows = await connection.fetch(
            """
            SELECT thread_id, snapshot FROM cases.warnings
            WHERE case_id IS NULL AND thread_id > $1 ORDER BY thread_id LIMIT $2
            """,
            after,
            _PORTION,
        )
        if not rows:
            return changed
        thinner = [
            (row["thread_id"], thinned)
            for row in rows
            if (thinned := without_lessons(row["snapshot"], today)) is not None
        ]
        await connection.executemany(
            "UPDATE cases.warnings SET snapshot = $2 WHERE thread_id = $1", thinner
        )
        changed += len(thinner)
        after = rows[-1]["thread_id"]
