"""What every part of a run stands on: one broker, the input log, the marks one by one."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date
from itertools import islice
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import TopicPartition

from bench.ews import feed
from bench.ews.basics import ROOT, say, standard_profile
from bench.ews.options import Options
from bench.ews.workload import Record, Workload
from bench.ews.year import Year, simulate
from bench.simulator.config import SimulatorConfig
from bench.simulator.stream import Simulation
from deploy.local.kafka import KafkaServer
from forvarning.facts.v1.facts_pb2 import Fact
from forvarning.rules.v1.rules_pb2 import RuleProfile
from services.common import topics
from services.common.kafka import connection, create_topics, idempotent_producer
from services.common.settings import CommonSettings, OracleSettings
from services.ews.checkpoint import decode_checkpoint, encode_checkpoint
from services.ews.logreader import read_to_end, reader
from services.ews.partition import Position
from services.ews.topology import CHECKPOINT_KEY, Topology

MARKS_TOPIC = "bench-marks"
QUIX_TIMES = 3
Figures = dict[str, float | None]
_LOG_TODAY = date(2026, 11, 24)


@dataclass(frozen=True, slots=True)
class Mark:
    """One message of the topic that holds the marks one by one."""

    partition: int
    key: bytes
    value: bytes
    marks: int = 1


@dataclass(slots=True)
class Ground:
    """A running broker and what has been written to it so far, each log when it is first needed."""

    options: Options
    folder: Path
    server: KafkaServer
    settings: OracleSettings
    filled: bool = field(default=False, init=False)
    """The state of a school year is written (:mod:`bench.ews.live`)."""
    _written: feed.Written | None = field(default=None, init=False)
    _kept: list[Record] = field(default_factory=list, init=False)
    _marks: int = field(default=0, init=False)
    _year: Year | None = field(default=None, init=False)

    async def log(self) -> feed.Written:
        """The input log, with the rule profile and a checkpoint row for every partition."""
        if self._written is None:
            began = time.monotonic()
            workload = workload_of(self.options)
            await create_topics(self.settings)
            await publish_profile(self.settings)
            await begin_at_the_beginning(self.settings, Topology())
            wanted = self.options.naive_marks * QUIX_TIMES
            records = keeping(workload.records(), wanted, self._kept)
            self._written = await feed.write(self.settings, topics.FACTS.name, records)
            say(
                f"wrote {self._written.records} records with {self._written.marks} marks "
                f"in {time.monotonic() - began:.0f} s"
            )
        return self._written

    def year(self) -> Year:
        """A school year's facts, of one partition's pupils."""
        if self._year is None:
            self._year = simulate(self.options)
        return self._year

    async def marks(self) -> int:
        """The topic of single marks; returns how many it holds."""
        if not self._marks:
            await self.log()
            await make_topics(self.settings, [(MARKS_TOPIC, None)])
            some = single_marks(
                self._kept, self.options.naive_marks * QUIX_TIMES, self.options.partitions
            )
            self._marks = (await feed.write(self.settings, MARKS_TOPIC, some)).records
        return self._marks

    def environment(self, **more: str) -> dict[str, str]:
        """The settings for a process; ``more`` by their environment names."""
        own = {name: one for name, one in os.environ.items() if not name.startswith("FORVARNING_")}
        return (
            own
            | {
                "FORVARNING_ENVIRONMENT": self.settings.environment,
                "FORVARNING_KAFKA_BOOTSTRAP": self.settings.kafka_bootstrap,
                "FORVARNING_FACT_PARTITIONS": str(self.settings.fact_partitions),
                "FORVARNING_TOPIC_REPLICATION": "1",
                "FORVARNING_TOPIC_MIN_INSYNC": "1",
                "FORVARNING_LOG_LEVEL": "WARNING",
                "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'proto/gen'}",
            }
            | more
        )

    def worker_environment(self, topology: Topology, group: str, **more: str) -> dict[str, str]:
        """For `python -m bench.ews.worker`."""
        return self.environment(
            FORVARNING_BENCH_TOPOLOGY=json.dumps(asdict(topology)),
            FORVARNING_EWS_GROUP=group,
            **more,
        )

    def bytes_of(self, topic: str) -> int:
        """What a topic takes on the broker's disk, its partitions together."""
        folders = (self.folder / "kafka").rglob(f"{topic}-*")
        return sum(
            one.stat().st_size
            for folder in folders
            if folder.name.removeprefix(f"{topic}-").isdigit()
            for one in folder.glob("*.log")
        )


@contextmanager
def broker(folder: Path) -> Iterator[KafkaServer]:
    """A broker of its own, with a heap that does not become what is measured."""
    # On a busy machine a late heartbeat must not fence the only broker.
    patient = {"broker.session.timeout.ms": "60000"}
    server = KafkaServer(folder / "kafka", heap="1g", settings=patient)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def settings_for(server: KafkaServer, partitions: int) -> OracleSettings:
    """The worker's and the oracle's settings; all but the address are the product's defaults."""
    return OracleSettings(
        environment="local",
        kafka_bootstrap=server.bootstrap,
        fact_partitions=partitions,
        topic_replication=1,
        topic_min_insync=1,
    )


