"""Gallring: nothing without a decision, exactly what is due with one, and a certificate of it."""

from __future__ import annotations

import asyncio
import json
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pypdf
import pytest
import typer
from typer.testing import CliRunner

from deploy.commands import certificates as on_paper_cli
from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases.actions import CaseActions
from services.cases.store import audit
from services.common.clock import local_instant
from services.records import certificates, cli
from services.records.archive import Archive
from services.records.gallring import Gallring, Taken, decide
from tests.integration.cases.world import TUESDAY, A, B, Story, World, absence_day, delivery
from tests.integration.records.seed import seeded

pytestmark = pytest.mark.anyio

MONDAY = TUESDAY - timedelta(days=1)
#: 60 days after the school year 2026/27 have passed.
LATER = date(2027, 9, 15)


async def filled(world: World) -> None:
    """A case that will be closed, one that stays open, and what belongs to no case; twice."""
    for organiser in (A, B):
        await world.take(
            Story(organiser, "alva", pb.FAMILY_LONG_TERM).raised(MONDAY).event(MONDAY),
            Story(organiser, "cilla", pb.FAMILY_LONG_TERM, group="8B").raised(MONDAY).event(MONDAY),
            Story(organiser, "bo", pb.FAMILY_UNEXCUSED_TODAY).raised(MONDAY).event(MONDAY),
        )
        await world.take_days(
            *(absence_day(organiser, name, MONDAY, valid=60) for name in ("alva", "bo", "cilla"))
        )
        await world.take_deliveries(delivery(organiser, "bo", TUESDAY, world.clock.now()))
        case = await world.case(organiser, "alva")
        actions = CaseActions(world.database)
        viewer = organiser.viewer("karin")
        await actions.acknowledge(viewer, case["case_id"], case["version"])
        await world.close(viewer, case["case_id"], note="bra nu")


async def counts(world: World, organiser_id: object) -> dict[str, int]:
    names = ("cases", "warnings", "episodes", "case_events", "duties", "deliveries", "absence_days")
    return {
        name: await world.admin.fetchval(
            f"SELECT count(*) FROM cases.{name} WHERE organiser_id = $1", organiser_id
        )
        for name in names
    }


async def decided(keeper: Archive, *groups: str) -> None:
    for group in groups:
        taken = Taken(f"TN 2026/{group}", date(2026, 5, 4))
        await decide(keeper, A.id, group, taken, by="Arkiva Testsson")


def at(world: World, day: date) -> None:
    world.clock.advance(local_instant(day, 9 * 60) - world.clock.now())


async def test_nothing_is_erased_without_a_decision(world: World, keeper: Archive) -> None:
    await filled(world)
    before = await counts(world, A.id)
    at(world, date(2045, 1, 1))
    plans = await Gallring(keeper).run("drift")
    assert await counts(world, A.id) == before
    waiting = {name for plan in plans for name in plan.undecided}
    assert {"absence", "cases", "roster", "notices", "log"} <= waiting


async def test_a_plan_changes_nothing_and_says_what_a_run_then_does(
    world: World, keeper: Archive
) -> None:
    await filled(world)
    await decided(keeper, "absence", "cases")
    at(world, LATER)
    before = await counts(world, A.id)
    planned = {plan.organiser_id: plan.rows for plan in await Gallring(keeper).plan()}
    assert await counts(world, A.id) == before
    assert planned[A.id]["cases.absence_days"] == 3
    ran = {plan.organiser_id: plan.rows for plan in await Gallring(keeper).run("drift")}
    assert ran[A.id] == planned[A.id]
    after = await counts(world, A.id)
    # Cases are kept five years after their end; their warnings with them.
    assert after["absence_days"] == 0
    assert (after["cases"], before["cases"]) == (2, 2)
    assert after["warnings"] == 2


async def test_another_organiser_without_a_decision_loses_nothing(
    world: World, keeper: Archive
) -> None:
    await filled(world)
    await decided(keeper, "absence", "cases", "notices")
    before = await counts(world, B.id)
    at(world, date(2040, 1, 1))
    await Gallring(keeper).run("drift")
    assert await counts(world, B.id) == before
    assert (await counts(world, A.id))["absence_days"] == 0


