"""A pupil in SS 12000 who is perhaps another source's: held for a human, and nobody else waits."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from prometheus_client import REGISTRY

from services.ingest.background import measure
from services.ingest.ss12000.pending import to_settle
from services.ingest.ss12000.results import Settled
from services.ingest.ss12000.vocabulary import Resource
from services.ingest.store.sources import Source
from tests.integration.ingest import school
from tests.integration.ingest.school import Entity, key, ref
from tests.integration.ingest.world import OPS_TOKEN, World
from tests.integration.ingest.world import roster as whole_roster

pytestmark = pytest.mark.anyio

LATER = school.meta("2026-11-24T10:00:00+01:00")
CIVIC, ANOTHER = "201304059809", "201304059817"
HELD = "same_pupil_perhaps"


@pytest.fixture
async def other(world: World) -> Source:
    """A second school system of the organiser, with ids of its own."""
    made = await world.source("other", organiser_id=str(world.organiser_id), namespace="other")
    source = await world.service.sources.get(made["token"])
    assert source is not None
    return source


async def mine(world: World) -> Source:
    source = await world.service.sources.get(world.tokens["sis"])
    assert source is not None
    return source


def known(name: str = "p1", **more: Any) -> Entity:
    return school.pupil(name, **more)


def new(name: str, known_as: str | None = None, **more: Any) -> Entity:
    """A pupil of the second system's school, by the name of one of the first."""
    return school.pupil(name, "v1", familyName=f"Elev {known_as or name}", **more)


def theirs(*pupils: Entity) -> dict[str, list[Entity]]:
    """What the second system has: a school, a class, and a lesson from which x1 was away."""
    there: dict[str, Any] = {"organisation": ref("v1")}
    names = ["x1", "x2"]
    return {
        "Organisation": [
            school.organisation("huvudman", "Huvudman", municipalityCode="9999"),
            school.unit("v1", "99990002"),
        ],
        "Person": [*(pupils or (new("x1", "p1"), new("x2"))),
                   *(school.adult(f"{one}-vh") for one in names)],
        "Group": [school.group("8B", names, "Klass", **there),
                  school.group("8B-MA-grupp", names, **there)],
        "Activity": [school.activity("8B-MA", "8B-MA-grupp", **there)],
        "Syllabus": [school.syllabus()],
        "CalendarEvent": [school.event("f1", "8B-MA")],
        "Attendance": [school.attendance("b1", "f1", "x1", present=0, invalid=60),
                       school.attendance("b2", "f1", "x2")],
        "Absence": [school.absence("m1", "x1", "x1-vh")],
    }  # fmt: skip


async def bring(world: World, source: Source, entities: dict[str, list[Entity]]) -> Settled:
    for resource, listed in entities.items():
        await world.service.inbox.take(source, Resource(resource), listed)
    return await world.service.inbox.settle(source)


async def bring_pupil(world: World, source: Source, pupil: Entity) -> Settled:
    return await bring(world, source, {"Person": [pupil | {"meta": LATER}]})


async def gone(
    world: World, source: Source, name: str, at: str = "2026-11-24T09:00:00+01:00"
) -> None:
    when = datetime.fromisoformat(at)
    await world.service.inbox.delete(source, Resource.PERSON, [UUID(key(name))], when)


async def quiet(world: World) -> None:
    """What the background does, until there is nothing left of it."""
    for _ in range(10):
        due = await to_settle(world.service.pool, world.organiser_id, world.clock.now())
        if not due:
            return
        for source in due:
            await world.service.inbox.settle(source)
    raise AssertionError("settled for ever")


async def ops(world: World, method: str, path: str, body: Any = None) -> httpx.Response:
    return await world.call(
        method, f"/v1/organisers/{world.organiser_id}/held-rosters{path}", body, token=OPS_TOKEN
    )


async def waiting(world: World) -> list[dict[str, Any]]:
    listed = (await ops(world, "GET", "")).json()["held"]
    return [one for one in listed if one["state"] == "waiting"]


