"""Reads one topic into the database: `read_committed`, offsets committed after the effects (D9).

- A batch is split by organiser; each organiser's part is one transaction.
- When the database is away the batch waits; nothing is skipped and nothing is lost.
- A message that nobody can read, or that the database refuses by itself, goes to the dead
  letters with its bytes, reason and origin, and the stream goes on. Too many in a row end the
  process instead of draining the topic.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from services.cases import metrics
from services.cases.domain.threads import UnreadableMessageError
from services.cases.store.scope import Database
from services.common.logging import get_logger
from services.common.pg import AWAY, is_away

_log = get_logger(__name__)


class HasOrganiser(Protocol):
    """A decoded message knows whose it is."""

    @property
    def organiser_id(self) -> UUID: ...


Message = TypeVar("Message", bound=HasOrganiser)


@dataclass(frozen=True, slots=True)
class Pending(Generic[Message]):
    """A decoded message and where it stood."""

    record: ConsumerRecord
    message: Message


class TooManyDeadLettersError(RuntimeError):
    """Hardly anything can be read: rather stop than drain the topic into the dead letters."""


class TopicConsumer(Generic[Message]):
    """One topic, read into the database by one task.

    ``decode`` returns None for a record that means nothing here (a tombstone);
    ``apply`` writes one organiser's messages in one transaction and is
    idempotent.
    """

    def __init__(
        self,
        topic: str,
        consumer: AIOKafkaConsumer,
        database: Database,
        decode: Callable[[bytes | None], Message | None],
        apply: Callable[[UUID, Sequence[tuple[Message, bytes]]], Awaitable[None]],
        *,
        max_records: int = 500,
        max_dead_in_row: int = 100,
    ) -> None:
        self._topic = topic
        self._consumer = consumer
        self._database = database
        self._decode = decode
        self._apply = apply
        self._max_records = max_records
        self._max_dead = max_dead_in_row
        self._dead_in_row = 0
        self.progress = monotonic()

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            batch = await self._consumer.getmany(timeout_ms=100, max_records=self._max_records)
            self.progress = monotonic()
            records = [record for part in batch.values() for record in part]
            if not records:
                continue
            with metrics.BATCH_SECONDS.labels(self._topic).time():
                await self._take(records)
            await self._commit(records)

    async def _take(self, records: Sequence[ConsumerRecord]) -> None:
        by_organiser: dict[UUID, list[Pending[Message]]] = defaultdict(list)
        for record in records:
            try:
                message = self._decode(record.value)
            except UnreadableMessageError as error:
                await self._dead_letter(record, error.reason, error.detail)
                continue
            if message is not None:
                by_organiser[message.organiser_id].append(Pending(record, message))
        for organiser_id in sorted(by_organiser):
            await self._organiser(organiser_id, by_organiser[organiser_id])

    async def _organiser(self, organiser_id: UUID, part: list[Pending[Message]]) -> None:
        """Apply one organiser's part; what cannot be applied is found by halving."""
        try:
            await self._persist(
                lambda: self._apply(organiser_id, [(p.message, p.record.value) for p in part])
            )
        except Exception as error:  # noqa: BLE001 - what is not the database's is the message's own fault
            if len(part) == 1:
                _log.exception("message refused", topic=self._topic, offset=part[0].record.offset)
                await self._dead_letter(part[0].record, "refused", type(error).__name__)
                return
            middle = len(part) // 2
            await self._organiser(organiser_id, part[:middle])
            await self._organiser(organiser_id, part[middle:])
            return
        self._dead_in_row = 0
        metrics.MESSAGES.labels(self._topic, "applied").inc(len(part))

    async def _persist(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it, and wait as long as the database is away."""
        pause = 0.1
        while True:
            try:
                await work()
            except AWAY as error:
                if not is_away(error):
                    raise
                metrics.RETRIES.labels(self._topic).inc()
                _log.warning("database away", topic=self._topic, error=type(error).__name__)
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
                pause = min(pause * 2, 5.0)
                self.progress = monotonic()
            else:
                return

    async def _dead_letter(self, record: ConsumerRecord, reason: str, detail: str) -> None:
        self._dead_in_row += 1
        if self._dead_in_row > self._max_dead:
            msg = f"{self._topic}: {self._dead_in_row} messages in a row cannot be read"
            raise TooManyDeadLettersError(msg)

        async def write() -> None:
            async with self._database.nobody() as connection:
                await connection.execute(
                    """
                    INSERT INTO cases.dead_letters (topic, partition, log_offset, reason, detail,
                        key, value, received_at)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING
                    """,
                    record.topic,
                    record.partition,
                    record.offset,
                    reason,
                    detail[:500],
                    record.key,
                    record.value,
                    self._database.now(),
                )

        await self._persist(write)
        metrics.MESSAGES.labels(self._topic, "dead_letter").inc()
        _log.error(
            "dead letter",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=reason,
        )

    async def _commit(self, records: Sequence[ConsumerRecord]) -> None:
        positions: dict[Any, int] = {}
        for record in records:
            partition = TopicPartition(record.topic, record.partition)
            positions[partition] = max(positions.get(partition, 0), record.offset + 1)
        try:
            await self._consumer.commit(positions)
        except (CommitFailedError, IllegalStateError):
            # A rebalance took the partition away: its new reader starts earlier, which is harmless.
            _log.info("offsets not committed: partitions moved", topic=self._topic)
        except KafkaError as error:
            # The effects are stored; the offsets go with the next batch.
            _log.warning("offsets not committed", topic=self._topic, error=type(error).__name__)
