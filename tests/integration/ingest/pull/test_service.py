"""The whole way: a school system is connected over the operator's calls, and facts are in Kafka."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from services.common.clock import FixedClock
from services.ingest.background import measure
from services.ingest.ss12000.rostering import RosterSettler
from tests.integration.ingest.conftest import StartWorld
from tests.integration.ingest.pull.office import NOON, KilledError
from tests.integration.ingest.world import OPS_TOKEN, World, pupil, roster
from tests.support.ss12000.double import Double

pytestmark = pytest.mark.anyio
OPS = {"Authorization": f"Bearer {OPS_TOKEN}"}


class Connected:
    """An ingest process, and a source of it that is read from the double."""

    def __init__(self, world: World, made: dict[str, str]) -> None:
        self.world = world
        self.organiser, self.source = UUID(made["organiser_id"]), UUID(made["source_id"])
        self.path = f"/v1/organisers/{self.organiser}/sources/{self.source}/pull"

    async def connect(self, **body: Any) -> Any:
        answer = await self.world.client.put(self.path, json=body, headers=OPS)
        assert answer.status_code == 200, answer.text
        return answer.json()["reach"]

    async def sync(self, **body: Any) -> dict[str, Any]:
        answer = await self.world.client.post(f"{self.path}/runs", json=body, headers=OPS)
        assert answer.status_code == 202
        assert await self.run_what_is_due()
        return await self.status()

    async def run_what_is_due(self) -> bool:
        """What the runner does, for this source alone: the database is shared with other tests."""
        return await self.world.service.pulls.once(self.organiser, self.source)

    async def status(self) -> dict[str, Any]:
        answer = await self.world.client.get(self.path, headers=OPS)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
async def connected(start_world: StartWorld, monkeypatch: pytest.MonkeyPatch) -> Connected:
    monkeypatch.setenv("FORVARNING_SOURCE_SECRET_SCHOOL", "school-token")
    world = await start_world(
        FixedClock(NOON), ingest_pull_seconds=3600.0, ingest_public_url="https://ingest.example.se"
    )
    made = await world.source()
    world.organiser_id = UUID(made["organiser_id"])
    await world.sql.execute(
        "SELECT set_config('app.organiser_id', $1, false)", made["organiser_id"]
    )
    return Connected(world, made)


async def test_from_nothing_to_facts(connected: Connected, double: Double) -> None:
    reach = await connected.connect(base_url=double.url, secret="SCHOOL")
    assert {one["state"] for one in reach} == {"offered"}
    found = await connected.sync()
    run = found["runs"][0]
    assert (run["kind"], run["outcome"]) == ("full", "done"), run
    assert [one for one in found["problems"] if one["severity"] == "Error"] == []
    school = double.school
    marks = len(school.tables["Attendance"])
    assert run["counts"]["Attendance"]["new"] == marks
    pupils = [one for one in school.rows("Person") if one.entity.get("enrolments")]
    stored = await connected.world.sql.fetchval("SELECT count(*) FROM people.pupils")
    assert stored == len(pupils)
    facts = await connected.world.facts()
    said = sum(len(body.pupil_ids) // 16 for _, body in await connected.world.facts("register"))
    assert said >= marks
    again = await connected.sync()
    assert again["runs"][0]["kind"] == "delta"
    assert len(await connected.world.facts()) == len(facts)


async def test_a_pupil_whom_a_file_has_named_is_held_and_nobody_else(
    connected: Connected, double: Double
) -> None:
    """The file has no personnummer; the person of the school system is theirs, or is not."""
    world, school = connected.world, double.school
    person = next(
        one.entity
        for one in school.rows("Person")
        if any("endDate" not in enrolment for enrolment in one.entity.get("enrolments", []))
    )
    named = pupil(
        "p1",
        given_name=person["givenName"].upper(),
        family_name=person["familyName"],
        birth_date=person["birthDate"],
    )
    file = await world.source("fil", organiser_id=str(connected.organiser), namespace="fil")
    await world.put(roster([]) | {"pupils": [named]}, token=file["token"])
    await connected.connect(base_url=double.url, secret="SCHOOL")
    found = await connected.sync()
    assert found["runs"][0]["outcome"] == "done"
    pupils = [one for one in school.rows("Person") if one.entity.get("enrolments")]
    count = "SELECT count(*) FROM people.pupils"
    assert await world.sql.fetchval(count) == len(pupils), "all others, and the file's one"
    [problem] = [one for one in found["problems"] if one["code"] == "same_pupil_perhaps"]
    assert (problem["resource"], problem["sample"]) == ("Person", person["id"])
    assert "forvarning roster held" in problem["advice"]
    path = f"/v1/organisers/{connected.organiser}/held-rosters"
    [held] = (await world.client.get(path, headers=OPS)).json()["held"]
    body = {"decision": "apply", "by": "Karin Testlund", "same": "all"}
    decided = await world.client.post(f"{path}/{held['held_id']}/decision", json=body, headers=OPS)
    assert decided.status_code == 200, decided.text
    assert await world.sql.fetchval("SELECT count(*) FROM ingest.parked") == 0
    for full in (False, True):
        pass_time(connected, double)
        again = await connected.sync(full=full)
        assert "same_pupil_perhaps" not in {one["code"] for one in again["problems"]}
    assert await world.sql.fetchval(count) == len(pupils)


async def test_a_webhook_triggers_a_pull_and_is_renewed(
    connected: Connected, double: Double
) -> None:
    await connected.connect(base_url=double.url, secret="SCHOOL", resources=["Organisation"])
    await connected.sync()
    (subscription,) = double.school.subscriptions.values()
    assert subscription.resources == ["Organisation"]
    target = urlsplit(subscription.target)
    assert target.netloc == "ingest.example.se"
    client, clock = connected.world.client, connected.world.clock
    clock.advance(timedelta(minutes=1))
    double.advance(timedelta(minutes=1))
    assert not await connected.run_what_is_due()
    answer = await client.post(
        target.path, json={"modifiedEntites": ["Organisation"], "deletedEntities": False}
    )
    assert (answer.status_code, answer.content) == (200, b"")
    assert await connected.run_what_is_due()
    assert len((await connected.status())["runs"]) == 2
    wrong = await client.post("/v1/hooks/ss12000/guess", content=b"not even JSON")
    assert wrong.status_code == 404
    # 90 days: nothing to do on the 50th, renewed on the 61st.
    before = subscription.expires
    for days, renewed in ((50, False), (11, True)):
        clock.advance(timedelta(days=days))
        double.advance(timedelta(days=days))
        await connected.sync()
        assert (subscription.expires > before) is renewed
    # The source forgot us: a new one, with an address of its own.
    double.school.subscriptions.clear()
    double.habits.renewal = False
    clock.advance(timedelta(days=61))
    double.advance(timedelta(days=61))
    await connected.sync()
    (new,) = double.school.subscriptions.values()
    assert new.target != subscription.target
    assert (await client.post(target.path, json={})).status_code == 404
    assert (await client.post(urlsplit(new.target).path, json={})).status_code == 200


async def test_what_is_wrong_with_a_configuration_names_field_and_mend(
    connected: Connected, double: Double
) -> None:
    client = connected.world.client

    async def refused(**body: Any) -> str:
        answer = await client.put(connected.path, json=body, headers=OPS)
        assert answer.status_code == 422, answer.text
        return str([one["detail"] for one in answer.json()["errors"]])

    assert "https" in await refused(base_url="http://skola.example.se", secret="SCHOOL")
    assert "password" in await refused(base_url="https://a:b@skola.example.se", auth="none")
    assert "secret" in await refused(base_url=double.url)
    assert "secret" in await refused(base_url=double.url, secret="not a name")
    assert "client_id" in await refused(
        base_url=double.url, secret="SCHOOL", auth="client_credentials"
    )
    reach = await connected.connect(base_url=double.url, secret="NOWHERE")
    assert len(reach) == 1
    assert reach[0]["state"] == "secret_missing"
    assert "FORVARNING_SOURCE_SECRET_NOWHERE" in reach[0]["detail"]


async def test_the_list_and_the_lag(connected: Connected, double: Double) -> None:
    await connected.connect(base_url=double.url, secret="SCHOOL", resources=["Organisation"])
    listed = (await connected.world.client.get("/v1/sources", headers=OPS)).json()["sources"]
    own = next(one for one in listed if one["source_id"] == str(connected.source))
    assert own["pull"]["state"] == "never"
    await connected.sync()
    connected.world.clock.advance(timedelta(hours=2))
    await measure(connected.world.service, [connected.organiser])
    page = (await connected.world.client.get("/metrics")).text
    line = f'forvarning_ingest_pull_lag_seconds{{source="{connected.source}"}} 7200.0'
    assert line in page


def pass_time(connected: Connected, double: Double) -> None:
    connected.world.clock.advance(timedelta(minutes=30))
    double.advance(timedelta(minutes=30))


async def present(connected: Connected) -> int:
    found: int = await connected.world.sql.fetchval(
        "SELECT count(*) FROM people.pupils p WHERE EXISTS (SELECT 1 FROM people.placements l "
        "WHERE l.pupil_id = p.pupil_id AND (l.valid_to IS NULL OR l.valid_to > $1))",
        NOON.date(),
    )
    return found


@pytest.mark.parametrize("step", ["before", "after"])
async def test_a_kill_while_the_roster_takes_effect_loses_no_departure(
    connected: Connected, double: Double, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Killed before the roster is applied, or after it, in the very call that ends who is gone."""
    double.habits.deleted_entities = False
    await connected.connect(base_url=double.url, secret="SCHOOL")
    await connected.sync()
    before = await present(connected)
    school = double.school
    gone = next(
        row.entity["id"]
        for row in school.rows("Person")
        if any("endDate" not in one for one in row.entity.get("enrolments", []))
    )
    school.remove("Person", gone)
    pass_time(connected, double)
    whole = RosterSettler.run

    async def killed(self: RosterSettler, *arguments: Any, **options: Any) -> bool:
        if step == "after":
            await whole(self, *arguments, **options)
        raise KilledError

    monkeypatch.setattr(RosterSettler, "run", killed)
    with pytest.raises(KilledError):
        await connected.sync(full=True)
    monkeypatch.setattr(RosterSettler, "run", whole)
    run = (await connected.sync())["runs"][0]
    assert (run["kind"], run["outcome"]) == ("full", "done"), run
    assert await present(connected) == before - 1


async def test_losses_are_somebodys_decision(connected: Connected, double: Double) -> None:
    await connected.connect(base_url=double.url, secret="SCHOOL")
    await connected.sync()
    runs = f"{connected.path}/runs"
    nameless = await connected.world.client.post(runs, json={"accept_losses": True}, headers=OPS)
    assert nameless.status_code == 422
    assert (await connected.status())["decisions"] == []
    double.habits.deleted_entities = False
    rows = double.school.rows("Person")
    pupils = [one.entity["id"] for one in rows if one.entity.get("enrolments")]
    for one in pupils[: len(pupils) // 2]:
        double.school.remove("Person", one)
    pass_time(connected, double)
    assert (await connected.sync(full=True))["runs"][0]["outcome"] == "held"
    pass_time(connected, double)
    found = await connected.sync(accept_losses=True, by="Karin Testlund")
    assert found["runs"][0]["outcome"] == "done"
    assert [(one["kind"], one["by"]) for one in found["decisions"]] == [
        ("accept_losses", "Karin Testlund")
    ]
