"""Per-lesson marks behind a warning are kept only for pupils with a case.

A warning of a pupil without one keeps its figures and its sentence; which lessons it was goes when
today's list does not need them any more.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.common.clock import epoch_day

if TYPE_CHECKING:
    from services.common.pg import Connection

KEPT = timedelta(days=14)
"""How long the lessons of a pupil without a case are kept: calls home are made from them."""
_PORTION = 1000


def without_lessons(snapshot: bytes, today: date) -> bytes | None:
    """The warning without the lessons of episodes older than :data:`KEPT`; None where it has
    none of them."""
    event = pb.WarningEvent.FromString(snapshot)
    limit = epoch_day(today - KEPT)
    old = [one for one in event.episodes if one.lessons and one.level_day < limit]
    if not old:
        return None
    for episode in old:
        del episode.lessons[:]
    return event.SerializeToString()


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
