"""One run: the log, the timed worker, the oracle, the naive app, the figures."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import TopicPartition

from bench.ews import feed, measure
from bench.ews.workload import Record, Workload
from bench.result import Aim, print_result
from bench.simulator.config import SimulatorConfig
from bench.simulator.stream import Simulation
from deploy.local.kafka import KafkaServer
from deploy.local.process import Child, LocalStackError
from forvarning.facts.v1.facts_pb2 import Fact
from forvarning.rules.v1.rules_pb2 import RuleProfile
from services.common import topics
from services.common.kafka import connection, create_topics, idempotent_producer
from services.common.settings import OracleSettings
from services.ews.checkpoint import decode_checkpoint, encode_checkpoint
from services.ews.logreader import read_to_end, reader
from services.ews.oracle.findings import Report
from services.ews.oracle.run import Oracle
from services.ews.partition import Position
from services.ews.topology import CHECKPOINT_KEY

ROOT = Path(__file__).resolve().parents[2]
PARTITIONS = 32
NAIVE_TOPIC = "bench-naive-marks"
NAIVE_CHANGELOG = "bench-naive-pupils-changelog"
AIMS = (Aim("marks_per_s", ">=", 80_000), Aim("ratio_naive", ">=", 20))
_LIMIT_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Options:
    """How much. The defaults are what `make bench-ews` measures."""

    pupils: int = 35_000
    days: int = 50
    seed: int = 1
    naive_marks: int = 150_000
    min_seconds: float = 60.0
    """A run that is over sooner measures nothing."""


@dataclass(frozen=True, slots=True)
class NaiveMark:
    """One message of the naive app's topic."""

    partition: int
    key: bytes
    value: bytes
    marks: int = 1


def say(text: str) -> None:
    """Progress goes to standard error: the last line of standard output is the result."""
    print(text, file=sys.stderr, flush=True)


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


def settings_for(server: KafkaServer) -> OracleSettings:
    """The worker's and the oracle's settings; all but the address are the product's defaults."""
    return OracleSettings(
        environment="local",
        kafka_bootstrap=server.bootstrap,
        fact_partitions=PARTITIONS,
        topic_replication=1,
        topic_min_insync=1,
    )


def environment_of(settings: OracleSettings) -> dict[str, str]:
    """The same for a process."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("FORVARNING_")}
    return own | {
        "FORVARNING_ENVIRONMENT": settings.environment,
        "FORVARNING_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        "FORVARNING_FACT_PARTITIONS": str(settings.fact_partitions),
        "FORVARNING_TOPIC_REPLICATION": "1",
        "FORVARNING_TOPIC_MIN_INSYNC": "1",
        "FORVARNING_LOG_LEVEL": "WARNING",
    }


def standard_profile() -> bytes:
    """The content of the rule profile in force."""
    return (ROOT / "services/ews/profiles/standard.toml").read_bytes()


def workload_of(options: Options) -> Workload:
    """A municipality of the size asked for, from the school year's first day on."""
    config = SimulatorConfig(seed=options.seed, pupils=options.pupils, today=date(2026, 11, 24))
    simulation = Simulation.of(config)
    days = simulation.world.days
    return Workload(simulation, PARTITIONS, days[0], days[options.days - 1], standard_profile())


async def publish_profile(settings: OracleSettings, workload: Workload) -> None:
    """What activation writes before the facts that name it."""
    profile_id, version, content, digest = workload.profile()
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


async def begin_at_the_beginning(settings: OracleSettings) -> None:
    """Give every partition a checkpoint row before its first fact.

    Without one the worker would rebuild: take the whole log in first and decide once, at its
    end. What is measured is a worker that decides on the way, as it does every day.
    """
    producer = idempotent_producer(settings)
    await producer.start()
    try:
        value = encode_checkpoint(Position(next_offset=0), written_by="bench-ews")
        for partition in range(PARTITIONS):
            await producer.send_and_wait(
                topics.STATE.name, value, key=CHECKPOINT_KEY, partition=partition
            )
    finally:
        await producer.stop()


async def checkpoints(settings: OracleSettings) -> dict[int, int]:
    """Partition -> next offset of its committed checkpoint row."""
    found: dict[int, int] = {}
    async with reader(settings) as consumer:
        parts = [TopicPartition(topics.STATE.name, number) for number in range(PARTITIONS)]
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


def naive_marks(records: Iterable[Record], count: int) -> Iterator[NaiveMark]:
    """At most ``count`` of the registers' marks, one message each, keyed and spread by pupil."""
    yield from islice(_marks(records), count)


def _marks(records: Iterable[Record]) -> Iterator[NaiveMark]:
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
            yield NaiveMark(int(pupil[:8], 16) % PARTITIONS, key, value)


async def make_naive_topics(settings: OracleSettings) -> None:
    """The naive app's input and output; its changelog Faust makes itself."""
    admin = AIOKafkaAdminClient(**connection(settings))
    await admin.start()
    try:
        names = (NAIVE_TOPIC, "bench-naive-warned")
        await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
    finally:
        await admin.close()


async def time_worker(settings: OracleSettings, folder: Path) -> measure.Run:
    """One real worker, from its process's start to the last committed checkpoint."""
    child = Child(
        "the EWS worker",
        [sys.executable, "-m", "services.ews"],
        log=folder / "ews.log",
        env=environment_of(settings),
        cwd=ROOT,
    )
    topic = topics.FACTS.name
    ends = await measure.end_offsets(settings, topic, PARTITIONS)
    try:
        async with measure.committed(settings, settings.ews_group, topic) as progress:
            run = await measure.time_process(
                child, progress, sum(ends.values()), limit_seconds=_LIMIT_SECONDS
            )
    finally:
        child.stop(seconds=30)
    if wrong := measure.differing(ends, await checkpoints(settings)):
        raise measure.MeasureError("; ".join(wrong))
    return run


