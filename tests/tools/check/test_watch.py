"""Checkpoints as a reader of the changelog sees them, on a real broker."""

from __future__ import annotations

import asyncio
import time

from aiokafka import AIOKafkaProducer

from deploy.check.watch import CheckpointWatch
from deploy.local.kafka import KafkaServer
from forvarning.state.v1.state_pb2 import Checkpoint, StateValue
from services.common import topics
from services.common.kafka import create_topics
from services.common.settings import CommonSettings
from services.ews.topology import CHECKPOINT_KEY
from tests.support.stack import NewKafka


def _settings(kafka: KafkaServer) -> CommonSettings:
    return CommonSettings(
        environment="local",
        kafka_bootstrap=kafka.bootstrap,
        fact_partitions=2,
        topic_replication=1,
        topic_min_insync=1,
    )


async def _checkpoint(
    kafka: KafkaServer, partition: int, next_offset: int, *, commit: bool = True
) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, transactional_id=f"check-{partition}"
    )
    value = StateValue(checkpoint=Checkpoint(next_offset=next_offset)).SerializeToString()
    async with producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topics.STATE.name, value, CHECKPOINT_KEY, partition=partition)
        await producer.send_and_wait(topics.STATE.name, b"other", b"w:1", partition=partition)
        await (producer.commit_transaction() if commit else producer.abort_transaction())


def test_only_committed_checkpoints_are_seen(new_kafka: NewKafka) -> None:
    kafka = new_kafka()

    async def scenario() -> None:
        settings = _settings(kafka)
        await create_topics(settings)
        watch = CheckpointWatch(settings)
        async with watch.running():
            await _checkpoint(kafka, 0, 5)
            assert not await watch.wait_all(0.0, seconds=2.0)
            assert watch.since(0.0) == {0}
            await _checkpoint(kafka, 1, 7, commit=False)
            assert not await watch.wait_all(0.0, seconds=1.5)
            await _checkpoint(kafka, 1, 7)
            assert await watch.wait_all(0.0, seconds=10.0)
            assert [len(watch.moments[n]) for n in (0, 1)] == [1, 1]
            later = time.monotonic()
            assert watch.since(later) == set()

    asyncio.run(scenario())


def test_how_much_of_the_log_no_checkpoint_holds(new_kafka: NewKafka) -> None:
    kafka = new_kafka()

    async def scenario() -> None:
        settings = _settings(kafka)
        await create_topics(settings)
        async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
            for number in range(3):
                await producer.send_and_wait(topics.FACTS.name, b"x", partition=number % 2)
        watch = CheckpointWatch(settings)
        async with watch.running():
            assert await watch.behind() == 3
            await _checkpoint(kafka, 0, 2)
            assert not await watch.wait_all(0.0, seconds=2.0)
            assert await watch.behind() == 1
            await _checkpoint(kafka, 1, 1)
            assert await watch.wait_all(0.0, seconds=10.0)
            assert await watch.behind() == 0

    asyncio.run(scenario())