async def test_a_closed_case_goes_with_all_that_is_its_and_an_open_one_stays(
    world: World, keeper: Archive
) -> None:
    await filled(world)
    await decided(keeper, "cases", "absence")
    at(world, TUESDAY + timedelta(days=5 * 365 - 2))
    await Gallring(keeper).run("drift")
    assert (await counts(world, A.id))["cases"] == 2
    at(world, TUESDAY + timedelta(days=5 * 365 + 2))
    await Gallring(keeper).run("drift")
    left = await world.admin.fetch("SELECT pupil_id FROM cases.cases WHERE organiser_id = $1", A.id)
    assert [row["pupil_id"] for row in left] == [A.pupil("cilla")]
    orphans = await world.admin.fetchval(
        "SELECT count(*) FROM cases.case_events e WHERE NOT EXISTS "
        "(SELECT FROM cases.cases c WHERE c.case_id = e.case_id)"
    )
    assert orphans == 0
    kept = await counts(world, A.id)
    assert kept["case_events"] > 0
    assert kept["warnings"] == 1


async def test_a_decision_may_have_another_period(world: World, keeper: Archive) -> None:
    await filled(world)
    await decide(keeper, A.id, "cases", Taken("TN 1", date(2026, 1, 1), days=10), by="a")
    at(world, TUESDAY + timedelta(days=12))
    await Gallring(keeper).run("drift")
    assert (await counts(world, A.id))["cases"] == 1
    # The newest decision holds.
    await decide(keeper, A.id, "absence", Taken("TN 2", date(2026, 1, 1), days=0), by="a")
    world.clock.advance(timedelta(minutes=1))
    await decide(keeper, A.id, "absence", Taken("TN 3", date(2026, 1, 2), days=5000), by="a")
    at(world, date(2030, 1, 1))
    await Gallring(keeper).run("drift")
    assert (await counts(world, A.id))["absence_days"] == 3


async def test_a_school_year_goes_as_a_partition_when_all_have_decided(
    world: World, keeper: Archive
) -> None:
    await filled(world)
    await decided(keeper, "absence")
    at(world, LATER)
    await Gallring(keeper).run("drift")
    there = "SELECT to_regclass('cases.absence_days_2026') IS NOT NULL"
    assert await world.admin.fetchval(there)
    await world.take_days(absence_day(A, "alva", MONDAY, valid=60, revision=7))
    await decide(keeper, B.id, "absence", Taken("KS 9", date(2026, 5, 4)), by="b")
    plans = {plan.organiser_id: plan for plan in await Gallring(keeper).run("drift")}
    assert not await world.admin.fetchval(there)
    assert plans[A.id].rows["cases.absence_days_2026"] == 1
    assert plans[B.id].rows["cases.absence_days_2026"] == 3
    certificate = plans[B.id].certificate
    assert certificate is not None
    assert [one["reference"] for one in certificate.content["decisions"]] == ["KS 9"]
    # The stream may still say something about that year: it is kept until the next run.
    await world.take_days(absence_day(A, "alva", MONDAY, valid=60, revision=8))
    assert (await counts(world, A.id))["absence_days"] == 1


async def test_the_certificate_says_what_how_many_by_which_decision_and_when(
    world: World, keeper: Archive
) -> None:
    await filled(world)
    await decided(keeper, "absence")
    at(world, LATER)
    await Gallring(keeper).run("Drift Driftsson")
    async with keeper.organiser(A.id) as connection:
        [found] = await certificates.all_of(connection)
        assert await certificates.changed(connection) == []
    assert found.issued_by == "Drift Driftsson"
    assert found.issued_at == world.clock.now()
    assert found.content["erased"]["cases.absence_days"] == 3
    [decision] = [one for one in found.content["decisions"] if "absence" in one["reference"]]
    assert (decision["days"], decision["decided_on"]) == (60, "2026-05-04")
    # A changed certificate shows.
    await world.admin.execute(
        "UPDATE records.certificates SET content = jsonb_set(content, '{erased}', $1)",
        json.dumps({"cases.absence_days": 1}),
    )
    async with keeper.organiser(A.id) as connection:
        assert await certificates.changed(connection) == [found.certificate_id]


async def test_the_audit_logs_details_go_and_its_chain_holds(world: World, keeper: Archive) -> None:
    await filled(world)
    await decided(keeper, "log")
    at(world, TUESDAY + timedelta(days=5 * 365 + 2))
    await Gallring(keeper).run("drift")
    assert await world.admin.fetchval(
        "SELECT bool_and(detail IS NULL) FROM cases.audit WHERE organiser_id = $1", A.id
    )
    async with world.database.system(A.id) as connection:
        assert await connection.fetchval("SELECT count(*) FROM cases.audit") == 2
        assert await audit.verify(connection, A.id) == []


