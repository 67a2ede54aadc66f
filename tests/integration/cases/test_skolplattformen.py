"""What the supervisory authority found in Stockholm's Skolplattformen (decision of 2020, final in
2023), each cause as a test that must stay red if it comes back: staff who reached pupils with
protected identities, guardians who reached other children, administration that a search engine had
found, and an authorisation model that nobody had thought through."""

from __future__ import annotations

import re
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.integration.cases import access
from tests.integration.cases.cast import LOGINS, NAMES, Target, gather
from tests.integration.cases.routes import routes_of
from tests.integration.cases.site import PASSWORD, Site, csrf, enter, sign_in
from tests.integration.cases.test_access import Visitor, about_a_case, mark
from tests.integration.cases.world import A, World, hire

pytestmark = pytest.mark.anyio
DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture
async def targets(world: World) -> dict[str, Target]:
    return await gather(world)


# Staff could reach pupils with skyddad identitet


@pytest.mark.parametrize("role", [role for role in LOGINS if role not in {"holder", "principal"}])
async def test_staff_do_not_reach_a_pupil_with_protected_identity(
    world: World, targets: dict[str, Target], role: str
) -> None:
    """Not by asking the database either: neither the person, the place nor what was written."""
    hidden = targets["protected"]
    questions = {
        "pupils": "SELECT count(*) FROM people_v1.pupils WHERE pupil_id = $1",
        "placements": "SELECT count(*) FROM people_v1.placements WHERE pupil_id = $1",
        "memberships": "SELECT count(*) FROM people_v1.memberships WHERE pupil_id = $1",
        "guardians": "SELECT count(*) FROM people_v1.guardians WHERE pupil_id = $1",
        "days": "SELECT count(*) FROM cases.absence_days WHERE pupil_id = $1",
        "entries": "SELECT count(*) FROM cases.entries e JOIN cases.cases c USING (case_id) "
        "WHERE c.pupil_id = $1",
        "history": "SELECT count(*) FROM cases.case_events e JOIN cases.cases c USING (case_id) "
        "WHERE c.pupil_id = $1",
        "documents": "SELECT count(*) FROM cases.documents d JOIN cases.cases c USING (case_id) "
        "WHERE c.pupil_id = $1",
    }
    async with world.database.person(A.viewer(LOGINS[role])) as connection:
        for what, question in questions.items():
            assert await connection.fetchval(question, hidden.pupil_id) == 0, what
    async with world.database.person(A.viewer("rolf")) as connection:
        for what, question in questions.items():
            if what != "memberships":
                assert await connection.fetchval(question, hidden.pupil_id) > 0, what


async def test_the_names_of_a_whole_municipality_are_in_nobodys_reach(
    world: World, targets: dict[str, Target]
) -> None:
    """A mentor who asks for every pupil is given her own."""
    expected = {"maja": {"alva", "bo", "frej", "hugo", "cilla", "gry"}, "disa": set[str]()}
    for login, names in expected.items():
        async with world.database.person(A.viewer(login)) as connection:
            rows = await connection.fetch("SELECT pupil_id FROM people_v1.pupils")
        assert {row["pupil_id"] for row in rows} == {A.pupil(name) for name in names}


# Guardians could reach other children's data


async def test_guardians_have_no_way_in(world: World, site: Site) -> None:
    """Neither by the address that the roster has of them, nor by one that staff have as well."""
    rows = await world.admin.fetch(
        "SELECT email FROM people.guardians WHERE organiser_id = $1 LIMIT 3", A.id
    )
    assert rows
    for row in rows:
        async with site.browser() as client:
            assert (await sign_in(client, row["email"], PASSWORD)).status_code == 401
    assert await world.admin.fetchval("SELECT count(*) FROM cases.sessions") == 0


@pytest.mark.parametrize("login", ["maja", "olle"])
async def test_a_changed_address_opens_no_other_child(
    site: Site, targets: dict[str, Target], login: str
) -> None:
    """Every id and number in an address, exchanged for another child's."""
    others = {"maja": ("unit", "area", "organiser"), "olle": ("own", "area", "organiser")}
    async with site.browser() as client:
        await enter(client, site, login)
        visitor = Visitor(client, await csrf(client))
        tried = 0
        for route in routes_of(site.app):
            if route[0] != "GET" or not about_a_case(route) or "{provider}" in route[1]:
                continue
            for name in others[login]:
                answer = await visitor.send(route, targets[name])
                assert answer.status_code in {401, 403, 404}, (route, name)
                assert mark(answer.text, targets[name]) == ".", (route, name)
                tried += 1
    assert tried >= 20


# A search engine had found administrative pages


async def test_no_page_may_be_indexed_or_is_shown_without_signing_in(
    world: World, targets: dict[str, Target]
) -> None:
    site = Site(world, "production")
    open_to_all = {route for route, cells in access.read().items() if cells == "anyone"}
    async with site.browser() as client:
        visitor = Visitor(client, {"X-CSRF-Token": ""})
        for route in routes_of(site.app):
            answer = await visitor.send(route, targets["own"])
            assert answer.headers["x-robots-tag"] == "noindex, nofollow, noarchive", route
            if route not in open_to_all:
                assert answer.status_code in {303, 401, 404}, route
    async with site.browser() as client:
        page = (await client.get("/logga-in")).text
        links = set(re.findall(r'(?:href|action)="(/[^"?]*)', page))
        assert links <= {"/", "/logga-in"} | {x for x in links if x.startswith("/static/")}
        for path in ("/docs", "/redoc", "/admin", "/demo", "/openapi.json"):
            assert (await client.get(path)).status_code == 404, path


# There was no adequate model of who may do what


async def test_whoever_has_no_duty_meets_nothing_anywhere(
    world: World, site: Site, targets: dict[str, Target]
) -> None:
    await hire(world.admin, A, "ny", "Ny", "Nysson")
    async with site.browser() as client:
        await enter(client, site, "ny")
        visitor = Visitor(client, await csrf(client))
        for route in routes_of(site.app):
            if route[0] == "POST" and route[1] == "/logga-ut":
                continue
            if isinstance(access.read().get(route), str):
                continue
            cell = await visitor.cell(route, targets)
            assert set(cell) <= set(".-x"), (route, cell)


async def test_whoever_has_left_meets_nothing_from_that_moment(
    world: World, site: Site, targets: dict[str, Target]
) -> None:
    async with site.browser() as client:
        await enter(client, site, "rolf")
        assert targets["own"].number in (await client.get("/arenden")).text
        await world.admin.execute("DELETE FROM people.duties WHERE staff_id = $1", A.staff("rolf"))
        page: httpx.Response = await client.get("/arenden")
        assert not any(mark(page.text, targets[name]) != "." for name in NAMES)


async def test_the_model_is_written_down_and_is_the_one_that_holds() -> None:
    """docs/access.md has every role; that its table is what the tests assert is asserted there."""
    text = (DOCS / "access.md").read_text("utf-8")
    for role in access.ROLES:
        assert role.replace("_", " ") in text, role


async def test_the_service_cannot_step_around_it(world: World) -> None:
    """No role of the service bypasses row-level security, switches it off or owns a table."""
    for statement in (
        "ALTER TABLE cases.cases DISABLE ROW LEVEL SECURITY",
        "SET row_security = off; SELECT count(*) FROM cases.cases",
        "SET ROLE forvarning_owner",
        "DROP POLICY people_read ON cases.cases",
        "SELECT * FROM people.civic_numbers",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with world.database.person(A.viewer("rolf")) as connection:
                await connection.execute(statement)
