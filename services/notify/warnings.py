"""From a warning event to obligations: one organiser's events in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from uuid import UUID

from google.protobuf.message import DecodeError

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.common import pg, topics
from services.common.clock import school_date
from services.notify import deliveries, metrics
from services.notify.model import (
    DeliveryState,
    Obligation,
    ObligationState,
    UnreadableEventError,
    obligation_id,
)
from services.notify.obligations import Limits, Step, grace_ends, steps
from services.notify.policy import Policy


def parse(value: bytes) -> pb.WarningEvent:
    """Read an event; :class:`UnreadableEventError` where it breaks the contract."""
    try:
        event = pb.WarningEvent.FromString(value)
    except DecodeError as error:
        raise UnreadableEventError("malformed", "not a WarningEvent") from error
    for name in ("organiser_id", "thread_id", "pupil_id", "school_unit_id"):
        if len(getattr(event, name)) != 16:
            raise UnreadableEventError("malformed", f"{name} is not 16 bytes")
    if event.revision < 1:
        raise UnreadableEventError("malformed", "revision is below 1")
    return event


async def meet(
    connection: pg.Connection, organiser_id: UUID, now: datetime
) -> tuple[date, int | None]:
    """The organiser's wake-from date and grace; both made at first sight.

    Nothing dated before the day on which the organiser was first seen wakes
    anybody: that is history being imported, whatever order it comes in.
    """
    await connection.execute(
        "INSERT INTO notify.organisers (organiser_id, wake_from, first_seen_at) "
        "VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        organiser_id,
        school_date(now),
        now,
    )
    row = await connection.fetchrow("SELECT wake_from, grace_minutes FROM notify.organisers")
    if row is None:
        raise LookupError("the organiser's row is not visible: row-level security is not set")
    return row["wake_from"], row["grace_minutes"]


async def apply(
    connection: pg.Connection, event: pb.WarningEvent, policy: Policy, now: datetime
) -> None:
    """Bring the obligations of the event's thread in line with its snapshot.

    An older or repeated revision changes nothing. The caller's transaction
    belongs to the event's organiser.
    """
    if event.family != pb.FAMILY_UNEXCUSED_TODAY:
        metrics.EVENTS.labels(topics.WARNINGS.name, "other_family").inc()
        return
    organiser_id = UUID(bytes=event.organiser_id)
    wake_from, grace_minutes = await meet(connection, organiser_id, now)
    newer = await connection.fetchval(
        "INSERT INTO notify.threads AS held (organiser_id, thread_id, revision) "
        "VALUES ($1, $2, $3) ON CONFLICT (organiser_id, thread_id) DO UPDATE "
        "SET revision = excluded.revision WHERE held.revision < excluded.revision "
        "RETURNING revision",
        organiser_id,
        UUID(bytes=event.thread_id),
        event.revision,
    )
    if newer is None:
        metrics.EVENTS.labels(topics.WARNINGS.name, "repeated").inc()
        return
    recorded = await _recorded(connection, UUID(bytes=event.thread_id))
    limits = Limits(wake_from, policy.late_days, policy.outage_days)
    todo = steps(event, recorded, now=now, limits=limits)
    grace = policy.grace if grace_minutes is None else timedelta(minutes=grace_minutes)
    for day, step in sorted(todo.items()):
        await _take(connection, event, day, step, recorded=recorded, grace=grace, now=now)
    metrics.EVENTS.labels(topics.WARNINGS.name, "applied" if todo else "nothing_to_do").inc()


async def _recorded(connection: pg.Connection, thread_id: UUID) -> dict[date, Obligation]:
    rows = await connection.fetch(
        "SELECT * FROM notify.obligations WHERE thread_id = $1 ORDER BY obligation_id FOR UPDATE",
        thread_id,
    )
    return {
        row["school_date"]: Obligation(
            organiser_id=row["organiser_id"],
            obligation_id=row["obligation_id"],
            pupil_id=row["pupil_id"],
            school_unit_id=row["school_unit_id"],
            school_date=row["school_date"],
            state=ObligationState(row["state"]),
            excused=row["excused"],
            raised_at=row["raised_at"],
        )
        for row in rows
    }


async def _take(
    connection: pg.Connection,
    event: pb.WarningEvent,
    day: date,
    step: Step,
    *,
    recorded: Mapping[date, Obligation],
    grace: timedelta,
    now: datetime,
) -> None:
    match step:
        case Step.RAISE:
            await _raise(connection, event, day, grace, now)
        case Step.WITHDRAW:
            await connection.execute(
                "UPDATE notify.obligations SET state = 'withdrawn', settled_at = $2 "
                "WHERE obligation_id = $1",
                recorded[day].obligation_id,
                now,
            )
            metrics.OBLIGATIONS.labels(ObligationState.WITHDRAWN).inc()
        case Step.EXCUSE:
            await _excuse(connection, recorded[day].obligation_id, now)


async def _excuse(connection: pg.Connection, obligation: UUID, now: datetime) -> None:
    """The absence is explained: what has not gone out stays here."""
    pending = await connection.fetch(
        "SELECT delivery_id FROM notify.deliveries WHERE obligation_id = $1 AND state = 'pending' "
        "ORDER BY delivery_id FOR UPDATE",
        obligation,
    )
    for row in pending:
        await deliveries.settle(connection, row["delivery_id"], DeliveryState.WITHDRAWN, now)
    told = await connection.fetchval(
        "SELECT EXISTS (SELECT 1 FROM notify.deliveries WHERE obligation_id = $1 "
        "AND state <> 'withdrawn')",
        obligation,
    )
    await connection.execute(
        "UPDATE notify.obligations SET excused = $2, settled_at = $3, "
        "state = CASE WHEN $2 THEN state ELSE 'withdrawn' END WHERE obligation_id = $1",
        obligation,
        bool(told),
        now,
    )
    if not told:
        metrics.OBLIGATIONS.labels(ObligationState.WITHDRAWN).inc()


async def _raise(
    connection: pg.Connection,
    event: pb.WarningEvent,
    day: date,
    grace: timedelta,
    now: datetime,
) -> None:
    organiser_id, pupil_id = UUID(bytes=event.organiser_id), UUID(bytes=event.pupil_id)
    await connection.execute(
        """
        INSERT INTO notify.obligations (organiser_id, obligation_id, thread_id, revision, pupil_id,
            school_unit_id, school_date, state, raised_at, due_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8, $9)
        ON CONFLICT (organiser_id, obligation_id) DO UPDATE
            SET revision = excluded.revision, school_unit_id = excluded.school_unit_id,
                state = 'waiting', reason = '', excused = false,
                raised_at = excluded.raised_at, due_at = excluded.due_at, settled_at = NULL
        """,
        organiser_id,
        obligation_id(organiser_id, pupil_id, day),
        UUID(bytes=event.thread_id),
        event.revision,
        pupil_id,
        UUID(bytes=event.school_unit_id),
        day,
        now,
        grace_ends(day, now, grace),
    )
    metrics.OBLIGATIONS.labels(ObligationState.WAITING).inc()
