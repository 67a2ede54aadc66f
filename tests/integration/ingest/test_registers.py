"""POST /v1/registers on real Kafka and PostgreSQL."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from typing import Any
from uuid import UUID, uuid4

import pytest

from forvarning.facts.v1 import facts_pb2 as facts
from services.common.clock import epoch_day, school_date
from services.common.ids import lesson_id
from tests.integration.ingest.conftest import StartWorld
from tests.integration.ingest.world import NOON, World, later, pupil, register, roster

pytestmark = pytest.mark.anyio


async def test_a_register_is_in_the_log_when_it_is_accepted(world: World) -> None:
    await world.put(roster())
    answer = await world.post(register(), zipped=True)
    assert answer.status_code == 202
    assert answer.json() == {
        "accepted": 1,
        "refused": 0,
        "items": [{"index": 0, "id": "r1", "status": "accepted", "notes": [], "problem": None}],
    }
    [(partition, body)] = await world.facts("register")
    home = await world.sql.fetchrow("SELECT home_id, partition FROM ingest.homes")
    assert home is not None
    assert (partition, body.home_id) == (home["partition"], home["home_id"].bytes)
    day = school_date(NOON)
    assert body.lesson_id == lesson_id(world.organiser_id, "a-7A-MA", day, 8 * 60 + 10).bytes
    assert (body.epoch_day, body.start_minute, body.length_minutes) == (epoch_day(day), 490, 60)
    assert body.state == facts.LESSON_STATE_REPORTED
    assert list(body.offered_minutes) == [60, 60]
    assert list(body.invalid_minutes) == [60, 0]
    assert list(body.flags) == [facts.MARK_FLAG_REPORTED] * 2
    assert len(body.pupil_ids) == 32
    assert (body.version.priority, body.version.modified_unix_ms) == (100, 1795504503000)
    assert body.version.sequence > 0


async def test_a_register_is_split_by_home_and_bucket(world: World) -> None:
    body = roster([f"p{n}" for n in range(64)])
    body["school_units"].append(
        body["school_units"][0]
        | {"id": "u2", "school_unit_code": "99990002", "codes": [], "name": "Ekskolan"}
    )
    elsewhere = [{"school_unit": "u2", "school_form": "GR", "grade": 7, "from": "2026-08-18"}]
    body["pupils"].append(pupil("q1", placements=elsewhere))
    await world.put(body)
    marks = [*({"pupil": f"p{n}", "invalid": n % 61} for n in range(64)), {"pupil": "q1"}]
    assert (await world.post(register(marks=marks))).status_code == 202
    found = await world.facts("register")
    assert sorted(len(body.pupil_ids) // 16 for _, body in found) == [1, 21, 21, 22]
    assert len({(body.home_id, body.bucket) for _, body in found}) == 4
    homes = await world.sql.fetch("SELECT home_id, partition FROM ingest.homes")
    where = {row["home_id"].bytes: row["partition"] for row in homes}
    assert all(where[body.home_id] == partition for partition, body in found)
    assert len({body.version.sequence for _, body in found}) == 1
    minutes = [minute for _, body in found for minute in body.invalid_minutes]
    assert sorted(minutes) == sorted([0, *(n % 61 for n in range(64))])


async def test_a_home_and_a_bucket_are_for_a_school_year(world: World) -> None:
    """A change of class or unit moves nothing; a newcomer joins the class's bucket."""
    await world.put(roster())
    before = await world.sql.fetch("SELECT * FROM ingest.pupil_homes ORDER BY pupil_id")
    body = roster()
    body["school_units"].append(body["school_units"][0] | {
        "id": "u2", "school_unit_code": None, "codes": []})  # fmt: skip
    stay = body["pupils"][0]["placements"][0]
    body["pupils"][0]["placements"] = [
        stay | {"to": "2026-11-20"},
        {"school_unit": "u2", "school_form": "GR", "grade": 7, "from": "2026-11-20", "to": None},
    ]
    body["pupils"].append(pupil("p3"))
    await world.put(body)
    after = await world.sql.fetch("SELECT * FROM ingest.pupil_homes ORDER BY pupil_id")
    assert set(before) < set(after)
    assert {row["bucket"] for row in after} == {0}
    placements = [body for _, body in await world.facts("placement")]
    moved = [p for p in placements if p.member_from_day == epoch_day(NOON.date()) - 4]
    assert len(moved) == 1
    assert moved[0].home_id == before[0]["home_id"].bytes
    # p1's first placement was restated with its end, which is a newer version of the same fact.
    ended = [p for p in placements if p.member_to_day]
    [original] = [
        p for p in placements if p.placement_id == ended[0].placement_id and not p.member_to_day
    ]
    assert ended[0].version.sequence > original.version.sequence


