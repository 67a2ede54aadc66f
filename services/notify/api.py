"""The operator's endpoints: what is owed and what became of it, without a name or an address."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from services.common import pg
from services.common.clock import Clock
from services.common.http import require_bearer
from services.common.settings import NotifySettings
from services.notify.warnings import meet


class ObligationOut(BaseModel):
    """A same-day obligation."""

    obligation_id: UUID
    thread_id: UUID
    revision: int
    pupil_id: UUID
    school_date: date
    state: str
    excused: bool
    reason: str
    raised_at: datetime
    due_at: datetime
    settled_at: datetime | None


class DeliveryOut(BaseModel):
    """One person told, or not, about one pupil's day or case."""

    delivery_id: UUID
    kind: str
    state: str
    reason: str
    channel: str | None
    obligation_id: UUID | None
    case_id: UUID | None
    pupil_id: UUID
    school_date: date
    recipient_id: UUID | None
    message_id: UUID | None
    changed_at: datetime


class MessageOut(BaseModel):
    """One mail or webhook call; ``message_id`` is its Message-ID's left part or webhook-id."""

    message_id: UUID
    kind: str
    channel: str
    recipient_id: UUID
    school_date: date
    state: str
    attempts: int
    sent_at: datetime | None


class DeliveriesOut(BaseModel):
    """One page of everything, in the order of ids; ask again with ``after`` until it is None."""

    wake_from: date | None
    pupils_wake_from: dict[UUID, date]
    """Of pupils whose own day is later than the organiser's; on the first page only."""
    late_days: int
    outage_days: int
    obligations: list[ObligationOut]
    deliveries: list[DeliveryOut]
    messages: list[MessageOut]
    after: UUID | None


class OrganiserIn(BaseModel):
    """What an organiser may set."""

    grace_minutes: Annotated[int, Field(ge=0, le=240)] | None


def router(pool: pg.Pool, settings: NotifySettings, clock: Clock) -> APIRouter:
    """The endpoints under /internal/v1, behind the operator's token."""
    api = APIRouter(
        prefix="/internal/v1", dependencies=[Depends(require_bearer(settings.notify_ops_token))]
    )

    @api.get("/deliveries")
    async def deliveries(
        organiser: UUID,
        after: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 5_000,
    ) -> DeliveriesOut:
        """Obligations, deliveries and messages of one organiser, each list after ``after``."""
        found: dict[str, list[dict[str, object]]] = {}
        async with pg.tenant(pool, organiser) as connection:
            wake_from = await connection.fetchval("SELECT wake_from FROM notify.organisers")
            rows = await connection.fetch(
                "SELECT pupil_id, wake_from FROM people_v1.wake_from WHERE $1::uuid IS NULL", after
            )
            pupils = {row["pupil_id"]: row["wake_from"] for row in rows}
            for table, key in _TABLES.items():
                rows = await connection.fetch(
                    f"SELECT * FROM notify.{table} WHERE $1::uuid IS NULL OR {key} > $1 "
                    f"ORDER BY {key} LIMIT $2",
                    after,
                    limit,
                )
                found[table] = [dict(row) for row in rows]
        # Where a list was cut, every list ends, and goes on from, the smallest last id.
        lasts = [UUID(str(found[t][-1][k])) for t, k in _TABLES.items() if len(found[t]) == limit]
        bound = min(lasts, default=None)
        page = {
            table: [row for row in found[table] if bound is None or UUID(str(row[key])) <= bound]
            for table, key in _TABLES.items()
        }
        return DeliveriesOut.model_validate(
            {
                "wake_from": wake_from,
                "pupils_wake_from": pupils,
                "late_days": settings.notify_late_days,
                "outage_days": settings.notify_outage_days,
                "after": bound,
                **page,
            }
        )

    @api.put("/organisers/{organiser}", status_code=204)
    async def organiser_settings(organiser: UUID, body: OrganiserIn) -> None:
        """Set an organiser's grace time; null means the installation's."""
        async with pg.tenant(pool, organiser) as connection:
            await meet(connection, organiser, clock.now())
            await connection.execute(
                "UPDATE notify.organisers SET grace_minutes = $1", body.grace_minutes
            )

    return api


_TABLES = {
    "obligations": "obligation_id",
    "deliveries": "delivery_id",
    "messages": "message_id",
}
