"""The registry against a real broker."""

from __future__ import annotations

import asyncio

from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.kafka import KafkaServer
from services.common import kafka as kafka_helpers
from services.common import topics
from services.common.settings import CommonSettings
from tests.support.stack import NewKafka


def _settings(broker: KafkaServer, partitions: int = 8) -> CommonSettings:
    return CommonSettings(
        kafka_bootstrap=broker.bootstrap,
        fact_partitions=partitions,
        topic_replication=1,
        topic_min_insync=1,
    )


def test_create_is_idempotent_and_verify_finds_what_differs(new_kafka: NewKafka) -> None:
    broker = new_kafka()

    async def scenario() -> None:
        settings = _settings(broker)
        missing = await kafka_helpers.verify_topics(settings)
        assert len(missing) == len(topics.ALL)
        assert all(line.endswith("does not exist") for line in missing)

        assert await kafka_helpers.create_topics(settings) == [t.name for t in topics.ALL]
        assert await kafka_helpers.create_topics(settings) == []
        assert await kafka_helpers.verify_topics(settings) == []

        wrong = await kafka_helpers.verify_topics(_settings(broker, partitions=16))
        assert f"{topics.FACTS.name}: 8 partitions, should be 16" in wrong

        admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
        await admin.start()
        try:
            await admin.delete_topics([topics.ROSTER.name])
            await asyncio.sleep(0.5)
        finally:
            await admin.close()
        assert await kafka_helpers.verify_topics(settings) == ["roster.v1: does not exist"]

    asyncio.run(scenario())


def test_every_topic_says_how_long_it_keeps_personal_data() -> None:
    names = [topic.name for topic in topics.ALL]
    assert len(names) == len(set(names))
    for topic in topics.ALL:
        assert topic.personal_data
        assert (topic.retention_ms is None) == (topic.cleanup == "compact")
    # D3: the gap check needs an input log without control records and holes.
    assert topics.FACTS.cleanup == "delete"
    assert not topics.FACTS.transactional
