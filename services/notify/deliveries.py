"""Deliveries: the log's rows, and their way into the outbox. The one place that writes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.common import pg
from services.notify import metrics, outbox
from services.notify.model import Channel, DeliveryState, Kind, Reason


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row of the delivery log."""

    organiser_id: UUID
    delivery_id: UUID
    kind: Kind
    pupil_id: UUID
    school_unit_id: UUID
    school_date: date
    obligation_id: UUID | None = None
    case_id: UUID | None = None
    channel: Channel | None = None
    recipient_id: UUID | None = None
    message_id: UUID | None = None


async def put(
    connection: pg.Connection,
    delivery: Delivery,
    state: DeliveryState,
    now: datetime,
    reason: Reason | None = None,
) -> None:
    """Write the delivery in this state, and publish it unless it is PENDING.

    A delivery that was withdrawn may be pending again; one that has ended in
    any other way is left as it is.
    """
    written = await connection.fetchval(
        """
        INSERT INTO notify.deliveries AS held (organiser_id, delivery_id, kind, state, reason,
            channel, obligation_id, case_id, pupil_id, school_unit_id, school_date, recipient_id,
            message_id, changed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        ON CONFLICT (organiser_id, delivery_id) DO UPDATE
            SET state = excluded.state, reason = excluded.reason, channel = excluded.channel,
                message_id = excluded.message_id, changed_at = excluded.changed_at
            WHERE held.state IN ('pending', 'withdrawn')
        RETURNING delivery_id
        """,
        delivery.organiser_id,
        delivery.delivery_id,
        delivery.kind,
        state,
        reason or "",
        delivery.channel,
        delivery.obligation_id,
        delivery.case_id,
        delivery.pupil_id,
        delivery.school_unit_id,
        delivery.school_date,
        delivery.recipient_id,
        delivery.message_id,
        now,
    )
    if written is not None and state is not DeliveryState.PENDING:
        metrics.DELIVERIES.labels(delivery.kind, state, reason or "").inc()
        await outbox.enqueue(connection, delivery.delivery_id, now)


async def settle_message(
    connection: pg.Connection,
    message_id: UUID,
    state: DeliveryState,
    now: datetime,
    reason: Reason | None = None,
) -> int:
    """End every delivery that waits for this message; returns how many there were."""
    rows = await connection.fetch(
        "SELECT delivery_id FROM notify.deliveries WHERE message_id = $1 AND state = 'pending' "
        "ORDER BY delivery_id FOR UPDATE",
        message_id,
    )
    for row in rows:
        await settle(connection, row["delivery_id"], state, now, reason)
    return len(rows)


async def settle(
    connection: pg.Connection,
    delivery_id: UUID,
    state: DeliveryState,
    now: datetime,
    reason: Reason | None = None,
) -> None:
    """End one pending delivery and publish its end."""
    kind = await connection.fetchval(
        "UPDATE notify.deliveries SET state = $2, reason = $3, changed_at = $4 "
        "WHERE delivery_id = $1 AND state = 'pending' RETURNING kind",
        delivery_id,
        state,
        reason or "",
        now,
    )
    if kind is None:
        return
    metrics.DELIVERIES.labels(kind, state, reason or "").inc()
    if state is not DeliveryState.WITHDRAWN:
        await outbox.enqueue(connection, delivery_id, now)
