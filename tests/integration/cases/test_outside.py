"""A beställning from another organiser: found in the queue, taken on, and a case of the
municipality's own that holds what the document said and nothing more."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from services.cases.chain import desk
from services.cases.chain.outside import take_on
from services.cases.chain.perform import perform
from services.cases.chain.showing import read_chain
from services.cases.clockwork import Clockwork
from services.cases.courier import Courier
from services.cases.store.scope import Viewer
from services.cases.sweep import Sweep
from services.cases.views.case import read_case
from services.cases.views.queue import read_queue
from services.common.clock import local_instant
from services.common.problem import Problem
from tests.integration.cases.site import Site, csrf, enter
from tests.integration.cases.test_courier import ORDER, begun
from tests.integration.cases.world import TUESDAY, A, B, World, give_duty, hire

pytestmark = pytest.mark.anyio
ROLF = A.viewer("rolf")
TESS, KIM, PIA = B.viewer("tess"), B.viewer("kim"), B.viewer("pia")
DAY = TUESDAY.isoformat()


async def arrived(world: World, pupil: str = "alva") -> tuple[UUID, UUID]:
    """The sender's case and the document at B, where Kim is koordinator of one area only and Pia
    elevhälsa of the whole organiser."""
    case = await begun(world, pupil)
    await hire(world.admin, B, "pia", "Pia", "Psykologsson")
    await give_duty(world.admin, B, "pia", "student_health", "all")
    await perform(world.database, ROLF, case, "order_coordination", ORDER)
    await Courier(world.database).once()
    document = await world.admin.fetchval(
        "SELECT document_id FROM cases.documents WHERE organiser_id = $1", B.id
    )
    return case, document


async def outside(world: World) -> asyncpg.Record:
    row = await world.admin.fetchrow("SELECT * FROM cases.cases WHERE outside")
    assert row is not None
    return row


async def sees(world: World, who: Viewer) -> bool:
    async with world.database.person(who) as connection:
        found = await connection.fetchval("SELECT count(*) FROM cases.cases WHERE outside")
    return bool(found)


async def named(world: World, number: str, login: str) -> UUID:
    """The case's koordinator, named by the teamledare."""
    shown = await read_queue(world.database, TESS)
    request = next(one.request_id for one in shown.waiting if one.case.number == number)
    body = {"staff_id": str(B.staff(login)), "profession": "social_worker", "starts_on": DAY}
    entry = await perform(world.database, TESS, number, "assign_coordinator", body, target=request)
    return entry.entry_id


async def ordered(world: World, number: str) -> UUID:
    """The case's beställning. The clock stands still, so its place among the entries is chance."""
    chain = await read_chain(world.database, TESS, number)
    return next(one.entry_id for one in chain.entries if one.kind == "coordination_request")


async def test_a_koordinator_of_any_area_finds_it_with_its_waiting_time(world: World) -> None:
    await arrived(world)
    world.clock.at = local_instant(TUESDAY + timedelta(days=8), 9 * 60)
    [one] = (await read_queue(world.database, KIM)).received
    assert (one.waited, one.late, one.help) == (6, True, "Kontakt med hemmet.")
    with pytest.raises(Problem) as found:
        await take_on(world.database, PIA, one.document_id)
    assert found.value.status == 403


