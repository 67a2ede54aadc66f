"""notify.deliveries.v1 becomes "Ring hem"; ews.absence-days.v1 the calendar."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases.views.case import read_call, read_case
from services.cases.views.today import today
from tests.integration.cases.world import TUESDAY, A, Story, World, absence_day, delivery

pytestmark = pytest.mark.anyio
MONDAY = TUESDAY - timedelta(days=1)


def unexcused(pupil: str, day: date = TUESDAY) -> Story:
    return Story(A, pupil, pb.FAMILY_UNEXCUSED_TODAY).raised(day)


async def test_a_call_home_stands_in_todays_list_of_the_officer(world: World) -> None:
    await world.take(unexcused("dino").event(TUESDAY))
    await world.take_deliveries(delivery(A, "dino", TUESDAY, world.clock.now()))
    shown = await today(world.database, A.viewer("karin"), "mine")
    (call,) = shown.calls
    assert (call.pupil.name, call.pupil.protected, call.mine) == ("Dino Testberg", True, True)
    assert call.reason == "Eleven har skyddade personuppgifter, så inget meddelande skickas."
    # To others of the unit it is a pupil without a name.
    (call,) = (await today(world.database, A.viewer("elias"), "all")).calls
    assert (call.pupil.name, call.pupil.class_name, call.pupil.known) == (None, None, False)


async def test_the_same_delivery_again_and_a_second_one_make_one_call(world: World) -> None:
    raw = delivery(A, "hugo", TUESDAY, world.clock.now(), reason="no_address")
    await world.take_deliveries(raw, raw)
    await world.take_deliveries(raw)
    # Two guardians, two notices that could not be sent: one call home.
    await world.take_deliveries(delivery(A, "hugo", TUESDAY, world.clock.now(), key="2"))
    assert await world.admin.fetchval("SELECT count(*) FROM cases.duties") == 1
    assert await world.admin.fetchval("SELECT count(*) FROM cases.deliveries") == 2


async def test_a_call_stays_until_somebody_has_called(world: World) -> None:
    await world.take_deliveries(delivery(A, "hugo", TUESDAY, world.clock.now()))
    world.clock.advance(timedelta(days=3))
    shown = await today(world.database, A.viewer("karin"), "mine")
    assert [call.school_date for call in shown.calls] == [TUESDAY]


@pytest.mark.parametrize("first", ["warning", "delivery"])
async def test_a_correction_withdraws_the_call_whichever_is_read_first(
    world: World, first: str
) -> None:
    story = unexcused("hugo")
    raised = story.event(TUESDAY)
    gone = story.withdrawn().event(TUESDAY)
    call = delivery(A, "hugo", TUESDAY, world.clock.now(), reason="no_address")
    await world.take(raised)
    if first == "warning":
        await world.take(gone)
        await world.take_deliveries(call)
    else:
        await world.take_deliveries(call)
        await world.take(gone)
    (line,) = (await today(world.database, A.viewer("karin"), "mine")).calls
    assert line.withdrawn
    # Shown the same day, gone from the list the next: nobody has to ring.
    world.clock.advance(timedelta(days=1))
    assert (await today(world.database, A.viewer("karin"), "mine")).calls == []
    # The teacher changes it back: the duty is there again.
    story.episodes[-1].state = pb.EPISODE_STATE_ACTIVE
    await world.take(story.event(TUESDAY))
    (line,) = (await today(world.database, A.viewer("karin"), "mine")).calls
    assert not line.withdrawn


async def test_the_call_joins_a_case_that_is_opened_later(world: World) -> None:
    await world.take_deliveries(delivery(A, "alva", TUESDAY, world.clock.now()))
    await world.take(Story(A, "alva", pb.FAMILY_LONG_TERM).raised(MONDAY).event(MONDAY))
    case = await world.case(A, "alva")
    shown = await read_case(world.database, A.viewer("karin"), case["case_id"])
    assert [call.school_date for call in shown.calls] == [TUESDAY]
    assert shown.calls[0].case_number == case["number"]


async def test_from_the_18th_birthday_the_pupil_is_rung_not_the_guardians(world: World) -> None:
    await world.take_deliveries(delivery(A, "hugo", TUESDAY, world.clock.now()))
    await world.take_deliveries(delivery(A, "alva", TUESDAY, world.clock.now()))
    duties = {
        row["pupil_id"]: row["duty_id"]
        for row in await world.admin.fetch("SELECT pupil_id, duty_id FROM cases.duties")
    }
    hugo = await read_call(world.database, A.viewer("karin"), duties[A.pupil("hugo")])
    assert hugo.adult
    assert [contact.name for contact in hugo.contacts] == ["Hugo Övningsson"]
    alva = await read_call(world.database, A.viewer("karin"), duties[A.pupil("alva")])
    assert not alva.adult
    assert sorted(contact.name for contact in alva.contacts) == [
        "Vera Exempelsson",
        "Viktor Exempelsson",
    ]


async def test_what_became_of_notices_stands_in_the_case(world: World) -> None:
    await world.take(Story(A, "alva", pb.FAMILY_LONG_TERM).raised(MONDAY).event(MONDAY))
    await world.take_deliveries(
        delivery(A, "alva", TUESDAY, world.clock.now(), state="FAILED", reason="not_delivered")
    )
    await world.take_deliveries(
        delivery(A, "alva", TUESDAY, world.clock.now(), state="SENT", reason="")
    )
    assert (await world.history(A, "alva"))[-2:] == ["notice_failed", "notice_sent"]
    await world.take(unexcused("alva").event(TUESDAY))
    (line,) = (await today(world.database, A.viewer("karin"), "mine")).unexcused
    assert line.notice == "sent"


async def test_unexcused_today_shows_today_and_the_last_school_day(world: World) -> None:
    friday = TUESDAY - timedelta(days=4)
    old = TUESDAY - timedelta(days=12)
    excused = unexcused("cilla", MONDAY)
    await world.take(
        unexcused("frej", TUESDAY).event(TUESDAY),
        unexcused("bo", MONDAY).event(MONDAY),
        unexcused("gry", friday).event(friday),
        unexcused("hugo", old).event(old),
        excused.event(MONDAY),
    )
    await world.take(excused.withdrawn().event(MONDAY))
    shown = await today(world.database, A.viewer("karin"), "mine")
    assert [line.pupil.name for line in shown.unexcused] == ["Frej Påhittson"]
    assert [line.pupil.name for line in shown.unexcused_before] == ["Bo Låtsasson"]


async def test_absence_days_keep_the_highest_revision(world: World) -> None:
    await world.take(Story(A, "alva", pb.FAMILY_LONG_TERM).raised(MONDAY).event(MONDAY))
    newer = absence_day(A, "alva", MONDAY, valid=300, absent=5, revision=3)
    older = absence_day(A, "alva", MONDAY, unexplained=300, absent=5, revision=2)
    await world.take_days(older, newer, older)
    await world.take_days(older)
    await world.take_days(newer)
    rows = await world.admin.fetch("SELECT revision, valid FROM cases.absence_days")
    assert [tuple(row) for row in rows] == [(3, 300)]
    case = await world.case(A, "alva")
    shown = await read_case(world.database, A.viewer("karin"), case["case_id"])
    week = shown.calendar[-1]
    assert [day.kind for day in week.days] == [
        "full_valid",
        "unreported",
        "outside",
        "outside",
        "outside",
    ]
    assert shown.calendar[0].days[0].kind == "outside"
    autumn_break = [week for week in shown.calendar if week.number == 45]
    assert {day.kind for day in autumn_break[0].days} == {"free"}


async def test_days_far_outside_any_partition_are_kept(world: World) -> None:
    await world.take_days(
        absence_day(A, "alva", date(2019, 9, 2)), absence_day(A, "alva", date(2044, 9, 1))
    )
    assert await world.admin.fetchval("SELECT count(*) FROM cases.absence_days") == 2