async def test_the_same_roster_twice_sends_nothing_more(world: World) -> None:
    await world.put(roster())
    before = len(await world.facts())
    await world.put(roster())
    assert len(await world.facts()) == before


async def test_an_unknown_pupil_waits_for_the_roster(world: World) -> None:
    await world.put(roster(["p2"]))
    answer = await world.post(register())
    assert answer.status_code == 202
    [item] = answer.json()["items"]
    assert item["status"] == "accepted"
    assert [(n["code"], n["field"]) for n in item["notes"]] == [("unknown_pupil", "/marks/0/pupil")]
    [(_, first)] = await world.facts("register")
    assert list(first.invalid_minutes) == [0]
    await world.put(roster(["p1", "p2"]))
    _, (_, late) = await world.facts("register")
    assert list(late.invalid_minutes) == [60]
    pupil_id = await world.sql.fetchval(
        "SELECT entity_id FROM people.external_ids WHERE kind = 'pupil' AND external_id = 'p1'"
    )
    assert late.pupil_ids == pupil_id.bytes
    assert late.version == first.version, "it is as old as the register it came with"
    assert late.home_id == first.home_id
    assert await world.sql.fetchval("SELECT count(*) FROM ingest.parked") == 0


async def test_a_pupil_whom_a_source_knows_by_personnummer_only(world: World) -> None:
    """One is known and one waits; no name of the source's own is needed for either."""
    known = pupil("p1", civic_no="201304059809")
    await world.put(roster([]) | {"pupils": [known]})
    marks = [
        {"pupil": "civic_no:201304059809", "invalid": 60},
        {"pupil": "civic_no:201306129808", "valid": 60},
    ]
    answer = await world.post(register(marks=marks))
    [item] = answer.json()["items"]
    assert [(n["code"], n["field"]) for n in item["notes"]] == [("unknown_pupil", "/marks/1/pupil")]
    both = [known, pupil("p2", civic_no="201306129808")]
    await world.put(roster([]) | {"pupils": both})
    (_, first), (_, late) = await world.facts("register")
    assert (list(first.invalid_minutes), list(late.valid_minutes)) == ([60], [60])
    ids = {
        row["external_id"]: row["entity_id"].bytes
        for row in await world.sql.fetch(
            "SELECT external_id, entity_id FROM people.external_ids WHERE kind = 'pupil'"
        )
    }
    assert (first.pupil_ids, late.pupil_ids) == (ids["p1"], ids["p2"])
    assert set(ids) == {"p1", "p2"}, "a personnummer is nobody's id"
    # One pupil under both names in one register: which mark holds cannot be told.
    twice = [{"pupil": "civic_no:201304059809"}, {"pupil": "p1", "invalid": 60}]
    refused = await world.post(register(marks=twice))
    assert refused.json()["items"][0]["problem"]["code"] == "duplicate_mark"


async def test_a_pupil_without_a_placement_that_year_waits_too(world: World) -> None:
    body = roster(["p1"])
    body["pupils"][0]["placements"] = []
    await world.put(body)
    answer = await world.post(register(marks=[{"pupil": "p1", "invalid": 60}]))
    [note] = answer.json()["items"][0]["notes"]
    assert note["code"] == "no_placement"
    assert await world.facts("register") == []
    await world.put(roster(["p1"]))
    assert len(await world.facts("register")) == 1


async def test_of_two_parked_statements_the_newer_is_kept(world: World) -> None:
    await world.put(roster([]))
    newer = register(id="new", marks=[{"pupil": "p1", "valid": 60}])
    newer["modified"] = later(newer["modified"], minutes=5)
    older = register(id="old", marks=[{"pupil": "p1", "invalid": 60}])
    await world.post(newer)
    await world.post(older)
    await world.put(roster(["p1"]))
    [(_, body)] = await world.facts("register")
    assert list(body.valid_minutes) == [60]


async def test_duplicates_in_a_batch(world: World) -> None:
    await world.put(roster())
    newer = register(id="new", marks=[{"pupil": "p1", "valid": 60}])
    newer["modified"] = later(newer["modified"], minutes=5)
    older = register(id="old", marks=[{"pupil": "p1", "invalid": 60}])
    partly = register(id="partly")
    answer = await world.post(newer, older, partly)
    assert [item["status"] for item in answer.json()["items"]] == [
        "accepted",
        "duplicate",
        "accepted",
    ]
    assert answer.json()["items"][2]["notes"][0]["code"] == "superseded"
    said = {
        (body.pupil_ids, tuple(body.valid_minutes)) for _, body in await world.facts("register")
    }
    assert len(said) == 2
    assert {minutes for _, minutes in said} == {(60,), (0,)}


