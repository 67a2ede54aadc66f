"""Times a process from its start to its last record, by what the broker says it has done."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from deploy.local.process import Child
from services.common.kafka import connection
from services.common.settings import CommonSettings

_POLL_SECONDS = 0.2
_STALLED_SECONDS = 120.0


class MeasureError(Exception):
    """The run could not be measured; the text says why."""


@dataclass(slots=True)
class Run:
    """One timed run. Seconds are of ``time.monotonic``; ``points`` are (second, records done).

    ``cpu`` and ``peak`` are each process's own, in seconds and MiB, as long as it ran.
    """

    began: float
    total: int
    points: list[tuple[float, int]] = field(default_factory=list)
    cpu: dict[int, float] = field(default_factory=dict)
    peak: dict[int, float] = field(default_factory=dict)

    @property
    def cpu_seconds(self) -> float:
        """Of all processes together."""
        return sum(self.cpu.values())

    @property
    def peak_mib(self) -> float:
        """Of the process that took the most memory."""
        return max(self.peak.values(), default=0.0)

    @property
    def seconds(self) -> float:
        """From the process's start to the last record."""
        return self.points[-1][0] - self.began

    @property
    def first_progress(self) -> float:
        """From the process's start until anything was done."""
        return next(at for at, done in self.points if done > 0) - self.began

    def sustained(self) -> float | None:
        """Records a second between the first progress that was seen and the last.

        None where everything was seen done at once, as with one checkpoint: too little to time.
        """
        moving = [point for point in self.points if point[1] > 0]
        (first_at, first), (last_at, last) = moving[0], moving[-1]
        return (last - first) / (last_at - first_at) if last_at > first_at else None


Progress = Callable[[], Awaitable[int]]
"""Tells how many records are done."""


async def end_offsets(settings: CommonSettings, topic: str, partitions: int) -> dict[int, int]:
    """Partition -> next offset to be written; empty where the topic does not exist."""
    consumer = AIOKafkaConsumer(**connection(settings))
    await consumer.start()
    try:
        return await _ends(consumer, topic, partitions)
    finally:
        await consumer.stop()


async def _ends(consumer: AIOKafkaConsumer, topic: str, partitions: int) -> dict[int, int]:
    if topic not in await consumer.topics():
        return {}
    ends = await consumer.end_offsets([TopicPartition(topic, p) for p in range(partitions)])
    return {tp.partition: offset for tp, offset in ends.items()}


@asynccontextmanager
async def committed(settings: CommonSettings, group: str, topic: str) -> AsyncIterator[Progress]:
    """What the group has committed: for a worker, the transactions of its checkpoints."""
    admin = AIOKafkaAdminClient(**connection(settings))
    await admin.start()

    async def done() -> int:
        try:
            offsets = await admin.list_consumer_group_offsets(group)
        except KafkaError:
            return 0  # its coordinator is still being found
        return sum(
            held.offset for tp, held in offsets.items() if tp.topic == topic and held.offset > 0
        )

    try:
        yield done
    finally:
        await admin.close()


@asynccontextmanager
async def written(settings: CommonSettings, topic: str, partitions: int) -> AsyncIterator[Progress]:
    """What has been written to a topic, which the measured process makes itself."""
    consumer = AIOKafkaConsumer(**connection(settings))
    await consumer.start()

    async def done() -> int:
        return sum((await _ends(consumer, topic, partitions)).values())

    try:
        yield done
    finally:
        await consumer.stop()


async def time_process(
    child: Child, progress: Progress, total: int, *, limit_seconds: float
) -> Run:
    """:func:`time_processes` of one."""
    return await time_processes([child], progress, total, limit_seconds=limit_seconds)


async def time_processes(
    children: Sequence[Child], progress: Progress, total: int, *, limit_seconds: float
) -> Run:
    """Start the children and ask for their progress until ``total`` records are done.

    The asking's own delay counts against them. Raises MeasureError when one of
    them ends, when they do nothing for two minutes, or take too long.
    """
    run = Run(began=time.monotonic(), total=total)
    moved = run.began
    for child in children:
        child.start()
    while True:
        await asyncio.sleep(_POLL_SECONDS)
        for child in children:
            if not child.running:
                raise MeasureError(f"{child.name} has ended.\n{child.log_end()}")
        done = await progress()
        now = time.monotonic()
        for child in children:
            note_use(run, child.pid)
        if not run.points or done != run.points[-1][1]:
            run.points.append((now, done))
            moved = now
        if done >= total:
            return run
        if now - moved > _STALLED_SECONDS or now - run.began > limit_seconds:
            raise MeasureError(
                f"{children[0].name} had done {done} of {total} records after "
                f"{now - run.began:.0f} s, and then no more.\n{children[0].log_end()}"
            )


def note_use(run: Run, pid: int) -> None:
    """CPU time and largest resident set, from proc(5); kept as last seen."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(") ", 1)[1].split()
        status = Path(f"/proc/{pid}/status").read_text("ascii")
    except OSError:
        return
    run.cpu[pid] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            run.peak[pid] = int(line.split()[1]) / 1024


def differing(expected: Mapping[int, int], found: Mapping[int, int]) -> Sequence[str]:
    """Partitions whose checkpoint row does not stand at the log's end."""
    return [
        f"partition {partition}: checkpoint at {found.get(partition)}, the log ends at {end}"
        for partition, end in sorted(expected.items())
        if end and found.get(partition) != end
    ]
