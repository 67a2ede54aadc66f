"""The anmälan on its way: from the school's step to the officer's desk and the journal system."""

from __future__ import annotations

import base64
import io
import json
from typing import Any
from uuid import UUID

import httpx
import pypdf
import pytest

from services.cases.chain import desk
from services.cases.chain.perform import perform
from services.cases.store.entries import Entry
from services.common.problem import Problem
from tests.integration.cases.site import JOURNAL_TOKEN, TOKEN, csrf, hidden, opened, sign_in
from tests.integration.cases.world import TUESDAY, A, B, World, give_duty, hire

pytestmark = pytest.mark.anyio
KARIN, ROLF, HAMPUS = A.viewer("karin"), A.viewer("rolf"), A.viewer("hampus")
DAY = TUESDAY.isoformat()


async def officer(world: World) -> None:
    await hire(world.admin, A, "hampus", "Hampus", "Huvudmansson")
    await give_duty(world.admin, A, "hampus", "organiser_officer", "all")


async def reported(
    world: World, pupil: str = "alva", *, form: str = "standard"
) -> tuple[UUID, Entry]:
    await world.admin.execute(
        "INSERT INTO people.civic_numbers VALUES ($1, $2, '20130412-2380')", A.id, A.pupil(pupil)
    )
    if form != "standard":
        await world.admin.execute(
            "INSERT INTO cases.organiser_settings (organiser_id, report_form) VALUES ($1, $2)",
            A.id,
            form,
        )
    case = UUID(await opened(world, pupil))
    utredning = {"opened_on": DAY, "lead": "Rolf Rektorsson", "why": "Frånvaron ökar."}
    parent = await perform(world.database, KARIN, case, "open_investigation", utredning)
    await perform(
        world.database,
        KARIN,
        case,
        "report_to_organiser",
        {"on": DAY, "contact": "Karin Närvarosson"},
        target=parent.entry_id,
    )
    return case, parent


async def the_document(world: World) -> UUID:
    found: UUID = await world.admin.fetchval("SELECT document_id FROM cases.documents")
    return found


async def test_an_anmalan_reaches_the_officers_desk_with_identity_and_date(world: World) -> None:
    await officer(world)
    case, _ = await reported(world)
    found = await desk.read_desk(world.database, HAMPUS)
    (document,) = found.waiting
    told = {field["name"]: field["text"] for field in document.fields["fields"]}
    assert told == {
        "pupil_name": "Alva Exempelsson",
        "civic_number": "20130412-2380",
        "school_unit": "Björkskolan",
        "investigation_opened_on": "24\N{NO-BREAK SPACE}november 2026",
    }
    assert document.case_number == "F-2026-00001"
    pdf = await desk.read_pdf(world.database, HAMPUS, document.document_id)
    text = pypdf.PdfReader(io.BytesIO(pdf)).pages[0].extract_text()
    assert "20130412-2380" in text
    assert "skollagen 7 kap. 19 a §" in text
    assert "Frånvaron ökar" not in text
    await desk.receive(world.database, HAMPUS, document.document_id)
    assert (await desk.read_desk(world.database, HAMPUS)).waiting == []
    with pytest.raises(Problem) as twice:
        await desk.receive(world.database, HAMPUS, document.document_id)
    assert twice.value.code == "already_received"
    status = await world.admin.fetchval(
        "SELECT status FROM cases.entries WHERE kind = 'report_to_organiser'"
    )
    assert status == "received"
    assert (await world.history(A, "alva"))[-1] == "document_received"
    seen = await world.admin.fetchval("SELECT reported_track FROM cases.cases")
    assert seen == "compulsory"
    # The same utredning is not reported again.
    with pytest.raises(Problem) as again:
        await perform(
            world.database,
            KARIN,
            case,
            "report_to_organiser",
            {"on": DAY},
            target=UUID(str(await parent_of(world))),
        )
    assert again.value.extra["need"] == "not_reported"


async def parent_of(world: World) -> Any:
    return await world.admin.fetchval(
        "SELECT entry_id FROM cases.entries WHERE kind = 'investigation'"
    )


