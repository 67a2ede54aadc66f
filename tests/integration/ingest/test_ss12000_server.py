"""SS 12000 as a server, over HTTP: what a school system posts, and what it reads back."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.ingest.background import Background
from services.ingest.ss12000.vocabulary import PATHS, Resource
from tests.integration.ingest import school
from tests.integration.ingest.school import key, ref
from tests.integration.ingest.ss_client import StandardClient
from tests.integration.ingest.test_ss12000_inbox import REPORTED, mark
from tests.integration.ingest.world import World

pytestmark = pytest.mark.anyio

BASE = "http://ingest/ss12000/v2.0"
Entity = dict[str, Any]


async def send(world: World, path: str, body: Any, **options: Any) -> httpx.Response:
    return await world.call("POST", f"/ss12000/v2.0/{path}", body, **options)


async def push(world: World, entities: dict[str, list[Entity]], **options: Any) -> None:
    for resource, listed in entities.items():
        answer = await send(world, PATHS[Resource(resource)], listed, **options)
        assert answer.status_code == 202, answer.text
        assert answer.json()["refused"] == 0, answer.text


async def background(world: World) -> None:
    await Background(world.service, every_seconds=3600).serve(world.organiser_id)


def client(world: World, token: str | None = None) -> StandardClient:
    return StandardClient(world.client, BASE, token or world.tokens["sis"])


async def test_a_posted_attendance_is_in_the_log_when_it_is_answered(world: World) -> None:
    entities = school.everything()
    del entities["Attendance"]
    await push(world, entities)
    await background(world)
    wanted = school.attendance("a1", "e1", "p1", present=0, invalid=60)
    answer = await send(world, "attendances", wanted)
    assert answer.status_code == 200
    assert answer.json()["invalidAbsenceMinutes"] == 60
    assert await mark(world, "p1") == (60, 0, 60, 0, REPORTED)
    # Without an id, as the standard has it: the lesson and the pupil are the id.
    del wanted["id"], wanted["meta"]
    await send(world, "attendances", wanted | {"student": ref("p2")})
    corrected = wanted | {
        "student": ref("p2"),
        "invalidAbsenceMinutes": 0,
        "validAbsenceMinutes": 60,
    }
    answer = await send(world, "attendances", corrected)
    assert answer.status_code == 200
    assert await mark(world, "p2") == (60, 60, 0, 0, REPORTED)
    gone = await world.call("DELETE", f"/attendances/{answer.json()['id']}", None)
    assert gone.status_code == 204
    await background(world)
    # The timetable offers the lesson still: nobody has reported it.
    assert await mark(world, "p2") == (60, 0, 0, 0, 0)
    listed = await client(world).call("GET", "/deletedEntities", {"entities": ["Attendance"]})
    assert listed["data"] == {"attendances": [answer.json()["id"]]}


async def test_a_correction_by_deletion_and_a_new_posting(world: World) -> None:
    """The source's clock is a minute behind ours."""
    await push(world, school.everything())
    await background(world)
    gone = await world.call("DELETE", f"/attendances/{key('a1')}", None)
    assert gone.status_code == 204
    corrected = school.attendance("a1", "e1", "p1", "2026-11-24T11:59:00+01:00", present=60)
    assert (await send(world, "attendances", corrected)).status_code == 200
    await background(world)
    assert await mark(world, "p1") == (60, 0, 0, 0, REPORTED)


async def test_what_waits_is_answered_so(world: World) -> None:
    answer = await send(world, "attendances", school.attendance("a1", "e1", "p1"))
    assert answer.status_code == 202
    assert answer.headers["X-Forvarning-Notes"] == "unknown_calendar_event"
    # Said again it waits as before.
    answer = await send(world, "attendances", school.attendance("a1", "e1", "p1"))
    assert answer.status_code == 202
    await push(world, school.everything())
    await background(world)
    assert await mark(world, "p1") == (60, 0, 60, 0, REPORTED)


async def test_the_clients_in_use_read_back_what_was_sent(world: World) -> None:
    await push(world, school.everything())
    await background(world)
    own = client(world)
    everything = school.everything()
    for resource, listed in everything.items():
        path = f"/{PATHS[Resource(resource)]}"
        every = await own.listed(path, limit=1)
        assert {one["id"] for one in every} == {one["id"] for one in listed}
        first = await own.call("GET", f"{path}/{listed[0]['id']}", {"expandReferenceNames": True})
        assert first["id"] == listed[0]["id"]
        looked = await own.call("POST", f"{path}/lookup", None, {"ids": [first["id"]]})
        assert looked == [first]
    wanted = {"student": key("p1"), "meta.modified.after": "2026-11-24T08:14:00+01:00"}
    [found] = await own.listed("/attendances", **wanted)
    assert found["student"] == ref("p1")
    assert (
        await own.listed("/attendances", **{"meta.modified.after": found["meta"]["modified"]}) == []
    )
    assert len(await own.listed("/attendances", organisation=key("u1"), limit=1)) == 2
    events = {"startTime.onOrAfter": "2026-11-24T00:00:00+01:00", "student": key("p1")}
    assert [one["id"] for one in await own.listed("/calendarEvents", **events)] == [key("e1")]
    newest = await own.listed("/persons", sortkey="ModifiedDesc", limit=3)
    assert len(newest) == len(everything["Person"])
    mine = await own.listed("/persons", nameContains=["elev", "p2"])
    assert [one["id"] for one in mine] == [key("p2")]
    codes = {"schoolUnitCodes": ["99990001"]}
    [unit] = await own.call("POST", "/organisations/lookup", None, codes)
    assert unit["id"] == key("u1")
    assert await own.listed("/subscriptions") == []
    assert await own.listed("/attendanceEvents") == []
    by_event = {"calendareEvents": [key("e1")]}
    assert len(await own.call("POST", "/attendances/lookup", None, by_event)) == 2


