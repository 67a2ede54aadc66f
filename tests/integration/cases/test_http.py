"""HTTP: signing in and out, forms, the API and its errors, the operator's endpoint."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from uuid import uuid4

import asyncpg
import httpx
import pytest

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases.store.scope import Database
from tests.integration.cases.site import (
    MONDAY,
    PASSWORD,
    TOKEN,
    Site,
    csrf,
    hidden,
    opened,
    sign_in,
)
from tests.integration.cases.world import TUESDAY, A, B, Story, World, delivery

pytestmark = pytest.mark.anyio

# Signing in


async def test_sign_in_goes_back_to_where_one_was(client: httpx.AsyncClient) -> None:
    answer = await client.get("/arenden")
    assert (answer.status_code, answer.headers["location"]) == (303, "/logga-in?vidare=/arenden")
    answer = await sign_in(client, to="/arenden")
    assert (answer.status_code, answer.headers["location"]) == (303, "/arenden")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert (await client.get("/arenden")).status_code == 200


async def test_login_is_case_insensitive_and_trimmed(client: httpx.AsyncClient) -> None:
    assert (await sign_in(client, " KARIN ")).status_code == 303


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example"])
async def test_sign_in_never_leads_to_another_site(client: httpx.AsyncClient, target: str) -> None:
    answer = await sign_in(client, to=target)
    assert answer.headers["location"] == "/"


async def test_wrong_login_and_wrong_password_are_told_alike(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    await client.post("/logga-ut", data=await _out(client))
    one = await sign_in(client, "karin", "fel")
    two = await sign_in(client, "finns-inte", "fel")
    assert one.status_code == two.status_code == 401
    message = "Användarnamnet eller lösenordet stämmer inte."
    assert message in one.text
    assert message in two.text
    assert 'value="karin"' in one.text


async def test_too_many_failures_wait(client: httpx.AsyncClient, site: Site) -> None:
    for _ in range(5):
        assert (await sign_in(client, "karin", "fel")).status_code == 401
    answer = await sign_in(client)
    assert answer.status_code == 429
    assert "Vänta en kvart" in answer.text
    # Others are not locked out with her.
    async with site.browser() as other:
        assert (await sign_in(other, "rolf")).status_code == 303
    site.clock.advance(timedelta(minutes=16))
    assert (await sign_in(client)).status_code == 303


async def test_a_session_ends_when_idle_and_at_last_anyway(
    client: httpx.AsyncClient, site: Site
) -> None:
    await sign_in(client)
    site.clock.advance(timedelta(minutes=29))
    assert (await client.get("/")).status_code == 200
    site.clock.advance(timedelta(minutes=29))
    assert (await client.get("/")).status_code == 200
    site.clock.advance(timedelta(minutes=31))
    assert (await client.get("/")).status_code == 303
    await sign_in(client)
    for _ in range(25):
        site.clock.advance(timedelta(minutes=25))
        last = await client.get("/")
    assert last.status_code == 303


async def _out(client: httpx.AsyncClient) -> dict[str, str]:
    return {"csrf": (await csrf(client))["X-CSRF-Token"]}


async def test_signing_out_ends_the_session_on_the_server(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    cookie = client.cookies["forvarning"]
    answer = await client.post("/logga-ut", data=await _out(client))
    assert answer.headers["location"] == "/logga-in?utloggad=true"
    client.cookies.set("forvarning", cookie)
    assert (await client.get("/")).status_code == 303


async def test_a_cookie_with_another_organiser_opens_nothing(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    token = client.cookies["forvarning"].partition(".")[2]
    for cookie in (f"{B.id.hex}.{token}", f"{A.id.hex}.x", "x", f"{'z' * 32}.{token}", "."):
        client.cookies.set("forvarning", cookie)
        assert (await client.get("/")).status_code == 303


async def test_who_leaves_the_roster_is_signed_out(client: httpx.AsyncClient, world: World) -> None:
    await sign_in(client)
    await world.admin.execute(
        "UPDATE people.staff SET removed = true WHERE staff_id = $1", A.staff("karin")
    )
    assert (await client.get("/")).status_code == 303


async def test_in_production_there_is_no_demo_sign_in_and_cookies_are_secure(
    world: World,
) -> None:
    site = Site(world, "production")
    async with site.browser() as client:
        assert (await client.get("/demo")).status_code == 404
        page = await client.get("/logga-in")
        assert "Secure" in page.headers["set-cookie"]
        assert "max-age" in page.headers["strict-transport-security"]
        # The form's cookie is Secure: over plain HTTP it does not even come back.
        token = hidden(page.text, "form_token")
        client.cookies.set("forvarning-form", token)
        form = {"login": "karin", "password": PASSWORD, "form_token": token}
        assert (await client.post("/logga-in", data=form)).status_code == 401
        await site.app.state.sign_in.set_password(A.id, "karin", "ett långt lösenord")
        answer = await client.post("/logga-in", data=form | {"password": "ett långt lösenord"})
        cookie = answer.headers["set-cookie"]
        assert "__Host-forvarning=" in cookie
        assert "Secure" in cookie
        # Under the name that a subdomain could set, the same session opens nothing.
        value = cookie.partition("=")[2].partition(";")[0]
        for name, status in (("forvarning", 303), ("__Host-forvarning", 200)):
            client.cookies.clear()
            client.cookies.set(name, value)
            assert (await client.get("/")).status_code == status


async def test_a_form_from_elsewhere_cannot_sign_anybody_in(client: httpx.AsyncClient) -> None:
    answer = await client.post("/logga-in", data={"login": "karin", "password": PASSWORD})
    assert answer.status_code == 403
    await client.get("/logga-in")
    form = {"login": "karin", "password": PASSWORD, "form_token": "gissad"}
    assert (await client.post("/logga-in", data=form)).status_code == 403


# Forms and headers


async def test_forms_without_the_sessions_token_change_nothing(
    client: httpx.AsyncClient, world: World
) -> None:
    case_id = await opened(world)
    await sign_in(client)
    for path, data in (
        ("/arenden/F-2026-00001/ta-emot", {"version": "1"}),
        ("/arenden/F-2026-00001/anteckna", {"text": "hej"}),
        ("/logga-ut", {}),
    ):
        for token in ({}, {"csrf": "fel"}):
            answer = await client.post(path, data=data | token)
            assert answer.status_code == 403, path
    for path, body in (
        ("acknowledge", {"version": 1}),
        ("comments", {"text": "hej"}),
        ("steps/close_case", {"body": {"on": "2026-11-24", "reason": "explained"}}),
    ):
        answer = await client.post(f"/api/v1/cases/{case_id}/{path}", json=body)
        assert answer.status_code == 403, path
    case = await world.case(A, "alva")
    assert (case["state"], case["version"]) == ("new", 1)
    assert await world.admin.fetchval("SELECT count(*) FROM cases.comments") == 0


async def test_every_page_forbids_scripts_frames_and_caches(
    client: httpx.AsyncClient, world: World
) -> None:
    await opened(world)
    await sign_in(client)
    for path in ("/", "/arenden", "/arenden/F-2026-00001", "/finns-inte", "/logga-in"):
        answer = await client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert "<script" not in answer.text
        assert "style=" not in answer.text


async def test_what_people_write_is_shown_as_text(client: httpx.AsyncClient, world: World) -> None:
    await opened(world)
    await sign_in(client)
    token = (await csrf(client))["X-CSRF-Token"]
    text = '<script>alert(1)</script> & "citat" {{ 7*7 }}'
    await client.post("/arenden/F-2026-00001/anteckna", data={"csrf": token, "text": text})
    page = (await client.get("/arenden/F-2026-00001")).text
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#34;citat&#34; {{ 7*7 }}" in page


async def test_a_comment_that_is_refused_is_kept(client: httpx.AsyncClient, world: World) -> None:
    await opened(world)
    await sign_in(client)
    token = (await csrf(client))["X-CSRF-Token"]
    form = {"csrf": token, "text": "o" * 4001}
    answer = await client.post("/arenden/F-2026-00001/anteckna", data=form)
    assert answer.status_code == 422
    assert "Texten är 4001 tecken; högst 4000 får plats." in answer.text
    assert "o" * 4001 in answer.text


async def test_pages_that_are_not_there_and_not_for_one(
    client: httpx.AsyncClient, world: World
) -> None:
    await opened(world)
    await opened(world, "dino")
    await sign_in(client, "elias")
    for path, status, words in (
        ("/arenden/F-2026-99999", 404, "Det finns inget sådant ärende"),
        ("/arenden/F-2026-00002", 403, "skyddade personuppgifter"),
        ("/finns-inte", 404, "Sidan finns inte"),
        (f"/ring-hem/{uuid4()}", 404, "Det finns ingen sådan uppgift"),
    ):
        answer = await client.get(path)
        assert (answer.status_code, words in answer.text) == (status, True), path
        assert "Dino" not in answer.text
    page = await client.get("/")
    assert "Dino" not in page.text
    assert "Skyddade personuppgifter" in page.text


# The API


async def test_api_needs_a_session(client: httpx.AsyncClient) -> None:
    for path in ("today", "cases", f"cases/{uuid4()}", f"calls/{uuid4()}", "session"):
        answer = await client.get(f"/api/v1/{path}")
        assert answer.status_code == 401, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:forvarning:problem:not_signed_in"


async def test_a_case_through_the_api(client: httpx.AsyncClient, world: World) -> None:
    case_id = await opened(world)
    await sign_in(client)
    token = await csrf(client)
    today = (await client.get("/api/v1/today", params={"scope": "mine"})).json()
    assert [line["number"] for line in today["new"]] == ["F-2026-00001"]
    shown = (await client.get(f"/api/v1/cases/{case_id}")).json()
    assert shown["warnings"][0]["figures"]["reporting_rate"] == pytest.approx(0.9)
    assert shown["warnings"][0]["days"][0]["lessons"][0]["subject"] == "Matematik"
    base = f"/api/v1/cases/{case_id}"
    answer = await client.post(f"{base}/acknowledge", json={"version": 1}, headers=token)
    assert answer.json()["case"]["state"] == "acknowledged"
    answer = await client.post(f"{base}/comments", json={"text": "hej"}, headers=token)
    assert answer.status_code == 201
    late = await client.post(f"{base}/acknowledge", json={"version": 1}, headers=token)
    assert (late.status_code, late.json()["version"]) == (409, 2)
    body = {"body": {"on": TUESDAY.isoformat(), "reason": "explained"}}
    answer = await client.post(f"{base}/steps/close_case", json=body, headers=token)
    assert answer.json()["body"]["band"] == "60_100"
    shown = (await client.get(f"/api/v1/cases/{case_id}")).json()
    assert shown["close_reason"] == "Frånvaron har fått en förklaring"
    closed = (await client.get("/api/v1/cases", params={"state": "closed"})).json()
    assert [line["number"] for line in closed["cases"]] == ["F-2026-00001"]
    assert closed["next_offset"] is None


async def test_cases_come_page_by_page(client: httpx.AsyncClient, world: World) -> None:
    for pupil in ("alva", "bo", "cilla", "frej", "gry"):
        await opened(world, pupil)
        world.clock.advance(timedelta(minutes=1))
    await sign_in(client)
    numbers: list[str] = []
    offset: int | None = 0
    while offset is not None:
        page = (await client.get("/api/v1/cases", params={"limit": 2, "offset": offset})).json()
        numbers += [line["number"] for line in page["cases"]]
        offset = page["next_offset"]
    assert numbers == [f"F-2026-0000{number}" for number in (5, 4, 3, 2, 1)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "/version"),
        ({"version": "ett"}, "/version"),
        ({"version": 0}, "/version"),
        ({"version": 1, "vesion": 2}, "/vesion"),
    ],
)
async def test_bad_bodies_name_the_field(
    client: httpx.AsyncClient, world: World, body: dict[str, object], field: str
) -> None:
    case_id = await opened(world)
    await sign_in(client)
    token = await csrf(client)
    answer = await client.post(f"/api/v1/cases/{case_id}/acknowledge", json=body, headers=token)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_ring_hem_through_the_api(client: httpx.AsyncClient, world: World) -> None:
    await world.take_deliveries(delivery(A, "hugo", TUESDAY, world.clock.now()))
    await sign_in(client)
    token = await csrf(client)
    (call,) = (await client.get("/api/v1/today")).json()["calls"]
    shown = (await client.get(f"/api/v1/calls/{call['duty_id']}")).json()
    assert shown["contacts"][0]["phone"] == "070-000 00 01"
    body = {"version": 1, "outcome": "pupil_informed"}
    path = f"/api/v1/calls/{call['duty_id']}/called"
    answer = await client.post(path, json=body, headers=token)
    assert answer.json()["done_by"] == "Karin Testsson"
    again = await client.post(path, json=body, headers=token)
    assert again.status_code == 409


async def test_openapi_names_every_operation(client: httpx.AsyncClient) -> None:
    document = (await client.get("/api/v1/openapi.json")).json()
    operations = {
        f"{method} {path}" for path, found in document["paths"].items() for method in found
    }
    assert operations >= {
        "get /api/v1/today",
        "get /api/v1/cases",
        "get /api/v1/cases/{case_id}",
        "post /api/v1/cases/{case_id}/acknowledge",
        "post /api/v1/cases/{case_id}/comments",
        "get /api/v1/duties/{duty_id}",
        "post /api/v1/duties/{duty_id}/done",
    }


# The operator's endpoint


async def test_the_operators_endpoint_needs_its_token(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    for header in ({}, {"Authorization": "Bearer fel"}, {"Authorization": f"Basic {TOKEN}"}):
        answer = await client.get(
            "/internal/v1/warnings", params={"organiser": str(A.id)}, headers=header
        )
        assert answer.status_code == 401


async def test_the_operator_reads_every_change_once_and_no_names(
    client: httpx.AsyncClient, world: World
) -> None:
    stories = [
        Story(A, pupil, pb.FAMILY_LONG_TERM).raised(MONDAY) for pupil in ("alva", "bo", "gry")
    ]
    events = [story.event(MONDAY) for story in stories]
    await world.take(*events)
    header = {"Authorization": f"Bearer {TOKEN}"}
    seen: dict[str, int] = {}
    after = 0

    async def page() -> list[dict[str, object]]:
        nonlocal after
        answer = await client.get(
            "/internal/v1/warnings",
            params={"organiser": str(A.id), "after": after, "limit": 2},
            headers=header,
        )
        found = answer.json()
        assert "Exempelsson" not in json.dumps(found, ensure_ascii=False)
        after = found["next"]
        for held in found["warnings"]:
            assert base64.b64decode(held["snapshot"]) in events
            seen[held["thread_id"]] = held["revision"]
        warnings: list[dict[str, object]] = found["warnings"]
        return warnings

    assert len(await page()) == 2
    # Changed while the operator pages: it comes again, with the higher revision.
    events.append(stories[0].escalated(TUESDAY).event(TUESDAY))
    await world.take(events[-1])
    while await page():
        pass
    assert seen == {str(story.thread_id): story.revision for story in stories}
    other = await client.get(
        "/internal/v1/warnings", params={"organiser": str(B.id)}, headers=header
    )
    assert other.json() == {"warnings": [], "next": 0}


async def test_health_and_metrics(client: httpx.AsyncClient) -> None:
    metrics = await client.get("/metrics")
    assert "forvarning_cases_unassigned" in metrics.text
    # Not started: ready says what is missing.
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["tasks"]) == (503, "still starting")


# The database away


async def test_a_database_that_is_away_is_told_in_plain_words(
    client: httpx.AsyncClient, site: Site
) -> None:
    await sign_in(client)
    away = await asyncpg.create_pool("postgresql://127.0.0.1:1/nowhere", min_size=0)
    site.app.state.database = site.app.state.sign_in._database = Database(away, site.clock)
    page = await client.get("/")
    assert page.status_code == 503
    assert page.headers["retry-after"] == "5"
    assert "Databasen svarar inte just nu. Försök igen om en liten stund." in page.text
    answer = await client.get("/api/v1/cases", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (
        503,
        "urn:forvarning:problem:database_away",
    )


async def test_a_connection_that_ends_in_mid_call_is_no_fault_of_ours(
    client: httpx.AsyncClient, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(_self: object, *_: object) -> None:
        raise asyncpg.InternalClientError("unexpected connection_lost() call")

    await sign_in(client)
    monkeypatch.setattr(Database, "person", ended)
    assert (await client.get("/")).status_code == 503