async def test_taken_on_it_is_a_case_that_holds_what_the_document_said(world: World) -> None:
    case, document = await arrived(world)
    world.clock.advance(timedelta(days=2))
    number = await take_on(world.database, KIM, document)
    row = await outside(world)
    assert (row["number"], row["state"], row["assigned_as"]) == (
        number,
        "acknowledged",
        "coordinator",
    )
    queue = await read_queue(world.database, KIM)
    assert queue.received == []
    [waiting] = queue.waiting
    assert (waiting.case.pupil.name, waiting.waited) == ("Alva Exempelsson", 2)
    assert waiting.case.pupil.school_unit == "Björkskolan"
    assert waiting.professions == ["socionom"]
    shown = await read_case(world.database, KIM, number)
    assert (shown.warnings, shown.calendar, shown.calls) == ([], [], [])
    chain = await read_chain(world.database, KIM, number)
    [request] = chain.entries
    assert request.body | {"on": None} == {
        "on": None,
        "help": "Kontakt med hemmet.",
        "tried": "Samtal varje vecka.",
        "professions": ["social_worker"],
        "contact": "Rolf Provberg",
        "phone": "",
        "told": True,
        "ended_why": "",
        "organiser_kind": "independent",
        "school_form": "GR",
        "sex": "unknown",
    }
    # Nothing of the sender's tenant but the document; the pupil is in no roster here.
    tables = await world.admin.fetch(
        "SELECT DISTINCT c.table_name AS name FROM information_schema.columns c "
        "JOIN information_schema.tables t USING (table_schema, table_name) "
        "WHERE c.table_schema = 'cases' AND c.column_name = 'organiser_id' "
        "AND t.table_type = 'BASE TABLE'"
    )
    foreign = [case, A.pupil("alva"), A.unit(), A.group(), A.staff("rolf"), A.staff("karin")]
    for table in tables:
        rows = await world.admin.fetch(
            f"SELECT to_jsonb(t) - 'pdf' AS row FROM cases.{table['name']} t "
            "WHERE organiser_id = $1",
            B.id,
        )
        told = " ".join(held["row"] for held in rows)
        assert [one for one in foreign if str(one) in told or one.hex in told] == [], table
    assert not await world.admin.fetchval(
        "SELECT count(*) FROM people.pupils WHERE pupil_id = $1", row["pupil_id"]
    )

    # The school is told once, and its own duty is done.
    for _ in range(2):
        await Courier(world.database).once()
    assert (await world.history(A, "alva")).count("document_taken") == 1
    with pytest.raises(Problem) as again:
        await take_on(world.database, TESS, document)
    assert (again.value.status, again.value.code) == (409, "already_taken")
    assert await world.admin.fetchval("SELECT count(*) FROM cases.cases WHERE outside") == 1


async def test_two_who_take_it_on_at_once_open_one_case(world: World) -> None:
    _, document = await arrived(world)
    answers = await asyncio.gather(
        *(take_on(world.database, who, document) for who in (KIM, TESS, KIM)),
        return_exceptions=True,
    )
    refused = [one for one in answers if isinstance(one, Problem)]
    assert {(one.status, one.code) for one in refused} == {(409, "already_taken")}
    assert len(refused) == 2
    assert await world.admin.fetchval("SELECT count(*) FROM cases.cases WHERE outside") == 1


async def test_from_koordinator_to_avslut_and_no_attendance_is_made_up(world: World) -> None:
    _, document = await arrived(world)
    number = await take_on(world.database, TESS, document)
    await hire(world.admin, B, "sam", "Sam", "Special")
    await give_duty(world.admin, B, "sam", "coordinator", "area")
    sam = await named(world, number, "sam")
    assert (await outside(world))["assigned_staff_id"] == B.staff("sam")
    # A second profession, and the first one leaves: it stands with whoever goes on.
    request = await ordered(world, number)
    body = {"staff_id": str(B.staff("kim")), "profession": "special_educator", "starts_on": DAY}
    kim = (
        await perform(world.database, TESS, number, "assign_coordinator", body, target=request)
    ).entry_id
    gone = {"on": DAY, "reason": "other", "note": "Behövs inte längre."}
    await perform(world.database, B.viewer("sam"), number, "end_coordination", gone, target=sam)
    assert not await sees(world, B.viewer("sam"))
    row = await outside(world)
    assert (row["state"], row["assigned_staff_id"]) == ("acknowledged", B.staff("kim"))
    # It is no unit's and no area's: no clock of the law, no sweep and no count of the
    # municipality's own touches it; who works with the whole organiser's pupils does not see it.
    await Clockwork(world.database).once()
    await Sweep(world.database).once()
    row = await outside(world)
    assert (row["assigned_staff_id"], row["school_unit_id"]) == (B.staff("kim"), UUID(int=0))
    kinds = await world.admin.fetch(
        "SELECT kind FROM cases.duties WHERE organiser_id = $1 AND done_at IS NULL", B.id
    )
    assert {one["kind"] for one in kinds} == {"start_coordination"}
    assert not await sees(world, PIA)
    assert not await sees(world, B.viewer("ove"))
    assert await sees(world, KIM)
    assert await sees(world, TESS)
    async with world.database.system(B.id) as connection:
        own = await connection.fetch("SELECT cases.to_open($1)", number)
    assert own == []

    run = world.database
    await perform(run, KIM, number, "start_coordination", {}, target=kim)
    talk = {"on": DAY, "form": "supportive", "place": "walk", "words": "Jag vill gå tidigt."}
    await perform(run, KIM, number, "converse", talk, target=kim)
    over = {"on": DAY, "reason": "other_actor"}
    with pytest.raises(Problem) as silent:
        await perform(run, KIM, number, "end_coordination", over, target=kim)
    assert silent.value.extra["need"] == "not_silent"
    closure = await perform(
        run, KIM, number, "end_coordination", over | {"note": "BUP tar över."}, target=kim
    )
    outcome = closure.body.model_dump()
    assert (outcome["presence"], outcome["band"], outcome["days"]) == (None, None, 0)
    row = await outside(world)
    assert (row["state"], row["close_reason"], row["close_note"]) == (
        "closed",
        "other_actor",
        "BUP tar över.",
    )
    assert not await sees(world, KIM)
    assert await sees(world, TESS)


