"""Reading a partition back: its changelog and what was last published, each to the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from services.common.settings import EwsSettings
from services.ews.checkpoint import decode_checkpoint
from services.ews.core.api import PartitionCore, PublishedError, StateError
from services.ews.errors import LogMismatchError
from services.ews.logreader import ranges, read_to_end, reader
from services.ews.partition import Position
from services.ews.topology import CHECKPOINT_KEY, Topology
from services.ews.verify import verify


@dataclass(slots=True)
class Restored:
    """A core as it was at its checkpoint."""

    core: PartitionCore
    position: Position | None = None
    """None until known: there was no checkpoint row."""
    rows: int = 0
    """Of the changelog, that stand."""


async def restore(
    settings: EwsSettings,
    topology: Topology,
    partitions: Iterable[int],
    make_core: Callable[[], PartitionCore],
    still_ours: Callable[[], None],
) -> dict[int, Restored]:
    """Restore ``partitions``, whose former owners have been fenced by now.

    ``still_ours`` raises SupersededError when a newer rebalance has begun; it
    is asked after every await. Raises LogMismatchError where a checkpoint row
    and the input log, or what was published, do not belong together.
    """
    found = {partition: Restored(make_core()) for partition in partitions}
    async with reader(settings) as consumer:
        still_ours()
        await _read_changelog(consumer, topology.state, found, still_ours)
        bare = [p for p, restored in found.items() if restored.position is None]
        if bare:
            await _position_bare(consumer, topology.facts, found, bare)
            still_ours()
        rebuilding = [p for p, r in found.items() if r.position and r.position.rebuild_until]
        await _read_published(consumer, topology, found, rebuilding, still_ours)
        for partition, restored in found.items():
            if partition in rebuilding:
                restored.core.begin_rebuild()
            else:
                _check(restored.core, topology, partition)
    still_ours()
    positions = {p: r.position for p, r in found.items() if r.position is not None}
    async with reader(settings, small=True) as consumer:
        still_ours()
        await verify(consumer, topology.facts, positions)
        still_ours()
    return found


async def _read_changelog(
    consumer: AIOKafkaConsumer,
    topic: str,
    found: dict[int, Restored],
    still_ours: Callable[[], None],
) -> None:
    """Only what stands is handed over: the rows that a rebuild removed may be of another layout.

    Until then it is kept as the bytes that the core will keep.
    """
    standing: dict[int, dict[bytes, bytes]] = {partition: {} for partition in found}
    async for record in read_to_end(consumer, [TopicPartition(topic, p) for p in found]):
        still_ours()
        if record.value is None:
            standing[record.partition].pop(record.key, None)
        else:
            standing[record.partition][record.key] = record.value
    for partition, restored in found.items():
        _take_up(restored, standing.pop(partition), topic, partition)
        await asyncio.sleep(0)
        still_ours()


def _take_up(restored: Restored, rows: dict[bytes, bytes], topic: str, partition: int) -> None:
    restored.rows = len(rows)
    checkpoint = rows.pop(CHECKPOINT_KEY, None)
    if checkpoint is not None:
        restored.position = decode_checkpoint(checkpoint)
    try:
        for key, value in rows.items():
            restored.core.restore(key, value)
    except StateError as error:
        msg = (
            f"{topic}[{partition}]: {error}. Stop the workers and run `forvarning ews mend "
            f"--partition {partition} --rebuild`: it removes the state and decides anew from the "
            "log; what was published counts as published."
        )
        raise LogMismatchError(msg) from error


async def _position_bare(
    consumer: AIOKafkaConsumer, topic: str, found: dict[int, Restored], bare: list[int]
) -> None:
    """Without a checkpoint row the log's beginning counts (design D3)."""
    limits = await ranges(consumer, [TopicPartition(topic, p) for p in bare])
    for tp, (beginning, end) in limits.items():
        restored = found[tp.partition]
        # State without a row (a mended partition) holds all facts already: nothing to rebuild.
        rebuild_until = end if end > beginning and not restored.rows else 0
        restored.position = Position(next_offset=beginning, rebuild_until=rebuild_until)


async def _read_published(
    consumer: AIOKafkaConsumer,
    topology: Topology,
    found: dict[int, Restored],
    rebuilding: list[int],
    still_ours: Callable[[], None],
) -> None:
    """What was last said of each thread and day: no revision goes back, nothing repeats (D4).

    The threads are nowhere else. Of the days the changelog tells, where there is one.
    """
    takers: tuple[
        tuple[str, Iterable[int], Callable[[PartitionCore, bytes, bytes | None], None]], ...
    ] = (
        (topology.warnings, found, lambda core, key, value: core.restore_published(key, value)),
        (
            topology.absence_days,
            rebuilding,
            lambda core, key, value: core.restore_absence_day(key, value),
        ),
        (
            topology.group_days,
            rebuilding,
            lambda core, key, value: core.restore_group_day(key, value),
        ),
    )
    for topic, partitions, take in takers:
        async for record in read_to_end(consumer, [TopicPartition(topic, p) for p in partitions]):
            still_ours()
            take(found[record.partition].core, record.key, record.value)
        still_ours()


def _check(core: PartitionCore, topology: Topology, partition: int) -> None:
    try:
        core.check_published()
    except PublishedError as error:
        msg = (
            f"{topology.warnings}[{partition}]: {error}. The topic was created anew, cut off or "
            "written to by somebody else. Put it back as it was; if it is lost, stop the workers "
            f"and run `forvarning ews mend --partition {partition} --rebuild`: it decides anew "
            "from the log and goes on from the revisions that the topic still has."
        )
        raise LogMismatchError(msg) from error
