"""CloudEvents over HTTP: roster, registers and notices in one batch; the same events again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.ingest.world import World, register, roster

pytestmark = pytest.mark.anyio

BATCHED = {"Content-Type": "application/cloudevents-batch+json"}
STRUCTURED = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
NOTICE = {
    "id": "n1", "pupil": "p2", "kind": "leave", "start": "2026-11-24T00:00:00+01:00",
    "end": "2026-11-25T00:00:00+01:00", "reported_by": "staff",
}  # fmt: skip


def event(number: int, kind: str, data: Any, **changes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(number),
        "source": "https://sis.example.org",
        "type": f"forvarning.{kind}.v1",
        "time": "2026-11-24T08:15:03+01:00",
        "data": data,
        **changes,
    }


async def test_a_batch_and_the_same_batch_again(world: World) -> None:
    batch = [
        event(1, "register", register()),
        event(2, "notice", NOTICE),
        event(3, "register", register(school_unit="u9")),
        event(4, "timetable", {}),
        event(1, "register", register(length_minutes=50)),
        event(5, "roster", roster()),
    ]
    answer = await world.call("POST", "/v1/events", batch, headers=BATCHED)
    assert answer.status_code == 202, answer.text
    items = answer.json()["items"]
    assert [item["status"] for item in items] == [
        "accepted", "accepted", "refused", "refused", "duplicate", "accepted",
    ]  # fmt: skip
    assert items[2]["problem"]["field"] == "/data/school_unit"
    assert items[3]["problem"]["code"] == "unknown_type"
    assert items[0]["notes"] == [], "its pupils come with the roster of the same batch"
    assert len(await world.facts("register")) == len(await world.facts("notice")) == 1

    again = await world.call("POST", "/v1/events", batch, headers=BATCHED)
    assert [item["status"] for item in again.json()["items"]] == [
        "duplicate", "duplicate", "refused", "refused", "duplicate", "duplicate",
    ]  # fmt: skip
    assert len(await world.facts("register")) == 1
    # What was refused may come mended under its own name.
    mended = [event(3, "register", register())]
    answer = await world.call("POST", "/v1/events", mended, headers=BATCHED)
    assert answer.json()["accepted"] == 1
    # Another source's events have names of their own.
    other = await world.source("other", organiser_id=str(world.organiser_id), scopes=["notices"])
    mine = await world.call("POST", "/v1/events", batch[:2], headers=BATCHED, token=other["token"])
    assert [item["status"] for item in mine.json()["items"]] == ["refused", "accepted"]
    assert mine.json()["items"][0]["problem"]["code"] == "forbidden"


async def test_one_event_structured_and_binary(world: World) -> None:
    await world.put(roster())
    one = await world.call(
        "POST", "/v1/events", event(1, "register", register()), headers=STRUCTURED, zipped=True
    )
    assert (one.status_code, one.json()["accepted"]) == (202, 1)
    headers = {
        "ce-specversion": "1.0", "ce-id": "2", "ce-source": "https://sis.example.org",
        "ce-type": "forvarning.notice.v1", "ce-time": "2026-11-24T08:15:03Z",
    }  # fmt: skip
    binary = await world.call("POST", "/v1/events", NOTICE, headers=headers)
    assert (binary.status_code, binary.json()["accepted"]) == (202, 1)
    [(_, notice)] = await world.facts("notice")
    assert notice.version.modified_unix_ms == 1795508103000  # its ce-time
    bad = await world.call("POST", "/v1/events", event(3, "register", {}), headers=STRUCTURED)
    assert bad.status_code == 422
    assert bad.json()["items"][0]["problem"]["field"].startswith("/data/")
    for body, head, status in (
        (register(), {}, 415),
        ({"not": "a list"}, BATCHED, 422),
        (b"{", STRUCTURED, 400),
        ([], BATCHED, 202),
        ([event(n, "notice", {}) for n in range(501)], BATCHED, 413),
    ):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = await world.call("POST", "/v1/events", content, headers=head)
        assert answer.status_code == status, answer.text
