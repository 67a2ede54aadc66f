"""202 means written (design D10), whatever happens to the broker."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from prometheus_client import REGISTRY

from deploy.local.kafka import QUICK_JVM, KafkaServer
from services.common import topics
from tests.integration.ingest.conftest import StartWorld
from tests.integration.ingest.world import PARTITIONS, World, later, register, roster

pytestmark = pytest.mark.anyio

NewKafka = Callable[..., KafkaServer]


def second_broker(folder: Path, first: KafkaServer) -> KafkaServer:
    """A broker that joins the first one's cluster and leaves the controlling to it."""
    voters = re.search(
        r"controller\.quorum\.voters=(\S+)", (first.folder / "server.properties").read_text()
    )
    cluster = re.search(
        r"cluster\.id=(\S+)", (first.folder / "data" / "meta.properties").read_text()
    )
    assert voters
    assert cluster
    directory = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").lstrip("-")
    server = KafkaServer(folder, jvm=QUICK_JVM)
    server = KafkaServer(
        folder,
        port=server.port,
        jvm=QUICK_JVM,
        settings={
            "process.roles": "broker",
            "node.id": "2",
            "controller.quorum.voters": voters[1],
            "listeners": f"CLIENTS://{server.bootstrap}",
        },
    )
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "meta.properties").write_text(
        f"version=1\nnode.id=2\ncluster.id={cluster[1]}\ndirectory.id={directory}\n"
    )
    return server


@contextlib.asynccontextmanager
async def admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def leaders(bootstrap: str) -> list[int]:
    """Each partition's leader, -1 where it has none; empty when a dead broker was asked."""
    async with admin(bootstrap) as client:
        try:
            [described] = await client.describe_topics([topics.FACTS.name])
        except KafkaError:
            return []
        return [partition["leader"] for partition in described["partitions"]]


async def until(condition: Callable[[], Awaitable[bool]], seconds: float) -> float:
    """How long it took for ``condition`` to hold; fails when it does not."""
    begun = time.monotonic()
    while not await condition():
        assert time.monotonic() - begun < seconds, f"not within {seconds} s"
        await asyncio.sleep(0.1)
    return time.monotonic() - begun


def replaced() -> float:
    return REGISTRY.get_sample_value("forvarning_ingest_producers_replaced_total") or 0.0


async def test_a_partition_without_leader_for_longer_than_the_request_timeout(
    start_world: StartWorld, new_kafka: NewKafka, tmp_path: Path
) -> None:
    """Ingest accepts again within ten seconds of the leader's return.

    After the expired batch aiokafka's sequence numbers no longer fit and every
    send of that producer fails: only a new producer helps.
    """
    first = new_kafka()
    second = second_broker(tmp_path / "second", first)
    await asyncio.to_thread(second.start)
    try:
        async with admin(first.bootstrap) as client:
            others = [topic for topic in topics.ALL if topic is not topics.FACTS]
            await client.create_topics([
                NewTopic(topic.name, -1, -1, replica_assignments={0: [1]}) for topic in others
            ])  # fmt: skip
            await client.create_topics([
                NewTopic(topics.FACTS.name, -1, -1,
                         replica_assignments={p: [2] for p in range(PARTITIONS)})
            ])  # fmt: skip
        world = await start_world(
            kafka_bootstrap=first.bootstrap,
            # Shorter than the time-out: whoever sent has given up when the delivery fails for good.
            ingest_ack_seconds=1.5,
            ingest_request_timeout_seconds=2.0,
        )
        made = await world.source()
        world.tokens["sis"] = made["token"]
        world.organiser_id = UUID(made["organiser_id"])
        await world.put(roster())

        async def first_accepted() -> bool:
            return (await world.post(register())).status_code == 202

        await until(first_accepted, 30)
        before = replaced()

        second.kill()

        async def leaderless() -> bool:
            return set(await leaders(first.bootstrap)) == {-1}

        await until(leaderless, 30)
        answers = []
        # Longer than the request time-out, and with the broker that answers knowing no leader.
        begun = time.monotonic()
        while time.monotonic() - begun < 10 or replaced() == before:
            assert time.monotonic() - begun < 60, "no delivery failed for good"
            answers.append(await world.post(register(id="meanwhile")))
        assert {answer.status_code for answer in answers} == {503}
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
        assert all(
            answer.json()["type"] == "urn:forvarning:problem:not_written" for answer in answers
        )

        await asyncio.to_thread(second.start)

        async def led() -> bool:
            return set(await leaders(first.bootstrap)) == {2}

        await until(led, 30)

        async def accepted() -> bool:
            changed = register(id="after", modified=later(register()["modified"], minutes=3))
            return (await world.post(changed)).status_code == 202

        assert await until(accepted, 10) < 10
        written = [body.version.modified_unix_ms for _, body in await world.facts("register")]
        assert max(written) - min(written) == 180_000
        await _write_many(world)
    finally:
        await asyncio.to_thread(second.stop, seconds=10)


