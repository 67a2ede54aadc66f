"""Reading a case outside one's duties: reason, an hour, told; a protected pupil takes two."""

from __future__ import annotations

import json
from datetime import timedelta

import asyncpg
import httpx
import pytest

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases.openings import LASTS, WAITS
from services.cases.store.scope import Viewer
from tests.integration.cases.site import MONDAY, Site, csrf, enter
from tests.integration.cases.world import A, B, Organiser, Story, World, give_duty, hire, made

pytestmark = pytest.mark.anyio
WHY = "Jag vikarierar på skolan i dag och möter eleven."


async def opened_cases(world: World) -> dict[str, str]:
    """Cases of three pupils of A and one of B: their numbers."""
    for organiser in (A, B):
        await world.take(
            Story(organiser, "alva", pb.FAMILY_LONG_TERM).raised(MONDAY).event(MONDAY),
            Story(organiser, "dino", pb.FAMILY_SPORADIC, group="8B").raised(MONDAY).event(MONDAY),
            Story(organiser, "ebba", pb.FAMILY_SPORADIC, unit="ek", group="9C")
            .raised(MONDAY)
            .event(MONDAY),
        )
    # B has taken numbers of its own that A has not.
    await world.admin.execute(
        "UPDATE cases.cases SET number = 'B-' || number WHERE organiser_id = $1", B.id
    )
    return {
        "alva": (await world.case(A, "alva"))["number"],
        "dino": (await world.case(A, "dino"))["number"],
        "ebba": (await world.case(A, "ebba"))["number"],
        "elsewhere": (await world.case(B, "alva"))["number"],
    }


