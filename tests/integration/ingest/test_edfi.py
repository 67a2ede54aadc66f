"""Ed-Fi events over HTTP: from an ODS's JSON to registers, with an answer for each event."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ingest.world import World, roster

pytestmark = pytest.mark.anyio

FOLDER = Path("tests/data/edfi")
MAPPING: dict[str, Any] = tomllib.loads((FOLDER / "mapping.toml").read_text("utf-8"))
EVENTS: list[dict[str, Any]] = json.loads((FOLDER / "events.json").read_text("utf-8"))
PATH = "/v1/edfi/studentSectionAttendanceEvents"


async def test_events_become_registers(world: World) -> None:
    await world.put(roster([f"60485{number}" for number in range(6)]))
    answer = await world.call("POST", PATH, EVENTS)
    assert (answer.status_code, answer.json()["type"][-10:]) == (409, "no_mapping")
    bad = await world.call("PUT", "/v1/edfi/mapping", {"periods": [{"name": "01"}]})
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "/periods/0/start")
    made = await world.call("PUT", "/v1/edfi/mapping", MAPPING)
    assert made.status_code == 204
    kept = await world.call("GET", "/v1/edfi/mapping", {})
    assert kept.json()["schools"] == MAPPING["schools"]

    refused = EVENTS[0] | {"eventDate": "2026-02-30"}
    answer = await world.call("POST", PATH, [*EVENTS, refused], zipped=True)
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert (body["accepted"], body["refused"]) == (7, 1)
    assert body["items"][7]["problem"]["field"] == "/eventDate"
    notes = {item["index"]: [note["code"] for note in item["notes"]] for item in body["items"]}
    assert notes[4] == ["no_minutes"]
    assert set(notes[6]) == {"unknown_pupil"}
    written = [register for _, register in await world.facts("register")]
    assert sum(sum(one.invalid_minutes) for one in written) == 15 + 10
    assert sum(sum(one.valid_minutes) for one in written) == 30
    assert await world.sql.fetchval("SELECT count(*) FROM ingest.parked") == 2
    assert await world.sql.fetchval(
        "SELECT field FROM ingest.rejects WHERE resource = 'studentSectionAttendanceEvents'"
    ) == "/eventDate"  # fmt: skip

    # One event alone, as an ODS client posts it; and one about a school that nobody knows.
    answer = await world.call("POST", PATH, EVENTS[0])
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    section = EVENTS[0]["sectionReference"] | {"schoolId": 1}
    answer = await world.call("POST", PATH, EVENTS[0] | {"sectionReference": section})
    problem = answer.json()["items"][0]["problem"]
    assert (answer.status_code, problem["code"], problem["field"]) == (
        422, "unknown_unit", "/sectionReference/schoolId",
    )  # fmt: skip


async def test_a_deletion_by_id_says_what_to_send_instead(world: World) -> None:
    await world.put(roster([f"60485{number}" for number in range(6)]))
    await world.call("PUT", "/v1/edfi/mapping", MAPPING)
    await world.call("POST", PATH, EVENTS[0])
    before = len(await world.facts())
    answer = await world.call("DELETE", f"{PATH}/9f3c", {})
    assert answer.status_code == 422
    body = answer.json()
    assert (body["type"].rpartition("/")[2].rpartition(":")[2], body["field"]) == (
        "not_known_by_id", "/id",
    )  # fmt: skip
    assert "In Attendance" in body["detail"]
    assert len(await world.facts()) == before
