"""One bad row, one dead receiver, one broken organiser: the others go on."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.common import pg
from services.notify import people, sending
from services.notify.housekeeping import Housekeeping
from tests.integration.notify.sinks import HookSink, MailSink
from tests.integration.notify.world import TUESDAY, World

pytestmark = pytest.mark.anyio


async def test_an_obligation_that_breaks_becomes_a_call_and_the_others_go_on(
    world: World, mails: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = await world.pupil(await world.guardian("a@example.org"))
    good = await world.pupil(await world.guardian("b@example.org"))
    await world.take(world.warning(bad, TUESDAY))
    await world.take(world.warning(good, TUESDAY))
    real = people.guardians

    async def breaks(connection: pg.Connection, pupil_id: UUID) -> Any:
        if pupil_id == bad:
            # A statement that fails inside the transaction, as real ones do.
            await connection.execute("SELECT 1 / 0")
        return await real(connection, pupil_id)

    monkeypatch.setattr(people, "guardians", breaks)
    world.pass_minutes(21)
    await world.rounds()
    assert mails.recipients == ["b@example.org"]
    assert await world.ends(bad) == [("call_home", "internal_error")]
    assert await world.ends(good) == [("sent", "")]


async def test_a_message_that_cannot_be_made_ready_becomes_a_call(
    world: World, mails: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad_guardian = await world.guardian("a@example.org")
    bad = await world.pupil(bad_guardian)
    good = await world.pupil(await world.guardian("b@example.org"))
    await world.take(world.warning(bad, TUESDAY), world.warning(good, TUESDAY))
    real = people.address

    async def breaks(connection: pg.Connection, kind: Any, person_id: UUID) -> str | None:
        if person_id == bad_guardian:
            await connection.execute("SELECT 1 / 0")
        return await real(connection, kind, person_id)

    monkeypatch.setattr(people, "address", breaks)
    world.pass_minutes(21)
    await world.rounds()
    assert mails.recipients == ["b@example.org"]
    assert await world.ends(bad) == [("call_home", "internal_error")]


async def test_a_broken_organiser_holds_up_no_other(
    world: World, mails: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = World(world.pool, world.admin, world.clock, world.settings, organiser=UUID(int=1))
    try:
        await other.settle()
        pupil = await world.pupil(await world.guardian())
        await world.take(world.warning(pupil, TUESDAY))
        real = sending.give_up

        async def breaks(connection: pg.Connection, now: Any) -> int:
            setting = "SELECT current_setting('app.organiser_id')"
            if await connection.fetchval(setting) == str(other.organiser):
                raise RuntimeError("only this organiser's")
            return await real(connection, now)

        monkeypatch.setattr(sending, "give_up", breaks)
        world.pass_minutes(21)
        await world.rounds()
        assert len(mails.mails) == 1
    finally:
        await other.webhook.close()


async def test_a_mail_server_that_swallows_every_attempt_delays_no_call(
    world: World, mails: MailSink
) -> None:
    pupil = await world.pupil(await world.guardian())
    await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(21)
    mails.stop()
    await world.rounds(1)
    world.pass_minutes(65)
    # Only obligations are looked at: the senders may be stuck.
    await world.worker.arrange()
    assert await world.ends(pupil) == [("call_home", "not_delivered")]


async def test_a_database_that_blinks_after_the_send_repeats_no_mail(
    world: World, mails: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    pupil = await world.pupil(await world.guardian())
    await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(21)
    real, failures = sending.succeeded, [ConnectionResetError(), ConnectionResetError()]

    async def blinks(*arguments: Any) -> None:
        if failures:
            raise failures.pop()
        await real(*arguments)

    monkeypatch.setattr(sending, "succeeded", blinks)
    await world.rounds()
    assert len(mails.mails) == 1
    assert await world.ends(pupil) == [("sent", "")]


async def test_a_dead_webhook_delays_no_mail(
    world: World, mails: MailSink, hooks: HookSink
) -> None:

    def slow(_: int) -> tuple[int, dict[str, str]]:
        time.sleep(1.5)
        return 204, {}

    hooks.answer = slow
    staff, pupil = await world.staff(None, hooks.url), await world.pupil(await world.guardian())
    await world.take(world.case_event(uuid4(), pupil, staff_id=staff))
    await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(21)
    calling = asyncio.create_task(world.worker.send_webhooks())
    await asyncio.sleep(0.2)
    await world.worker.arrange()
    await world.worker.send_mails()
    assert len(mails.mails) == 1
    assert not calling.done()
    assert await calling == 1


async def test_a_terms_events_go_through_in_seconds(world: World) -> None:
    await world.admin.execute("UPDATE notify.organisers SET wake_from = $1", TUESDAY)
    days = [TUESDAY - timedelta(days=number) for number in range(1, 60)]
    records = [
        world.warning(UUID(int=pupil + 1), *days[revision:], revision=60 - revision)
        for revision in range(10)
        for pupil in range(500)
    ]
    began = time.monotonic()
    for start in range(0, len(records), 500):
        await world.take(*records[start : start + 500])
    assert time.monotonic() - began < 60, "5,000 events; a term's import must not hold up today"
    assert await world.rows("obligations") == []
    assert len(await world.rows("threads")) == 500


async def test_what_has_served_its_purpose_is_pruned_and_nothing_else(world: World) -> None:
    pupil, staff = await world.pupil(), await world.staff(None)
    await world.take(world.case_event(uuid4(), pupil, staff_id=staff))
    assert len(await world.rows("outbox")) == 1
    housekeeping = Housekeeping(world.pool, world.clock)
    world.pass_minutes(60 * 24 * 119)
    await housekeeping.prune(world.organiser)
    assert len(await world.rows("outbox")) == 1, "not published yet"
    assert len(await world.rows("inbox")) == 2
    await world.admin.execute("UPDATE notify.outbox SET published_at = created_at")
    world.pass_minutes(60 * 24 * 2)
    assert await housekeeping.round() == 0
    assert await world.rows("outbox") == []
    assert await world.rows("inbox") == []
    assert len(await world.rows("deliveries")) == 1
