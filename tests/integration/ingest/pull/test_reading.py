"""Reading a school system: whole, what has changed, and after a kill at every step."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.ingest.ss12000.vocabulary import ROSTER, TAKEN, Resource
from tests.integration.ingest.pull.office import (
    KilledError,
    Office,
    Recorder,
    rows_of_another_tenant,
    same,
)

if TYPE_CHECKING:
    from services.common.pg import Pool

pytestmark = pytest.mark.anyio
R = Resource


async def test_a_full_sync_reads_everything_and_says_so(office: Office, inbox: Recorder) -> None:
    run = await office.sync()
    assert (run["kind"], run["outcome"]) == ("full", "done")
    same(office, inbox)
    assert inbox.snapshots[0] == frozenset((*ROSTER, R.SYLLABUS, R.ACTIVITY))
    assert not any(inbox.snapshots[1:])
    order = [resource for name, resource, _ in inbox.calls if name == "take"]
    assert list(dict.fromkeys(order)) == [one for one in TAKEN if office.theirs(one)]
    assert run["counts"]["Person"] == {"new": len(office.theirs(R.PERSON))}
    status = await office.status()
    assert {one["state"] for one in status["resources"]} == {"read"}
    assert status["last_success_at"] is not None
    told = {one["resourceType"]: one["newCount"] for one in office.double.school.statistics}
    assert told["Attendance"] == len(office.theirs(R.ATTENDANCE))


async def test_a_second_sync_reads_what_has_changed(office: Office, inbox: Recorder) -> None:
    await office.sync()
    office.pass_time(minutes=30)
    school = office.double.school
    person, lesson = school.any_id("Person"), school.any_id("CalendarEvent")
    school.change("Person", person, familyName="Nyttnamn")
    school.change("CalendarEvent", lesson, cancelled=True)
    corrected = school.any_id("Attendance")
    entity = dict(school.tables["Attendance"][corrected].entity)
    school.remove("Attendance", corrected)
    school.put("Attendance", entity | {"id": "6a0d2a0e-6c40-4a44-9a0e-000000000001"})
    inbox.calls.clear()
    run = await office.sync()
    assert run["kind"] == "delta"
    same(office, inbox)
    assert run["counts"]["Attendance"]["deleted"] == 1
    assert run["counts"]["CalendarEvent"] == {"updated": 1}
    changed = [(resource, count) for name, resource, count in inbox.calls if name == "take"]
    assert (R.PERSON, 1) in changed
    assert inbox.calls[0][:2] == ("delete", R.ATTENDANCE)


async def test_nothing_new_costs_one_call_a_resource(office: Office, inbox: Recorder) -> None:
    await office.sync()
    office.pass_time(minutes=30)
    await office.sync()
    inbox.calls.clear()
    office.pass_time(minutes=30)
    before = len(office.double.server.calls)
    await office.sync()
    reads = [path for method, path, _ in office.double.server.calls[before:] if method == "GET"]
    assert len(reads) == len(TAKEN) + 1


async def test_what_was_deleted_and_is_back_stays(office: Office, inbox: Recorder) -> None:
    await office.sync()
    school = office.double.school
    group = school.any_id("Group")
    entity = dict(school.tables["Group"][group].entity)
    office.pass_time(minutes=3)
    school.remove("Group", group)
    await office.sync()
    assert group not in inbox.entities[R.GROUP]
    office.pass_time(minutes=1)
    school.put("Group", entity)
    office.pass_time(minutes=1)
    # The overlap lists the deletion again.
    await office.sync()
    same(office, inbox, R.GROUP)


@pytest.mark.parametrize("after_work", [False, True])
async def test_kill_after_kill_repeats_at_most_one_page(
    office: Office, inbox: Recorder, *, after_work: bool
) -> None:
    """Each life gets one step further than the one before and ends in the next."""
    await office.configure(page_size=400)
    inbox.kill_after_work = after_work
    lives, again = 0, 0
    while True:
        lives += 1
        assert lives < 200
        inbox.kill_in, before = 1, len(inbox.taken)
        try:
            await office.sync()
        except KilledError:
            known = set(inbox.taken[:before])
            repeated = [page for page in inbox.taken[before:] if page in known]
            assert len(repeated) <= 1
            again += len(repeated)
        else:
            break
    same(office, inbox)
    assert lives > 8
    assert again > 0 or not after_work


async def test_a_kill_between_take_and_cursor_shows_as_interrupted(
    office: Office, inbox: Recorder
) -> None:
    inbox.kill_in = 3
    with pytest.raises(KilledError):
        await office.sync()
    assert (await office.status())["runs"][0]["outcome"] == "running"
    await office.sync()
    runs = (await office.status())["runs"]
    assert [one["outcome"] for one in runs] == ["done", "failed"]
    assert runs[1]["code"] == "interrupted"


async def test_two_processes_do_not_read_at_once(office: Office, inbox: Recorder) -> None:
    other = replace(office)
    seen: list[bool] = []

    async def both() -> None:
        seen.append(await other.runner.once(other.organiser, other.source))

    tasks: list[asyncio.Task[None]] = []

    def start(_: Resource) -> None:
        if not tasks:
            tasks.append(asyncio.create_task(both()))

    inbox.on_take = start
    await office.sync()
    await tasks[0]
    assert seen == [False]


@pytest.mark.parametrize("table", ["pulls", "pull_cursors", "pull_runs", "pull_problems"])
async def test_another_organiser_sees_nothing(pool: Pool, office: Office, table: str) -> None:
    office.double.habits.forbidden = frozenset({"Absence"})
    await office.sync()
    assert await rows_of_another_tenant(pool, table) == 0
