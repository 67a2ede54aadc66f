"""The same-day notice: who is told what, when, and when somebody has to call instead."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from uuid import uuid4

import pytest

from forvarning.warnings.v1 import warnings_pb2
from services.common import topics
from services.notify import metrics
from tests.integration.notify.sinks import MailSink
from tests.integration.notify.world import TUESDAY, World

pytestmark = pytest.mark.anyio

MONDAY = TUESDAY - timedelta(days=1)


async def test_a_guardian_is_told_after_the_grace_time_without_a_name(
    world: World, mails: MailSink
) -> None:
    guardian = await world.guardian("hem@example.org")
    pupil = await world.pupil(guardian)
    await world.take(world.warning(pupil, TUESDAY))
    await world.rounds()
    world.pass_minutes(19.9)
    await world.rounds()
    assert mails.mails == []
    world.pass_minutes(0.2)
    await world.rounds()
    (mail,) = mails.mails
    assert mails.recipients == ["hem@example.org"]
    text = mail.get_content()
    assert "010-000 00 00" in text
    assert "frånvaro i dag" in text
    whole = mail.as_string() + text
    for word in ("Påhittad", "Elevsson", "Vuxensson", "Björkskolan", "Testköping", str(pupil)):
        assert word not in whole
    assert mail["Auto-Submitted"] == "auto-generated"
    assert await world.ends(pupil) == [("sent", "")]


async def test_each_guardian_is_told_and_other_relations_are_not(
    world: World, mails: MailSink
) -> None:
    one, two = await world.guardian("ett@example.org"), await world.guardian("tva@example.org")
    other = await world.guardian("granne@example.org")
    pupil = await world.pupil(one, two)
    await world.relate(pupil, other, "contact")
    await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(21)
    await world.rounds()
    assert sorted(mails.recipients) == ["ett@example.org", "tva@example.org"]
    assert len(mails.ids()) == 2


async def test_withdrawn_in_the_grace_time_is_not_sent(world: World, mails: MailSink) -> None:
    pupil = await world.pupil(await world.guardian())
    await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(10)
    await world.take(world.warning(pupil, withdrawn=(TUESDAY,)))
    world.pass_minutes(60)
    await world.rounds()
    assert mails.mails == []
    assert await world.ends(pupil) == []
    (obligation,) = await world.rows("obligations")
    assert obligation["state"] == "withdrawn"


async def test_withdrawn_and_raised_again_waits_out_a_grace_time_of_its_own(
    world: World, mails: MailSink
) -> None:
    pupil = await world.pupil(await world.guardian())
    await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(10)
    await world.take(world.warning(pupil, withdrawn=(TUESDAY,)))
    await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(15)
    await world.rounds()
    assert mails.mails == []
    world.pass_minutes(6)
    await world.rounds()
    assert len(mails.mails) == 1


async def test_an_amended_absence_is_not_told_twice(world: World, mails: MailSink) -> None:
    pupil = await world.pupil(await world.guardian())
    await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(21)
    await world.rounds()
    for _ in range(3):
        await world.take(world.warning(pupil, TUESDAY))
        world.pass_minutes(60)
        await world.rounds()
    assert len(mails.mails) == 1
    assert await world.ends(pupil) == [("sent", "")]


async def test_two_children_in_the_grace_time_are_one_mail(world: World, mails: MailSink) -> None:
    guardian = await world.guardian()
    one, two = await world.pupil(guardian), await world.pupil(guardian)
    await world.take(world.warning(one, TUESDAY))
    world.pass_minutes(5)
    await world.take(world.warning(two, TUESDAY))
    # No worker ran in between, so both are due when it comes back.
    world.pass_minutes(21)
    await world.rounds()
    assert len(mails.mails) == 1
    assert await world.ends(one) == [("sent", "")]
    assert await world.ends(two) == [("sent", "")]


async def test_a_second_child_after_the_mail_is_a_call_not_a_second_mail(
    world: World, mails: MailSink
) -> None:
    guardian = await world.guardian()
    one, two = await world.pupil(guardian), await world.pupil(guardian)
    await world.take(world.warning(one, TUESDAY))
    world.pass_minutes(21)
    await world.rounds()
    await world.take(world.warning(two, TUESDAY))
    world.pass_minutes(21)
    await world.rounds()
    assert len(mails.mails) == 1
    assert await world.ends(two) == [("call_home", "already_told_today")]


async def test_explained_and_absent_again_the_same_day_is_a_call(
    world: World, mails: MailSink
) -> None:
    pupil = await world.pupil(await world.guardian())
    await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(21)
    await world.rounds()
    await world.take(world.warning(pupil, withdrawn=(TUESDAY,)))
    (obligation,) = await world.rows("obligations")
    assert (obligation["state"], obligation["excused"]) == ("arranged", True)
    await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(21)
    await world.rounds()
    assert len(mails.mails) == 1
    assert await world.ends(pupil) == [("call_home", "already_told_today"), ("sent", "")]


async def test_a_protected_pupil_is_in_no_mail(world: World, mails: MailSink) -> None:
    pupil = await world.pupil(await world.guardian(), protection="protected_registration")
    await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(21)
    await world.rounds()
    assert mails.mails == []
    assert await world.ends(pupil) == [("call_home", "protected_pupil")]


async def test_protection_given_while_a_mail_waits_for_its_next_try_holds(
    world: World, mails: MailSink
) -> None:
    mails.answer = lambda _: "451 later"
    pupil = await world.pupil(await world.guardian())
    await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(21)
    await world.rounds(1)
    await world.protect(pupil)
    mails.answer = lambda _: "250 OK"
    world.pass_minutes(5)
    await world.rounds()
    assert mails.mails == []
    assert await world.ends(pupil) == [("call_home", "protected_pupil")]


async def test_special_reasons_tell_nobody_and_ask_nobody_to_call(
    world: World, mails: MailSink
) -> None:
    for protection in ("none", "confidential"):
        pupil = await world.pupil(await world.guardian(), protection=protection)
        await world.suppress(pupil, MONDAY)
        await world.take(world.warning(pupil, TUESDAY))
        world.pass_minutes(21)
        await world.rounds()
        assert await world.ends(pupil) == [("suppressed", "special_reasons")]
    assert mails.mails == []


async def test_without_an_address_somebody_calls_and_the_other_guardian_is_mailed(
    world: World, mails: MailSink
) -> None:
    pupil = await world.pupil(await world.guardian(None), await world.guardian("b@example.org"))
    lonely = await world.pupil()
    await world.take(world.warning(pupil, TUESDAY), world.warning(lonely, TUESDAY))
    world.pass_minutes(21)
    await world.rounds()
    assert mails.recipients == ["b@example.org"]
    assert await world.ends(pupil) == [("call_home", "no_address"), ("sent", "")]
    assert await world.ends(lonely) == [("call_home", "no_guardian")]


async def test_from_the_eighteenth_birthday_the_pupil_is_told(
    world: World, mails: MailSink
) -> None:
    guardian = await world.guardian("hem@example.org")
    adult = await world.pupil(guardian, birth_date=date(2008, 11, 24), email="vuxen@example.org")
    child = await world.pupil(guardian, birth_date=date(2008, 11, 25), email="barn@example.org")
    silent = await world.pupil(guardian, birth_date=date(2008, 1, 1))
    for pupil in (adult, child, silent):
        await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(21)
    await world.rounds()
    assert sorted(mails.recipients) == ["hem@example.org", "vuxen@example.org"]
    (own,) = [mail for mail in mails.mails if mail["To"] == "vuxen@example.org"]
    assert "du har en frånvaro" in own.get_content()
    assert await world.ends(silent) == [("call_home", "no_address")]


async def test_born_on_a_leap_day_comes_of_age_on_28_february(
    world: World, mails: MailSink
) -> None:
    guardian = await world.guardian("hem@example.org")
    pupil = await world.pupil(guardian, birth_date=date(2012, 2, 29), email="elev@example.org")
    for day in (date(2030, 2, 27), date(2030, 2, 28)):
        world.at(9, day=day)
        await world.take(world.warning(pupil, day))
        world.pass_minutes(21)
        await world.rounds()
    assert mails.recipients == ["hem@example.org", "elev@example.org"]


async def test_a_pupil_the_roster_does_not_know_is_a_call(world: World, mails: MailSink) -> None:
    stranger = world.unit
    await world.take(world.warning(stranger, TUESDAY))
    world.pass_minutes(21)
    await world.rounds()
    assert mails.mails == []
    assert await world.ends(stranger) == [("call_home", "unknown_pupil")]


async def test_late_in_the_evening_the_grace_is_cut_and_the_notice_goes_out(
    world: World, mails: MailSink
) -> None:
    world.at(23, 50)
    pupil = await world.pupil(await world.guardian())
    await world.take(world.warning(pupil, TUESDAY))
    world.at(23, 55)
    await world.rounds()
    assert len(mails.mails) == 1


async def test_an_outage_over_midnight_ends_in_a_call_and_no_mail(
    world: World, mails: MailSink
) -> None:
    told_late = await world.pupil(await world.guardian())
    never_tried = await world.pupil(await world.guardian())
    mails.answer = lambda _: "451 later"
    world.at(23, 30)
    await world.take(world.warning(told_late, TUESDAY))
    world.at(23, 51)
    await world.rounds(1)
    await world.take(world.warning(never_tried, TUESDAY))
    mails.answer = lambda _: "250 OK"
    world.at(0, 5, day=TUESDAY + timedelta(days=1))
    for _ in range(5):
        await world.rounds()
        world.pass_minutes(30)
    assert mails.mails == []
    assert await world.ends(told_late) == [("call_home", "too_late")]
    assert await world.ends(never_tried) == [("call_home", "too_late")]


async def test_the_event_itself_comes_after_midnight(world: World, mails: MailSink) -> None:
    pupil = await world.pupil(await world.guardian())
    event = world.warning(pupil, TUESDAY)  # reported on Tuesday
    world.at(7, day=TUESDAY + timedelta(days=8))
    await world.take(event)
    await world.rounds()
    assert mails.mails == []
    assert await world.ends(pupil) == [("call_home", "too_late")]


async def test_reported_days_late_is_a_call_for_three_days_and_then_nothing(
    world: World, mails: MailSink
) -> None:
    recent, old = await world.pupil(await world.guardian()), await world.pupil()
    world.at(9, day=TUESDAY + timedelta(days=3))
    await world.take(world.warning(recent, TUESDAY))
    world.at(9, day=TUESDAY + timedelta(days=4))
    await world.take(world.warning(old, TUESDAY))
    world.pass_minutes(60)
    await world.rounds()
    assert mails.mails == []
    assert await world.ends(recent) == [("call_home", "too_late")]
    assert await world.ends(old) == []


async def test_importing_a_whole_term_sends_no_mail_and_asks_for_no_call(
    world: World, mails: MailSink
) -> None:
    pupils = [await world.pupil(await world.guardian(f"hem{n}@example.org")) for n in range(20)]
    first = date(2026, 8, 18)
    days = [first + timedelta(days=n) for n in range((TUESDAY - first).days)]
    for pupil in pupils:
        for end in range(7, len(days), 7):
            await world.take(world.warning(pupil, *days[:end]))
        await world.take(world.warning(pupil, *days))
    for _ in range(4):
        await world.rounds()
        world.pass_minutes(60)
    assert mails.mails == []
    assert await world.rows("deliveries") == []
    assert await world.rows("outbox") == []


async def test_an_older_or_repeated_revision_changes_nothing(world: World, mails: MailSink) -> None:
    pupil = await world.pupil(await world.guardian())
    first = world.warning(pupil, TUESDAY)
    second = world.warning(pupil, withdrawn=(TUESDAY,))
    await world.take(second, first, first, second)
    world.pass_minutes(60)
    await world.rounds()
    assert mails.mails == []
    assert await world.rows("obligations") == []


async def test_revisions_that_compaction_took_away_are_made_good(
    world: World, mails: MailSink
) -> None:
    pupil = await world.pupil(await world.guardian())
    wednesday, thursday = TUESDAY + timedelta(days=1), TUESDAY + timedelta(days=2)
    world.at(9, day=thursday)
    await world.take(world.warning(pupil, TUESDAY, wednesday, thursday, revision=3))
    world.pass_minutes(21)
    await world.rounds()
    assert len(mails.mails) == 1
    assert await world.ends(pupil) == [
        ("call_home", "too_late"),
        ("call_home", "too_late"),
        ("sent", ""),
    ]


async def test_two_workers_at_once_send_each_mail_once(world: World, mails: MailSink) -> None:
    for number in range(25):
        pupil = await world.pupil(await world.guardian(f"hem{number}@example.org"))
        await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(21)
    await asyncio.gather(*(world.round() for _ in range(4)))
    await world.rounds(8)
    assert len(mails.mails) == len(mails.ids()) == 25


async def test_the_grace_time_counts_elapsed_minutes_when_the_clocks_go_back(
    world: World, mails: MailSink
) -> None:
    # 2026-10-25 03:00 becomes 02:00; a Sunday, yet the arithmetic must hold on any day.
    day = date(2026, 10, 25)
    await world.admin.execute("UPDATE notify.organisers SET wake_from = $1", date(2026, 8, 1))
    pupil = await world.pupil(await world.guardian())
    world.at(2, 50, day=day)
    await world.take(world.warning(pupil, day))
    world.pass_minutes(19)
    await world.rounds()
    assert mails.mails == []
    world.pass_minutes(2)
    await world.rounds()
    assert len(mails.mails) == 1


async def test_the_day_of_23_hours_ends_at_its_own_midnight(world: World, mails: MailSink) -> None:
    day = date(2027, 3, 28)
    pupil, late = await world.pupil(await world.guardian()), await world.pupil()
    world.at(23, 40, day=day)
    await world.take(world.warning(pupil, day))
    world.at(23, 56, day=day)
    await world.rounds()
    assert len(mails.mails) == 1
    await world.take(world.warning(late, day))
    world.at(0, 1, day=day + timedelta(days=1))
    await world.rounds()
    assert await world.ends(late) == [("call_home", "too_late")]


async def test_an_organisers_own_grace_time(world: World, mails: MailSink) -> None:
    await world.admin.execute("UPDATE notify.organisers SET grace_minutes = 0")
    pupil = await world.pupil(await world.guardian())
    await world.take(world.warning(pupil, TUESDAY))
    await world.rounds()
    assert len(mails.mails) == 1


async def test_of_an_erased_pupil_nothing_is_noted_and_nobody_is_told(
    world: World, mails: MailSink
) -> None:
    await world.open_for_business()
    staff, guardian = await world.staff(), await world.guardian()
    gone, stays = await world.pupil(guardian), await world.pupil(guardian)
    await world.admin.execute(
        "INSERT INTO records.erased VALUES ($1, $2, now(), $3)", world.organiser, gone, uuid4()
    )
    outcomes = [
        metrics.EVENTS.labels(topics.WARNINGS.name, outcome)
        for outcome in ("applied", "repeated", "nothing_to_do", "other_family")
    ]
    idle = metrics.EVENTS.labels(topics.CASE_EVENTS.name, "nothing_to_do")
    before, was_idle = [one._value.get() for one in outcomes], idle._value.get()
    await world.take(
        world.warning(gone, TUESDAY),
        world.warning(stays, TUESDAY),
        world.warning(gone, TUESDAY, family=warnings_pb2.FAMILY_SPORADIC),
    )
    await world.take(
        world.case_event(uuid4(), gone, staff_id=staff),
        world.case_event(uuid4(), stays, staff_id=staff),
    )
    world.pass_minutes(21)
    await world.rounds()
    after = [one._value.get() for one in outcomes]
    assert [late - early for early, late in zip(before, after, strict=True)] == [1, 0, 0, 2]
    assert idle._value.get() - was_idle == 1
    assert [row["thread_id"] for row in await world.rows("threads")] == [stays]
    assert {row["pupil_id"] for row in await world.rows("deliveries")} == {stays}
    assert len(mails.mails) == 2
