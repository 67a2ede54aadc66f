"""Ingest as a school system meets it: HTTP in, real Kafka and PostgreSQL behind."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from fastapi import FastAPI

from forvarning.facts.v1.facts_pb2 import Fact
from services.common import topics
from services.common.clock import STOCKHOLM, FixedClock
from services.common.settings import IngestSettings
from services.ingest.service import Service

PARTITIONS = 4
OPS_TOKEN = "ops-token-of-the-tests"
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=STOCKHOLM)
"""A school Tuesday."""


async def read_topic(bootstrap: str, topic: str) -> list[Any]:
    """Every record of ``topic`` up to its present end, partition by partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    await consumer.start()
    try:
        parts = [TopicPartition(topic, p) for p in await _partitions(consumer, topic)]
        consumer.assign(parts)
        await consumer.seek_to_beginning(*parts)
        ends = await consumer.end_offsets(parts)
        left = {part for part in parts if ends[part] > 0}
        records = []
        while left:
            for part, batch in (await consumer.getmany(timeout_ms=200)).items():
                records += [record for record in batch if record.offset < ends[part]]
            left = {part for part in left if await consumer.position(part) < ends[part]}
        return sorted(records, key=lambda record: (record.partition, record.offset))
    finally:
        await consumer.stop()


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> list[int]:
    consumer.subscribe([topic])
    await consumer._client._wait_on_metadata(topic)
    found = consumer.partitions_for_topic(topic)
    consumer.unsubscribe()
    assert found
    return sorted(found)


NOBODY = UUID(int=0)


@dataclass
class World:
    """One ingest process in this process, and what it is connected to."""

    app: FastAPI
    client: httpx.AsyncClient
    clock: FixedClock
    settings: IngestSettings
    admin: asyncpg.Connection[asyncpg.Record]
    """The superuser."""
    sql: asyncpg.Connection[asyncpg.Record]
    """Ingest's own role, which sees the rows of :attr:`organiser_id` only."""
    bootstrap: str
    tokens: dict[str, str] = field(default_factory=dict)
    organiser_id: UUID = NOBODY

    @property
    def service(self) -> Service:
        service: Service = self.app.state.service
        return service

    async def source(self, name: str = "sis", **changes: Any) -> dict[str, Any]:
        """A new source; of a new organiser unless ``organiser_id`` is given."""
        answer = await self.client.post(
            "/v1/sources",
            json={"name": name, "organiser_name": "Testköpings kommun", **changes},
            headers={"Authorization": f"Bearer {OPS_TOKEN}"},
        )
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def call(
        self,
        method: str,
        path: str,
        body: Any,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        zipped: bool = False,
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = {
            "Authorization": f"Bearer {token or self.tokens['sis']}",
            "Content-Type": "application/json",
        }
        if zipped:
            content = gzip.compress(content)
            head["Content-Encoding"] = "gzip"
        return await self.client.request(
            method, path, content=content, headers=head | (headers or {})
        )

    async def put(self, roster: dict[str, Any], **options: Any) -> dict[str, Any]:
        """Send a roster as any school system does: again, while the answer is 503."""
        for _ in range(20):
            answer = await self.call("PUT", "/v1/roster", roster, **options)
            if answer.status_code != 503:
                break
            await asyncio.sleep(0.2)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def post(self, *registers: Any, **options: Any) -> httpx.Response:
        return await self.call("POST", "/v1/registers", {"registers": registers}, **options)

    async def notices(self, *notices: dict[str, Any], **options: Any) -> httpx.Response:
        return await self.call("POST", "/v1/notices", {"notices": notices}, **options)

    async def facts(self, kind: str | None = None) -> list[tuple[int, Any]]:
        """(partition, body) of this organiser's facts, in log order."""
        found = []
        for record in await read_topic(self.bootstrap, topics.FACTS.name):
            fact = Fact.FromString(record.value)
            name = fact.WhichOneof("body")
            if fact.organiser_id == self.organiser_id.bytes and kind in (None, name):
                found.append((record.partition, getattr(fact, name or "")))
        return found


def roster(pupils: Iterable[str] = ("p1", "p2"), **changes: Any) -> dict[str, Any]:
    """A small municipality: one unit, one class, made-up people."""
    body: dict[str, Any] = {
        "organiser": {
            "name": "Testköpings kommun",
            "kind": "municipal",
            "municipality_code": "9999",
            "phone": "010-000 00 00",
        },
        "areas": [{"id": "norr", "name": "Område Norr"}],
        "school_units": [
            {
                "id": "u1",
                "school_unit_code": "99990001",
                "name": "Björkskolan",
                "area": "norr",
                "school_forms": ["GR"],
                "codes": ["BJORK"],
                "calendars": [
                    {
                        "school_year": 2026,
                        "terms": [
                            {"name": "HT2026", "first": "2026-08-18", "last": "2026-12-18"},
                            {"name": "VT2027", "first": "2027-01-11", "last": "2027-06-11"},
                        ],
                        "free": [
                            {"first": "2026-11-02", "last": "2026-11-06", "reason": "höstlov"}
                        ],
                    }
                ],
            }
        ],
        "groups": [{"id": "u1-7A", "school_unit": "u1", "kind": "class", "grade": 7, "name": "7A"}],
        "pupils": [pupil(name) for name in pupils],
        "guardians": [
            {
                "id": "g1",
                "given_name": "Vera",
                "family_name": "Vårdnadsson",
                "email": "vera@example.org",
                "phone": None,
            }
        ],
        "staff": [
            {
                "id": "s1",
                "given_name": "Karin",
                "family_name": "Testlund",
                "email": "karin@example.org",
                "webhook_url": None,
                "login": "karin",
            }
        ],
        "duties": [
            {
                "id": "d1",
                "staff": "s1",
                "role": "attendance_officer",
                "school_unit": "u1",
                "from": "2026-08-18",
                "to": None,
            }
        ],
    }
    return body | changes


def pupil(name: str, **changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": name,
        "given_name": "Test",
        "family_name": f"Elev {name}",
        "birth_date": "2013-04-05",
        "sex": "unknown",
        "protection": "none",
        "placements": [
            {
                "school_unit": "u1",
                "class": "u1-7A",
                "school_form": "GR",
                "grade": 7,
                "from": "2026-08-18",
                "to": None,
            }
        ],
        "memberships": [],
        "guardians": [{"person": "g1", "relation": "guardian"}],
    }
    return body | changes


def register(**changes: Any) -> dict[str, Any]:
    """This morning's mathematics: p1 away, p2 there."""
    body: dict[str, Any] = {
        "id": "r1",
        "school_unit": "u1",
        "activity": "a-7A-MA",
        "group": "u1-7A",
        "subject": "MA",
        "start": "2026-11-24T08:10:00+01:00",
        "length_minutes": 60,
        "state": "reported",
        "modified": "2026-11-24T08:15:03+01:00",
        "marks": [{"pupil": "p1", "invalid": 60}, {"pupil": "p2"}],
    }
    return body | changes


def later(text: str, **by: float) -> str:
    return (datetime.fromisoformat(text) + timedelta(**by)).isoformat()