async def time_naive(settings: OracleSettings, folder: Path) -> measure.Run:
    """The naive app on its own topic, to the last row of its table's changelog."""
    child = Child(
        "the naive app",
        [sys.executable, "-m", "bench.ews.naive", "worker", "--without-web"],
        log=folder / "naive.log",
        env=environment_of(settings)
        | {
            "FORVARNING_BENCH_BROKER": settings.kafka_bootstrap,
            "FORVARNING_BENCH_TOPIC": NAIVE_TOPIC,
            "FORVARNING_BENCH_PARTITIONS": str(PARTITIONS),
        },
        cwd=ROOT,
    )
    total = sum((await measure.end_offsets(settings, NAIVE_TOPIC, PARTITIONS)).values())
    try:
        # Its table writes one changelog record a mark: finer than its commits, and sooner.
        async with measure.written(settings, NAIVE_CHANGELOG, PARTITIONS) as progress:
            return await measure.time_process(child, progress, total, limit_seconds=_LIMIT_SECONDS)
    finally:
        child.stop(seconds=10)


def figures_of(
    written: feed.Written,
    run: measure.Run,
    naive: measure.Run,
    report: Report,
    min_seconds: float,
) -> dict[str, float | None]:
    """Everything measured. There is no headline figure where the oracle finds a difference,
    where it has not seen the whole log, or where the run was too short.

    ``marks_per_s`` counts from the worker's start, Python's and the group's
    included; the naive app's rate only from its first progress on.
    """
    counts = report.counts()
    whole = report.scope.lag == 0 and report.scope.marks == written.marks
    sound = report.well and whole and run.seconds >= min_seconds
    marks_per_s = written.marks / run.seconds if sound else None
    naive_rate, once_running = naive.sustained(), run.sustained()
    if naive_rate is None:
        raise measure.MeasureError("the naive app did everything at once: too little to time")
    return {
        "marks_per_s": marks_per_s,
        "ratio_naive": marks_per_s / naive_rate if marks_per_s else None,
        "marks_per_s_once_running": (
            once_running * written.marks / written.records if once_running else None
        ),
        "naive_marks_per_s": naive_rate,
        "seconds": run.seconds,
        "seconds_to_first_checkpoint": run.first_progress,
        "marks": written.marks,
        "records": written.records,
        "record_bytes": written.bytes,
        "cpu_seconds_per_million_marks": run.cpu_seconds * 1e6 / written.marks,
        "worker_peak_mib": run.peak_mib,
        "naive_marks": naive.total,
        "naive_seconds": naive.seconds,
        "warnings": report.scope.threads,
        "undigested": report.scope.undigested,
        **{f"oracle_{kind}": float(count) for kind, count in counts.items()},
        "oracle_seconds": report.scope.seconds,
    }


async def bench(options: Options, folder: Path) -> dict[str, float | None]:
    """The whole run."""
    began = time.monotonic()
    workload = workload_of(options)
    say(f"simulated {options.pupils} pupils in {time.monotonic() - began:.0f} s")
    with broker(folder) as server:
        settings = settings_for(server)
        await create_topics(settings)
        await publish_profile(settings, workload)
        await begin_at_the_beginning(settings)
        began = time.monotonic()
        kept: list[Record] = []
        records = keeping(workload.records(), options.naive_marks, kept)
        written = await feed.write(settings, topics.FACTS.name, records)
        say(
            f"wrote {written.records} records with {written.marks} marks "
            f"in {time.monotonic() - began:.0f} s"
        )
        run = await time_worker(settings, folder)
        say(
            f"the worker took {run.seconds:.1f} s, {run.cpu_seconds:.1f} s of them on a processor: "
            f"{written.marks / run.seconds:,.0f} marks/s"
        )
        report = await Oracle(settings).run()
        say(f"the oracle: {report.counts()} in {report.scope.seconds:.0f} s")
        for finding in report.findings[:10]:
            say(f"  {finding}")
        await make_naive_topics(settings)
        await feed.write(settings, NAIVE_TOPIC, naive_marks(kept, options.naive_marks))
        naive = await time_naive(settings, folder)
        say(f"the naive app took {naive.seconds:.1f} s for {naive.total:,} marks")
    return figures_of(written, run, naive, report, options.min_seconds)


def kafka_version() -> str:
    """Of the jars that the broker runs."""
    lock = tomllib.loads((ROOT / "deploy/local/kafka-jars.lock.toml").read_text("utf-8"))
    return str(lock["kafka"])


def parse(arguments: list[str] | None = None) -> Options:
    """The command line; for trying things out, `make bench-ews` gives none."""
    defaults = Options()
    parser = argparse.ArgumentParser(prog="python -m bench.ews", description=__doc__)
    parser.add_argument("--pupils", type=int, default=defaults.pupils)
    parser.add_argument("--days", type=int, default=defaults.days, help="school days")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--naive-marks", type=int, default=defaults.naive_marks)
    parser.add_argument("--min-seconds", type=float, default=defaults.min_seconds)
    return Options(**vars(parser.parse_args(arguments)))


def main() -> int:
    """0 when it could measure, met or not; 1 when not."""
    options = parse()
    # Told to stop, it still takes its servers and its folder with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="forvarning-bench-") as folder:
        try:
            figures = asyncio.run(bench(options, Path(folder)))
        except (measure.MeasureError, LocalStackError) as error:
            say(f"bench-ews could not measure: {error}")
            return 1
    print_result("bench-ews", figures, AIMS, versions={"kafka": kafka_version()})
    return 0
