"""Calendar events and attendances as they are taken in: which are news, and what follows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

import msgspec

from services.common.pg import tenant
from services.ingest.model.answers import ItemAnswer
from services.ingest.ss12000 import sent
from services.ingest.ss12000.book import Book, gone_attendance, gone_event
from services.ingest.ss12000.newer import after, beats, modified_at, newest
from services.ingest.ss12000.saying import Sayer
from services.ingest.ss12000.staged import Attendance, Event
from services.ingest.ss12000.stock import touch
from services.ingest.turns import Turn

if TYPE_CHECKING:
    from services.common.pg import Pool
    from services.ingest.store.sources import Source

ASKED_AT_ONCE = 1_000
"""Attendances whose staged rows are looked up in one question."""


class LessonTaker:
    """The caller lets one call at a time in for a source."""

    def __init__(self, *, pool: Pool, sayer: Sayer) -> None:
        self._pool = pool
        self._sayer = sayer

    async def take_events(
        self,
        source: Source,
        pairs: list[tuple[ItemAnswer, Any]],
        arrival: datetime,
    ) -> None:
        read: dict[UUID, tuple[ItemAnswer, Event]] = {}
        for answer, value in pairs:
            found = sent.read_event(value, answer)
            if found is not None:
                found.modified = modified_at(found.modified, arrival, answer)
                found.created = found.created or found.modified
                newest(read, found.id, answer, found, found.modified)
        async with tenant(self._pool, source.organiser_id) as connection:
            book = Book(connection, source)
            known = await book.events(list(read))
            changed: list[Event] = []
            again: dict[UUID, datetime] = {}
            for identity, (answer, event) in read.items():
                before = known.get(identity)
                if before is None or beats(event, before, answer, again):
                    changed.append(event)
            await touch(connection, source, "ingest.ss12000_events", again)
            await book.put_events(changed)

    async def delete_events(
        self, source: Source, answers: list[ItemAnswer], ids: Sequence[UUID], at: datetime
    ) -> None:
        async with tenant(self._pool, source.organiser_id) as connection:
            book = Book(connection, source)
            known = await book.events(ids)
            gone: dict[UUID, Event] = {}
            for answer, identity in zip(answers, ids, strict=True):
                before = known.get(identity)
                if identity in gone or (before and (before.deleted or after(before, at))):
                    answer.status = "duplicate"
                elif before is None:
                    gone[identity] = gone_event(identity, at)
                else:
                    gone[identity] = replace(before, modified=at, deleted=True)
            await book.put_events(list(gone.values()))

    async def take_attendances(
        self,
        source: Source,
        pairs: list[tuple[ItemAnswer, Any]],
        arrival: datetime,
    ) -> None:
        read: dict[UUID, tuple[ItemAnswer, Attendance]] = {}
        memory = sent.Memory()
        # Instants of one time zone are compared at a tenth of the cost.
        now = arrival.astimezone(UTC)
        turn = Turn()
        async with _Known(self._pool, source) as asked:
            for answer, value in pairs:
                if turn.over():
                    await turn.next()
                found = sent.read_attendance(value, answer, memory)
                if found is not None:
                    at = found.modified or found.reported_at
                    if at is None or at > now:
                        at = modified_at(at, now, answer)
                    found.modified = at
                    found.created = found.created or at
                    if found.id in read:
                        newest(read, found.id, answer, found, at)
                    else:
                        read[found.id] = (answer, found)
                        asked.about(found.id)
            known = await asked.all()
        changed: list[Attendance] = []
        again: dict[UUID, datetime] = {}
        left: list[Attendance] = []
        for identity, (answer, one) in read.items():
            before = known.get(identity)
            if before is not None:
                if not beats(one, before, answer, again):
                    continue
                one.said_ms = before.said_ms
                if (before.event, before.student) != (one.event, one.student):
                    left.append(
                        msgspec.structs.replace(before, modified=one.modified, deleted=True)
                    )
                    one.said_ms = None
            changed.append(one)
        if again:
            async with tenant(self._pool, source.organiser_id) as connection:
                await touch(connection, source, "ingest.ss12000_attendances", again)
        if not changed:
            return
        outcome = await self._sayer.attendances(source, changed, left, fresh=not known)
        for told, notes in outcome.notes.items():
            read[told][0].notes += notes
        for refused, note in outcome.refused.items():
            read[refused][0].refuse([note])

    async def delete_attendances(
        self, source: Source, answers: list[ItemAnswer], ids: Sequence[UUID], at: datetime
    ) -> None:
        async with tenant(self._pool, source.organiser_id) as connection:
            known = await Book(connection, source).attendances(ids)
        gone: dict[UUID, Attendance] = {}
        for answer, identity in zip(answers, ids, strict=True):
            before = known.get(identity)
            if identity in gone or (before and (before.deleted or after(before, at))):
                answer.status = "duplicate"
            elif before is None:
                gone[identity] = gone_attendance(identity, at)
            else:
                gone[identity] = msgspec.structs.replace(before, modified=at, deleted=True)
        if gone:
            await self._sayer.attendances(source, list(gone.values()), (), fresh=not known)


class _Known:
    """Looks up what is staged of attendances while further ones are read."""

    def __init__(self, pool: Pool, source: Source) -> None:
        self._pool = pool
        self._source = source
        self._ids: list[UUID] = []
        self._asked: list[asyncio.Task[dict[UUID, Attendance]]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for one in self._asked:
            one.cancel()
        await asyncio.gather(*self._asked, return_exceptions=True)

    def about(self, identity: UUID) -> None:
        """To be looked up with the next ones."""
        self._ids.append(identity)
        if len(self._ids) == ASKED_AT_ONCE:
            self._ask()

    async def all(self) -> dict[UUID, Attendance]:
        """Those of the attendances asked about that are staged."""
        self._ask()
        known: dict[UUID, Attendance] = {}
        for found in await asyncio.gather(*self._asked):
            known |= found
        return known

    def _ask(self) -> None:
        if self._ids:
            self._asked.append(asyncio.create_task(self._found(self._ids)))
            self._ids = []

    async def _found(self, ids: list[UUID]) -> dict[UUID, Attendance]:
        async with tenant(self._pool, self._source.organiser_id) as connection:
            return await Book(connection, self._source).attendances(ids)
