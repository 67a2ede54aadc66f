"""A school system that stumbles: what passes is waited out, the rest said plainly."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.ingest.ss12000.vocabulary import Resource
from tests.integration.ingest.pull.office import Office, Recorder, same
from tests.support.ss12000.habits import Fault

pytestmark = pytest.mark.anyio
R = Resource


async def test_what_passes_is_waited_out(office: Office, inbox: Recorder) -> None:
    faults = {
        "persons": "429", "groups": "503", "duties": "500", "activities": "not_json",
        "attendances": "cut", "calendarEvents": "broken_json", "absences": "slow",
        "deletedEntities": "500",
    }  # fmt: skip
    for path, kind in faults.items():
        fault = Fault(kind, path=path, times=2, skip=1, retry_after="7", seconds=0.05)  # type: ignore[arg-type]
        office.double.faults.add(fault)
    run = await office.sync()
    assert run["outcome"] == "done"
    same(office, inbox)
    assert len([wait for wait in office.waits if wait >= 7]) >= 4


async def test_an_overloaded_source_is_asked_for_less(office: Office, inbox: Recorder) -> None:
    office.double.faults.add(Fault("503", path="persons", times=2, skip=1))
    await office.sync()
    same(office, inbox)
    limits = [q["limit"] for _, path, q in office.double.server.calls if path == "persons"]
    assert "15" in limits


async def test_a_long_retry_after_ends_the_run_and_is_kept(office: Office, inbox: Recorder) -> None:
    office.double.faults.add(Fault("429", path="groups", retry_after="3600", skip=1))
    run = await office.sync()
    assert (run["outcome"], run["code"]) == ("failed", "busy")
    assert (await office.status())["next_at"] == "2026-11-24T12:00:00+00:00"
    office.pass_time(hours=1)
    assert await office.runner.once(office.organiser, office.source)
    same(office, inbox)


async def test_a_source_that_stays_away_fails_plainly_and_goes_on(
    office: Office, inbox: Recorder
) -> None:
    office.double.faults.add(Fault("500", path="attendances", times=6, skip=2))
    run = await office.sync()
    assert (run["outcome"], run["code"]) == ("failed", "unreachable")
    assert "attendances" in run["detail"]
    assert len(office.waits) == 5
    taken = len(inbox.taken)
    run = await office.sync()
    assert run["outcome"] == "done"
    same(office, inbox)
    assert all(resource is not R.PERSON for resource, _ in inbox.taken[taken:])


async def test_a_wrong_secret_is_named_and_not_shown(office: Office) -> None:
    office.double.habits.token = "another"
    run = await office.sync()
    assert run["code"] == "unauthorized"
    assert "SCHOOL" in run["detail"]
    assert "school-token" not in run["detail"]
    await office.configure(secret="NOWHERE")
    run = await office.sync()
    assert run["code"] == "secret_missing"
    assert "FORVARNING_SOURCE_SECRET_NOWHERE" in run["detail"]


async def test_oauth_tokens_that_wear_out_are_fetched_anew(office: Office, inbox: Recorder) -> None:
    office.double.habits.client = ("forvarning", "school-token")
    office.double.habits.token_uses = 5
    await office.configure(
        auth="client_credentials",
        client_id="forvarning",
        token_url=f"{office.double.url}/oauth/token",
    )
    run = await office.sync()
    assert run["outcome"] == "done"
    same(office, inbox)


async def test_an_expired_page_token_begins_that_list_again(
    office: Office, inbox: Recorder
) -> None:
    office.double.faults.add(Fault("expired_token", path="persons", skip=2))
    run = await office.sync()
    assert run["outcome"] == "done"
    same(office, inbox)


async def test_pages_that_shift_lose_nobody(office: Office, inbox: Recorder) -> None:
    office.double.habits.paging = "offset"
    school = office.double.school
    removed: list[str] = []

    def remove_once(resource: Resource) -> None:
        if resource is R.PERSON and not removed:
            office.double.advance(timedelta(seconds=5))
            removed.append(school.any_id("Person"))
            school.remove("Person", removed[0])

    inbox.on_take = remove_once
    await office.sync()
    assert removed
    same(office, inbox)
    assert R.PERSON in inbox.snapshots[0]
