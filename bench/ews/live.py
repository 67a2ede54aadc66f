"""A school morning, live: 100,000 pupils' school year in the state, registers at lesson pace.

First the state is written as a broker would hold it: compacted, with the last
two days as the checkpoints wrote them. A worker restores it and is then watched
through the busiest stretch of the day, each register coming when it really came.
How long each fact waits for the checkpoint that holds it is seen from outside, by
a `read_committed` reader of the changelog. Then the worker is killed in the middle
of it, and started anew.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from bench.ews import measure
from bench.ews.basics import ROOT, say
from bench.ews.ground import Figures, Ground, apart, make_topology, publish_profile
from bench.ews.worker import BEGUN, steps_in
from bench.ews.year import Year, decide
from deploy.local.process import Child
from services.common.kafka import committed_reader, create_topics, idempotent_producer
from services.common.settings import EwsSettings
from services.ews.checkpoint import (
    Checkpointer,
    decode_checkpoint,
    encode_checkpoint,
    send_batches,
    transactional_producer,
)
from services.ews.core.api import Batch, Row
from services.ews.hooks import NO_HOOK
from services.ews.partition import Position, Snapshot
from services.ews.topology import CHECKPOINT_KEY, Topology

_PREFIX = "bench-live."
_GROUP = "bench-live"
_INSTANCE = "bench-live-0"
"""As in production: a worker that comes back under its name is not waited for."""
_LIMIT_SECONDS = 600.0
_AT_ONCE = 5_000
STRETCHES = {
    BEGUN: "start",
    "assigned": "join",
    "fenced": "fence",
    "restored": "read",
    "snapshot": "decide",
    "committed": "commit",
}
"""What a worker that comes back does up to each of its steps (:mod:`services.ews.hooks`)."""


@dataclass(slots=True)
class Watch:
    """What has been written, and what of it the committed checkpoints hold. Times: monotonic."""

    partitions: int
    sent: list[list[float]] = field(init=False)
    held: list[int] = field(init=False)
    lags: list[float] = field(default_factory=list)
    checkpoints: int = 0
    newest: float = 0.0
    """When the newest checkpoint was seen."""

    def __post_init__(self) -> None:
        """Nothing is written yet."""
        self.sent = [[] for _ in range(self.partitions)]
        self.held = [0] * self.partitions

    @property
    def waiting(self) -> int:
        """Facts that no checkpoint holds."""
        return sum(map(len, self.sent)) - sum(self.held)

    def saw(self, partition: int, key: bytes, value: bytes | None, now: float) -> None:
        """A committed row of the changelog."""
        if key != CHECKPOINT_KEY or not value:
            return
        self.checkpoints += 1
        self.newest = now
        end = decode_checkpoint(value).next_offset
        self.lags.extend(now - at for at in self.sent[partition][self.held[partition] : end])
        self.held[partition] = max(end, self.held[partition])

    def forget(self) -> None:
        """Count lags and checkpoints from now on."""
        self.lags, self.checkpoints = [], 0


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least ``share`` of them do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


async def fill(ground: Ground, topic: str, rows: Iterable[Row]) -> None:
    """Write rows to every partition of the topic, as checkpoints would."""
    wanted = list(rows)
    settings = ground.settings.model_copy(update={"ews_group": "bench-fill"})
    for partition in range(settings.fact_partitions):
        producer = transactional_producer(settings, partition)
        await producer.start()
        try:
            for at in range(0, len(wanted), _AT_ONCE):
                async with producer.transaction():
                    some = ((row.key, row.value, ()) for row in wanted[at : at + _AT_ONCE])
                    futures = await send_batches(producer, topic, partition, some)
                    await asyncio.gather(*futures)
        finally:
            await producer.stop()


async def one_a_checkpoint(ground: Ground, paced: Sequence[tuple[Batch, int]]) -> Figures:
    """What topics grow by, a mark, where every register has a checkpoint of its own.

    As the broker keeps and replicates it, batches, transaction markers and the
    checkpoint row included; of the changelog also the keys and values alone.
    """
    settings = ground.settings.model_copy(update={"ews_group": "bench-paced", "fact_partitions": 1})
    topology = apart("bench-paced.")
    await make_topology(settings, topology)
    checkpointer = Checkpointer(settings, topology, NO_HOOK, written_by="bench-ews")
    producer = transactional_producer(settings, 0)
    await producer.start()
    rows = 0
    try:
        for at, (batch, _) in enumerate(paced, 1):
            position = Position(at, previous_crc=1 << 31)
            await checkpointer.write(producer, 0, Snapshot(position, batch, [], 1, 0.0))
            rows += sum(len(row.key) + len(row.value or b"") for row in batch.state)
            rows += len(CHECKPOINT_KEY) + len(encode_checkpoint(position, "bench-ews"))
    finally:
        await producer.stop()
    marks = sum(one for _, one in paced)
    return {
        "changelog_bytes_per_mark": ground.bytes_of(topology.state) / marks,
        "changelog_row_bytes_per_mark": rows / marks,
        "warnings_bytes_per_mark": ground.bytes_of(topology.warnings) / marks,
        "changelog_marks_per_checkpoint": marks / len(paced),
    }


async def state(ground: Ground) -> Figures:
    """The part about the state: what it takes on the broker's disk, and what a mark adds to it."""
    began = time.monotonic()
    this_year = ground.year()
    if not this_year.rows:
        decide(this_year)
    topology = apart(_PREFIX)
    await create_topics(ground.settings)
    await publish_profile(ground.settings)
    await make_topology(ground.settings, topology)
    for topic, rows in (
        (topology.state, this_year.rows),
        (topology.warnings, this_year.threads),
    ):
        await fill(ground, topic, (Row(key, value) for key, value in rows.items()))
    pupils = this_year.pupils * ground.options.partitions
    compacted = ground.bytes_of(topology.state)
    threads = ground.bytes_of(topology.warnings)
    await fill(ground, topology.warnings, this_year.told)
    await fill(ground, topology.state, this_year.tail)
    start = Row(CHECKPOINT_KEY, encode_checkpoint(Position(0), written_by="bench-ews"))
    await fill(ground, topology.state, [start])
    ground.filled = True
    say(
        f"wrote {ground.bytes_of(topology.state) / 1e6:,.0f} MB of state for {pupils} pupils "
        f"in {time.monotonic() - began:.0f} s"
    )
    paced = await one_a_checkpoint(ground, this_year.paced)
    told = paced["changelog_bytes_per_mark"]
    say(f"one register a checkpoint: {told:.0f} bytes of changelog a mark")
    return {
        "state_kb_per_pupil_year": compacted / pupils / 1000,
        "threads_kb_per_pupil_year": threads / pupils / 1000,
        "state_row_kb_per_pupil_year": (
            sum(len(key) + len(value) for key, value in this_year.rows.items())
            / this_year.pupils
            / 1000
        ),
        "state_rows": len(this_year.rows) * ground.options.partitions,
        **paced,
    }


