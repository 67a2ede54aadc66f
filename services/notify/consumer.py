"""Reads ews.warnings.v1 and cases.events.v1; effects first, offsets after (design D9)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition

from forvarning.cases.v1 import cases_pb2
from forvarning.warnings.v1 import warnings_pb2
from services.common import pg, topics
from services.common.clock import Clock
from services.common.logging import get_logger
from services.notify import case_events, metrics, warnings
from services.notify.model import UnreadableEventError
from services.notify.policy import Policy

_log = get_logger(__name__)

Record: TypeAlias = ConsumerRecord


@dataclass(frozen=True, slots=True)
class Event:
    """One readable event and where it came from."""

    record: Record
    organiser_id: UUID
    body: warnings_pb2.WarningEvent | cases_pb2.CaseEvent


class Intake:
    """Applies batches of records to the database, whatever they are."""

    def __init__(self, pool: pg.Pool, clock: Clock, policy: Policy) -> None:
        self._pool = pool
        self._clock = clock
        self._policy = policy

    async def take(self, records: Sequence[Record]) -> None:
        """Apply the records; when it returns, their effects are committed.

        One transaction for each organiser. Where one fails because of an event
        its events are applied one by one, and the culprit goes among the dead
        letters; where the database is away the error is raised.
        """
        by_organiser: dict[UUID, list[Event]] = defaultdict(list)
        for record in records:
            if record.value is None:
                continue  # a tombstone: an erasure, which wakes nobody
            try:
                event = _parse(record)
            except UnreadableEventError as error:
                await self._bury(record, error.reason)
            else:
                by_organiser[event.organiser_id].append(event)
        for organiser_id, events in by_organiser.items():
            try:
                await self._apply(organiser_id, events)
            except Exception as error:
                if pg.is_away(error):
                    raise
                # Whatever one event does must not stop the others.
                _log.exception("batch refused, going one by one", events=len(events))
                await self._one_by_one(organiser_id, events)

    async def _one_by_one(self, organiser_id: UUID, events: Sequence[Event]) -> None:
        for event in events:
            try:
                await self._apply(organiser_id, [event])
            except Exception as error:
                if pg.is_away(error):
                    raise
                _log.exception("event refused", topic=event.record.topic)
                await self._bury(event.record, type(error).__name__)

    async def _apply(self, organiser_id: UUID, events: Sequence[Event]) -> None:
        async with pg.tenant(self._pool, organiser_id) as connection:
            now = self._clock.now()
            told = [one.body for one in events if isinstance(one.body, warnings_pb2.WarningEvent)]
            if told:
                await warnings.apply(connection, organiser_id, told, self._policy, now)
            for event in events:
                if isinstance(event.body, cases_pb2.CaseEvent):
                    await case_events.apply(connection, event.body, self._policy, now)

    async def _bury(self, record: Record, reason: str) -> None:
        metrics.DEAD_LETTERS.labels(reason).inc()
        await self._pool.execute(
            "INSERT INTO notify.dead_letters (topic, partition, record_offset, reason, payload, at)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            record.topic,
            record.partition,
            record.offset,
            reason,
            record.value,
            datetime.now(UTC),
        )


class Reader:
    """The loop around the intake: read, apply, commit; the database may go and come."""

    def __init__(self, consumer: AIOKafkaConsumer, intake: Intake) -> None:
        self._consumer = consumer
        self._intake = intake
        self.trouble: str | None = "has not read yet"
        """What keeps it from working, in one sentence; None when well."""

    async def run(self, stop: asyncio.Event) -> None:
        """Read until told to stop."""
        while not stop.is_set():
            try:
                batches = await self._consumer.getmany(timeout_ms=300, max_records=500)
            except KafkaError as error:
                self.trouble = f"Kafka gives no events ({type(error).__name__})"
                _log.warning("broker away, trying again", error=type(error).__name__)
                await asyncio.sleep(1.0)
                continue
            self.trouble = None
            records = [record for batch in batches.values() for record in batch]
            if records and await self._insist(records, stop):
                await self._commit(batches)

    async def _insist(self, records: Sequence[Record], stop: asyncio.Event) -> bool:
        """Apply the records, again and again while the database is away; False when stopped."""
        pause = 0.1
        while not stop.is_set():
            try:
                await self._intake.take(records)
            except pg.AWAY as error:
                self.trouble = f"the database does not take events ({type(error).__name__})"
                _log.warning("database away, trying again", error=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(2.0, pause * 2)
            else:
                self.trouble = None
                return True
        return False

    async def _commit(self, batches: dict[TopicPartition, list[Record]]) -> None:
        offsets = {partition: batch[-1].offset + 1 for partition, batch in batches.items()}
        try:
            await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError):
            # The partitions went to somebody else, who reads them again: the inbox knows them.
            _log.info("offsets not committed after a rebalance")
        except KafkaError as error:
            # The next commit takes them along; after a restart the events are known.
            _log.warning("offsets not committed", error=type(error).__name__)


def _parse(record: Record) -> Event:
    value = record.value or b""
    body: warnings_pb2.WarningEvent | cases_pb2.CaseEvent
    if record.topic == topics.WARNINGS.name:
        body = warnings.parse(value)
    else:
        body = case_events.parse(value)
    return Event(record, UUID(bytes=body.organiser_id), body)
