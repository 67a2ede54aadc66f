"""The clocks on a real database: they follow warnings, steps, the roster and the turning day."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from forvarning.rules.v1.rules_pb2 import RuleProfile
from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases import clockwork, metrics, rule_profiles
from services.cases.chain.perform import perform
from services.cases.chain.prefilling import prefilled
from services.cases.chain.showing import read_chain
from services.cases.clockwork import Clockwork
from services.cases.domain.law.table import BY_NAME
from services.cases.sweep import Sweep
from services.cases.views.due import tick_off
from services.cases.views.today import today
from services.common.clock import STOCKHOLM, local_instant
from services.common.problem import Problem
from tests.integration.cases.site import MONDAY, opened
from tests.integration.cases.world import TUESDAY, A, B, Story, World

pytestmark = pytest.mark.anyio
KARIN, ROLF, MAJA = (A.viewer(login) for login in ("karin", "rolf", "maja"))
DAY = TUESDAY.isoformat()
PROFILES = Path(__file__).parents[3] / "services" / "ews" / "profiles"
UTREDNING = {"opened_on": DAY, "lead": "Rolf Rektorsson"}


async def activate(world: World, name: str, *, content: bool = True) -> None:
    """Put a shipped profile into force for the whole organiser."""
    raw = (PROFILES / f"{name}.toml").read_bytes()
    await world.admin.execute(
        """
        INSERT INTO ingest.profile_activations (organiser_id, activation_id, profile_id,
            profile_version, digest, valid_from, activated_at)
        VALUES ($1, $2, $3, 1, $4, '2026-08-01', '2026-08-01')
        """,
        A.id,
        uuid4(),
        name,
        hashlib.sha256(raw).digest(),
    )
    if content:
        await learn(world, name)


async def learn(world: World, name: str) -> bool:
    raw = (PROFILES / f"{name}.toml").read_bytes()
    value = RuleProfile(
        profile_id=name, profile_version=1, content=raw, digest=hashlib.sha256(raw).digest()
    ).SerializeToString()
    profile = rule_profiles.decode(value)
    assert profile is not None
    return await rule_profiles.keep(world.database, profile)


async def duties(world: World, *, case: UUID | None = None) -> dict[str, asyncpg.Record]:
    """Open duties but those of looking and ringing, by kind or step."""
    rows = await world.admin.fetch(
        """
        SELECT coalesce(step, kind) AS key, * FROM cases.duties
        WHERE done_at IS NULL AND withdrawn_at IS NULL AND kind NOT IN ('acknowledge', 'call_home')
          AND ($1::uuid IS NULL OR case_id = $1)
        """,
        case,
    )
    assert len({row["key"] for row in rows}) == len(rows)
    return {row["key"]: row for row in rows}


async def settled(world: World) -> int:
    return await Clockwork(world.database).once()


async def test_a_warning_starts_the_clock_and_a_step_ends_it_at_once(world: World) -> None:
    case = UUID(await opened(world))
    assert await settled(world) >= 1
    stand = (await duties(world, case=case))["take_stand"]
    assert stand["due_at"] == local_instant(date(2026, 12, 1), 16 * 60)
    assert (stand["assigned_staff_id"], stand["assigned_as"]) == (A.staff("rolf"), "principal")
    assert stand["ours"]
    assert stand["rule"] == "skollagen 7 kap. 19 a §"
    # Nothing has changed: nothing is done.
    before = await world.admin.fetchval("SELECT sum(version) FROM cases.duties")
    assert await settled(world) == 0
    assert await world.admin.fetchval("SELECT sum(version) FROM cases.duties") == before

    entry = await perform(world.database, KARIN, case, "open_investigation", UTREDNING)
    # In the step's own transaction, without the task.
    found = await duties(world, case=case)
    assert set(found) == {"investigate", "report_to_organiser"}
    assert found["report_to_organiser"]["due_at"] == local_instant(date(2026, 11, 26), 16 * 60)
    assert found["report_to_organiser"]["entry_id"] == entry.entry_id
    await settled(world)
    assert set(await duties(world, case=case)) == {"investigate", "report_to_organiser"}


async def test_an_independent_school_tells_the_home_municipality(world: World) -> None:
    await world.admin.execute(
        "UPDATE people.organisers SET kind = 'independent' WHERE organiser_id = $1", A.id
    )
    case = UUID(await opened(world))
    await perform(world.database, KARIN, case, "open_investigation", UTREDNING)
    notice = (await duties(world, case=case))["home_municipality_notice"]
    # Nobody is handläggare hos huvudmannen yet: it stands with whom the case stands with.
    assert notice["assigned_staff_id"] == A.staff("karin")
    await perform(
        world.database,
        ROLF,
        case,
        "notify_home_municipality",
        {"on": DAY, "municipality": "0380", "ground": "investigation", "since": DAY},
    )
    assert "home_municipality_notice" not in await duties(world, case=case)


@pytest.mark.parametrize(("home", "told"), [("0180", True), ("0380", False), (None, False)])
async def test_a_municipalitys_school_tells_the_home_municipality_of_a_pupil_from_elsewhere(
    world: World, home: str | None, told: bool
) -> None:
    """Skollagen 7 kap. 22 § binds every huvudman but the home municipality."""
    await world.admin.execute("UPDATE people.organisers SET municipality_code = '0380'")
    await world.admin.execute("UPDATE people.pupils SET home_municipality = $1", home)
    case = UUID(await opened(world))
    await perform(world.database, KARIN, case, "open_investigation", UTREDNING)
    assert ("home_municipality_notice" in await duties(world, case=case)) is told
    chain = await read_chain(world.database, ROLF, case)
    step = next(one for one in chain.steps if one.name == "notify_home_municipality")
    # Where nobody says, a person may know.
    assert step.allowed is (home != "0380")
    begin = await prefilled(
        world.database, ROLF, case, BY_NAME[step.name], writer="Rolf", target=None
    )
    assert begin.values.get("municipality", "") == (home or "")
    if told:
        body = {"on": DAY, "municipality": home, "ground": "investigation", "since": DAY}
        await perform(world.database, ROLF, case, step.name, body)
        assert "home_municipality_notice" not in await duties(world, case=case)


async def test_orosanmalan_is_due_the_moment_somebody_is_worried_and_then_is_followed(
    world: World,
) -> None:
    case = UUID(await opened(world))
    worried = {"worried_on": DAY, "grounds": "Eleven kom utan ytterkläder i tio minusgrader."}
    entry = await perform(world.database, MAJA, case, "raise_concern", worried)
    now = await duties(world, case=case)
    assert now["concern_report"]["due_at"] == world.clock.now()
    made = {"made_on": DAY, "way": "phone", "office": "Mottagningen", "feedback": True}
    await perform(
        world.database, MAJA, case, "report_concern", made, target=entry.entry_id, version=1
    )
    now = await duties(world, case=case)
    assert "concern_report" not in now
    due = now["concern_assessment"]["due_at"].astimezone(STOCKHOLM)
    assert due.date() == TUESDAY + timedelta(days=14)


async def test_danderyds_ladder_runs_as_the_days_turn(world: World) -> None:
    await activate(world, "danderyd")
    await world.take(Story(A, "alva", pb.FAMILY_SPORADIC).raised(MONDAY).event(MONDAY))
    case = (await world.case(A, "alva"))["case_id"]
    await settled(world)
    first = (await duties(world, case=case))["steg-1"]
    assert first["title"] == "Steg 1: samtal med elev och hem"
    assert (first["assigned_staff_id"], first["assigned_as"]) == (A.staff("maja"), "mentor")
    # Monday's absence was told of on Tuesday: from then on somebody can act.
    assert first["due_at"] == local_instant(TUESDAY + timedelta(days=14), 16 * 60)
    assert "Ring eleven och vårdnadshavarna." in first["tasks"]
    assert not first["ours"]
    # Two weeks on, over a night: the next step, and the law's own clock beside it.
    world.clock.at = local_instant(TUESDAY + timedelta(days=14), 5)
    await settled(world)
    assert set(await duties(world, case=case)) == {"steg-1", "steg-2", "take_stand"}


async def test_a_ladder_that_comes_late_is_run_when_it_comes(world: World) -> None:
    await activate(world, "danderyd", content=False)
    await world.take(Story(A, "alva", pb.FAMILY_SPORADIC).raised(MONDAY).event(MONDAY))
    case = (await world.case(A, "alva"))["case_id"]
    await settled(world)
    assert set(await duties(world, case=case)) == {"take_stand"}
    assert await learn(world, "danderyd")
    assert not await learn(world, "danderyd")
    await settled(world)
    assert set(await duties(world, case=case)) == {"take_stand", "steg-1"}


async def test_a_correction_that_takes_the_warning_back_withdraws_the_step(world: World) -> None:
    await activate(world, "danderyd")
    story = Story(A, "alva", pb.FAMILY_SPORADIC).raised(MONDAY)
    await world.take(story.event(MONDAY))
    case = (await world.case(A, "alva"))["case_id"]
    await settled(world)
    await world.take(story.withdrawn().event(TUESDAY))
    await settled(world)
    assert set(await duties(world, case=case)) == {"take_stand"}
    gone = await world.admin.fetchval(
        "SELECT count(*) FROM cases.duties WHERE step = 'steg-1' AND withdrawn_at IS NOT NULL"
    )
    assert gone == 1


async def test_old_facts_start_no_clock_until_somebody_takes_the_case_on(world: World) -> None:
    long_ago = TUESDAY - timedelta(days=40)
    await activate(world, "stockholm")
    await world.take(Story(A, "bo", pb.FAMILY_LONG_TERM).raised(long_ago).event(long_ago))
    case = (await world.case(A, "bo"))["case_id"]
    await settled(world)
    assert await duties(world, case=case) == {}
    await perform(
        world.database,
        KARIN,
        case,
        "contact",
        {"on": DAY, "with_whom": ["guardian"], "way": "phone", "what": "Vi talade."},
    )
    assert set(await duties(world, case=case)) == {"take_stand", "stallning-langre"}


async def test_the_clocks_of_one_organiser_touch_no_other(world: World) -> None:
    for organiser in (A, B):
        await world.take(Story(organiser, "alva", pb.FAMILY_LONG_TERM).raised(MONDAY).event(MONDAY))
    await activate(world, "stockholm")
    await settled(world)
    rows = await world.admin.fetch(
        "SELECT organiser_id, coalesce(step, kind) AS key FROM cases.duties "
        "WHERE kind <> 'acknowledge' ORDER BY 1, 2"
    )
    of: dict[Any, set[str]] = {A.id: set(), B.id: set()}
    for row in rows:
        of[row["organiser_id"]].add(row["key"])
    assert of[A.id] == {"take_stand", "stallning-langre"}
    assert of[B.id] == {"take_stand"}


async def test_a_duty_follows_the_roster_when_the_rektor_changes(world: World) -> None:
    case = UUID(await opened(world))
    await settled(world)
    await world.admin.execute(
        "UPDATE people.duties SET valid_to = $2 WHERE staff_id = $1",
        A.staff("rolf"),
        TUESDAY + timedelta(days=1),
    )
    world.clock.at = local_instant(TUESDAY + timedelta(days=1), 7 * 60)
    await settled(world)
    stand = (await duties(world, case=case))["take_stand"]
    assert (stand["assigned_staff_id"], stand["assigned_as"]) == (
        A.staff("karin"),
        "attendance_officer",
    )


async def test_warnings_of_many_pupils_are_settled_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many portions it takes, and however often it is asked who waits."""
    monkeypatch.setattr(clockwork, "_PORTION", 2)
    monkeypatch.setattr(clockwork, "_ASKED", 5)
    for pupil in ("alva", "bo", "cilla", "ebba", "frej", "gry"):
        await world.take(Story(A, pupil, pb.FAMILY_LONG_TERM).raised(MONDAY).event(MONDAY))
    assert await settled(world) == 6
    count = await world.admin.fetchval(
        "SELECT count(*) FROM cases.duties WHERE kind = 'take_stand'"
    )
    assert count == 6


