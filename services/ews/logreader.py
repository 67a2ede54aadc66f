"""Plain reads of the log beside the consumer group: no group, no commits."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord, TopicPartition

from services.common.kafka import committed_reader
from services.common.settings import EwsSettings
from services.ews.errors import EwsError

_STALLED_SECONDS = 30.0


@asynccontextmanager
async def reader(settings: EwsSettings, *, small: bool = False) -> AsyncIterator[AIOKafkaConsumer]:
    """A started `read_committed` consumer without group, stopped afterwards.

    ``small``: fetch little, for looking at single records.
    """
    consumer = committed_reader(
        settings,
        group=None,
        max_partition_fetch_bytes=(64 if small else 4096) * 1024,
        fetch_max_wait_ms=100,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def ranges(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, tuple[int, int]]:
    """The first offset still there and the next one to be written, of each partition."""
    beginnings: Mapping[TopicPartition, int] = await consumer.beginning_offsets(list(partitions))
    ends: Mapping[TopicPartition, int] = await consumer.end_offsets(list(partitions))
    return {tp: (beginnings[tp], ends[tp]) for tp in partitions}


async def read_to_end(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
) -> AsyncIterator[ConsumerRecord]:
    """Every committed record from the beginning to the end as it is now, in offset order.

    Raises EwsError when the broker gives nothing for half a minute.
    """
    if not partitions:
        return
    consumer.assign(list(partitions))
    limits = await ranges(consumer, partitions)
    todo = {tp for tp, (beginning, end) in limits.items() if end > beginning}
    for tp in todo:
        consumer.seek(tp, limits[tp][0])
    for tp in set(partitions) - todo:
        consumer.pause(tp)
    deadline = time.monotonic() + _STALLED_SECONDS
    while todo:
        fetched = await consumer.getmany(*todo, timeout_ms=100)
        for records in fetched.values():
            for record in records:
                yield record
        for tp in list(todo):
            # The end may be a transaction's marker, which is no record but moves the position.
            if await consumer.position(tp) >= limits[tp][1]:
                todo.discard(tp)
                consumer.pause(tp)
        if fetched:
            deadline = time.monotonic() + _STALLED_SECONDS
        elif time.monotonic() > deadline:
            waiting = ", ".join(sorted(f"{tp.topic}[{tp.partition}]" for tp in todo))
            msg = f"the broker has given nothing of {waiting} for {_STALLED_SECONDS:.0f} s"
            raise EwsError(msg)


async def records_at(
    consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]
) -> dict[TopicPartition, ConsumerRecord]:
    """The first record at or after each offset (which must be below the partition's end)."""
    if not offsets:
        return {}
    consumer.assign(list(offsets))
    for tp, offset in offsets.items():
        consumer.seek(tp, offset)
    found: dict[TopicPartition, ConsumerRecord] = {}
    deadline = time.monotonic() + _STALLED_SECONDS
    while len(found) < len(offsets):
        missing = [tp for tp in offsets if tp not in found]
        for tp, records in (await consumer.getmany(*missing, timeout_ms=100)).items():
            if records:
                found[tp] = records[0]
                consumer.pause(tp)
        if time.monotonic() > deadline:
            waiting = ", ".join(sorted(f"{tp.topic}[{tp.partition}]" for tp in missing))
            msg = f"the broker has given nothing of {waiting} for {_STALLED_SECONDS:.0f} s"
            raise EwsError(msg)
    return found
