"""Watches checkpoints become visible, as any reader of the changelog sees them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from services.common import topics
from services.common.cancellation import beside
from services.common.kafka import committed_reader
from services.common.settings import CommonSettings
from services.ews.checkpoint import decode_checkpoint
from services.ews.topology import CHECKPOINT_KEY

_POLL_MS = 50


class CheckpointWatch:
    """When each partition's checkpoint rows became readable, on ``time.monotonic``."""

    def __init__(self, settings: CommonSettings) -> None:
        self._settings = settings
        self._partitions = settings.fact_partitions
        self._moments: dict[int, list[float]] = {}
        self._next: dict[int, int] = {}

    @property
    def moments(self) -> Mapping[int, Sequence[float]]:
        """Ascending moments of each partition."""
        return self._moments

    def since(self, moment: float) -> set[int]:
        """The partitions that had a checkpoint after ``moment``."""
        return {p for p, moments in self._moments.items() if moments and moments[-1] > moment}

    async def wait_all(self, after: float, *, seconds: float) -> bool:
        """Wait until every partition had a checkpoint after ``after``; False when out of time."""
        deadline = time.monotonic() + seconds
        while len(self.since(after)) < self._partitions:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.05)
        return True

    async def behind(self) -> int:
        """How many facts of the input log no checkpoint holds yet."""
        consumer = committed_reader(self._settings, group=None)
        await consumer.start()
        try:
            names = [TopicPartition(topics.FACTS.name, n) for n in range(self._partitions)]
            ends = await consumer.end_offsets(names)
        finally:
            await consumer.stop()
        return sum(max(0, end - self._next.get(name.partition, 0)) for name, end in ends.items())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watch from the topic's beginning on, to the end of the block."""
        # A broker answers for all partitions at once: where some are quiet, the others' news must
        # not wait for them.
        consumer = committed_reader(self._settings, group=None, fetch_max_wait_ms=2 * _POLL_MS)
        await consumer.start()
        try:
            names = [TopicPartition(topics.STATE.name, n) for n in range(self._partitions)]
            consumer.assign(names)
            async with beside(self._follow(consumer)):
                yield
        finally:
            await consumer.stop()

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            batches = await consumer.getmany(timeout_ms=_POLL_MS)
            now = time.monotonic()
            for name, records in batches.items():
                for record in records:
                    if record.key == CHECKPOINT_KEY and record.value:
                        self._next[name.partition] = decode_checkpoint(record.value).next_offset
                        self._moments.setdefault(name.partition, []).append(now)