async def _write_many(world: World) -> None:
    """The new producer goes on: every one of many writes is in the log, once."""
    before = len(await world.facts("register"))
    answers = await asyncio.gather(*(
        world.post(register(activity=f"a{n}")) for n in range(40)
    ))  # fmt: skip
    assert {answer.status_code for answer in answers} == {202}
    assert len(await world.facts("register")) == before + 40


async def test_a_broker_killed_under_load_loses_nothing_acknowledged(
    start_world: StartWorld, new_kafka: NewKafka
) -> None:
    kafka = new_kafka()
    async with admin(kafka.bootstrap) as client:
        await client.create_topics([
            NewTopic(topic.name, topic.partitions or PARTITIONS, 1) for topic in topics.ALL
        ])  # fmt: skip
    world = await start_world(kafka_bootstrap=kafka.bootstrap, ingest_ack_seconds=2.0)
    made = await world.source()
    world.tokens["sis"] = made["token"]
    world.organiser_id = UUID(made["organiser_id"])
    await world.put(roster())
    acknowledged: set[str] = set()
    refused = 0
    stop = asyncio.Event()

    async def feed(lane: int) -> None:
        nonlocal refused
        number = 0
        while not stop.is_set() and number < 5000:
            subject = f"{lane}-{number}"
            answer: httpx.Response = await world.post(
                register(activity=f"a{lane}-{number}", subject=subject)
            )
            if answer.status_code == 202:
                acknowledged.add(subject)
                number += 1
            else:
                assert answer.status_code == 503
                refused += 1
                await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as group:
        for lane in range(4):
            group.create_task(feed(lane))
        for _ in range(2):
            await asyncio.sleep(1)
            kafka.kill()
            await asyncio.sleep(3)
            await asyncio.to_thread(kafka.start)
        count = len(acknowledged)

        async def going_on() -> bool:
            return len(acknowledged) > count + 20

        await until(going_on, 20)
        stop.set()
    assert refused > 0
    written = {body.subject for _, body in await world.facts("register")}
    assert acknowledged <= written
    assert len(acknowledged) > 20


async def test_a_full_queue_says_so_at_once(
    world: World, start_world: StartWorld, kafka: KafkaServer
) -> None:
    await world.put(roster())
    narrow = await start_world(ingest_max_in_flight_bytes=1, ingest_ack_seconds=30.0)
    assert (await narrow.post(register(), token=world.tokens["sis"])).status_code == 202
    kafka.freeze()
    try:
        waiting = asyncio.create_task(narrow.post(register(), token=world.tokens["sis"]))
        await until(lambda: _true(narrow.service.publisher.in_flight_bytes > 0), 10)
        begun = time.monotonic()
        answer = await narrow.post(register(), token=world.tokens["sis"])
        assert answer.status_code == 503
        assert time.monotonic() - begun < 5
    finally:
        kafka.thaw()
    assert (await waiting).status_code == 202
    await until(lambda: _true(narrow.service.publisher.in_flight_bytes == 0), 10)


async def _true(value: bool) -> bool:
    return value


async def test_not_ready_while_the_broker_is_away(
    start_world: StartWorld, new_kafka: NewKafka
) -> None:
    kafka = new_kafka()
    async with admin(kafka.bootstrap) as client:
        await client.create_topics([NewTopic(topics.FACTS.name, PARTITIONS + 1, 1)])
    world = await start_world(kafka_bootstrap=kafka.bootstrap, ingest_ack_seconds=2.0)
    answer = await world.client.get("/readyz")
    assert answer.status_code == 503
    assert "5 partitions" in answer.json()["broker"]
    assert answer.json()["database"] == "ok"
    kafka.kill()
    answer = await world.client.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "ok")
    assert (await world.client.get("/healthz")).status_code == 200
