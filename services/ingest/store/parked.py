"""What was accepted about pupils whom the roster does not know yet: kept until it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from forvarning.facts.v1 import facts_pb2 as facts
from services.ingest.store.directory import Home
from services.ingest.store.lessons import VersionKey, version_key
from services.ingest.store.names import CIVIC_NO

if TYPE_CHECKING:
    from services.common.pg import Connection


@dataclass(frozen=True, slots=True)
class Parked:
    """A fact about one pupil in one school year; pupil, home and bucket are still empty."""

    namespace: str
    pupil: str
    school_year: int
    fact: facts.Fact
    wake_from: date | None = None
    """The source's cut-over, where the fact is about an older day."""

    @property
    def about(self) -> UUID:
        if self.fact.HasField("register"):
            return UUID(bytes=self.fact.register.lesson_id)
        return UUID(bytes=self.fact.notice.notice_id)

    @property
    def version(self) -> VersionKey:
        body = self.fact.register if self.fact.HasField("register") else self.fact.notice
        return version_key(body.version)


def _place(parked: Parked) -> tuple[str, str, UUID, int, VersionKey]:
    # Rows are taken in one order, so that two transactions cannot wait for each other.
    return (
        parked.namespace, parked.pupil, parked.about, parked.school_year, parked.version
    )  # fmt: skip


async def park(
    connection: Connection, organiser_id: UUID, parked: Sequence[Parked], now: datetime
) -> None:
    """Keep ``parked``; of two about the same thing the newer stays."""
    if not parked:
        return
    await connection.executemany(
        """
        INSERT INTO ingest.parked AS p (organiser_id, namespace, pupil, about, school_year,
            priority, modified_ms, sequence, fact, parked_at, wake_from)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (organiser_id, namespace, pupil, about, school_year) DO UPDATE
        SET priority = EXCLUDED.priority, modified_ms = EXCLUDED.modified_ms,
            sequence = EXCLUDED.sequence, fact = EXCLUDED.fact, wake_from = EXCLUDED.wake_from
        WHERE (p.priority, p.modified_ms, p.sequence)
            < (EXCLUDED.priority, EXCLUDED.modified_ms, EXCLUDED.sequence)
        """,
        [
            (organiser_id, entry.namespace, entry.pupil, entry.about, entry.school_year,
             *entry.version, entry.fact.SerializeToString(), now, entry.wake_from)
            for entry in sorted(parked, key=_place)
        ],
    )  # fmt: skip


async def releasable(connection: Connection, limit: int) -> list[tuple[Parked, Home]]:
    """What the roster has caught up with, oldest first."""
    rows = await connection.fetch(
        """
        SELECT p.namespace, p.pupil, p.school_year, p.fact, p.wake_from, e.entity_id, h.home_id,
               h.bucket, hm.partition
        FROM ingest.parked p
        CROSS JOIN LATERAL (
            SELECT x.entity_id FROM people.external_ids x WHERE x.organiser_id = p.organiser_id
              AND x.namespace = p.namespace AND x.kind = 'pupil' AND x.external_id = p.pupil
            UNION
            SELECT c.pupil_id FROM people.civic_numbers c WHERE c.organiser_id = p.organiser_id
              AND starts_with(p.pupil, $2) AND c.civic_no = substr(p.pupil, length($2) + 1)
        ) e
        JOIN ingest.pupil_homes h ON h.organiser_id = p.organiser_id
          AND h.pupil_id = e.entity_id AND h.school_year = p.school_year
        JOIN ingest.homes hm ON hm.organiser_id = p.organiser_id AND hm.home_id = h.home_id
        ORDER BY p.sequence
        LIMIT $1
        """,
        limit,
        CIVIC_NO,
    )
    return [
        (
            Parked(row["namespace"], row["pupil"], row["school_year"],
                   facts.Fact.FromString(row["fact"]), row["wake_from"]),
            Home(row["entity_id"], row["home_id"], row["bucket"], row["partition"]),
        )
        for row in rows
    ]  # fmt: skip


async def released(connection: Connection, sent: Sequence[Parked]) -> None:
    """Forget what was sent, unless something newer took its place meanwhile."""
    await connection.executemany(
        "DELETE FROM ingest.parked WHERE namespace = $1 AND pupil = $2 AND about = $3 "
        "AND school_year = $4 AND (priority, modified_ms, sequence) = ($5, $6, $7)",
        [
            (entry.namespace, entry.pupil, entry.about, entry.school_year, *entry.version)
            for entry in sent
        ],
    )


async def waiting(connection: Connection) -> int:
    """How many facts wait."""
    return int(await connection.fetchval("SELECT count(*) FROM ingest.parked"))
