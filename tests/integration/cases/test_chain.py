"""Steps of the chain on a real database: judged, written whole, and two people at once."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.cases.chain.perform import perform, revise
from services.cases.chain.showing import read_chain, read_entry
from services.cases.store import audit
from services.common.problem import Problem
from tests.integration.cases.site import csrf, opened, sign_in
from tests.integration.cases.world import TUESDAY, A, World

pytestmark = pytest.mark.anyio
KARIN, ROLF, MAJA, ELIAS = (A.viewer(login) for login in ("karin", "rolf", "maja", "elias"))
DAY = TUESDAY.isoformat()
UTREDNING = {"opened_on": DAY, "lead": "Rolf Rektorsson", "why": "Frånvaron ökar."}
VOICE = {"on": DAY, "own_words": "Det är för högt i matsalen."}


async def begun(world: World) -> UUID:
    return UUID(await opened(world))


async def refusal(work: Any) -> Problem:
    with pytest.raises(Problem) as found:
        await work
    return found.value


async def test_a_step_is_written_whole_or_not_at_all(world: World) -> None:
    case = await begun(world)
    entry = await perform(world.database, KARIN, case, "open_investigation", UTREDNING)
    assert (entry.kind, entry.status, entry.version) == ("investigation", "open", 1)
    assert await world.history(A, "alva") == [
        "opened",
        "warning_raised",
        "assigned",
        "acknowledged",
        "step",
    ]
    assert (await world.told())[-2:] == ["acknowledged", "step"]
    rows = await world.admin.fetch("SELECT version, status FROM cases.entry_revisions")
    assert [tuple(row) for row in rows] == [(1, "open")]
    actions = await world.admin.fetch("SELECT action, detail FROM cases.audit ORDER BY seq")
    assert actions[-1]["action"] == "step.open_investigation"
    assert json.loads(actions[-1]["detail"])["entry"] == str(entry.entry_id)
    # A second one is refused, and leaves nothing behind.
    again = await refusal(perform(world.database, KARIN, case, "open_investigation", UTREDNING))
    assert (again.status, again.code) == (409, "not_lawful_now")
    assert again.extra["paragraph"] == "skollagen 7 kap. 19 a §"
    assert await world.admin.fetchval("SELECT count(*) FROM cases.entries") == 1
    assert (await world.history(A, "alva"))[-1] == "step"
    async with world.database.system(A.id) as connection:
        assert await audit.verify(connection, A.id) == []


@pytest.mark.parametrize(
    ("login", "step", "body", "status", "code"),
    [
        ("maja", "open_investigation", UTREDNING, 403, "not_your_step"),
        ("karin", "waive_investigation", {}, 403, "not_your_step"),
        ("karin", "report_csn", {}, 409, "not_for_this_school_form"),
        ("karin", "consult", {}, 409, "not_lawful_now"),
        ("karin", "dance", {}, 404, "no_such_step"),
        ("olle", "contact", {}, 404, "no_such_case"),
        ("karin", "pupil_voice", {"on": DAY}, 409, "not_lawful_now"),
        ("karin", "pupil_voice", {"on": "i tisdags"}, 422, "invalid_entry"),
        ("karin", "open_investigation", {"result": "x"}, 422, "invalid_entry"),
        ("karin", "open_investigation", {"opened_on": DAY}, 422, "invalid_entry"),
    ],
)
async def test_what_is_refused_says_why_and_writes_nothing(
    world: World, *, login: str, step: str, body: dict[str, Any], status: int, code: str
) -> None:
    case = await begun(world)
    problem = await refusal(perform(world.database, A.viewer(login), case, step, body))
    assert (problem.status, problem.code) == (status, code)
    if code.startswith("not_"):
        assert problem.extra["paragraph"]
    if code == "invalid_entry":
        assert all(error["field"].startswith("/") for error in problem.extra["errors"])
    assert await world.admin.fetchval("SELECT count(*) FROM cases.entries") == 0
    assert (await world.case(A, "alva"))["state"] == "new"


async def test_an_utredning_needs_its_samrad_or_the_reason(world: World) -> None:
    case = await begun(world)
    entry = await perform(world.database, KARIN, case, "open_investigation", UTREDNING)
    done = {"finished_on": DAY, "conclusions": ["group"], "result": "Otrygg på rasterna."}

    async def finish(more: dict[str, str]) -> Any:
        return await perform(
            world.database,
            ROLF,
            case,
            "finish_investigation",
            done | more,
            target=entry.entry_id,
            version=1,
        )

    talks = {"pupil": MAJA, "student_health": ELIAS}
    for party, viewer in talks.items():
        await perform(
            world.database,
            viewer,
            case,
            "consult",
            {"on": DAY, "party": party, "who": "Alva", "what": "Vill byta grupp."},
            target=entry.entry_id,
        )
    problem = await refusal(finish({}))
    assert problem.extra["need"] == "consulted"
    after = await finish({"no_guardian": "Vi har sökt dem fyra gånger."})
    assert (after.status, after.version) == ("finished", 2)
    # The reason may not be taken away again; the text may be made better.
    problem = await refusal(
        revise(world.database, ROLF, case, entry.entry_id, {"no_guardian": ""}, version=2)
    )
    assert problem.extra["need"] == "consulted"
    better = {"result": "Otrygg på rasterna, särskilt på onsdagar."}
    again = await revise(world.database, ROLF, case, entry.entry_id, better, version=2)
    assert again.version == 3
    shown = await read_entry(world.database, KARIN, case, entry.entry_id)
    assert [revision.version for revision in shown.revisions] == [3, 2, 1]
    assert shown.revisions[0].changed == ["Vad utredningen visar"]
    assert shown.revisions[1].status == "klar"


async def test_what_was_written_in_a_closed_case_stays_as_it_was(world: World) -> None:
    case = await begun(world)
    entry = await perform(world.database, MAJA, case, "pupil_voice", VOICE)
    await world.admin.execute(
        "UPDATE cases.cases SET state = 'closed', closed_at = now(), close_reason = 'other'"
    )
    problem = await refusal(
        revise(world.database, MAJA, case, entry.entry_id, {"wants": "x"}, version=1)
    )
    assert (problem.status, problem.code) == (409, "case_closed")
    # What must never wait may still be written, and mended.
    worry = await perform(
        world.database, MAJA, case, "raise_concern", {"worried_on": DAY, "grounds": "Rädd."}
    )
    after = await revise(
        world.database, MAJA, case, worry.entry_id, {"grounds": "Mycket rädd."}, version=1
    )
    assert after.version == 2


async def test_a_step_from_an_old_page_shows_both_texts_and_is_not_taken(world: World) -> None:
    case = await begun(world)
    entry = await perform(world.database, KARIN, case, "open_investigation", UTREDNING)
    await revise(world.database, KARIN, case, entry.entry_id, {"why": "Ny text."}, version=1)
    body = {
        "finished_on": DAY,
        "conclusions": ["group"],
        "result": "Otrygg.",
        "no_pupil": "x",
        "no_guardian": "x",
        "no_student_health": "x",
    }
    problem = await refusal(
        perform(
            world.database,
            ROLF,
            case,
            "finish_investigation",
            body,
            target=entry.entry_id,
            version=1,
        )
    )
    assert problem.code == "changed_meanwhile"
    assert {one["field"] for one in problem.extra["differences"]} >= {"why", "result"}
    status = await world.admin.fetchval("SELECT status FROM cases.entries")
    assert status == "open"


async def test_two_write_the_same_text_and_both_are_shown(world: World) -> None:
    case = await begun(world)
    entry = await perform(world.database, MAJA, case, "pupil_voice", VOICE)
    theirs = {"own_words": "Det är för högt och för trångt i matsalen."}
    mine = {"own_words": "Matsalen är för hög.", "wants": "Äta i klassrummet."}
    await revise(world.database, KARIN, case, entry.entry_id, theirs, version=1)
    problem = await refusal(revise(world.database, MAJA, case, entry.entry_id, mine, version=1))
    assert (problem.status, problem.code, problem.extra["version"]) == (
        409,
        "changed_meanwhile",
        2,
    )
    found = {one["field"]: one for one in problem.extra["differences"]}
    assert found["own_words"] == {
        "field": "own_words",
        "label": "Elevens egna ord",
        "was": VOICE["own_words"],
        "now": theirs["own_words"],
        "yours": mine["own_words"],
        "clash": True,
        "suggested": mine["own_words"],
    }
    assert (found["wants"]["clash"], found["wants"]["suggested"]) == (False, mine["wants"])
    merged = {"own_words": "Det är för högt och trångt.", "wants": mine["wants"]}
    after = await revise(world.database, MAJA, case, entry.entry_id, merged, version=2)
    assert after.version == 3
    kept = await world.admin.fetch("SELECT body FROM cases.entry_revisions ORDER BY version")
    words = [json.loads(row["body"])["own_words"] for row in kept]
    assert words == [VOICE["own_words"], theirs["own_words"], merged["own_words"]]


async def test_twenty_at_once_lose_no_version(world: World) -> None:
    case = await begun(world)
    entry = await perform(world.database, MAJA, case, "pupil_voice", VOICE)
    answers = await asyncio.gather(
        *(
            revise(world.database, KARIN, case, entry.entry_id, {"wants": f"Önskan {n}"}, version=1)
            for n in range(20)
        ),
        return_exceptions=True,
    )
    assert sum(not isinstance(answer, Problem) for answer in answers) == 1
    assert await world.admin.fetchval("SELECT max(version) FROM cases.entry_revisions") == 2
    opened_at_once = await asyncio.gather(
        *(perform(world.database, KARIN, case, "open_investigation", UTREDNING) for _ in range(5)),
        return_exceptions=True,
    )
    assert sum(not isinstance(answer, Problem) for answer in opened_at_once) == 1


async def test_health_is_for_elevhalsa_rektor_and_the_author(world: World) -> None:
    case = await begun(world)
    body = {"issued_on": DAY, "received_on": DAY, "kept": "Journalen", "needs": "Lugn start."}
    entry = await perform(world.database, ELIAS, case, "register_certificate", body)
    assert entry.sensitivity == "health"
    for viewer, sees in ((ELIAS, True), (ROLF, True), (KARIN, False), (MAJA, False)):
        shown = await read_chain(world.database, viewer, case)
        assert [one.kind for one in shown.entries] == (["certificate"] if sees else [])
        if not sees:
            problem = await refusal(read_entry(world.database, viewer, case, entry.entry_id))
            assert problem.code == "no_such_entry"
    # The law counts it all the same.
    waiver = {"waived_on": DAY, "waiver": "certificate", "waiver_note": "Intyget visar vad."}
    assert (
        await perform(world.database, ROLF, case, "waive_investigation", waiver)
    ).status == "waived"
    # And the history tells nobody what it was.
    rows = await world.admin.fetch("SELECT detail FROM cases.case_events WHERE kind = 'step'")
    assert "certificate" not in json.loads(rows[0]["detail"])
    assert json.loads(rows[0]["detail"])["sensitivity"] == "health"


async def test_what_is_dated_is_due_on_its_day_and_done_with_it(world: World) -> None:
    case = await begun(world)
    week, later = (TUESDAY + timedelta(days=days) for days in (7, 14))
    body = {"on": DAY, "with_whom": ["guardian"], "way": "phone", "what": "Vi hörs."}
    entry = await perform(
        world.database, KARIN, case, "contact", body | {"next_on": week.isoformat()}
    )

    async def due() -> list[str]:
        rows = await world.admin.fetch(
            "SELECT kind, due_at FROM cases.duties WHERE done_at IS NULL AND entry_id IS NOT NULL"
        )
        return [f"{row['kind']} {row['due_at'].date()}" for row in rows]

    assert await due() == [f"contact_again {week}"]
    for version, day in ((1, later), (2, week)):
        moved = {"next_on": day.isoformat()}
        await revise(world.database, KARIN, case, entry.entry_id, moved, version=version)
        assert await due() == [f"contact_again {day}"]
    await revise(world.database, KARIN, case, entry.entry_id, {"next_on": None}, version=3)
    assert await due() == []


async def test_the_api_takes_steps_and_tells_what_is_next(
    client: httpx.AsyncClient, world: World
) -> None:
    case = await begun(world)
    await sign_in(client)
    path = f"/api/v1/cases/{case}"
    chain = (await client.get(f"{path}/chain")).json()
    steps = {step["name"]: step for step in chain["steps"]}
    assert chain["track"] == "compulsory"
    assert steps["open_investigation"]["allowed"]
    assert not steps["finish_investigation"]["allowed"]
    assert steps["waive_investigation"]["why_not"].endswith("rektor.")
    body = {"body": UTREDNING}
    assert (await client.post(f"{path}/steps/open_investigation", json=body)).status_code == 403
    token = await csrf(client)
    answer = await client.post(f"{path}/steps/open_investigation", json=body, headers=token)
    assert answer.status_code == 201
    entry = answer.json()
    assert entry["status_words"] == "pågår"
    wrong = await client.post(f"{path}/steps/consult", json={"body": {}}, headers=token)
    assert wrong.status_code == 422
    assert wrong.headers["content-type"] == "application/problem+json"
    written = await client.put(
        f"{path}/entries/{entry['entry_id']}",
        json={"version": 1, "body": {"why": "Frånvaron har ökat sedan höstlovet."}},
        headers=token,
    )
    assert written.json()["version"] == 2
    late = await client.put(
        f"{path}/entries/{entry['entry_id']}",
        json={"version": 1, "body": {"why": "Något annat."}},
        headers=token,
    )
    assert late.status_code == 409
    assert late.json()["differences"][0]["now"] == "Frånvaron har ökat sedan höstlovet."
    assert (await client.get(f"{path}/entries/{case}")).status_code == 404
