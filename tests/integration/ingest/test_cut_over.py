"""A source's cut-over date: whose days wake somebody only from then on (design D8)."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from tests.integration.ingest.world import OPS_TOKEN, World, register, roster

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


async def change(world: World, made: dict[str, str], cut_over: str | None) -> dict[str, Any]:
    path = f"/v1/organisers/{world.organiser_id}/sources/{made['source_id']}/cut-over"
    body = {"cut_over": cut_over, "by": "Karin Testlund"}
    answer = await world.call("PUT", path, body, token=OPS_TOKEN)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def made_source(world: World, name: str, cut_over: date) -> dict[str, str]:
    made: dict[str, str] = await world.source(
        name, organiser_id=str(world.organiser_id), cut_over=cut_over.isoformat()
    )
    return made


async def test_a_cut_over_that_was_wrong_is_mended_and_says_what_that_does(world: World) -> None:
    await world.put(roster(["p1", "p2"]))
    wrong = await made_source(world, "new", date(2027, 11, 24))
    old = register(start=MONDAY, marks=[{"pupil": "p1", "invalid": 60}])
    await world.post(old, token=wrong["token"])
    assert await wakes(world) == {"p1": date(2027, 11, 24)}
    found = await change(world, wrong, TODAY.isoformat())
    assert (found["before"], found["cut_over"]) == ("2027-11-24", TODAY.isoformat())
    assert found["pupils"] == 1
    assert any("not told afterwards" in text for text in found["effects"])
    assert await wakes(world) == {"p1": TODAY}
    # What is told from here on goes by the new date.
    await world.post(register(marks=[{"pupil": "p2", "invalid": 60}]), token=wrong["token"])
    assert await wakes(world) == {"p1": TODAY}
    later = await change(world, wrong, "2026-11-30")
    assert any("nothing is called back" in text for text in later["effects"])
    assert await wakes(world) == {"p1": date(2026, 11, 30)}
    await change(world, wrong, None)
    assert await wakes(world) == {}
    rows = await world.sql.fetch(
        "SELECT decided_by, kind FROM ingest.decisions WHERE source_id = $1",
        UUID(wrong["source_id"]),
    )
    assert [tuple(row) for row in rows] == [("Karin Testlund", "cut_over")] * 3


async def test_another_source_that_may_have_told_of_a_pupil_keeps_its_date(world: World) -> None:
    await world.put(roster(["p1"]))
    wrong = await made_source(world, "new", date(2026, 12, 24))
    other = await made_source(world, "other", TODAY)
    old = register(start=MONDAY, marks=[{"pupil": "p1", "invalid": 60}])
    for one in (wrong, other):
        await world.post(old, token=one["token"])
    await change(world, wrong, "2026-11-01")
    assert await wakes(world) == {"p1": TODAY}


async def test_a_change_of_nothing_and_of_nobody(world: World) -> None:
    made = await made_source(world, "new", TODAY)
    found = await change(world, made, TODAY.isoformat())
    assert found["effects"] == ["It was so already: nothing changes."]
    path = f"/v1/organisers/{world.organiser_id}/sources/{UUID(int=5)}/cut-over"
    body = {"cut_over": None, "by": "Karin Testlund"}
    assert (await world.call("PUT", path, body, token=OPS_TOKEN)).status_code == 404
    nameless = await world.call("PUT", path, {"cut_over": None}, token=OPS_TOKEN)
    assert nameless.status_code == 422
