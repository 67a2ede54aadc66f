"""What a changed roster means for roster.v1 and for the input log."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from forvarning.facts.v1 import facts_pb2 as facts
from services.common import topics
from services.common.clock import school_date
from services.ingest.publisher import Outgoing
from services.ingest.roster.records import placement_facts, roster_records
from services.ingest.store import outbox
from services.ingest.store.sources import Source
from services.ingest.versions import number_on, version

if TYPE_CHECKING:
    from services.common.pg import Connection


async def publish_changes(connection: Connection, source: Source, now: datetime) -> None:
    """Put what changed on roster.v1 and into the input log, by way of the outbox."""
    organiser = source.organiser_id
    records = await roster_records(connection, organiser, school_date(now))
    fresh, gone = await outbox.changed(connection, topics.ROSTER.name, records)
    waiting = [
        outbox.Waiting(outbox.RECORDS, Outgoing(topics.ROSTER.name, 0, key, value))
        for key, value in [*fresh.items(), *((key, None) for key in gone)]
    ]
    await outbox.remember(connection, organiser, topics.ROSTER.name, fresh, list(gone))

    placements = await placement_facts(connection)
    partition_of_home = {
        row["home_id"].bytes: row["partition"]
        for row in await connection.fetch("SELECT home_id, partition FROM ingest.homes")
    }
    current = {
        key: placement.SerializeToString(deterministic=True)
        for key, (_, placement) in placements.items()
    }
    fresh, gone = await outbox.changed(connection, topics.FACTS.name, current)
    [number] = await number_on(connection)
    stamp = version(source.priority, int(now.timestamp() * 1000), number)
    for value, deleted in [
        *((value, False) for value in fresh.values()),
        *((value, True) for value in gone.values()),
    ]:
        placement = facts.Placement.FromString(value)
        placement.deleted = deleted
        placement.version.CopyFrom(stamp)
        fact = facts.Fact(
            organiser_id=organiser.bytes,
            accepted_unix_ms=int(now.timestamp() * 1000),
            placement=placement,
        )
        waiting.append(
            outbox.Waiting(
                outbox.FACTS,
                Outgoing(
                    topics.FACTS.name,
                    partition_of_home[placement.home_id],
                    placement.home_id,
                    fact.SerializeToString(),
                ),
            )
        )
    await outbox.remember(connection, organiser, topics.FACTS.name, fresh, list(gone))
    await outbox.enqueue(connection, organiser, waiting)
