"""A partition's checkpoint: one Kafka transaction in which all of it becomes visible, or none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from forvarning.state.v1.state_pb2 import Checkpoint, StateValue
from services.common.kafka import connection
from services.common.settings import EwsSettings
from services.ews.core.api import Row
from services.ews.errors import TransactionError
from services.ews.hooks import Hook
from services.ews.partition import Position, Snapshot
from services.ews.topology import CHECKPOINT_KEY, Topology, transactional_id

_BATCH_BYTES = 512 * 1024
_Header = tuple[str, bytes]
_Outgoing = tuple[bytes | None, bytes | None, Sequence[_Header]]


def transactional_producer(settings: EwsSettings, partition: int) -> AIOKafkaProducer:
    """The producer of one partition; starting it fences whoever owned the partition before."""
    return AIOKafkaProducer(
        **connection(settings),
        transactional_id=transactional_id(settings.ews_group, partition),
        transaction_timeout_ms=int(settings.ews_transaction_timeout_seconds * 1000),
        request_timeout_ms=int(settings.ews_transaction_timeout_seconds * 1000),
        acks="all",
        max_batch_size=_BATCH_BYTES,
    )


def encode_checkpoint(position: Position, written_by: str) -> bytes:
    """A checkpoint row's value."""
    row = Checkpoint(
        next_offset=position.next_offset,
        previous_crc=position.previous_crc,
        written_by=written_by,
        rebuild_until_offset=position.rebuild_until,
        undigested_in_a_row=position.undigested_in_a_row,
    )
    return StateValue(checkpoint=row).SerializeToString()


def decode_checkpoint(value: bytes) -> Position:
    """The position that a checkpoint row's value states."""
    row = StateValue.FromString(value).checkpoint
    return Position(
        next_offset=row.next_offset,
        previous_crc=row.previous_crc,
        rebuild_until=row.rebuild_until_offset,
        undigested_in_a_row=row.undigested_in_a_row,
    )


@dataclass(frozen=True, slots=True)
class Checkpointer:
    """Writes snapshots. One instance serves all partitions."""

    settings: EwsSettings
    topology: Topology
    hook: Hook
    written_by: str

    async def write(self, producer: AIOKafkaProducer, partition: int, snapshot: Snapshot) -> None:
        """Write ``snapshot`` in one transaction.

        Raises TransactionError when any delivery or step fails or the whole
        takes longer than the broker keeps a transaction open. The core regards
        the snapshot as published, so the caller must then end the process.
        """
        # Beyond the broker's own time-out nothing can succeed: it has aborted the transaction.
        seconds = self.settings.ews_transaction_timeout_seconds * 1.5
        try:
            async with asyncio.timeout(seconds):
                await self._write(producer, partition, snapshot)
        except Exception as error:
            what = f"{type(error).__name__}: {error}".rstrip(": ")
            msg = f"partition {partition}: the checkpoint's transaction failed ({what})"
            raise TransactionError(msg) from error

    async def _write(self, producer: AIOKafkaProducer, partition: int, snapshot: Snapshot) -> None:
        reached = self.hook.reached
        await producer.begin_transaction()
        await reached("begun", partition)
        deliveries: list[Any] = []
        for topic, rows in self._outgoing(partition, snapshot):
            deliveries += await send_batches(producer, topic, partition, rows)
        await reached("sent", partition)
        # Each result is looked at: aiokafka commits whatever became of the batches.
        await asyncio.gather(*deliveries)
        await reached("delivered", partition)
        position = OffsetAndMetadata(snapshot.position.next_offset, "")
        await producer.send_offsets_to_transaction(
            {TopicPartition(self.topology.facts, partition): position}, self.settings.ews_group
        )
        await reached("offsets", partition)
        await producer.commit_transaction()
        await reached("committed", partition)

    def _outgoing(
        self, partition: int, snapshot: Snapshot
    ) -> Iterable[tuple[str, Iterable[_Outgoing]]]:
        batch, names = snapshot.batch, self.topology
        checkpoint = Row(CHECKPOINT_KEY, encode_checkpoint(snapshot.position, self.written_by))
        yield names.state, _plain([*batch.state, checkpoint])
        yield names.warnings, _plain(batch.warnings)
        yield names.absence_days, _plain(batch.absence_days)
        yield names.group_days, _plain(batch.group_days)
        letters = (
            (letter.key, letter.value, letter.headers(names.facts, partition))
            for letter in snapshot.letters
        )
        yield names.dead_letters, letters


def _plain(rows: Iterable[Row]) -> Iterable[_Outgoing]:
    return ((row.key, row.value, ()) for row in rows)


async def send_batches(
    producer: AIOKafkaProducer, topic: str, partition: int, rows: Iterable[_Outgoing]
) -> list[asyncio.Future[Any]]:
    """Hand rows to the producer in as few batches as they fit; one future a batch."""
    futures: list[asyncio.Future[Any]] = []
    batch = None
    for key, value, headers in rows:
        if batch is not None:
            added = batch.append(timestamp=None, key=key, value=value, headers=list(headers))
            if added is not None:
                continue
            futures.append(await producer.send_batch(batch, topic, partition=partition))
        batch = producer.create_batch()
        # An empty batch takes any row, however large; the broker's limit is the topic's.
        batch.append(timestamp=None, key=key, value=value, headers=list(headers))
    if batch is not None:
        futures.append(await producer.send_batch(batch, topic, partition=partition))
    return futures
