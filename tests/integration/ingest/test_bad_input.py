"""Every kind of bad input has its own clear answer, and loses nothing that was good beside it."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.ingest.conftest import StartWorld
from tests.integration.ingest.world import NOON, World, register, roster

pytestmark = pytest.mark.anyio

REFUSED = [
    ("unknown_unit", "/school_unit", {"school_unit": "elsewhere"}),
    ("impossible_minutes", "/marks/0/invalid", {"marks": [{"pupil": "p1", "invalid": 61}]}),
    (
        "impossible_minutes",
        "/marks/0/valid",
        {"marks": [{"pupil": "p1", "valid": 40, "invalid": 30}]},
    ),
    ("impossible_minutes", "/marks/0/offered", {"marks": [{"pupil": "p1", "offered": 61}]}),
    ("out_of_range", "/marks/0/valid", {"marks": [{"pupil": "p1", "valid": -1}]}),
    ("invalid", "/marks/0/valid", {"marks": [{"pupil": "p1", "valid": "60"}]}),
    ("invalid", "/marks/0/valid", {"marks": [{"pupil": "p1", "valid": 1.5}]}),
    ("invalid", "/marks/0/valid", {"marks": [{"pupil": "p1", "valid": True}]}),
    (
        "impossible_minutes",
        "/marks/0/arrived_late",
        {"marks": [{"pupil": "p1", "arrived_late": 61}]},
    ),
    ("out_of_range", "/length_minutes", {"length_minutes": 0}),
    ("out_of_range", "/length_minutes", {"length_minutes": 721}),
    ("reported_ahead", "/start", {"start": "2026-11-25T08:10:00+01:00"}),
    ("in_the_future", "/start", {"start": "2099-11-25T08:10:00+01:00", "state": "scheduled"}),
    ("before_school_year", "/start", {"start": "2026-08-17T08:10:00+02:00"}),
    ("before_school_year", "/start", {"start": "2025-11-24T08:10:00+01:00"}),
    (
        "after_school_year",
        "/start",
        {"start": "2027-06-14T08:10:00+02:00", "state": "scheduled"},
    ),
    (
        "after_school_year",
        "/start",
        {"start": "2027-09-14T08:10:00+02:00", "state": "scheduled"},
    ),
    ("wrong_time_zone", "/start", {"start": "2026-11-24T08:10:00+02:00"}),
    ("wrong_time_zone", "/start", {"start": "2026-11-24T08:10:00-05:00"}),
    ("wrong_time_zone", "/moved_from", {"moved_from": "2026-11-23T08:10:00+02:00"}),
    ("missing_offset", "/start", {"start": "2026-11-24T08:10:00"}),
    ("invalid", "/start", {"start": "24/11/2026 08:10"}),
    ("invalid", "/start", {"start": "2026-02-30T08:10:00+01:00"}),
    ("invalid", "/start", {"start": 1795504500}),
    ("unknown_value", "/state", {"state": "done"}),
    ("unknown_field", "/marks/0/invaild", {"marks": [{"pupil": "p1", "invaild": 60}]}),
    ("not_moved", "/moved_from", {"moved_from": "2026-11-24T08:10:00+01:00"}),
    ("duplicate_mark", "/marks/1/pupil", {"marks": [{"pupil": "p1"}, {"pupil": "p1"}]}),
]


@pytest.mark.parametrize(("code", "field", "change"), REFUSED)
async def test_a_bad_item_is_refused_with_its_reason(
    world: World, code: str, field: str, change: dict[str, Any]
) -> None:
    await world.put(roster())
    answer = await world.post(register(id="bad", **change))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:forvarning:problem:all_refused"
    [item] = answer.json()["items"]
    assert (item["status"], item["id"]) == ("refused", "bad")
    assert (item["problem"]["code"], item["problem"]["field"]) == (code, field)
    assert item["problem"]["detail"].startswith(field + ":")
    assert await world.facts("register") == []
    row = await world.sql.fetchrow("SELECT code, field FROM ingest.rejects")
    assert row is not None
    assert tuple(row) == (code, field)


async def test_a_bad_item_does_not_take_the_good_ones_with_it(world: World) -> None:
    await world.put(roster())
    answer = await world.post(register(), register(id="bad", length_minutes=0), "nonsense")
    assert answer.status_code == 202
    body = answer.json()
    assert (body["accepted"], body["refused"]) == (1, 2)
    assert [item["status"] for item in body["items"]] == ["accepted", "refused", "refused"]
    assert len(await world.facts("register")) == 1


async def test_a_missing_field_is_named(world: World) -> None:
    await world.put(roster())
    incomplete = register()
    del incomplete["modified"]
    [item] = (await world.post(incomplete)).json()["items"]
    assert (item["problem"]["code"], item["problem"]["field"]) == ("missing_field", "/modified")


async def test_a_source_whose_clock_went_back_is_told_and_does_not_win(world: World) -> None:
    await world.put(roster())
    for modified, notes in (
        ("2026-11-24T08:15:03+01:00", []),
        # Before the lesson, which begins at 8:10: a clock that stands in 1970 after a restart.
        ("1970-01-01T00:00:07Z", ["source_clock_behind"]),
        ("2026-11-24T07:30:00+01:00", ["source_clock_behind"]),
        # A register may be taken a little early.
        ("2026-11-24T08:00:00+01:00", []),
    ):
        [item] = (await world.post(register(modified=modified))).json()["items"]
        assert item["status"] == "accepted"
        assert [note["code"] for note in item["notes"]] == notes, modified
    # What the timetable says of a lesson to come is older than the lesson, as it should be.
    planned = register(state="scheduled", modified="2026-08-18T08:00:00+02:00")
    assert (await world.post(planned)).json()["items"][0]["notes"] == []
    versions = [body.version.modified_unix_ms for _, body in await world.facts("register")]
    assert max(versions) == versions[0]


async def test_a_source_clock_in_2099_is_capped_and_said(world: World) -> None:
    """Its facts count as five minutes from now, so a later correction still wins."""
    await world.put(roster())
    answer = await world.post(register(modified="2099-01-01T00:00:00+01:00"))
    [item] = answer.json()["items"]
    assert item["status"] == "accepted"
    assert [note["code"] for note in item["notes"]] == ["source_clock_ahead"]
    [(_, body)] = await world.facts("register")
    assert body.version.modified_unix_ms == (NOON + timedelta(minutes=5)).timestamp() * 1000


async def test_utc_is_no_wrong_time_zone(world: World) -> None:
    await world.put(roster())
    assert (await world.post(register(start="2026-11-24T07:10:00Z"))).status_code == 202
    [(_, body)] = await world.facts("register")
    assert body.start_minute == 8 * 60 + 10


@pytest.mark.parametrize(
    ("start", "minute", "day"),
    [
        ("2026-10-23T08:10:00+02:00", 490, 20749),
        ("2026-10-26T08:10:00+01:00", 490, 20752),
        # The hour that happens twice on the night when summer time ends.
        ("2026-10-25T02:30:00+02:00", 150, 20751),
        ("2026-10-25T02:30:00+01:00", 150, 20751),
        ("2026-11-23T23:30:00Z", 30, 20781),
    ],
)
async def test_the_day_and_minute_are_swedens(
    world: World, start: str, minute: int, day: int
) -> None:
    await world.put(roster())
    assert (await world.post(register(start=start))).status_code == 202
    [(_, body)] = await world.facts("register")
    assert (body.start_minute, body.epoch_day) == (minute, day)


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b'{"registers": [', {}, 400, "broken_json"),
        (b"\xff\xfe{}", {}, 400, "broken_json"),
        (b"", {}, 400, "broken_json"),
        (b"not gzip", {"Content-Encoding": "gzip"}, 400, "broken_gzip"),
        (gzip.compress(b"{}")[:-3], {"Content-Encoding": "gzip"}, 400, "broken_gzip"),
        (gzip.compress(b"{}") + b"more", {"Content-Encoding": "gzip"}, 400, "broken_gzip"),
        (b"{}", {"Content-Encoding": "br"}, 415, "unsupported_encoding"),
        (b"{}", {"Content-Type": "text/csv"}, 415, "unsupported_media_type"),
        (b"[]", {}, 422, "missing_field"),
        (b'{"registers": {}}', {}, 422, "missing_field"),
        (b'{"registers": [], "notices": []}', {}, 422, "unknown_field"),
    ],
)
async def test_a_bad_body(
    world: World, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = await world.call("POST", "/v1/registers", content, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:forvarning:problem:{code}"
    assert answer.json()["detail"]


async def test_a_body_over_the_limit(start_world: StartWorld) -> None:
    world = await start_world(ingest_max_body_bytes=100_000, ingest_max_batch=3)
    world.tokens["sis"] = (await world.source())["token"]
    large = json.dumps({"registers": [], "x": "x" * 100_000}).encode()
    bomb = gzip.compress(b" " * 5_000_000)
    assert len(bomb) < 100_000
    for content, zipped in ((large, False), (large, True)):
        answer = await world.call("POST", "/v1/registers", content, zipped=zipped)
        assert answer.status_code == 413
        assert answer.json()["type"] == "urn:forvarning:problem:body_too_large"
    answer = await world.call("POST", "/v1/registers", bomb, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 413
    answer = await world.post(*[register()] * 4)
    assert answer.status_code == 413
    assert answer.json()["limit"] == 3


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer ", "Basic abc", "fvs_x"])
async def test_a_wrong_or_missing_token(world: World, header: str | None) -> None:
    headers = {"Content-Type": "application/json"}
    if header is not None:
        headers["Authorization"] = header
    answer = await world.client.post("/v1/registers", json={"registers": []}, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["type"] == "urn:forvarning:problem:unauthorized"


async def test_a_token_that_may_not(world: World) -> None:
    narrow = await world.source("narrow", organiser_id=str(world.organiser_id), scopes=["notices"])
    answer = await world.post(register(), token=narrow["token"])
    assert answer.status_code == 403
    assert answer.json()["scope"] == "registers"


async def test_a_revoked_token(world: World) -> None:
    made = await world.source("old", organiser_id=str(world.organiser_id))
    path = f"/v1/organisers/{world.organiser_id}/sources/{made['source_id']}"
    ops = {"Authorization": f"Bearer {world.settings.ingest_ops_token.get_secret_value()}"}
    assert (await world.client.delete(path, headers=ops)).status_code == 204
    assert (await world.post(register(), token=made["token"])).status_code == 401
    assert (await world.client.delete(path, headers=ops)).status_code == 404
    assert (
        await world.client.delete(path, headers={"Authorization": "Bearer no"})
    ).status_code == 401


async def test_over_quota(world: World) -> None:
    made = await world.source("slow", organiser_id=str(world.organiser_id), quota_per_minute=2)
    await world.put(roster())
    first = await world.post(register(), register(id="r2"), token=made["token"])
    assert first.status_code == 202
    answer = await world.post(register(), token=made["token"])
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert (await world.post(register())).status_code == 202, "a quota is the source's own"


async def test_a_bad_roster_is_refused_whole_and_names_every_item(world: World) -> None:
    body = roster()
    body["pupils"][1]["placements"][0]["school_unit"] = "u9"
    body["pupils"][0]["guardians"] = [{"person": "g9"}]
    body["duties"][0]["staff"] = "s9"
    body["pupils"].append(body["pupils"][0])
    answer = await world.call("PUT", "/v1/roster", body)
    assert answer.status_code == 422
    found = {(error["field"], error["code"]) for error in answer.json()["errors"]}
    assert found == {
        ("/pupils/1/placements/0/school_unit", "unknown_school_unit"),
        ("/pupils/0/guardians/0/person", "unknown_guardian"),
        ("/pupils/2/guardians/0/person", "unknown_guardian"),
        ("/duties/0/staff", "unknown_staff"),
        ("/pupils/2/id", "duplicate_id"),
    }
    assert await world.sql.fetchval("SELECT count(*) FROM people.school_units") == 0


async def test_a_roster_that_does_not_fit_the_contract(world: World) -> None:
    body = roster()
    body["pupils"][0]["birth_date"] = "130405"
    body["pupils"][0]["civic_no"] = "130405-1234"
    body["school_units"][0]["calendars"][0]["terms"][0]["last"] = "2027-12-18"
    body["duties"][0]["to"] = "2026-08-18"
    answer = await world.call("PUT", "/v1/roster", body)
    assert {error["field"] for error in answer.json()["errors"]} == {
        "/pupils/0/birth_date",
        "/pupils/0/civic_no",
        "/school_units/0/calendars/0",
        "/duties/0",
    }
    assert "130405" not in answer.text, "an answer never repeats personal data"


NOTICES = [
    ("empty_interval", "/end", {"end": "2026-11-24T00:00:00+01:00"}),
    ("too_long", "/end", {"end": "2028-11-24T00:00:00+01:00"}),
    ("wrong_time_zone", "/start", {"start": "2026-11-24T00:00:00+02:00"}),
    ("unknown_value", "/kind", {"kind": "sick"}),
    ("missing_offset", "/end", {"end": "2026-11-25T00:00:00"}),
]


@pytest.mark.parametrize(("code", "field", "change"), NOTICES)
async def test_a_bad_notice(world: World, code: str, field: str, change: dict[str, Any]) -> None:
    notice = {
        "id": "n1",
        "pupil": "p1",
        "kind": "absence_report",
        "start": "2026-11-24T00:00:00+01:00",
        "end": "2026-11-25T00:00:00+01:00",
        "reported_by": "guardian",
        "modified": "2026-11-24T07:02:00+01:00",
    }
    answer = await world.notices(notice | change)
    assert answer.status_code == 422
    [item] = answer.json()["items"]
    assert (item["problem"]["code"], item["problem"]["field"]) == (code, field)