async def test_a_cancellation_reaches_everyone_who_had_the_lesson(world: World) -> None:
    await world.put(roster([f"p{n}" for n in range(80)]))
    everyone = [{"pupil": f"p{n}"} for n in range(80)]
    await world.post(register(state="scheduled", marks=everyone))
    cancel = register(
        state="cancelled", marks=[], modified=later(register()["modified"], minutes=1)
    )
    assert (await world.post(cancel)).status_code == 202
    found = [body for _, body in await world.facts("register")]
    cancelled = [body for body in found if body.state == facts.LESSON_STATE_CANCELLED]
    assert {(b.home_id, b.bucket) for b in cancelled} == {(b.home_id, b.bucket) for b in found}
    assert len({b.bucket for b in cancelled}) == 3
    assert all(b.lesson_id == found[0].lesson_id and not b.pupil_ids for b in cancelled)


async def test_a_bucket_that_meets_a_cancelled_lesson_late_is_told(
    world: World, start_world: StartWorld
) -> None:
    """Also by another process that has never seen the cancellation."""
    await world.put(roster([f"p{n}" for n in range(80)]))
    cancel = register(
        state="cancelled", marks=[], modified=later(register()["modified"], minutes=9)
    )
    await world.post(cancel)
    assert await world.facts("register") == []
    other = await start_world()
    await other.post(register(marks=[{"pupil": "p0"}]), token=world.tokens["sis"])
    found = [body for _, body in await world.facts("register")]
    assert sorted(body.state for body in found) == [
        facts.LESSON_STATE_REPORTED,
        facts.LESSON_STATE_CANCELLED,
    ]
    by_version = max(found, key=lambda b: (b.version.modified_unix_ms, b.version.sequence))
    assert by_version.state == facts.LESSON_STATE_CANCELLED


async def test_a_moved_lesson_is_cancelled_under_its_old_id(world: World) -> None:
    await world.put(roster())
    await world.post(register())
    moved = register(
        start="2026-11-24T10:10:00+01:00",
        moved_from="2026-11-24T08:10:00+01:00",
        modified=later(register()["modified"], minutes=1),
    )
    await world.post(moved)
    first, *rest = [body for _, body in await world.facts("register")]
    states = {body.lesson_id: body.state for body in rest}
    assert states[first.lesson_id] == facts.LESSON_STATE_CANCELLED
    assert sorted(states.values()) == [facts.LESSON_STATE_REPORTED, facts.LESSON_STATE_CANCELLED]


async def test_two_organisers_never_meet(world: World) -> None:
    """The same ids everywhere, and nothing crosses."""
    other = await world.source("other")
    await world.put(roster())
    answer = await world.post(register(), token=other["token"])
    assert answer.status_code == 422
    assert answer.json()["items"][0]["problem"]["code"] == "unknown_unit"
    await world.put(roster(), token=other["token"])
    await world.post(register(), token=other["token"])
    assert await world.facts("register") == []
    pupils = await world.admin.fetch(
        "SELECT DISTINCT entity_id FROM people.external_ids "
        "WHERE external_id = 'p1' AND organiser_id = ANY($1)",
        [world.organiser_id, UUID(other["organiser_id"])],
    )
    assert len(pupils) == 2


@pytest.mark.parametrize("code", ["u1", "BJORK", "99990001"])
async def test_a_unit_is_known_by_each_of_its_codes(world: World, code: str) -> None:
    await world.put(roster())
    assert (await world.post(register(school_unit=code))).status_code == 202


async def test_what_the_token_is(world: World) -> None:
    answer = await world.client.get(
        "/v1/sources/self", headers={"Authorization": f"Bearer {world.tokens['sis']}"}
    )
    body: dict[str, Any] = answer.json()
    assert UUID(body["organiser_id"]) == world.organiser_id
    assert body["scopes"] == ["days", "notices", "registers", "roster"]


async def test_notices_go_to_the_pupils_home(world: World) -> None:
    await world.put(roster())
    notice = {
        "id": "n1",
        "pupil": "p1",
        "kind": "absence_report",
        "start": "2026-11-24T00:00:00+01:00",
        "end": "2026-11-25T00:00:00+01:00",
        "reported_by": "guardian",
        "modified": "2026-11-24T07:02:00+01:00",
    }
    account = str(uuid4())
    notice["reporter"] = account
    unknown = notice | {"id": "n2", "pupil": "p9"}
    answer = await world.notices(notice, unknown, notice | {"id": "n3", "end": notice["start"]})
    assert answer.status_code == 202
    assert [item["status"] for item in answer.json()["items"]] == [
        "accepted",
        "accepted",
        "refused",
    ]
    [(_, body)] = await world.facts("notice")
    assert body.kind == facts.NOTICE_KIND_ABSENCE_REPORT
    assert body.end_unix_s - body.start_unix_s == 86400
    assert not body.deleted
    # The account is the same one each time, and not the source's own name for it.
    assert len(body.reporter_id) == 16
    assert body.reporter_id != UUID(account).bytes
    await world.put(roster(["p1", "p2", "p9"]))
    both = await world.facts("notice")
    assert [one.reporter_id for _, one in both] == [body.reporter_id] * 2


