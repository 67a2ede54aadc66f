"""Attendances as they are staged."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.ingest.ss12000 import packed
from services.ingest.ss12000.book_events import NOBODY
from services.ingest.ss12000.staged import Attendance
from services.ingest.store.bulk import load

if TYPE_CHECKING:
    from services.common.pg import Connection
    from services.ingest.store.sources import Source

_ATTENDANCE_COLUMNS = ", ".join(f"a.{name}" for name in packed.COLUMNS)


class AttendanceBook:
    """One source's attendances, inside a transaction of its organiser."""

    def __init__(self, connection: Connection, source: Source) -> None:
        self._connection = connection
        self._source = source

    async def attended(self, ids: Collection[UUID]) -> list[UUID]:
        """Those of the events of which any attendance is staged."""
        rows = await self._connection.fetch(
            "SELECT w.id FROM unnest($2::uuid[]) AS w (id) WHERE EXISTS (SELECT 1 "
            "FROM ingest.ss12000_attendances a "
            "WHERE a.source_id = $1 AND a.calendar_event = w.id)",
            self._source.source_id,
            list(ids),
        )
        return [row["id"] for row in rows]

    async def attendances(self, ids: Collection[UUID]) -> dict[UUID, Attendance]:
        """Attendances by id, deleted ones too."""
        rows = await self._connection.fetch(
            f"SELECT {_ATTENDANCE_COLUMNS} FROM ingest.ss12000_attendances a "
            "WHERE source_id = $1 AND id = ANY($2)",
            self._source.source_id,
            list(ids),
        )
        return {row["id"]: attendance_of(row) for row in rows}

    async def siblings(self, pairs: Collection[tuple[UUID, UUID]]) -> list[Attendance]:
        """Everything staged about (event, student)."""
        wanted = list(pairs)
        if not wanted:
            return []
        rows = await self._connection.fetch(
            f"SELECT {_ATTENDANCE_COLUMNS} FROM unnest($2::uuid[], $3::uuid[]) AS w (event, pupil) "
            "JOIN ingest.ss12000_attendances a "
            "ON a.calendar_event = w.event AND a.student = w.pupil WHERE a.source_id = $1",
            self._source.source_id,
            [event for event, _ in wanted],
            [pupil for _, pupil in wanted],
        )
        return [attendance_of(row) for row in rows]

    async def of_events(self, ids: Collection[UUID]) -> dict[UUID, list[Attendance]]:
        """Everything staged about events."""
        rows = await self._connection.fetch(
            f"SELECT {_ATTENDANCE_COLUMNS} FROM ingest.ss12000_attendances a "
            "WHERE source_id = $1 AND calendar_event = ANY($2)",
            self._source.source_id,
            list(ids),
        )
        found: dict[UUID, list[Attendance]] = {}
        for row in rows:
            found.setdefault(row["calendar_event"], []).append(attendance_of(row))
        return found

    async def reported(self, ids: Collection[UUID]) -> dict[UUID, tuple[frozenset[UUID], bool]]:
        """The pupils with an attendance at each event, and whether all were said as they are.

        An event without any is missing.
        """
        rows = await self._connection.fetch(
            "SELECT calendar_event, array_agg(student) AS students, "
            "bool_and(said_ms IS NOT NULL AND NOT deleted) AS plain "
            "FROM ingest.ss12000_attendances WHERE source_id = $1 AND calendar_event = ANY($2) "
            "GROUP BY calendar_event",
            self._source.source_id,
            list(ids),
        )
        return {row["calendar_event"]: (frozenset(row["students"]), row["plain"]) for row in rows}

    async def put_attendances(self, attendances: Sequence[Attendance], *, fresh: bool) -> None:
        """Stage attendances with what was said of them, but over nothing that is newer.

        ``fresh`` = none of them is staged.
        """
        if attendances:
            await load(
                self._connection,
                "ingest.ss12000_attendances",
                packed.COLUMNS,
                packed.rows(attendances),
                shared={
                    "organiser_id": self._source.organiser_id,
                    "source_id": self._source.source_id,
                },
                key=("id", "source_id"),
                newest="modified",
                fresh=fresh,
            )

    async def said_attendances(self, said: Sequence[Attendance]) -> None:
        """Note with which modified time marks were said."""
        if not said:
            return
        await self._connection.execute(
            "UPDATE ingest.ss12000_attendances a SET said_ms = w.said_ms "
            "FROM unnest($2::uuid[], $3::bigint[]) AS w (id, said_ms) "
            "WHERE a.source_id = $1 AND a.id = w.id",
            self._source.source_id,
            [one.id for one in said],
            [one.said_ms for one in said],
        )


def attendance_of(row: Any) -> Attendance:
    return Attendance(
        id=row["id"],
        event=row["calendar_event"],
        student=row["student"],
        reported=row["reported"],
        present=row["present"],
        valid=row["valid"],
        invalid=row["invalid"],
        other=row["other"],
        created=row["created"],
        modified=row["modified"],
        reported_at=row["reported_at"],
        said_ms=row["said_ms"],
        deleted=row["deleted"],
    )


def gone_attendance(identity: UUID, at: datetime) -> Attendance:
    """The memory of an attendance that was deleted before it ever came."""
    return Attendance(
        identity, NOBODY, NOBODY, reported=False, present=0, valid=0, invalid=0, other=0,
        created=at, modified=at, deleted=True,
    )  # fmt: skip
