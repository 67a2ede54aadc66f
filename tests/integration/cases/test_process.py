"""The whole process on a real broker and database: killed, starved, fed rubbish."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer

from deploy.local.kafka import KafkaServer
from forvarning.cases.v1 import cases_pb2
from forvarning.warnings.v1 import warnings_pb2 as pb
from services.common import topics
from services.common.clock import local_instant
from tests.integration.cases.process import CasesProcess, cases_process, count, send, until
from tests.integration.cases.world import TUESDAY, A, Story, own_database, settle
from tests.support.stack import NewKafka, TestPostgres

pytestmark = [pytest.mark.anyio, pytest.mark.fault]
MONDAY = TUESDAY - timedelta(days=1)
UNPUBLISHED = "SELECT count(*) FROM cases.outbox WHERE published_at IS NULL"


class Rig:
    """A broker and a database of the test's own, and the service on them."""

    def __init__(
        self, broker: KafkaServer, process: CasesProcess, admin: asyncpg.Connection[asyncpg.Record]
    ) -> None:
        self.broker = broker
        self.process = process
        self.admin = admin

    async def warn(self, *stories: tuple[Story, bytes]) -> None:
        await send(
            self.broker.bootstrap,
            *((topics.WARNINGS, story.thread_id.bytes, raw) for story, raw in stories),
        )

    async def held(self, threads: int) -> None:
        async def enough() -> bool:
            return await count(self.admin, "SELECT count(*) FROM cases.warnings") >= threads

        await until(enough, f"{threads} threads are stored", seconds=180)

    async def published(self) -> list[cases_pb2.CaseEvent]:
        """Everything on cases.events.v1 once the outbox is empty."""

        async def empty() -> bool:
            return await count(self.admin, UNPUBLISHED) == 0

        await until(empty, "the outbox is published", seconds=180)
        consumer = AIOKafkaConsumer(
            topics.CASE_EVENTS.name,
            bootstrap_servers=self.broker.bootstrap,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        await consumer.start()
        try:
            ends = await consumer.end_offsets(consumer.assignment())
            found: list[cases_pb2.CaseEvent] = []
            while len(found) < sum(ends.values()):
                batch = await consumer.getmany(timeout_ms=500)
                found += [
                    cases_pb2.CaseEvent.FromString(record.value)
                    for part in batch.values()
                    for record in part
                ]
            return found
        finally:
            await consumer.stop()


@pytest.fixture
async def rig(
    tmp_path: Path, new_kafka: NewKafka, postgres: TestPostgres, migrated: str
) -> AsyncIterator[Rig]:
    admin_dsn, dsn = own_database(postgres, migrated)
    broker = new_kafka()
    admin = await asyncpg.connect(admin_dsn)
    await settle(admin, A)
    with cases_process(tmp_path, broker.bootstrap, dsn) as process:
        process.set_clock(local_instant(TUESDAY, 9 * 60))
        rig = Rig(broker, process, admin)
        try:
            yield rig
        finally:
            # A test may have replaced it.
            await rig.admin.close()


def stories(number: int) -> list[Story]:
    """So many pupils' first warnings, pupils the roster does not know included."""
    return [
        Story(A, f"pupil-{index}", pb.FAMILY_LONG_TERM).raised(MONDAY) for index in range(number)
    ]


async def test_nothing_is_lost_or_doubled_when_the_process_is_killed(rig: Rig) -> None:
    """SIGKILL at five moments under load; every warning has one case, every event one id."""
    told = stories(300)
    first = [(story, story.event(MONDAY)) for story in told]
    for start in range(0, 300, 60):
        rig.process.start()
        await rig.warn(*first[start : start + 60])
        # Not waited for: some are stored, some are not, some offsets are not committed.
        await asyncio.sleep(0.05 * (start / 60))
        rig.process.kill()
    # What was read before comes again: every second message is sent twice.
    await rig.warn(*first[::2])
    rig.process.start()
    await rig.held(300)
    events = await rig.published()
    assert await count(rig.admin, "SELECT count(*) FROM cases.cases") == 300
    assert await count(rig.admin, "SELECT count(DISTINCT number) FROM cases.cases") == 300
    opened_lines = "SELECT count(*) FROM cases.case_events WHERE kind = 'opened'"
    assert await count(rig.admin, opened_lines) == 300
    opened = [e for e in events if e.kind == cases_pb2.CASE_EVENT_KIND_OPENED]
    # A repeat under the same id is the publisher's right; a second id would be a second event.
    assert len({event.event_id for event in opened}) == 300
    assert {event.case_id for event in opened} == {
        row["case_id"].bytes for row in await rig.admin.fetch("SELECT case_id FROM cases.cases")
    }


async def test_rubbish_goes_to_the_dead_letters_and_the_stream_goes_on(rig: Rig) -> None:
    rig.process.start()
    good = stories(1)[0]
    raw = good.event(MONDAY)
    bad = pb.WarningEvent.FromString(raw)
    bad.pupil_id = b"short"
    future = pb.WarningEvent.FromString(raw)
    future.episodes[0].raised_day = 10**9
    await send(
        rig.broker.bootstrap,
        (topics.WARNINGS, b"k", b"\xff\xff\xff not protobuf"),
        (topics.WARNINGS, b"k", bad.SerializeToString()),
        (topics.WARNINGS, b"k", future.SerializeToString()),
        (topics.ABSENCE_DAYS, b"k", b"\x00"),
        (topics.DELIVERIES, b"k", b"\xfe"),
        (topics.SCHOOL_SIGNALS, b"k", b"\xfd"),
        (topics.SCHOOL_SIGNALS, b"k", None),
        # A tombstone is no rubbish: the stream has erased something.
        (topics.WARNINGS, b"k", None),
        (topics.ABSENCE_DAYS, b"k", None),
        (topics.WARNINGS, good.thread_id.bytes, raw),
    )
    await rig.held(1)

    async def all_there() -> bool:
        return await count(rig.admin, "SELECT count(*) FROM cases.dead_letters") == 6

    await until(all_there, "six dead letters")
    rows = await rig.admin.fetch(
        "SELECT topic, reason, value FROM cases.dead_letters ORDER BY topic, log_offset, partition"
    )
    assert {(row["topic"], row["reason"]) for row in rows} == {
        ("ews.warnings.v1", "malformed"),
        ("ews.warnings.v1", "bad_id"),
        ("ews.warnings.v1", "bad_day"),
        ("ews.absence-days.v1", "malformed"),
        ("notify.deliveries.v1", "malformed"),
        ("ews.school-signals.v1", "malformed"),
    }
    assert b"\xff\xff\xff not protobuf" in [row["value"] for row in rows]
    # No personal data and no content in the log.
    assert "not protobuf" not in rig.process.log


async def test_a_message_that_the_database_refuses_does_not_stop_its_neighbours(rig: Rig) -> None:
    """Protobuf strings may hold what PostgreSQL's text may not: a zero byte."""
    poison = Story(A, "poison", pb.FAMILY_LONG_TERM).raised(MONDAY, sentence="noll\x00byte")
    told = stories(20)
    rig.process.start()
    await rig.warn(
        *((story, story.event(MONDAY)) for story in told[:10]),
        (poison, poison.event(MONDAY)),
        *((story, story.event(MONDAY)) for story in told[10:]),
    )
    await rig.held(20)

    async def refused() -> bool:
        return await count(rig.admin, "SELECT count(*) FROM cases.dead_letters") == 1

    await until(refused, "one dead letter")
    assert await count(rig.admin, "SELECT count(*) FROM cases.cases") == 20


async def test_the_database_away_is_waited_for(rig: Rig, postgres: TestPostgres) -> None:
    rig.process.start()
    told = stories(40)
    await rig.warn(*((story, story.event(MONDAY)) for story in told[:20]))
    await rig.held(20)
    await rig.published()
    # The tests' server does not wait for its log (synchronous_commit off): what it has promised
    # so far is made to hold before it is killed.
    await rig.admin.execute("CHECKPOINT")
    await rig.admin.close()
    postgres.server.kill()
    await rig.warn(*((story, story.event(MONDAY)) for story in told[20:]))
    await asyncio.sleep(1.5)
    postgres.server.start()
    rig.admin = await asyncpg.connect(postgres.server.dsn(rig.process.dsn.rsplit("/", 1)[1]))
    await rig.held(40)
    assert len({event.event_id for event in await rig.published()}) == 40


async def test_the_broker_away_keeps_events_in_the_outbox(rig: Rig) -> None:
    rig.process.start()
    told = stories(10)
    await rig.warn(*((story, story.event(MONDAY)) for story in told))
    await rig.held(10)
    await rig.published()
    rig.broker.kill()
    await rig.admin.execute(
        "UPDATE cases.outbox SET published_at = NULL "
        "WHERE id IN (SELECT id FROM cases.outbox LIMIT 5)"
    )
    # Longer than the producer's request time-out: its batch expires, it must be replaced.
    await asyncio.sleep(14)
    assert await count(rig.admin, UNPUBLISHED) == 5
    rig.broker.start()
    events = await rig.published()
    # What the broker took before it could say so comes twice, under the same id.
    assert len(events) >= 15
    assert len({event.event_id for event in events}) == 10


async def test_sigterm_ends_it_in_order(rig: Rig) -> None:
    rig.process.start()
    await rig.warn(*((story, story.event(MONDAY)) for story in stories(50)))
    assert rig.process.stop() in {0, -signal.SIGTERM}
    rig.process.start()
    await rig.held(50)
    assert await count(rig.admin, "SELECT count(*) FROM cases.cases") == 50


async def test_two_processes_share_the_work(rig: Rig) -> None:
    with cases_process(rig.process.folder / "..", rig.broker.bootstrap, rig.process.dsn) as other:
        other.folder = rig.process.folder
        other.set_clock(local_instant(TUESDAY, 9 * 60))
        rig.process.start()
        other.start()
        told = stories(200)
        await rig.warn(*((story, story.event(MONDAY)) for story in told))
        await rig.held(200)
        events = await rig.published()
        assert await count(rig.admin, "SELECT count(DISTINCT number) FROM cases.cases") == 200
        assert len(events) == 200
        assert len({event.event_id for event in events}) == 200


async def test_a_named_process_that_was_killed_reads_on_without_a_rebalance(rig: Rig) -> None:
    """Else nothing would be read until the dead member's session has run out."""
    rig.process.extra["FORVARNING_CASES_INSTANCE_ID"] = "cases"
    rig.process.start()
    killed = time.monotonic()
    rig.process.kill()
    rig.process.start()
    took = time.monotonic() - killed
    joined = re.findall(r"Joined group '([^']+)' \(generation (\d+)\)", rig.process.log)
    groups = {group for group, _ in joined}
    assert len(groups) == 4  # warnings, absence days, deliveries, school signals
    assert len(joined) == 2 * len(groups)
    # A start that outlasts the session of 10 s shows nothing.
    assert len(set(joined)) == len(groups) or took > 9.0
    [told] = stories(1)
    await rig.warn((told, told.event(MONDAY)))
    await rig.held(1)
