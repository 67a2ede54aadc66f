"""The inbox: which messages have had their effect, in the transaction of the effect (D9)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from services.common.pg import Connection


async def first_seen(
    connection: Connection, organiser_id: UUID, consumer: str, messages: Sequence[str], at: datetime
) -> set[str]:
    """Put messages into the inbox; returns those that were not there yet."""
    rows = await connection.fetch(
        """
        INSERT INTO cases.inbox (organiser_id, consumer, message_id, received_at)
        SELECT $1, $2, m, $4 FROM unnest($3::text[]) AS m
        ON CONFLICT DO NOTHING RETURNING message_id
        """,
        organiser_id,
        consumer,
        sorted(set(messages)),
        at,
    )
    return {row["message_id"] for row in rows}
