"""Hands records to Kafka and knows when they are written (design D10)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.errors import KafkaError

from services.common import topics
from services.common.logging import get_logger
from services.ingest import metrics
from services.ingest.errors import BrokerAwayError, QueueFullError

log = get_logger(__name__)

_RECORD_OVERHEAD = 100
_CLOSE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record for one partition of one topic; ``value`` None is a tombstone."""

    topic: str
    partition: int
    key: bytes
    value: bytes | None

    @property
    def size(self) -> int:
        return len(self.key) + len(self.value or b"") + _RECORD_OVERHEAD


class Publisher:
    """An idempotent, never transactional producer that is replaced when it has failed.

    After a delivery has failed for good the producer's sequence numbers no
    longer fit and every later send would fail too, so it is closed, with
    whatever it still held, before a new one takes its place.
    """

    def __init__(
        self, factory: Callable[[], Any], *, max_in_flight_bytes: int, ack_seconds: float
    ) -> None:
        self._factory = factory
        self._limit = max_in_flight_bytes
        self._ack_seconds = ack_seconds
        self._in_flight = 0
        self._producer: Any | None = None
        self._closing: list[asyncio.Task[None]] = []
        self._lock = asyncio.Lock()
        self._closed = False

    @property
    def in_flight_bytes(self) -> int:
        """Bytes handed over and not acknowledged, those of callers that gave up included."""
        return self._in_flight

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Write ``records``; returns when all are acknowledged by all in-sync replicas.

        Records of one call for one partition keep their order. Raises
        :class:`QueueFullError` before anything is sent, or
        :class:`BrokerAwayError` when the acknowledgement of at least one is
        missing: some may have been written, and writing them again is harmless.
        """
        if not records:
            return
        size = sum(record.size for record in records)
        # An empty queue takes any batch: else one larger than the limit would never be taken.
        if self._in_flight and self._in_flight + size > self._limit:
            raise QueueFullError(f"{self._in_flight} bytes wait for Kafka already")
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self._ack_seconds):
                producer = await self._ready()
                try:
                    await self._deliver(producer, records)
                except KafkaError as error:
                    self._give_up_on(producer, error)
                    raise
        except TimeoutError as error:
            raise BrokerAwayError(
                f"Kafka acknowledged too little within {self._ack_seconds:g} s"
            ) from error
        except KafkaError as error:
            raise BrokerAwayError(f"Kafka: {error!r}") from error
        metrics.ACK_SECONDS.observe(time.monotonic() - begun)

    async def _deliver(self, producer: Any, records: Sequence[Outgoing]) -> None:
        futures: list[asyncio.Future[Any]] = []
        for record in records:
            future = await producer.send(
                record.topic, record.value, record.key, partition=record.partition
            )
            self._count(producer, future, record.size)
            futures.append(future)
        # wait(), not gather(): a caller that gives up must not cancel what may still be written,
        # or its bytes would no longer count as in flight.
        done, _ = await asyncio.wait(futures)
        for future in done:
            if error := future.exception():
                raise error

    def _count(self, producer: Any, future: asyncio.Future[Any], size: int) -> None:
        self._in_flight += size
        metrics.IN_FLIGHT_BYTES.set(self._in_flight)

        def settled(done: asyncio.Future[Any]) -> None:
            self._in_flight -= size
            metrics.IN_FLIGHT_BYTES.set(self._in_flight)
            error = None if done.cancelled() else done.exception()
            # Its caller may have given up long before.
            if isinstance(error, KafkaError):
                self._give_up_on(producer, error)

        future.add_done_callback(settled)

    def _give_up_on(self, producer: Any, error: KafkaError) -> None:
        if self._producer is producer:
            log.warning("producer_failed", error=type(error).__name__)
            metrics.PRODUCERS_REPLACED.inc()
            self._producer = None
            self._closing.append(asyncio.create_task(self._close(producer)))

    async def _ready(self) -> Any:
        async with self._lock:
            if self._closed:
                raise BrokerAwayError("ingest is stopping")
            # The failed one goes first: what it still holds must not arrive after newer records.
            # A caller that gives up meanwhile must not cut the closing short.
            while self._closing:
                await asyncio.shield(self._closing[-1])
                self._closing.pop()
            if self._producer is None:
                producer = self._factory()
                try:
                    await producer.start()
                except BaseException:
                    # Cancellation too: a half-started producer would leak its connection.
                    with contextlib.suppress(Exception):
                        await asyncio.shield(self._close(producer))
                    raise
                self._producer = producer
            return self._producer

    @staticmethod
    async def _close(producer: Any) -> None:
        # aiokafka's stop() flushes first, and a batch without a leader never drains: fail what
        # is left, so that flushing has nothing to wait for. There is no public way.
        producer._message_accumulator.fail_all(KafkaError("the producer was replaced"))  # noqa: SLF001
        try:
            await asyncio.wait_for(producer.stop(), _CLOSE_SECONDS)
        except (TimeoutError, KafkaError) as error:
            log.warning("producer_closed_late", error=type(error).__name__)

    async def partitions(self, topic: str) -> int:
        """How many partitions ``topic`` has; raises :class:`BrokerAwayError`."""
        try:
            async with asyncio.timeout(self._ack_seconds):
                producer = await self._ready()
                return len(await producer.partitions_for(topic))
        except (TimeoutError, KafkaError) as error:
            raise BrokerAwayError(f"Kafka: {error!r}") from error

    async def trouble(self) -> str | None:
        """None while the broker answers, else one sentence."""
        try:
            async with asyncio.timeout(5):
                producer = await self._ready()
                await producer.client.fetch_all_metadata()
                if not await producer.partitions_for(topics.FACTS.name):
                    return f"{topics.FACTS.name} has no partition"
        except (TimeoutError, KafkaError, BrokerAwayError) as error:
            return f"Kafka does not answer: {type(error).__name__}"
        return None

    async def close(self) -> None:
        """Send what is waiting, within a bounded time, and close."""
        self._closed = True
        async with self._lock:
            producer, self._producer = self._producer, None
            if producer is not None:
                try:
                    await asyncio.wait_for(producer.stop(), self._ack_seconds)
                except (TimeoutError, KafkaError):
                    await self._close(producer)
            await asyncio.gather(*self._closing)
            self._closing.clear()
