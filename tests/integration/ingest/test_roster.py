"""PUT /v1/roster on real Kafka and PostgreSQL."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from forvarning.facts.v1 import facts_pb2 as facts
from forvarning.roster.v1 import roster_pb2
from services.common import topics
from services.common.clock import epoch_day
from services.ingest.background import Background, measure
from services.ingest.model.roster import RosterIn
from services.ingest.store.directory import HOMES
from services.ingest.store.sources import source_of
from tests.integration.ingest.conftest import StartWorld
from tests.integration.ingest.world import (
    PARTITIONS,
    World,
    pupil,
    read_topic,
    register,
    roster,
)

pytestmark = pytest.mark.anyio

STANDARD = Path("services/ews/profiles/standard.toml").read_bytes()


async def records(world: World) -> dict[str, roster_pb2.RosterRecord | None]:
    """roster.v1 as a reader of the compacted topic holds it, of this organiser."""
    found: dict[str, roster_pb2.RosterRecord | None] = {}
    for record in await read_topic(world.bootstrap, topics.ROSTER.name):
        key = record.key.decode()
        if record.value is None:
            found[key] = None
        else:
            value = roster_pb2.RosterRecord.FromString(record.value)
            if value.organiser_id == world.organiser_id.bytes:
                found[key] = value
    return {key: value for key, value in found.items() if value is not None}


async def test_the_roster_is_on_its_topic_without_names(world: World) -> None:
    answer = await world.put(roster())
    assert answer["organiser_id"] == str(world.organiser_id)
    assert answer["applied"]["pupils"] == 2
    assert answer["notes"] == []
    found = await records(world)
    kinds = sorted(key.split(":")[0] for key in found)
    assert kinds == ["duty", "group", "organiser", "pupil", "pupil", "school_unit"]
    [unit] = [v.school_unit for k, v in found.items() if v and k.startswith("school_unit")]
    assert unit.school_unit_code == "99990001"
    [calendar] = unit.calendars
    assert calendar.terms[0].span.first_day == epoch_day(date(2026, 8, 18))
    assert calendar.free[0].last_day == epoch_day(date(2026, 11, 6))
    [duty] = [v.duty for k, v in found.items() if v and k.startswith("duty")]
    assert duty.role == roster_pb2.ROLE_ATTENDANCE_OFFICER
    assert duty.school_unit_id == unit.school_unit_id
    [placement, _] = [body for _, body in await world.facts("placement")]
    assert placement.school_year == 2026
    assert placement.member_from_day == epoch_day(date(2026, 8, 18))
    assert placement.member_to_day == 0
    assert placement.protection == facts.PROTECTION_NONE
    pupils = {v.pupil.pupil_id: v.pupil for k, v in found.items() if v and k.startswith("pupil")}
    assert pupils[placement.pupil_id].home_id == placement.home_id


async def test_where_a_pupil_lives_is_the_municipality_and_of_a_protected_one_nothing(
    world: World,
) -> None:
    async def homes() -> dict[str, str | None]:
        rows = await world.sql.fetch("SELECT family_name, home_municipality FROM people_v1.pupils")
        return {row["family_name"]: row["home_municipality"] for row in rows}

    body = roster()
    body["pupils"] = [pupil("p1", home_municipality="0380"), pupil("p2")]
    await world.put(body)
    assert await homes() == {"Elev p1": "0380", "Elev p2": None}
    body["pupils"][0]["protection"] = "confidential"
    await world.put(body)
    assert await homes() == {"Elev p1": None, "Elev p2": None}


async def test_protection_reaches_the_log_at_once(world: World) -> None:
    await world.put(roster())
    body = roster()
    body["pupils"][0]["protection"] = "protected_registration"
    await world.put(body)
    *_, last = [body for _, body in await world.facts("placement")]
    assert last.protection == facts.PROTECTION_PROTECTED_REGISTRATION
    assert len(await world.facts("placement")) == 3


async def test_a_pupil_who_leaves_is_ended_and_kept(world: World) -> None:
    await world.put(roster(["p1", "p2", "p3"]))
    answer = await world.put(roster(["p1", "p3"]))
    assert answer["applied"]["pupils_left"] == 1
    *_, last = [body for _, body in await world.facts("placement")]
    assert last.member_to_day == epoch_day(date(2026, 11, 24))
    assert sum(key.startswith("pupil") for key in await records(world)) == 2
    assert await world.sql.fetchval("SELECT count(*) FROM people.pupils") == 3
    # A late register about the days before is still placed where the pupil's state is.
    late = register(start="2026-11-23T08:10:00+01:00", marks=[{"pupil": "p2", "invalid": 60}])
    assert (await world.post(late)).json()["items"][0]["notes"] == []
    # And who comes back is the same pupil.
    await world.put(roster(["p1", "p2", "p3"]))
    assert await world.sql.fetchval("SELECT count(*) FROM people.pupils WHERE NOT removed") == 3
    *_, back = [body for _, body in await world.facts("placement")]
    assert (back.pupil_id, back.member_to_day) == (last.pupil_id, 0)


async def test_a_missing_list_is_left_alone(world: World) -> None:
    await world.put(roster())
    before = await records(world)
    await world.put({"suppressions": [{"pupil": "p1", "reason": "särskilda skäl",
                                       "from": "2026-09-01", "to": None}]})  # fmt: skip
    assert await records(world) == before
    rows = await world.sql.fetch("SELECT reason FROM people_v1.notice_suppressions")
    assert [row["reason"] for row in rows] == ["särskilda skäl"]
    await world.put({"suppressions": []})
    assert await world.sql.fetch("SELECT * FROM people_v1.notice_suppressions") == []


async def test_a_removed_duty_is_a_tombstone(world: World) -> None:
    await world.put(roster())
    answer = await world.put({"duties": []})
    assert [note["code"] for note in answer["notes"]] == ["no_recipient"]
    assert not any(key.startswith("duty") for key in await records(world))


async def test_who_stands_for_a_units_warnings(world: World) -> None:
    body = roster()
    [officer] = body["duties"]
    principal = officer | {"id": "d2", "role": "principal"}

    async def note(*duties: dict[str, Any]) -> list[tuple[str, str]]:
        answer = await world.put(body | {"duties": list(duties)})
        return [(entry["code"], entry["item"]) for entry in answer["notes"]]

    assert await note(officer) == []
    assert await note(principal) == [("falls_to_principal", "/school_units/0")]
    assert await note() == [("no_recipient", "/school_units/0")]
    # For one årskurs only, and nobody for the seventh.
    assert await note(officer | {"grades": [8, 9]}, principal) == [
        ("falls_to_principal", "/school_units/0")
    ]
    assert await note(officer | {"grades": [7]}) == []
    assert await note(officer | {"school_unit": None, "class": "u1-7A"}) == []
    assert await note(officer | {"school_unit": None, "area": "norr"}) == []
    # Only a substitute, which is somebody; and one whose time is over, who is nobody.
    assert await note(officer | {"substitute": True}) == []
    assert await note(officer | {"to": "2026-11-24"}) == [("no_recipient", "/school_units/0")]
    assert await note(officer | {"from": "2026-11-25"}) == [("no_recipient", "/school_units/0")]
    # A mentor receives no warnings for a unit.
    assert await note(officer | {"role": "mentor"}) == [("no_recipient", "/school_units/0")]

    await measure(world.service, [world.organiser_id])
    assert REGISTRY.get_sample_value("forvarning_ingest_units_without_recipient") == 1


async def test_two_sources_name_the_same_pupil_differently(world: World) -> None:
    body = roster()
    body["pupils"][0]["civic_no"] = "201304059999"
    await world.put(body)
    other = await world.source(
        "other system", organiser_id=str(world.organiser_id), namespace="other"
    )
    again = roster(["x1"])
    again["pupils"][0]["civic_no"] = "201304059999"
    again.pop("duties")
    again["staff"] = []
    await world.put(again, token=other["token"])
    rows = await world.sql.fetch(
        "SELECT external_id, entity_id FROM people.external_ids WHERE kind = 'pupil'"
    )
    ids = {row["external_id"]: row["entity_id"] for row in rows}
    assert ids["x1"] == ids["p1"] != ids["p2"]
    # A register of the other system is about the same pupil, and so is a batch of both.
    marks = [{"pupil": "x1", "invalid": 60}]
    await world.post(register(marks=marks), token=other["token"])
    [(_, body_)] = await world.facts("register")
    assert body_.pupil_ids == ids["p1"].bytes


async def test_a_personnummer_is_one_pupils(world: World) -> None:
    body = roster(["p1", "p2"])
    body["pupils"][0]["civic_no"] = "201304059999"
    await world.put(body)
    taken = roster(["p2"])
    taken["pupils"][0]["civic_no"] = "201304059999"
    answer = await world.call("PUT", "/v1/roster", taken)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "civic_no_taken"
    assert "201304059999" not in answer.text
    # Two pupils whose numbers were swapped by mistake are set right in one roster.
    body["pupils"][0]["civic_no"], body["pupils"][1]["civic_no"] = None, "201304059999"
    await world.put(body)


async def test_a_newcomer_has_the_number_that_was_another_pupils_by_mistake(world: World) -> None:
    body = roster(["p1"])
    body["pupils"][0]["civic_no"] = "201304059999"
    await world.put(body)
    body["pupils"][0]["civic_no"] = "201304059809"
    body["pupils"].append(pupil("p2", civic_no="201304059999"))
    await world.put(body)
    rows = await world.sql.fetch(
        "SELECT external_id, civic_no FROM people.civic_numbers JOIN people.external_ids "
        "ON entity_id = pupil_id ORDER BY external_id"
    )
    assert [tuple(row) for row in rows] == [("p1", "201304059809"), ("p2", "201304059999")]


async def test_a_new_school_year_is_a_new_home(world: World) -> None:
    await world.put(roster())
    world.clock.at += timedelta(days=280)
    body = roster()
    body["school_units"][0]["calendars"] = [
        {
            "school_year": 2027,
            "terms": [{"name": "HT2027", "first": "2027-08-17", "last": "2027-12-17"}],
            "free": [],
        }
    ]
    await world.put(body)
    homes = await world.sql.fetch("SELECT * FROM ingest.homes ORDER BY school_year")
    assert [row["school_year"] for row in homes] == [2026, 2027]
    placements = [body for _, body in await world.facts("placement")]
    new = [p for p in placements if p.school_year == 2027]
    assert {p.home_id for p in new} == {homes[1]["home_id"].bytes}
    assert {p.member_from_day for p in new} == {epoch_day(date(2027, 7, 1))}
    # A register goes to the home of its own school year.
    await world.post(register())
    await world.post(register(start="2027-08-31T08:10:00+02:00"))
    found = [body.home_id for _, body in await world.facts("register")]
    assert sorted(found) == sorted(row["home_id"].bytes for row in homes)


async def test_newcomers_join_their_class_and_homes_spread(
    world: World, start_world: StartWorld
) -> None:
    body = roster([f"p{n}" for n in range(30)])
    await world.put(body)
    body["pupils"] += [pupil(f"n{n}") for n in range(15)]
    await world.put(body)
    rows = await world.sql.fetch("SELECT bucket, pupils FROM ingest.buckets ORDER BY bucket")
    assert [tuple(row) for row in rows] == [(0, 40), (1, 5)]
    load = await world.sql.fetch("SELECT partition, pupils FROM ingest.partition_load")
    counted = await world.admin.fetch(
        "SELECT h.school_year, h.partition, count(*) FROM ingest.pupil_homes p "
        "JOIN ingest.homes h USING (home_id) GROUP BY 1, 2"
    )
    assert sum(row["pupils"] for row in load) == sum(row["count"] for row in counted)


async def test_what_waits_in_the_outbox_is_sent_by_the_background(
    world: World, start_world: StartWorld
) -> None:
    """The roster is stored, the process dies before it sends: another one sends it."""
    source = await _source(world)
    await world.service.roster.put(source, RosterIn.model_validate(roster()))
    assert await world.facts() == []
    other = await start_world()
    await Background(other.service, every_seconds=1).serve(world.organiser_id)
    assert len(await world.facts("placement")) == 2
    assert len(await world.facts("profile_activated")) == PARTITIONS


async def _source(world: World) -> Any:
    return await source_of(world.service.pool, world.tokens["sis"])


def _compared(node: dict[str, Any]) -> int:
    """How many pairs of rows a plan's node and those below it looked at in vain."""
    loops = int(node["Actual Loops"])
    own = sum(
        int(node.get(f"Rows Removed by {what}", 0)) * loops for what in ("Join Filter", "Filter")
    )
    return own + sum(map(_compared, node.get("Plans", ())))


