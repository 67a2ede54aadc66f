"""From a case event to the närvaroansvarig's mail and webhook."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from google.protobuf.message import DecodeError

from forvarning.cases.v1 import cases_pb2 as pb
from services.common import pg, topics
from services.common.clock import from_epoch_day, school_date
from services.common.erased import erased
from services.notify import deliveries, metrics, people, staff_mails
from services.notify.deliveries import Delivery
from services.notify.model import (
    Channel,
    DeliveryState,
    Kind,
    Reason,
    UnreadableEventError,
    case_message_id,
)
from services.notify.policy import Policy
from services.notify.warnings import meet

# What somebody has to look at; the rest is their own doing, or can wait for the list.
_WAKING = {
    pb.CASE_EVENT_KIND_OPENED: "case.opened",
    pb.CASE_EVENT_KIND_WARNING_JOINED: "case.warning_joined",
    pb.CASE_EVENT_KIND_ASSIGNED: "case.assigned",
    pb.CASE_EVENT_KIND_REOPENED: "case.reopened",
}
_NOTES = {**_WAKING, pb.CASE_EVENT_KIND_WARNING_CHANGED: "case.warning_changed"}


def parse(value: bytes) -> pb.CaseEvent:
    """Read an event; :class:`UnreadableEventError` where it breaks the contract."""
    try:
        event = pb.CaseEvent.FromString(value)
    except DecodeError as error:
        raise UnreadableEventError("malformed", "not a CaseEvent") from error
    for name in ("event_id", "organiser_id", "case_id", "pupil_id", "school_unit_id"):
        if len(getattr(event, name)) != 16:
            raise UnreadableEventError("malformed", f"{name} is not 16 bytes")
    if event.assigned_staff_id and len(event.assigned_staff_id) != 16:
        raise UnreadableEventError("malformed", "assigned_staff_id is not 16 bytes")
    return event


async def apply(
    connection: pg.Connection, event: pb.CaseEvent, policy: Policy, now: datetime
) -> None:
    """Queue what the event asks for; a repeated event changes nothing.

    Mail: at most one a day for a case and person. Webhook: one for each event.
    A school date before the organiser's history ends, before the pupil's source was
    cut over, or beyond the age limit wakes nobody. About a protected pupil nothing
    leaves the building: the case stands in the list, and the log says why nothing
    was sent.
    """
    organiser_id = UUID(bytes=event.organiser_id)
    wake_from, _ = await meet(connection, organiser_id, now)
    fresh = await connection.fetchval(
        "INSERT INTO notify.inbox (organiser_id, message_id, received_at) VALUES ($1, $2, $3) "
        "ON CONFLICT DO NOTHING RETURNING message_id",
        organiser_id,
        UUID(bytes=event.event_id),
        now,
    )
    if fresh is None:
        metrics.EVENTS.labels(topics.CASE_EVENTS.name, "repeated").inc()
        return
    day = from_epoch_day(event.epoch_day)
    pupil_id = UUID(bytes=event.pupil_id)
    if (
        event.kind not in {*_NOTES, *staff_mails.KINDS}
        or not event.assigned_staff_id
        or await erased(connection, {pupil_id})
    ):
        metrics.EVENTS.labels(topics.CASE_EVENTS.name, "nothing_to_do").inc()
        return
    wakes = await people.wake_from(connection, [pupil_id])
    wake_from = max(wake_from, wakes.get(pupil_id, wake_from))
    if day < wake_from or (school_date(now) - day).days > policy.case_age_days:
        metrics.OLD_EVENTS.labels(topics.CASE_EVENTS.name).inc()
        return
    if event.kind in staff_mails.KINDS:
        await staff_mails.apply(connection, event, policy, now)
    else:
        await _tell(connection, event, policy, now)
    metrics.EVENTS.labels(topics.CASE_EVENTS.name, "applied").inc()


async def _tell(
    connection: pg.Connection, event: pb.CaseEvent, policy: Policy, now: datetime
) -> None:
    staff_id = UUID(bytes=event.assigned_staff_id)
    staff = await people.staff(connection, staff_id)
    pupil = await people.pupil(connection, UUID(bytes=event.pupil_id))
    mails = event.kind in _WAKING
    if pupil is None or pupil.protected:
        reason = Reason.UNKNOWN_PUPIL if pupil is None else Reason.PROTECTED_PUPIL
        await deliveries.put(
            connection,
            _delivery(event, staff_id, None, UUID(bytes=event.event_id)),
            DeliveryState.SUPPRESSED,
            now,
            reason,
        )
        return
    if mails and staff is not None and staff.email:
        today = school_date(now).isoformat()
        await _queue(connection, event, Channel.MAIL, cause=today, policy=policy, now=now)
    if staff is not None and staff.webhook_url and staff.webhook_secret:
        cause = UUID(bytes=event.event_id)
        await _queue(connection, event, Channel.WEBHOOK, cause=cause, policy=policy, now=now)
    elif mails and (staff is None or not staff.email):
        await deliveries.put(
            connection,
            _delivery(event, staff_id, None, UUID(bytes=event.event_id)),
            DeliveryState.FAILED,
            now,
            Reason.NO_ADDRESS,
        )


async def _queue(
    connection: pg.Connection,
    event: pb.CaseEvent,
    channel: Channel,
    *,
    cause: object,
    policy: Policy,
    now: datetime,
) -> None:
    case_id, staff_id = UUID(bytes=event.case_id), UUID(bytes=event.assigned_staff_id)
    message_id = case_message_id(case_id, staff_id, channel, cause)
    queued = await connection.fetchval(
        """
        INSERT INTO notify.messages (organiser_id, message_id, kind, channel, recipient_kind,
            recipient_id, school_date, case_id, case_number, event_type, occurred_at, state,
            due_at, give_up_at)
        VALUES ($1, $2, 'case', $3, 'staff', $4, $5, $6, $7, $8, $9, 'queued', $10, $11)
        ON CONFLICT DO NOTHING RETURNING message_id
        """,
        UUID(bytes=event.organiser_id),
        message_id,
        channel,
        staff_id,
        from_epoch_day(event.epoch_day),
        case_id,
        event.case_number,
        _NOTES[event.kind],
        datetime.fromtimestamp(event.occurred_unix_ms / 1000, tz=UTC),
        now,
        now + policy.case_patience,
    )
    if queued is not None:
        await deliveries.put(
            connection,
            _delivery(event, staff_id, channel, message_id, message_id),
            DeliveryState.PENDING,
            now,
        )


def _delivery(
    event: pb.CaseEvent,
    staff_id: UUID,
    channel: Channel | None,
    delivery_id: UUID,
    message_id: UUID | None = None,
) -> Delivery:
    return Delivery(
        organiser_id=UUID(bytes=event.organiser_id),
        delivery_id=delivery_id,
        kind=Kind.CASE,
        pupil_id=UUID(bytes=event.pupil_id),
        school_unit_id=UUID(bytes=event.school_unit_id),
        school_date=from_epoch_day(event.epoch_day),
        case_id=UUID(bytes=event.case_id),
        channel=channel,
        recipient_id=staff_id,
        message_id=message_id,
    )
