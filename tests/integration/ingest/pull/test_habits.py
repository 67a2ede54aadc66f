"""School systems that differ from the standard, and from each other."""

from __future__ import annotations

from typing import Any

import pytest

from services.ingest.ss12000.vocabulary import TAKEN, Resource
from tests.integration.ingest.pull.office import Office, Recorder, same
from tests.support.ss12000.habits import DNP, ODD_PATHS, Habits

pytestmark = pytest.mark.anyio
R = Resource


async def test_a_source_with_a_roster_and_no_attendance(office: Office, inbox: Recorder) -> None:
    """As Skolverket's reference API for the national tests, down to its other habits."""
    habits = office.double.habits
    habits.resources, habits.chunked, habits.null_token = DNP, True, False
    habits.extra_fields, habits.without_optional, habits.error_body = True, True, "nested"
    run = await office.sync()
    assert run["outcome"] == "done"
    assert set(inbox.entities) == {Resource(name) for name in DNP}
    for name in DNP:
        assert set(inbox.entities[Resource(name)]) == office.theirs(Resource(name))
    status = await office.status()
    state = {one["resource"]: one["state"] for one in status["resources"]}
    assert state["Attendance"] == "not_offered"
    assert state["Person"] == "read"
    before = len(office.double.server.calls)
    office.pass_time(minutes=30)
    await office.sync()
    assert not [path for _, path, _ in office.double.server.calls[before:] if "ttend" in path]


@pytest.mark.parametrize(
    "changes",
    [
        {"paths": dict(ODD_PATHS), "most": 50, "feedback": "slash", "date_header": False},
        {"limit_with_token": False, "deleted_entities": False, "feedback": "none",
         "delta": "ignored"},
        {"default_limit": None, "delta": "refused"},
    ],
    ids=["odd paths", "little offered", "no delta"],
)  # fmt: skip
async def test_habits_of_other_systems(
    office: Office, inbox: Recorder, changes: dict[str, Any]
) -> None:
    for name, value in changes.items():
        assert hasattr(Habits(), name)
        setattr(office.double.habits, name, value)
    assert (await office.sync())["outcome"] == "done"
    same(office, inbox)
    office.pass_time(minutes=30)
    school = office.double.school
    school.change("Person", school.any_id("Person"), familyName="Nyttnamn")
    assert (await office.sync())["outcome"] == "done"
    same(office, inbox)


async def test_a_page_that_is_too_large_for_the_source_is_asked_for_smaller(
    office: Office, inbox: Recorder
) -> None:
    office.double.habits.refuses_over = 500
    await office.configure(page_size=5000)
    run = await office.sync()
    assert run["outcome"] == "done"
    same(office, inbox)
    assert (await office.status())["problems"] == []


async def test_a_forbidden_resource_does_not_stop_the_others(
    office: Office, inbox: Recorder
) -> None:
    office.double.habits.forbidden = frozenset({"Absence"})
    assert (await office.sync())["outcome"] == "done"
    same(office, inbox, *(one for one in TAKEN if one is not R.ABSENCE))
    problems = (await office.status())["problems"]
    assert [(one["resource"], one["code"]) for one in problems] == [("Absence", "forbidden")]
    assert "operator" in problems[0]["advice"]
