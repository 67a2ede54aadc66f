"""Waves to the input log with the note of them on ews.waves.v1, and signals to schools.

The producer is idempotent and never transactional: a transaction's marker in
the input log would be a gap to its readers (design D3). What keeps a Wave
whole is the note: written before the first partition's fact and again after the
last one's acknowledgement. Who starts and finds the first without the second
writes the Wave again; the core ignores what it has. A signal is one record on
ews.school-signals.v1 and needs no note.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaProducer
from google.protobuf.message import Message

from forvarning.facts.v1.facts_pb2 import Fact
from forvarning.school.v1.school_pb2 import SchoolSignal
from services.common.clock import Clock
from services.ews.core.ids import school_signal_key
from services.ews.topology import Topology
from services.ews.waves.board import Due

STATE = "state"
BEGUN, DONE = b"begun", b"done"
_AT_ONCE = 32
"""Waves whose facts are under way together."""


def note_key(fact: Fact) -> bytes:
    """The key of a row of ews.waves.v1."""
    return f"{fact.wave.school_unit_id.hex()}:{fact.wave.epoch_day}".encode()


class Writer:
    """Writes to every partition of the input log, and to the schools."""

    def __init__(
        self, producer: AIOKafkaProducer, topology: Topology, partitions: int, clock: Clock
    ) -> None:
        self._producer = producer
        self._topology = topology
        self._partitions = partitions
        self._clock = clock

    async def write(self, due: Sequence[Due]) -> None:
        """Write them all; raises KafkaError where any is not acknowledged."""
        accepted = int(self._clock.now().timestamp() * 1000)
        facts = [
            Fact(organiser_id=organiser_id, accepted_unix_ms=accepted, wave=wave)
            for organiser_id, wave in due
        ]
        for at in range(0, len(facts), _AT_ONCE):
            some = facts[at : at + _AT_ONCE]
            await self._notes(some, BEGUN)
            await self._send(
                (self._topology.facts, partition, fact.wave.school_unit_id, fact, None)
                for fact in some
                for partition in range(self._partitions)
            )
            await self._notes(some, DONE)

    async def write_signals(self, due: Sequence[SchoolSignal]) -> None:
        """Write them all; raises KafkaError where any is not acknowledged."""
        topic = self._topology.school_signals
        await self._send(
            (topic, 0, school_signal_key(one.school_unit_id, one.signal_id), one, None)
            for one in due
        )

    async def _notes(self, facts: Iterable[Fact], state: bytes) -> None:
        await self._send((self._topology.waves, 0, note_key(fact), fact, state) for fact in facts)

    async def _send(self, records: Iterable[tuple[str, int, bytes, Message, bytes | None]]) -> None:
        deliveries = [
            await self._producer.send(
                topic,
                message.SerializeToString(),
                key=key,
                partition=partition,
                headers=[(STATE, state)] if state else None,
            )
            for topic, partition, key, message, state in records
        ]
        await asyncio.gather(*deliveries)