def workload_of(options: Options) -> Workload:
    """A municipality of the size asked for, from the school year's first day on."""
    config = SimulatorConfig(seed=options.seed, pupils=options.pupils, today=_LOG_TODAY)
    simulation = Simulation.of(config)
    days = simulation.world.days
    last = days[options.days - 1]
    return Workload(simulation, options.partitions, days[0], last, standard_profile())


def apart(prefix: str, *, facts: str | None = None) -> Topology:
    """Topics of a part's own; the rule profiles are everybody's, and ``facts`` may be."""
    own = Topology().prefixed(prefix)
    return replace(own, profiles=topics.PROFILES.name, facts=facts or own.facts)


async def make_topology(settings: CommonSettings, topology: Topology) -> None:
    """Create what of the topology does not exist, set up as the product's topics are."""
    registered = {topic.name: topic for topic in topics.ALL}
    usual = Topology()
    kinds = {
        getattr(topology, one.name): registered[getattr(usual, one.name)]
        for one in fields(Topology)
    }
    await make_topics(settings, list(kinds.items()))


async def make_topics(
    settings: CommonSettings, wanted: Iterable[tuple[str, topics.Topic | None]]
) -> None:
    """Create topics like those of the registry, or plain ones, where they do not exist."""
    admin = AIOKafkaAdminClient(**connection(settings))
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        new = [
            NewTopic(
                name,
                (like.partitions if like else None) or settings.fact_partitions,
                1,
                topic_configs=like.config() if like else {},
            )
            for name, like in wanted
            if name not in existing
        ]
        if new:
            await admin.create_topics(new)
        # Leaders are elected after the answer; a first producer must not find none.
        for _ in range(100):
            described = await admin.describe_topics([one.name for one in new]) if new else []
            parts = [part for entry in described for part in entry["partitions"]]
            if len(parts) == sum(one.num_partitions for one in new) and all(
                part["leader"] >= 0 for part in parts
            ):
                break
            await asyncio.sleep(0.1)
    finally:
        await admin.close()


async def publish_profile(settings: CommonSettings) -> None:
    """What activation writes before the facts that name it."""
    profile_id, version, content, digest = Workload.profile_of(standard_profile())
    row = RuleProfile(
        profile_id=profile_id, profile_version=version, content=content, digest=digest
    )
    producer = idempotent_producer(settings)
    await producer.start()
    try:
        key = f"{profile_id}@{version}".encode()
        await producer.send_and_wait(topics.PROFILES.name, row.SerializeToString(), key=key)
    finally:
        await producer.stop()


async def begin_at_the_beginning(settings: CommonSettings, topology: Topology) -> None:
    """Give every partition a checkpoint row before its first fact.

    Without one the worker would rebuild: take the whole log in first and decide once, at its
    end. What is measured is a worker that decides on the way, as it does every day.
    """
    producer = idempotent_producer(settings)
    await producer.start()
    try:
        value = encode_checkpoint(Position(next_offset=0), written_by="bench-ews")
        for partition in range(settings.fact_partitions):
            await producer.send_and_wait(
                topology.state, value, key=CHECKPOINT_KEY, partition=partition
            )
    finally:
        await producer.stop()


async def checkpoints(settings: OracleSettings, topology: Topology) -> Mapping[int, int]:
    """Partition -> next offset of its committed checkpoint row."""
    found: dict[int, int] = {}
    async with reader(settings) as consumer:
        parts = [TopicPartition(topology.state, n) for n in range(settings.fact_partitions)]
        async for record in read_to_end(consumer, parts):
            if record.key == CHECKPOINT_KEY and record.value is not None:
                found[record.partition] = decode_checkpoint(record.value).next_offset
    return found


def keeping(records: Iterable[Record], marks: int, kept: list[Record]) -> Iterator[Record]:
    """Pass all records on, and keep partition 0's registers until they hold ``marks`` marks.

    One partition's pupils over many days, not everybody's first morning: so
    that a pupil's row grows in the naive app as it does in the worker.
    """
    for record in records:
        if marks > 0 and record.partition == 0 and record.marks:
            kept.append(record)
            marks -= record.marks
        yield record


def single_marks(records: Iterable[Record], count: int, partitions: int) -> Iterator[Mark]:
    """At most ``count`` of the registers' marks, one message each, keyed and spread by pupil."""
    yield from islice(_marks(records, partitions), count)


def _marks(records: Iterable[Record], partitions: int) -> Iterator[Mark]:
    for record in records:
        register = Fact.FromString(record.value).register
        for index in range(record.marks):
            pupil = register.pupil_ids[16 * index : 16 * index + 16].hex()
            absent = register.valid_minutes[index] + register.invalid_minutes[index]
            body = {
                "pupil": pupil,
                "lesson": register.lesson_id.hex(),
                "day": register.epoch_day,
                "offered": register.offered_minutes[index],
                "absent": absent,
            }
            key, value = pupil.encode(), json.dumps(body).encode()
            yield Mark(int(pupil[:8], 16) % partitions, key, value)
