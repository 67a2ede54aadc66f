"""Values that have broken other systems: each is answered, none is a 500."""

from __future__ import annotations

from typing import Any
from unittest.mock import AsyncMock

import asyncpg
import pytest
from asyncpg.exceptions import _base

from deploy.local.kafka import KafkaServer
from services.ingest.store.sources import SourceCache
from tests.integration.ingest.conftest import StartWorld
from tests.integration.ingest.world import World, pupil, register, roster
from tests.support.stack import TestPostgres

pytestmark = pytest.mark.anyio

ODD: list[dict[str, Any]] = [
    {"activity": "a\u0000b"},
    {"activity": "x" * 201},
    {"activity": ""},
    {"group": "\u0000"},
    {"subject": "\u0000"},
    {"id": "\u0007"},
    {"school_unit": "u1\n"},
    {"start": "0001-01-01T00:00:00+01:00"},
    {"start": "9999-12-31T23:59:59-12:00"},
    {"start": "2026-11-24T24:00:00+01:00"},
    {"start": "2026-11-24T08:10:60+01:00"},
    {"start": "2026-11-24t08:10:00+99:00"},
    {"modified": "0001-01-01T00:00:00+14:00"},
    {"modified": "9999-12-31T23:59:59Z"},
    {"moved_from": "0001-01-01T00:00:00Z"},
    {"length_minutes": 10**30},
    {"length_minutes": 60.0},
    {"marks": [{"pupil": "p1", "invalid": 10**30}]},
    {"marks": [{"pupil": "\u0000"}]},
    {"marks": [{"pupil": "p1", "left_early": -1}]},
    {"marks": [None]},
    {"marks": "p1"},
    {"marks": None},
]


async def test_odd_registers(world: World) -> None:
    await world.put(roster())
    answer = await world.post(*(register(**odd) for odd in ODD), register())
    assert answer.status_code == 202
    *items, good = answer.json()["items"]
    assert [item["status"] for item in items] == ["refused"] * len(ODD)
    assert good["status"] == "accepted"
    for item in items:
        assert item["problem"]["code"]
        assert item["problem"]["field"].startswith("/")


@pytest.mark.parametrize(
    "content",
    [
        b'{"registers": [{"id": "\\ud800"}]}',
        b'{"registers": [' + b"[" * 5000 + b"]" * 5000 + b"]}",
        b'{"registers": [NaN]}',
        b'{"registers": [1e999]}',
        b'{"registers": [{"a": 1, "a": 2}]}',
        b'{"registers": [' + b"9" * 5000 + b"]}",
        b"null",
        b'"registers"',
    ],
)
async def test_odd_json(world: World, content: bytes) -> None:
    answer = await world.call("POST", "/v1/registers", content)
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "change",
    [
        {"given_name": "\u0000"},
        {"given_name": ""},
        {"birth_date": "0001-01-01"},
        {"birth_date": "2013-13-01"},
        {"email": "not an address"},
        {"email": "a\u0000@example.org"},
        {"civic_no": "201304059999\u0000"},
        {"placements": [{"school_unit": "u1", "school_form": "GR", "grade": 7,
                         "from": "9999-01-01"}]},
        {"placements": [{"school_unit": "u1", "school_form": "XX", "grade": 7,
                         "from": "2026-08-18"}]},
        {"placements": [{"school_unit": "u1", "school_form": "GR", "grade": 99,
                         "from": "2026-08-18"}]},
    ],
)  # fmt: skip
async def test_odd_pupils(world: World, change: dict[str, Any]) -> None:
    body = roster()
    body["pupils"][1] |= change
    answer = await world.call("PUT", "/v1/roster", body)
    assert answer.status_code == 422, answer.text
    [error] = answer.json()["errors"]
    assert error["field"].startswith("/pupils/1/")


@pytest.mark.parametrize("body", [b"[]", b"null", b'{"pupil": []}', b'{"pupils": {}}'])
async def test_odd_rosters(world: World, body: bytes) -> None:
    answer = await world.call("PUT", "/v1/roster", body)
    assert answer.status_code == 422


async def test_one_pupil_under_two_ids_in_one_register(world: World) -> None:
    """Which of the two marks holds is not ours to guess."""
    body = roster(["p1"])
    body["pupils"][0]["civic_no"] = "201304059999"
    await world.put(body)
    renamed = pupil("p1-new", civic_no="201304059999")
    await world.put({"pupils": [renamed]})
    answer = await world.post(register(marks=[{"pupil": "p1"}, {"pupil": "p1-new", "invalid": 60}]))
    [item] = answer.json()["items"]
    assert item["problem"]["code"] == "duplicate_mark"
    assert await world.facts("register") == []


async def test_the_database_away_is_503_and_passes(
    world: World, start_world: StartWorld, postgres: TestPostgres, kafka: KafkaServer
) -> None:
    await world.put(roster())
    # The tests' server does not wait for its own log: without this the crash would lose the roster.
    await world.admin.execute("CHECKPOINT")
    await world.sql.close()
    await world.admin.close()
    postgres.server.kill()
    try:
        answer = await world.post(register())
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "2"
        assert (await world.client.get("/readyz")).status_code == 503
    finally:
        postgres.server.start()
    for _ in range(50):
        answer = await world.post(register())
        if answer.status_code == 202:
            break
    assert answer.status_code == 202
    assert len(await world.facts("register")) == 1


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InternalClientError("unexpected connection_lost() call"),
        asyncpg.ConnectionDoesNotExistError("closed in the middle of operation"),
    ],
)
async def test_a_connection_that_ends_in_mid_call_means_send_it_again(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(SourceCache, "get", AsyncMock(side_effect=error))
    answer = await world.post(register())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_a_value_that_does_not_fit_is_a_fault_of_ours(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sending it again would not mend it, so it is no 503."""
    error = _base.DataError("invalid input for query argument $1")
    monkeypatch.setattr(SourceCache, "get", AsyncMock(side_effect=error))
    with pytest.raises(_base.DataError):
        await world.post(register())
