"""Registerutdrag: everything about one pupil, nothing of anybody else, for whom it is meant."""

from __future__ import annotations

import asyncio
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from pypdf import PdfReader
from typer.testing import CliRunner

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases import cli
from services.cases.store.scope import Viewer
from services.cases.views.extract import Extract, extract_for
from services.common.problem import Problem
from services.common.retention import registry
from tests.integration.cases.site import Site, csrf, sign_in
from tests.integration.cases.world import TUESDAY, A, B, Story, World, give_duty, hire
from tests.integration.records.seed import CIVIC, NAMING, SS_OTHER, seeded

pytestmark = pytest.mark.anyio


@pytest.fixture
async def officer(world: World) -> Viewer:
    """The handläggare hos huvudmannen."""
    await hire(world.admin, A, "hanna", "Hanna", "Handlägg")
    await give_duty(world.admin, A, "hanna", "organiser_officer", "all")
    await seeded(world)
    return A.viewer("hanna")


async def extract(world: World, viewer: Viewer, wanted: str = CIVIC) -> Extract:
    return await extract_for(world.database, viewer, wanted, "Dnr 2026/88")


async def test_it_holds_every_table_that_knows_of_the_pupil(world: World, officer: Viewer) -> None:
    """Tables are enumerated, not listed: those with a pupil's id, and those that lead to one."""
    found = (await extract(world, officer)).as_json()
    shown = {part["store"]: part["rows"] for part in found["stores"]}
    columns = await world.admin.fetch(
        """
        SELECT DISTINCT n.nspname || '.' || c.relname AS name
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attname = 'pupil_id'
          AND n.nspname IN ('people', 'ingest', 'cases', 'notify', 'records')
        """
    )
    alva = A.pupil("alva")
    assert len(columns) > 12
    for row in columns:
        name = row["name"]
        count = await world.admin.fetchval(f"SELECT count(*) FROM {name} WHERE pupil_id = $1", alva)
        assert len(shown[name]) == count, name
    # And the tables that only lead to a pupil.
    for name in (
        "people.guardians", "people.external_ids", "people.ss12000_persons", "ingest.parked",
        "ingest.ss12000_attendances", "ingest.ss12000_events", "ingest.ss12000_entities",
        "cases.case_events", "cases.comments", "notify.messages", "notify.attempts",
    ):  # fmt: skip
        assert shown[name], name
    assert set(shown) == {store.store for store in registry().tables() if store.pupil}
    text = json.dumps(found, ensure_ascii=False)
    # A roster that waits is packed; what is in it is not about anybody yet.
    assert [name for name in NAMING if name not in text] == []


async def test_it_holds_nothing_of_another_pupil_or_organiser(
    world: World, officer: Viewer
) -> None:
    text = json.dumps((await extract(world, officer)).as_json(), ensure_ascii=False)
    bo = A.pupil("bo")
    for stranger in (str(bo), bo.hex, str(SS_OTHER), "elev-2", "Låtsasson", str(B.id)):
        assert stranger not in text, stranger


async def test_the_lessons_behind_a_warning_are_in_it(world: World, officer: Viewer) -> None:
    found = await extract(world, officer)
    [warnings] = [part for part in found.parts if part.store == "cases.warnings"]
    lessons = [
        lesson["subject"]
        for row in warnings.rows
        for episode in row["snapshot"]["episodes"]
        for lesson in episode["lessons"]
    ]
    assert "Matematik" in lessons


async def test_the_pdf_says_what_the_json_says(world: World, officer: Viewer) -> None:
    from services.cases.documents.render import render  # noqa: PLC0415

    found = await extract(world, officer)
    pdf = PdfReader(io.BytesIO(await render(found.sheet(), found.made_at)))
    text = " ".join("".join(page.extract_text() for page in pdf.pages).split())
    for word in ("Alvaunik", "alva.unik@example.org", "Ett ord om Alvaunik", "artikel 15"):
        assert word in text, word
    assert str(pdf.root_object["/Lang"]).startswith("sv")


@pytest.mark.parametrize("login", ["karin", "rolf", "maja", "elias", "kim", "olle"])
async def test_nobody_but_the_officer_makes_one(world: World, officer: Viewer, login: str) -> None:
    with pytest.raises(Problem) as refused:
        await extract(world, A.viewer(login))
    assert refused.value.status == 403
    assert (
        await world.admin.fetchval("SELECT count(*) FROM cases.audit WHERE action LIKE 'extract.%'")
        == 0
    )


async def test_another_organisers_officer_finds_nobody(world: World, officer: Viewer) -> None:
    await hire(world.admin, B, "hanna", "Hanna", "Handlägg")
    await give_duty(world.admin, B, "hanna", "organiser_officer", "all")
    for wanted in (CIVIC, str(A.pupil("alva")), (await world.case(A, "alva"))["number"]):
        if wanted.startswith("F-"):
            continue  # every organiser has a case of that number
        with pytest.raises(Problem) as refused:
            await extract(world, B.viewer("hanna"), wanted)
        assert refused.value.status == 404


