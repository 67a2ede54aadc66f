"""Readers of Kafka stop whatever the broker is doing, and cancel nobody by it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import TopicPartition

from services.common.kafka import committed_reader
from services.common.settings import CommonSettings

LOG = TopicPartition("attendance.facts.v1", 0)


class BrokerAway(AIOKafkaClient):  # type: ignore[misc]  # aiokafka has no types
    """What a reader has to do with when the broker has died: each request fails at once."""

    def __init__(self) -> None:
        super().__init__(bootstrap_servers="127.0.0.1:9")
        self.cluster.leader_for_partition = lambda _partition: 1
        self.failed = asyncio.Event()
        self.closing = asyncio.Event()
        self.may_close = asyncio.Event()
        self.may_close.set()
        self.closed = False

    async def send(self, _node: int, _request: Any) -> None:
        self.failed.set()
        raise KafkaConnectionError("Connection at 127.0.0.1:9 closed")

    def set_topics(self, _topics: Any) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def close(self) -> None:
        self.closing.set()
        await self.may_close.wait()
        self.closed = True


async def reader_without_broker() -> tuple[Any, BrokerAway]:
    """A reader whose last fetch has just failed, so that the next one waits a moment."""
    reader: Any = committed_reader(CommonSettings(), group=None)
    client = reader._client = BrokerAway()
    reader._fetcher = Fetcher(client, reader._subscription, retry_backoff_ms=60_000)
    reader.assign([LOG])
    reader.seek(LOG, 0)
    async with asyncio.timeout(10):
        await client.failed.wait()
    return reader, client


def test_a_reader_that_stops_while_the_broker_is_away_cancels_nobody() -> None:
    async def scenario() -> None:
        reader, client = await reader_without_broker()
        await reader.stop()
        assert client.closed

    asyncio.run(scenario())


def test_what_went_wrong_is_not_lost_in_the_stopping() -> None:
    async def scenario() -> None:
        reader, _ = await reader_without_broker()
        try:
            raise LookupError("what went wrong")
        finally:
            await reader.stop()

    with pytest.raises(LookupError):
        asyncio.run(scenario())


def test_whoever_is_cancelled_while_a_reader_stops_is_cancelled() -> None:
    async def scenario() -> bool:
        reader, client = await reader_without_broker()
        client.may_close.clear()
        stopping = asyncio.ensure_future(reader.stop())
        async with asyncio.timeout(10):
            await client.closing.wait()
        stopping.cancel()
        await asyncio.wait({stopping})
        return bool(stopping.cancelled())

    assert asyncio.run(scenario())
