"""What school systems change afterwards: moves, deletions, protection, duties, half a roster."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pytest

from forvarning.facts.v1 import facts_pb2 as facts
from services.common import topics
from services.ingest.ss12000.vocabulary import Resource
from tests.integration.ingest import school
from tests.integration.ingest.school import key, meta
from tests.integration.ingest.test_ss12000_inbox import (
    REPORTED,
    all_of,
    mark,
    settle,
    source_of,
    state,
    take,
)
from tests.integration.ingest.world import OPS_TOKEN, World, read_topic, roster

pytestmark = pytest.mark.anyio

LATER = "2026-11-24T11:00:00+01:00"


async def delete(world: World, resource: str, *names: str, at: str = LATER) -> list[str]:
    answers = await world.service.inbox.delete(
        await source_of(world),
        Resource(resource),
        [UUID(key(name)) for name in names],
        datetime.fromisoformat(at),
    )
    return [one.status for one in answers]


async def slots(world: World) -> set[tuple[int, str]]:
    """(start minute, pupil) of every mark that holds."""
    names = {key(f"p{n}"): f"p{n}" for n in range(1, 9)}
    return {(start, names[who]) for _, start, who in await state(world)}


async def test_a_moved_lesson_takes_its_marks_along(world: World) -> None:
    await all_of(world, school.everything())
    moved = school.event(
        "e1", start="2026-11-24T09:20:00+01:00", end="2026-11-24T10:20:00+01:00", at=LATER
    )
    await take(world, "CalendarEvent", moved)
    await settle(world)
    assert await slots(world) == {(560, "p1"), (560, "p2"), (560, "p3")}
    # A correction that the source made before it moved the lesson counts all the same.
    late = school.attendance("a1", "e1", "p1", "2026-11-24T10:30:00+01:00", present=60)
    assert await take(world, "Attendance", late) == ["accepted"]
    assert await mark(world, "p1") == (60, 0, 0, 0, REPORTED)


async def test_cancelled_and_held_after_all(world: World) -> None:
    await all_of(world, school.everything())
    off = school.event("e1", at=LATER, cancelled=True)
    await take(world, "CalendarEvent", off)
    await settle(world)
    assert await state(world) == {}
    # Said of a lesson that is off: kept, for it may be on again.
    answers = await world.service.inbox.take(
        await source_of(world),
        Resource.ATTENDANCE,
        [school.attendance("a3", "e1", "p3", LATER, present=0, invalid=60)],
    )
    assert [note.code for note in answers[0].notes] == ["cancelled"]
    await take(world, "CalendarEvent", school.event("e1", at="2026-11-24T11:30:00+01:00"))
    await settle(world)
    assert await mark(world, "p3") == (60, 0, 60, 0, REPORTED)
    assert await mark(world, "p1") == (60, 0, 60, 0, REPORTED)


async def test_deletions(world: World) -> None:
    await all_of(world, school.everything())
    assert await delete(world, "Attendance", "a1", "a-unknown") == ["accepted", "accepted"]
    assert await delete(world, "Attendance", "a1") == ["duplicate"]
    await settle(world)
    # The timetable offers the lesson: nobody has reported it now.
    assert await mark(world, "p1") == (60, 0, 0, 0, 0)
    # An older word of it does not bring it back, a newer one does.
    older = school.attendance("a1", "e1", "p1", "2026-11-24T10:00:00+01:00", present=0, invalid=60)
    assert await take(world, "Attendance", older) == ["duplicate"]
    newer = older | {"meta": meta("2026-11-24T11:30:00+01:00")}
    assert await take(world, "Attendance", newer) == ["accepted"]
    assert await mark(world, "p1") == (60, 0, 60, 0, REPORTED)
    await delete(world, "CalendarEvent", "e1", at="2026-11-24T11:45:00+01:00")
    await delete(world, "Absence", "n1")
    await settle(world)
    assert await state(world) == {}
    assert [body.deleted for _, body in await world.facts("notice")] == [False, True]


async def test_a_timetable_with_new_ids_for_the_same_lessons(world: World) -> None:
    """New events and attendances at the same slots, the old ones deleted: one lesson throughout."""
    await all_of(world, school.everything())
    lesson = {body.lesson_id for _, body in await world.facts("register")}
    await take(world, "CalendarEvent", school.event("e1-anew", at=LATER))
    await settle(world)
    assert await mark(world, "p1") == (60, 0, 60, 0, REPORTED)
    await delete(world, "CalendarEvent", "e1")
    await settle(world)
    again = school.attendance("a1-anew", "e1-anew", "p1", LATER, present=60)
    await take(world, "Attendance", again)
    assert await mark(world, "p1") == (60, 0, 0, 0, REPORTED)
    assert {body.lesson_id for _, body in await world.facts("register")} == lesson


async def test_activities_that_do_not_count(world: World) -> None:
    entities = school.everything()
    entities["Activity"] = [school.activity("7A-MA", "7A-MA-grupp", activityType="Övrigt")]
    await all_of(world, entities)
    assert await world.facts("register") == []
    await take(world, "Activity", school.activity("7A-MA", "7A-MA-grupp") | {"meta": meta(LATER)})
    await settle(world)
    assert await mark(world, "p1") == (60, 0, 60, 0, REPORTED)


async def test_pupils_of_several_units_in_one_lesson(world: World) -> None:
    entities = school.everything()
    entities["Organisation"].append(school.unit("u2", "99990002"))
    entities["Person"].append(school.pupil("p4", "u2"))
    entities["Group"][1] = school.group("7A-MA-grupp", ["p1", "p2", "p3", "p4"])
    entities["Attendance"].append(school.attendance("a4", "e1", "p4", present=0, valid=60))
    await all_of(world, entities)
    assert await mark(world, "p4") == (60, 60, 0, 0, REPORTED)
    registers = [body for _, body in await world.facts("register")]
    assert len({body.home_id for body in registers}) == 2
    assert len({(body.school_unit_id, body.lesson_id) for body in registers}) == 1


async def test_protected_identities(world: World) -> None:
    """Names stay in schema people; the topics carry the level of protection and ids of ours."""
    entities = school.everything()
    hidden = school.pupil("p3", securityMarking="Skyddad folkbokföring") | {
        "givenName": "", "familyName": None, "civicNo": {"value": "201304052383"},
    }  # fmt: skip
    entities["Person"][2] = hidden
    await all_of(world, entities)
    protection = {body.pupil_id: body.protection for _, body in await world.facts("placement")}
    assert sorted(protection.values()) == [
        facts.PROTECTION_NONE, facts.PROTECTION_NONE, facts.PROTECTION_PROTECTED_REGISTRATION,
    ]  # fmt: skip
    written = b""
    for topic in (topics.FACTS.name, topics.ROSTER.name):
        records = await read_topic(world.bootstrap, topic)
        written += b"".join(record.value or b"" for record in records)
    # Neither a name nor what the source calls a pupil is on a topic.
    for secret in (b"Elev p1", b"201304052383", key("p1").encode(), UUID(key("p1")).bytes):
        assert secret not in written
    staged = await world.admin.fetch(
        "SELECT body::text AS body FROM ingest.ss12000_entities WHERE organiser_id = $1",
        world.organiser_id,
    )
    assert not [row for row in staged if "Elev" in row["body"] or "2383" in row["body"]]


async def test_duties_set_by_hand_are_not_the_syncs_to_touch(world: World) -> None:
    await all_of(world, school.everything())
    by_hand = {
        "duties": [
            {"id": "d1", "staff": key("lärare"), "role": "attendance_officer",
             "school_unit": key("u1"), "from": "2026-08-18", "to": None}
        ]
    }  # fmt: skip
    await world.put(by_hand)

    async def roles() -> list[str]:
        rows = await world.sql.fetch("SELECT role FROM people_v1.duties ORDER BY role")
        return [row["role"] for row in rows]

    assert await roles() == ["attendance_officer", "mentor", "principal"]
    gone = school.duty("d-mentor", "lärare", "Lärare") | {"meta": meta(LATER)}
    await take(world, "Duty", gone)
    await settle(world)
    assert await roles() == ["attendance_officer", "principal"]
    # Nor are they a whole reading's, and a file of staff leaves alone whom a sync brought.
    await take(world, "Duty", school.everything()["Duty"][0])
    await settle(world, snapshot=frozenset({Resource.DUTY}))
    assert await roles() == ["attendance_officer", "principal"]
    by_file = [by_hand["duties"][0] | {"staff": "s1"}]
    await world.put({"staff": roster()["staff"], "duties": by_file})
    assert await roles() == ["attendance_officer", "principal"]


async def test_half_a_reading_is_held_for_a_human(world: World) -> None:
    pupils = tuple(f"q{n}" for n in range(30))
    entities = school.everything(pupils)
    del entities["Attendance"], entities["Absence"]
    await all_of(world, entities)
    whole = frozenset({Resource.PERSON})
    await settle(world, snapshot=whole)
    await take(world, "Person", *entities["Person"][:20], *entities["Person"][30:])
    held = await settle(world, snapshot=whole)
    assert held.held
    assert [note.code for _, _, note in held.problems] == ["too_many_left"]

    async def left() -> int:
        return int(await world.sql.fetchval("SELECT count(*) FROM people.pupils WHERE removed"))

    assert await left() == 0
    assert (await settle(world)).held
    # Who decides does it with the operator's token, and a name.
    source = await source_of(world)
    path = f"/v1/organisers/{world.organiser_id}/sources/{source.source_id}/settle"
    decision = {"accept_losses": True, "by": "Karin Testlund"}
    assert (await world.call("POST", path, decision)).status_code == 401
    answer = await world.call("POST", path, decision, token=OPS_TOKEN)
    assert (answer.status_code, answer.json()["held"]) == (200, False)
    assert await left() == 10


async def test_a_new_code_leaves_the_old_one_good(world: World) -> None:
    """A unit that was split has a new skolenhetskod; what comes under the old one is its own."""
    await all_of(world, school.everything())
    await take(world, "Organisation", school.unit(code="99990009") | {"meta": meta(LATER)})
    await settle(world)
    rows = await world.sql.fetch("SELECT code FROM people.school_unit_codes ORDER BY code")
    assert {row["code"] for row in rows} == {"99990001", "99990009", key("u1")}


async def test_a_roster_that_cannot_be_had_whole_is_had_in_part(world: World) -> None:
    """One bad person stops nobody else; who waits is told, and comes when the unit does."""
    entities = school.everything()
    odd = school.pupil("p4", "u-unknown")
    twice = school.pupil("p5", civicNo={"value": "201304052383"})
    entities["Person"] += [
        odd, twice, school.pupil("p6", civicNo={"value": "201304052383"}),
        school.adult("p4-vh", emails=[{"value": "no mail"}]),
    ]  # fmt: skip
    settled = await all_of(world, entities)
    assert settled.roster["pupils"] == 5
    assert settled.waiting == {Resource.PERSON: 1}
    assert [note.code for _, _, note in settled.problems] == ["duplicate_civic_no"]
    await take(world, "Organisation", school.unit("u-unknown", "99990003"))
    settled = await settle(world)
    assert settled.waiting == {}
    assert settled.roster["pupils"] == 1
