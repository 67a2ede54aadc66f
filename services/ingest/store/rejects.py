"""A book of what was refused and why, without what it said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from services.ingest.model.answers import ItemAnswer
from services.ingest.store.bulk import insert
from services.ingest.store.sources import Source

if TYPE_CHECKING:
    from services.common.pg import Connection


async def store_rejects(
    connection: Connection,
    source: Source,
    resource: str,
    answers: Sequence[ItemAnswer],
    now: datetime,
) -> None:
    """One row per refused item, by its first problem."""
    await insert(
        connection,
        "ingest.rejects",
        {
            "organiser_id": "uuid",
            "source_id": "uuid",
            "rejected_at": "timestamptz",
            "resource": "text",
            "code": "text",
            "field": "text",
        },
        [
            (source.organiser_id, source.source_id, now, resource, first.code, first.field[:200])
            for answer in answers
            for first in answer.problems[:1]
        ],
    )
