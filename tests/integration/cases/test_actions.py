"""What people do with a case, who may, and what happens when two do it at once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from forvarning.cases.v1 import cases_pb2
from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases.actions import CaseActions
from services.cases.chain.perform import perform
from services.cases.store import audit
from services.cases.views.case import read_call, read_case
from services.cases.views.today import today
from services.common.clock import epoch_day
from services.common.problem import Problem
from tests.integration.cases.world import TUESDAY, A, B, Story, World, delivery

pytestmark = pytest.mark.anyio
MONDAY = TUESDAY - timedelta(days=1)
KARIN = A.viewer("karin")


async def opened(world: World, pupil: str = "alva") -> tuple[UUID, Story]:
    story = Story(A, pupil, pb.FAMILY_LONG_TERM)
    await world.take(story.raised(MONDAY).event(MONDAY))
    return (await world.case(A, pupil))["case_id"], story


async def version(world: World, pupil: str = "alva") -> int:
    found: int = (await world.case(A, pupil))["version"]
    return found


async def open_duties(world: World) -> int:
    found: int = await world.admin.fetchval(
        "SELECT count(*) FROM cases.duties WHERE done_at IS NULL"
    )
    return found


async def test_acknowledge_comment_close_and_a_new_warning_opens_it_again(world: World) -> None:
    case_id, story = await opened(world)
    actions = CaseActions(world.database)
    await actions.acknowledge(KARIN, case_id, 1)
    await actions.comment(KARIN, case_id, "  Ringde mamma, de kommer på möte.\n")
    await world.close(KARIN, case_id)
    case = await world.case(A, "alva")
    assert (case["state"], case["closed_by"], case["close_reason"]) == (
        "closed",
        A.staff("karin"),
        "attendance_restored",
    )
    assert await world.told() == ["opened", "acknowledged", "commented", "closed", "step"]
    assert await open_duties(world) == 0
    comment = await world.admin.fetchval("SELECT body FROM cases.comments")
    assert comment == "Ringde mamma, de kommer på möte."
    # Resolution and amendment leave it closed; a rise opens it again, for somebody to look.
    await world.take(story.amended("Nu 4 dagar.").event(MONDAY))
    assert (await world.case(A, "alva"))["state"] == "closed"
    await world.take(story.escalated(TUESDAY, 2).event(TUESDAY))
    case = await world.case(A, "alva")
    assert (case["state"], case["attention"], case["close_reason"]) == ("new", "escalated", None)
    assert (await world.told())[-1] == "reopened"
    assert await open_duties(world) == 1


async def test_events_carry_the_school_date_that_woke_the_case(world: World) -> None:
    case_id, _ = await opened(world)
    world.clock.advance(timedelta(days=40))
    await CaseActions(world.database).acknowledge(KARIN, case_id, 1)
    rows = await world.admin.fetch("SELECT payload FROM cases.outbox ORDER BY seq")
    events = [cases_pb2.CaseEvent.FromString(row["payload"]) for row in rows]
    assert [event.epoch_day for event in events] == [epoch_day(MONDAY)] * 2
    assert events[0].thread_revision == 1
    assert events[0].assigned_staff_id == A.staff("karin").bytes
    assert events[0].case_number == "F-2026-00001"


@pytest.mark.parametrize("decision", ["keep", "correct", "close"])
async def test_a_change_asks_for_a_decision_and_keeps_it(world: World, decision: str) -> None:
    case_id, story = await opened(world)
    actions = CaseActions(world.database)
    await actions.acknowledge(KARIN, case_id, 1)
    await world.take(story.withdrawn().event(MONDAY))
    (line,) = (await today(world.database, KARIN, "mine")).changed
    assert (line.attention, line.level) == ("withdrawn", 0)
    # What changed is still there to be read.
    shown = await read_case(world.database, KARIN, case_id)
    assert shown.history[0].kind == "warning_withdrawn"
    assert shown.history[0].before == "Frånvarande hela skoldagen 5 skoldagar i rad."
    with pytest.raises(Problem) as found:
        await actions.acknowledge(KARIN, case_id, line.version)
    assert found.value.code == "decision_needed"
    body = {"decision": decision, "note": "Läraren rättade måndagen."}
    entry = await perform(world.database, KARIN, case_id, "decide_change", body)
    assert entry.body.model_dump() == body
    after = await today(world.database, KARIN, "mine")
    assert after.changed == []
    case = await world.case(A, "alva")
    assert case["attention"] is None
    assert case["state"] == ("closed" if decision == "close" else "acknowledged")
    assert case["close_reason"] == ("withdrawn" if decision == "close" else None)
    due = await world.admin.fetch(
        "SELECT kind, assigned_staff_id FROM cases.duties WHERE kind = 'correct_register'"
    )
    wanted = [("correct_register", A.staff("karin"))] if decision == "correct" else []
    assert [tuple(row) for row in due] == wanted
    with pytest.raises(Problem) as again:
        await perform(world.database, KARIN, case_id, "decide_change", body)
    assert again.value.status == 409


async def test_a_case_whose_warning_holds_is_not_closed_by_a_decision(world: World) -> None:
    case_id, story = await opened(world)
    await CaseActions(world.database).acknowledge(KARIN, case_id, 1)
    await world.take(story.amended("Nu 4 dagar.").event(MONDAY))
    body = {"decision": "close", "note": "Det räcker."}
    with pytest.raises(Problem) as found:
        await perform(world.database, KARIN, case_id, "decide_change", body)
    assert found.value.extra["need"] == "nothing_left"


async def test_two_at_once_one_wins_and_the_other_is_told(world: World) -> None:
    case_id, _ = await opened(world)
    actions = CaseActions(world.database)
    answers = await asyncio.gather(
        actions.acknowledge(KARIN, case_id, 1),
        actions.acknowledge(A.viewer("rolf"), case_id, 1),
        actions.acknowledge(A.viewer("rolf"), case_id, 1),
        return_exceptions=True,
    )
    problems = [answer for answer in answers if isinstance(answer, Problem)]
    assert len(problems) == 2
    assert {problem.code for problem in problems} == {"changed_meanwhile"}
    assert await version(world) == 2


async def test_a_warning_and_a_person_at_once_lose_nothing(world: World) -> None:
    """Forty rounds of a revision and a decision started together."""
    case_id, story = await opened(world)
    await CaseActions(world.database).acknowledge(KARIN, case_id, 1)
    done = 0
    for number in range(40):
        event = story.amended(f"Ändrad {number}.").event(TUESDAY)
        answers = await asyncio.gather(
            world.take(event),
            perform(world.database, KARIN, case_id, "decide_change", {"decision": "keep"}),
            return_exceptions=True,
        )
        assert answers[0] is None
        done += not isinstance(answers[1], Problem)
    held = await world.admin.fetchval("SELECT revision FROM cases.warnings")
    kinds = await world.history(A, "alva")
    assert held == 41
    assert kinds.count("warning_amended") == 40
    assert kinds.count("step") == done
    assert done > 0


@pytest.mark.parametrize(
    ("login", "code"),
    [
        ("elias", "not_yours_to_decide"),
        ("maja", "not_yours_to_decide"),
        ("olle", "no_such_case"),
        ("kim", "no_such_case"),
    ],
)
async def test_who_may_not_decide_is_told_so(world: World, login: str, code: str) -> None:
    case_id, _ = await opened(world)
    actions = CaseActions(world.database)
    with pytest.raises(Problem) as found:
        await actions.acknowledge(A.viewer(login), case_id, 1)
    assert found.value.code == code
    with pytest.raises(Problem) as found:
        await world.close(A.viewer(login), case_id)
    assert found.value.code in {code, "not_your_step"}
    assert (await world.case(A, "alva"))["state"] == "new"


async def test_another_organisers_people_find_nothing(world: World) -> None:
    case_id, _ = await opened(world)
    for work in (
        CaseActions(world.database).comment(B.viewer("karin"), case_id, "hej"),
        read_case(world.database, B.viewer("karin"), case_id),
        read_case(world.database, B.viewer("karin"), "F-2026-00001"),
    ):
        with pytest.raises(Problem) as found:
            await work
        assert found.value.status == 404


async def test_a_protected_pupils_case_opens_for_the_holder_and_rektor_only(world: World) -> None:
    case_id, _ = await opened(world, "dino")
    for login in ("karin", "rolf"):
        shown = await read_case(world.database, A.viewer(login), case_id)
        assert shown.case.pupil.name == "Dino Testberg"
    for work in (
        read_case(world.database, A.viewer("elias"), case_id),
        CaseActions(world.database).comment(A.viewer("elias"), case_id, "hej"),
    ):
        with pytest.raises(Problem) as found:
            await work
        assert found.value.code == "protected_pupil"
    refused = await world.admin.fetchval(
        "SELECT count(*) FROM cases.audit WHERE action = 'case.read_refused'"
    )
    assert refused == 1


async def test_nothing_of_a_protected_pupil_is_in_others_lists(world: World) -> None:
    await opened(world, "dino")
    shown = await today(world.database, A.viewer("elias"), "all")
    text = shown.model_dump_json()
    assert "Dino" not in text
    assert "8B" not in text
    assert "Frånvarande" not in text
    assert "F-2026-00001" in text


@pytest.mark.parametrize(
    ("reason", "note", "code"),
    [
        ("nonsense", "", "invalid_entry"),
        ("other", "  ", "not_lawful_now"),
        ("explained", "x" * 4001, "invalid_entry"),
    ],
)
async def test_closing_needs_a_reason(world: World, reason: str, note: str, code: str) -> None:
    case_id, _ = await opened(world)
    with pytest.raises(Problem) as found:
        await world.close(KARIN, case_id, reason, note)
    assert found.value.code == code
    assert (await world.case(A, "alva"))["state"] == "new"


async def test_a_closed_case_cannot_be_closed_or_acknowledged_again(world: World) -> None:
    case_id, _ = await opened(world)
    actions = CaseActions(world.database)
    await world.close(KARIN, case_id)
    for work in (
        world.close(KARIN, case_id),
        actions.acknowledge(KARIN, case_id, 2),
    ):
        with pytest.raises(Problem) as found:
            await work
        assert found.value.code == "case_closed"


async def test_ringing_home(world: World) -> None:
    await world.take_deliveries(delivery(A, "hugo", TUESDAY, world.clock.now()))
    duty: UUID = await world.admin.fetchval("SELECT duty_id FROM cases.duties")
    actions = CaseActions(world.database)
    await actions.call(KARIN, duty, 1, "not_reached", "Upptaget.")
    shown = await read_call(world.database, KARIN, duty)
    assert (shown.call.attempts, shown.done_at) == (1, None)
    assert len((await today(world.database, KARIN, "mine")).calls) == 1
    with pytest.raises(Problem) as found:
        await actions.call(KARIN, duty, 1, "informed", "")
    assert found.value.code == "changed_meanwhile"
    with pytest.raises(Problem) as found:
        await actions.call(KARIN, duty, 2, "special_reasons", "")
    assert found.value.code == "note_needed"
    with pytest.raises(Problem) as found:
        await actions.call(A.viewer("elias"), duty, 2, "informed", "")
    assert found.value.code == "not_yours_to_decide"
    await actions.call(KARIN, duty, 2, "pupil_informed", "")
    assert (await today(world.database, KARIN, "mine")).calls == []
    shown = await read_call(world.database, KARIN, duty)
    assert (shown.done_by, shown.outcome) == (
        "Karin Testsson",
        "Den myndiga eleven är informerad",
    )


async def test_every_read_and_change_is_audited_in_an_unbroken_chain(world: World) -> None:
    case_id, _ = await opened(world)
    await today(world.database, KARIN, "mine")
    await read_case(world.database, KARIN, case_id)
    await CaseActions(world.database).acknowledge(KARIN, case_id, 1)
    rows = await world.admin.fetch("SELECT * FROM cases.audit ORDER BY seq")
    assert [(row["seq"], row["action"]) for row in rows] == [
        (1, "list.read"),
        (2, "case.read"),
        (3, "case.acknowledged"),
    ]
    assert {row["staff_id"] for row in rows} == {A.staff("karin")}
    assert await _problems(world) == []
    # Erasing the detail keeps the chain; changing anything breaks it.
    await world.admin.execute("UPDATE cases.audit SET detail = NULL WHERE seq = 1")
    assert await _problems(world) == []
    await world.admin.execute("UPDATE cases.audit SET staff_id = $1 WHERE seq = 2", A.staff("rolf"))
    [problem] = await _problems(world)
    assert problem.startswith("row 2: the hash does not fit")
    await world.admin.execute("DELETE FROM cases.audit WHERE seq = 2")
    assert any("row 2 is missing" in problem for problem in await _problems(world))
    await world.admin.execute("DELETE FROM cases.audit WHERE seq = 3")
    assert any("its head says 3" in problem for problem in await _problems(world))


async def test_audit_of_many_readers_at_once_has_no_gap(world: World) -> None:
    case_id, _ = await opened(world)
    readers = [A.viewer(login) for login in ("karin", "rolf", "elias", "maja")] * 5
    await asyncio.gather(*(read_case(world.database, viewer, case_id) for viewer in readers))
    assert await world.admin.fetchval("SELECT count(*) FROM cases.audit") == 20
    assert await _problems(world) == []


async def _problems(world: World) -> list[str]:
    async with world.database.system(A.id) as connection:
        return await audit.verify(connection, A.id)
