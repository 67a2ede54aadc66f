"""One case through its steps, from a simulated pupil's first lesson. Nothing is written by hand but
what people write: the lessons are facts, the warnings are the core's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from services.cases.catalogue import OFFERS, PUPIL
from services.cases.chain import desk
from services.cases.chain.perform import perform
from services.cases.chain.showing import read_chain, read_entry
from services.cases.store import audit, entries
from services.cases.store.entries import Entry
from services.cases.views.queue import read_queue
from services.common.problem import Problem
from tests.integration.cases.pupil_life import FIRST, Life, school_days
from tests.integration.cases.pupil_life import PUPIL as INES
from tests.integration.cases.world import A, World, give_duty, hire, made

pytestmark = pytest.mark.anyio


@dataclass
class Case:
    """Ines's case, and everybody around it by login."""

    world: World
    life: Life
    case_id: UUID

    async def take(
        self, login: str, step: str, body: Mapping[str, Any], target: Entry | None = None
    ) -> Entry:
        """Somebody takes a step today."""
        return await perform(
            self.world.database,
            A.viewer(login),
            self.case_id,
            step,
            body,
            target=target.entry_id if target else None,
            version=target.version if target else None,
        )

    @property
    def today(self) -> str:
        return self.world.database.today().isoformat()

    async def row(self) -> Mapping[str, Any]:
        found = await self.world.admin.fetchrow(
            "SELECT * FROM cases.cases WHERE case_id = $1", self.case_id
        )
        assert found is not None
        return dict(found)

    async def written(self, kind: str) -> list[Entry]:
        """The entries of a kind as they now are."""
        async with self.world.database.system(A.id) as connection:
            held = await entries.of_case(connection, self.case_id)
        return [one for one in held if one.kind == kind]

    async def due(self) -> set[str]:
        """The kinds of the case's open duties."""
        rows = await self.world.admin.fetch(
            "SELECT kind FROM cases.duties WHERE case_id = $1 AND done_at IS NULL "
            "AND withdrawn_at IS NULL",
            self.case_id,
        )
        return {row["kind"] for row in rows}

    async def open_steps(self, login: str) -> set[str]:
        """What the person is offered."""
        chain = await read_chain(self.world.database, A.viewer(login), self.case_id)
        return {step.name for step in chain.steps if step.allowed}


async def warned(world: World) -> Case:
    """Step 1: a calm start, Mondays begin to slip, then she stays away; a case opens by itself."""
    life = Life(world)
    await life.begin()
    await hire(world.admin, A, "hampus", "Hampus", "Huvudmansson")
    await give_duty(world.admin, A, "hampus", "organiser_officer", "all")
    opened: date | None = None
    for day in school_days(FIRST, date(2026, 11, 20)):
        if day >= date(2026, 11, 9):
            lessons = "i"
        elif day >= date(2026, 9, 14) and day.weekday() == 0:
            lessons = "ii.."
        else:
            lessons = "."
        await life.day(day, lessons)
        found = await world.admin.fetchval(
            "SELECT case_id FROM cases.cases WHERE pupil_id = $1", INES
        )
        if found and opened is None:
            opened = day
    assert opened is not None
    assert opened < date(2026, 11, 9), "slipping Mondays are seen before she stays away"
    case_id = await world.admin.fetchval(
        "SELECT case_id FROM cases.cases WHERE pupil_id = $1", INES
    )
    return Case(world, life, case_id)


async def contacted(world: World) -> Case:
    """Steps 1 and 2: first contact, the pupil's own words, each guardian's."""
    case = await warned(world)
    row = await case.row()
    assert (row["state"], row["assigned_staff_id"]) == ("new", A.staff("karin"))
    families = {thread["family"] for thread in await warnings(case)}
    assert {"sporadic", "long_term"} <= families
    assert await world.admin.fetchval("SELECT count(*) FROM cases.cases") == 1
    await case.take(
        "karin",
        "contact",
        {"on": case.today, "with_whom": ["guardian"], "way": "phone", "what": "Hon vill inte gå."},
    )
    assert (await case.row())["state"] == "acknowledged"
    await case.take(
        "maja",
        "pupil_voice",
        {"on": case.today, "place": "home", "own_words": "Jag klarar inte matsalen."},
    )
    for guardian in ("Vera Simulberg", "Viktor Simulberg"):
        await case.take(
            "maja",
            "guardian_voice",
            {"on": case.today, "who": guardian, "own_words": "Det är värst på söndagskvällen."},
        )
    return case