async def test_a_reimported_timetable_means_the_same_lessons(world: World) -> None:
    await world.put(roster())
    await world.post(register(marks=[{"pupil": "p1", "invalid": 60}]))

    async def alias(*pairs: tuple[str, str]) -> Any:
        body = {"aliases": [{"activity": new, "same_as": old} for new, old in pairs]}
        return await world.call("POST", "/v1/activities/aliases", body)

    assert (await alias(("b-7A-MA", "a-7A-MA"), ("c-7A-MA", "b-7A-MA"))).json() == {"aliases": 2}
    corrected = register(activity="c-7A-MA", modified=later(register()["modified"], minutes=1))
    await world.post(corrected)
    assert len({body.lesson_id for _, body in await world.facts("register")}) == 1
    loop = await alias(("x", "y"), ("a-7A-MA", "c-7A-MA"))
    assert loop.status_code == 422
    assert loop.json()["field"] == "/aliases/1/same_as"
    # An older name that turns out to be a newer name itself takes all others with it.
    assert (await alias(("a-7A-MA", "first"))).json() == {"aliases": 3}
    rows = await world.sql.fetch("SELECT DISTINCT same_as FROM ingest.activity_aliases")
    assert [row["same_as"] for row in rows] == ["first"]


async def test_a_cancellation_and_a_first_register_never_pass_each_other(
    world: World, start_world: StartWorld
) -> None:
    """Two processes, at the same moment, whoever comes first: every bucket hears of it."""
    await world.put(roster([f"p{n}" for n in range(80)]))
    other = await start_world()
    modified = later(register()["modified"], minutes=9)
    for number in range(15):
        name = f"a{number}"
        await world.post(register(activity=name, state="scheduled", marks=[{"pupil": "p0"}]))
        await asyncio.gather(
            world.post(register(activity=name, state="cancelled", marks=[], modified=modified)),
            other.post(
                register(activity=name, marks=[{"pupil": f"p{n}"} for n in range(80)]),
                token=world.tokens["sis"],
            ),
        )
    reached: dict[bytes, set[int]] = defaultdict(set)
    cancelled: dict[bytes, set[int]] = defaultdict(set)
    for _, body in await world.facts("register"):
        reached[body.lesson_id].add(body.bucket)
        if body.state == facts.LESSON_STATE_CANCELLED:
            cancelled[body.lesson_id].add(body.bucket)
    assert len(reached) == 15
    assert all(len(buckets) == 3 for buckets in reached.values())
    assert cancelled == reached


async def test_the_order_and_number_of_sendings_change_nothing(world: World) -> None:
    """The newest statement about each pupil and lesson is the same however they arrive (D2)."""
    await world.put(roster([f"p{n}" for n in range(6)]))
    choice = random.Random(7)
    statements = [
        register(
            activity=f"a{choice.randrange(3)}",
            modified=later(register()["modified"], minutes=minute),
            marks=[
                {"pupil": f"p{pupil}", "invalid": choice.randrange(61)}
                for pupil in choice.sample(range(6), 3)
            ],
        )
        for minute in range(12)
    ]

    async def newest(after: int) -> dict[tuple[bytes, bytes], int]:
        held: dict[tuple[bytes, bytes], tuple[tuple[int, int, int], int]] = {}
        for _, body in (await world.facts("register"))[after:]:
            version = (
                body.version.priority,
                body.version.modified_unix_ms,
                body.version.sequence,
            )
            for index, minutes in enumerate(body.invalid_minutes):
                key = (body.lesson_id, body.pupil_ids[index * 16 : index * 16 + 16])
                held[key] = max(held.get(key, (version, minutes)), (version, minutes))
        return {key: minutes for key, (_, minutes) in held.items()}

    truth: dict[tuple[bytes, bytes], int] | None = None
    for _ in range(4):
        before = len(await world.facts("register"))
        choice.shuffle(statements)
        repeated = statements + choice.sample(statements, 4)
        while repeated:
            batch = [repeated.pop() for _ in range(min(len(repeated), choice.randrange(1, 6)))]
            assert (await world.post(*batch)).status_code == 202
        found = await newest(before)
        assert truth in (None, found)
        truth = found