async def test_a_repeated_delivery_gives_the_clocks_nothing_to_do(world: World) -> None:
    story = Story(A, "alva", pb.FAMILY_LONG_TERM)
    events = [story.raised(MONDAY).event(MONDAY), story.escalated(TUESDAY).event(TUESDAY)]
    await world.take(*events)
    assert await settled(world) == 1
    before = await world.admin.fetch("SELECT xmin, * FROM cases.duties ORDER BY duty_id")
    assert {row["kind"] for row in before} == {"acknowledge", "take_stand"}
    await world.take(*events, *reversed(events))
    assert await settled(world) == 0
    after = await world.admin.fetch("SELECT xmin, * FROM cases.duties ORDER BY duty_id")
    assert after == before


def test_a_content_without_its_digest_is_not_used() -> None:
    raw = (PROFILES / "danderyd.toml").read_bytes()
    wrong = RuleProfile(profile_id="x", profile_version=1, content=raw, digest=b"\0" * 32)
    assert rule_profiles.decode(wrong.SerializeToString()) is None
    assert rule_profiles.decode(b"\xff\xff") is None
    assert rule_profiles.decode(None) is None


async def test_a_step_of_the_routine_is_ticked_off_and_the_next_begins_at_its_time(
    world: World,
) -> None:
    await activate(world, "danderyd")
    worse = Story(A, "alva", pb.FAMILY_SPORADIC).raised(MONDAY).escalated(MONDAY)
    await world.take(worse.event(MONDAY))
    case = (await world.case(A, "alva"))["case_id"]
    await settled(world)
    world.clock.at = local_instant(TUESDAY + timedelta(days=14), 9 * 60)
    await settled(world)
    second = (await duties(world, case=case))["steg-2"]
    listed = await today(world.database, MAJA, "mine")
    assert [one.title for one in listed.duties] == [
        "Steg 1: samtal med elev och hem",
        "Steg 2: enkel kartläggning",
    ]
    assert [one.overdue for one in listed.duties] == [False, False]
    olle = A.viewer("olle")
    with pytest.raises(Problem) as found:
        await tick_off(world.database, olle, second["duty_id"], second["version"], "")
    assert found.value.code == "no_such_duty"
    with pytest.raises(Problem) as found:
        await tick_off(world.database, A.viewer("elias"), second["duty_id"], second["version"], "")
    assert found.value.code == "not_yours_to_decide"
    await tick_off(world.database, MAJA, second["duty_id"], second["version"], "Klart i går.")
    with pytest.raises(Problem) as found:
        await tick_off(world.database, MAJA, second["duty_id"], second["version"], "")
    assert found.value.code == "changed_meanwhile"
    assert (await world.history(A, "alva"))[-1] == "ladder_done"
    # Two weeks of trying it, and then step 3: it is the rektor's.
    world.clock.at = local_instant(TUESDAY + timedelta(days=28), 9 * 60)
    await settled(world)
    third = (await duties(world, case=case))["steg-3"]
    assert third["assigned_staff_id"] == A.staff("rolf")
    assert [one.title for one in (await today(world.database, MAJA, "mine")).duties] == [
        "Steg 1: samtal med elev och hem"
    ]


async def test_what_the_law_asks_for_is_not_ticked_off(world: World) -> None:
    await opened(world)
    await settled(world)
    [stand] = (await today(world.database, ROLF, "mine")).duties
    assert (stand.kind, stand.step, stand.ours) == ("take_stand", "open_investigation", True)
    with pytest.raises(Problem) as found:
        await tick_off(world.database, ROLF, stand.duty_id, stand.version, "")
    assert found.value.code == "not_ticked_off"


async def test_overdue_statutory_duties_are_counted_by_kind(world: World) -> None:
    await opened(world)
    await settled(world)
    world.clock.at = local_instant(date(2026, 12, 2), 9 * 60)
    await Sweep(world.database).once()
    assert metrics.OVERDUE.labels("take_stand")._value.get() == 1
    assert metrics.OVERDUE.labels("concern_report")._value.get() == 0
