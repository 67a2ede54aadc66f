"""Putting a partition's checkpoint row right by hand (`forvarning ews mend`).

For when the worker has stopped because the row and the input log no longer
belong together: the topic was created anew or cut off, or retention was faster
than the worker.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiokafka.structs import TopicPartition

from services.common.settings import EwsSettings
from services.ews.checkpoint import encode_checkpoint, send_batches, transactional_producer
from services.ews.logreader import ranges, read_to_end, reader
from services.ews.partition import Position
from services.ews.topology import CHECKPOINT_KEY, Topology


@dataclass(frozen=True, slots=True)
class Mended:
    """What the partition's row says now."""

    position: Position
    removed_rows: int


async def mend(
    settings: EwsSettings, topology: Topology, partition: int, *, rebuild: bool, by: str
) -> Mended:
    """Let ``partition`` read the input log from its beginning.

    Without ``rebuild`` the state stays: facts that it holds already change
    nothing (design D2), and nothing that is published is withdrawn. With it the
    state is removed and computed anew from the log alone; what was published
    counts as published (design D4). A worker that still owns the partition is
    fenced and ends.
    """
    producer = transactional_producer(settings, partition)
    await producer.start()
    try:
        keys: dict[bytes, bool] = {}
        async with reader(settings) as consumer:
            facts = TopicPartition(topology.facts, partition)
            beginning, end = (await ranges(consumer, [facts]))[facts]
            if rebuild:
                state = [TopicPartition(topology.state, partition)]
                async for record in read_to_end(consumer, state):
                    keys[record.key] = record.value is not None
        keys.pop(CHECKPOINT_KEY, None)
        gone = [key for key, alive in keys.items() if alive]
        position = Position(next_offset=beginning, rebuild_until=end if rebuild else 0)
        rows = [(key, None, ()) for key in gone]
        row = (CHECKPOINT_KEY, encode_checkpoint(position, by), ())
        async with producer.transaction():
            for delivery in await send_batches(producer, topology.state, partition, [*rows, row]):
                await delivery
    finally:
        await producer.stop()
    return Mended(position, len(gone))
