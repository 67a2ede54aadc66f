"""Two mails to staff that are about no pupil: that a case was read with a reason, and what is due.

Neither says which pupil, what the case is about, or who did what. Staff are told in the daytime:
what comes in the evening or at a weekend waits for the next weekday's morning. No webhook is
called.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from forvarning.cases.v1 import cases_pb2 as pb
from services.common import ids, pg
from services.common.clock import local_instant, school_date
from services.notify import deliveries, people
from services.notify.deliveries import Delivery
from services.notify.model import Channel, DeliveryState, Kind, Reason
from services.notify.policy import Policy

READ_WITH_REASON = "case.read_with_reason"
DUTIES_DUE = "duties.due"
KINDS = {
    pb.CASE_EVENT_KIND_READ_WITH_REASON: READ_WITH_REASON,
    pb.CASE_EVENT_KIND_DUTY_DUE: DUTIES_DUE,
}
#: Minutes after midnight by the clock in Sweden.
_MORNING, _EVENING = 7 * 60, 18 * 60


async def apply(
    connection: pg.Connection, event: pb.CaseEvent, policy: Policy, now: datetime
) -> None:
    """Queue the mail; of what is due today one mail a person and day, whatever number of cases."""
    staff_id = UUID(bytes=event.assigned_staff_id)
    what = KINDS[event.kind]
    day = school_date(now)
    if what == DUTIES_DUE:
        message_id = ids.delivery_id("duties-due", staff_id, day.isoformat())
        due = max(now, local_instant(day, _MORNING))
        give_up = local_instant(day, _EVENING)
    else:
        message_id = ids.delivery_id("read-with-reason", UUID(bytes=event.event_id), staff_id)
        due = daytime(now)
        give_up = due + policy.case_patience
    delivery = _delivery(event, staff_id, message_id, day)
    if due >= give_up:
        # Tomorrow it is told again, if it is still so.
        await deliveries.put(connection, delivery, DeliveryState.SUPPRESSED, now, Reason.TOO_LATE)
        return
    staff = await people.staff(connection, staff_id)
    if staff is None or not staff.email:
        await deliveries.put(connection, delivery, DeliveryState.FAILED, now, Reason.NO_ADDRESS)
        return
    state = await _queued(connection, event, message_id, what, due=due, give_up=give_up)
    if state == "queued":
        await deliveries.put(connection, delivery, DeliveryState.PENDING, now)
    else:
        await deliveries.put(
            connection, delivery, DeliveryState.SUPPRESSED, now, Reason.ALREADY_TOLD_TODAY
        )


def daytime(now: datetime) -> datetime:
    """Now, where staff may be told now; else the next morning that they may."""
    day = school_date(now)
    if day.weekday() < 5 and now < local_instant(day, _EVENING):
        return max(now, local_instant(day, _MORNING))
    day += timedelta(days=1)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return local_instant(day, _MORNING)


async def _queued(
    connection: pg.Connection,
    event: pb.CaseEvent,
    message_id: UUID,
    what: str,
    *,
    due: datetime,
    give_up: datetime,
) -> str:
    """Where the mail stands once it is written; locked, so that it does not leave meanwhile."""
    single = what == READ_WITH_REASON
    await connection.execute(
        """
        INSERT INTO notify.messages (organiser_id, message_id, kind, channel, recipient_kind,
            recipient_id, school_date, case_id, case_number, event_type, occurred_at, state,
            due_at, give_up_at)
        VALUES ($1, $2, 'case', 'mail', 'staff', $3, $4, $5, $6, $7, $8, 'queued', $9, $10)
        ON CONFLICT DO NOTHING
        """,
        UUID(bytes=event.organiser_id),
        message_id,
        UUID(bytes=event.assigned_staff_id),
        school_date(due),
        UUID(bytes=event.case_id) if single else None,
        event.case_number if single else None,
        what,
        datetime.fromtimestamp(event.occurred_unix_ms / 1000, tz=UTC),
        due,
        give_up,
    )
    state: str = await connection.fetchval(
        "SELECT state FROM notify.messages WHERE message_id = $1 FOR UPDATE", message_id
    )
    return state


async def waiting_cases(connection: pg.Connection, message_id: UUID) -> int:
    """In how many cases something is due, by the events that wait for this mail."""
    found: int = await connection.fetchval(
        "SELECT count(DISTINCT case_id) FROM notify.deliveries "
        "WHERE message_id = $1 AND state = 'pending'",
        message_id,
    )
    return found


def _delivery(event: pb.CaseEvent, staff_id: UUID, message_id: UUID, day: date) -> Delivery:
    return Delivery(
        organiser_id=UUID(bytes=event.organiser_id),
        delivery_id=UUID(bytes=event.event_id),
        kind=Kind.CASE,
        pupil_id=UUID(bytes=event.pupil_id),
        school_unit_id=UUID(bytes=event.school_unit_id),
        school_date=day,
        case_id=UUID(bytes=event.case_id),
        channel=Channel.MAIL,
        recipient_id=staff_id,
        message_id=message_id,
    )