async def decide(world: World, **body: Any) -> httpx.Response:
    [held] = await waiting(world)
    body = {"decision": "apply", "by": "Karin Testlund"} | body
    return await ops(world, "POST", f"/{held['held_id']}/decision", body)


async def surrogates(world: World, *names: str) -> list[Any]:
    rows = await world.sql.fetch(
        "SELECT external_id, entity_id FROM people.external_ids WHERE kind = 'pupil'"
    )
    found = {row["external_id"]: row["entity_id"] for row in rows}
    return [found.get(key(name)) for name in names]


async def invalid_minutes(world: World) -> dict[bytes, int]:
    """Pupil -> minutes of invalid absence, of all that was said about anybody."""
    found: dict[bytes, int] = {}
    for _, body in await world.facts("register"):
        for index, minutes in enumerate(body.invalid_minutes):
            pupil = body.pupil_ids[16 * index : 16 * index + 16]
            found[pupil] = max(minutes, found.get(pupil, 0))
    return found


async def count(world: World, what: str) -> int:
    return int(await world.sql.fetchval(f"SELECT count(*) FROM {what}"))


@pytest.fixture
async def held(world: World, other: Source) -> Settled:
    await bring(world, await mine(world), school.everything())
    return await bring(world, other, theirs())


async def test_the_pupil_waits_for_a_human_and_nobody_else_does(
    world: World, other: Source, held: Settled
) -> None:
    assert [(kind, str(one), note.code) for kind, one, note in held.problems] == [
        (Resource.PERSON, key("x1"), HELD)
    ]
    assert held.waiting == {Resource.PERSON: 1}
    assert not held.held
    assert await count(world, "people.pupils") == 4
    [x1, x2] = await surrogates(world, "x1", "x2")
    assert x1 is None
    assert x2 is not None
    assert await count(world, f"people.external_ids WHERE external_id = '{key('x1-vh')}'") == 0
    said = {body.pupil_ids for _, body in await world.facts("register")}
    assert any(x2.bytes in pupils for pupils in said), "the lesson counts for the others"
    assert await count(world, "ingest.parked") == 2, "an attendance and a notice are kept"
    [one] = await waiting(world)
    assert (one["source"], one["state"], one["reasons_count"]) == ("other", "waiting", 1)
    [reason] = one["reasons"]
    assert (reason["code"], reason["field"]) == (HELD, f"/persons/{key('x1')}")
    assert "Elev" not in json.dumps(one)
    await measure(world.service, [world.organiser_id])
    assert REGISTRY.get_sample_value("forvarning_ingest_rosters_held") == 1
    again = await world.service.inbox.settle(other)
    assert [note.code for _, _, note in again.problems] == [HELD], "as long as it waits"
    await quiet(world)


async def test_the_same_pupil(world: World, other: Source, held: Settled) -> None:
    done = await decide(world, same=[key("x1")], note="Skolan är frågad.")
    assert done.status_code == 200, done.text
    [x1, p1] = await surrogates(world, "x1", "p1")
    assert x1 == p1
    assert await count(world, "people.pupils") == 4
    assert await count(world, "ingest.parked") == 0
    lessons = {
        body.lesson_id for _, body in await world.facts("register") if p1.bytes in body.pupil_ids
    }
    assert len(lessons) == 2, "what waited is told of the one pupil"
    [kept] = (await ops(world, "GET", "")).json()["held"]
    assert (kept["state"], kept["decided_by"], kept["note"]) == (
        "applied", "Karin Testlund", "Skolan är frågad.",
    )  # fmt: skip
    assert "1 of 1" in kept["reasons"][0]["detail"]
    assert (await ops(world, "POST", f"/{kept['held_id']}/decision",
                      {"decision": "apply", "by": "K"})).status_code == 409  # fmt: skip
    await remembered(world, other)