async def live(ground: Ground) -> Figures:
    """The part about the worker on that state; see above."""
    if not ground.filled:
        await state(ground)
    topology = apart(_PREFIX)
    child = Child(
        "the live worker",
        [sys.executable, "-m", "bench.ews.worker"],
        log=ground.folder / "live.log",
        env=ground.worker_environment(topology, _GROUP, FORVARNING_EWS_INSTANCE_ID=_INSTANCE),
        cwd=ROOT,
    )
    watch = Watch(ground.options.partitions)
    producer = idempotent_producer(ground.settings, linger_ms=0)
    await producer.start()
    try:
        async with watching(ground.settings, topology, watch):
            morning = Morning(ground, topology, ground.year(), child, watch, producer)
            figures = await morning.run()
    finally:
        await producer.stop()
        child.stop(seconds=30)
    return {"live_pupils": ground.year().pupils * ground.options.partitions, **figures}


@asynccontextmanager
async def watching(settings: EwsSettings, topology: Topology, watch: Watch) -> AsyncIterator[None]:
    """Follow the changelog from its end as it is now."""
    consumer = committed_reader(settings, group=None, fetch_max_wait_ms=50)
    await consumer.start()
    partitions = [TopicPartition(topology.state, n) for n in range(watch.partitions)]
    consumer.assign(partitions)
    await consumer.seek_to_end(*partitions)
    task = asyncio.create_task(_follow(consumer, watch))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await consumer.stop()


async def _follow(consumer: AIOKafkaConsumer, watch: Watch) -> None:
    while True:
        fetched = await consumer.getmany(timeout_ms=1000)
        now = time.monotonic()
        for tp, records in fetched.items():
            for record in records:
                watch.saw(tp.partition, record.key, record.value, now)


