"""Which buckets have had which lessons, so that a cancellation or a move reaches all of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from forvarning.facts.v1 import facts_pb2 as facts
from services.ingest.store.bulk import upsert

if TYPE_CHECKING:
    from services.common.pg import Connection

Target = tuple[UUID, int]
"""Home and bucket."""
VersionKey = tuple[int, int, int]


def _key(lesson_id: UUID, target: Target) -> bytes:
    home_id, bucket = target
    return lesson_id.bytes + home_id.bytes + bucket.to_bytes(4, "big")


def _by_id(entry: Seen) -> bytes:
    return entry.lesson_id.bytes


def version_key(version: facts.Version) -> VersionKey:
    return version.priority, version.modified_unix_ms, version.sequence


@dataclass(slots=True)
class Seen:
    """What a batch says of one lesson occurrence."""

    lesson_id: UUID
    school_unit_id: UUID
    day: date
    targets: set[Target] = field(default_factory=set)
    cancelled: facts.Version | None = None


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A cancellation that ``target`` (in ``partition``) has not heard of yet."""

    lesson_id: UUID
    target: Target
    partition: int
    version: facts.Version


class LessonBook:
    """Keeps the book in PostgreSQL and remembers lately seen lessons."""

    def __init__(self, remember: int = 50_000) -> None:
        self._remember = remember
        self._recent: OrderedDict[bytes, None] = OrderedDict()

    async def record(
        self, connection: Connection, organiser_id: UUID, seen: Iterable[Seen]
    ) -> list[Cancellation]:
        """Store what is new; returns the cancellations that must be sent besides.

        A bucket that meets a lesson after it was cancelled is told of the
        cancellation, and a cancellation goes to every bucket that has met the
        lesson, whoever its sender mentioned.
        """
        news = [
            entry
            for entry in seen
            if entry.cancelled is not None
            or any(_key(entry.lesson_id, target) not in self._recent for target in entry.targets)
        ]
        if not news:
            return []
        already = await self._lock(connection, organiser_id, news)
        await upsert(
            connection,
            "ingest.lesson_targets",
            {"organiser_id": "uuid", "lesson_id": "uuid", "home_id": "uuid", "bucket": "int"},
            sorted({
                (organiser_id, entry.lesson_id, *target)
                for entry in news
                for target in entry.targets
            }),
            key=("organiser_id", "lesson_id", "home_id", "bucket"),
        )  # fmt: skip
        await self._store_cancellations(connection, news)
        cancelled = already | {entry.lesson_id for entry in news if entry.cancelled is not None}
        return await self._tell(connection, sorted(cancelled)) if cancelled else []

    def committed(self, seen: Iterable[Seen]) -> None:
        """Remember what the database now holds; to be called after the commit."""
        for entry in seen:
            for target in entry.targets:
                key = _key(entry.lesson_id, target)
                self._recent[key] = None
                self._recent.move_to_end(key)
        while len(self._recent) > self._remember:
            self._recent.popitem(last=False)

    @staticmethod
    async def _lock(connection: Connection, organiser_id: UUID, news: list[Seen]) -> set[UUID]:
        """Store and lock the lessons; returns those that were cancelled before.

        The update locks each row, in key order: a cancellation and a bucket's
        first register must not pass each other unseen.
        """
        lessons = sorted({entry.lesson_id: entry for entry in news}.values(), key=_by_id)
        rows = await connection.fetch(
            "INSERT INTO ingest.lessons (organiser_id, lesson_id, school_unit_id, day) "
            "SELECT $1, * FROM unnest($2::uuid[], $3::uuid[], $4::date[]) "
            "ON CONFLICT (organiser_id, lesson_id) DO UPDATE "
            "SET school_unit_id = EXCLUDED.school_unit_id "
            "RETURNING lesson_id, cancel_priority IS NOT NULL AS cancelled",
            organiser_id,
            [entry.lesson_id for entry in lessons],
            [entry.school_unit_id for entry in lessons],
            [entry.day for entry in lessons],
        )
        return {row["lesson_id"] for row in rows if row["cancelled"]}

    @staticmethod
    async def _store_cancellations(connection: Connection, news: list[Seen]) -> None:
        cancelled = [entry for entry in news if entry.cancelled is not None]
        if not cancelled:
            return
        await connection.executemany(
            "UPDATE ingest.lessons SET cancel_priority = $2, cancel_modified_ms = $3, "
            "cancel_sequence = $4 WHERE lesson_id = $1 AND (cancel_priority IS NULL OR "
            "(cancel_priority, cancel_modified_ms, cancel_sequence) < ($2, $3, $4))",
            [
                (entry.lesson_id, *version_key(entry.cancelled))
                for entry in cancelled
                if entry.cancelled is not None
            ],
        )

    @staticmethod
    async def _tell(connection: Connection, lessons: list[UUID]) -> list[Cancellation]:
        rows = await connection.fetch(
            """
            SELECT l.lesson_id, l.cancel_priority, l.cancel_modified_ms, l.cancel_sequence,
                   t.home_id, t.bucket, h.partition
            FROM ingest.lessons l
            JOIN ingest.lesson_targets t USING (organiser_id, lesson_id)
            JOIN ingest.homes h USING (organiser_id, home_id)
            WHERE l.lesson_id = ANY($1) AND l.cancel_priority IS NOT NULL
            """,
            lessons,
        )
        return [
            Cancellation(
                row["lesson_id"],
                (row["home_id"], row["bucket"]),
                row["partition"],
                facts.Version(
                    priority=row["cancel_priority"],
                    modified_unix_ms=row["cancel_modified_ms"],
                    sequence=row["cancel_sequence"],
                ),
            )
            for row in rows
        ]
