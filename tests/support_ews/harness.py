"""Topics, workers and readers for one fault test on a real broker."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.protocol.admin import DeleteGroupsRequest
from aiokafka.structs import ConsumerRecord, TopicPartition

from forvarning.facts.v1.facts_pb2 import Register
from forvarning.rules.v1.rules_pb2 import RuleProfile
from forvarning.warnings.v1.warnings_pb2 import AbsenceDay, WarningEvent
from services.common import topics
from services.common.kafka import connection, idempotent_producer
from services.common.settings import EwsSettings
from services.ews.checkpoint import decode_checkpoint
from services.ews.logreader import ranges, read_to_end, reader
from services.ews.partition import Position
from services.ews.topology import CHECKPOINT_KEY, Topology
from tests.support_ews import counting
from tests.support_ews.facts import fact
from tests.support_ews.process import Worker

SESSION_SECONDS = 3.0


@dataclass
class Stream:
    """Prefixed topics of one test, what was written to them, and the workers that read them."""

    bootstrap: str
    folder: Path
    partitions: int = 4
    checkpoint_seconds: float = 0.25
    core: str = "counting"
    session_seconds: float = SESSION_SECONDS
    prefix: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:8]}.")
    extra: dict[str, str] = field(default_factory=dict)
    sent: list[Register] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)

    @property
    def topology(self) -> Topology:
        return Topology().prefixed(self.prefix)

    @property
    def group(self) -> str:
        return f"{self.prefix}ews"

    @property
    def env(self) -> dict[str, str]:
        return {
            "FORVARNING_ENVIRONMENT": "local",
            "FORVARNING_KAFKA_BOOTSTRAP": self.bootstrap,
            "FORVARNING_FACT_PARTITIONS": str(self.partitions),
            "FORVARNING_TOPIC_REPLICATION": "1",
            "FORVARNING_TOPIC_MIN_INSYNC": "1",
            "FORVARNING_EWS_GROUP": self.group,
            "FORVARNING_EWS_CHECKPOINT_SECONDS": str(self.checkpoint_seconds),
            "FORVARNING_EWS_SESSION_TIMEOUT_SECONDS": str(self.session_seconds),
            "FORVARNING_EWS_VERIFY_SECONDS": "2",
        } | self.extra

    @property
    def settings(self) -> EwsSettings:
        with _environment(self.env):
            return EwsSettings()

    # --- topics --------------------------------------------------------------

    async def create(self) -> None:
        names = self.topology
        wanted = [
            (names.facts, topics.FACTS),
            (names.profiles, topics.PROFILES),
            (names.state, topics.STATE),
            (names.warnings, topics.WARNINGS),
            (names.absence_days, topics.ABSENCE_DAYS),
            (names.group_days, topics.GROUP_DAYS),
            (names.waves, topics.WAVES),
            (names.school_signals, topics.SCHOOL_SIGNALS),
            (names.dead_letters, topics.DEAD_LETTERS),
        ]
        async with self.admin() as admin:
            await admin.create_topics(
                [
                    NewTopic(name, t.partitions or self.partitions, 1, topic_configs=t.config())
                    for name, t in wanted
                ]
            )
            await self._led(admin, [name for name, _ in wanted])

    async def create_anew(self, name: str) -> None:
        """Delete a topic and create it again under its name."""
        async with self.admin() as admin:
            await admin.delete_topics([name])
            for _ in range(200):
                if name not in await admin.list_topics():
                    break
                await asyncio.sleep(0.05)
            for _ in range(200):
                # The broker may still be removing the old one.
                answer = await admin.create_topics([NewTopic(name, self.partitions, 1)])
                if answer.topic_errors[0][1] == 0:
                    break
                await asyncio.sleep(0.05)
            await self._led(admin, [name])

    async def delete_before(self, offsets: dict[int, int]) -> None:
        """What retention does: the log begins at these offsets now."""
        async with self.admin() as admin:
            await admin.delete_records(
                {
                    TopicPartition(self.topology.facts, partition): RecordsToDelete(before_offset=o)
                    for partition, o in offsets.items()
                }
            )

    async def forget_group(self) -> None:
        """What the broker does when a group's offsets expire."""
        async with self.admin() as admin:
            coordinator = await admin.find_coordinator(self.group)
            request = DeleteGroupsRequest([self.group])
            for _ in range(100):
                # While the last member is leaving the group is not empty.
                answer = await admin._send_request_to_node(coordinator, request)
                [(_, error)] = answer.results
                if error == 0:
                    return
                await asyncio.sleep(0.1)
            raise AssertionError(f"the group cannot be deleted: error {error}")

    def admin(self) -> _Admin:
        return _Admin(self.settings)

    async def _led(self, admin: AIOKafkaAdminClient, names: list[str]) -> None:
        for _ in range(200):
            described = await admin.describe_topics(names)
            if all(
                not topic["error_code"] and all(p["leader"] >= 0 for p in topic["partitions"])
                for topic in described
            ):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"no leaders for {names}")

    # --- facts ---------------------------------------------------------------

    def producer(self) -> AIOKafkaProducer:
        return idempotent_producer(self.settings, request_timeout_ms=60_000)

    async def send(
        self, items: Iterable[tuple[int, Register | bytes]], *, a_second: float | None = None
    ) -> None:
        """Write registers (or any facts) as ingest does; ``a_second`` spreads them over time."""
        producer = self.producer()
        await producer.start()
        started = time.monotonic()
        try:
            deliveries = []
            for number, (partition, item) in enumerate(items):
                if isinstance(item, Register):
                    self.sent.append(item)
                value = fact(item) if isinstance(item, Register) else item
                deliveries.append(
                    await producer.send(
                        self.topology.facts, value, key=b"home", partition=partition
                    )
                )
                if a_second:
                    ahead = started + number / a_second - time.monotonic()
                    if ahead > 0:
                        await asyncio.sleep(ahead)
            await asyncio.gather(*deliveries)
        finally:
            await producer.stop()

    @asynccontextmanager
    async def load(
        self, items: Iterable[tuple[int, Register | bytes]], *, a_second: float
    ) -> AsyncIterator[None]:
        """Write registers steadily until the block ends; all that were begun are delivered."""
        ended = False

        def until_ended() -> Iterator[tuple[int, Register | bytes]]:
            for item in items:
                if ended:
                    return
                yield item

        sending = asyncio.create_task(self.send(until_ended(), a_second=a_second))
        try:
            yield
        finally:
            ended = True
            await sending

    async def send_raw(
        self,
        partition: int,
        value: bytes,
        headers: list[tuple[str, bytes]] | None = None,
        topic: str | None = None,
        key: bytes = b"home",
    ) -> int:
        """One record of any bytes; returns its offset."""
        producer = self.producer()
        await producer.start()
        try:
            written = await producer.send_and_wait(
                topic or self.topology.facts,
                value,
                key=key,
                partition=partition,
                headers=headers,
            )
        finally:
            await producer.stop()
        offset: int = written.offset
        return offset

    # --- workers -------------------------------------------------------------

    def start(self, **test: Any) -> Worker:
        """A worker of this stream's group; ``test`` is merged into EWS_TEST."""
        wanted = {"prefix": self.prefix, "core": self.core} | test
        env = os.environ | self.env | {"EWS_TEST": json.dumps(wanted)}
        worker = Worker(self.folder / f"worker-{len(self.workers)}.log", env)
        self.workers.append(worker)
        return worker

    def start_waves(self) -> Worker:
        """A group step beside the workers."""
        env = os.environ | self.env | {"EWS_TEST": json.dumps({"prefix": self.prefix})}
        log = self.folder / f"waves-{len(self.workers)}.log"
        step = Worker(log, env, "tests.support_ews.waves")
        self.workers.append(step)
        return step

    async def stopped(self, worker: Worker) -> None:
        """Ask a worker to stop, and wait until it has."""
        worker.signal(signal.SIGTERM)
        await asyncio.to_thread(worker.wait)

    async def worked_through(self, *runs: Iterable[tuple[int, Register | bytes]]) -> None:
        """The opening of many a test: a log that a worker read to its end before it stopped."""
        await self.create()
        for some in runs:
            await self.send(some)
        worker = self.start()
        await self.caught_up()
        await self.stopped(worker)

    def end_all(self) -> None:
        for worker in self.workers:
            worker.end()

    # --- reading back --------------------------------------------------------

    async def read(self, topic: str, partitions: int | None = None) -> list[ConsumerRecord]:
        """Every committed record of a topic, each partition in order."""
        count = self.partitions if partitions is None else partitions
        async with reader(self.settings) as consumer:
            tps = [TopicPartition(topic, p) for p in range(count)]
            return [record async for record in read_to_end(consumer, tps)]

    async def latest(self, topic: str) -> dict[bytes, bytes | None]:
        return {record.key: record.value for record in await self.read(topic)}

    async def positions(self) -> dict[int, Position]:
        """The committed checkpoint row of each partition that has one."""
        found = {}
        for record in await self.read(self.topology.state):
            if record.key == CHECKPOINT_KEY and record.value:
                found[record.partition] = decode_checkpoint(record.value)
        return found

    async def ends(self) -> dict[int, int]:
        async with reader(self.settings) as consumer:
            tps = [TopicPartition(self.topology.facts, p) for p in range(self.partitions)]
            return {tp.partition: end for tp, (_, end) in (await ranges(consumer, tps)).items()}

    async def caught_up(self, seconds: float = 180) -> None:
        """Wait until every partition's committed checkpoint stands at the log's end."""

        async def reached() -> bool:
            ends = {p: end for p, end in (await self.ends()).items() if end}
            positions = await self.positions()
            return all(
                p in positions and positions[p].next_offset == end for p, end in ends.items()
            )

        try:
            await self.until(reached, seconds, "every checkpoint at the end of the log")
        except AssertionError as error:
            at = {p: position.next_offset for p, position in (await self.positions()).items()}
            told = await self._asked_what_they_do()
            raise AssertionError(f"at {at} of {await self.ends()}; {error}\n{told}") from error

    async def _asked_what_they_do(self) -> str:
        told = []
        for worker in self.workers:
            if worker.running and not worker.stopped_by_signal():
                before = len(worker.text())
                worker.signal(signal.SIGUSR1)
                await asyncio.sleep(2)
                told.append(f"== {worker.log.name} is doing\n{worker.text()[before:]}")
        return "\n".join(told)

    async def until(
        self, condition: Callable[[], bool | Awaitable[bool]], seconds: float, what: str
    ) -> None:
        deadline = time.monotonic() + seconds
        while True:
            result = condition()
            if (await result) if not isinstance(result, bool) else result:
                return
            if time.monotonic() > deadline:
                logs = "\n".join(f"== {w.log.name}\n{w.text()[-3000:]}" for w in self.workers[-3:])
                raise AssertionError(f"not within {seconds} s: {what}\n{logs}")
            # Each look reads topics; a busy machine must not be busy with looking.
            await asyncio.sleep(0.3)

    async def ended(self, worker: Worker, seconds: float = 120) -> int:
        """Wait until a worker has ended; its exit status."""
        await self.until(lambda: not worker.running, seconds, f"{worker.log.name} has ended")
        return worker.wait()

    async def said(self, worker: Worker, words: str, times: int = 1, seconds: float = 120) -> None:
        """Wait until a worker's log has ``words``, so many times."""
        await self.until(
            lambda: worker.text().count(words) >= times, seconds, f"{worker.log.name}: {words}"
        )

    # --- truth ---------------------------------------------------------------

    async def assert_true(self, *, absence_days: bool = True) -> None:
        """State and warnings equal the truth, and no revision is doubled, missing or gone back."""
        truth = counting.truth(self.sent)
        state = counting.final(await self.latest(self.topology.state) | {CHECKPOINT_KEY: None})
        state.pop(b"active", None)
        absences = {
            key: sum(absent for _, _, absent in row["lessons"].values())
            for key, row in state.items()
        }
        assert absences == {key: entry["absences"] for key, entry in truth.items()}
        warnings = await self.read(self.topology.warnings)
        final = counting.final({record.key: record.value for record in warnings})
        levels = {key: row["level"] for key, row in final.items() if row["level"]}
        assert levels == {key: entry["level"] for key, entry in truth.items() if entry["level"]}
        assert not [key for key, row in final.items() if row["incomplete"]]
        assert_history([(r.key, json.loads(r.value or b"{}")["revision"]) for r in warnings])
        if absence_days:
            days = await self.read(self.topology.absence_days)
            assert_history([(r.key, json.loads(r.value or b"[0]")[0]) for r in days])
            counts = {r.key: json.loads(r.value or b"[0, 0]")[1] for r in days}
            expected = {
                f"{pupil.hex()}:{day}".encode(): count
                for pupil, entry in truth.items()
                for day, count in entry["days"].items()
                if count
            }
            assert {key: count for key, count in counts.items() if count} == expected

    async def assert_replay(self) -> int:
        """The real core: final warnings equal those of a replay of the log; returns how many."""
        from services.ews.core.replay import Replayer, comparable, explain_difference  # noqa: PLC0415

        log: dict[int, list[tuple[int, bytes]]] = {p: [] for p in range(self.partitions)}
        for record in await self.read(self.topology.facts):
            log[record.partition].append((record.offset, record.value or b""))
        profiles = [
            (x.profile_id, x.profile_version, x.content)
            for r in await self.read(self.topology.profiles, partitions=1)
            for x in [RuleProfile.FromString(r.value or b"")]
        ]
        expected: dict[bytes, WarningEvent] = {}
        for facts in log.values():
            replayer = Replayer(profiles)
            for offset, value in facts:
                replayer.take(offset, value)
            expected |= replayer.finish().threads
        published = [
            (r.key, WarningEvent.FromString(r.value or b""))
            for r in await self.read(self.topology.warnings)
        ]
        assert_history([(key, event.revision) for key, event in published])
        found = {key: event for key, event in dict(published).items() if comparable(event)}
        assert found.keys() == expected.keys()
        for key, event in expected.items():
            assert not explain_difference(event, found[key])
        days = await self.read(self.topology.absence_days)
        assert_history([(r.key, AbsenceDay.FromString(r.value or b"").revision) for r in days])
        return len(expected)


def assert_history(revisions: list[tuple[bytes, int]]) -> None:
    """Each key's revisions are 1, 2, 3, … with none doubled, missing or gone back."""
    seen: dict[bytes, int] = {}
    for key, revision in revisions:
        assert revision == seen.get(key, 0) + 1, f"{key.hex()}: {seen.get(key, 0)} -> {revision}"
        seen[key] = revision


class _Admin:
    def __init__(self, settings: EwsSettings) -> None:
        self._settings = settings
        self._client: AIOKafkaAdminClient | None = None

    async def __aenter__(self) -> AIOKafkaAdminClient:
        self._client = AIOKafkaAdminClient(**connection(self._settings))
        await self._client.start()
        return self._client

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.close()


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def run(coroutine: Any) -> Any:
    """Run one test's coroutine on a loop of its own."""
    return asyncio.run(coroutine)
