"""A source's cut-over date: whose days wake somebody only from then on (design D8)."""

from __future__ import annotations

from datetime import date

import pytest

from tests.integration.ingest.world import World, register, roster

pytestmark = pytest.mark.anyio

TODAY = date(2026, 11, 24)
MONDAY = "2026-11-23T08:10:00+01:00"


async def wakes(world: World) -> dict[str, date]:
    rows = await world.sql.fetch(
        "SELECT e.external_id, w.wake_from FROM people_v1.wake_from w "
        "JOIN people.external_ids e ON e.entity_id = w.pupil_id AND e.kind = 'pupil'"
    )
    return {row["external_id"]: row["wake_from"] for row in rows}


async def source(world: World, cut_over: date) -> str:
    made = await world.source(
        "new", organiser_id=str(world.organiser_id), cut_over=cut_over.isoformat()
    )
    token: str = made["token"]
    return token


async def test_older_days_set_from_when_on_their_pupils_wake(world: World) -> None:
    await world.put(roster(["p1", "p2", "p3"]))
    token = await source(world, TODAY)
    # Today, and yesterday by a source without a cut-over: as ever.
    await world.post(register(), token=token)
    await world.post(register(start=MONDAY))
    assert await wakes(world) == {}
    old = register(start=MONDAY, marks=[{"pupil": "p1", "invalid": 60}])
    answer = await world.post(old, token=token)
    assert answer.json()["accepted"] == 1
    assert await wakes(world) == {"p1": TODAY}
    # An earlier cut-over of another source takes nothing back, a later one counts.
    await world.post(old, token=await source(world, date(2026, 11, 24)))
    notice = {
        "id": "n1", "pupil": "p3", "kind": "leave", "start": "2026-11-20T00:00:00+01:00",
        "end": "2026-11-24T00:00:00+01:00", "reported_by": "staff", "modified": MONDAY,
    }  # fmt: skip
    await world.notices(notice, token=token)
    assert await wakes(world) == {"p1": TODAY, "p3": TODAY}
    later = await source(world, date(2026, 11, 30))
    await world.post(register(), token=later)
    assert await wakes(world) == {"p1": date(2026, 11, 30), "p2": date(2026, 11, 30), "p3": TODAY}


async def test_what_waited_for_the_roster_wakes_no_more_than_it_would_have(world: World) -> None:
    await world.put(roster(["p1"]))
    token = await source(world, TODAY)
    marks = [{"pupil": "p2", "invalid": 60}]
    await world.post(register(start=MONDAY, marks=marks), token=token)
    await world.post(register(marks=[{"pupil": "p3", "invalid": 60}]), token=token)
    assert await wakes(world) == {}
    await world.put(roster(["p1", "p2", "p3"]))
    assert await wakes(world) == {"p2": TODAY}
    assert len(await world.facts("register")) == 2
