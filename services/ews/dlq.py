"""Listing the dead letters and sending them again (`forvarning dlq`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord, TopicPartition

from services.common.kafka import idempotent_producer
from services.common.settings import EwsSettings
from services.ews.deadletters import REPLAY_HEADER, REPLAYED_HEADER
from services.ews.logreader import ranges, read_to_end, reader, records_at
from services.ews.topology import Topology


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter as it lies on the topic."""

    partition: int
    origin: int
    """The offset at which the fact first failed, in the same partition of the input log."""
    kind: str
    reason: str
    detail: str
    pupils: int
    timestamp_ms: int
    key: bytes | None
    value: bytes


async def open_letters(settings: EwsSettings, topology: Topology) -> list[Letter]:
    """The letters that have not been sent again since they last failed, oldest first."""
    found: dict[tuple[int, int], Letter] = {}
    async with reader(settings) as consumer:
        tps = await _partitions(consumer, topology.dead_letters)
        async for record in read_to_end(consumer, tps):
            headers = {name: value.decode() for name, value in record.headers}
            origin = int(headers["dlq-origin-offset"])
            place = record.partition, origin
            if REPLAYED_HEADER in headers:
                found.pop(place, None)
            else:
                found.pop(place, None)
                found[place] = _letter(record, origin, headers)
    return sorted(found.values(), key=lambda letter: (letter.timestamp_ms, letter.origin))


def _letter(record: ConsumerRecord, origin: int, headers: dict[str, str]) -> Letter:
    return Letter(
        partition=record.partition,
        origin=origin,
        kind=headers["dlq-kind"],
        reason=headers["dlq-reason"],
        detail=headers.get("dlq-detail", ""),
        pupils=len([p for p in headers.get("dlq-pupils", "").split(",") if p]),
        timestamp_ms=record.timestamp,
        key=record.key,
        value=record.value or b"",
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one letter."""

    letter: Letter
    sent_offset: int | None
    """Where it lies in the input log now; None: its bytes are nowhere any more."""


async def replay(
    settings: EwsSettings,
    topology: Topology,
    letters: list[Letter],
    *,
    by: str,
    a_second: float,
    told: Callable[[Outcome], None],
) -> None:
    """Send letters again to their own partition of the input log, at most ``a_second``.

    A letter without bytes (a pupil's failed decision) is read from the log.
    Each one sent is noted on the dead-letter topic, with ``by``; one that fails
    again becomes a new letter of the same origin.
    """
    originals = await _originals(settings, topology, [x for x in letters if not x.value])
    async with _producer(settings) as producer:
        for letter in letters:
            key, value = letter.key, letter.value
            if not value:
                if (letter.partition, letter.origin) not in originals:
                    told(Outcome(letter, None))
                    continue
                key, value = originals[letter.partition, letter.origin]
            origin = str(letter.origin).encode()
            written = await producer.send_and_wait(
                topology.facts,
                value,
                key=key,
                partition=letter.partition,
                headers=[(REPLAY_HEADER, origin)],
            )
            # After the fact: where we end in between, it is sent twice, which changes nothing.
            await producer.send_and_wait(
                topology.dead_letters,
                b"",
                key=letter.key,
                partition=letter.partition,
                headers=[
                    (REPLAYED_HEADER, by.encode()),
                    ("dlq-origin-offset", origin),
                    ("dlq-replayed-as", str(written.offset).encode()),
                ],
            )
            told(Outcome(letter, written.offset))
            await asyncio.sleep(1 / a_second)


@asynccontextmanager
async def _producer(settings: EwsSettings) -> AsyncIterator[Any]:
    producer = idempotent_producer(settings, linger_ms=0)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def _originals(
    settings: EwsSettings, topology: Topology, letters: list[Letter]
) -> dict[tuple[int, int], tuple[bytes | None, bytes]]:
    """Key and value of the facts that the letters are about, where the log still has them."""
    found: dict[tuple[int, int], tuple[bytes | None, bytes]] = {}
    if not letters:
        return found
    async with reader(settings, small=True) as consumer:
        tps = {TopicPartition(topology.facts, letter.partition) for letter in letters}
        limits = await ranges(consumer, sorted(tps))
        for letter in letters:
            tp = TopicPartition(topology.facts, letter.partition)
            beginning, end = limits[tp]
            if beginning <= letter.origin < end:
                record = (await records_at(consumer, {tp: letter.origin}))[tp]
                if record.value:
                    found[letter.partition, letter.origin] = record.key, record.value
    return found


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    # The metadata of a topic that nobody has asked for yet comes with the first question.
    await consumer._client._wait_on_metadata(topic)  # noqa: SLF001 - aiokafka has no public way without a group
    return [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or ())]
