"""Mails to staff about no pupil: what is due, and that a case was read with a reason."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from tests.integration.notify.sinks import HookSink, MailSink
from tests.integration.notify.world import TUESDAY, World

pytestmark = pytest.mark.anyio
SATURDAY = TUESDAY + timedelta(days=4)


async def due(world: World, staff: UUID, pupil: UUID | None = None) -> UUID:
    """An event that something is due; the pupil it is about."""
    pupil = pupil or await world.pupil()
    await world.take(world.case_event(uuid4(), pupil, staff_id=staff, kind="DUTY_DUE"))
    return pupil


async def test_what_is_due_is_one_mail_a_person_and_day_in_the_morning(
    world: World, mails: MailSink, hooks: HookSink
) -> None:
    karin, rolf = (
        await world.staff("karin@example.org", hooks.url),
        await world.staff("r@b.example"),
    )
    world.at(6, 1)
    pupils = [await due(world, karin), await due(world, karin), await due(world, rolf)]
    again = world.case_event(uuid4(), pupils[0], staff_id=karin, kind="DUTY_DUE")
    await world.take(again, again)
    await world.rounds()
    assert mails.mails == []
    world.at(7, 0)
    await world.rounds()
    assert sorted(mails.recipients) == ["karin@example.org", "r@b.example"]
    texts = {mail["To"]: mail.get_content() for mail in mails.mails}
    assert "I 3 ärenden" in texts["karin@example.org"]
    assert "I ett ärende" in texts["r@b.example"]
    # Nothing of anybody or of any case, and no webhook.
    for mail in mails.mails:
        for word in ("Påhittad", "Elevsson", "Björkskolan", "F-2026", *map(str, pupils)):
            assert word not in mail.as_string() + mail.get_content()
    assert hooks.calls == []
    # Later the same day it has been told; the next day it is told again.
    late = await due(world, karin)
    await world.rounds()
    assert len(mails.mails) == 2
    assert await world.ends(late) == [("suppressed", "already_told_today")]
    world.at(7, 30, day=TUESDAY + timedelta(days=1))
    await due(world, karin)
    await world.rounds()
    assert len(mails.mails) == 3


async def test_what_is_due_is_not_told_in_the_evening(world: World, mails: MailSink) -> None:
    staff = await world.staff("karin@example.org")
    world.at(18, 0)
    pupil = await due(world, staff)
    await world.rounds()
    world.at(8, 0, day=TUESDAY + timedelta(days=1))
    await world.rounds()
    assert mails.mails == []
    assert await world.ends(pupil) == [("suppressed", "too_late")]


@pytest.mark.parametrize("protected", [False, True])
async def test_the_rektor_is_told_of_a_reading_and_not_of_whom(
    world: World, mails: MailSink, protected: bool
) -> None:
    staff, pupil = await world.staff("rolf@example.org"), await world.pupil()
    if protected:
        await world.protect(pupil)
    event = world.case_event(uuid4(), pupil, staff_id=staff, kind="READ_WITH_REASON")
    world.at(10, 0)
    await world.take(event, event)
    await world.rounds()
    (mail,) = mails.mails
    assert mails.recipients == ["rolf@example.org"]
    assert "med särskilt skäl" in mail["Subject"]
    for word in ("Påhittad", "Elevsson", "Björkskolan", "F-2026", str(pupil)):
        assert word not in mail.as_string() + mail.get_content()
    # Each opening is told, also of the same case.
    await world.take(world.case_event(uuid4(), pupil, staff_id=staff, kind="READ_WITH_REASON"))
    await world.rounds()
    assert len(mails.mails) == 2
    assert await world.ends(pupil) == [("sent", "")] * 2


async def test_a_reading_at_night_or_at_a_weekend_waits_for_the_morning(
    world: World, mails: MailSink
) -> None:
    staff, pupil = await world.staff("rolf@example.org"), await world.pupil()
    world.at(21, 0, day=SATURDAY)
    await world.take(world.case_event(uuid4(), pupil, staff_id=staff, kind="READ_WITH_REASON"))
    for hour, day in ((23, SATURDAY), (12, SATURDAY + timedelta(days=1))):
        world.at(hour, 0, day=day)
        await world.rounds()
        assert mails.mails == []
    world.at(7, 0, day=SATURDAY + timedelta(days=2))
    await world.rounds()
    assert len(mails.mails) == 1


async def test_who_has_no_address_is_in_the_log(world: World, mails: MailSink) -> None:
    staff = await world.staff(email=None)
    world.at(8, 0)
    pupil = await due(world, staff)
    await world.rounds()
    assert mails.mails == []
    assert await world.ends(pupil) == [("failed", "no_address")]