async def test_a_protected_pupil_only_by_who_is_named(world: World, officer: Viewer) -> None:
    await world.take(
        Story(A, "dino", pb.FAMILY_LONG_TERM, group="8B").raised(TUESDAY).event(TUESDAY)
    )
    dino = str(A.pupil("dino"))
    with pytest.raises(Problem) as refused:
        await extract(world, officer, dino)
    assert refused.value.status == 403
    case = await world.case(A, "dino")
    await world.admin.execute(
        "INSERT INTO cases.case_shares VALUES ($1, gen_random_uuid(), $2, 'member', $3, now())",
        A.id, case["case_id"], officer.staff_id,
    )  # fmt: skip
    found = await extract(world, officer, dino)
    assert any(row.get("given_name") == "Dino" for part in found.parts for row in part.rows)
    actions = await world.admin.fetch(
        "SELECT action, staff_id, detail FROM cases.audit WHERE action LIKE 'extract.%' "
        "ORDER BY seq"
    )
    assert [row["action"] for row in actions] == ["extract.refused", "extract.made"]
    assert {row["staff_id"] for row in actions} == {officer.staff_id}
    detail = json.loads(actions[1]["detail"])
    assert (detail["pupil"], detail["reference"]) == (dino, "Dnr 2026/88")
    assert detail["rows"] > 3


@pytest.mark.parametrize("wanted", ["20130405-9991", " 201304059991", "f-2026-00001"])
async def test_a_pupil_is_found_as_people_write(world: World, officer: Viewer, wanted: str) -> None:
    assert (await extract(world, officer, wanted)).pupil_id in {A.pupil("alva"), A.pupil("bo")}


@pytest.mark.parametrize("wanted", ["", "1304059991", "Alvaunik", "F-2026-99999", "%", "'; --"])
async def test_what_names_nobody_is_said(world: World, officer: Viewer, wanted: str) -> None:
    with pytest.raises(Problem) as refused:
        await extract(world, officer, wanted)
    assert refused.value.status == 404


async def test_the_page_gives_both_files_and_keeps_what_was_typed(
    world: World, officer: Viewer
) -> None:
    async with Site(world).browser() as client:
        await sign_in(client, "hanna")
        page = (await client.get("/registerutdrag")).text
        assert "artikel 15" in page
        token = (await csrf(client))["X-CSRF-Token"]
        form = {"csrf": token, "wanted": CIVIC, "reference": "Dnr 1"}
        answer = await client.post("/registerutdrag", data={**form, "form": "json"})
        assert answer.headers["content-type"].startswith("application/json")
        assert "no-store" in answer.headers["cache-control"]
        assert "Alvaunik" in answer.text
        assert "alva" not in answer.headers["content-disposition"].lower()
        answer = await client.post("/registerutdrag", data=form)
        assert answer.content.startswith(b"%PDF")
        answer = await client.post("/registerutdrag", data={**form, "reference": " "})
        assert answer.status_code == 422
        assert CIVIC in answer.text
        assert "diarienumret" in answer.text
        answer = await client.post("/registerutdrag", data={**form, "csrf": "x"})
        assert answer.status_code == 403
    async with Site(world).browser() as client:
        await sign_in(client, "karin")
        assert "/registerutdrag" not in (await client.get("/")).text
        token = (await csrf(client))["X-CSRF-Token"]
        answer = await client.post("/registerutdrag", data={**form, "csrf": token})
        assert answer.status_code == 403
        assert "Alvaunik" not in answer.text


async def test_nobody_asks_the_database_for_one_as_a_person(world: World, officer: Viewer) -> None:
    """The function answers the service's own work alone, whatever role the person has."""
    for statement in ("records.extract($1::uuid)", "records.find_pupil($1::uuid::text)"):
        with pytest.raises(Exception, match="not asked by the service itself"):
            async with world.database.person(officer) as connection:
                await connection.fetch(f"SELECT * FROM {statement}", A.pupil("alva"))


async def test_the_operators_command(
    world: World,
    officer: Viewer,
    dsns: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORVARNING_ENVIRONMENT", "local")
    monkeypatch.setenv("FORVARNING_CASES_DATABASE_URL", dsns[1])
    monkeypatch.setenv("FORVARNING_CASES_OPS_TOKEN", "ops")

    def ask(pupil: str, *more: str) -> int:
        arguments = [str(A.id), pupil, "--reference", "Dnr 9", "--out", str(tmp_path / "u"), *more]
        return CliRunner().invoke(cli.extract_app, arguments).exit_code

    assert await asyncio.to_thread(ask, CIVIC) == 0
    written = json.loads((tmp_path / "u" / "registerutdrag.json").read_text("utf-8"))
    assert written["pupil_id"] == str(A.pupil("alva"))
    assert (tmp_path / "u" / "registerutdrag.pdf").read_bytes().startswith(b"%PDF")
    dino = str(A.pupil("dino"))
    assert await asyncio.to_thread(ask, dino) == 1
    assert await asyncio.to_thread(ask, dino, "--approved-by", "Rektor Rolf") == 0
    assert await asyncio.to_thread(ask, "nobody") == 1
    last = await world.admin.fetchrow("SELECT * FROM cases.audit ORDER BY seq DESC LIMIT 1")
    assert last is not None
    assert last["staff_id"] is None
    assert json.loads(last["detail"])["approved_by"] == "Rektor Rolf"
    assert world.clock.now() - last["at"] < timedelta(seconds=1)
