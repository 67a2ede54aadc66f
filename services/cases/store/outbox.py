"""The outbox: what the case service tells the others, in the transaction of the effect (D9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from forvarning.cases.v1 import cases_pb2 as pb
from services.cases.store import bulk
from services.common.clock import epoch_day

if TYPE_CHECKING:
    from services.cases.store.cases import Case
    from services.common.pg import Connection

KINDS: dict[str, pb.CaseEventKind] = {
    "opened": pb.CASE_EVENT_KIND_OPENED,
    "joined": pb.CASE_EVENT_KIND_WARNING_JOINED,
    "changed": pb.CASE_EVENT_KIND_WARNING_CHANGED,
    "assigned": pb.CASE_EVENT_KIND_ASSIGNED,
    "acknowledged": pb.CASE_EVENT_KIND_ACKNOWLEDGED,
    "commented": pb.CASE_EVENT_KIND_COMMENTED,
    "closed": pb.CASE_EVENT_KIND_CLOSED,
    "reopened": pb.CASE_EVENT_KIND_REOPENED,
    "step": pb.CASE_EVENT_KIND_STEP_TAKEN,
    "read_with_reason": pb.CASE_EVENT_KIND_READ_WITH_REASON,
    "duty_due": pb.CASE_EVENT_KIND_DUTY_DUE,
}


@dataclass(frozen=True, slots=True)
class Told:
    """One CaseEvent to be: thin, never what it is about."""

    event_id: UUID
    kind: str
    organiser_id: UUID
    case_id: UUID
    number: str
    pupil_id: UUID
    school_unit_id: UUID
    assigned_staff_id: UUID | None
    at: datetime
    # The school date that woke the case: notify decides by it whether anybody is woken (D8).
    school_date: date
    thread_id: UUID | None = None
    thread_revision: int = 0

    @classmethod
    def of(cls, case: Case, kind: str, *, event_id: UUID, at: datetime) -> Told:
        """About a case as it stands."""
        return cls(
            event_id=event_id,
            kind=kind,
            organiser_id=case.organiser_id,
            case_id=case.case_id,
            number=case.number,
            pupil_id=case.pupil_id,
            school_unit_id=case.school_unit_id,
            assigned_staff_id=case.assigned_staff_id,
            at=at,
            school_date=case.school_date,
        )


def encode(told: Told) -> bytes:
    """The CaseEvent's bytes."""
    return pb.CaseEvent(
        event_id=told.event_id.bytes,
        organiser_id=told.organiser_id.bytes,
        case_id=told.case_id.bytes,
        case_number=told.number,
        pupil_id=told.pupil_id.bytes,
        school_unit_id=told.school_unit_id.bytes,
        kind=KINDS[told.kind],
        assigned_staff_id=told.assigned_staff_id.bytes if told.assigned_staff_id else b"",
        occurred_unix_ms=int(told.at.timestamp() * 1000),
        epoch_day=epoch_day(told.school_date),
        thread_id=told.thread_id.bytes if told.thread_id else b"",
        thread_revision=told.thread_revision,
    ).SerializeToString()


_EVENT = {
    "organiser_id": "uuid",
    "id": "uuid",
    "aggregatetype": "text",
    "aggregateid": "text",
    "type": "text",
    "payload": "bytea",
}


#: For events whose id follows from what they tell: one that is there stays.
ONCE = "ON CONFLICT DO NOTHING"


async def put(connection: Connection, events: Sequence[Told], conflict: str = "") -> None:
    """Write them down for the publisher."""
    await bulk.insert(
        connection,
        "cases.outbox",
        _EVENT,
        [
            (told.organiser_id, told.event_id, "case", str(told.case_id), told.kind, encode(told))
            for told in events
        ],
        conflict,
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row that is not published yet."""

    id: UUID
    key: UUID
    payload: bytes


async def waiting(connection: Connection, limit: int) -> list[Waiting]:
    """Unpublished rows in the order of their writing, locked.

    By state, never by "seq greater than the last one seen": a transaction that commits late
    would be skipped for ever.
    """
    rows = await connection.fetch(
        """
        SELECT id, aggregateid, payload FROM cases.outbox
        WHERE organiser_id = cases.organiser() AND published_at IS NULL
        ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED
        """,
        limit,
    )
    return [Waiting(row["id"], UUID(row["aggregateid"]), row["payload"]) for row in rows]


async def published(connection: Connection, ids: Sequence[UUID], at: datetime) -> None:
    """Mark rows whose delivery Kafka has acknowledged."""
    await connection.execute(
        """
        UPDATE cases.outbox SET published_at = $2
        WHERE organiser_id = cases.organiser() AND id = ANY ($1::uuid[])
        """,
        list(ids),
        at,
    )