async def warnings(case: Case) -> list[Any]:
    return list(
        await case.world.admin.fetch(
            "SELECT family, revision FROM cases.warnings WHERE case_id = $1", case.case_id
        )
    )


async def mapped(world: World) -> Case:
    """Step 3: mall B, pre-filled from the stream."""
    case = await contacted(world)
    assert "agree_intervention" not in await case.open_steps("maja")
    answers = [
        {"statement": one.key, "colour": "red" if "narvaro" in one.key else "green"}
        for one in PUPIL.statements()
    ]
    entry = await case.take(
        "maja",
        "assess_pupil",
        {
            "on": case.today,
            "answers": answers,
            "strengths": ["van", "favoritamne"],
            "risks": ["absence"],
            "urgent": "Matsalen\nMåndagarna",
        },
    )
    known = entry.body.model_dump()["attendance"]
    assert known["level"] >= 1
    assert known["absence_percent"] > 20
    assert known["trend"] == "rising"
    assert "skoldagar" in known["sentence"]
    return case


async def investigated(world: World) -> tuple[Case, Entry]:
    """Step 4: utredning with its samråd, särskilt stöd, and the anmälan on the officer's desk."""
    case = await mapped(world)
    assert "take_stand" in await case.due()
    utredning = await case.take(
        "rolf",
        "open_investigation",
        {"opened_on": case.today, "lead": "Elias Elevhälsosson", "why": "Upprepad frånvaro."},
    )
    due = await case.due()
    assert "take_stand" not in due
    assert {"investigate", "report_to_organiser"} <= due
    await case.take("karin", "report_to_organiser", {"on": case.today}, utredning)
    assert "report_to_organiser" not in await case.due()
    (document,) = (await desk.read_desk(world.database, A.viewer("hampus"))).waiting
    told = {one["name"]: one["text"] for one in document.fields["fields"]}
    assert told["pupil_name"] == "Ines Simulberg"
    assert told["civic_number"] == "20130302-2384"
    assert "matsalen" not in json.dumps(document.fields).lower()
    await desk.receive(world.database, A.viewer("hampus"), document.document_id)
    for login, party, what in (
        ("maja", "pupil", "Matsalen och korridoren."),
        ("maja", "guardian", "Hemmet bekräftar."),
        ("elias", "student_health", "Ljudkänslig; lugn start hjälper."),
    ):
        await case.take(
            login,
            "consult",
            {"on": case.today, "party": party, "who": "Ines med flera", "what": what},
            utredning,
        )
    stod = await case.take(
        "rolf", "open_support_investigation", {"opened_on": case.today, "why": "Kan behöva stöd."}
    )
    done = await case.take(
        "rolf",
        "finish_investigation",
        {
            "finished_on": case.today,
            "conclusions": ["school", "pupil"],
            "result": "Matsalen är svår. Lugn start och mat i mindre grupp.",
        },
        utredning,
    )
    assert done.status == "finished"
    await case.take(
        "rolf",
        "finish_support_investigation",
        {"finished_on": case.today, "outcome": "adaptations", "result": "Anpassningar räcker."},
        stod,
    )
    assert not {"investigate", "support_investigation"} & await case.due()
    return case, done


async def planned(world: World) -> tuple[Case, Entry, Entry]:
    """Step 5: a plan with one utvecklingsområde, and an insats that has started."""
    case, _ = await investigated(world)
    plan = await case.take(
        "maja",
        "make_plan",
        {
            "level": "pupil",
            "starts_on": case.today,
            "factors": "Matsalen\nMåndagarna",
            "area": "Trygg lunch",
            "later": "Måndagsmorgnar",
            "purposes": ["remedy"],
        },
    )
    ground = next(
        one
        for one in (await read_chain(world.database, A.viewer("maja"), case.case_id)).entries
        if one.kind == "pupil_assessment"
    )
    assert plan.body.model_dump()["assessment_id"] == ground.entry_id
    with pytest.raises(Problem) as second:
        await case.take(
            "maja",
            "make_plan",
            {
                "level": "pupil",
                "starts_on": case.today,
                "area": "Något mer",
                "purposes": ["remedy"],
            },
        )
    assert second.value.extra["need"] == "one_plan"
    offer = OFFERS["forstarkt-mentorskap"]
    insats = await case.take(
        "maja",
        "agree_intervention",
        {
            "what": "Maja möter vid grinden, lunch i mindre grupp.",
            "why": "Ines säger att matsalen är det svåra.",
            "approaches": ["pupil", "judgement"],
            "who": "Maja Mentorsson",
            "starts_on": case.today,
            "follow_up_on": "2026-12-04",
            "tier": offer.tier,
            "purpose": offer.purpose,
            "catalogue": offer.key,
            "checklist": list(offer.checklist),
        },
        plan,
    )
    assert "start_intervention" in await case.due()
    started = await case.take("maja", "start_intervention", {"started_on": case.today}, insats)
    due = await case.due()
    assert "start_intervention" not in due
    assert "follow_up" in due
    return case, plan, started


