"""An obligation falls due: who is told, or why somebody has to call."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import asyncpg

from services.common import pg
from services.common.clock import school_date
from services.common.logging import get_logger
from services.notify import deliveries, metrics, people
from services.notify.ages import is_adult
from services.notify.deliveries import Delivery
from services.notify.model import (
    Channel,
    DeliveryState,
    Kind,
    ObligationState,
    Reason,
    RecipientKind,
    same_day_delivery_id,
    same_day_message_id,
)
from services.notify.people import Person
from services.notify.policy import Policy

_log = get_logger(__name__)


async def next_due(connection: pg.Connection, policy: Policy, now: datetime) -> bool:
    """Claim one due obligation and settle it; False when none is due.

    The order is the law's: särskilda skäl first, since then nobody may be told
    at all; then what cannot or may not be sent today, which somebody has to
    call about; then a mail to each vårdnadshavare, or to the pupil who is of age.
    """
    row = await connection.fetchrow(
        "SELECT * FROM notify.obligations WHERE state = 'waiting' AND due_at <= $1 "
        "ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED",
        now,
    )
    if row is None:
        return False
    try:
        async with connection.transaction():
            await _decide(connection, row, policy, now)
    except Exception as error:
        if pg.is_away(error):
            raise
        # Whatever is wrong with one must not hold up the others.
        _log.exception("an obligation could not be arranged; somebody has to call")
        await _whole(connection, row, ObligationState.CALL_HOME, Reason.INTERNAL_ERROR, now)
    return True


async def _decide(
    connection: pg.Connection, row: asyncpg.Record, policy: Policy, now: datetime
) -> None:
    day: date = row["school_date"]
    pupil = await people.pupil(connection, row["pupil_id"])
    if await people.suppressed(connection, row["pupil_id"], day):
        await _whole(connection, row, ObligationState.SUPPRESSED, Reason.SPECIAL_REASONS, now)
    elif pupil is None:
        await _whole(connection, row, ObligationState.CALL_HOME, Reason.UNKNOWN_PUPIL, now)
    elif pupil.protected:
        await _whole(connection, row, ObligationState.CALL_HOME, Reason.PROTECTED_PUPIL, now)
    elif school_date(now) != day:
        await _whole(connection, row, ObligationState.CALL_HOME, Reason.TOO_LATE, now)
    else:
        recipients = await _recipients(connection, pupil, day)
        if not recipients:
            await _whole(connection, row, ObligationState.CALL_HOME, Reason.NO_GUARDIAN, now)
        else:
            # In one order everywhere, so that two workers never wait for each other.
            for person in sorted(recipients, key=lambda one: one.person_id):
                await _tell(connection, row, person, policy, now)
            await _settle(connection, row, ObligationState.ARRANGED, None, now)


async def _recipients(connection: pg.Connection, pupil: people.Pupil, day: date) -> list[Person]:
    if pupil.birth_date is not None and is_adult(pupil.birth_date, day):
        return [Person(RecipientKind.PUPIL, pupil.pupil_id, pupil.email)]
    return await people.guardians(connection, pupil.pupil_id)


async def _tell(
    connection: pg.Connection, row: asyncpg.Record, person: Person, policy: Policy, now: datetime
) -> None:
    """One mail a day and person: join today's where it has not gone out before the absence."""
    day: date = row["school_date"]
    organiser_id: UUID = row["organiser_id"]
    message_id = same_day_message_id(organiser_id, person.person_id, day)
    delivery = _delivery(row, person.person_id, message_id)
    if person.email is None:
        await deliveries.put(connection, delivery, DeliveryState.CALL_HOME, now, Reason.NO_ADDRESS)
        return
    message = await connection.fetchrow(
        """
        INSERT INTO notify.messages AS held (organiser_id, message_id, kind, channel,
            recipient_kind, recipient_id, school_date, occurred_at, state, due_at, give_up_at)
        VALUES ($1, $2, 'same_day', 'mail', $3, $4, $5, $6, 'queued', $6, $7)
        ON CONFLICT (organiser_id, message_id) DO UPDATE
            SET state = CASE held.state WHEN 'cancelled' THEN 'queued' ELSE held.state END,
                due_at = CASE held.state WHEN 'cancelled' THEN excluded.due_at ELSE held.due_at END,
                give_up_at = CASE held.state WHEN 'cancelled' THEN excluded.give_up_at
                             ELSE held.give_up_at END
        RETURNING state, sent_at
        """,
        organiser_id,
        message_id,
        person.kind,
        person.person_id,
        day,
        now,
        now + policy.same_day_patience,
    )
    assert message is not None  # noqa: S101 - an upsert that always returns its row
    if message["state"] == "queued":
        await deliveries.put(connection, delivery, DeliveryState.PENDING, now)
    elif message["state"] == "sent" and message["sent_at"] > row["raised_at"]:
        await deliveries.put(connection, delivery, DeliveryState.SENT, now)
    elif message["state"] == "sent":
        await deliveries.put(
            connection, delivery, DeliveryState.CALL_HOME, now, Reason.ALREADY_TOLD_TODAY
        )
    else:
        await deliveries.put(
            connection, delivery, DeliveryState.CALL_HOME, now, Reason.NOT_DELIVERED
        )


async def _whole(
    connection: pg.Connection,
    row: asyncpg.Record,
    state: ObligationState,
    reason: Reason,
    now: datetime,
) -> None:
    """Nobody is mailed: one delivery says so for the pupil."""
    await deliveries.put(
        connection, _delivery(row, None, None), DeliveryState(state.value), now, reason
    )
    await _settle(connection, row, state, reason, now)


async def _settle(
    connection: pg.Connection,
    row: asyncpg.Record,
    state: ObligationState,
    reason: Reason | None,
    now: datetime,
) -> None:
    await connection.execute(
        "UPDATE notify.obligations SET state = $2, reason = $3, settled_at = $4 "
        "WHERE obligation_id = $1",
        row["obligation_id"],
        state,
        reason or "",
        now,
    )
    metrics.OBLIGATIONS.labels(state).inc()


def _delivery(row: asyncpg.Record, recipient: UUID | None, message_id: UUID | None) -> Delivery:
    return Delivery(
        organiser_id=row["organiser_id"],
        delivery_id=same_day_delivery_id(row["obligation_id"], row["revision"], recipient),
        kind=Kind.SAME_DAY,
        pupil_id=row["pupil_id"],
        school_unit_id=row["school_unit_id"],
        school_date=row["school_date"],
        obligation_id=row["obligation_id"],
        channel=Channel.MAIL if message_id else None,
        recipient_id=recipient,
        message_id=message_id,
    )
