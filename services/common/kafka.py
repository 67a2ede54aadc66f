"""Kafka clients with the settings that the design asks for."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from services.common import topics
from services.common.cancellation import StrayCancellationError, only_ours
from services.common.settings import CommonSettings


def connection(settings: CommonSettings) -> dict[str, Any]:
    """Address, TLS and SASL arguments that every aiokafka client takes."""
    arguments: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        cafile = str(settings.kafka_ca_file) if settings.kafka_ca_file else None
        arguments["ssl_context"] = ssl.create_default_context(cafile=cafile)
    if settings.kafka_security_protocol.startswith("SASL"):
        password = settings.kafka_sasl_password
        arguments |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_sasl_username,
            "sasl_plain_password": password.get_secret_value() if password else None,
        }
    return arguments


def idempotent_producer(settings: CommonSettings, **overrides: Any) -> AIOKafkaProducer:
    """acks=all, idempotent, never transactional: the only kind that may write the input log."""
    arguments: dict[str, Any] = {
        "acks": "all",
        "enable_idempotence": True,
        "linger_ms": 5,
        "request_timeout_ms": 10_000,
        "max_batch_size": 256 * 1024,
        "compression_type": None,
    }
    return AIOKafkaProducer(**connection(settings), **(arguments | overrides))


class Reader(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka has no types
    """A consumer that can be stopped while the broker is away.

    aiokafka 0.14 cancels the fetches that are under way and awaits them; one that rests after a
    failure passes that cancellation on to whoever stops the consumer. Nobody asked them to end,
    and what they were stopping for would be lost.
    """

    async def stop(self) -> None:
        """Stop; raises CancelledError only where the caller itself is cancelled meanwhile."""
        try:
            await only_ours(super().stop())
        except StrayCancellationError:
            # It broke off before that.
            await self._client.close()


def committed_reader(
    settings: CommonSettings, *topic_names: str, group: str | None, **overrides: Any
) -> Reader:
    """A `read_committed` consumer from the beginning, with commits left to the caller."""
    arguments: dict[str, Any] = {
        "group_id": group,
        "isolation_level": "read_committed",
        "auto_offset_reset": "earliest",
        "enable_auto_commit": False,
        "max_poll_interval_ms": 300_000,
        "session_timeout_ms": 10_000,
        "heartbeat_interval_ms": 3_000,
    }
    return Reader(*topic_names, **connection(settings), **(arguments | overrides))


def _wanted(topic: topics.Topic, settings: CommonSettings) -> tuple[int, dict[str, str]]:
    partitions = topic.partitions or settings.fact_partitions
    config = topic.config() | {"min.insync.replicas": str(settings.topic_min_insync)}
    return partitions, config


async def create_topics(settings: CommonSettings) -> list[str]:
    """Create the registry's topics that are not there; returns their names."""
    admin = AIOKafkaAdminClient(**connection(settings))
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        missing = [topic for topic in topics.ALL if topic.name not in existing]
        for topic in missing:
            partitions, config = _wanted(topic, settings)
            answer = await admin.create_topics(
                [NewTopic(topic.name, partitions, settings.topic_replication, topic_configs=config)]
            )
            for error in answer.topic_errors:
                if error[1] and for_code(error[1]) is not TopicAlreadyExistsError:
                    raise for_code(error[1])(f"{topic.name}: {error[2:]}")
        # Leaders are elected after the answer; a first producer must not find none.
        for _ in range(100):
            described = await admin.describe_topics([topic.name for topic in topics.ALL])
            if all(
                entry["error_code"] == 0
                and all(part["leader"] >= 0 for part in entry["partitions"])
                for entry in described
            ):
                break
            await asyncio.sleep(0.1)
        return [topic.name for topic in missing]
    finally:
        await admin.close()


async def verify_topics(settings: CommonSettings) -> list[str]:
    """Every way in which the broker's topics differ from the registry, as sentences."""
    admin = AIOKafkaAdminClient(**connection(settings))
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        problems = [f"{t.name}: does not exist" for t in topics.ALL if t.name not in existing]
        present = [topic for topic in topics.ALL if topic.name in existing]
        described = {
            entry["topic"]: entry
            for entry in await admin.describe_topics([topic.name for topic in present])
        }
        for topic in present:
            partitions, config = _wanted(topic, settings)
            found = len(described[topic.name]["partitions"])
            if found != partitions:
                problems.append(f"{topic.name}: {found} partitions, should be {partitions}")
            answers = await admin.describe_configs(
                [ConfigResource(ConfigResourceType.TOPIC, topic.name)]
            )
            actual = {row[0]: row[1] for row in answers[0].resources[0][4]}
            problems += [
                f"{topic.name}: {key} is {actual.get(key)!r}, should be {value!r}"
                for key, value in config.items()
                if actual.get(key) != value
            ]
        return problems
    finally:
        await admin.close()