async def test_another_pupil(world: World, other: Source, held: Settled) -> None:
    [one] = await waiting(world)
    path = f"/{one['held_id']}/decision"
    for wrong, field in (
        ({"decision": "drop"}, "/decision"),
        ({"decision": "apply", "same": [key("x2")]}, "/same/0"),
    ):
        refused = await ops(world, "POST", path, {"by": "Karin Testlund"} | wrong)
        assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert (await decide(world)).status_code == 200
    [x1, p1] = await surrogates(world, "x1", "p1")
    assert x1 not in (None, p1)
    assert await count(world, "people.pupils") == 5
    assert await count(world, "ingest.parked") == 0
    assert (await invalid_minutes(world))[x1.bytes] == 60
    await remembered(world, other)


async def remembered(world: World, other: Source) -> None:
    """Whatever the source says from now on, nobody is asked again."""
    ids = await surrogates(world, "x1", "x2", "p1")
    for resource, listed in theirs().items():
        await world.service.inbox.take(other, Resource(resource), listed)
    whole = await world.service.inbox.settle(other, snapshot=frozenset({Resource.PERSON}))
    assert whole.problems == []
    changed = await bring_pupil(world, other, new("x1", "p1", sex="Man"))
    assert changed.problems == []
    await bring_pupil(world, await mine(world), known(sex="Man"))
    await quiet(world)
    assert await waiting(world) == []
    assert await surrogates(world, "x1", "x2", "p1") == ids
    await measure(world.service, [world.organiser_id])
    assert REGISTRY.get_sample_value("forvarning_ingest_rosters_held") == 0


@pytest.mark.parametrize("same", [True, False])
async def test_a_later_personnummer_tells(
    world: World, other: Source, held: Settled, *, same: bool
) -> None:
    """Whichever source sends its own last."""
    number = {"value": CIVIC if same else ANOTHER}
    still = await bring_pupil(world, other, new("x1", "p1", civicNo=number))
    assert [note.code for _, _, note in still.problems] == [HELD]
    await bring_pupil(world, await mine(world), known(civicNo={"value": CIVIC}))
    await quiet(world)
    assert await waiting(world) == []
    [x1, p1] = await surrogates(world, "x1", "p1")
    assert x1 is not None
    assert (x1 == p1) is same
    assert await count(world, "ingest.parked") == 0


async def test_who_is_deleted_leaves_nothing_behind(
    world: World, other: Source, held: Settled
) -> None:
    await gone(world, other, "x1")
    settled = await world.service.inbox.settle(other)
    assert (settled.problems, settled.waiting) == ([], {})
    assert await waiting(world) == []
    assert await surrogates(world, "x1") == [None]
    assert await count(world, "people.pupils") == 4
    # And comes into doubt again when sent again.
    await bring_pupil(world, other, new("x1", "p1"))
    assert len(await waiting(world)) == 1


async def test_a_pupil_leaves_when_the_last_source_lets_go(
    world: World, other: Source, held: Settled
) -> None:
    """Not with the first: the other would not send the pupil again."""
    assert (await decide(world, same="all")).status_code == 200
    own = await mine(world)
    where = (
        "SELECT code FROM people.placements JOIN people.school_unit_codes "
        "USING (organiser_id, school_unit_id) JOIN people.external_ids "
        f"ON entity_id = pupil_id AND external_id = '{key('p1')}' "
        "WHERE valid_to IS NULL AND code LIKE '9999%'"
    )
    await bring_pupil(world, own, known(sex="Man"))
    assert await world.sql.fetchval(where) == "99990001"
    await gone(world, own, "p1", "2026-11-24T11:00:00+01:00")
    await quiet(world)
    assert await count(world, "people.pupils WHERE removed") == 0
    assert await world.sql.fetchval(where) == "99990002", "as the other has it"
    await gone(world, other, "x1")
    await quiet(world)
    assert await count(world, "people.pupils WHERE removed") == 1
    assert await world.sql.fetchval(where) is None


