"""The outbox: deliveries on their way to notify.deliveries.v1."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

from aiokafka import AIOKafkaProducer

from forvarning.notify.v1 import notify_pb2 as pb
from services.common import pg, topics
from services.common.clock import epoch_day
from services.notify.model import DeliveryState

_BATCH = 200
_STATES = {
    DeliveryState.SENT: pb.DELIVERY_STATE_SENT,
    DeliveryState.FAILED: pb.DELIVERY_STATE_FAILED,
    DeliveryState.SUPPRESSED: pb.DELIVERY_STATE_SUPPRESSED,
    DeliveryState.CALL_HOME: pb.DELIVERY_STATE_CALL_HOME,
}
_KINDS = {"same_day": pb.DELIVERY_KIND_SAME_DAY, "case": pb.DELIVERY_KIND_CASE}
_CHANNELS = {None: pb.CHANNEL_UNSPECIFIED, "mail": pb.CHANNEL_MAIL, "webhook": pb.CHANNEL_WEBHOOK}


async def enqueue(connection: pg.Connection, delivery_id: UUID, now: datetime) -> None:
    """Put the delivery's present state into the outbox, in the caller's transaction."""
    row = await connection.fetchrow(
        "SELECT * FROM notify.deliveries WHERE delivery_id = $1", delivery_id
    )
    if row is None:
        raise LookupError(f"delivery {delivery_id} does not exist")
    organiser: UUID = row["organiser_id"]
    message = pb.Delivery(
        delivery_id=delivery_id.bytes,
        organiser_id=organiser.bytes,
        school_unit_id=row["school_unit_id"].bytes,
        kind=_KINDS[row["kind"]],
        state=_STATES[DeliveryState(row["state"])],
        channel=_CHANNELS[row["channel"]],
        case_id=row["case_id"].bytes if row["case_id"] else b"",
        pupil_id=row["pupil_id"].bytes,
        epoch_day=epoch_day(row["school_date"]),
        occurred_unix_ms=int(now.timestamp() * 1000),
        reason=row["reason"],
    )
    await connection.execute(
        "INSERT INTO notify.outbox (organiser_id, aggregatetype, aggregateid, type, payload, "
        "created_at) VALUES ($1, 'delivery', $2, $3, $4, $5)",
        organiser,
        delivery_id,
        row["state"],
        message.SerializeToString(deterministic=True),
        now,
    )


async def publish(pool: pg.Pool, producer: AIOKafkaProducer, organiser_id: UUID) -> int:
    """Publish what is unpublished; returns how many rows.

    Goes by state, never by "number greater than the last": rows commit out of
    order. A crash after the send repeats rows, under the same delivery id.
    """
    async with pg.tenant(pool, organiser_id) as connection:
        rows = await connection.fetch(
            "SELECT id, aggregateid, payload FROM notify.outbox WHERE published_at IS NULL "
            "ORDER BY ordinal LIMIT $1 FOR UPDATE SKIP LOCKED",
            _BATCH,
        )
        if not rows:
            return 0
        sent = [
            await producer.send(
                topics.DELIVERIES.name, key=row["aggregateid"].bytes, value=row["payload"]
            )
            for row in rows
        ]
        await asyncio.gather(*sent)
        await connection.execute(
            "UPDATE notify.outbox SET published_at = $2 WHERE id = ANY($1)",
            [row["id"] for row in rows],
            datetime.now(UTC),
        )
        return len(rows)
