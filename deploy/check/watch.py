"""Watches checkpoints become visible, as any reader of the changelog sees them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from services.common import topics
from services.common.kafka import committed_reader
from services.common.settings import CommonSettings
from services.ews.topology import CHECKPOINT_KEY

_POLL_MS = 50


class CheckpointWatch:
    """When each partition's checkpoint rows became readable, on ``time.monotonic``."""

    def __init__(self, settings: CommonSettings) -> None:
        self._settings = settings
        self._partitions = settings.fact_partitions
        self._moments: dict[int, list[float]] = {}

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

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watch from now on, to the end of the block."""
        consumer = committed_reader(self._settings, group=None)
        await consumer.start()
        try:
            names = [TopicPartition(topics.STATE.name, n) for n in range(self._partitions)]
            consumer.assign(names)
            await consumer.seek_to_end(*names)
            task = asyncio.create_task(self._follow(consumer))
            try:
                yield
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        finally:
            await consumer.stop()

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            batches = await consumer.getmany(timeout_ms=_POLL_MS)
            now = time.monotonic()
            for name, records in batches.items():
                if any(record.key == CHECKPOINT_KEY for record in records):
                    self._moments.setdefault(name.partition, []).append(now)
