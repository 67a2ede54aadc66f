"""Sessions: a new secret whenever what it opens has changed, and an end that comes anyway."""

from __future__ import annotations

from datetime import date, timedelta

import httpx
import pytest

from services.cases.signin import SignIn
from tests.integration.cases.site import Site, csrf, enter
from tests.integration.cases.world import TUESDAY, A, World, give_duty

pytestmark = pytest.mark.anyio


async def open_today(client: httpx.AsyncClient) -> int:
    return (await client.get("/", headers={"Accept": "text/html"})).status_code


async def test_a_new_duty_gives_the_session_a_new_secret(
    client: httpx.AsyncClient, site: Site, world: World
) -> None:
    await enter(client, site, "karin")
    before = client.cookies["forvarning"]
    assert await open_today(client) == 200
    assert client.cookies["forvarning"] == before, "nothing has changed yet"
    token = await csrf(client)
    await give_duty(world.admin, A, "karin", "principal", "unit:ek")
    assert await open_today(client) == 200
    after = client.cookies["forvarning"]
    assert after != before
    assert await csrf(client) == token, "a form that stands open can still be sent"
    assert await open_today(client) == 200
    assert client.cookies["forvarning"] == after, "once is enough"
    actions = await world.admin.fetch("SELECT action FROM cases.audit ORDER BY seq")
    assert [row["action"] for row in actions].count("session.renewed") == 1


async def test_the_old_secret_answers_for_a_moment_and_gives_no_new_one(
    client: httpx.AsyncClient, site: Site, world: World
) -> None:
    await enter(client, site, "karin")
    old = client.cookies["forvarning"]
    await give_duty(world.admin, A, "karin", "principal", "unit:ek")
    assert await open_today(client) == 200
    async with site.browser() as late:
        late.cookies.set("forvarning", old)
        answer = await late.get("/")
        assert answer.status_code == 200, "a request that was under way"
        assert "set-cookie" not in answer.headers
        site.clock.advance(timedelta(seconds=61))
        assert await open_today(late) == 303
    assert await open_today(client) == 200


async def test_a_duty_that_ends_at_midnight_changes_the_secret(
    client: httpx.AsyncClient, site: Site, world: World
) -> None:
    await give_duty(world.admin, A, "karin", "mentor", "group:7A", until=TUESDAY + timedelta(1))
    await enter(client, site, "karin")
    before = client.cookies["forvarning"]
    world.clock.advance(timedelta(days=1))
    assert await open_today(client) == 200
    assert client.cookies["forvarning"] != before


async def test_signing_in_ends_the_browsers_earlier_session(
    client: httpx.AsyncClient, site: Site
) -> None:
    await enter(client, site, "rolf")
    earlier = client.cookies["forvarning"]
    assert (await sign_in_again(client)).status_code == 303
    assert client.cookies["forvarning"] != earlier
    async with site.browser() as other:
        other.cookies.set("forvarning", earlier)
        assert await open_today(other) == 303


async def sign_in_again(client: httpx.AsyncClient) -> httpx.Response:
    """Past the page, which sends whoever is signed in away."""
    cookie = client.cookies["forvarning"]
    client.cookies.delete("forvarning")
    page = await client.get("/logga-in")
    client.cookies.set("forvarning", cookie, domain="cases.test", path="/")
    assert page.status_code == 200
    field = page.text.partition('name="form_token" value="')[2].partition('"')[0]
    return await client.post(
        "/logga-in", data={"login": "karin", "password": "demo-demo", "form_token": field}
    )


async def test_a_session_ends_at_the_hour_that_is_set(world: World) -> None:
    site = Site(world)
    site.app.state.sign_in = SignIn(
        world.database,
        idle=timedelta(minutes=30),
        longest=timedelta(hours=1),
        clock=site.clock,
    )
    async with site.browser() as client:
        await enter(client, site, "karin")
        for _ in range(3):
            site.clock.advance(timedelta(minutes=20))
            assert await open_today(client) == 200
        site.clock.advance(timedelta(minutes=1))
        assert await open_today(client) == 303


async def test_a_renewed_session_can_be_signed_out_with_either_secret(
    client: httpx.AsyncClient, site: Site, world: World
) -> None:
    await enter(client, site, "karin")
    old = client.cookies["forvarning"]
    token = (await csrf(client))["X-CSRF-Token"]
    await give_duty(world.admin, A, "karin", "principal", "unit:ek", since=date(2026, 9, 1))
    assert await open_today(client) == 200
    async with site.browser() as late:
        late.cookies.set("forvarning", old)
        answer = await late.post("/logga-ut", data={"csrf": token})
        assert answer.status_code == 303
    assert await open_today(client) == 303