async def test_lessons_of_pupils_without_a_case_go_after_a_fortnight(
    world: World, keeper: Archive
) -> None:
    await filled(world)

    async def lessons() -> dict[str, int]:
        rows = await world.admin.fetch(
            "SELECT pupil_id, snapshot FROM cases.warnings WHERE organiser_id = $1", A.id
        )
        return {
            name: sum(
                len(episode.lessons)
                for row in rows
                if row["pupil_id"] == A.pupil(name)
                for episode in pb.WarningEvent.FromString(row["snapshot"]).episodes
            )
            for name in ("alva", "bo", "cilla")
        }

    at(world, MONDAY + timedelta(days=14))
    await Gallring(keeper).run("drift")
    assert await lessons() == {"alva": 3, "bo": 3, "cilla": 3}
    at(world, MONDAY + timedelta(days=15))
    await Gallring(keeper).run("drift")
    assert await lessons() == {"alva": 3, "bo": 0, "cilla": 3}
    # Nor do they come back with the next revision, and nobody is told of a change by it.
    story = Story(A, "bo", pb.FAMILY_UNEXCUSED_TODAY).raised(MONDAY)
    story.revision = 1
    today = world.database.today()
    await world.take(story.raised(today).event(today))
    assert (await lessons())["bo"] == 3
    await world.take(Story(A, "bo", pb.FAMILY_LONG_TERM).raised(today).event(today))
    assert await world.history(A, "bo") == ["opened", "warning_raised", "assigned"]


async def test_a_pupil_who_has_left_goes_with_contacts_when_no_case_is_left(
    world: World, keeper: Archive
) -> None:
    await decided(keeper, "roster")
    await world.admin.execute(
        "UPDATE people.pupils SET removed = true WHERE pupil_id = ANY ($1)",
        [A.pupil("alva"), A.pupil("bo")],
    )
    await world.admin.execute(
        "UPDATE people.placements SET valid_to = $2 WHERE pupil_id = ANY ($1)",
        [A.pupil("alva"), A.pupil("bo")],
        TUESDAY,
    )
    # Bo's father is Ebba's, too.
    await world.admin.execute(
        "INSERT INTO people.guardian_relations SELECT organiser_id, $2, guardian_id, 'guardian' "
        "FROM people.guardian_relations WHERE pupil_id = $1 ORDER BY guardian_id LIMIT 1",
        A.pupil("bo"),
        A.pupil("ebba"),
    )
    await world.take(Story(A, "alva", pb.FAMILY_LONG_TERM).raised(MONDAY).event(MONDAY))
    at(world, TUESDAY + timedelta(days=367))
    await Gallring(keeper).run("drift")
    left = await world.admin.fetch(
        "SELECT pupil_id FROM people.pupils WHERE organiser_id = $1", A.id
    )
    assert A.pupil("bo") not in {row["pupil_id"] for row in left}
    assert A.pupil("alva") in {row["pupil_id"] for row in left}, "her case still names her"
    guardians = await world.admin.fetchval(
        "SELECT count(*) FROM people.guardians WHERE organiser_id = $1", A.id
    )
    assert guardians == 2 * 8 - 1


async def test_what_belongs_to_no_organiser_goes_by_the_standing_decision(
    world: World, keeper: Archive
) -> None:
    for offset, received in ((1, world.clock.now()), (2, world.clock.now() - timedelta(days=121))):
        await world.admin.execute(
            "INSERT INTO cases.dead_letters VALUES ('t', 0, $1, 'x', 'x', NULL, NULL, $2)",
            offset,
            received,
        )
    await Gallring(keeper).run("drift")
    assert await world.admin.fetchval("SELECT array_agg(log_offset) FROM cases.dead_letters") == [1]


async def test_a_decision_names_a_group_that_there_is(world: World, keeper: Archive) -> None:
    with pytest.raises(LookupError, match="no group 'frånvaro'"):
        await decide(keeper, A.id, "frånvaro", Taken("x", TUESDAY), by="a")


async def test_what_a_source_said_stays_with_its_lesson_until_the_school_year_is_over(
    world: World, keeper: Archive
) -> None:
    """An attendance that is months old is still this school year's: a moved lesson needs it."""
    await seeded(world)
    await decided(keeper, "absence")
    lesson = await world.admin.fetchval("SELECT id FROM ingest.ss12000_events")
    await world.admin.execute(
        "INSERT INTO ingest.ss12000_attendances (organiser_id, source_id, id, calendar_event, "
        "student, created, modified, present, valid, invalid, other, reported, deleted) "
        "SELECT organiser_id, source_id, gen_random_uuid(), $1, student, created, modified, "
        "0, 0, 0, 0, false, true FROM ingest.ss12000_attendances LIMIT 1",
        UUID(int=0),
    )
    for table, column in (("events", "starts"), ("attendances", "modified")):
        await world.admin.execute(
            f"UPDATE ingest.ss12000_{table} SET {column} = $1", local_instant(MONDAY, 490)
        )
    of_lesson = "SELECT count(*) FROM ingest.ss12000_attendances WHERE (calendar_event = $1) = $2"
    at(world, date(2027, 6, 1))
    await Gallring(keeper).run("drift")
    assert await world.admin.fetchval(of_lesson, lesson, True) == 2
    assert await world.admin.fetchval(of_lesson, lesson, False) == 1
    at(world, LATER)
    await Gallring(keeper).run("drift")
    assert await world.admin.fetchval("SELECT count(*) FROM ingest.ss12000_attendances") == 0