@pytest.mark.parametrize("ended", ["revoked", "paused"])
async def test_a_source_that_is_read_no_more_holds_nobody(
    world: World, other: Source, held: Settled, ended: str
) -> None:
    assert (await decide(world, same="all")).status_code == 200
    if ended == "revoked":
        await world.sql.execute(
            "UPDATE ingest.sources SET revoked_at = now() WHERE source_id = $1", other.source_id
        )
    else:
        await world.sql.execute(
            "INSERT INTO ingest.pulls (organiser_id, source_id, base_url, auth, resources, "
            "page_size, interval_seconds, overlap_seconds, full_every_hours, subscribe, feedback, "
            "paused, since, next_at) VALUES ($1, $2, 'http://other.example', 'none', '{}', "
            "1, 1, 0, 1, false, false, true, now(), now())",
            other.organiser_id,
            other.source_id,
        )
    await gone(world, await mine(world), "p1")
    await quiet(world)
    assert await count(world, "people.pupils WHERE removed") == 1


async def test_a_pupil_who_was_given_another_id_stays(world: World) -> None:
    """The old one is taken away later."""
    own = await mine(world)
    first = school.everything()
    first["Person"][0]["civicNo"] = {"value": CIVIC}
    await bring(world, own, first)
    await bring_pupil(world, own, school.pupil("p1 again", civicNo={"value": CIVIC}))
    await gone(world, own, "p1")
    await quiet(world)
    [before, after] = await surrogates(world, "p1", "p1 again")
    assert before == after
    assert await count(world, "people.pupils WHERE NOT removed") == 3
    assert await count(world, "people.placements WHERE valid_to IS NULL") == 3
    await gone(world, own, "p1 again", "2026-11-24T11:00:00+01:00")
    await quiet(world)
    assert await count(world, "people.pupils WHERE NOT removed") == 2


async def test_who_was_meant_is_gone(world: World, other: Source, held: Settled) -> None:
    await gone(world, await mine(world), "p1")
    await quiet(world)
    assert await waiting(world) == []
    assert await surrogates(world, "x1") != [None]


async def test_one_decides_on_those_that_were_listed(
    world: World, other: Source, held: Settled
) -> None:
    [before] = await waiting(world)
    await bring_pupil(world, other, new("x3", "p2"))
    [after] = await waiting(world)
    assert after["reasons_count"] == 2
    body = {"decision": "apply", "by": "Karin Testlund", "same": "all"}
    stale = await ops(world, "POST", f"/{before['held_id']}/decision", body)
    assert stale.status_code == 404
    assert (await decide(world, same="all")).status_code == 200
    [x1, p1, x3, p2] = await surrogates(world, "x1", "p1", "x3", "p2")
    assert (x1, x3) == (p1, p2)


async def test_nobody_guesses_who_of_several_is_meant(
    world: World, other: Source, held: Settled
) -> None:
    """One id of two namesakes, or two ids of one pupil: it goes on waiting."""
    await bring_pupil(world, other, new("x3", "p1"))
    both = await decide(world, same="all")
    assert both.status_code == 422, both.text
    assert {one["code"] for one in both.json()["errors"]} == {"same_pupil_twice"}
    assert (await decide(world, same=[key("x1")])).status_code == 200
    [x1, x3, p1] = await surrogates(world, "x1", "x3", "p1")
    assert x1 == p1
    assert x3 not in (None, p1)
    made = await world.source("third", organiser_id=str(world.organiser_id), namespace="third")
    third = await world.service.sources.get(made["token"])
    assert third is not None
    await bring(world, third, theirs(new("x1", "p1"), new("x2", "x4")))
    several = await decide(world, same="all")
    assert several.status_code == 422, several.text
    assert {one["code"] for one in several.json()["errors"]} == {"several_by_that_name"}
    assert len(await waiting(world)) == 1
    assert (await decide(world)).status_code == 200


async def test_a_source_that_has_one_pupil_twice_goes_on_without_the_second(
    world: World, other: Source, held: Settled
) -> None:
    await bring_pupil(world, await mine(world), known(civicNo={"value": CIVIC}))
    assert (await decide(world, same="all")).status_code == 200
    twice = [
        new("x1", "p1", sex="Man", meta=LATER),
        new("x3", "p1", civicNo={"value": CIVIC}, meta=LATER),
        new("x2", sex="Man", meta=LATER),
    ]
    settled = await bring(world, other, {"Person": twice})
    assert {note.code for _, _, note in settled.problems} == {"same_pupil_twice"}
    rows = await world.sql.fetch("SELECT family_name FROM people.pupils WHERE sex = 'male'")
    assert "Elev x2" in {row["family_name"] for row in rows}


