"""ews.warnings.v1: cases opened, joined, escalated, withdrawn; order and repeats do not matter."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from forvarning.warnings.v1 import warnings_pb2 as pb
from tests.integration.cases.world import TUESDAY, A, B, Story, World, delivery, give_duty

pytestmark = pytest.mark.anyio

LONG = pb.FAMILY_LONG_TERM
SPORADIC = pb.FAMILY_SPORADIC
TODAY = pb.FAMILY_UNEXCUSED_TODAY
MONDAY = TUESDAY - timedelta(days=1)
_FOLLOW = Path(__file__).resolve().parents[3] / "services/cases/migrations/0017_duties_follow.sql"


async def test_a_warning_opens_a_case_for_the_units_attendance_officer(world: World) -> None:
    await world.take(Story(A, "alva", LONG).raised(MONDAY).event(MONDAY))
    case = await world.case(A, "alva")
    assert case["number"] == "F-2026-00001"
    assert (case["assigned_staff_id"], case["assigned_as"]) == (
        A.staff("karin"),
        "attendance_officer",
    )
    assert (case["state"], case["level"], case["family"], case["woke"]) == (
        "new",
        1,
        "long_term",
        True,
    )
    assert case["headline"] == "Frånvarande hela skoldagen 5 skoldagar i rad."
    assert await world.history(A, "alva") == ["opened", "warning_raised", "assigned"]
    assert await world.told() == ["opened"]
    duty = await world.admin.fetchrow("SELECT * FROM cases.duties")
    assert duty is not None
    # Opened on a Tuesday: two school days later is Thursday, by 16.00 in Stockholm.
    assert duty["kind"] == "acknowledge"
    assert duty["due_at"].isoformat() == "2026-11-26T15:00:00+00:00"


async def test_the_same_message_again_and_older_ones_change_nothing(world: World) -> None:
    story = Story(A, "alva", LONG)
    first = story.raised(MONDAY).event(MONDAY)
    second = story.escalated(TUESDAY).event(TUESDAY)
    await world.take(first)
    await world.take(second)
    before = await _everything(world)
    await world.take(first, second, first)
    await world.take(first)
    assert await _everything(world) == before
    assert await world.history(A, "alva") == [
        "opened",
        "warning_raised",
        "assigned",
        "warning_escalated",
    ]


async def test_any_order_and_batching_gives_the_same_case(world: World) -> None:
    """The end result is the same for every order of arrival; the history in between may differ."""
    ends = []
    for number, order in enumerate(itertools.permutations(range(4))):
        pupil = ("alva", "bo", "cilla", "gry")[number % 4]
        long, short = Story(A, pupil, LONG), Story(A, pupil, SPORADIC)
        events = [
            long.raised(MONDAY).event(MONDAY),
            long.escalated(TUESDAY, 2).event(TUESDAY),
            short.raised(MONDAY, sentence="Borta 9 tillfällen på 20 skoldagar.").event(MONDAY),
            short.withdrawn().event(MONDAY),
        ]
        for index in order:
            await world.take(events[index])
        case = await world.case(A, pupil)
        ends.append((case["state"], case["level"], case["family"], case["headline"]))
        await _clear(world)
    assert set(ends) == {
        ("new", 2, "long_term", "Frånvarande hela skoldagen 10 skoldagar i rad."),
    }


async def test_a_batch_of_many_pupils_leaves_what_one_at_a_time_leaves(world: World) -> None:
    """Whatever stands in a batch together: nobody gets anything of anybody else's."""
    known = [
        Story(A, pupil, LONG).raised(MONDAY, level=n) for n, pupil in enumerate(("alva", "bo"))
    ]
    first = [story.event(MONDAY) for story in known]
    events = [
        known[0].escalated(TUESDAY, 3).event(TUESDAY),
        known[1].withdrawn().event(TUESDAY),
        # Of the same pupil and thread two revisions, and another thread beside it.
        *_revisions("cilla"),
        Story(A, "cilla", SPORADIC).raised(MONDAY, sentence="Borta 7 tillfällen.").event(MONDAY),
        # Without a case, with one by another thread, and of nobody whom the roster knows.
        Story(A, "ebba", TODAY, unit="ek", group="9C").raised(TUESDAY).event(TUESDAY),
        Story(A, "alva", TODAY).raised(TUESDAY).event(TUESDAY),
        Story(A, "stranger", SPORADIC).raised(MONDAY, sentence="Borta 9 tillfällen.").event(MONDAY),
        Story(A, "gry", SPORADIC, unit="ek").raised(MONDAY, sentence="Borta 8.").event(MONDAY),
    ]
    await world.take(*first)
    for event in events:
        await world.take(event)
    alone = await _standing(world)
    await _clear(world)
    await world.take(*first)
    await world.take(*events, *reversed(events))
    assert await _standing(world) == alone
    cases, warnings, _, duties = alone
    assert {row[1] for row in cases} >= {"Borta 9 tillfällen.", "Borta 8."}
    assert {row[-1] in {row[0], None} for row in (*warnings, *duties)} == {True}
    assert (A.pupil("ebba"), None) in {(row[0], row[-1]) for row in warnings}