async def test_the_operators_commands(
    world: World, dsns: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FORVARNING_ENVIRONMENT", "local")
    monkeypatch.setenv("FORVARNING_OWNER_DATABASE_URL", dsns[0])
    await filled(world)

    async def ask(command: typer.Typer, *arguments: str) -> tuple[int, str]:
        done = await asyncio.to_thread(CliRunner().invoke, command, arguments)
        return done.exit_code, done.output

    code, text = await ask(cli.retention, "list")
    assert (code, "cases.absence_days" in text) == (0, True)
    code, text = await ask(
        cli.retention, "decide", str(A.id), "cases", "--reference", "TN 4", "--decided-on",
        "2020-01-01", "--days", "0",
    )  # fmt: skip
    assert code == 0, text
    wrong = ("decide", str(A.id), "x", "--reference", "TN 4", "--decided-on", "2020-01-01")
    assert (await ask(cli.retention, *wrong))[0] == 2
    # By the real clock, of which the world's case knows nothing: it was closed in its own time.
    code, text = await ask(cli.retention, "plan")
    assert (code, "without a decision" in text) == (0, True)
    # A plan is no run; a new installation counts from when it was made.
    assert await world.admin.fetchval("SELECT count(*) FROM records.runs") == 0
    assert (await ask(cli.retention, "last")) == (0, "0.0 days ago\n")
    await world.admin.execute("UPDATE migrations.applied SET applied_at = now() - interval '41 d'")
    assert (await ask(cli.retention, "last")) == (1, "41.0 days ago\n")
    code, text = await ask(cli.retention, "run", "--by", "Drift")
    assert code == 0, text
    assert (await ask(cli.retention, "last")) == (0, "0.0 days ago\n")
    [ran] = await world.admin.fetch("SELECT run_by FROM records.runs")
    assert ran["run_by"] == "Drift"
    code, text = await ask(cli.retention, "certificates", str(A.id))
    assert code == 0
    code, text = await ask(cli.erase, str(A.id), str(A.pupil("bo")), "--reference", "TN 5")
    assert (code, '"remains"' in text) == (0, True)
    assert (await ask(cli.erase, str(A.id), str(A.pupil("nobody")), "--reference", "x"))[0] == 1
    assert (await ask(cli.erase, str(A.id), str(A.pupil("bo"))))[0] == 2
    assert (await ask(cli.erase, "--again"))[0] == 0
    code, text = await ask(cli.retention, "certificates", str(A.id))
    assert (code, "TN 5" in text) == (0, True)
    on_paper = (str(A.id), "--to", str(tmp_path / "intyg"))
    code, text = await ask(on_paper_cli.app, *on_paper)
    assert code == 0, text
    files = sorted((tmp_path / "intyg").iterdir())
    held = await world.admin.fetch("SELECT certificate_id FROM records.certificates")
    assert {file.stem for file in files} == {str(row["certificate_id"]) for row in held}
    pages = [page for file in files for page in pypdf.PdfReader(file).pages]
    words = " ".join(" ".join(page.extract_text() for page in pages).split())
    for said in ("Intyg om radering", "TN 5", str(A.pupil("bo")), "Kontrollsumma"):
        assert said in words, said
    one = held[0]["certificate_id"]
    code, text = await ask(
        on_paper_cli.app, *on_paper[:2], str(tmp_path / "ett"), "--only", str(one)
    )
    assert (code, [file.stem for file in (tmp_path / "ett").iterdir()]) == (0, [str(one)]), text
    strange = (str(A.id), "--to", str(tmp_path / "nothing"), "--only", str(A.id))
    code, text = await ask(on_paper_cli.app, *strange)
    assert (code, str(A.id) in text) == (1, True)
    await world.admin.execute("UPDATE records.certificates SET content = '{}'")
    assert (await ask(on_paper_cli.app, str(A.id), "--to", str(tmp_path / "nothing")))[0] == 1
    assert not (tmp_path / "nothing").exists()
    assert (await ask(cli.retention, "certificates", str(A.id)))[0] == 1
