"""Closes school days: a fact in the stream, and a duty in the database (design D8)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from forvarning.facts.v1 import facts_pb2 as facts
from services.common import topics
from services.common.clock import Clock, epoch_day, school_year
from services.common.pg import tenant
from services.ingest import metrics
from services.ingest.calendars import UnitCalendar, closing_instant, last_closable
from services.ingest.publisher import Outgoing, Publisher
from services.ingest.store import days
from services.ingest.store.days import Closing
from services.ingest.store.directory import load_calendars
from services.ingest.versions import OWN_PRIORITY, number_on, version

if TYPE_CHECKING:
    from services.common.pg import Connection, Pool

_KINDS = {
    "school_day": facts.DAY_KIND_SCHOOL_DAY,
    "free": facts.DAY_KIND_FREE,
    "reopened": facts.DAY_KIND_REOPENED,
}

Wanted = tuple[UUID, date, str]
"""Unit, day, kind."""


class DayCloser:
    """Writes what is due into its book, then to every partition, oldest day first."""

    def __init__(
        self,
        *,
        pool: Pool,
        publisher: Publisher,
        clock: Clock,
        partitions: int,
    ) -> None:
        self._pool = pool
        self._publisher = publisher
        self._clock = clock
        self._partitions = partitions

    async def run(self, organiser_id: UUID) -> int:
        """One round for one organiser; returns how many unit days were written.

        After downtime it catches up, in order; what it wrote without an
        acknowledgement it writes again. Raises
        :class:`services.ingest.errors.NotWrittenError` when the broker is away.
        """
        now = self._clock.now()
        async with tenant(self._pool, organiser_id) as connection:
            await self._lock(connection, organiser_id)
            due = await self._due(connection, organiser_id, now)
            await self._store(connection, organiser_id, due, now)
        return await self._send(organiser_id)

    async def say(self, organiser_id: UUID, unit: UUID, day: date, kind: str) -> None:
        """Close or reopen one day by hand; returns when every partition has it.

        A reopened day is closed again at the unit's next closing time.
        """
        now = self._clock.now()
        async with tenant(self._pool, organiser_id) as connection:
            await self._lock(connection, organiser_id)
            await self._store(connection, organiser_id, [(unit, day, kind)], now)
        await self._send(organiser_id)

    async def kind_of(self, organiser_id: UUID, unit: UUID, day: date) -> str:
        """What the unit's calendar says of a day; without one, a school day."""
        async with tenant(self._pool, organiser_id) as connection:
            calendar = (await load_calendars(connection)).get(unit, UnitCalendar())
        return calendar.kind(day) or "school_day"

    @staticmethod
    async def _lock(connection: Connection, organiser_id: UUID) -> None:
        # Two processes must not give the same day two revisions.
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"closer {organiser_id}"
        )

    async def _due(self, connection: Connection, organiser_id: UUID, now: datetime) -> list[Wanted]:
        units = await load_calendars(connection)
        cursors = await days.cursors(connection)
        wanted: dict[tuple[UUID, date], str] = {}
        behind: dict[UUID, tuple[date | None, date]] = {}
        for unit, calendar in units.items():
            through, digest = last_closable(calendar.closes_at, now), calendar.digest()
            closed, known_digest = cursors.get(unit, (None, b""))
            if known_digest != digest or closed is None or closed < through:
                # A corrected calendar is judged again from its beginning.
                behind[unit] = (closed if known_digest == digest else None, through)
                await days.move_cursor(connection, organiser_id, unit, through, digest)
        latest = await days.latest(connection, list(behind)) if behind else {}
        for unit, (after, through) in behind.items():
            for day, kind in units[unit].days(after, through):
                found = latest.get((unit, day))
                if found is None or found[1] not in (kind, "reopened"):
                    wanted[unit, day] = kind
        self._close_again(units, await days.reopened(connection), now, wanted)
        without = {
            unit: through
            for unit, calendar in units.items()
            if school_year(through := last_closable(calendar.closes_at, now)) not in calendar.years
        }
        for unit, day in await days.lesson_days_without_closing(connection, without):
            # Without a calendar a day is a school day when a lesson was offered.
            if school_year(day) not in units[unit].years:
                wanted[unit, day] = "school_day"
        return [(unit, day, kind) for (unit, day), kind in wanted.items()]

    @staticmethod
    def _close_again(
        units: dict[UUID, UnitCalendar],
        reopened: list[tuple[UUID, date, int]],
        now: datetime,
        wanted: dict[tuple[UUID, date], str],
    ) -> None:
        for unit, day, modified_ms in reopened:
            if unit not in units:
                continue
            calendar = units[unit]
            since = datetime.fromtimestamp(modified_ms / 1000, UTC)
            through = last_closable(calendar.closes_at, now)
            if through >= day and through > last_closable(calendar.closes_at, since):
                wanted[unit, day] = calendar.kind(day) or "school_day"

    async def _store(
        self,
        connection: Connection,
        organiser_id: UUID,
        wanted: Iterable[Wanted],
        now: datetime,
    ) -> None:
        ordered = sorted(wanted, key=lambda entry: (entry[1], str(entry[0])))
        if not ordered:
            return
        latest = await days.latest(connection, sorted({unit for unit, _, _ in ordered}, key=str))
        numbers = await number_on(connection, len(ordered))
        now_ms = int(now.timestamp() * 1000)
        closings = []
        for (unit, day, kind), number in zip(ordered, numbers, strict=True):
            revision = latest[unit, day][0] + 1 if (unit, day) in latest else 1
            closings.append(Closing(unit, day, revision, kind, now_ms, number))
            metrics.DAYS_CLOSED.labels(kind).inc()
        await days.add(connection, organiser_id, closings, self._partitions)

    async def _send(self, organiser_id: UUID) -> int:
        """Day by day: a day is not written before every partition has the one before it."""
        written = 0
        while True:
            async with tenant(self._pool, organiser_id) as connection:
                pending = await days.oldest_pending(connection)
            if not pending:
                return written
            await self._publisher.publish([
                self._record(organiser_id, closing, partition)
                for closing, partitions in pending
                for partition in partitions
            ])  # fmt: skip
            async with tenant(self._pool, organiser_id) as connection:
                await days.acknowledge(connection, organiser_id, pending)
            written += len(pending)

    def _record(self, organiser_id: UUID, closing: Closing, partition: int) -> Outgoing:
        fact = facts.Fact(
            organiser_id=organiser_id.bytes,
            accepted_unix_ms=closing.modified_ms,
            day_closed=facts.DayClosed(
                school_unit_id=closing.school_unit_id.bytes,
                epoch_day=epoch_day(closing.day),
                kind=_KINDS[closing.kind],
                version=version(OWN_PRIORITY, closing.modified_ms, closing.sequence),
            ),
        )
        return Outgoing(
            topics.FACTS.name,
            partition,
            closing.school_unit_id.bytes,
            fact.SerializeToString(),
        )

    async def lag_seconds(self, organiser_id: UUID) -> float:
        """How long ago the oldest day fell due that not every partition has acknowledged."""
        async with tenant(self._pool, organiser_id) as connection:
            pending = await days.oldest_pending(connection)
            units = await load_calendars(connection)
        now = self._clock.now()
        return max(
            (
                (
                    now
                    - closing_instant(
                        closing.day,
                        units.get(closing.school_unit_id, UnitCalendar()).closes_at,
                    )
                ).total_seconds()
                for closing, _ in pending
            ),
            default=0.0,
        )