def _revisions(pupil: str) -> list[bytes]:
    story = Story(A, pupil, LONG).raised(MONDAY)
    return [story.event(MONDAY), story.escalated(TUESDAY, 2).event(TUESDAY)]


async def _standing(world: World) -> list[list[tuple[object, ...]]]:
    """Cases, threads, episodes and what has to be done, pupil by pupil; no ids made on the way."""
    tables = (
        """
        SELECT pupil_id, headline, school_unit_id, class_id, state, level, family, school_date,
               woke, assigned_staff_id, assigned_as, opened_at FROM cases.cases
        """,
        """
        SELECT w.pupil_id, w.thread_id, w.revision, w.family, w.snapshot, w.school_date,
               c.pupil_id AS whose FROM cases.warnings w LEFT JOIN cases.cases c USING (case_id)
        """,
        """
        SELECT pupil_id, thread_id, episode_id, state, level, raised_day, sentence, lessons
        FROM cases.episodes
        """,
        """
        SELECT d.pupil_id, d.kind, d.due_at, c.pupil_id AS whose
        FROM cases.duties d LEFT JOIN cases.cases c USING (case_id)
        """,
    )
    return [
        sorted((tuple(row) for row in await world.admin.fetch(query)), key=repr) for query in tables
    ]


async def test_one_case_a_pupil_and_school_year(world: World) -> None:
    await world.take(
        Story(A, "alva", LONG).raised(MONDAY).event(MONDAY),
        Story(A, "alva", SPORADIC).raised(MONDAY).event(MONDAY),
        Story(A, "bo", SPORADIC).raised(MONDAY).event(MONDAY),
    )
    numbers = await world.admin.fetch("SELECT number FROM cases.cases ORDER BY number")
    assert [row["number"] for row in numbers] == ["F-2026-00001", "F-2026-00002"]
    linked = await world.admin.fetchval("SELECT count(DISTINCT case_id) FROM cases.warnings")
    assert linked == 2


async def test_unexcused_today_opens_no_case_but_joins_one(world: World) -> None:
    today = Story(A, "alva", TODAY)
    await world.take(today.raised(TUESDAY, sentence="Oförklarat borta 60 minuter.").event(TUESDAY))
    assert await world.admin.fetchval("SELECT count(*) FROM cases.cases") == 0
    assert await world.told() == []
    await world.take(Story(A, "alva", SPORADIC).raised(TUESDAY).event(TUESDAY))
    case = await world.case(A, "alva")
    joined = await world.admin.fetchval(
        "SELECT count(*) FROM cases.warnings WHERE case_id = $1", case["case_id"]
    )
    assert joined == 2
    # The case's own sentence is about what opened it, not about today's lesson.
    assert case["family"] == "sporadic"
    await world.take(today.withdrawn().event(TUESDAY))
    case = await world.case(A, "alva")
    assert (case["state"], case["attention"]) == ("new", None)
    assert "warning_withdrawn" in await world.history(A, "alva")
    assert await world.told() == ["opened"]


async def test_a_withdrawn_warning_never_vanishes_and_asks_for_a_decision(world: World) -> None:
    story = Story(A, "alva", LONG)
    await world.take(story.raised(MONDAY).event(MONDAY))
    await world.take(story.withdrawn().event(MONDAY))
    case = await world.case(A, "alva")
    assert (case["state"], case["level"], case["attention"]) == ("new", 0, "withdrawn")
    assert "återtagits" in case["headline"] or "tillbaka" in case["headline"]
    assert await world.told() == ["opened", "changed"]


async def test_raised_and_withdrawn_before_anybody_saw_it_opens_nothing(world: World) -> None:
    story = Story(A, "alva", LONG)
    await world.take(story.raised(MONDAY).event(MONDAY), story.withdrawn().event(MONDAY))
    assert await world.admin.fetchval("SELECT count(*) FROM cases.cases") == 0


async def test_old_facts_wake_nobody(world: World) -> None:
    old = TUESDAY - timedelta(days=60)
    story = Story(A, "alva", LONG)
    await world.take(story.raised(old).event(old))
    case = await world.case(A, "alva")
    assert case["woke"] is False
    assert case["school_date"] == old
    assert await world.admin.fetchval("SELECT count(*) FROM cases.duties") == 0
    # A new school day makes it worse: now somebody is asked.
    await world.take(story.escalated(TUESDAY).event(TUESDAY))
    case = await world.case(A, "alva")
    assert case["woke"] is True
    assert await world.admin.fetchval("SELECT count(*) FROM cases.duties") == 1


