"""Uppföljning, koordinator and avslut on a real database: who may, who sees, what follows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases import metrics
from services.cases.chain.perform import perform, revise
from services.cases.chain.showing import read_chain
from services.cases.store.entries import Entry
from services.cases.store.scope import Viewer
from services.cases.views.queue import read_queue
from services.common.clock import local_instant
from services.common.problem import Problem
from tests.integration.cases.site import Site, csrf, opened, sign_in
from tests.integration.cases.world import (
    TUESDAY,
    A,
    Story,
    World,
    absence_day,
    give_duty,
    hire,
    made,
)

pytestmark = pytest.mark.anyio
KARIN, ROLF, MAJA, ELIAS, KIM = (
    A.viewer(login) for login in ("karin", "rolf", "maja", "elias", "kim")
)
TESS = A.viewer("tess")
MONDAY = TUESDAY - timedelta(days=1)
DAY = TUESDAY.isoformat()
ORDER = {"on": DAY, "help": "Kontakt med hemmet.", "contact": "Rolf Provberg", "told": True}
PLAN = {"level": "pupil", "starts_on": DAY, "area": "Trygga morgnar", "purposes": ["remedy"]}
NEAR = {"starts_on": DAY, "steps": "Till grinden.", "support": "Maja möter varje morgon."}
_REST = (
    Path(__file__).resolve().parents[3] / "services/cases/migrations/0018_agreed_duties_rest.sql"
)
VERA, VIKTOR = (made(A.key, "guardian", "alva", name) for name in ("Vera", "Viktor"))


async def begun(world: World) -> UUID:
    """A case, and a teamledare in the area."""
    await hire(world.admin, A, "tess", "Tess", "Övning")
    await give_duty(world.admin, A, "tess", "team_leader", "area")
    return UUID(await opened(world))


async def step(  # noqa: PLR0917 - as one would say it
    world: World,
    who: Viewer,
    case: UUID,
    name: str,
    body: Mapping[str, Any],
    on: Entry | None = None,
) -> Entry:
    return await perform(world.database, who, case, name, body, target=on.entry_id if on else None)


async def refusal(work: Any) -> Problem:
    with pytest.raises(Problem) as found:
        await work
    return found.value


async def absent(
    world: World, share: float, *, days: int = 40, pupil: str = "alva", revision: int = 1
) -> None:
    """Every fifth, half or all of each school day of the last weeks; lessons of an hour."""
    told = []
    for back in range(1, days + 20):
        day = TUESDAY - timedelta(days=back)
        if day.weekday() < 5:
            away = round(share * 5)
            told.append(absence_day(A, pupil, day, valid=away * 60, absent=away, revision=revision))
    await world.take_days(*told)


async def taken_back(world: World) -> None:
    """The warning that opened the case is withdrawn."""
    story = Story(A, "alva", pb.FAMILY_LONG_TERM).raised(MONDAY)
    story.event(MONDAY)
    await world.take(story.withdrawn().event(TUESDAY))


def counted() -> float:
    """How many cases have been closed, as the metric says."""
    found: float = metrics.CASE_CHANGES.labels("closed")._value.get()
    return found


def worker(login: str, profession: str = "social_worker") -> dict[str, str]:
    return {"staff_id": str(A.staff(login)), "profession": profession, "starts_on": DAY}


async def seen_by(world: World, who: Viewer) -> bool:
    async with world.database.person(who) as connection:
        return bool(await connection.fetchval("SELECT count(*) FROM cases.cases"))


async def test_a_bestallning_waits_in_the_areas_queue_until_a_koordinator_is_named(
    world: World,
) -> None:
    case = await begun(world)
    assert not await seen_by(world, KIM)
    problem = await refusal(step(world, KARIN, case, "order_coordination", ORDER))
    assert (problem.status, problem.code) == (403, "not_your_step")
    order = await step(world, ROLF, case, "order_coordination", ORDER)
    body = order.body.model_dump()
    assert (body["organiser_kind"], body["school_form"], body["sex"]) == (
        "municipal",
        "GR",
        "unknown",
    )
    assert await seen_by(world, KIM)
    assert await seen_by(world, TESS)
    due = await world.admin.fetchval(
        "SELECT due_at FROM cases.duties WHERE kind = 'assign_coordinator' AND done_at IS NULL"
    )
    assert due.date() == date(2026, 12, 1)

    kim = await step(world, TESS, case, "assign_coordinator", worker("kim"), order)
    rows = await world.admin.fetch("SELECT audience, staff_id, ended_at FROM cases.case_shares")
    standing = {(row["audience"], row["staff_id"]) for row in rows if row["ended_at"] is None}
    assert standing == {("coordination", None), ("member", A.staff("kim"))}
    shown = await read_chain(world.database, KIM, case)
    assert next(e for e in shown.entries if e.kind == "coordination_request").status == "accepted"
    open_kinds = await world.admin.fetch(
        "SELECT kind FROM cases.duties WHERE done_at IS NULL AND entry_id IS NOT NULL"
    )
    assert {row["kind"] for row in open_kinds} == {"start_coordination"}
    whose = await world.admin.fetchval(
        "SELECT assigned_staff_id FROM cases.duties WHERE kind = 'start_coordination'"
    )
    assert whose == A.staff("kim")

    # A second profession on the same case, and nobody twice.
    await hire(world.admin, A, "sam", "Sam", "Special")
    await give_duty(world.admin, A, "sam", "coordinator", "area")
    again = await refusal(step(world, TESS, case, "assign_coordinator", worker("kim"), order))
    assert again.extra["need"] == "not_already"
    await step(world, TESS, case, "assign_coordinator", worker("sam", "special_educator"), order)
    await absent(world, 0.2)
    over = {"on": DAY, "reason": "attendance_restored"}
    await step(world, KIM, case, "end_coordination", over, kim)
    assert not await seen_by(world, KIM)
    assert await seen_by(world, A.viewer("sam"))
    assert await seen_by(world, TESS)


async def test_a_bestallning_says_that_the_home_knows(world: World) -> None:
    case = await begun(world)
    problem = await refusal(step(world, ROLF, case, "order_coordination", ORDER | {"told": False}))
    assert problem.extra["need"] == "home_knows"
    order = await step(world, ROLF, case, "order_coordination", ORDER)
    twice = await refusal(step(world, ROLF, case, "order_coordination", ORDER))
    assert twice.extra["need"] == "not_ordered"
    await step(world, ROLF, case, "withdraw_request", {"ended_why": "Löst i klassen."}, order)
    assert not await seen_by(world, KIM)
    await step(world, ROLF, case, "order_coordination", ORDER)


def consent(guardian: UUID | None, *actors: str) -> dict[str, Any]:
    whose = {"party": "guardian", "guardian_id": str(guardian)} if guardian else {"party": "pupil"}
    return whose | {"on": DAY, "actors": list(actors), "way": "written"}


async def test_nothing_is_shared_before_every_guardian_has_said_yes_and_a_mature_pupil(
    world: World,
) -> None:
    case = await begun(world)
    meeting = {"on": DAY, "actors": ["social_services"], "agreed": "Möte varannan vecka."}

    async def lacking() -> list[str]:
        problem = await refusal(step(world, ROLF, case, "share", meeting))
        assert (problem.code, problem.extra["need"]) == ("not_lawful_now", "consented")
        assert problem.extra["paragraph"] == "offentlighets- och sekretesslagen 10 kap. 1 §"
        return sorted(problem.extra.get("lacking", []))

    await lacking()
    vera = await step(world, MAJA, case, "give_consent", consent(VERA, "social_services", "care"))
    await lacking()
    await step(world, MAJA, case, "give_consent", consent(VIKTOR, "social_services"))
    mature = {"on": DAY, "mature": True, "why": "Förstår och vill bestämma själv."}
    judged = await step(world, ELIAS, case, "judge_maturity", mature)
    await lacking()
    await step(world, MAJA, case, "give_consent", consent(None, "social_services"))
    network = await step(world, ROLF, case, "share", meeting)
    # What Viktor has not said yes to is still closed.
    wider = meeting | {"actors": ["social_services", "care"]}
    assert (await refusal(step(world, ROLF, case, "share", wider))).extra["need"] == "consented"
    # The gate is computed: nobody gets by it by sending another answer.
    cheat = wider | {"lacking": []}
    assert (await refusal(step(world, ROLF, case, "share", cheat))).status in {409, 422}
    assert judged.status == "judged"

    # Vera changes her mind: what built on it is over in the same transaction.
    await step(world, MAJA, case, "withdraw_consent", {"ended_on": DAY}, vera)
    row = await world.admin.fetchrow(
        "SELECT status, body, version FROM cases.entries WHERE entry_id = $1", network.entry_id
    )
    assert row is not None
    assert (row["status"], row["version"]) == ("ended", 2)
    assert json.loads(row["body"])["ended_why"] == "Samtycket är återkallat."
    assert "sharing_ended" in await world.history(A, "alva")
    await lacking()


async def test_an_insats_is_followed_up_beside_its_computed_attendance(world: World) -> None:
    case = await begun(world)
    await absent(world, 1.0, days=60)
    start = TUESDAY - timedelta(days=14)
    better = [
        absence_day(A, "alva", start + timedelta(days=n), revision=2)
        for n in range(14)
        if (start + timedelta(days=n)).weekday() < 5
    ]
    await world.take_days(*better)
    plan = await step(world, MAJA, case, "make_plan", PLAN | {"no_assessment": "Ny i klassen."})
    insats = await step(
        world,
        MAJA,
        case,
        "agree_intervention",
        {
            "what": "Möte vid grinden",
            "why": "Svårt att komma in",
            "approaches": ["pupil"],
            "who": "Maja",
            "starts_on": start.isoformat(),
            "tier": "individual",
            "purpose": "remedy",
            "no_voice": "Vill inte prata än.",
        },
        plan,
    )
    early = await refusal(
        step(world, MAJA, case, "follow_up", {"on": DAY, "works": "well"}, insats)
    )
    assert early.extra["need"] == "target"
    insats = await step(
        world, MAJA, case, "start_intervention", {"started_on": start.isoformat()}, insats
    )
    talk = {
        "on": DAY,
        "works": "partly",
        "how": "Kommer varje dag nu.",
        "progress": "Äter i matsalen.",
        "next_time": "Som nu, och ett ämne till.",
        "next_on": "2026-12-08",
    }
    # Whatever somebody sends in the computed fields is not taken.
    cheat = await refusal(step(world, MAJA, case, "follow_up", talk | {"strange": 1}, insats))
    assert cheat.status == 422
    found = await step(world, MAJA, case, "follow_up", talk | {"after": 12.0}, insats)
    body = found.body.model_dump()
    assert (body["before"], body["after"], body["direction"]) == (0.0, 100.0, "higher")
    assert body["after_low"] < 100.0 <= body["after_high"]
    row = await world.admin.fetchrow(
        "SELECT status, body FROM cases.entries WHERE entry_id = $1", insats.entry_id
    )
    assert row is not None
    assert row["status"] == "followed_up"
    due = await world.admin.fetch(
        "SELECT due_at FROM cases.duties WHERE kind = 'follow_up' AND done_at IS NULL"
    )
    assert [one["due_at"].date() for one in due] == [date(2026, 12, 8)]
    # Again, "både i vardagen och över tid".
    await step(world, MAJA, case, "follow_up", talk | {"next_on": "2026-12-15"}, insats)


async def test_a_pupil_under_sixty_per_cent_is_not_closed_in_silence(world: World) -> None:
    case = await begun(world)
    await absent(world, 0.6)
    ending = {"on": DAY, "reason": "other_actor", "note": "BUP tar över."}
    silent = await refusal(step(world, KARIN, case, "close_case", ending))
    assert (silent.extra["need"], silent.status) == ("not_silent", 409)
    # The one who may decide it is the rektor, with a reason.
    below = ending | {"below_reason": "Vården har samordningsansvaret."}
    problem = await refusal(step(world, KARIN, case, "close_below", below))
    assert problem.code == "not_your_step"
    assert (await refusal(step(world, ROLF, case, "close_below", ending))).extra[
        "need"
    ] == "said_why"
    closure = await step(world, ROLF, case, "close_below", below)
    body = closure.body.model_dump()
    assert (body["band"], body["presence"], body["days"]) == ("25_60", 40.0, 20)
    row = await world.case(A, "alva")
    assert (row["state"], row["close_reason"]) == ("closed", "other_actor")
    assert (await world.told())[-2:] == ["closed", "step"]
    # A new warning opens it again, and a plan for skolnärmande is another way.


async def test_with_a_plan_for_skolnarmande_the_pupil_keeps_the_support(world: World) -> None:
    case = await begun(world)
    await absent(world, 0.8)
    await step(world, MAJA, case, "make_approach_plan", NEAR)
    closure = await step(world, KARIN, case, "close_case", {"on": DAY, "reason": "other_actor"})
    assert closure.body.model_dump()["band"] == "under_25"


async def test_an_open_utredning_or_koordinator_keeps_the_case_open(world: World) -> None:
    case = await begun(world)
    await absent(world, 0.2)
    ending = {"on": DAY, "reason": "attendance_restored"}
    order = await step(world, ROLF, case, "order_coordination", ORDER)
    await step(world, TESS, case, "assign_coordinator", worker("kim"), order)
    problem = await refusal(step(world, KARIN, case, "close_case", ending))
    assert problem.extra["need"] == "uncoordinated"


async def test_talks_are_for_the_koordinator_and_those_named(world: World) -> None:
    case = await begun(world)
    order = await step(world, ROLF, case, "order_coordination", ORDER)
    kim = await step(world, TESS, case, "assign_coordinator", worker("kim"), order)
    talk = {"on": DAY, "form": "supportive", "place": "walk", "words": "Jag vill gå tidigt."}
    problem = await refusal(step(world, ELIAS, case, "converse", talk, kim))
    assert problem.code == "not_your_step"
    written = await step(world, KIM, case, "converse", talk, kim)
    assert written.sensitivity == "coordination"
    for who, sees in ((KIM, True), (TESS, True), (KARIN, False), (MAJA, False), (ROLF, False)):
        shown = await read_chain(world.database, who, case)
        assert ("conversation" in {one.kind for one in shown.entries}) is sees


async def test_the_koordinators_pages_from_queue_to_naming(world: World, site: Site) -> None:
    case = await begun(world)
    await step(world, ROLF, case, "order_coordination", ORDER)
    world.clock.at = local_instant(TUESDAY + timedelta(days=8), 9 * 60)
    async with site.browser() as client:
        await sign_in(client, "tess")
        page = (await client.get("/koordinator")).text
        assert "Har väntat 6" in page
        assert "Alva Exempelsson" in page
        assert "Kontakt med hemmet." in page
        token = (await csrf(client))["X-CSRF-Token"]
        place = {
            "csrf": token,
            "staff_id": str(A.staff("kim")),
            "profession": "special_educator",
            "capacity": "1",
            "since": DAY,
        }
        answer = await client.post("/koordinator/laget", data=place | {"capacity": "tio"})
        assert answer.status_code == 422
        assert "Fyll i vem" in answer.text
        assert (await client.post("/koordinator/laget", data=place)).status_code == 303
        queue = (await client.get("/api/v1/coordination/queue")).json()
        assert (queue["room"], queue["leads"]) == (1, True)
        assert [(one["name"], one["profession"]) for one in queue["team"]] == [
            ("Kim Simulsson", "special_educator")
        ]
        number = queue["waiting"][0]["case"]["number"]
        assert (queue["waiting"][0]["waited"], queue["waiting"][0]["late"]) == (6, True)
        form = await client.get(f"/arenden/{number}/koordinator")
        assert "Områdets kontaktperson" in form.text
        nobody = await client.post(
            f"/arenden/{number}/koordinator",
            data={"csrf": token, "agreed": "Möte på fredag.", "starts_on": DAY},
        )
        assert nobody.status_code == 422
        assert "Möte på fredag." in nobody.text
        named = {"csrf": token, "staff_id": str(A.staff("kim")), "starts_on": "2026-12-03"}
        answer = await client.post(f"/arenden/{number}/koordinator", data=named)
        assert answer.status_code == 303
        after = (await client.get("/api/v1/coordination/queue")).json()
        assert (after["waiting"], after["room"], len(after["mine"])) == ([], 0, 1)
    async with site.browser() as client:
        await sign_in(client, "kim")
        assert "Mina ärenden" in (await client.get("/koordinator")).text
        token = (await csrf(client))["X-CSRF-Token"]
        refused = await client.post("/koordinator/laget", data=place | {"csrf": token})
        assert (refused.status_code, "sätts samman av teamledaren" in refused.text) == (403, True)
    async with site.browser() as client:
        await sign_in(client, "maja")
        assert (await client.get("/koordinator")).status_code == 403


async def test_the_consent_form_asks_which_guardian(world: World, site: Site) -> None:
    await begun(world)
    async with site.browser() as client:
        await sign_in(client, "maja")
        path = "/arenden/F-2026-00001/steg/give_consent"
        page = (await client.get(path)).text
        assert "Vera Exempelsson" in page
        assert f'value="{VIKTOR}"' in page
        token = (await csrf(client))["X-CSRF-Token"]
        form = {"csrf": token, "on": DAY, "actors": "care", "way": "written"}
        wrong = await client.post(path, data=form | {"party": "guardian", "about": "Skolgången."})
        assert wrong.status_code == 422
        assert "Välj vilken vårdnadshavare" in wrong.text
        assert "Skolgången." in wrong.text
        right = form | {"party": "guardian", "guardian_id": str(VERA)}
        assert (await client.post(path, data=right)).status_code == 303
        assert (await client.post(path, data=form | {"party": "pupil"})).status_code == 303


async def test_a_decision_to_close_is_a_closing_as_any_other(world: World) -> None:
    """Warnings taken back, and the case closed by that decision: out of the queue, with an
    outcome, and counted; never while a koordinator works, or under 60 per cent in silence."""
    case = await begun(world)
    order = await step(world, ROLF, case, "order_coordination", ORDER)
    await step(world, TESS, case, "assign_coordinator", worker("kim"), order)
    await taken_back(world)
    close = {"decision": "close", "note": "Läraren har rättat."}
    working = await refusal(step(world, KARIN, case, "decide_change", close))
    assert working.extra["need"] == "uncoordinated"
    assert (await world.case(A, "alva"))["attention"] == "withdrawn"
    [kim] = [e for e in (await read_chain(world.database, KIM, case)).entries
             if e.kind == "coordination"]  # fmt: skip
    await absent(world, 0.6)
    over = {"on": DAY, "reason": "other_actor", "below_reason": "Annat stöd."}
    await perform(world.database, TESS, case, "end_coordination_below", over, target=kim.entry_id)
    await step(world, ROLF, case, "order_coordination", ORDER)
    assert await seen_by(world, KIM)
    silent = await refusal(step(world, KARIN, case, "decide_change", close))
    assert silent.extra["need"] == "not_silent"
    await absent(world, 0.2, revision=2)
    before = counted()
    await step(world, KARIN, case, "decide_change", close)
    assert counted() == before + 1
    assert not await seen_by(world, KIM)
    row = await world.case(A, "alva")
    assert (row["state"], row["close_reason"], row["close_note"], row["attention"]) == (
        "closed",
        "withdrawn",
        "Läraren har rättat.",
        None,
    )
    outcome = await world.admin.fetchval("SELECT body FROM cases.entries WHERE status = 'case'")
    assert (json.loads(outcome)["band"], json.loads(outcome)["reason"]) == ("60_100", "withdrawn")
    assert (await world.told())[-3:] == ["step", "closed", "step"]


async def waiting(world: World) -> set[str]:
    """What the case asks for now."""
    rows = await world.admin.fetch(
        "SELECT kind FROM cases.duties WHERE done_at IS NULL AND withdrawn_at IS NULL"
    )
    return {row["kind"] for row in rows}


async def much_agreed(world: World) -> UUID:
    """A case in which everything that people may agree on has its day, and a worry besides."""
    case = await begun(world)
    await absent(world, 0.2)
    talk = {"on": DAY, "with_whom": ["guardian"], "way": "phone", "what": "Ringde."}
    await step(world, MAJA, case, "contact", talk | {"next_on": DAY})
    plan = PLAN | {"no_assessment": "Ny i klassen.", "follow_up_on": DAY}
    held = await step(world, MAJA, case, "make_plan", plan)
    insats = {
        "what": "Möte vid grinden",
        "why": "Svårt att komma in",
        "approaches": ["pupil"],
        "who": "Maja",
        "starts_on": DAY,
        "follow_up_on": DAY,
        "tier": "individual",
        "purpose": "remedy",
        "no_voice": "Vill inte prata än.",
    }
    await step(world, MAJA, case, "agree_intervention", insats, held)
    other = await step(world, MAJA, case, "agree_intervention", insats, held)
    await step(world, MAJA, case, "start_intervention", {"started_on": DAY}, other)
    await step(world, MAJA, case, "make_approach_plan", NEAR | {"follow_up_on": DAY})
    await step(world, ROLF, case, "order_coordination", ORDER)
    await taken_back(world)
    await step(world, KARIN, case, "decide_change", {"decision": "correct", "note": "Fel dag."})
    worry = {"worried_on": DAY, "grounds": "Blåmärken."}
    await step(world, ELIAS, case, "raise_concern", worry)
    assert await waiting(world) == AGREED | {"concern_report", "take_stand"}
    return case


AGREED = {
    "assign_coordinator",
    "contact_again",
    "correct_register",
    "follow_up",
    "follow_up_approach",
    "follow_up_plan",
    "start_intervention",
}


async def test_what_was_agreed_rests_while_the_case_is_closed_and_no_longer(world: World) -> None:
    case = await much_agreed(world)
    await step(world, KARIN, case, "close_case", {"on": DAY, "reason": "attendance_restored"})
    # The law still asks for the orosanmälan; of what nobody can do in a closed case nobody is told.
    assert await waiting(world) == {"concern_report"}
    assert not await seen_by(world, KIM)
    # Nor when somebody mends the text of a beställning, which a closed case allows.
    [order] = [
        one
        for one in (await read_chain(world.database, ROLF, case)).entries
        if one.kind == "coordination_request"
    ]
    later = {"on": (TUESDAY - timedelta(days=1)).isoformat()}
    await revise(world.database, ROLF, case, order.entry_id, later, version=order.version)
    assert await waiting(world) == {"concern_report"}
    world.clock.at = local_instant(TUESDAY + timedelta(days=20), 9 * 60)
    again = Story(A, "alva", pb.FAMILY_SPORADIC).raised(TUESDAY + timedelta(days=19))
    await world.take(again.event(TUESDAY + timedelta(days=19)))
    assert (await world.case(A, "alva"))["state"] == "new"
    # Its beställning waits again, where the koordinatorer see it.
    assert await seen_by(world, KIM)
    [order_again] = (await read_queue(world.database, KIM)).waiting
    assert order_again.request_id == order.entry_id
    assert AGREED | {"concern_report", "acknowledge"} <= await waiting(world)
    # Once each: what rests is the same duty when it is back.
    kinds = await world.admin.fetch(
        "SELECT kind FROM cases.duties WHERE done_at IS NULL AND kind = ANY ($1::text[])",
        sorted(AGREED),
    )
    assert len(kinds) == len(AGREED)


async def test_a_mails_link_to_what_rests_says_so(world: World, client: httpx.AsyncClient) -> None:
    case = await much_agreed(world)
    duty = await world.admin.fetchval("SELECT duty_id FROM cases.duties WHERE kind = 'follow_up'")
    await sign_in(client, "maja")
    assert "Ta steget i ärendet" in (await client.get(f"/uppgift/{duty}")).text
    await step(world, KARIN, case, "close_case", {"on": DAY, "reason": "attendance_restored"})
    page = (await client.get(f"/uppgift/{duty}")).text
    assert "Det här behöver ingen göra nu." in page
    assert "Ta steget i ärendet" not in page


async def test_what_the_law_still_asks_for_can_be_done_in_the_closed_case(world: World) -> None:
    await world.admin.execute(
        "UPDATE people.pupils SET home_municipality = '0380' WHERE pupil_id = $1", A.pupil("alva")
    )
    await world.admin.execute("UPDATE people.organisers SET municipality_code = '0162'")
    case = await begun(world)
    await absent(world, 0.2)
    lead = {"opened_on": DAY, "lead": "Rolf", "why": "Lång frånvaro."}
    held = await step(world, KARIN, case, "open_investigation", lead)
    support = {"opened_on": DAY, "why": "Läsningen."}
    need = await step(world, ROLF, case, "open_support_investigation", support)
    found = {
        "finished_on": DAY, "conclusions": ["group"], "result": "Skolskjuts.",
        "no_pupil": "Ville inte.", "no_guardian": "Borta.", "no_student_health": "Hann inte.",
    }  # fmt: skip
    await step(world, KARIN, case, "finish_investigation", found, held)
    await step(world, KARIN, case, "close_case", {"on": DAY, "reason": "attendance_restored"})
    left = {"home_municipality_notice", "report_to_organiser", "support_investigation"}
    assert await waiting(world) == left
    await step(world, KARIN, case, "report_to_organiser", {"on": DAY, "contact": "Karin"}, held)
    done = {"finished_on": DAY, "outcome": "none", "result": "Behövs inte."}
    await step(world, ROLF, case, "finish_support_investigation", done, need)
    notice = {"on": DAY, "municipality": "0380", "ground": "investigation", "since": DAY}
    await step(world, ROLF, case, "notify_home_municipality", notice)
    assert await waiting(world) == set()
    assert (await world.case(A, "alva"))["state"] == "closed"


async def test_what_outlived_a_closing_before_is_put_to_rest_by_the_migration(
    world: World,
) -> None:
    case = await much_agreed(world)
    await step(world, KARIN, case, "close_case", {"on": DAY, "reason": "attendance_restored"})
    await world.admin.execute("UPDATE cases.duties SET withdrawn_at = NULL")
    async with world.admin.transaction():
        await world.admin.execute("SET LOCAL ROLE forvarning_owner")
        await world.admin.execute(_REST.read_text("utf-8"))
    assert await waiting(world) == {"concern_report"}
    forced = await world.admin.fetch(
        "SELECT relforcerowsecurity FROM pg_class "
        "WHERE oid IN ('cases.duties'::regclass, 'cases.cases'::regclass)"
    )
    assert [row[0] for row in forced] == [True, True]


async def test_a_koordinators_list_says_what_waits_in_the_queue_and_leads_there(
    world: World, site: Site
) -> None:
    case = await begun(world)
    async with site.browser() as client:
        await sign_in(client, "kim")
        assert "Ingen beställning väntar på koordinator." in (await client.get("/")).text
        await step(world, ROLF, case, "order_coordination", ORDER)
        text = (await client.get("/")).text.replace("\xa0", " ")
        assert "1 beställning väntar</strong> på koordinator." in text
        assert '<a href="/koordinator">Till kön</a>' in text
        assert (await client.get("/api/v1/today")).json()["queue"] == 1
    # Who has no part in the queue is told nothing of it.
    async with site.browser() as client:
        await sign_in(client, "karin")
        assert "/koordinator" not in (await client.get("/")).text
        assert (await client.get("/api/v1/today")).json()["queue"] is None
