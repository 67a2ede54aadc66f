"""The day closer's book: which unit days are closed, and which partitions know (design D8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from services.ingest.store.bulk import insert, upsert

if TYPE_CHECKING:
    from services.common.pg import Connection


@dataclass(frozen=True, slots=True)
class Closing:
    """A unit day and what it is: school_day, free or reopened."""

    school_unit_id: UUID
    day: date
    revision: int
    kind: str
    modified_ms: int
    sequence: int


async def latest(
    connection: Connection, units: Sequence[UUID]
) -> dict[tuple[UUID, date], tuple[int, str]]:
    """(revision, kind) of the newest closing of every unit day of ``units``."""
    rows = await connection.fetch(
        "SELECT DISTINCT ON (school_unit_id, day) school_unit_id, day, revision, kind "
        "FROM ingest.day_closings WHERE school_unit_id = ANY($1) "
        "ORDER BY school_unit_id, day, revision DESC",
        units,
    )
    return {(row["school_unit_id"], row["day"]): (row["revision"], row["kind"]) for row in rows}


async def reopened(connection: Connection) -> list[tuple[UUID, date, int]]:
    """(unit, day, when in Unix milliseconds) of the days that stand open again."""
    rows = await connection.fetch(
        "SELECT c.school_unit_id, c.day, c.modified_ms FROM ingest.day_closings c "
        "WHERE c.kind = 'reopened' AND NOT EXISTS (SELECT FROM ingest.day_closings n "
        "WHERE n.organiser_id = c.organiser_id AND n.school_unit_id = c.school_unit_id "
        "AND n.day = c.day AND n.revision > c.revision)"
    )
    return [(row["school_unit_id"], row["day"], row["modified_ms"]) for row in rows]


async def cursors(connection: Connection) -> dict[UUID, tuple[date, bytes]]:
    """Unit -> (closed through, digest of the calendar that this was done by)."""
    rows = await connection.fetch(
        "SELECT school_unit_id, closed_through, calendar_digest FROM ingest.unit_closers"
    )
    return {
        row["school_unit_id"]: (row["closed_through"], bytes(row["calendar_digest"]))
        for row in rows
    }


async def move_cursor(
    connection: Connection, organiser_id: UUID, unit: UUID, through: date, digest: bytes
) -> None:
    await connection.execute(
        "INSERT INTO ingest.unit_closers (organiser_id, school_unit_id, closed_through, "
        "calendar_digest) VALUES ($1, $2, $3, $4) ON CONFLICT (organiser_id, school_unit_id) "
        "DO UPDATE SET closed_through = greatest(unit_closers.closed_through, "
        "EXCLUDED.closed_through), calendar_digest = EXCLUDED.calendar_digest",
        organiser_id,
        unit,
        through,
        digest,
    )


async def add(
    connection: Connection, organiser_id: UUID, closings: Sequence[Closing], partitions: int
) -> None:
    """Store closings, not acknowledged by any partition yet."""
    await insert(
        connection,
        "ingest.day_closings",
        {
            "organiser_id": "uuid",
            "school_unit_id": "uuid",
            "day": "date",
            "revision": "int",
            "kind": "text",
            "modified_ms": "bigint",
            "sequence": "bigint",
        },
        [
            (organiser_id, c.school_unit_id, c.day, c.revision, c.kind, c.modified_ms, c.sequence)
            for c in closings
        ],
    )
    await insert(
        connection,
        "ingest.day_closing_partitions",
        {
            "organiser_id": "uuid",
            "school_unit_id": "uuid",
            "day": "date",
            "revision": "int",
            "partition": "int",
        },
        [
            (organiser_id, c.school_unit_id, c.day, c.revision, partition)
            for c in closings
            for partition in range(partitions)
        ],
    )


async def oldest_pending(connection: Connection) -> list[tuple[Closing, list[int]]]:
    """The closings of the oldest day that some partition has not acknowledged, and which."""
    rows = await connection.fetch(
        """
        SELECT c.*, array_agg(p.partition ORDER BY p.partition) AS partitions
        FROM ingest.day_closing_partitions p
        JOIN ingest.day_closings c USING (organiser_id, school_unit_id, day, revision)
        WHERE NOT p.acknowledged AND p.day = (
            SELECT min(day) FROM ingest.day_closing_partitions WHERE NOT acknowledged)
        GROUP BY c.organiser_id, c.school_unit_id, c.day, c.revision
        ORDER BY c.sequence
        """
    )
    return [
        (
            Closing(
                row["school_unit_id"], row["day"], row["revision"], row["kind"],
                row["modified_ms"], row["sequence"],
            ),
            row["partitions"],
        )
        for row in rows
    ]  # fmt: skip


async def acknowledge(
    connection: Connection,
    organiser_id: UUID,
    sent: Sequence[tuple[Closing, list[int]]],
) -> None:
    """Note what Kafka has acknowledged."""
    await upsert(
        connection,
        "ingest.day_closing_partitions",
        {
            "organiser_id": "uuid",
            "school_unit_id": "uuid",
            "day": "date",
            "revision": "int",
            "partition": "int",
            "acknowledged": "bool",
        },
        [
            (organiser_id, c.school_unit_id, c.day, c.revision, partition, True)
            for c, partitions in sent
            for partition in partitions
        ],
        key=("organiser_id", "school_unit_id", "day", "revision", "partition"),
    )


async def lesson_days_without_closing(
    connection: Connection, units: Mapping[UUID, date]
) -> list[tuple[UUID, date]]:
    """Days with a lesson offered, up to each unit's last closable day, that nobody closed."""
    if not units:
        return []
    # From day to day along the index: a unit has a hundred days and ten thousand lessons.
    rows = await connection.fetch(
        """
        WITH RECURSIVE days AS (
            SELECT u.unit, u.through, (
                SELECT min(l.day) FROM ingest.lessons l
                WHERE l.school_unit_id = u.unit AND l.day <= u.through) AS day
            FROM unnest($1::uuid[], $2::date[]) AS u (unit, through)
            UNION ALL
            SELECT d.unit, d.through, (
                SELECT min(l.day) FROM ingest.lessons l
                WHERE l.school_unit_id = d.unit AND l.day > d.day AND l.day <= d.through)
            FROM days d WHERE d.day IS NOT NULL
        )
        SELECT d.unit, d.day FROM days d
        WHERE d.day IS NOT NULL AND NOT EXISTS (
            SELECT FROM ingest.day_closings c
            WHERE c.school_unit_id = d.unit AND c.day = d.day)
        AND EXISTS (
            SELECT FROM ingest.lessons l
            WHERE l.school_unit_id = d.unit AND l.day = d.day AND l.cancel_priority IS NULL)
        ORDER BY d.day, d.unit
        """,
        list(units),
        list(units.values()),
    )
    return [(row["unit"], row["day"]) for row in rows]