@pytest.mark.parametrize("login", ["maja", "olle", "rut", "kim"])
async def test_a_document_is_for_those_of_its_case_and_its_desk(world: World, login: str) -> None:
    await officer(world)
    await reported(world)
    document = await the_document(world)
    if login == "maja":  # the pupil's mentor sees the case, and receives no anmälan
        await desk.read_document(world.database, A.viewer(login), document)
        with pytest.raises(Problem) as found:
            await desk.receive(world.database, A.viewer(login), document)
        assert found.value.code == "not_your_step"
        return
    assert (await desk.read_desk(world.database, A.viewer(login))).waiting == []
    for read in (desk.read_document, desk.read_pdf):
        with pytest.raises(Problem) as missing:
            await read(world.database, A.viewer(login), document)
        assert missing.value.code == "no_such_document"


async def test_what_nobody_can_carry_is_sent_by_somebody_who_says_how(
    client: httpx.AsyncClient, world: World
) -> None:
    case = UUID(await opened(world))
    body = {"on": DAY, "municipality": "0380", "ground": "started", "since": DAY}
    await perform(world.database, ROLF, case, "notify_home_municipality", body)
    document = await the_document(world)
    shown = await desk.read_document(world.database, ROLF, document)
    assert (shown.by_hand, shown.sent_at) == (True, None)
    await sign_in(client, "rolf")
    page = await client.get(f"/handlingar/{document}")
    assert "Mottagaren finns inte i systemet" in page.text
    form = {"csrf": hidden(page.text, "csrf")}
    path = f"/handlingar/{document}/skickad"
    assert (await client.post(path, data=form | {"way": " "})).status_code == 422
    done = await client.post(path, data=form | {"way": "Hemkommunens e-tjänst"})
    assert done.status_code == 303
    assert "Hemkommunens e-tjänst" in (await client.get(f"/handlingar/{document}")).text
    assert (await world.history(A, "alva"))[-1] == "document_sent"
    token = await csrf(client)
    again = await client.post(
        f"/api/v1/documents/{document}/sent", json={"way": "post"}, headers=token
    )
    assert (again.status_code, again.json()["type"]) == (
        409,
        "urn:forvarning:problem:already_sent",
    )
    with pytest.raises(Problem) as found:
        await desk.sent_by_hand(world.database, A.viewer("maja"), document, "post")
    assert found.value.code == "not_your_step"


async def test_a_document_that_was_changed_is_not_shown(world: World) -> None:
    await officer(world)
    await reported(world)
    await world.admin.execute("UPDATE cases.documents SET pdf = pdf || 'x'")
    with pytest.raises(Problem) as found:
        await desk.read_pdf(world.database, HAMPUS, await the_document(world))
    assert found.value.code == "document_changed"


async def test_stockholm_wants_the_result_within_a_month(world: World) -> None:
    case, parent = await reported(world, form="stockholm")
    row = await world.admin.fetchrow(
        "SELECT due_at::date AS day, done_at FROM cases.duties WHERE kind = 'report_result'"
    )
    assert row is not None
    assert ((row["day"] - TUESDAY).days, row["done_at"]) == (30, None)
    body = {"on": DAY, "contact": "Karin", "measures": "Möte vid grinden."}

    async def result() -> Entry:
        return await perform(
            world.database, KARIN, case, "report_result", body, target=parent.entry_id
        )

    with pytest.raises(Problem) as early:
        await result()
    assert early.value.extra["need"] == "target"
    await perform(
        world.database,
        ROLF,
        case,
        "finish_investigation",
        {
            "finished_on": DAY,
            "conclusions": ["group"],
            "result": "Otrygg på rasterna.",
            "no_pupil": "Ville inte.",
            "no_guardian": "Ville inte.",
            "no_student_health": "Sjukskriven.",
        },
        target=parent.entry_id,
    )
    await result()
    done = await world.admin.fetchval(
        "SELECT done_at IS NOT NULL FROM cases.duties WHERE kind = 'report_result'"
    )
    assert done
    kinds = await world.admin.fetch("SELECT kind FROM cases.documents ORDER BY created_at, kind")
    assert sorted(row["kind"] for row in kinds) == ["report_result", "report_to_organiser"]


