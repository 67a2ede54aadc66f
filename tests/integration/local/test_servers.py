"""The broker and the database server that the launcher and every other test stand on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import UnknownTopicOrPartitionError

from deploy.local.kafka import KafkaServer
from deploy.local.postgres import PostgresServer
from deploy.local.process import Child, StartFailedError, command_line, identity
from tests.support.stack import NewKafka, TestPostgres

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def make_topic(bootstrap: str, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def write(bootstrap: str, topic: str, value: bytes, *, commit: bool = True) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=f"to-{topic}")
    await producer.start()
    try:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, value)
        await (producer.commit_transaction() if commit else producer.abort_transaction())
    finally:
        await producer.stop()


async def read(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        async with asyncio.timeout(30):
            return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_kafka_commits_transactions_and_hides_aborted_ones(kafka: KafkaServer) -> None:
    topic = f"t-{uuid.uuid4()}"
    await make_topic(kafka.bootstrap, topic)
    await write(kafka.bootstrap, topic, b"aborted", commit=False)
    await write(kafka.bootstrap, topic, b"committed")
    assert await read(kafka.bootstrap, topic, 1) == [b"committed"]


async def test_kafka_makes_no_topic_by_being_asked(kafka: KafkaServer) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, request_timeout_ms=2000)
    await producer.start()
    try:
        with pytest.raises((UnknownTopicOrPartitionError, TimeoutError)):
            await asyncio.wait_for(producer.partitions_for("never-declared"), 5)
    finally:
        await producer.stop()


@pytest.mark.fault
async def test_kafka_keeps_what_it_acknowledged_through_kill_and_restart(
    new_kafka: NewKafka,
) -> None:
    kafka = new_kafka()
    await make_topic(kafka.bootstrap, "kept")
    await write(kafka.bootstrap, "kept", b"before the kill")
    kafka.kill()
    assert not kafka.running
    await asyncio.to_thread(kafka.start)
    await write(kafka.bootstrap, "kept", b"after it")
    await asyncio.to_thread(kafka.restart)
    assert await read(kafka.bootstrap, "kept", 2) == [b"before the kill", b"after it"]


@pytest.mark.fault
async def test_a_thread_that_ends_takes_no_broker_with_it(new_kafka: NewKafka) -> None:
    """The kernel ties a child to the thread that started it: that thread must be a lasting one."""
    kafka = new_kafka()
    kafka.stop()

    def start_in_a_thread_that_ends() -> None:
        asyncio.run(asyncio.to_thread(kafka.start))

    await asyncio.to_thread(start_in_a_thread_that_ends)
    await asyncio.sleep(1)
    assert kafka.running


async def test_databases_are_separate_and_sort_alike_everywhere(postgres: TestPostgres) -> None:
    first, second = postgres.create_database(), postgres.create_database()
    connection = await asyncpg.connect(first)
    try:
        await connection.execute("CREATE TABLE only_here (id int)")
        assert await connection.fetchval("SELECT lower('ÅÄÖ')") == "åäö"
        locale = await connection.fetchval(
            "SELECT datlocprovider::text || ' ' || datlocale FROM pg_database"
            " WHERE datname = current_database()"
        )
        assert locale == "b C.UTF-8"
    finally:
        await connection.close()
    connection = await asyncpg.connect(second)
    try:
        assert await connection.fetchval("SELECT to_regclass('only_here')") is None
    finally:
        await connection.close()


async def test_postgres_wants_the_password_on_every_way_in(postgres: TestPostgres) -> None:
    server = postgres.server
    for dsn in (
        server.dsn(password="wrong"),
        f"postgresql://postgres:wrong@/postgres?host={server.data}&port={server.port}",
    ):
        with pytest.raises((asyncpg.InvalidPasswordError, OSError)):
            await asyncpg.connect(dsn)


@pytest.mark.fault
async def test_postgres_keeps_what_it_committed_through_kill(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "pg")
    server.start()
    try:
        dsn = server.create_database("kept")
        held = await asyncpg.connect(dsn)
        await held.execute("CREATE TABLE t AS SELECT 1 AS x")
        server.kill()
        with contextlib.suppress(asyncpg.PostgresError, OSError):
            await held.close(timeout=2)
        await asyncio.to_thread(server.start)
        connection = await asyncpg.connect(dsn)
        assert await connection.fetchval("SELECT x FROM t") == 1
        await connection.close()
    finally:
        server.stop()


def test_the_launchers_postgres_never_trades_safety_for_speed(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "pg")
    server.start()
    try:
        argv = command_line(server.process.pid)
    finally:
        assert server.stop()
    assert any(word.startswith("max_connections=") for word in argv)
    assert not any(word.startswith(("fsync=", "full_page_writes=")) for word in argv)


def test_a_failed_start_shows_the_end_of_the_log(tmp_path: Path) -> None:
    program = [sys.executable, "-c", "print('the reason'); raise SystemExit(3)"]
    child = Child("Something", program, log=tmp_path / "log")
    child.start()
    with pytest.raises(StartFailedError, match=r"(?s)exit status 3.*the reason"):
        child.wait_ready(lambda: False, seconds=20)


@pytest.mark.fault
def test_no_child_outlives_a_parent_ended_by_sigkill(tmp_path: Path) -> None:
    program = f"""
import sys, time
from pathlib import Path
from deploy.local.process import Child
child = Child("sleeper", ["sleep", "600"], log=Path({str(tmp_path / "log")!r}))
child.start()
print(child.pid, flush=True)
time.sleep(600)
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        wait_until(lambda: command_line(pid)[:1] == ["sleep"])
        os.kill(parent.pid, signal.SIGKILL)
    wait_until(lambda: identity(pid) is None)


def wait_until(condition: object, *, seconds: float = 20) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)
