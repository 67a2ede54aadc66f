"""From a warning event to obligations: one organiser's events in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from google.protobuf.message import DecodeError

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.common import pg, topics
from services.common.clock import school_date
from services.common.erased import erased
from services.notify import deliveries, metrics, people
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
    connection: pg.Connection,
    organiser_id: UUID,
    events: Sequence[pb.WarningEvent],
    policy: Policy,
    now: datetime,
) -> None:
    """Bring the obligations of the events' threads in line with their newest snapshots.

    An older or repeated revision changes nothing. The caller's transaction
    belongs to the organiser of all the events. A term's import is thousands of
    events about days long past, so what is common to them is asked once.
    """
    wake_from, grace_minutes = await meet(connection, organiser_id, now)
    threads = _threads(events)
    pupils = {thread: UUID(bytes=told[-1].pupil_id) for thread, told in threads.items()}
    gone = await erased(connection, set(pupils.values())) if pupils else set()
    threads = {thread: told for thread, told in threads.items() if pupils[thread] not in gone}
    fresh = await _advance(connection, organiser_id, threads)
    recorded = await _recorded(connection, fresh)
    wakes = await people.wake_from(connection, sorted({pupils[thread] for thread in fresh}))
    grace = policy.grace if grace_minutes is None else timedelta(minutes=grace_minutes)
    obliging = sum(map(len, threads.values()))
    outcomes = Counter(other_family=len(events) - obliging, repeated=len(threads) - len(fresh))
    for thread in sorted(fresh):
        held = recorded.get(thread, {})
        since = max(wake_from, wakes.get(pupils[thread], wake_from))
        limits = Limits(since, policy.late_days, policy.outage_days)
        todo = steps(threads[thread], held, now=now, limits=limits)
        newest = threads[thread][-1]
        for day, step in sorted(todo.items()):
            await _take(connection, newest, day, step, recorded=held, grace=grace, now=now)
        outcomes["applied" if todo else "nothing_to_do"] += 1
    for outcome, count in outcomes.items():
        metrics.EVENTS.labels(topics.WARNINGS.name, outcome).inc(count)


def _threads(events: Sequence[pb.WarningEvent]) -> dict[UUID, list[pb.WarningEvent]]:
    """The threads of the family that obliges to a notice, each in the order of its revisions."""
    found: dict[UUID, list[pb.WarningEvent]] = {}
    for event in events:
        if event.family == pb.FAMILY_UNEXCUSED_TODAY:
            found.setdefault(UUID(bytes=event.thread_id), []).append(event)
    for told in found.values():
        told.sort(key=lambda event: event.revision)
    return found


async def _advance(
    connection: pg.Connection, organiser_id: UUID, told: Mapping[UUID, Sequence[pb.WarningEvent]]
) -> list[UUID]:
    """Note the newest revisions; returns the threads to which they are news."""
    threads = sorted(told)
    rows = await connection.fetch(
        "INSERT INTO notify.threads AS held (organiser_id, thread_id, revision) "
        "SELECT $1, * FROM unnest($2::uuid[], $3::bigint[]) "
        "ON CONFLICT (organiser_id, thread_id) DO UPDATE "
        "SET revision = excluded.revision WHERE held.revision < excluded.revision "
        "RETURNING thread_id",
        organiser_id,
        threads,
        [told[thread][-1].revision for thread in threads],
    )
    # asyncpg gives UUIDs of a class of its own, equal to the standard one's.
    return [UUID(bytes=row["thread_id"].bytes) for row in rows]


async def _recorded(
    connection: pg.Connection, threads: Sequence[UUID]
) -> dict[UUID, dict[date, Obligation]]:
    rows = await connection.fetch(
        "SELECT * FROM notify.obligations WHERE thread_id = ANY($1) "
        "ORDER BY obligation_id FOR UPDATE",
        threads,
    )
    found: dict[UUID, dict[date, Obligation]] = {}
    for row in rows:
        found.setdefault(row["thread_id"], {})[row["school_date"]] = Obligation(
            organiser_id=row["organiser_id"],
            obligation_id=row["obligation_id"],
            pupil_id=row["pupil_id"],
            school_unit_id=row["school_unit_id"],
            school_date=row["school_date"],
            state=ObligationState(row["state"]),
            excused=row["excused"],
            raised_at=row["raised_at"],
        )
    return found


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
