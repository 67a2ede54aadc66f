"""notify.deliveries.v1: what became of each notice, and "Ring hem" where none could be sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from google.protobuf.message import DecodeError

from forvarning.notify.v1 import notify_pb2 as pb
from services.cases import metrics
from services.cases.domain.assignment import Place, assign
from services.cases.domain.threads import UnreadableMessageError, day_of, optional_uuid, uuid_of
from services.cases.store import cases, duties, inbox, people
from services.cases.store.cases import UNKNOWN_UNIT, Case, Happened
from services.cases.store.scope import Database
from services.common.clock import school_year
from services.common.erased import erased

if TYPE_CHECKING:
    from services.common.pg import Connection

_KINDS = {pb.DELIVERY_KIND_CASE: "case", pb.DELIVERY_KIND_SAME_DAY: "same_day"}
_STATES = {
    pb.DELIVERY_STATE_SENT: "sent",
    pb.DELIVERY_STATE_FAILED: "failed",
    pb.DELIVERY_STATE_SUPPRESSED: "suppressed",
    pb.DELIVERY_STATE_CALL_HOME: "call_home",
}
_CHANNELS = {pb.CHANNEL_UNSPECIFIED: "", pb.CHANNEL_MAIL: "mail", pb.CHANNEL_WEBHOOK: "webhook"}
_LONGEST_REASON = 60


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one notice."""

    organiser_id: UUID
    delivery_id: UUID
    kind: str
    state: str
    channel: str
    school_unit_id: UUID | None
    pupil_id: UUID
    day: date
    occurred_at: datetime
    reason: str


def decode(value: bytes | None) -> Delivery:
    """Read a Delivery; UnreadableMessageError names what is wrong with it."""
    if value is None:
        raise UnreadableMessageError("empty", "the record has no value")
    raw = pb.Delivery()
    try:
        raw.ParseFromString(value)
    except DecodeError as error:
        raise UnreadableMessageError("malformed", str(error)) from error
    if raw.kind not in _KINDS or raw.state not in _STATES or raw.channel not in _CHANNELS:
        raise UnreadableMessageError(
            "unknown_code", f"kind {raw.kind}, state {raw.state}, channel {raw.channel}"
        )
    return Delivery(
        organiser_id=uuid_of(raw.organiser_id, "organiser_id"),
        delivery_id=uuid_of(raw.delivery_id, "delivery_id"),
        kind=_KINDS[raw.kind],
        state=_STATES[raw.state],
        channel=_CHANNELS[raw.channel],
        school_unit_id=optional_uuid(raw.school_unit_id, "school_unit_id"),
        pupil_id=uuid_of(raw.pupil_id, "pupil_id"),
        day=day_of(raw.epoch_day, "epoch_day"),
        occurred_at=datetime.fromtimestamp(raw.occurred_unix_ms / 1000, UTC),
        reason=raw.reason[:_LONGEST_REASON],
    )


async def apply(database: Database, organiser_id: UUID, batch: Sequence[Delivery]) -> None:
    """Store each delivery once; a call home becomes a duty that is due at once."""
    called: list[str] = []
    async with database.system(organiser_id) as connection:
        new = await inbox.first_seen(
            connection,
            organiser_id,
            "deliveries",
            [_message_id(delivery) for delivery in batch],
            database.now(),
        )
        gone = await erased(connection, [delivery.pupil_id for delivery in batch])
        for delivery in batch:
            if _message_id(delivery) not in new or delivery.pupil_id in gone:
                continue
            new.discard(_message_id(delivery))
            await _store(connection, delivery)
            found = await cases.of_pupils(
                connection, [delivery.pupil_id], [school_year(delivery.day)]
            )
            case = found[0] if found else None
            if delivery.kind == "same_day" and delivery.state == "call_home":
                await _call_home(database, connection, delivery, case)
                called.append(delivery.reason)
            if case is not None and delivery.kind == "same_day":
                await _history(database, connection, delivery, case)
    for reason in called:
        metrics.CALLS_HOME.labels(reason).inc()


def _message_id(delivery: Delivery) -> str:
    # The same notice may first fail and be sent at a later try.
    return f"{delivery.delivery_id}:{delivery.state}"


async def _store(connection: Connection, delivery: Delivery) -> None:
    await connection.execute(
        """
        INSERT INTO cases.deliveries AS d (organiser_id, delivery_id, kind, state, channel, reason,
            pupil_id, school_unit_id, school_date, occurred_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (organiser_id, delivery_id) DO UPDATE SET
            state = excluded.state, reason = excluded.reason, occurred_at = excluded.occurred_at
        WHERE d.occurred_at <= excluded.occurred_at
        """,
        delivery.organiser_id,
        delivery.delivery_id,
        delivery.kind,
        delivery.state,
        delivery.channel,
        delivery.reason,
        delivery.pupil_id,
        delivery.school_unit_id,
        delivery.day,
        delivery.occurred_at,
    )


async def _call_home(
    database: Database, connection: Connection, delivery: Delivery, case: Case | None
) -> None:
    today = database.today()
    known = await people.places(connection, [delivery.pupil_id], today)
    place = known.get(delivery.pupil_id) or Place(
        delivery.school_unit_id or UNKNOWN_UNIT, None, None, None
    )
    await duties.add(
        connection,
        delivery.organiser_id,
        [
            duties.NewDuty(
                # One call for a pupil's day, however many notices could not be sent.
                duty_id=duties.call_home_id(delivery.organiser_id, delivery.pupil_id, delivery.day),
                kind="call_home",
                pupil_id=delivery.pupil_id,
                school_year=school_year(delivery.day),
                school_unit_id=place.school_unit_id,
                class_id=place.class_id,
                case_id=case.case_id if case else None,
                assignment=assign(await people.duties(connection), place, today),
                school_date=delivery.day,
                due_at=delivery.occurred_at,
                created_at=database.now(),
                reason=delivery.reason,
            )
        ],
    )
    await duties.follow_ground(connection, [delivery.pupil_id], database.now())


async def _history(
    database: Database, connection: Connection, delivery: Delivery, case: Case
) -> None:
    await cases.history(
        connection,
        delivery.organiser_id,
        [
            Happened(
                event_id=database.new_id(),
                case_id=case.case_id,
                at=delivery.occurred_at,
                kind=f"notice_{delivery.state}",
                school_date=delivery.day,
                detail={"reason": delivery.reason, "channel": delivery.channel},
            )
        ],
    )