async def test_history_from_before_the_cut_over_wakes_nobody_however_recent(world: World) -> None:
    await world.admin.execute(
        "INSERT INTO people.wake_from (organiser_id, pupil_id, wake_from) VALUES ($1, $2, $3)",
        A.id,
        A.pupil("alva"),
        TUESDAY,
    )
    story = Story(A, "alva", LONG)
    await world.take(
        story.raised(MONDAY).event(MONDAY), Story(A, "bo", LONG).raised(MONDAY).event(MONDAY)
    )
    assert (await world.case(A, "alva"))["woke"] is False
    assert (await world.case(A, "bo"))["woke"] is True
    assert await world.admin.fetchval("SELECT count(*) FROM cases.duties") == 1
    # What the first day after it adds wakes somebody, about all of it.
    await world.take(story.escalated(TUESDAY).event(TUESDAY))
    assert (await world.case(A, "alva"))["woke"] is True
    assert await world.admin.fetchval("SELECT count(*) FROM cases.duties") == 2


async def test_age_limit_is_the_day_after_a_week(world: World) -> None:
    edge, beyond = TUESDAY - timedelta(days=7), TUESDAY - timedelta(days=8)
    await world.take(
        Story(A, "alva", LONG).raised(edge).event(edge),
        Story(A, "bo", LONG).raised(beyond).event(beyond),
    )
    assert (await world.case(A, "alva"))["woke"] is True
    assert (await world.case(A, "bo"))["woke"] is False


async def test_principal_where_nobody_is_attendance_officer_and_nobody_at_last(
    world: World,
) -> None:
    await world.admin.execute("DELETE FROM people.duties WHERE staff_id = $1", A.staff("karin"))
    await world.take(Story(A, "alva", LONG).raised(MONDAY).event(MONDAY))
    assert (await world.case(A, "alva"))["assigned_as"] == "principal"
    await world.admin.execute("DELETE FROM people.duties WHERE staff_id = $1", A.staff("rolf"))
    await world.take(Story(A, "bo", LONG).raised(MONDAY).event(MONDAY))
    case = await world.case(A, "bo")
    assert case["assigned_staff_id"] is None
    # It stands in the unassigned list of the area's coordinator.
    async with world.database.person(A.viewer("kim")) as connection:
        seen = await connection.fetch("SELECT number FROM cases.cases")
    assert [row["number"] for row in seen] == [case["number"]]


async def test_the_substitute_steps_in_when_the_ordinary_duty_has_ended(world: World) -> None:
    await give_duty(world.admin, A, "elias", "attendance_officer", "unit:bjork", substitute=True)
    await world.take(Story(A, "alva", LONG).raised(MONDAY).event(MONDAY))
    assert (await world.case(A, "alva"))["assigned_staff_id"] == A.staff("karin")
    await world.admin.execute(
        "UPDATE people.duties SET valid_to = $2 WHERE staff_id = $1", A.staff("karin"), TUESDAY
    )
    await world.take(Story(A, "bo", LONG).raised(MONDAY).event(MONDAY))
    assert (await world.case(A, "bo"))["assigned_staff_id"] == A.staff("elias")


async def test_organisers_have_their_own_numbers_and_cases(world: World) -> None:
    await world.take(
        Story(A, "alva", LONG).raised(MONDAY).event(MONDAY),
        Story(B, "alva", LONG).raised(MONDAY).event(MONDAY),
    )
    assert (await world.case(A, "alva"))["number"] == "F-2026-00001"
    assert (await world.case(B, "alva"))["number"] == "F-2026-00001"
    assert (await world.case(A, "alva"))["case_id"] != (await world.case(B, "alva"))["case_id"]


async def test_a_case_without_known_place_is_not_lost(world: World) -> None:
    story = Story(A, "okänd", LONG, unit="stängd", group="0X")
    await world.take(story.raised(MONDAY).event(MONDAY))
    case = await world.case(A, "okänd")
    assert case["assigned_staff_id"] is None
    assert case["school_unit_id"] == A.unit("stängd")


async def test_next_school_year_is_another_case(world: World) -> None:
    spring, autumn = date(2026, 6, 10), date(2026, 8, 24)
    for day in (spring, autumn):
        story = Story(A, f"{'alva'}", LONG)
        event = pb.WarningEvent.FromString(story.raised(day).event(day))
        event.thread_id = bytes([day.month]) * 16
        await world.take(event.SerializeToString())
    numbers = await world.admin.fetch("SELECT number FROM cases.cases ORDER BY number")
    assert [row["number"] for row in numbers] == ["F-2025-00001", "F-2026-00001"]


async def _everything(world: World) -> list[object]:
    tables = ("cases", "warnings", "episodes", "case_events", "duties", "outbox", "inbox")
    return [
        sorted(map(str, await world.admin.fetch(f"SELECT * FROM cases.{table}")))
        for table in tables
    ]


