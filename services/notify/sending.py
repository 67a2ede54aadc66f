"""Claim due messages, send them, and write down what came of it.

Two transactions around each attempt. The first counts the attempt and leases
the message, so that a crash while sending neither loops without end nor holds
a lock; the second writes the outcome and ends the deliveries. A crash between
the mail server's answer and the second repeats the mail under its Message-ID.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import asyncpg

from services.common import pg
from services.common.backoff import Backoff
from services.common.clock import school_date
from services.common.logging import get_logger
from services.notify import deliveries, metrics, people, staff_mails, texts
from services.notify.mail import Mail
from services.notify.model import (
    Channel,
    DeliveryState,
    Kind,
    Message,
    Reason,
    RecipientKind,
    SendError,
)
from services.notify.webhook import Call

_logger = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """How messages are claimed: for how long, how many at once; where mails say to log in."""

    lease: timedelta
    limit: int
    login_url: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """A claimed message with what is to be sent."""

    message: Message
    content: Mail | Call


async def claim(
    connection: pg.Connection, channel: Channel, now: datetime, terms: Terms
) -> list[Parcel]:
    """Claim due messages of a channel. Those that may not be sent any more are ended instead."""
    rows = await connection.fetch(
        """
        SELECT * FROM notify.messages
        WHERE state = 'queued' AND (due_at <= $1 OR (kind = 'same_day' AND school_date < $2))
            AND channel = $3 AND (leased_until IS NULL OR leased_until < clock_timestamp())
        ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED
        """,
        now,
        school_date(now),
        channel,
        terms.limit,
    )
    parcels = []
    for row in sorted(rows, key=lambda one: one["message_id"]):
        try:
            async with connection.transaction():
                content = await _content(connection, row, now, terms.login_url)
        except Exception as error:
            if pg.is_away(error):
                raise
            _logger.exception("a message could not be made ready")
            await _end(connection, _message(row), Reason.INTERNAL_ERROR, now)
            continue
        if content is None:
            continue
        await connection.execute(
            "UPDATE notify.messages SET attempts = attempts + 1, "
            "leased_until = clock_timestamp() + $2 WHERE message_id = $1",
            row["message_id"],
            terms.lease,
        )
        parcels.append(Parcel(_message(row), content))
    return parcels


async def give_up(connection: pg.Connection, now: datetime) -> int:
    """End what may not be tried any longer, whatever the senders are busy with.

    A home has to be called while there is time, also when the mail server
    swallows every attempt. Returns how many messages were ended.
    """
    rows = await connection.fetch(
        """
        SELECT * FROM notify.messages
        WHERE state = 'queued' AND (give_up_at < $1 OR (kind = 'same_day' AND school_date < $2))
            AND (leased_until IS NULL OR leased_until < clock_timestamp())
        ORDER BY message_id FOR UPDATE SKIP LOCKED
        """,
        now,
        school_date(now),
    )
    for row in rows:
        message = _message(row)
        late = message.kind is Kind.SAME_DAY and message.school_date < school_date(now)
        await _end(connection, message, Reason.TOO_LATE if late else Reason.NOT_DELIVERED, now)
    return len(rows)


async def succeeded(connection: pg.Connection, message: Message, now: datetime) -> None:
    """The receiver has it."""
    await _log(connection, message, now, "sent", "")
    await connection.execute(
        "UPDATE notify.messages SET state = 'sent', sent_at = $2, leased_until = NULL "
        "WHERE message_id = $1",
        message.message_id,
        now,
    )
    await deliveries.settle_message(connection, message.message_id, DeliveryState.SENT, now)


async def failed(
    connection: pg.Connection,
    message: Message,
    error: SendError,
    backoff: Backoff,
    now: datetime,
    *,
    url: str | None = None,
) -> None:
    """The attempt failed: again later, or never."""
    await _log(connection, message, now, error.outcome, error.detail)
    if error.gone and url is not None:
        await connection.execute(
            "INSERT INTO notify.disabled_webhooks (organiser_id, staff_id, url_digest, disabled_at)"
            " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            message.organiser_id,
            message.recipient_id,
            sha256(url.encode()).digest(),
            now,
        )
    next_try = now + backoff.after(message.attempts, error.retry_after)
    if error.final or next_try > message.give_up_at:
        reason = Reason.ADDRESS_REFUSED if error.final else Reason.NOT_DELIVERED
        await _end(connection, message, Reason.WEBHOOK_DISABLED if error.gone else reason, now)
        return
    await connection.execute(
        "UPDATE notify.messages SET due_at = $2, leased_until = NULL "
        "WHERE message_id = $1 AND state = 'queued'",
        message.message_id,
        next_try,
    )


async def _content(
    connection: pg.Connection, row: asyncpg.Record, now: datetime, login_url: str
) -> Mail | Call | None:
    """What to send, or None where the message has been ended."""
    message = _message(row)
    if message.kind is Kind.SAME_DAY and message.school_date != school_date(now):
        await _end(connection, message, Reason.TOO_LATE, now)
        return None
    if not await _still_wanted(connection, message, now):
        await connection.execute(
            "UPDATE notify.messages SET state = 'cancelled' WHERE message_id = $1",
            message.message_id,
        )
        return None
    if message.channel is Channel.WEBHOOK:
        return await _call(connection, message, now)
    to = await people.address(connection, message.recipient_kind, message.recipient_id)
    if to is None:
        await _end(connection, message, Reason.NO_ADDRESS, now)
        return None
    return Mail(message.message_id, to, await _text(connection, message, login_url), now)


async def _still_wanted(connection: pg.Connection, message: Message, now: datetime) -> bool:
    """End what may not be sent any more; whether anything is left that waits for the message."""
    rows = await connection.fetch(
        "SELECT delivery_id, pupil_id, school_date FROM notify.deliveries "
        "WHERE message_id = $1 AND state = 'pending' ORDER BY delivery_id FOR UPDATE",
        message.message_id,
    )
    wanted = 0
    same_day = message.kind is Kind.SAME_DAY
    if message.event_type in staff_mails.KINDS.values():
        # About no pupil, so no pupil's protection keeps it back.
        return bool(rows)
    for row in rows:
        pupil = await people.pupil(connection, row["pupil_id"])
        if same_day and await people.suppressed(connection, row["pupil_id"], row["school_date"]):
            end, reason = DeliveryState.SUPPRESSED, Reason.SPECIAL_REASONS
        elif pupil is None or pupil.protected:
            end = DeliveryState.CALL_HOME if same_day else DeliveryState.SUPPRESSED
            reason = Reason.UNKNOWN_PUPIL if pupil is None else Reason.PROTECTED_PUPIL
        else:
            wanted += 1
            continue
        await deliveries.settle(connection, row["delivery_id"], end, now, reason)
    return wanted > 0


async def _text(connection: pg.Connection, message: Message, login_url: str) -> texts.Text:
    if message.event_type == staff_mails.DUTIES_DUE:
        cases = await staff_mails.waiting_cases(connection, message.message_id)
        return texts.duties_due(cases, login_url)
    if message.event_type == staff_mails.READ_WITH_REASON:
        return texts.read_with_reason(login_url)
    if message.kind is Kind.CASE:
        return texts.case_waits(message.case_number or "", login_url)
    phone = await people.phone(connection)
    if message.recipient_kind is RecipientKind.PUPIL:
        return texts.absence_today_adult(phone)
    return texts.absence_today(phone)


async def _call(connection: pg.Connection, message: Message, now: datetime) -> Call | None:
    staff = await people.staff(connection, message.recipient_id)
    if staff is None or not staff.webhook_url or not staff.webhook_secret:
        await _end(connection, message, Reason.NO_ADDRESS, now)
        return None
    disabled = await connection.fetchval(
        "SELECT EXISTS (SELECT 1 FROM notify.disabled_webhooks "
        "WHERE staff_id = $1 AND url_digest = $2)",
        message.recipient_id,
        sha256(staff.webhook_url.encode()).digest(),
    )
    if disabled:
        await _end(connection, message, Reason.WEBHOOK_DISABLED, now)
        return None
    if message.case_id is None:
        raise LookupError(f"message {message.message_id} is a webhook without a case")
    return Call(
        message_id=message.message_id,
        url=staff.webhook_url,
        secret=staff.webhook_secret,
        event_type=message.event_type or "",
        case_id=message.case_id,
        case_number=message.case_number or "",
        occurred_at=message.occurred_at,
    )


async def _end(connection: pg.Connection, message: Message, reason: Reason, now: datetime) -> None:
    """The message is given up; for a pupil's home that means: somebody has to call."""
    await connection.execute(
        "UPDATE notify.messages SET state = 'failed', leased_until = NULL "
        "WHERE message_id = $1 AND state = 'queued'",
        message.message_id,
    )
    same_day = message.kind is Kind.SAME_DAY
    end = DeliveryState.CALL_HOME if same_day else DeliveryState.FAILED
    await deliveries.settle_message(connection, message.message_id, end, now, reason)


async def _log(
    connection: pg.Connection, message: Message, now: datetime, outcome: str, detail: str
) -> None:
    metrics.ATTEMPTS.labels(message.channel, outcome).inc()
    # A lease that ran out may let two workers report on one attempt.
    await connection.execute(
        "INSERT INTO notify.attempts (organiser_id, message_id, attempt, at, outcome, detail) "
        "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        message.organiser_id,
        message.message_id,
        message.attempts,
        now,
        outcome,
        detail,
    )


def _message(row: asyncpg.Record) -> Message:
    return Message(
        organiser_id=row["organiser_id"],
        message_id=row["message_id"],
        kind=Kind(row["kind"]),
        channel=Channel(row["channel"]),
        recipient_kind=RecipientKind(row["recipient_kind"]),
        recipient_id=row["recipient_id"],
        school_date=row["school_date"],
        case_id=row["case_id"],
        case_number=row["case_number"],
        event_type=row["event_type"],
        occurred_at=row["occurred_at"],
        attempts=row["attempts"] + 1,
        give_up_at=row["give_up_at"],
    )
