"""What humans decided about sources: who, when and what. Only added to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from services.common.pg import tenant

if TYPE_CHECKING:
    from services.common.pg import Connection, Pool

Kind = Literal["accept_losses", "cut_over"]


async def decide(
    connection: Connection,
    organiser: UUID,
    source: UUID,
    kind: Kind,
    *,
    by: str,
    at: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Keep a decision, in the transaction that carries it out."""
    await connection.execute(
        "INSERT INTO ingest.decisions (organiser_id, source_id, decided_at, decided_by, kind, "
        "detail) VALUES ($1, $2, $3, $4, $5, $6)",
        organiser,
        source,
        at,
        by,
        kind,
        json.dumps(detail or {}),
    )


async def decisions(connection: Connection, source: UUID) -> list[dict[str, Any]]:
    """The latest ones about a source, newest first."""
    rows = await connection.fetch(
        "SELECT decided_at, decided_by, kind, detail FROM ingest.decisions "
        "WHERE source_id = $1 ORDER BY decision_id DESC LIMIT 20",
        source,
    )
    return [
        {
            "at": row["decided_at"].isoformat(),
            "by": row["decided_by"],
            "kind": row["kind"],
            **json.loads(row["detail"]),
        }
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Moved:
    """A cut-over date that was changed; ``pupils``: whose own day moved with it."""

    before: date | None
    after: date | None
    pupils: int


async def move_cut_over(
    pool: Pool, organiser: UUID, source: UUID, after: date | None, *, by: str, at: datetime
) -> Moved | None:
    """Change a source's cut-over; None when there is no such source.

    From which day on a pupil wakes somebody is kept a pupil, as the latest cut-over of a source
    that told of an earlier day. Pupils who stand at the old date move to the new one, but not
    below the date of another source that may have told of them. What woke somebody stays told,
    and what woke nobody is not told afterwards.
    """
    async with tenant(pool, organiser) as connection:
        row = await connection.fetchrow(
            "SELECT cut_over FROM ingest.sources WHERE source_id = $1 AND revoked_at IS NULL "
            "FOR UPDATE",
            source,
        )
        if row is None:
            return None
        before: date | None = row["cut_over"]
        await connection.execute(
            "UPDATE ingest.sources SET cut_over = $2 WHERE source_id = $1", source, after
        )
        moved = 0
        if before is not None and before != after:
            least = await connection.fetchval(
                "SELECT max(cut_over) FROM ingest.sources WHERE source_id <> $1 AND cut_over <= $2",
                source,
                before,
            )
            to = max((one for one in (after, least) if one is not None), default=None)
            if to is None:
                status = await connection.execute(
                    "DELETE FROM people.wake_from WHERE wake_from = $1", before
                )
            else:
                status = await connection.execute(
                    "UPDATE people.wake_from SET wake_from = $2 "
                    "WHERE wake_from = $1 AND wake_from <> $2",
                    before,
                    to,
                )
            moved = int(status.rpartition(" ")[2])
        detail = {
            "before": before and before.isoformat(),
            "after": after and after.isoformat(),
            "pupils": moved,
        }
        await decide(connection, organiser, source, "cut_over", by=by, at=at, detail=detail)
    return Moved(before, after, moved)
