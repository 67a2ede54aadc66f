"""The chain's pages: every step has a form, what is typed is kept, and two who write see both."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.cases.catalogue import PUPIL
from services.cases.domain.law.table import STEPS
from tests.integration.cases.site import Site, csrf, hidden, opened, sign_in
from tests.integration.cases.world import TUESDAY, A, World, absence_day, give_duty, hire

pytestmark = pytest.mark.anyio
DAY = TUESDAY.isoformat()
CASE = "/arenden/F-2026-00001"


async def send(
    client: httpx.AsyncClient, path: str, answers: dict[str, Any], post: str = ""
) -> httpx.Response:
    """Fill in the form at a path as a browser does: what stands there, and the answers."""
    page = await client.get(path, params={"post": post} if post else {})
    assert page.status_code == 200, page.text
    held = {name: hidden(page.text, name) for name in ("csrf",)}
    for name in ("target", "version"):
        if f'name="{name}"' in page.text:
            held[name] = hidden(page.text, name)
    return await client.post(path, data=held | answers)


async def step(
    client: httpx.AsyncClient, name: str, answers: dict[str, Any], post: str = ""
) -> str:
    """Take a step; the new page's address."""
    answer = await send(client, f"{CASE}/steg/{name}", answers, post)
    assert answer.status_code == 303, re.findall(r'role="alert".*?</div>', answer.text, re.DOTALL)
    return answer.headers["location"]


async def test_every_step_has_a_page_that_explains_itself(
    client: httpx.AsyncClient, world: World
) -> None:
    await opened(world)
    await sign_in(client, "rolf")
    for one in STEPS:
        answer = await client.get(f"{CASE}/steg/{one.name}")
        if one.hidden:
            assert answer.status_code == 404
            continue
        assert answer.status_code == 200, one.name
        assert f"<h1>{one.words}</h1>" in answer.text
        assert answer.text.count('name="csrf"') == 2
        for label in re.findall(r'<label for="([^"]+)"', answer.text):
            assert f'id="{label}"' in answer.text


async def test_what_was_typed_is_kept_with_what_is_wrong(
    client: httpx.AsyncClient, world: World
) -> None:
    await opened(world)
    await sign_in(client, "maja")
    answer = await send(
        client,
        f"{CASE}/steg/contact",
        {"on": "", "with_whom": ["guardian"], "way": "phone", "what": "De <b>undrar</b>."},
    )
    assert answer.status_code == 422
    assert "De &lt;b&gt;undrar&lt;/b&gt;." in answer.text
    assert '<p class="field-error" id="error-on">Fyll i Datum.</p>' in answer.text
    assert 'value="guardian" checked' in answer.text
    assert await world.admin.fetchval("SELECT count(*) FROM cases.entries") == 0
    refused = await send(client, f"{CASE}/steg/pupil_voice", {"on": DAY, "place": "home"})
    assert refused.status_code == 409
    assert "Skriv ned de egna orden" in refused.text
    assert "Skollagen 7 kap. 19 a §" in refused.text


async def test_an_entry_is_read_changed_and_keeps_its_versions(
    client: httpx.AsyncClient, world: World
) -> None:
    await opened(world)
    await sign_in(client, "maja")
    where = await step(client, "pupil_voice", {"on": DAY, "own_words": "Det är för högt."})
    page = await client.get(where)
    assert "Elevens egna ord" in page.text
    changed = await send(
        client,
        f"{where}/andra",
        {"on": DAY, "place": "home", "own_words": "Det är för högt.\r\nOch trångt."},
    )
    assert changed.headers["location"] == where
    page = await client.get(where)
    assert "Version 2" in page.text
    assert "Det är för högt.\nOch trångt." in page.text
    case = await client.get(CASE)
    assert where in case.text


async def test_who_was_slower_sees_both_texts_and_loses_neither(
    client: httpx.AsyncClient, world: World, site: Site
) -> None:
    await opened(world)
    await sign_in(client, "maja")
    where = await step(client, "pupil_voice", {"on": DAY, "own_words": "Det är för högt."})
    async with site.browser() as other:
        await sign_in(other, "karin")
        page = await client.get(f"{where}/andra")
        mine = {"csrf": hidden(page.text, "csrf"), "version": hidden(page.text, "version")}
        await send(
            other, f"{where}/andra", {"on": DAY, "place": "school", "own_words": "Karins text."}
        )
        answer = await client.post(
            f"{where}/andra",
            data=mine | {"on": DAY, "place": "school", "own_words": "Majas text."},
        )
        assert answer.status_code == 409
        for text in ("Det är för högt.", "Karins text.", "Majas text."):
            assert text in answer.text
        assert "Båda har ändrat" in answer.text
        assert hidden(answer.text, "version") == "2"
        merged = mine | {
            "version": "2",
            "on": DAY,
            "place": "school",
            "own_words": "Karins och Majas text.",
        }
        assert (await client.post(f"{where}/andra", data=merged)).status_code == 303
    assert "Karins och Majas text." in (await client.get(where)).text