async def _clear(world: World) -> None:
    await world.admin.execute(
        "TRUNCATE cases.cases, cases.warnings, cases.episodes, cases.case_events, cases.duties, "
        "cases.outbox, cases.inbox, cases.case_numbers, cases.comments CASCADE"
    )


async def _move_to_ek(world: World, pupil: str) -> None:
    await world.admin.execute(
        "UPDATE people.placements SET school_unit_id = $2, class_id = $3 WHERE pupil_id = $1",
        A.pupil(pupil),
        A.unit("ek"),
        A.group("9C"),
    )


async def _open_duties(world: World, pupil: str) -> dict[str, tuple[UUID, UUID, UUID]]:
    rows = await world.admin.fetch(
        "SELECT kind, school_unit_id, class_id, assigned_staff_id FROM cases.duties "
        "WHERE pupil_id = $1 AND done_at IS NULL",
        A.pupil(pupil),
    )
    return {row["kind"]: tuple(row)[1:] for row in rows}


async def test_open_duties_go_along_when_a_warning_moves_a_case_that_stays_with_its_holder(
    world: World,
) -> None:
    await world.admin.execute(
        "UPDATE people.duties SET staff_id = $2 WHERE staff_id = $1",
        A.staff("olle"),
        A.staff("karin"),
    )
    story = Story(A, "alva", pb.FAMILY_LONG_TERM).raised(MONDAY)
    await world.take(story.event(MONDAY))
    await world.take_deliveries(delivery(A, "alva", TUESDAY, world.clock.now()))
    await _move_to_ek(world, "alva")
    await world.take(story.escalated(TUESDAY).event(TUESDAY))
    assert (await world.case(A, "alva"))["school_unit_id"] == A.unit("ek")
    there = (A.unit("ek"), A.group("9C"), A.staff("karin"))
    assert await _open_duties(world, "alva") == {"acknowledge": there, "call_home": there}


async def test_a_closed_cases_open_duties_go_along_but_stay_with_whom_they_stood(
    world: World,
) -> None:
    story = Story(A, "alva", pb.FAMILY_LONG_TERM).raised(MONDAY)
    await world.take(story.event(MONDAY))
    await world.take_deliveries(delivery(A, "alva", TUESDAY, world.clock.now()))
    # The call was given to somebody else than the case.
    await world.admin.execute(
        "UPDATE cases.duties SET assigned_staff_id = $1 WHERE kind = 'call_home'", A.staff("rolf")
    )
    await world.close(A.viewer("karin"), (await world.case(A, "alva"))["case_id"])
    await _move_to_ek(world, "alva")
    await world.take(story.resolved(TUESDAY).event(TUESDAY))
    case = await world.case(A, "alva")
    assert (case["state"], case["school_unit_id"]) == ("closed", A.unit("ek"))
    assert (await _open_duties(world, "alva"))["call_home"] == (
        A.unit("ek"),
        A.group("9C"),
        A.staff("rolf"),
    )


async def test_a_call_home_that_a_new_case_takes_up_goes_where_the_case_stands(
    world: World,
) -> None:
    await world.take_deliveries(delivery(A, "alva", TUESDAY, world.clock.now()))
    await _move_to_ek(world, "alva")
    await world.take(Story(A, "alva", pb.FAMILY_LONG_TERM).raised(MONDAY).event(MONDAY))
    there = (A.unit("ek"), A.group("9C"), A.staff("olle"))
    assert await _open_duties(world, "alva") == {"acknowledge": there, "call_home": there}


async def test_what_stayed_behind_before_is_brought_after_by_the_migration(world: World) -> None:
    await world.take(Story(A, "alva", LONG).raised(MONDAY).event(MONDAY))
    await world.take_deliveries(delivery(A, "alva", TUESDAY, world.clock.now()))
    await world.take_deliveries(delivery(A, "bo", TUESDAY, world.clock.now()))
    await world.admin.execute("UPDATE cases.duties SET school_unit_id = $1", A.unit("ek"))
    async with world.admin.transaction():
        await world.admin.execute("SET LOCAL ROLE forvarning_owner")
        await world.admin.execute(_FOLLOW.read_text("utf-8"))
    here = (A.unit(), A.group(), A.staff("karin"))
    assert await _open_duties(world, "alva") == {"acknowledge": here, "call_home": here}
    # What has no case is left alone.
    assert (await _open_duties(world, "bo"))["call_home"][0] == A.unit("ek")
    forced = await world.admin.fetch(
        "SELECT relforcerowsecurity FROM pg_class "
        "WHERE oid IN ('cases.duties'::regclass, 'cases.cases'::regclass)"
    )
    assert [row[0] for row in forced] == [True, True]