class Desk:
    """One person at a browser, with the API's token."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self.client = client
        self.headers = headers

    @classmethod
    async def of(cls, site: Site, login: str, organiser: Organiser = A) -> Desk:
        client = site.browser()
        await enter(client, site, login, organiser)
        return cls(client, await csrf(client))

    async def ask(self, number: str, reason: str = WHY) -> httpx.Response:
        return await self.client.post(
            "/api/v1/openings", json={"number": number, "reason": reason}, headers=self.headers
        )

    async def approve(self, opening: str) -> httpx.Response:
        return await self.client.post(
            f"/api/v1/openings/{opening}/approve", headers=self.headers, json={}
        )

    async def read(self, number: str) -> httpx.Response:
        return await self.client.get(f"/arenden/{number}")

    async def openings(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = (await self.client.get("/api/v1/openings")).json()[
            "openings"
        ]
        return found


async def test_a_case_outside_ones_duties_opens_for_an_hour(world: World, site: Site) -> None:
    numbers = await opened_cases(world)
    olle = await Desk.of(site, "olle")
    assert (await olle.read(numbers["alva"])).status_code == 404
    cookie = olle.client.cookies["forvarning"]
    answer = await olle.ask(numbers["alva"])
    assert (answer.status_code, answer.json()["pending"]) == (201, False)
    assert olle.client.cookies["forvarning"] != cookie, "what the session opens has changed"
    page = await olle.read(numbers["alva"])
    assert page.status_code == 200
    assert "Alva Exempelsson" in page.text
    assert "Du läser med särskilt skäl" in page.text
    assert "Spara anteckningen" not in page.text
    assert (await olle.read(numbers["ebba"])).status_code == 200, "the own ones are as before"
    world.clock.advance(LASTS - timedelta(seconds=1))
    assert (await olle.read(numbers["alva"])).status_code == 200
    world.clock.advance(timedelta(seconds=1))
    assert (await olle.read(numbers["alva"])).status_code == 404


async def test_it_is_told_to_the_rektor_the_officer_and_the_history(
    world: World, site: Site
) -> None:
    numbers = await opened_cases(world)
    await hire(world.admin, A, "anna", "Anna", "Anmälan")
    await give_duty(world.admin, A, "anna", "organiser_officer", "all")
    olle = await Desk.of(site, "olle")
    assert (await olle.ask(numbers["alva"])).status_code == 201
    rolf, rut, anna = [await Desk.of(site, login) for login in ("rolf", "rut", "anna")]
    today = (await rolf.client.get("/")).text
    assert "Lästa med särskilt skäl" in today
    assert WHY in today
    assert WHY not in (await rut.client.get("/")).text, "another school's rektor"
    for desk, count in ((rolf, 1), (anna, 1), (olle, 1), (rut, 0)):
        assert len(await desk.openings()) == count
    assert (await anna.openings())[0]["by"] == "Olle Påhitt"
    karin = await Desk.of(site, "karin")
    history = (await karin.read(numbers["alva"])).text
    assert f"Ärendet lästes av någon utanför uppdraget, med skälet: {WHY}" in history
    (row,) = await world.admin.fetch(
        "SELECT staff_id, detail FROM cases.audit WHERE action = 'case.opened_outside'"
    )
    assert row["staff_id"] == A.staff("olle")
    assert json.loads(row["detail"]) == {"reason": WHY}


@pytest.mark.parametrize("reason", ["", "   ", "för att", "x" * 10_000])
async def test_without_a_reason_nothing_opens(world: World, site: Site, reason: str) -> None:
    numbers = await opened_cases(world)
    olle = await Desk.of(site, "olle")
    assert (await olle.ask(numbers["alva"], reason)).status_code == 422
    assert (await olle.read(numbers["alva"])).status_code == 404
    form = {"number": numbers["alva"], "reason": "kort", "csrf": olle.headers["X-CSRF-Token"]}
    page = await olle.client.post("/oppna", data=form)
    assert page.status_code == 422
    assert "kort</textarea>" in page.text, "what was written is kept"


@pytest.mark.parametrize("login", ["maja", "nils", "drifta"])
async def test_mentor_board_and_operations_open_nothing(
    world: World, site: Site, login: str
) -> None:
    numbers = await opened_cases(world)
    await hire(world.admin, A, "nils", "Nils", "Nämnd")
    await give_duty(world.admin, A, "nils", "board", "all")
    await hire(world.admin, A, "drifta", "Disa", "Drift")
    await give_duty(world.admin, A, "drifta", "operations", "all")
    desk = await Desk.of(site, login)
    assert (await desk.ask(numbers["ebba"])).status_code == 404
    assert await world.admin.fetchval("SELECT count(*) FROM cases.openings") == 0
    refused = "SELECT count(*) FROM cases.audit WHERE action = 'case.opening_refused'"
    assert await world.admin.fetchval(refused) == 1
    # Nor past the program.
    case = await world.case(A, "ebba")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await _insert(world, A.viewer(login), case)


async def _insert(
    world: World, viewer: Viewer, case: asyncpg.Record, *, protected: bool = False, hours: int = 1
) -> None:
    async with world.database.person(viewer) as connection:
        await connection.execute(
            """
            INSERT INTO cases.openings (organiser_id, opening_id, case_id, school_unit_id,
                staff_id, kind, reason, asked_at, protected, expires_at)
            VALUES ($1, $2, $3, $4, $5, 'break_glass', 'ett gott skäl', cases.instant(), $6,
                cases.instant() + make_interval(hours => $7))
            """,
            viewer.organiser_id,
            made("opening"),
            case["case_id"],
            case["school_unit_id"],
            viewer.staff_id,
            protected,
            hours,
        )


async def test_the_database_itself_refuses_what_may_not_be(world: World) -> None:
    await opened_cases(world)
    alva, dino = await world.case(A, "alva"), await world.case(A, "dino")
    with pytest.raises(asyncpg.CheckViolationError):
        await _insert(world, A.viewer("olle"), alva, hours=2)
    # A protected pupil's case as if it were not, or open before anybody has said yes.
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await _insert(world, A.viewer("olle"), dino)
    with pytest.raises((asyncpg.CheckViolationError, asyncpg.InsufficientPrivilegeError)):
        await _insert(world, A.viewer("olle"), dino, protected=True)
    elsewhere = await world.case(B, "alva")
    with pytest.raises((asyncpg.ForeignKeyViolationError, asyncpg.InsufficientPrivilegeError)):
        await _insert(world, A.viewer("olle"), elsewhere)


async def test_another_organisers_case_is_never_opened(world: World, site: Site) -> None:
    numbers = await opened_cases(world)
    olle = await Desk.of(site, "olle")
    assert (await olle.ask(numbers["elsewhere"])).status_code == 404


async def test_whoever_merely_opened_a_case_writes_nothing_in_it(world: World, site: Site) -> None:
    numbers = await opened_cases(world)
    olle = await Desk.of(site, "olle")
    await olle.ask(numbers["alva"])
    case = await world.case(A, "alva")
    path = f"/api/v1/cases/{case['case_id']}"
    for verb, body in (
        ("acknowledge", {"version": case["version"]}),
        ("steps/close_case", {"body": {"on": "2026-11-24", "reason": "explained"}}),
    ):
        answer = await olle.client.post(f"{path}/{verb}", json=body, headers=olle.headers)
        assert answer.status_code == 403, verb
    answer = await olle.client.post(
        f"{path}/comments", json={"text": "ett ord"}, headers=olle.headers
    )
    assert answer.status_code == 403
    assert await world.admin.fetchval("SELECT count(*) FROM cases.comments") == 0


async def test_a_protected_pupil_takes_a_second_person(world: World, site: Site) -> None:
    numbers = await opened_cases(world)
    olle, rolf, karin = [await Desk.of(site, login) for login in ("olle", "rolf", "karin")]
    answer = await olle.ask(numbers["dino"])
    assert (answer.status_code, answer.json()["pending"]) == (201, True)
    opening = answer.json()["opening_id"]
    assert (await olle.read(numbers["dino"])).status_code == 404
    assert (await olle.approve(opening)).status_code == 404, "nobody says yes to their own"
    assert (await karin.approve(opening)).status_code == 404, "nor an officer of the unit"
    listed = (await rolf.openings())[0]
    assert (listed["state"], listed["school_unit"]) == ("pending", None)
    assert "Godkänn" in (await rolf.client.get("/oppnade")).text
    assert (await rolf.approve(opening)).status_code == 200
    assert (await rolf.approve(opening)).status_code == 404, "once"
    page = await olle.read(numbers["dino"])
    assert page.status_code == 200
    assert "Dino Testberg" in page.text
    world.clock.advance(LASTS)
    assert (await olle.read(numbers["dino"])).status_code == 404


async def test_a_request_lapses_after_a_day(world: World, site: Site) -> None:
    numbers = await opened_cases(world)
    olle, rolf = [await Desk.of(site, login) for login in ("olle", "rolf")]
    opening = (await olle.ask(numbers["dino"])).json()["opening_id"]
    world.clock.advance(WAITS)
    assert (await rolf.openings())[0]["state"] == "lapsed"
    assert (await rolf.approve(opening)).status_code == 404


async def test_elevhalsa_may_ask_for_the_protected_pupil_of_the_own_unit(
    world: World, site: Site
) -> None:
    """The number is in her list; who it is she learns when the rektor has said yes."""
    numbers = await opened_cases(world)
    elias, rolf = [await Desk.of(site, login) for login in ("elias", "rolf")]
    assert (await elias.read(numbers["dino"])).status_code == 403
    opening = (await elias.ask(numbers["dino"])).json()["opening_id"]
    assert (await elias.read(numbers["dino"])).status_code == 403
    await rolf.approve(opening)
    assert "Dino Testberg" in (await elias.read(numbers["dino"])).text
    again = await elias.ask(numbers["alva"])
    assert (again.status_code, again.json()["type"]) == (
        409,
        "urn:forvarning:problem:open_already",
    )


async def test_an_area_manager_goes_from_figures_to_a_case_of_the_area_with_a_reason(
    world: World, site: Site
) -> None:
    numbers = await opened_cases(world)
    await hire(world.admin, A, "ove", "Ove", "Område")
    await give_duty(world.admin, A, "ove", "area_manager", "area")
    ove = await Desk.of(site, "ove")
    assert (await ove.client.get("/")).headers["location"] == "/oversikt"
    unit = (await ove.client.get(f"/oversikt/{A.unit()}")).text
    assert numbers["alva"] in unit
    assert numbers["dino"] in unit
    assert "Alva" not in unit
    assert (await ove.read(numbers["alva"])).status_code == 404
    assert (await ove.ask(numbers["alva"])).status_code == 201
    assert "Alva Exempelsson" in (await ove.read(numbers["alva"])).text
    await world.admin.execute(
        "UPDATE people.school_units SET area_id = NULL WHERE school_unit_id = $1", A.unit("ek")
    )
    assert (await ove.ask(numbers["ebba"])).status_code == 404, "outside the area"
    assert (await ove.client.get(f"/oversikt/{A.unit('ek')}")).status_code == 404
