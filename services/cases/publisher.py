"""Takes the outbox to cases.events.v1."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from time import monotonic
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from services.cases import metrics
from services.cases.store import outbox
from services.cases.store.scope import Database
from services.common import topics
from services.common.logging import get_logger
from services.common.pg import is_away

_log = get_logger(__name__)
_PORTION = 500
_SEND_SECONDS = 30.0
_STOP_SECONDS = 10.0


class OutboxPublisher:
    """Publishes unpublished rows, at least once, in the order of each case.

    One publisher at a time works on an organiser (an advisory lock held for the transaction), so
    two processes never overtake each other within a case. A row is marked only when Kafka has
    acknowledged it; a crash in between sends it again under the same event id.

    After a failed delivery the producer is replaced: an expired batch leaves aiokafka's sequence
    numbers unfit for every later send (design D10).
    """

    def __init__(
        self,
        database: Database,
        make_producer: Callable[[], AIOKafkaProducer],
        *,
        poll_seconds: float = 0.2,
    ) -> None:
        self._database = database
        self._make_producer = make_producer
        self._producer: AIOKafkaProducer | None = None
        self._poll = poll_seconds
        self.progress = monotonic()

    async def run(self) -> None:
        """Publish until cancelled."""
        try:
            await self._loop()
        finally:
            await self.close()

    async def close(self) -> None:
        """Let go of the producer."""
        producer, self._producer = self._producer, None
        if producer is not None:
            # Stopping waits for what cannot be delivered any more; it is in the outbox too.
            with contextlib.suppress(KafkaError, TimeoutError):
                await asyncio.wait_for(producer.stop(), _STOP_SECONDS)

    async def _loop(self) -> None:
        while True:
            try:
                sent = await self.once()
            except Exception as error:
                if not (isinstance(error, KafkaError) or is_away(error)):
                    raise
                _log.warning("outbox waits", error=type(error).__name__)
                await self.close()
                # Who waits is not stuck: without Kafka there are still pages to show.
                self.progress = monotonic()
                await asyncio.sleep(1.0)
                continue
            self.progress = monotonic()
            if sent == 0:
                await asyncio.sleep(self._poll)

    async def once(self) -> int:
        """Publish one portion for each organiser that has something waiting."""
        rows = await self._database.pool.fetch("SELECT cases.organisers_with_outbox() AS id")
        return sum([await self._organiser(row["id"]) for row in rows])

    async def _organiser(self, organiser_id: UUID) -> int:
        async with self._database.system(organiser_id) as connection:
            mine = await connection.fetchval(
                "SELECT pg_try_advisory_xact_lock(hashtextextended('outbox|' || $1::text, 0))",
                str(organiser_id),
            )
            if not mine:
                return 0
            portion = await outbox.waiting(connection, _PORTION)
            if not portion:
                return 0
            async with asyncio.timeout(_SEND_SECONDS):
                producer = await self._ready_producer()
                sends = [
                    await producer.send(topics.CASE_EVENTS.name, row.payload, key=row.key.bytes)
                    for row in portion
                ]
                await asyncio.gather(*sends)
            await outbox.published(connection, [row.id for row in portion], self._database.now())
        metrics.PUBLISHED.inc(len(portion))
        return len(portion)

    async def _ready_producer(self) -> AIOKafkaProducer:
        if self._producer is None:
            # Known before it has started: what is begun has to be let go of as well.
            self._producer = self._make_producer()
            await self._producer.start()
        return self._producer
