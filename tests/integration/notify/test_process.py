"""The whole process on real Kafka, PostgreSQL, SMTP and HTTP, ended at the worst moments."""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from aiokafka.structs import TopicPartition

from deploy.local.kafka import KafkaServer
from deploy.local.process import Child, free_port
from forvarning.notify.v1 import notify_pb2
from services.common import kafka as clients
from services.common import topics
from services.common.clock import local_instant, write_clock_file
from services.common.settings import CommonSettings
from tests.integration.notify.conftest import Database
from tests.integration.notify.sinks import HookSink, MailSink
from tests.integration.notify.world import TUESDAY, Record, World
from tests.support.stack import NewKafka

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def broker(new_kafka: NewKafka) -> KafkaServer:
    """A broker of the test's own: the topics' names are the registry's."""
    return new_kafka()


def common(broker: KafkaServer) -> CommonSettings:
    return CommonSettings(
        environment="local",
        kafka_bootstrap=broker.bootstrap,
        fact_partitions=4,
        topic_replication=1,
        topic_min_insync=1,
    )


class Notify:
    """`python -m services.notify` as the launcher starts it."""

    def __init__(self, broker: KafkaServer, database: Database, smtp: int, folder: Path) -> None:
        self.port = free_port()
        self.clock_file = folder / "clock.json"
        self.set_clock(9, 0)
        self.child = Child(
            "notify",
            [sys.executable, "-m", "services.notify"],
            log=folder / "notify.log",
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "proto" / "gen")]),
                "FORVARNING_ENVIRONMENT": "local",
                "FORVARNING_CLOCK_FILE": str(self.clock_file),
                "FORVARNING_KAFKA_BOOTSTRAP": broker.bootstrap,
                "FORVARNING_LISTEN_PORT": str(self.port),
                "FORVARNING_NOTIFY_DATABASE_URL": database.dsn,
                "FORVARNING_NOTIFY_OPS_TOKEN": "ops-token",
                "FORVARNING_NOTIFY_SMTP_PORT": str(smtp),
                "FORVARNING_NOTIFY_SMTP_STARTTLS": "false",
                "FORVARNING_NOTIFY_LEASE_SECONDS": "1",
                "FORVARNING_NOTIFY_POLL_SECONDS": "0.1",
            },
            cwd=ROOT,
        )

    def set_clock(self, hour: int, minute: int) -> None:
        write_clock_file(self.clock_file, local_instant(TUESDAY, hour * 60 + minute))

    def start(self) -> None:
        self.child.start()
        self.child.wait_ready(lambda: self.get("/readyz")[0] == 200, seconds=60)

    def get(self, path: str, token: str | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            headers = {"authorization": f"Bearer {token}"} if token else {}
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()


@pytest.fixture
async def notify(
    broker: KafkaServer, database: Database, mails: MailSink, tmp_path: Path
) -> Notify:
    """The process, not started yet; its topics exist."""
    await clients.create_topics(common(broker))
    return Notify(broker, database, mails.port, tmp_path)


@contextmanager
def running(notify: Notify) -> Iterator[Notify]:
    notify.start()
    try:
        yield notify
    finally:
        notify.child.kill()


def eventually(check: Callable[[], bool], what: str, seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


async def produce(broker: KafkaServer, *records: Record, transactional: bool = False) -> None:
    settings = common(broker)
    extra = {"transactional_id": "test-ews"} if transactional else {}
    producer = clients.idempotent_producer(settings, **extra)
    await producer.start()
    try:
        if transactional:
            await producer.begin_transaction()
        for record in records:
            await producer.send_and_wait(record.topic, record.value, key=uuid4().bytes, partition=0)
        if transactional:
            await producer.commit_transaction()
    finally:
        await producer.stop()


async def published(broker: KafkaServer) -> list[notify_pb2.Delivery]:
    """Everything on notify.deliveries.v1."""
    consumer = clients.committed_reader(common(broker), group=None)
    await consumer.start()
    try:
        name = topics.DELIVERIES.name
        parts = [TopicPartition(name, number) for number in range(8)]
        consumer.assign(parts)
        ends = await consumer.end_offsets(parts)
        found = []
        while [part for part in parts if await consumer.position(part) < ends[part]]:
            batches = await consumer.getmany(timeout_ms=500)
            found += [record for batch in batches.values() for record in batch]
        return [notify_pb2.Delivery.FromString(record.value) for record in found]
    finally:
        await consumer.stop()


async def test_from_kafka_to_mail_webhook_and_deliveries_through_kills(
    world: World, notify: Notify, broker: KafkaServer, hooks: HookSink, mails: MailSink
) -> None:
    staff = await world.staff("karin@example.org", hooks.url)
    pupils = [await world.pupil(await world.guardian(f"h{n}@example.org")) for n in range(12)]
    protected = await world.pupil(await world.guardian(), protection="confidential")
    warnings = [world.warning(pupil, TUESDAY) for pupil in [*pupils, protected]]
    case = uuid4()
    with running(notify):
        await produce(broker, *warnings, transactional=True)
        await produce(broker, world.case_event(case, pupils[0], staff_id=staff))
        eventually(lambda: len(hooks.calls) == 1, "the webhook")
        eventually(lambda: "karin@example.org" in mails.recipients, "the case mail")
        assert len(mails.mails) == 1, "nothing to guardians in the grace time"
        eventually(
            lambda: (
                notify.get(f"/internal/v1/deliveries?organiser={world.organiser}", "ops-token")[
                    1
                ].count('obligation_id":')
                >= 13
            ),
            "obligations",
        )
        # Slow enough that the kill lands between hand-over and record for some of them.
        original = mails.answer

        def slow(mail: object) -> str:
            time.sleep(0.05)
            return "250 OK"

        mails.answer = slow
        notify.set_clock(9, 21)
        eventually(lambda: len(mails.ids()) >= 4, "the first notices")
        notify.child.kill()
        mails.answer = original
        notify.start()
        # The events come again: they are known.
        await produce(broker, *warnings, transactional=True)
        eventually(lambda: len(mails.ids()) == 13, "all notices")
        broker.kill()
        broker.start()
        eventually(lambda: notify.get("/readyz")[0] == 200, "ready after the broker's return")
        notify.child.stop(seconds=30)
        notify.start()
        url = f"/internal/v1/deliveries?organiser={world.organiser}"
        assert notify.get(url)[0] == 401
        assert notify.get(url, "wrong")[0] == 401

        def settled() -> bool:
            status, body = notify.get(url, "ops-token")
            states = (
                [one["state"] for one in json.loads(body)["deliveries"]] if status == 200 else []
            )
            return sorted(states) == ["call_home", *["sent"] * 14]

        eventually(settled, "every delivery at its end")
        page = json.loads(notify.get(url, "ops-token")[1])
    assert len(mails.ids()) == 13
    assert len({headers["webhook-id"] for headers, _ in hooks.calls}) == 1
    assert {one["state"] for one in page["obligations"]} == {"arranged", "call_home"}
    assert "example.org" not in json.dumps(page)
    eventually_published = await published(broker)
    by_id = {delivery.delivery_id: delivery for delivery in eventually_published}
    states = sorted(delivery.state for delivery in by_id.values())
    assert states == sorted(
        [notify_pb2.DELIVERY_STATE_CALL_HOME, *[notify_pb2.DELIVERY_STATE_SENT] * 14]
    )
    (call,) = [d for d in by_id.values() if d.state == notify_pb2.DELIVERY_STATE_CALL_HOME]
    assert UUID(bytes=call.pupil_id) == protected
    assert call.reason == "protected_pupil"
    assert UUID(bytes=call.organiser_id) == world.organiser


async def test_the_pages_of_the_operators_endpoint_hold_everything_once(
    world: World, notify: Notify
) -> None:
    pupils = [await world.pupil(await world.guardian(f"h{n}@example.org")) for n in range(10)]
    for pupil in pupils:
        await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(21)
    await world.rounds()
    with running(notify):
        seen: dict[str, list[str]] = {"obligations": [], "deliveries": [], "messages": []}
        after = ""
        for _ in range(50):
            url = f"/internal/v1/deliveries?organiser={world.organiser}&limit=3{after}"
            page = json.loads(notify.get(url, "ops-token")[1])
            for name, ids in seen.items():
                key = {"obligations": "obligation_id", "deliveries": "delivery_id"}.get(
                    name, "message_id"
                )
                ids += [one[key] for one in page[name]]
            if page["after"] is None:
                break
            after = f"&after={page['after']}"
        assert {name: len(ids) for name, ids in seen.items()} == dict.fromkeys(seen, 10)
        assert all(len(set(ids)) == 10 for ids in seen.values())
        other = json.loads(
            notify.get(f"/internal/v1/deliveries?organiser={uuid4()}", "ops-token")[1]
        )
        assert other["deliveries"] == []


async def test_the_database_may_go_and_come(
    world: World, notify: Notify, database: Database, broker: KafkaServer, mails: MailSink
) -> None:
    pupil = await world.pupil(await world.guardian())
    event = world.warning(pupil, TUESDAY)
    with running(notify):
        name = database.dsn.rsplit("/", 1)[1]
        # Away for this service alone: other tests share the server.
        try:
            await world.admin.execute("ALTER ROLE forvarning_notify CONNECTION LIMIT 0")
            await world.admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'forvarning-notify' AND datname = $1",
                name,
            )
            await produce(broker, event, transactional=True)
            eventually(lambda: notify.get("/readyz")[0] == 503, "not ready")
        finally:
            await world.admin.execute("ALTER ROLE forvarning_notify CONNECTION LIMIT -1")
        eventually(lambda: notify.get("/readyz")[0] == 200, "ready again")
        url = f"/internal/v1/deliveries?organiser={world.organiser}"
        eventually(lambda: "waiting" in notify.get(url, "ops-token")[1], "the obligation")
        notify.set_clock(9, 30)
        eventually(lambda: len(mails.mails) == 1, "the notice")
        assert notify.child.running


async def test_the_outbox_gets_through_after_a_broker_that_stood_still_for_long(
    world: World, notify: Notify, broker: KafkaServer
) -> None:
    pupil = await world.pupil(await world.guardian(None))
    with running(notify):
        broker.freeze()
        await world.take(world.warning(pupil, TUESDAY))
        notify.set_clock(9, 30)
        # Longer than the producer's request time-out: its batch expires.
        eventually(lambda: notify.get("/readyz")[0] == 503, "the outbox in trouble", 60)
        broker.thaw()
        eventually(lambda: notify.get("/readyz")[0] == 200, "ready again", 60)
        found: list[notify_pb2.Delivery] = []
        deadline = time.monotonic() + 30
        while not found and time.monotonic() < deadline:
            found = await published(broker)
        assert notify.child.running
    assert {UUID(bytes=one.pupil_id) for one in found} == {pupil}
    assert {one.reason for one in found} == {"no_address"}
