"""Pulls, cursors, runs and problems in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.common.pg import tenant
from services.ingest.ss12000.vocabulary import Resource
from services.ingest.store.decisions import decide
from services.ingest.store.sources import Source, source_from
from services.ingest.sync.model import Kind, Learned, Pull

if TYPE_CHECKING:
    from services.common.pg import Connection, Pool

Counts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Problem:
    """A kind of trouble with entities of one resource; ``sample`` is the source's id of one."""

    resource: str
    code: str
    field: str
    severity: str
    sample: str
    entities: int


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook's address and the subscription behind it."""

    sha256: bytes
    subscription: str | None
    created_at: datetime
    expires: datetime | None


async def put_pull(pool: Pool, organiser: UUID, source: UUID, values: Mapping[str, Any]) -> None:
    """Store a source's configuration; what was learned of another address is forgotten.

    Raises LookupError when there is no such source, or its token was revoked.
    """
    columns = [*values, "organiser_id", "source_id"]
    marks = ", ".join(f"${n}" for n in range(1, len(columns) + 1))
    sets = ", ".join(f"{name} = excluded.{name}" for name in values)
    async with tenant(pool, organiser) as connection:
        if not await connection.fetchval(
            "SELECT count(*) FROM ingest.sources WHERE source_id = $1 AND revoked_at IS NULL",
            source,
        ):
            raise LookupError(source)
        old = await connection.fetchval(
            "SELECT base_url FROM ingest.pulls WHERE source_id = $1", source
        )
        await connection.execute(
            f"INSERT INTO ingest.pulls ({', '.join(columns)}) VALUES ({marks}) "
            f"ON CONFLICT (organiser_id, source_id) DO UPDATE SET {sets}, learned = '{{}}'",
            *[json.dumps(v) if isinstance(v, dict) else v for v in values.values()],
            organiser,
            source,
        )
        if old is not None and old != values["base_url"]:
            # Another system: what was read of the old one says nothing about it.
            await connection.execute("DELETE FROM ingest.pull_cursors WHERE source_id = $1", source)
            await connection.execute(
                "UPDATE ingest.pulls SET full_since = NULL, full_done_at = NULL, wanted = 'full' "
                "WHERE source_id = $1",
                source,
            )


async def get_pull(connection: Connection, source: UUID) -> Pull | None:
    """The configuration, None when the source is not pulled."""
    row = await connection.fetchrow("SELECT * FROM ingest.pulls WHERE source_id = $1", source)
    if row is None:
        return None
    values = dict(row)
    values["resources"] = tuple(Resource(name) for name in row["resources"])
    values["paths"] = json.loads(row["paths"])
    values["learned"] = Learned.of(json.loads(row["learned"]))
    return Pull(**values)


async def get_source(connection: Connection, source: UUID) -> Source | None:
    """The source as the inbox wants it; None when it was revoked."""
    row = await connection.fetchrow(
        "SELECT * FROM ingest.sources WHERE source_id = $1 AND revoked_at IS NULL", source
    )
    return None if row is None else source_from(row)


async def due(pool: Pool, organiser: UUID, now: datetime) -> list[UUID]:
    """Which of the organiser's sources are to be read now."""
    async with tenant(pool, organiser) as connection:
        rows = await connection.fetch(
            "SELECT source_id FROM ingest.pulls "
            "JOIN ingest.sources USING (organiser_id, source_id) "
            "WHERE NOT paused AND revoked_at IS NULL AND (next_at <= $1 OR wanted IS NOT NULL) "
            "ORDER BY next_at",
            now,
        )
    return [row["source_id"] for row in rows]


async def lags(connection: Connection, now: datetime) -> dict[str, float]:
    """Seconds since each source of the organiser was last read to its end, or configured."""
    rows = await connection.fetch(
        "SELECT source_id, coalesce(last_success_at, since) AS at FROM ingest.pulls "
        "JOIN ingest.sources USING (organiser_id, source_id) "
        "WHERE NOT paused AND revoked_at IS NULL"
    )
    return {str(row["source_id"]): max(0.0, (now - row["at"]).total_seconds()) for row in rows}


@dataclass(frozen=True, slots=True)
class Accepted:
    """Losses that a human accepts: whose decision, and when."""

    by: str
    at: datetime


async def want(
    pool: Pool, organiser: UUID, source: UUID, kind: Kind, *, losses: Accepted | None = None
) -> bool:
    """Ask for a run soon; False when the source is not pulled. A full one is never made less."""
    async with tenant(pool, organiser) as connection:
        status = await connection.execute(
            "UPDATE ingest.pulls SET wanted = CASE WHEN wanted = 'full' THEN wanted ELSE $2 END, "
            "accept_losses = accept_losses OR $3 WHERE source_id = $1",
            source,
            kind,
            losses is not None,
        )
        known = bool(status == "UPDATE 1")
        if known and losses is not None:
            await decide(connection, organiser, source, "accept_losses", by=losses.by, at=losses.at)
    return known


async def hooked(pool: Pool, sha256: bytes) -> tuple[UUID, UUID] | None:
    """Organiser and source whose webhook this is."""
    row = await pool.fetchrow("SELECT * FROM ingest.hook_by_hash($1)", sha256)
    return None if row is None else (row["organiser_id"], row["source_id"])