async def test_right_after_the_first_roster_no_pupil_is_compared_with_every_other(
    world: World,
) -> None:
    """Nor where the municipality is one of many organisers, the others of one pupil each."""
    count = 600
    names = [f"p{number}" for number in range(count)]
    async with world.admin.transaction():
        # Whole rosters of them would take long: their units and pupils are left out.
        await world.admin.execute("SET LOCAL session_replication_role = replica")
        await world.admin.execute(
            "WITH others AS (SELECT gen_random_uuid() AS organiser, gen_random_uuid() AS pupil, "
            "gen_random_uuid() AS home FROM generate_series(1, 60)), "
            "ids AS (INSERT INTO people.external_ids (organiser_id, namespace, kind, external_id, "
            "entity_id) SELECT organiser, 'default', 'pupil', 'p1', pupil FROM others), "
            "homes AS (INSERT INTO ingest.homes (organiser_id, home_id, school_unit_id, "
            "school_year, partition) SELECT organiser, home, home, 2026, 0 FROM others) "
            "INSERT INTO ingest.pupil_homes (organiser_id, pupil_id, school_year, home_id, bucket) "
            "SELECT organiser, pupil, 2026, home, 0 FROM others"
        )
    await world.put(roster(names))
    # The very moment: autovacuum, which would see to it within minutes, has not come by.
    [[plan]] = await world.sql.fetch(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {HOMES}", names, [2026] * count, "default"
    )
    assert _compared(json.loads(plan)[0]["Plan"]) < 20 * count, plan