async def test_a_kartlaggning_begins_with_what_the_stream_knows(
    client: httpx.AsyncClient, world: World
) -> None:
    await opened(world)
    await world.take_days(
        *(
            absence_day(A, "alva", TUESDAY - timedelta(days=days), unexplained=u, absent=u // 60)
            for days, u in [(40, 0), (39, 60), (36, 0), (9, 300), (8, 300), (7, 240)]
        )
    )
    await sign_in(client, "maja")
    page = await client.get(f"{CASE}/steg/assess_pupil")
    assert "Det vi redan vet om frånvaron" in page.text
    assert "ökar" in page.text
    first = next(PUPIL.statements())
    assert f"<strong>{first.text}</strong>" in page.text
    answers = {f"colour:{one.key}": "green" for one in PUPIL.statements()}
    where = await step(
        client,
        "assess_pupil",
        answers
        | {
            f"colour:{first.key}": "red",
            f"note:{first.key}": "Mest på måndagar.",
            "on": DAY,
            "strengths": ["van", "humor"],
            "risks": ["absence"],
            "urgent": "Måndagarna\nMatsalen",
        },
    )
    page = await client.get(where)
    assert f"{first.text} Stämmer inte. Mest på måndagar." in page.text
    assert "en nära vän" in page.text
    assert "Frånvaro, procent av rapporterad tid: 23,3" in page.text
    plan = await client.get(f"{CASE}/steg/make_plan")
    assert "Måndagarna\nMatsalen</textarea>" in plan.text
    strange = await send(
        client, f"{CASE}/steg/assess_pupil", {"on": DAY, "colour:hittad-pa": "red"}
    )
    assert "Okänt påstående" in strange.text


async def test_a_class_is_mapped_by_those_who_work_with_it(
    client: httpx.AsyncClient, world: World
) -> None:
    await sign_in(client, "maja")
    page = await client.get("/klasser")
    assert "7A" in page.text
    assert "8B" not in page.text
    path = f"/klasser/{A.group('7A')}"
    answer = await send(
        client,
        path,
        {
            "on": DAY,
            "term": "autumn",
            "round": "first",
            "colour:a-kamrater": "red",
            "note:a-kamrater": "Rasterna",
        },
    )
    assert answer.status_code == 303
    api = f"/api/v1/classes/{A.group('7A')}"
    body = {
        "body": {
            "on": DAY,
            "term": "autumn",
            "round": "second",
            "answers": [{"statement": "a-vuxna", "colour": "green"}],
        }
    }
    assert (await client.post(f"{api}/assessments", json=body)).status_code == 403
    token = await csrf(client)
    made = await client.post(f"{api}/assessments", json=body, headers=token)
    assert made.json()["line"]["this_term"] == 2
    strange = body["body"] | {"answers": [{"statement": "b-mal", "colour": "green"}]}
    refused = await client.post(f"{api}/assessments", json={"body": strange}, headers=token)
    assert refused.status_code == 422
    assert [line["name"] for line in (await client.get("/api/v1/classes")).json()] == ["7A"]
    page = await client.get(path)
    assert "1 röda, 0 gula, 0 gröna" in page.text
    assert "2 av 2 gånger" in page.text
    assert (await client.get(f"/klasser/{A.group('8B')}")).status_code == 404


async def test_an_officer_finds_the_anmalan_on_her_desk(
    client: httpx.AsyncClient, world: World, site: Site
) -> None:
    await opened(world)
    await hire(world.admin, A, "hampus", "Hampus", "Huvudmansson")
    await give_duty(world.admin, A, "hampus", "organiser_officer", "all")
    await sign_in(client, "rolf")
    where = await step(
        client, "open_investigation", {"opened_on": DAY, "lead": "Rolf", "why": "Ökar"}
    )
    await step(client, "report_to_organiser", {"on": DAY}, where.rpartition("/")[2])
    assert "Handlingar som har skickats" in (await client.get(CASE)).text
    async with site.browser() as other:
        await sign_in(other, "hampus")
        desk = await other.get("/anmalningar")
        document = re.search(r'href="(/handlingar/[^"]+)"', desk.text)
        assert document
        page = await other.get(document[1])
        assert "Alva Exempelsson" in page.text
        data = {"csrf": hidden(page.text, "csrf")}
        assert (await other.post(f"{document[1]}/ta-emot", data=data)).status_code == 303
        nothing = await other.post(f"{document[1]}/journal", data=data | {"reference": " "})
        assert nothing.status_code == 422
        await other.post(f"{document[1]}/journal", data=data | {"reference": "PR-9"})
        assert "PR-9" in (await other.get("/anmalningar")).text
        assert (await other.get(f"{document[1]}/pdf")).content.startswith(b"%PDF-")