@dataclass(slots=True)
class Morning:
    """The worker's day, from its restore to its second one."""

    ground: Ground
    topology: Topology
    year: Year
    child: Child
    watch: Watch
    producer: AIOKafkaProducer

    async def run(self) -> Figures:
        """All of it."""
        year = self.year
        began = time.monotonic()
        self.child.start()
        # The first fact tells when it is up.
        await self._send_paced(year.live, year.live + 1)
        await self._until_held("the first fact")
        up = time.monotonic() - began
        self.watch.forget()
        before = self.ground.bytes_of(self.topology.state)
        await self._send_paced(year.live + 1, year.calm)
        await self._until_held("the busiest stretch")
        marks = sum(one.marks for one in year.records[year.live + 1 : year.calm])
        watched = self._watched(
            marks * self.watch.partitions, self.ground.bytes_of(self.topology.state) - before
        )
        return {
            **watched,
            "live_seconds": self.ground.options.live_seconds,
            "restore_seconds": up,
            **await self._recover(),
        }

    def _watched(self, marks: int, on_disk: int) -> Figures:
        lags = self.watch.lags
        if not lags:
            raise measure.MeasureError("nothing happened in the busiest stretch of the day")
        say(
            f"{len(lags)} facts with {marks} marks at lesson pace in {self.watch.checkpoints} "
            f"checkpoints: half of them {quantile(lags, 0.5):.2f} s behind"
        )
        return {
            "live_facts": len(lags),
            "live_marks": marks,
            "live_checkpoints": self.watch.checkpoints,
            "checkpoint_lag_p50_seconds": quantile(lags, 0.5),
            "checkpoint_lag_p99_seconds": quantile(lags, 0.99),
            "live_changelog_bytes_per_mark": on_disk / marks,
        }

    async def _recover(self) -> Figures:
        """Kill the worker while facts come, and start it anew at once."""
        # Something has to come: no pause is longer than a second here.
        sending = asyncio.create_task(
            self._send_paced(self.year.calm, len(self.year.records), longest_pause=1.0)
        )
        try:
            await asyncio.sleep(2)
            os.kill(self.child.pid, signal.SIGKILL)
            killed = time.monotonic()
            await asyncio.to_thread(_ended, self.child)
            self.child.start()
            # What the first one had committed may still be on its way to us; the second one has
            # not even begun to read by then.
            await asyncio.sleep(0.5)
            self.watch.newest = 0.0
            missing = self.watch.waiting
            deadline = killed + _LIMIT_SECONDS
            while not self.watch.newest:
                await self._tick(deadline, "coming back")
            first = self.watch.newest - killed
            due = [len(one) for one in self.watch.sent]
            while any(held < end for held, end in zip(self.watch.held, due, strict=True)):
                await self._tick(deadline, "catching up after coming back")
            whole = time.monotonic() - killed
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        say(f"killed: the first new checkpoint after {first:.1f} s, all after {whole:.1f} s")
        steps = steps_in(self.child.log.read_text("utf-8", errors="replace").splitlines(), killed)
        split = stretches(killed, steps)
        say("until then: " + ", ".join(f"{what} {took:.1f} s" for what, took in split.items()))
        run = measure.Run(began=killed, total=0)
        measure.note_use(run, self.child.pid)
        named = self.ground.options.year_pupils >= 100_000
        return {
            "recovery_seconds": first,
            "recovery_seconds_100k_pupils": first if named else None,
            "recovery_all_seconds": whole,
            **{f"recovery_{what}_seconds": took for what, took in split.items()},
            "recovery_cpu_seconds": run.cpu_seconds,
            "recovery_waiting_facts": missing,
            "live_worker_peak_mib": run.peak_mib,
        }

    async def _send_paced(self, start: int, end: int, *, longest_pause: float = math.inf) -> None:
        """Each fact when it came, in every partition, the partitions spread over a second."""
        records, due, live = self.year.records, self.year.due, self.year.live
        partitions = self.watch.partitions
        plan: list[tuple[float, int, int]] = []
        moment = 0.0
        for at in range(start, end):
            if at > start:
                moment += min(due[at - live] - due[at - 1 - live], longest_pause)
            spread = ((moment + n / partitions, at, n) for n in range(partitions))
            plan.extend(spread)
        began = time.monotonic()
        for when, at, partition in sorted(plan):
            wait = began + when - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            self.watch.sent[partition].append(time.monotonic())
            await self.producer.send(
                self.topology.facts, records[at].value, key=records[at].key, partition=partition
            )

    async def _until_held(self, what: str) -> float:
        began = time.monotonic()
        while self.watch.waiting > 0:
            await self._tick(began + _LIMIT_SECONDS, what)
        return time.monotonic() - began

    async def _tick(self, deadline: float, what: str) -> None:
        await asyncio.sleep(0.02)
        if not self.child.running:
            raise measure.MeasureError(f"{self.child.name} has ended.\n{self.child.log_end()}")
        if time.monotonic() > deadline:
            raise measure.MeasureError(
                f"{what}: {self.watch.waiting} facts are in no checkpoint after "
                f"{_LIMIT_SECONDS:.0f} s.\n{self.child.log_end()}"
            )


def stretches(killed: float, steps: Mapping[str, float]) -> Figures:
    """What the time until the first new checkpoint went to, of a worker that took these steps."""
    found: Figures = {}
    before = killed
    for step, what in STRETCHES.items():
        after = steps.get(step, before)
        found[what] = after - before
        before = after
    return found


def _ended(child: Child) -> None:
    while child.running:
        time.sleep(0.005)
