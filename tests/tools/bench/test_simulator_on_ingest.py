"""The simulator and the real ingest understand each other, on real Kafka and PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
from pydantic import SecretStr

from bench.ews.workload import Workload
from bench.simulator import demo, ledger
from bench.simulator.client import IngestClient
from bench.simulator.config import SimulatorConfig
from bench.simulator.feeder import Feeder, FeedOptions, FeedStats
from bench.simulator.ledger import Ledger
from bench.simulator.rates import Rates
from bench.simulator.stream import Simulation
from deploy.local.kafka import KafkaServer
from forvarning.facts.v1.facts_pb2 import Fact
from services.common import ids, topics
from services.common import migrate as migrations
from services.common.clock import STOCKHOLM, FixedClock, epoch_day, local_instant
from services.common.kafka import committed_reader, create_topics
from services.common.settings import IngestSettings, MigrateSettings
from services.ingest.main import create_app
from tests.support.stack import NewKafka, TestPostgres

TODAY = date(2026, 11, 24)
OPS = "operator-of-the-tests"
PARTITIONS = 4
# Joiners by the dozen: registers about pupils whom the roster does not know yet.
CONFIG = SimulatorConfig(seed=2, pupils=200, today=TODAY, rates=Rates(joiners=0.4, movers=0.3))
OPTIONS = FeedOptions(first=date(2026, 11, 9), last=TODAY, batch=60, duplicates=0.05)


def _settings(postgres: TestPostgres, kafka: KafkaServer) -> IngestSettings:
    admin = postgres.create_database()
    settings = MigrateSettings(
        owner_database_url=SecretStr(admin),
        ingest_database_password=SecretStr("ingest"),
        cases_database_password=SecretStr("cases"),
        notify_database_password=SecretStr("notify"),
    )
    asyncio.run(migrations.migrate(settings))

    async def own_password() -> None:
        # Roles are the whole server's; another test may have set another.
        connection = await asyncpg.connect(admin)
        await connection.execute("ALTER ROLE forvarning_ingest PASSWORD 'ingest'")
        await connection.close()

    asyncio.run(own_password())
    name = admin.rsplit("/", 1)[1]
    return IngestSettings(
        environment="local",
        kafka_bootstrap=kafka.bootstrap,
        fact_partitions=PARTITIONS,
        topic_replication=1,
        topic_min_insync=1,
        ingest_database_url=SecretStr(
            postgres.dsn(name, user="forvarning_ingest", password="ingest")
        ),
        ingest_ops_token=SecretStr(OPS),
    )


async def _facts(settings: IngestSettings) -> list[Fact]:
    consumer = committed_reader(settings, topics.FACTS.name, group=None)
    await consumer.start()
    found: list[Fact] = []
    try:
        while batches := await consumer.getmany(timeout_ms=1500):
            found += [Fact.FromString(r.value) for rows in batches.values() for r in rows]
    finally:
        await consumer.stop()
    return found


Statement = tuple[object, ...]


def _statements(found: Iterable[Fact], pupil_of: Mapping[bytes, str]) -> set[Statement]:
    """What facts say about registers and notices, without the ids that ingest draws at random."""
    said: set[Statement] = set()
    for fact in found:
        body = fact.WhichOneof("body")
        if body == "register":
            r = fact.register
            about = (r.epoch_day, r.start_minute, r.length_minutes, r.subject, r.state)
            marks = zip(
                [r.pupil_ids[i : i + 16] for i in range(0, len(r.pupil_ids), 16)],
                r.offered_minutes, r.valid_minutes, r.invalid_minutes, r.other_minutes, r.flags,
                r.arrived_late_minutes or [0] * len(r.flags), strict=True,
            )  # fmt: skip
            for pupil, *minutes in marks:
                at = r.version.modified_unix_ms
                said.add((*about, at, pupil_of[pupil], *minutes))
        elif body == "notice":
            n = fact.notice
            said.add((n.start_unix_s, n.end_unix_s, n.kind, n.reported_by, n.deleted,
                      n.version.modified_unix_ms, pupil_of[n.pupil_id]))  # fmt: skip
    return said


def _newest(said: set[Statement]) -> dict[Statement, Statement]:
    """The newest statement about each pupil in each lesson; notices are not told apart."""
    newest: dict[Statement, Statement] = {}
    for one in said:
        day, start, _, subject, _, modified, pupil, *_ = one
        about = (day, start, subject, pupil)
        if about not in newest or int(str(newest[about][5])) < int(str(modified)):
            newest[about] = one
    return newest


def _same_as_the_benchmarks_log(
    simulation: Simulation, organiser: UUID, surrogates: Mapping[str, UUID], facts: list[Fact]
) -> None:
    """bench-ews writes the input log itself: it has to be the one that ingest would write."""
    work = Workload(simulation, PARTITIONS, OPTIONS.first, OPTIONS.last, b"")
    until = local_instant(TODAY, 23 * 60).timestamp() * 1000
    today = epoch_day(TODAY)

    def settled(fact: Fact) -> bool:
        # Of today the feeder announces every lesson; what is to come it has not sent.
        register = fact.register
        return fact.accepted_unix_ms <= until and not (
            fact.HasField("register") and register.epoch_day == today and register.state == 1
        )

    built = [Fact.FromString(record.value) for record in work.records()]
    expected = _statements(filter(settled, built), {v: k for k, v in work.pupil_ids().items()})
    known = {surrogate.bytes: name for name, surrogate in surrogates.items()}
    # Ingest stamps arrival by its own clock, which stood still in this test.
    found = _statements((f for f in facts if settled(f)), known)
    assert len(expected) > 5000
    # Within one batch ingest keeps only the newest statement about a mark.
    assert found <= expected
    assert len(found) > 0.95 * len(expected)
    assert _newest(found) == _newest(expected)


def test_what_ingest_acknowledged_is_in_the_log(
    new_kafka: NewKafka, postgres: TestPostgres, tmp_path: Path
) -> None:
    settings = _settings(postgres, new_kafka())
    simulation = Simulation.of(CONFIG)
    book_path = tmp_path / "ledger.jsonl"

    async def run() -> tuple[FeedStats, demo.DemoState, dict[str, UUID], list[Fact]]:
        await create_topics(settings)
        clock = FixedClock(local_instant(TODAY, 23 * 60))
        app = create_app(settings, clock)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            state = await demo.settled(
                tmp_path, "http://ingest", OPS, today=TODAY, transport=transport
            )
            again = await demo.settled(
                tmp_path, "http://ingest", OPS, today=TODAY, transport=transport
            )
            assert again == state
            client = IngestClient("http://ingest", state.token, concurrency=4, transport=transport)
            with Ledger(book_path) as book:
                feeder = Feeder(simulation, client, book, clock=clock, options=OPTIONS)
                stats = await feeder.run()
            await client.close()
            pool = app.state.service.pool
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute(
                    "SELECT set_config('app.organiser_id', $1, true)", state.organiser_id
                )
                rows = await connection.fetch(
                    "SELECT external_id, entity_id FROM people.external_ids WHERE kind = 'pupil'"
                )
        return (
            stats,
            state,
            {r["external_id"]: r["entity_id"] for r in rows},
            await _facts(settings),
        )

    stats, state, surrogates, facts = asyncio.run(run())
    assert stats.refused == 0, stats.refusals
    assert stats.registers > 500
    assert stats.notes > 0, "no pupil came before the roster knew them"
    assert stats.duplicates_sent > 20
    assert stats.rosters > 1

    organiser = UUID(state.organiser_id)
    in_log = {
        (fact.register.lesson_id, bytes(fact.register.pupil_ids[i : i + 16]))
        for fact in facts
        if fact.WhichOneof("body") == "register"
        for i in range(0, len(fact.register.pupil_ids), 16)
    }
    checked = 0
    for line in ledger.read(book_path):
        if line["kind"] != "register":
            continue
        start = datetime.fromisoformat(line["start"]).astimezone(STOCKHOLM)
        lesson = ids.lesson_id(
            organiser, line["activity"], start.date(), start.hour * 60 + start.minute
        )
        for pupil in line["pupils"]:
            # Known by now: what came before the roster waited for it.
            assert (lesson.bytes, surrogates[pupil].bytes) in in_log, line
            checked += 1
    assert checked > 5000
    _same_as_the_benchmarks_log(simulation, organiser, surrogates, facts)
    days = {fact.register.epoch_day for fact in facts if fact.WhichOneof("body") == "register"}
    assert epoch_day(TODAY) in days
    text = book_path.read_text("utf-8") + json.dumps([str(fact) for fact in facts[:200]])
    assert not any(pupil.civic_no and pupil.civic_no in text for pupil in simulation.world.pupils)
