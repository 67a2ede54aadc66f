"""A plain aiokafka loop: `python -m bench.ews.peers.loop`.

FORVARNING_BENCH_PEER, one JSON object, tells what it does:

- ``core``: the registers through Förvarning's own decision core. It sends the warnings and
  commits its offsets, and keeps no state anywhere: whoever starts it again begins at the log's
  beginning, and nothing fences the one it replaces.
- ``decode``: consumes and decodes, and does nothing else. That is the ceiling of every consumer
  in Python that reads this log.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import ConsumerRecord, TopicPartition

from bench.ews.peers.deciding import Decider, settle_collector
from forvarning.facts.v1.facts_pb2 import Fact

_COMMIT_SECONDS = 1.0
_FETCH_BYTES = 4 * 1024 * 1024


class Work(Protocol):
    """What is done with the records."""

    def take(self, tp: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        """Take some of a partition's records in order."""

    async def done(self, consumer: AIOKafkaConsumer, now: float) -> dict[TopicPartition, int]:
        """Finish what is due; the offsets that may be committed."""


class Decoding:
    """Decodes, and forgets."""

    def __init__(self) -> None:
        self._offsets: dict[TopicPartition, int] = {}

    def take(self, tp: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            Fact.FromString(record.value)
        self._offsets[tp] = records[-1].offset + 1

    async def done(self, consumer: AIOKafkaConsumer, now: float) -> dict[TopicPartition, int]:  # noqa: ARG002  # as Work has it
        offsets, self._offsets = self._offsets, {}
        return offsets


class Deciding:
    """Decides, and sends what comes of it."""

    def __init__(self, producer: AIOKafkaProducer, output: str) -> None:
        self._producer, self._output = producer, output
        self._deciders: dict[TopicPartition, Decider] = {}
        self._next: dict[TopicPartition, int] = {}

    def take(self, tp: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        decider = self._deciders.get(tp)
        if decider is None:
            decider = self._deciders[tp] = Decider(tp.partition)
        now = time.monotonic()
        for record in records:
            decider.take(record.value, record.offset, now)
        self._next[tp] = records[-1].offset + 1

    async def done(self, consumer: AIOKafkaConsumer, now: float) -> dict[TopicPartition, int]:
        offsets: dict[TopicPartition, int] = {}
        sent = []
        for tp, decider in self._deciders.items():
            at_the_end = self._next[tp] >= (consumer.highwater(tp) or 0)
            if not decider.holds or not (at_the_end or decider.due(now)):
                continue
            batch = decider.collect()
            for row in (*batch.warnings, *batch.absence_days, *batch.group_days):
                sent.append(  # noqa: PERF401  # it awaits
                    await self._producer.send(
                        self._output, row.value, key=row.key, partition=tp.partition
                    )
                )
            offsets[tp] = self._next[tp]
        await asyncio.gather(*sent)
        return offsets


async def run(wanted: dict[str, Any]) -> None:
    """Read until the process is ended."""
    producer = AIOKafkaProducer(bootstrap_servers=wanted["broker"], acks="all", linger_ms=5)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=wanted["broker"],
        group_id=wanted["group"],
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_wait_ms=50,
    )
    work: Work = Decoding() if wanted["way"] == "decode" else Deciding(producer, wanted["output"])
    await producer.start()
    await consumer.start()
    consumer.assign([TopicPartition(wanted["topic"], p) for p in range(wanted["partitions"])])
    looked = time.monotonic()
    while True:
        for tp, records in (await consumer.getmany(timeout_ms=200, max_records=5_000)).items():
            work.take(tp, records)
        now = time.monotonic()
        if now - looked >= _COMMIT_SECONDS:
            looked = now
            if offsets := await work.done(consumer, now):
                await consumer.commit(offsets)


if __name__ == "__main__":
    settle_collector()
    asyncio.run(run(json.loads(os.environ["FORVARNING_BENCH_PEER"])))
