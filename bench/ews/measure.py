"""Times a consumer group from its start to its last committed offset, from outside."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from deploy.local.process import Child
from services.common.kafka import connection
from services.common.settings import CommonSettings

_POLL_SECONDS = 0.25
_STALLED_SECONDS = 120.0


class MeasureError(Exception):
    """The run could not be measured; the text says why."""


@dataclass(slots=True)
class Run:
    """One timed run. Seconds are of ``time.monotonic``; ``points`` are (second, records committed).

    ``cpu_seconds`` and ``peak_mib`` are the process's own, as long as it ran.
    """

    began: float
    total: int
    points: list[tuple[float, int]] = field(default_factory=list)
    cpu_seconds: float = 0.0
    peak_mib: float = 0.0

    @property
    def seconds(self) -> float:
        """From the process's start to the last committed record."""
        return self.points[-1][0] - self.began

    @property
    def first_commit(self) -> float:
        """From the process's start until anything was committed."""
        return next(at for at, done in self.points if done > 0) - self.began

    def sustained(self) -> float:
        """Records a second between the first commit that was seen and the last one."""
        moving = [point for point in self.points if point[1] > 0]
        (first_at, first), (last_at, last) = moving[0], moving[-1]
        if last_at <= first_at:
            raise MeasureError("everything was committed at once: too little to time")
        return (last - first) / (last_at - first_at)


async def end_offsets(settings: CommonSettings, topic: str) -> dict[int, int]:
    """Partition -> next offset to be written."""
    consumer = AIOKafkaConsumer(topic, **connection(settings))
    await consumer.start()
    try:
        partitions = consumer.partitions_for_topic(topic) or set()
        ends = await consumer.end_offsets([TopicPartition(topic, p) for p in partitions])
        return {tp.partition: offset for tp, offset in ends.items()}
    finally:
        await consumer.stop()


async def time_group(
    settings: CommonSettings,
    child: Child,
    *,
    group: str,
    topic: str,
    ends: Mapping[int, int],
    limit_seconds: float,
) -> Run:
    """Start ``child`` and poll its group's committed offsets until they reach ``ends``.

    The poll's own delay counts against the child. Raises MeasureError when the
    process ends, commits nothing for two minutes, or takes too long.
    """
    total = sum(ends.values())
    admin = AIOKafkaAdminClient(**connection(settings))
    await admin.start()
    run = Run(began=time.monotonic(), total=total)
    moved = run.began
    try:
        child.start()
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            if not child.running:
                raise MeasureError(f"{child.name} has ended.\n{child.log_end()}")
            done = await _committed(admin, group, topic)
            now = time.monotonic()
            _note_use(run, child.pid)
            if not run.points or done != run.points[-1][1]:
                run.points.append((now, done))
                moved = now
            if done >= total:
                return run
            if now - moved > _STALLED_SECONDS or now - run.began > limit_seconds:
                raise MeasureError(
                    f"{child.name} committed {done} of {total} records in "
                    f"{now - run.began:.0f} s and then no more.\n{child.log_end()}"
                )
    finally:
        await admin.close()


async def _committed(admin: AIOKafkaAdminClient, group: str, topic: str) -> int:
    """Records that the group has committed; none while its coordinator is still being found."""
    try:
        offsets = await admin.list_consumer_group_offsets(group)
    except KafkaError:
        return 0
    return sum(held.offset for tp, held in offsets.items() if tp.topic == topic and held.offset > 0)


def _note_use(run: Run, pid: int) -> None:
    """CPU time and largest resident set, from proc(5); kept as last seen."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(") ", 1)[1].split()
        status = Path(f"/proc/{pid}/status").read_text("ascii")
    except OSError:
        return
    run.cpu_seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            run.peak_mib = int(line.split()[1]) / 1024


def differing(expected: Mapping[int, int], found: Mapping[int, int]) -> Sequence[str]:
    """Partitions whose checkpoint row does not stand at the log's end."""
    return [
        f"partition {partition}: checkpoint at {found.get(partition)}, the log ends at {end}"
        for partition, end in sorted(expected.items())
        if end and found.get(partition) != end
    ]
