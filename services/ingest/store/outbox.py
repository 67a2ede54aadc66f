"""Records that follow from what is stored: written with it, sent after it, in order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from services.common.pg import tenant
from services.ingest.publisher import Outgoing, Publisher
from services.ingest.store.bulk import insert, upsert

if TYPE_CHECKING:
    from services.common.pg import Connection, Pool

CONTENT, RECORDS, FACTS = 0, 1, 2
"""Stages: a fact about a profile must not be there before the profile's content is."""

_CHUNK = 5000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record of a stage."""

    stage: int
    record: Outgoing


async def enqueue(connection: Connection, organiser_id: UUID, waiting: Sequence[Waiting]) -> None:
    """Store records in the caller's transaction."""
    await insert(
        connection,
        "ingest.outbox",
        {
            "organiser_id": "uuid",
            "stage": "smallint",
            "topic": "text",
            "partition": "int",
            "key": "bytea",
            "value": "bytea",
        },
        [
            (
                organiser_id,
                entry.stage,
                entry.record.topic,
                entry.record.partition,
                entry.record.key,
                entry.record.value,
            )
            for entry in waiting
        ],
    )


async def drain(pool: Pool, publisher: Publisher, organiser_id: UUID) -> int:
    """Send what waits, oldest first and stage by stage; returns how many records.

    One process at a time for an organiser, so that an older record never
    follows a newer one under the same key. Raises
    :class:`services.ingest.errors.NotWrittenError`; what was not acknowledged
    stays and is sent again.
    """
    sent = 0
    while True:
        async with tenant(pool, organiser_id) as connection:
            # Until the transaction ends; the roster's writer holds the organiser's row instead.
            await connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"outbox {organiser_id}"
            )
            rows = await connection.fetch(
                "SELECT outbox_id, stage, topic, partition, key, value FROM ingest.outbox "
                "ORDER BY outbox_id LIMIT $1",
                _CHUNK,
            )
            for stage in sorted({row["stage"] for row in rows}):
                await publisher.publish([
                    Outgoing(row["topic"], row["partition"], row["key"], row["value"])
                    for row in rows
                    if row["stage"] == stage
                ])  # fmt: skip
            await connection.execute(
                "DELETE FROM ingest.outbox WHERE outbox_id = ANY($1)",
                [row["outbox_id"] for row in rows],
            )
        sent += len(rows)
        if len(rows) < _CHUNK:
            return sent


async def waiting_count(connection: Connection) -> int:
    """How many records wait."""
    return int(await connection.fetchval("SELECT count(*) FROM ingest.outbox"))


async def changed(
    connection: Connection, topic: str, current: dict[bytes, bytes]
) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    """Compare records with what was last enqueued: (new or different, gone with their last value).

    Values are compared without what changes every time (a version), so the
    caller passes them without it.
    """
    rows = await connection.fetch(
        "SELECT key, digest, value FROM ingest.published WHERE topic = $1", topic
    )
    before = {bytes(row["key"]): row for row in rows}
    fresh = {
        key: value
        for key, value in current.items()
        if key not in before or bytes(before[key]["digest"]) != _digest(value)
    }
    gone = {key: bytes(row["value"]) for key, row in before.items() if key not in current}
    return fresh, gone


async def remember(
    connection: Connection,
    organiser_id: UUID,
    topic: str,
    fresh: dict[bytes, bytes],
    gone: Sequence[bytes],
) -> None:
    """Note what was enqueued, in the same transaction."""
    await upsert(
        connection,
        "ingest.published",
        {
            "organiser_id": "uuid",
            "topic": "text",
            "key": "bytea",
            "digest": "bytea",
            "value": "bytea",
        },
        [(organiser_id, topic, key, _digest(value), value) for key, value in fresh.items()],
        key=("organiser_id", "topic", "key"),
    )
    await connection.execute(
        "DELETE FROM ingest.published WHERE topic = $1 AND key = ANY($2)", topic, list(gone)
    )


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()
