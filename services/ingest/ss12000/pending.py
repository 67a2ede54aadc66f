"""Which sources have something to settle."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from services.common.pg import tenant
from services.ingest.store.sources import Source, source_from

if TYPE_CHECKING:
    from services.common.pg import Pool


async def to_settle(pool: Pool, organiser_id: UUID, now: datetime) -> list[Source]:
    """The organiser's sources that brought something that is not applied yet.

    Not those of which a reading is under way, nor those whose roster a human
    must accept, as long as nothing else waits.
    """
    async with tenant(pool, organiser_id) as connection:
        rows = await connection.fetch(
            """
            SELECT s.* FROM ingest.sources s
            JOIN people.organisers o USING (organiser_id)
            LEFT JOIN ingest.ss12000_state t USING (organiser_id, source_id)
            WHERE s.revoked_at IS NULL
              AND (t.reading_until IS NULL OR t.reading_until < now())
              AND (EXISTS (SELECT FROM people.ss12000_persons p
                           WHERE p.organiser_id = s.organiser_id AND p.source_id = s.source_id
                             AND p.dirty AND t.held IS NULL)
                OR EXISTS (SELECT FROM ingest.ss12000_entities e
                           WHERE e.organiser_id = s.organiser_id AND e.source_id = s.source_id
                             AND e.dirty AND (t.held IS NULL OR e.resource = 'Absence'))
                OR EXISTS (SELECT FROM people.ss12000_persons p
                           WHERE p.organiser_id = s.organiser_id AND p.source_id = s.source_id
                             AND p.in_doubt AND t.roster_version <> o.roster_version)
                OR EXISTS (SELECT FROM ingest.ss12000_events v
                           WHERE v.organiser_id = s.organiser_id AND v.source_id = s.source_id
                             AND (v.dirty OR v.due <= $1
                                  OR v.stuck AND t.roster_version <> o.roster_version)))
            ORDER BY s.source_id
            """,
            now,
        )
    return [source_from(row) for row in rows]