async def test_a_source_reads_its_own_and_no_other(world: World) -> None:
    other = await world.source("other")
    sibling = await world.source("sibling", organiser_id=str(world.organiser_id))
    await push(world, school.everything())
    for token in (other["token"], sibling["token"]):
        stranger = client(world, token)
        for path in ("/persons", "/attendances", "/calendarEvents", "/groups"):
            assert await stranger.listed(path) == []
        assert await stranger.call("POST", "/persons/lookup", None, {"ids": [key("p1")]}) == []
        answer = await world.call("DELETE", f"/attendances/{key('a1')}", None, token=token)
        assert answer.status_code == 404
    await push(world, school.everything(), token=other["token"])
    rows = await world.admin.fetch(
        "SELECT source_id FROM ingest.ss12000_attendances WHERE id = $1 AND organiser_id = ANY($2)",
        UUID(key("a1")),
        [world.organiser_id, UUID(other["organiser_id"])],
    )
    assert len(rows) == 2


REFUSED: list[tuple[str, str, Any, int, str]] = [
    ("GET", "attendances?limit=0", None, 400, "invalid_filter"),
    ("GET", "attendances?student=p1", None, 400, "invalid_filter"),
    ("GET", "attendances?colour=blue", None, 400, "invalid_filter"),
    ("GET", "attendances?pageToken=abc", None, 400, "invalid_filter"),
    ("GET", f"attendances?pageToken=abc&student={key('p1')}", None, 400, "invalid_filter"),
    ("GET", "attendances?meta.modified.after=2026-11-24T08:10:00", None, 400, "invalid_filter"),
    ("GET", "groups?sortkey=Newest", None, 400, "invalid_filter"),
    ("GET", "persons/p1", None, 400, "invalid_id"),
    ("GET", f"persons/{key('nobody')}", None, 404, "not_found"),
    ("DELETE", f"attendances/{key('nobody')}", None, 404, "not_found"),
    ("POST", "persons/lookup", {"ids": ["p1"]}, 400, "invalid_id"),
    ("POST", "persons/lookup", {}, 400, "missing_field"),
    ("POST", "attendances", b"{", 400, "broken_json"),
    ("POST", "attendances", 7, 400, "invalid"),
    ("POST", "attendances", {}, 400, "missing_field"),
    ("POST", "attendanceEvents", {"eventType": "In"}, 403, "not_lessons"),
    ("POST", "subscriptions", {"name": "x"}, 403, "nothing_to_tell"),
    ("POST", "grades", {}, 403, "not_needed"),
    ("POST", "log", {"message": "?"}, 400, "missing_field"),
]


async def test_errors_have_the_standards_body(world: World) -> None:
    for method, path, body, status, code in REFUSED:
        answer = await world.call(method, f"/ss12000/v2.0/{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (path, answer.text)
        assert answer.json()["message"]
    answer = await world.call("GET", "/persons", None, token="fvs_wrong")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    few = await world.source(scopes=["registers"], organiser_id=str(world.organiser_id))
    answer = await world.call("GET", "/persons", None, token=few["token"])
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    told = {"message": "Elev Testsson saknas", "severityLevel": "Warning"}
    assert (await world.call("POST", "/log/", told)).status_code == 201
    odd = school.attendance("a9", "e1", "p1", invalid=9999) | {"student": None}
    fields = {one["field"] for one in (await send(world, "attendances", odd)).json()["errors"]}
    assert fields == {"/student", "/invalidAbsenceMinutes"}


async def test_a_class_that_is_posted_at_once_becomes_few_registers(world: World) -> None:
    """The standard posts one attendance a call: what comes together is written together."""
    pupils = tuple(f"q{n}" for n in range(30))
    entities = school.everything(pupils)
    del entities["Attendance"], entities["Absence"]
    await push(world, entities)
    await background(world)
    before = len(await world.facts("register"))
    answers = await asyncio.gather(
        *(send(world, "attendances", school.attendance(f"a-{one}", "e1", one)) for one in pupils)
    )
    assert {answer.status_code for answer in answers} == {200}
    registers = [body for _, body in await world.facts("register")][before:]
    assert sum(len(body.flags) for body in registers) == len(pupils)
    assert len(registers) <= 5