async def test_from_the_first_lesson_to_a_plan(world: World) -> None:
    case, plan, insats = await planned(world)
    shown = await read_chain(world.database, A.viewer("rolf"), case.case_id)
    assert shown.phase >= 5
    kinds = [entry.kind for entry in shown.entries]
    for kind in (
        "contact",
        "pupil_voice",
        "guardian_voice",
        "pupil_assessment",
        "investigation",
        "report_to_organiser",
        "consultation",
        "support_investigation",
        "plan",
        "intervention",
    ):
        assert kind in kinds, kind
    report = next(entry for entry in shown.entries if entry.kind == "report_to_organiser")
    assert report.status == "received"
    # What does not work is done again, and what it was stays.
    adjusted = await case.take(
        "maja",
        "adjust_intervention",
        {
            "what": "Maja möter vid bussen, lunch i mindre grupp.",
            "adjusted": "Grinden var för nära de andra.",
            "follow_up_on": "2026-12-11",
        },
        insats,
    )
    whole = await read_entry(world.database, A.viewer("maja"), case.case_id, adjusted.entry_id)
    assert [one.status for one in whole.revisions] == ["justerad", "startad", "överenskommen"]
    assert "grinden" in whole.revisions[1].fields[0].text
    after = await case.take("maja", "next_area", {"area": "Måndagsmorgnar", "later": ""}, plan)
    held = after.body.model_dump()
    assert (held["area"], held["earlier"]) == ("Måndagsmorgnar", "Trygg lunch")
    with pytest.raises(Problem) as same:
        await case.take("maja", "next_area", {"area": "Trygg lunch"}, after)
    assert same.value.extra["need"] == "another_area"
    plan = after
    with pytest.raises(Problem) as early:
        await case.take("maja", "end_plan", {"ended_on": case.today, "outcome": "Klart."}, plan)
    assert early.value.extra["need"] == "interventions_ended"
    async with world.database.system(A.id) as connection:
        assert list(await audit.verify(connection, A.id)) == []


async def followed(world: World) -> tuple[Case, Entry, Entry]:
    """Step 6: two weeks of school again, and what the insats led to, beside the attendance."""
    case, plan, insats = await planned(world)
    for day in school_days(date(2026, 11, 23), date(2026, 12, 4)):
        await case.life.day(day, ".")
    assert "follow_up" in await case.due()
    found = await case.take(
        "maja",
        "follow_up",
        {
            "on": case.today,
            "works": "well",
            "how": "Hon kommer varje morgon och äter med tre andra.",
            "progress": "Har börjat prata med Bo på lunchen.",
            "next_time": "Som nu, och måndagsmorgnarna.",
            "next_on": "2026-12-18",
        },
        insats,
    )
    body = found.body.model_dump()
    assert body["after"] > body["before"] + 30
    # Two weeks away in a row are hardly more than one look: no more is claimed than is known.
    assert body["direction"] == "unclear"
    assert body["after_low"] < body["after"] <= body["after_high"]
    due = await world.admin.fetch(
        "SELECT due_at FROM cases.duties WHERE kind = 'follow_up' AND done_at IS NULL"
    )
    assert [one["due_at"].date() for one in due] == [date(2026, 12, 18)]
    return case, plan, insats


