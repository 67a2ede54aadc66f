"""Skolverket's reference API for the national tests as a source: a roster and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from services.ingest.ss12000.vocabulary import PATHS, Resource
from tests.integration.ingest.pull.office import NOON
from tests.integration.ingest.pull.test_service import Connected, connected
from tests.support.ss12000.double import build, serving
from tests.support.ss12000.reference import FIELDS, Reference

__all__ = ["connected"]
pytestmark = pytest.mark.anyio
LAST_WEEK = NOON - timedelta(days=7)


@pytest.fixture
def reference() -> Iterator[tuple[Reference, str]]:
    made = Reference()
    for resource, service in ((one, PATHS[one]) for one in Resource if PATHS.get(one) in FIELDS):
        for row in build(pupils=60).school.rows(resource.value):
            made.put(service, row.entity, LAST_WEEK)
    with serving(made.app()) as url:
        yield made, url


async def test_it_becomes_a_roster(connected: Connected, reference: tuple[Reference, str]) -> None:
    made, url = reference
    # So that a page is just full, and the token it gives leads to an empty one.
    size = len(made.tables["duties"])
    reach = await connected.connect(base_url=url, secret="SCHOOL", page_size=size)
    offered = {one["resource"] for one in reach if one["state"] == "offered"}
    assert {PATHS[Resource(name)] for name in offered} == set(FIELDS)
    found = await connected.sync()
    run = found["runs"][0]
    assert (run["kind"], run["outcome"]) == ("full", "done"), run
    assert [one for one in found["problems"] if one["severity"] == "Error"] == []
    for resource, service in ((one, PATHS[one]) for one in Resource if PATHS.get(one) in FIELDS):
        assert run["counts"][resource.value]["new"] == len(made.tables[service]), service
    empty = [query for _, path, query in made.calls if path == "duties" and "pageToken" in query]
    assert empty
    sql = connected.world.sql
    print(
        "PROBLEMS",
        found["problems"],
        [
            one["enrolments"]
            for one in made.tables["persons"].values()
            if len(one.get("enrolments", [])) > 1
        ],
    )
    pupils = [one for one in made.tables["persons"].values() if one.get("enrolments")]
    # It has no birth dates; they are read out of identity numbers, which some pupils lack.
    dated = [one for one in pupils if one.get("civicNo")]
    assert await sql.fetchval("SELECT count(*) FROM people.pupils") == len(dated) < len(pupils)
    assert run["counts"]["Person"]["waiting"] == len(pupils) - len(dated)
    assert [
        (one["code"], one["field"], one["entities"])
        for one in found["problems"]
        if one["resource"] == "Person"
    ] == [("missing_field", "/birthDate", len(pupils) - len(dated))]
    units = [one for one in made.tables["organisations"].values() if one.get("schoolUnitCode")]
    assert await sql.fetchval("SELECT count(*) FROM people.school_units") == len(units)
    classes = [one for one in made.tables["groups"].values() if one["groupType"] == "Klass"]
    placed = await sql.fetchval(
        "SELECT count(DISTINCT class_id) FROM people.placements WHERE class_id IS NOT NULL"
    )
    assert 0 < placed <= len(classes)
    assert await connected.world.facts("register") == []


async def test_it_tells_what_has_changed_and_what_is_gone(
    connected: Connected, reference: tuple[Reference, str]
) -> None:
    made, url = reference
    await connected.connect(base_url=url, secret="SCHOOL", page_size=50)
    await connected.sync()
    now = connected.world.clock.now()
    changed = next(one for one in made.tables["persons"].values() if one.get("enrolments"))
    made.put("persons", changed | {"familyName": "Nyttnamn"}, now)
    gone = next(iter(made.tables["activities"]))
    made.remove("activities", gone, now)
    connected.world.clock.advance(timedelta(minutes=30))
    found = await connected.sync()
    run = found["runs"][0]
    assert (run["kind"], run["outcome"]) == ("delta", "done"), run
    assert run["counts"]["Person"] == {"updated": 1}
    assert run["counts"]["Activity"] == {"deleted": 1}
    assert await connected.world.sql.fetchval(
        "SELECT count(*) FROM people.pupils WHERE family_name = 'Nyttnamn'"
    ) == 1  # fmt: skip