async def test_a_huvudman_whose_form_asks_for_no_result_gets_none(world: World) -> None:
    case, parent = await reported(world)
    await perform(
        world.database,
        ROLF,
        case,
        "finish_investigation",
        {
            "finished_on": DAY,
            "conclusions": ["group"],
            "result": "x",
            "no_pupil": "x",
            "no_guardian": "x",
            "no_student_health": "x",
        },
        target=parent.entry_id,
    )
    with pytest.raises(Problem) as found:
        await perform(
            world.database, KARIN, case, "report_result", {"on": DAY}, target=parent.entry_id
        )
    assert found.value.code == "not_asked_for"


async def test_of_a_protected_pupil_nothing_that_names_leaves(world: World) -> None:
    await reported(world, "dino")
    fields, pdf = await world.admin.fetchrow("SELECT fields, pdf FROM cases.documents") or ("", b"")
    text = pypdf.PdfReader(io.BytesIO(pdf)).pages[0].extract_text()
    for kept in ("Dino", "Testberg", "20130412", "Björkskolan"):
        assert kept not in fields
        assert kept not in text


async def test_the_journal_system_takes_it_over_once(
    client: httpx.AsyncClient, world: World
) -> None:
    await reported(world)
    path, which = "/journal/v1/documents", {"organiser": str(A.id)}
    assert (await client.get(path, params=which)).status_code == 401
    other = {"Authorization": f"Bearer {TOKEN}"}
    assert (await client.get(path, params=which, headers=other)).status_code == 401
    token = {"Authorization": f"Bearer {JOURNAL_TOKEN}"}
    (document,) = (await client.get(path, params=which, headers=token)).json()
    assert document["fields"]["fields"][0]["text"] == "Alva Exempelsson"
    assert base64.b64decode(document["pdf"]).startswith(b"%PDF-")
    assert (await client.get(path, params={"organiser": str(B.id)}, headers=token)).json() == []
    filed = f"{path}/{document['document_id']}/filed"
    for _ in range(2):
        answer = await client.post(
            filed, params=which, headers=token, json={"reference": "PR-4711"}
        )
        assert answer.status_code == 204
    assert (await client.get(path, params=which, headers=token)).json() == []
    wrong = await client.post(
        filed, params={"organiser": str(B.id)}, headers=token, json={"reference": "x"}
    )
    assert wrong.status_code == 404
    row = await world.admin.fetchrow("SELECT journal_reference, journal_at FROM cases.documents")
    assert row is not None
    assert (row["journal_reference"], row["journal_at"]) == ("PR-4711", world.clock.now())
    assert (await world.history(A, "alva")).count("document_filed") == 1
    audited = await world.admin.fetch(
        "SELECT action, detail FROM cases.audit WHERE organiser_id = $1 ORDER BY seq", A.id
    )
    assert json.loads(
        next(row["detail"] for row in audited if row["action"] == "documents.exported")
    )["documents"] == [document["document_id"]]


async def test_the_api_gives_the_document_and_its_pdf(
    client: httpx.AsyncClient, world: World
) -> None:
    await officer(world)
    await reported(world)
    await sign_in(client, "hampus")
    (waiting,) = (await client.get("/api/v1/documents")).json()["waiting"]
    path = f"/api/v1/documents/{waiting['document_id']}"
    pdf = await client.get(f"{path}/pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.headers["cache-control"] == "no-store"
    assert pdf.content.startswith(b"%PDF-")
    assert (await client.post(f"{path}/receive")).status_code == 403
    token = await csrf(client)
    got = (await client.post(f"{path}/receive", headers=token)).json()
    assert got["received_by"] == "Hampus Huvudmansson"
    filed = await client.post(f"{path}/filed", headers=token, json={"reference": "PR-1"})
    assert filed.json()["journal_reference"] == "PR-1"