async def test_what_is_left_to_do_goes_with_the_case_from_hand_to_hand(world: World) -> None:
    _, document = await arrived(world)
    number = await take_on(world.database, TESS, document)
    await hire(world.admin, B, "sam", "Sam", "Special")
    await give_duty(world.admin, B, "sam", "coordinator", "area")

    async def standing_with() -> dict[str, UUID]:
        rows = await world.admin.fetch(
            "SELECT kind, assigned_staff_id FROM cases.duties "
            "WHERE organiser_id = $1 AND done_at IS NULL",
            B.id,
        )
        return {row["kind"]: row["assigned_staff_id"] for row in rows}

    near = {"starts_on": DAY, "steps": "Till grinden.", "support": "Sms.", "follow_up_on": DAY}
    await perform(world.database, TESS, number, "make_approach_plan", near)
    assert (await standing_with())["follow_up_approach"] == B.staff("tess")
    # From who took it on to the first koordinator, and to the one who goes on.
    sam = await named(world, number, "sam")
    assert await standing_with() == {
        "follow_up_approach": B.staff("sam"),
        "start_coordination": B.staff("sam"),
    }
    request = await ordered(world, number)
    body = {"staff_id": str(B.staff("kim")), "profession": "special_educator", "starts_on": DAY}
    await perform(world.database, TESS, number, "assign_coordinator", body, target=request)
    gone = {"on": DAY, "reason": "other", "note": "Behövs inte längre."}
    await perform(world.database, B.viewer("sam"), number, "end_coordination", gone, target=sam)
    assert await standing_with() == {
        "follow_up_approach": B.staff("kim"),
        "start_coordination": B.staff("kim"),
    }


async def test_what_is_not_taken_up_is_closed_with_its_reason(world: World) -> None:
    _, document = await arrived(world)
    number = await take_on(world.database, TESS, document)
    shown = await read_queue(world.database, TESS)
    why = {"ended_why": "Skolan löser det själv."}
    await perform(
        world.database, TESS, number, "decline_request", why, target=shown.waiting[0].request_id
    )
    row = await outside(world)
    assert (row["state"], row["close_note"]) == ("closed", "Skolan löser det själv.")
    assert (await read_queue(world.database, TESS)).waiting == []
    assert await sees(world, TESS)


async def test_a_protected_pupil_is_the_senders_case_number(world: World) -> None:
    _, document = await arrived(world, "dino")
    number = await take_on(world.database, TESS, document)
    shown = await read_case(world.database, TESS, number)
    assert shown.case.pupil.protected
    assert "Dino" not in shown.model_dump_json()
    held = await desk.read_document(world.database, TESS, document)
    assert "Dino" not in json.dumps(held.fields)


async def test_the_pages_from_the_queue_to_the_case(world: World, site: Site) -> None:
    await arrived(world)
    async with site.browser() as client:
        await enter(client, site, "tess", B)
        page = (await client.get("/koordinator")).text
        assert "Från andra huvudmän" in page
        token = (await csrf(client))["X-CSRF-Token"]
        document = await world.admin.fetchval(
            "SELECT document_id FROM cases.documents WHERE organiser_id = $1", B.id
        )
        path = f"/koordinator/bestallningar/{document}/ta-emot"
        answer = await client.post(path, data={"csrf": token})
        assert answer.status_code == 303
        naming = (await client.get(answer.headers["location"])).text
        assert "Alva Exempelsson" in naming
        again = await client.post(path, data={"csrf": token})
        assert again.status_code in {404, 409}
        assert "redan" in again.text
        number = (await outside(world))["number"]
        case = (await client.get(f"/arenden/{number}")).text
        assert "Beställning från" in case
        assert "Samtal varje vecka." in case
        assert "Varningen är återtagen" not in case
        assert "Läsårets frånvaro" not in case
        assert f"{number}" in (await client.get("/")).text
