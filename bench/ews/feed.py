"""Writes records to a topic in their order, a batch at a time: for benchmarks only."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from services.common.kafka import idempotent_producer
from services.common.settings import CommonSettings

_BATCH_BYTES = 256 * 1024
_IN_FLIGHT = 64
_BREATH = 100


class Writable(Protocol):
    """What is written."""

    @property
    def partition(self) -> int: ...
    @property
    def key(self) -> bytes: ...
    @property
    def value(self) -> bytes: ...
    @property
    def marks(self) -> int: ...


@dataclass(slots=True)
class Written:
    """What went in. ``bytes`` are those of the values."""

    records: int = 0
    marks: int = 0
    bytes: int = 0


class _Batches:
    """Fills one batch a partition; keeps a bounded number under way, in order."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer, self._topic = producer, topic
        self._open: dict[int, BatchBuilder] = {}
        self._under_way: deque[asyncio.Future[object]] = deque()

    async def add(self, record: Writable) -> None:
        batch = self._open.get(record.partition)
        if batch is None:
            batch = self._open[record.partition] = self._producer.create_batch()
        if batch.append(timestamp=None, key=record.key, value=record.value) is None:
            await self._send(record.partition)
            await self.add(record)

    async def _send(self, partition: int) -> None:
        batch = self._open.pop(partition)
        self._under_way.append(
            await self._producer.send_batch(batch, self._topic, partition=partition)
        )
        while len(self._under_way) > _IN_FLIGHT:
            await self._under_way.popleft()

    async def close(self) -> None:
        for partition in list(self._open):
            await self._send(partition)
        while self._under_way:
            await self._under_way.popleft()


async def write(settings: CommonSettings, topic: str, records: Iterable[Writable]) -> Written:
    """Write everything; returns when the broker has acknowledged it."""
    written = Written()
    producer = idempotent_producer(
        settings, max_batch_size=_BATCH_BYTES, linger_ms=0, request_timeout_ms=120_000
    )
    await producer.start()
    try:
        batches = _Batches(producer, topic)
        for record in records:
            await batches.add(record)
            written.records += 1
            if written.records % _BREATH == 0:
                # Making records is all work and no waiting: the producer needs its turn.
                await asyncio.sleep(0)
            written.marks += record.marks
            written.bytes += len(record.value)
        await batches.close()
    finally:
        await producer.stop()
    return written
