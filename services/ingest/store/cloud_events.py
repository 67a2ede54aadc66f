"""Which CloudEvents were accepted, so that the same event again changes nothing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from services.ingest.store.sources import Source

if TYPE_CHECKING:
    from services.common.pg import Connection

KEPT = timedelta(days=30)
"""An event that comes again later is taken once more; what it says is as old as it was."""


async def accepted_before(
    connection: Connection, source: Source, keys: Collection[bytes]
) -> set[bytes]:
    """Those of ``keys`` that are known."""
    rows = await connection.fetch(
        "SELECT key FROM ingest.cloud_events WHERE source_id = $1 AND key = ANY($2::bytea[])",
        source.source_id,
        list(keys),
    )
    return {bytes(row["key"]) for row in rows}


async def accepted(
    connection: Connection, source: Source, keys: Collection[bytes], now: datetime
) -> None:
    """Remember ``keys``, and forget what is older than :data:`KEPT`."""
    await connection.execute(
        "INSERT INTO ingest.cloud_events (organiser_id, source_id, key, accepted_at) "
        "SELECT $1, $2, key, $4 FROM unnest($3::bytea[]) AS key ORDER BY key "
        "ON CONFLICT DO NOTHING",
        source.organiser_id,
        source.source_id,
        sorted(keys),
        now,
    )
    await connection.execute("DELETE FROM ingest.cloud_events WHERE accepted_at < $1", now - KEPT)