async def test_a_whole_roster_is_told_apart_from_a_source_in_ss12000(
    world: World, other: Source
) -> None:
    """It knows the pupil from PUT /v1/roster."""
    await world.put(whole_roster(["p1", "p2"]))
    settled = await bring(world, other, theirs())
    assert [note.code for _, _, note in settled.problems] == [HELD]


async def test_organisers_see_their_own_only(world: World, other: Source, held: Settled) -> None:
    stranger = await world.source("elsewhere", organiser_name="Annanstads kommun")
    path = f"/v1/organisers/{stranger['organiser_id']}/held-rosters"
    assert (await world.call("GET", path, None, token=OPS_TOKEN)).json() == {"held": []}
    [one] = await waiting(world)
    body = {"decision": "apply", "by": "Karin Testlund"}
    answer = await world.call("POST", f"{path}/{one['held_id']}/decision", body, token=OPS_TOKEN)
    assert answer.status_code == 404
    source = await world.service.sources.get(stranger["token"])
    assert source is not None
    settled = await bring(world, source, theirs())
    assert settled.problems == [], "another organiser's pupil of that name is nobody here"


def pages(source: str, entities: dict[str, list[Entity]]) -> Iterable[tuple[str, str, Entity]]:
    return [(source, kind, one) for kind, listed in entities.items() for one in listed]


@pytest.mark.parametrize("seed", range(4))
async def test_whichever_comes_first_the_same_pupils_are_known(
    world: World, other: Source, seed: int
) -> None:
    """Both systems in any order, each first without and then with the personnummer."""
    chance = random.Random(seed)
    sources = {"mine": await mine(world), "theirs": other}
    told = [
        ("mine", known("p1"), CIVIC), ("theirs", new("x1", "p1"), CIVIC),
        ("mine", known("p2"), CIVIC[:-4] + "9825"), ("theirs", new("x2", "p2"), ANOTHER),
    ]  # fmt: skip
    brought = [
        *pages("mine", school.everything()),
        *pages("theirs", theirs(new("x1", "p1"), new("x2", "p2"))),
        *((whose, "Person", one | {"civicNo": {"value": number}, "meta": LATER})
          for whose, one, number in told),
    ]  # fmt: skip
    chance.shuffle(brought)
    for whose, resource, entity in brought:
        await world.service.inbox.take(sources[whose], Resource(resource), [entity])
        if chance.random() < 0.3:
            await quiet(world)
    await quiet(world)
    assert await waiting(world) == []
    [p1, x1, p2, x2] = await surrogates(world, "p1", "x1", "p2", "x2")
    assert x1 == p1
    assert x2 not in (None, p2)
    assert await count(world, "people.pupils") == 4
    assert await count(world, "ingest.parked") == 0


async def test_a_roster_that_is_held_as_a_whole_is_decided_on_first(
    world: World, other: Source
) -> None:
    """Who is in doubt is seen when the rest has come through."""
    await bring(world, await mine(world), school.everything())
    everyone = [new(f"y{n}") for n in range(20)]
    await bring(world, other, theirs(*everyone))
    half = [*everyone[:8], new("x1", "p1")]
    await world.service.inbox.settle(other, snapshot=frozenset({Resource.PERSON}))
    await world.service.inbox.take(other, Resource.PERSON, half)
    lost = await world.service.inbox.settle(other, snapshot=frozenset({Resource.PERSON}))
    assert lost.held
    assert {note.code for _, _, note in lost.problems} == {"too_many_left"}
    accepted = await world.service.inbox.settle(other, accept_losses=True)
    assert not accepted.held
    assert [note.code for _, _, note in accepted.problems] == [HELD]
