"""Cases by mail and webhook; retries, refusals, crashes between the steps."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from email.message import EmailMessage
from uuid import uuid4

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook

from services.common import pg
from services.notify import sending
from tests.integration.notify.sinks import HookSink, MailSink
from tests.integration.notify.world import SECRET, TUESDAY, World, settings_for

pytestmark = pytest.mark.anyio


class CrashError(BaseException):
    """The process ends here: nothing in it may catch that."""


async def test_a_case_is_a_thin_mail_and_a_signed_webhook(
    world: World, mails: MailSink, hooks: HookSink
) -> None:
    staff = await world.staff("karin@example.org", hooks.url)
    pupil, case = await world.pupil(), uuid4()
    await world.take(world.case_event(case, pupil, staff_id=staff))
    await world.rounds()
    (mail,) = mails.mails
    text = mail.get_content()
    assert mails.recipients == ["karin@example.org"]
    assert "Du har ett ärende, logga in." in text
    assert "F-2026-00042" in text
    assert "https://narvaro.example/" in text
    for word in ("Påhittad", "Elevsson", "Björkskolan", str(pupil)):
        assert word not in mail.as_string() + text
    ((headers, body),) = hooks.calls
    # The receiver's own library accepts signature, id and timestamp.
    payload = Webhook(SECRET).verify(body, headers)
    assert payload["type"] == "case.opened"
    assert payload["data"] == {"case_id": str(case), "case_number": "F-2026-00042"}
    assert headers["host"] == hooks.url.split("/")[2]
    assert str(pupil) not in body.decode()
    rows = await world.rows("deliveries")
    assert sorted((row["channel"], row["state"]) for row in rows) == [
        ("mail", "sent"),
        ("webhook", "sent"),
    ]


async def test_one_mail_a_day_for_a_case_and_one_webhook_for_each_event(
    world: World, mails: MailSink, hooks: HookSink
) -> None:
    staff = await world.staff("karin@example.org", hooks.url)
    pupil, case, event = await world.pupil(), uuid4(), uuid4()
    opened = world.case_event(case, pupil, staff_id=staff, event_id=event)
    await world.take(opened, opened)
    await world.take(world.case_event(case, pupil, staff_id=staff, kind="WARNING_JOINED"))
    await world.take(world.case_event(case, pupil, staff_id=staff, kind="WARNING_CHANGED"))
    await world.take(world.case_event(case, pupil, staff_id=staff, kind="ACKNOWLEDGED"))
    await world.take(opened)
    await world.rounds()
    assert len(mails.mails) == 1
    assert sorted(json.loads(body)["type"] for _, body in hooks.calls) == [
        "case.opened",
        "case.warning_changed",
        "case.warning_joined",
    ]
    assert len({headers["webhook-id"] for headers, _ in hooks.calls}) == 3


async def test_old_cases_wake_nobody(world: World, mails: MailSink) -> None:
    staff, pupil = await world.staff(), await world.pupil()
    # History from before the organiser was met, however recent.
    await world.take(
        world.case_event(uuid4(), pupil, staff_id=staff, day=TUESDAY - timedelta(days=1))
    )
    # Beyond the age limit, as after a long outage.
    await world.admin.execute("UPDATE notify.organisers SET wake_from = '2026-08-01'")
    await world.take(
        world.case_event(uuid4(), pupil, staff_id=staff, day=TUESDAY - timedelta(days=8))
    )
    await world.rounds()
    assert mails.mails == []
    await world.take(
        world.case_event(uuid4(), pupil, staff_id=staff, day=TUESDAY - timedelta(days=7))
    )
    await world.rounds()
    assert len(mails.mails) == 1


async def test_what_a_source_told_of_days_before_its_cut_over_wakes_nobody(
    world: World, mails: MailSink
) -> None:
    """The organiser is known since August; its new system brings last week with it."""
    await world.admin.execute("UPDATE notify.organisers SET wake_from = '2026-08-01'")
    monday, staff = TUESDAY - timedelta(days=1), await world.staff()
    moved, other = await world.pupil(await world.guardian()), await world.pupil()
    await world.wake_from(moved, TUESDAY)
    for pupil in (moved, other):
        await world.take(world.case_event(uuid4(), pupil, staff_id=staff, day=monday))
        await world.take(world.warning(pupil, monday))
    await world.rounds()
    assert len(mails.mails) == 1
    obligations = await world.rows("obligations")
    assert [(row["pupil_id"], row["school_date"]) for row in obligations] == [(other, monday)]
    # Today's absence of the same pupil does.
    await world.take(world.case_event(uuid4(), moved, staff_id=staff))
    await world.take(world.warning(moved, monday, TUESDAY, revision=2))
    world.pass_minutes(21)
    await world.rounds()
    assert len(mails.mails) == 3
    obligations = await world.rows("obligations")
    assert sorted((row["pupil_id"] == moved, row["school_date"]) for row in obligations) == [
        (False, monday),
        (True, TUESDAY),
    ]


async def test_a_protected_pupils_case_leaves_the_building_in_no_way(
    world: World, mails: MailSink, hooks: HookSink
) -> None:
    staff = await world.staff("karin@example.org", hooks.url)
    protected = await world.pupil(protection="confidential")
    later, case = await world.pupil(), uuid4()
    await world.take(world.case_event(uuid4(), protected, staff_id=staff))
    await world.take(world.case_event(case, later, staff_id=staff))
    await world.protect(later)
    await world.rounds()
    assert mails.mails == []
    assert hooks.calls == []
    assert await world.ends(protected) == [("suppressed", "protected_pupil")]
    assert await world.ends(later) == [("suppressed", "protected_pupil")] * 2


async def test_nobody_to_reach_is_a_failed_delivery_not_silence(world: World) -> None:
    staff, pupil = await world.staff(None), await world.pupil()
    await world.take(world.case_event(uuid4(), pupil, staff_id=staff))
    assert await world.ends(pupil) == [("failed", "no_address")]


async def test_a_busy_mail_server_is_tried_again_under_the_same_id(
    world: World, mails: MailSink
) -> None:
    seen: list[str] = []

    def busy(mail: EmailMessage) -> str:
        seen.append(str(mail["Message-ID"]))
        return "451 later" if len(seen) < 4 else "250 OK"

    mails.answer = busy
    pupil = await world.pupil(await world.guardian())
    await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(21)
    await world.rounds()
    assert len(seen) == 1  # not again before its time
    for _ in range(6):
        world.pass_minutes(1)
        await world.rounds(1)
    assert len(set(seen)) == 1
    assert len(seen) == 4
    assert len(mails.mails) == 1
    attempts = await world.rows("attempts")
    assert [(row["attempt"], row["outcome"]) for row in attempts] == [
        (1, "smtp_data_refused"),
        (2, "smtp_data_refused"),
        (3, "smtp_data_refused"),
        (4, "sent"),
    ]


async def test_a_mail_server_that_is_away_too_long_means_a_call_the_same_day(
    world: World, mails: MailSink
) -> None:
    mails.stop()
    pupil = await world.pupil(await world.guardian())
    await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(20.1)
    for _ in range(70):
        await world.rounds(1)
        world.pass_minutes(1)
    assert await world.ends(pupil) == [("call_home", "not_delivered")]
    mails.start()
    for _ in range(10):
        world.pass_minutes(30)
        await world.rounds(1)
    assert mails.mails == []


async def test_a_refused_address_means_a_call_at_once(world: World, mails: MailSink) -> None:
    mails.recipient = lambda address: "550 no such box" if "borta" in address else "250 OK"
    pupil = await world.pupil(
        await world.guardian("borta@example.org"), await world.guardian("hem@example.org")
    )
    await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(21)
    await world.rounds()
    assert await world.ends(pupil) == [("call_home", "address_refused"), ("sent", "")]


@pytest.mark.parametrize("address", ["utan-snabel-a", "två\nrader@example.org", "å@exämple.org"])
async def test_an_address_that_cannot_be_used_ends_in_a_call(
    world: World, mails: MailSink, address: str
) -> None:
    mails.recipient = lambda given: "250 OK" if given.isascii() and "@" in given else "553 no"
    pupil = await world.pupil(await world.guardian(address))
    await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(21)
    for _ in range(75):
        await world.rounds(1)
        world.pass_minutes(1)
    assert [end for end, _ in await world.ends(pupil)] == ["call_home"]
    assert mails.mails == []


async def test_a_webhook_is_retried_and_retry_after_is_honoured(
    world: World, hooks: HookSink
) -> None:
    hooks.answer = lambda n: (503, {"retry-after": "600"}) if n == 1 else (200, {})
    staff, pupil = await world.staff(None, hooks.url), await world.pupil()
    await world.take(world.case_event(uuid4(), pupil, staff_id=staff))
    await world.rounds()
    # The test's back-off allows five minutes at most, also when asked for more.
    world.pass_minutes(4.9)
    await world.rounds()
    assert len(hooks.calls) == 1
    world.pass_minutes(0.2)
    await world.rounds()
    first, second = (headers["webhook-id"] for headers, _ in hooks.calls)
    assert first == second
    assert await world.ends(pupil) == [("sent", "")]


async def test_gone_disables_the_webhook_until_it_gets_another_address(
    world: World, hooks: HookSink
) -> None:
    hooks.answer = lambda _: (410, {})
    staff, pupil = await world.staff(None, hooks.url), await world.pupil()
    for _ in range(2):
        await world.take(world.case_event(uuid4(), pupil, staff_id=staff))
        await world.rounds()
    assert len(hooks.calls) == 1
    assert await world.ends(pupil) == [("failed", "webhook_disabled")] * 2
    hooks.answer = lambda _: (204, {})
    await world.admin.execute(
        "UPDATE people.staff SET webhook_url = webhook_url || '&new=1' WHERE staff_id = $1", staff
    )
    await world.take(world.case_event(uuid4(), pupil, staff_id=staff))
    await world.rounds()
    assert len(hooks.calls) == 2


async def test_a_redirect_is_not_followed(world: World, hooks: HookSink) -> None:
    hooks.answer = lambda _: (302, {"location": hooks.url})
    staff, pupil = await world.staff(None, hooks.url), await world.pupil()
    await world.take(world.case_event(uuid4(), pupil, staff_id=staff))
    await world.rounds()
    assert len(hooks.calls) == 1


async def test_outside_the_local_stack_a_private_webhook_is_never_called(
    world: World, mails: MailSink, hooks: HookSink, database: object
) -> None:
    settings = settings_for(
        world.settings.notify_database_url.get_secret_value(), mails.port, environment="production"
    )
    strict = World(world.pool, world.admin, world.clock, settings, world.organiser, world.unit)
    try:
        for url in (hooks.url, hooks.url.replace("http:", "https:")):
            staff, pupil = await strict.staff(None, url), await strict.pupil()
            await strict.take(strict.case_event(uuid4(), pupil, staff_id=staff))
            await strict.rounds()
            assert await strict.ends(pupil) == [("failed", "address_refused")]
    finally:
        await strict.webhook.close()
    assert hooks.calls == []


async def test_a_crash_after_the_server_took_the_mail_repeats_it_under_the_same_id(
    world: World, mails: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    pupil = await world.pupil(await world.guardian())
    await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(21)

    async def crash(*_: object) -> None:
        raise CrashError

    with monkeypatch.context() as patch:
        patch.setattr(sending, "succeeded", crash)
        with pytest.raises(CrashError):
            await world.round()
    assert len(mails.mails) == 1
    # The lease holds others off; then the message is free again.
    await world.rounds()
    assert len(mails.mails) == 1
    await world.admin.execute("UPDATE notify.messages SET leased_until = now() - interval '1 s'")
    await world.rounds()
    assert len(mails.mails) == 2
    assert len(mails.ids()) == 1
    assert await world.ends(pupil) == [("sent", "")]
    assert len(await world.rows("outbox")) == 1


async def test_crashing_at_every_send_comes_to_an_end(
    world: World, mails: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    pupil = await world.pupil(await world.guardian())
    await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(21)

    async def crash(*_: object) -> None:
        raise CrashError

    monkeypatch.setattr(sending, "succeeded", crash)
    for _ in range(20):
        try:
            await world.round()
        except CrashError:
            await world.admin.execute("UPDATE notify.messages SET leased_until = NULL")
        world.pass_minutes(5)
    assert len(mails.ids()) == 1
    assert await world.ends(pupil) == [("call_home", "not_delivered")]


async def test_a_failed_transaction_leaves_nothing_behind_and_is_done_again(
    world: World, mails: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.notify import arrange  # noqa: PLC0415 - patched below

    pupil = await world.pupil(await world.guardian())
    await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(21)

    async def crash(*_: object, **__: object) -> None:
        raise CrashError

    with monkeypatch.context() as patch:
        patch.setattr(arrange, "_settle", crash)
        with pytest.raises(CrashError):
            await world.round()
    assert await world.rows("messages") == []
    assert await world.rows("deliveries") == []
    await world.rounds()
    assert len(mails.mails) == 1


async def test_a_withdrawal_and_the_due_work_meet_without_a_lost_call_or_a_deadlock(
    world: World, mails: MailSink
) -> None:
    mails.answer = lambda _: "451 later"
    pupils = [await world.pupil(await world.guardian(f"h{n}@example.org")) for n in range(15)]
    for pupil in pupils:
        await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(21)

    async def withdraw() -> None:
        for pupil in pupils[:8]:
            await world.take(world.warning(pupil, withdrawn=(TUESDAY,)))
            await asyncio.sleep(0)

    await asyncio.gather(*(world.round() for _ in range(3)), withdraw())
    mails.answer = lambda _: "250 OK"
    for _ in range(8):
        world.pass_minutes(6)
        await world.rounds(2)
    assert len(mails.mails) == len(mails.ids()) == 7
    for pupil in pupils[:8]:
        assert {end for end, _ in await world.ends(pupil)} <= {"withdrawn"}


async def test_a_bad_event_goes_among_the_dead_letters_and_the_others_go_on(
    world: World, mails: MailSink
) -> None:
    from tests.integration.notify.world import Record  # noqa: PLC0415 - only here

    pupil = await world.pupil(await world.guardian())
    good = world.warning(pupil, TUESDAY)
    topic = good.topic
    broken = world.warning(await world.pupil(), TUESDAY)
    # Readable, yet no database takes a date beyond all calendars.
    from forvarning.warnings.v1 import warnings_pb2  # noqa: PLC0415 - only here

    event = warnings_pb2.WarningEvent.FromString(broken.value or b"")
    event.episodes[0].raised_day = 2**31 - 1
    await world.take(
        Record(topic, b"\xff\xff\xff", 1),
        Record(topic, b"", 2),
        Record(topic, event.SerializeToString(), 3),
        Record(topic, None, 4),
        good,
    )
    rows = await world.admin.fetch("SELECT record_offset, reason FROM notify.dead_letters")
    assert sorted((row["record_offset"], row["reason"]) for row in rows) == [
        (1, "malformed"),
        (2, "malformed"),
        (3, "OverflowError"),
    ]
    world.pass_minutes(21)
    await world.rounds()
    assert len(mails.mails) == 1


async def test_a_tenant_sees_nothing_of_another(world: World) -> None:
    pupil = await world.pupil(await world.guardian())
    await world.take(world.warning(pupil, TUESDAY))
    world.pass_minutes(21)
    await world.rounds()
    tables = await world.admin.fetch(
        "SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity FROM pg_class c "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organiser_id' "
        "WHERE c.relnamespace = 'notify'::regnamespace AND c.relkind IN ('r', 'p')"
    )
    assert len(tables) >= 9
    for table in tables:
        assert table["relrowsecurity"], table["relname"]
        assert table["relforcerowsecurity"], table["relname"]
        async with pg.tenant(world.pool, uuid4()) as connection:
            count = await connection.fetchval(f"SELECT count(*) FROM notify.{table['relname']}")
        assert count == 0, table["relname"]
        assert await world.pool.fetchval(f"SELECT count(*) FROM notify.{table['relname']}") == 0
    bypass = await world.admin.fetchval(
        "SELECT rolbypassrls OR rolsuper FROM pg_roles WHERE rolname = 'forvarning_notify'"
    )
    assert bypass is False


async def test_no_name_or_address_is_stored_by_notify(world: World, mails: MailSink) -> None:
    pupil = await world.pupil(await world.guardian("kansligt@example.org"))
    staff = await world.staff("kansligt@example.org")
    mails.recipient = lambda _: "550 kansligt@example.org unknown"
    await world.take(world.warning(pupil, TUESDAY))
    await world.take(world.case_event(uuid4(), pupil, staff_id=staff))
    world.pass_minutes(21)
    await world.rounds()
    names = await world.admin.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'notify'::regnamespace AND relkind = 'r'"
    )
    for name in names:
        for row in await world.admin.fetch(
            f"SELECT t::text AS line FROM notify.{name['relname']} t"
        ):
            assert "kansligt" not in row["line"]
            assert "Påhittad" not in row["line"]


def test_settings_are_read_as_given() -> None:
    assert settings_for("postgresql://x", 1).notify_database_url == SecretStr("postgresql://x")