async def coordinated(world: World) -> tuple[Case, Entry, Entry, Entry]:
    """Step 7: beställning, koordinator, samtycke, samtal, plan för skolnärmande, samverkan."""
    case, plan, insats = await followed(world)
    await hire(world.admin, A, "tess", "Tess", "Teamledarsson")
    await give_duty(world.admin, A, "tess", "team_leader", "area")
    order = await case.take(
        "rolf",
        "order_coordination",
        {"on": case.today, "help": "Hemmet och vården.", "contact": "Rolf", "told": True},
    )
    body = order.body.model_dump()
    assert (body["sex"], body["school_form"]) == ("female", "GR")
    assert "assign_coordinator" in await case.due()
    kim = await case.take(
        "tess",
        "assign_coordinator",
        {
            "staff_id": str(A.staff("kim")),
            "profession": "social_worker",
            "starts_on": case.today,
        },
        order,
    )
    kim = await case.take("kim", "start_coordination", {"agreed": "Möte på måndag."}, kim)
    meeting = {"on": case.today, "actors": ["social_services"], "agreed": "Avlösning en helg."}
    with pytest.raises(Problem) as closed:
        await case.take("kim", "share", meeting)
    assert closed.value.extra["need"] == "consented"
    for given in ("Vera", "Viktor"):
        await case.take(
            "kim",
            "give_consent",
            {
                "party": "guardian",
                "guardian_id": str(made("guardian", "ines", given)),
                "on": case.today,
                "actors": ["social_services"],
                "way": "meeting",
            },
        )
    await case.take("kim", "share", meeting)
    await case.take(
        "kim",
        "converse",
        {"on": case.today, "form": "motivating", "place": "walk", "words": "Det går att äta där."},
        kim,
    )
    await case.take(
        "kim",
        "make_approach_plan",
        {"starts_on": case.today, "steps": "Lunch.\nMåndagar.", "support": "Maja möter."},
    )
    queue = await read_queue(world.database, A.viewer("kim"))
    assert [(one.case.number, one.network) for one in queue.mine] == [("F-2026-00001", True)]
    return case, plan, insats, kim


async def test_from_a_plan_to_an_outcome(world: World) -> None:
    """Step 8: weeks of school, each part ended, and the outcome out of the data."""
    case, plan, insats, kim = await coordinated(world)
    for day in school_days(date(2026, 12, 7), date(2026, 12, 18)):
        await case.life.day(day, ".")
    ending = {"on": case.today, "reason": "attendance_restored"}
    with pytest.raises(Problem) as working:
        await case.take("karin", "close_case", ending)
    assert working.value.extra["need"] in {"seen", "uncoordinated"}
    closure = await case.take("kim", "end_coordination", ending, kim)
    assert closure.body.model_dump()["band"] == "60_100"
    assert (await read_queue(world.database, A.viewer("kim"))).mine == []
    (newest,) = await case.written("intervention")
    assert (newest.entry_id, newest.status) == (insats.entry_id, "followed_up")
    await case.take(
        "maja", "end_intervention", {"ended_on": case.today, "led_to": "Äter varje dag."}, newest
    )
    await case.take("maja", "end_plan", {"ended_on": case.today, "outcome": "Hon är med."}, plan)
    if (await case.row())["attention"]:
        await case.take("karin", "decide_change", {"decision": "keep", "note": "Hon är tillbaka."})
    closure = await case.take("karin", "close_case", ending)
    body = closure.body.model_dump()
    assert (body["band"], body["days"]) == ("60_100", 20)
    assert body["presence"] > 90
    row = await case.row()
    assert (row["state"], row["close_reason"]) == ("closed", "attendance_restored")
    assert "take_stand" not in await case.due()
    shown = await read_chain(world.database, A.viewer("rolf"), case.case_id)
    assert shown.phase == 8
    async with world.database.system(A.id) as connection:
        assert list(await audit.verify(connection, A.id)) == []


async def test_a_correction_after_all_that_asks_for_a_decision(world: World) -> None:
    """Teachers correct two weeks of registers: the warning is taken back, the case says so."""
    case = await contacted(world)
    changed = 0
    for day in school_days(date(2026, 11, 9), date(2026, 11, 20)):
        for lesson in range(4):
            changed += await case.life.correct(day, lesson, ".")
    assert changed
    row = await case.row()
    assert row["attention"] in {"withdrawn", "amended"}
    rows = await world.admin.fetch(
        "SELECT detail FROM cases.case_events WHERE case_id = $1 AND kind = 'warning_withdrawn'",
        case.case_id,
    )
    assert any(json.loads(row["detail"])["before"] for row in rows)
    assert "decide_change" in await case.open_steps("karin")
    await case.take(
        "karin", "decide_change", {"decision": "keep", "note": "Måndagarna är kvar att lösa."}
    )
    assert (await case.row())["attention"] is None
