"""Rosters that would take too many pupils away: kept, listed, decided by somebody."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from prometheus_client import REGISTRY

from services.ingest.background import measure
from tests.integration.ingest.world import OPS_TOKEN, World, pupil, roster

pytestmark = pytest.mark.anyio


async def test_half_a_roster_is_held_for_a_human(world: World) -> None:
    everyone = [f"p{n}" for n in range(20)]
    await world.put(roster(everyone))
    before = len(await world.facts())
    answer = await world.call("PUT", "/v1/roster", roster(everyone[:12]))
    assert answer.status_code == 202
    first = answer.json()
    assert "applied" not in first
    [reason] = first["reasons"]
    assert (reason["code"], reason["field"]) == ("too_many_left", "/pupils")
    assert "lose 8 of its 20" in reason["detail"]
    assert len(await world.facts()) == before
    # The next night's file is the one to decide on.
    second = (await world.call("PUT", "/v1/roster", roster(everyone[:11]))).json()
    listed = (await ops(world, "GET", "")).json()["held"]
    assert [(one["held_id"], one["state"], one["source"]) for one in listed] == [
        (second["held"], "waiting", "sis"),
        (first["held"], "superseded", "sis"),
    ]
    assert "Elev" not in json.dumps(listed)
    await measure(world.service, [world.organiser_id])
    assert REGISTRY.get_sample_value("forvarning_ingest_rosters_held") == 1

    yes = {"decision": "apply", "by": "Karin Testlund", "note": "Skolan delades."}
    assert (await ops(world, "POST", f"/{first['held']}/decision", yes)).status_code == 409
    assert (await ops(world, "POST", f"/{uuid4()}/decision", yes)).status_code == 404
    assert (await ops(world, "POST", f"/{second['held']}/decision", {"by": "x"})).status_code == 422
    done = await ops(world, "POST", f"/{second['held']}/decision", yes)
    assert (done.status_code, done.json()["applied"]["pupils_left"]) == (200, 9)
    assert (await ops(world, "POST", f"/{second['held']}/decision", yes)).status_code == 409
    assert len(await world.facts()) > before
    [kept] = [one for one in (await ops(world, "GET", "")).json()["held"] if one["decided_by"]]
    assert (kept["state"], kept["decided_by"], kept["note"]) == (
        "applied", "Karin Testlund", "Skolan delades.",
    )  # fmt: skip
    assert kept["decided_at"]
    assert await world.admin.fetchval(
        "SELECT count(*) FROM people.held_rosters WHERE content IS NOT NULL"
    ) == 0, "nobody's name stays behind a decision"  # fmt: skip


async def test_a_held_roster_that_is_dropped_or_overtaken_changes_nothing(world: World) -> None:
    everyone = [f"p{n}" for n in range(20)]
    await world.put(roster(everyone))
    half = (await world.call("PUT", "/v1/roster", roster(everyone[:9]))).json()
    no = {"decision": "drop", "by": "Karin Testlund"}
    dropped = await ops(world, "POST", f"/{half['held']}/decision", no)
    assert dropped.json()["state"] == "dropped"
    assert await world.sql.fetchval("SELECT count(*) FROM people.pupils WHERE NOT removed") == 20
    # A whole roster comes before anybody has decided.
    await world.call("PUT", "/v1/roster", roster(everyone[:9]))
    await world.put(roster(everyone))
    states = [one["state"] for one in (await ops(world, "GET", "")).json()["held"]]
    assert sorted(states) == ["dropped", "superseded"]
    # And the source itself may say that it is so.
    answer = await world.call("PUT", "/v1/roster?accept_losses=true", roster(everyone[:12]))
    assert answer.json()["applied"]["pupils_left"] == 8


async def test_what_is_read_from_a_school_system_and_held_is_listed_too(world: World) -> None:
    reason = {"code": "too_many_left", "field": "/pupils", "detail": "…"}
    made = await world.source("skolsystemet", organiser_id=str(world.organiser_id))
    await world.admin.execute(
        "INSERT INTO ingest.ss12000_state (organiser_id, source_id, held) VALUES ($1, $2, $3)",
        world.organiser_id,
        made["source_id"],
        json.dumps([reason]),
    )
    [listed] = (await ops(world, "GET", "")).json()["held"]
    assert (listed["source"], listed["state"], listed["held_id"]) == (
        "skolsystemet",
        "waiting",
        None,
    )
    assert (listed["reasons"], listed["reasons_count"]) == ([reason], 1)
    await measure(world.service, [world.organiser_id])
    assert REGISTRY.get_sample_value("forvarning_ingest_rosters_held") == 1


async def ops(world: World, method: str, path: str, body: Any = None) -> httpx.Response:
    return await world.call(
        method,
        f"/v1/organisers/{world.organiser_id}/held-rosters{path}",
        body,
        token=OPS_TOKEN,
    )


async def test_two_sources_that_name_the_same_pupil_without_personnummer(world: World) -> None:
    await world.put(roster(["p1", "p2"]))
    made = await world.source("other", organiser_id=str(world.organiser_id), namespace="other")
    token = made["token"]

    def theirs(**civic: str) -> dict[str, Any]:
        """The same two by other ids, and one more."""
        body = roster(["x1", "x2", "x3"]) | {"staff": []}
        body.pop("duties")
        for number, one in enumerate(body["pupils"], 1):
            one["family_name"] = f"ELEV p{number}"
            one["civic_no"] = civic.get(one["id"])
        return body

    answer = await world.call("PUT", "/v1/roster", theirs(), token=token)
    assert answer.status_code == 202
    assert [(one["code"], one["field"]) for one in answer.json()["reasons"]] == [
        ("same_pupil_perhaps", "/pupils/0"),
        ("same_pupil_perhaps", "/pupils/1"),
    ]
    assert await world.sql.fetchval("SELECT count(*) FROM people.pupils") == 2
    path = f"/{answer.json()['held']}/decision"
    decision = {"decision": "apply", "by": "Karin Testlund", "same": ["x1"]}
    wrong = await ops(world, "POST", path, decision | {"same": ["x3"]})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "/same/0")
    assert (await ops(world, "POST", path, decision)).status_code == 200
    rows = await world.sql.fetch(
        "SELECT external_id, entity_id FROM people.external_ids WHERE kind = 'pupil'"
    )
    ids = {row["external_id"]: row["entity_id"] for row in rows}
    assert ids["x1"] == ids["p1"]
    assert len({ids["p2"], ids["x2"], ids["x3"]}) == 3, "somebody else by the same name"
    # Decided once: the same roster again asks nobody.
    await world.put(theirs(), token=token)


async def test_a_source_without_personnummer_takes_none_away(world: World) -> None:
    """A third one, that has it, is recognised by it."""
    known = roster(["p1"])
    known["pupils"][0]["civic_no"] = "201304059809"
    await world.put(known)

    async def send(name: str, **changes: Any) -> httpx.Response:
        made = await world.source(name, organiser_id=str(world.organiser_id), namespace=name)
        body = roster(["p1"]) | {"staff": []}
        body.pop("duties")
        body["pupils"][0] |= {"id": name} | changes
        return await world.call("PUT", "/v1/roster", body, token=made["token"])

    held = (await send("second")).json()["held"]
    decision = {"decision": "apply", "by": "Karin Testlund", "same": "all"}
    assert (await ops(world, "POST", f"/{held}/decision", decision)).status_code == 200
    assert (await send("third", civic_no="201304059809")).status_code == 200
    assert await world.sql.fetchval("SELECT count(*) FROM people.pupils") == 1
    # Whose only source takes it back has none; and it may turn out to be somebody else's.
    both = roster([]) | {"pupils": [pupil("p1"), pupil("p9", civic_no="201304059817")]}
    numbers = "SELECT array_agg(civic_no ORDER BY civic_no) FROM people.civic_numbers"
    await world.put(both)
    assert await world.sql.fetchval(numbers) == ["201304059809", "201304059817"]
    both["pupils"][1]["civic_no"] = None
    await world.put(both)
    assert await world.sql.fetchval(numbers) == ["201304059809"]
    both["pupils"][1]["civic_no"] = "201304059809"
    await world.put(both)
    assert await world.sql.fetchval(numbers) == ["201304059809"]


async def test_two_ids_are_not_made_one_pupil(world: World) -> None:
    await world.put(roster(["p1"]))
    made = await world.source("other", organiser_id=str(world.organiser_id), namespace="other")
    body = roster(["x1", "x2"]) | {"staff": []}
    body.pop("duties")
    for one in body["pupils"]:
        one["family_name"] = "Elev p1"
    held = (await world.call("PUT", "/v1/roster", body, token=made["token"])).json()["held"]
    decision = {"decision": "apply", "by": "Karin Testlund", "same": "all"}
    answer = await ops(world, "POST", f"/{held}/decision", decision)
    assert (answer.status_code, {one["code"] for one in answer.json()["errors"]}) == (
        422, {"same_pupil_twice"},
    )  # fmt: skip
    answer = await ops(world, "POST", f"/{held}/decision", decision | {"same": ["x2"]})
    assert answer.status_code == 200


async def test_a_personnummer_tells_namesakes_apart(world: World) -> None:
    known = roster(["p1"])
    known["pupils"][0]["civic_no"] = "201304059809"
    await world.put(known)
    made = await world.source("other", organiser_id=str(world.organiser_id), namespace="other")
    other = roster(["p1"]) | {"staff": []}
    other.pop("duties")
    other["pupils"][0] |= {"id": "x1", "civic_no": "201304059817"}
    await world.put(other, token=made["token"])
    assert await world.sql.fetchval("SELECT count(*) FROM people.pupils") == 2
