"""Gymnasiet: an utredning without samråd, no anmälan by law, CSN, hemkommun and KAA."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases.chain.perform import perform
from services.cases.chain.prefilling import prefilled
from services.cases.domain.law.table import BY_NAME
from services.cases.settings_cli import write
from services.cases.store.entries import Entry
from services.cases.store.organiser_settings import OrganiserSettings
from services.common.problem import Problem
from tests.integration.cases.site import opened
from tests.integration.cases.world import TUESDAY, A, Story, World

pytestmark = pytest.mark.anyio
ROLF = A.viewer("rolf")
DAY = TUESDAY.isoformat()


async def pupil(world: World, *, born: date = date(2009, 5, 1), form: str = "GY") -> UUID:
    """Alva goes to gymnasiet."""
    await world.admin.execute(
        "UPDATE people.placements SET school_form = $3 WHERE organiser_id = $1 AND pupil_id = $2",
        A.id,
        A.pupil("alva"),
        form,
    )
    await world.admin.execute(
        "UPDATE people.pupils SET birth_date = $3 WHERE organiser_id = $1 AND pupil_id = $2",
        A.id,
        A.pupil("alva"),
        born,
    )
    return UUID(await opened(world))


async def take(
    world: World, case: UUID, step: str, body: dict[str, Any], target: Entry | None = None
) -> Entry:
    return await perform(
        world.database, ROLF, case, step, body, target=target.entry_id if target else None
    )


async def refused(work: Any) -> Problem:
    with pytest.raises(Problem) as found:
        await work
    return found.value


@pytest.mark.parametrize(("form", "chapter"), [("GY", "15"), ("GYS", "18")])
async def test_an_utredning_needs_no_samrad_and_no_anmalan(
    world: World, form: str, chapter: str
) -> None:
    case = await pupil(world, form=form)
    opened_ = {"opened_on": DAY, "lead": "Rolf", "why": "Ogiltig frånvaro"}
    entry = await take(world, case, "open_investigation", opened_)
    problem = await refused(take(world, case, "report_to_organiser", {"on": DAY}, entry))
    assert problem.extra["paragraph"] == f"skollagen {chapter} kap. 16 §"
    assert problem.extra["need"] == "asked_for"
    # What no law asks for, a huvudman may.
    await write(world.database, A.id, OrganiserSettings("standard", report_on_upper=True))
    await take(world, case, "report_to_organiser", {"on": DAY}, entry)
    fields = json.loads(await world.admin.fetchval("SELECT fields FROM cases.documents"))
    assert f"skollagen {chapter} kap. 16 §" in fields["basis"]
    done = {"finished_on": DAY, "conclusions": ["school"], "result": "Fel program."}
    assert (await take(world, case, "finish_investigation", done, entry)).status == "finished"


async def test_csn_is_reported_with_what_the_register_says_or_refrained_from(world: World) -> None:
    case = await pupil(world)
    csn = BY_NAME["report_csn"]
    begin = await prefilled(world.database, ROLF, case, csn, writer="Rolf", target=None)
    # The warning that opened the case is no ground for CSN.
    assert (begin.values["hours"], begin.values["first_day"]) == (0, None)
    story = Story(A, "alva", pb.FAMILY_SPORADIC).raised(TUESDAY)
    story.episodes[0].rule_id = "csn-4-timmar"
    story.episodes[0].figures.invalid_unexplained = 180
    story.episodes[0].figures.invalid_confirmed = 90
    story.episodes[0].figures.absence_occasions = 3
    await world.take(story.event(TUESDAY))
    begin = await prefilled(world.database, ROLF, case, csn, writer="Rolf", target=None)
    assert (begin.values["hours"], begin.values["occasions"]) == (4.5, 3)
    assert (begin.values["first_day"], begin.values["code"]) == (DAY, "51")
    body = {
        "on": DAY,
        "hours": 6,
        "occasions": 3,
        "first_day": (TUESDAY - timedelta(days=29)).isoformat(),
        "code": "51",
    }
    assert (await refused(take(world, case, "report_csn", body))).extra["need"] == "csn_days"
    report = await take(
        world,
        case,
        "report_csn",
        body | {"first_day": (TUESDAY - timedelta(days=30)).isoformat()},
    )
    fields = json.loads(await world.admin.fetchval("SELECT fields FROM cases.documents"))
    told = {one["name"]: one["text"] for one in fields["fields"]}
    assert (told["hours"], told["code"]) == ("6", "51, upprepad frånvaro (skolk)")
    back = await take(world, case, "resume_csn", {"resumed_on": DAY}, report)
    assert back.status == "resumed"
    kept = await take(world, case, "refrain_csn", {"on": DAY, "refrained": "Utsatt för mobbning."})
    assert kept.status == "refrained"


async def test_hemkommun_and_kaa_are_for_who_is_under_twenty(world: World) -> None:
    home = {"on": DAY, "municipality": "0380", "ground": "unexcused", "since": DAY}
    gone = {"on": DAY, "municipality": "0380", "ground": "ended", "since": DAY}
    case = await pupil(world)
    assert (await take(world, case, "notify_home_municipality", home)).status == "sent"
    assert (await take(world, case, "notify_kaa", gone)).status == "sent"
    kinds = await world.admin.fetch("SELECT kind, recipient FROM cases.documents ORDER BY kind")
    assert [tuple(row) for row in kinds] == [
        ("home_municipality_notice", "Hemkommunen (0380)"),
        ("kaa_notice", "Det kommunala aktivitetsansvaret (0380)"),
    ]
    await world.admin.execute("UPDATE people.pupils SET birth_date = $1", date(2006, 11, 24))
    for step, body in (("notify_home_municipality", home), ("notify_kaa", gone)):
        problem = await refused(take(world, case, step, body))
        assert problem.extra["need"] == "under_20"


async def test_an_orosanmalan_has_its_own_clock_and_waits_for_nothing(world: World) -> None:
    case = await pupil(world)

    async def due() -> set[str]:
        rows = await world.admin.fetch(
            "SELECT kind FROM cases.duties WHERE done_at IS NULL AND kind LIKE 'concern%'"
        )
        return {row["kind"] for row in rows}

    worry = await perform(
        world.database,
        A.viewer("maja"),
        case,
        "raise_concern",
        {"worried_on": DAY, "grounds": "Rädd för att gå hem."},
    )
    assert worry.sensitivity == "health"
    assert await due() == {"concern_report"}
    made = await perform(
        world.database,
        A.viewer("maja"),
        case,
        "report_concern",
        {"made_on": DAY, "way": "phone", "office": "Mottagningen", "feedback": True},
        target=worry.entry_id,
    )
    assert await due() == {"concern_assessment"}
    world.clock.advance(timedelta(days=14))
    day = (TUESDAY + timedelta(days=14)).isoformat()
    for step, body in (
        ("record_assessment", {"assessed_on": day}),
        ("answer_concern", {"answered_on": day, "answer": "opened"}),
    ):
        await perform(world.database, A.viewer("maja"), case, step, body, target=made.entry_id)
    assert await due() == set()
    lines = await world.admin.fetch("SELECT detail FROM cases.case_events WHERE kind = 'step'")
    assert not any("concern_report" in row["detail"].split('"kind"')[-1] for row in lines)
