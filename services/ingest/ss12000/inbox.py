"""Takes entities of SS 12000 in, in whatever order they come, and makes facts and a roster of them.

The server side and the sync engine share it.

- Roster entities (organisations, persons, groups, placements, duties), activities and syllabuses
  are staged at once and take effect at the next :meth:`Inbox.settle`.
- Calendar events are staged, too; ``settle`` says them as scheduled, cancelled or moved lessons.
- Attendances and absences are said at once. One whose calendar event, activity or school unit has
  not come yet is staged, and said by ``settle`` when it has.

Whatever comes later or again, and in which order, the same facts hold in the end. Cheapest for a
whole reading: the roster, ``settle``; then activities, calendar events and attendances, ``settle``:
of a lesson whose attendances are there already only the pupils whom nobody reported are said.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from services.common.clock import Clock
from services.common.pg import tenant
from services.ingest import metrics
from services.ingest.intake import Intake
from services.ingest.model.answers import ItemAnswer, Note
from services.ingest.publisher import Publisher
from services.ingest.release import Releaser
from services.ingest.roster.apply import RosterService
from services.ingest.ss12000 import entities, sent
from services.ingest.ss12000.book import Book, gone_attendance, gone_event
from services.ingest.ss12000.newer import after, beats, modified_at, newest
from services.ingest.ss12000.noticing import Noticer, refusal
from services.ingest.ss12000.reading import is_object
from services.ingest.ss12000.reimports import Reimports
from services.ingest.ss12000.results import InboxLike, Settled
from services.ingest.ss12000.rostering import RosterSettler
from services.ingest.ss12000.saying import Sayer
from services.ingest.ss12000.shelf import Shelf, Staged, table_of, touch
from services.ingest.ss12000.staged import Attendance, Event
from services.ingest.ss12000.vocabulary import PATHS, ROSTER, TAKEN, Resource
from services.ingest.ss12000.wire import Entity, PlainAttendance
from services.ingest.store.outbox import drain
from services.ingest.store.rejects import store_rejects
from services.ingest.versions import SKEW

if TYPE_CHECKING:
    from services.common.pg import Pool
    from services.ingest.store.sources import Source

__all__ = ["Inbox", "InboxLike", "Settled"]

_SNAPSHOTS = (*ROSTER, Resource.ACTIVITY, Resource.SYLLABUS)
_NAMING = frozenset({Resource.GROUP, Resource.ACTIVITY, Resource.CALENDAR_EVENT})
"""By these it is told what is the same lesson under another id."""
_FIRST_LOOK = 500
"""After so many entities the planner is told what there is, and again whenever it is four times as
many: see migration 0008."""
_AT_ONCE = 4
"""Sources that are worked on at the same time: each holds a connection of its own meanwhile."""


class Inbox:
    """One for the process."""

    def __init__(
        self,
        *,
        pool: Pool,
        publisher: Publisher,
        clock: Clock,
        intake: Intake,
        roster: RosterService,
        releaser: Releaser,
    ) -> None:
        self._pool = pool
        self._publisher = publisher
        self._clock = clock
        self._releaser = releaser
        self._sayer = Sayer(pool=pool, intake=intake)
        self._reimports = Reimports(pool=pool, sayer=self._sayer)
        self._noticer = Noticer(pool=pool, intake=intake)
        self._roster = RosterSettler(pool=pool, roster=roster)
        self._locks: weakref.WeakValueDictionary[UUID, asyncio.Lock] = weakref.WeakValueDictionary()
        self._few = asyncio.Semaphore(_AT_ONCE)
        self._staged = 0
        self._analyze_at = _FIRST_LOOK

    async def take(
        self, source: Source, resource: Resource, entities: Sequence[Entity]
    ) -> list[ItemAnswer]:
        """Stage and apply one page or batch; one answer for each entity, in their order.

        When it returns, what was accepted is acknowledged by Kafka or kept in
        PostgreSQL until its references have come. An entity that is older than
        what is known, or the same, is answered ``duplicate`` and changes nothing.
        Roster entities and calendar events take effect at the next :meth:`settle`.
        Raises :class:`services.ingest.errors.NotWrittenError`: send all of it again.
        """
        if resource not in TAKEN:
            raise ValueError(f"{resource.value} is nothing that is taken")
        answers = [ItemAnswer(index) for index in range(len(entities))]
        for answer, one in zip(answers, entities, strict=True):
            if type(one) is PlainAttendance:
                answer.client_id = one.id[:200]
                continue
            if not is_object(one):
                answer.refuse([Note("invalid", "", "is no object")])
                continue
            found = one.get("id")
            answer.client_id = found[:200] if type(found) is str else None
        arrival = self._clock.now()
        pairs = [
            (answer, one)
            for answer, one in zip(answers, entities, strict=True)
            if answer.status == "accepted"
        ]
        async with self._alone(source):
            if resource is Resource.ATTENDANCE:
                await self._reimports.before_attendances(source)
                await self._take_attendances(source, pairs, arrival)
            elif resource is Resource.CALENDAR_EVENT:
                await self._take_events(source, pairs, arrival)
            else:
                await self._take_others(source, resource, pairs, arrival)
            if resource in _NAMING:
                self._reimports.look(source)
        async with tenant(self._pool, source.organiser_id) as connection:
            await store_rejects(connection, source, PATHS[resource], answers, arrival)
            await connection.execute(
                "UPDATE ingest.ss12000_state SET reading_until = now() + interval '10 minutes' "
                "WHERE source_id = $1 AND reading_until > now() "
                "AND reading_until < now() + interval '9 minutes'",
                source.source_id,
            )
        accepted = Counter(one.status for one in answers)
        for status, count in accepted.items():
            metrics.ITEMS.labels(f"ss12000 {PATHS[resource]}", status).inc(count)
        await self._tell_planner(accepted["accepted"])
        return answers

    async def _tell_planner(self, staged: int) -> None:
        self._staged += staged
        if self._staged >= self._analyze_at:
            self._analyze_at = 4 * self._staged
            await self._pool.execute("SELECT ingest.analyze_ss12000()")

    async def delete(
        self, source: Source, resource: Resource, ids: Sequence[UUID], at: datetime
    ) -> list[ItemAnswer]:
        """The source says that these are no more; an id that it never sent is remembered as gone.

        An entity that is sent later with ``meta.modified`` after ``at`` lives again.
        """
        at = min(at, self._clock.now() + SKEW)
        answers = [ItemAnswer(index, str(one)) for index, one in enumerate(ids)]
        async with self._alone(source):
            if resource is Resource.ATTENDANCE:
                await self._delete_attendances(source, answers, ids, at)
            elif resource is Resource.CALENDAR_EVENT:
                await self._delete_events(source, answers, ids, at)
            elif resource in TAKEN:
                await self._delete_others(source, resource, answers, ids, at)
            if resource in _NAMING:
                self._reimports.look(source)
        return answers

    async def settle(
        self,
        source: Source,
        *,
        snapshot: frozenset[Resource] = frozenset(),
        reading: str | None = None,
        accept_losses: bool = False,
    ) -> Settled:
        """Apply what was gathered: the roster, then the timetable, then what waited for them.

        ``snapshot`` names resources that were read whole since the last such call:
        what they lacked is gone. With the name of that ``reading`` the call may be
        repeated, by a process that was killed in it. Absences, calendar events and attendances are
        never judged so, because sources give them for a span of time only.
        """
        settled = Settled()
        async with self._alone(source):
            for resource in _SNAPSHOTS:
                if resource in snapshot:
                    await self._close_reading(source, resource, reading)
            if await self._roster.run(source, settled, accept_losses=accept_losses):
                await drain(self._pool, self._publisher, source.organiser_id)
                await self._releaser.run(source.organiser_id)
            await self._reimports.run(source, settled)
            await self._unstick(source)
        more = True
        while more:
            # What is posted meanwhile comes in between.
            async with self._alone(source):
                more = await self._sayer.events(source, settled)
        async with self._alone(source):
            await self._noticer.look_again(source, settled)
            async with tenant(self._pool, source.organiser_id) as connection:
                shelf = Shelf(connection, source)
                counts = {kind: await shelf.waiting(kind) for kind in ROSTER}
                counts[Resource.CALENDAR_EVENT] = await Book(connection, source).waiting_events()
                settled.waiting = {kind: count for kind, count in counts.items() if count}
                await connection.execute(
                    "UPDATE ingest.ss12000_state SET reading_until = NULL "
                    "WHERE source_id = $1 AND reading_until IS NOT NULL",
                    source.source_id,
                )
        return settled

    async def begin_reading(self, source: Source) -> None:
        """A reading of many pages begins: nothing is settled on its own until ``settle`` is called.

        Without it what is taken is settled within a second or so. It ends by
        itself ten minutes after the last page, should the reader have died.
        """
        async with tenant(self._pool, source.organiser_id) as connection:
            await connection.execute(
                "INSERT INTO ingest.ss12000_state (organiser_id, source_id, reading_until) "
                "VALUES ($1, $2, now() + interval '10 minutes') "
                "ON CONFLICT (organiser_id, source_id) "
                "DO UPDATE SET reading_until = EXCLUDED.reading_until",
                source.organiser_id,
                source.source_id,
            )

    @asynccontextmanager
    async def _alone(self, source: Source) -> AsyncIterator[None]:
        """One call at a time for a source, over all processes."""
        lock = self._locks.setdefault(source.source_id, asyncio.Lock())
        async with lock, self._few, self._pool.acquire() as connection:
            key = int.from_bytes(source.source_id.bytes[:8], "big", signed=True)
            await connection.execute("SELECT pg_advisory_lock($1)", key)
            try:
                yield
            finally:
                await connection.execute("SELECT pg_advisory_unlock($1)", key)

    # -- organisations, persons, groups, activities and the like; absences ---------------

    async def _take_others(
        self,
        source: Source,
        resource: Resource,
        pairs: list[tuple[ItemAnswer, Any]],
        arrival: datetime,
    ) -> None:
        read: dict[UUID, tuple[ItemAnswer, Staged]] = {}
        for answer, value in pairs:
            found = entities.read(resource, value, answer)
            if found is None:
                continue
            modified = modified_at(found.modified, arrival, answer)
            staged = Staged(found.id, found.created or modified, modified, found.body, found.refs)
            newest(read, found.id, answer, staged, modified)
        async with tenant(self._pool, source.organiser_id) as connection:
            shelf = Shelf(connection, source)
            known = await shelf.get(resource, list(read))
            await shelf.see(resource, list(read))
            changed: list[Staged] = []
            again: dict[UUID, datetime] = {}
            for identity, (answer, staged) in read.items():
                before = known.get(identity)
                if before is not None and not beats(staged, before, answer, again):
                    continue
                created = staged.created if before is None else min(before.created, staged.created)
                changed.append(replace(staged, created=created))
            await touch(connection, source, table_of(resource), again, resource)
            if resource is not Resource.ABSENCE:
                await self._stage(shelf, resource, changed)
        if resource is Resource.ABSENCE and changed:
            said = await self._noticer.say(source, changed)
            for one in changed:
                answer = read[one.id][0]
                outcome = said[one.id]
                if outcome.status == "refused":
                    answer.refuse(refusal(outcome))
                else:
                    answer.notes += refusal(outcome)

    @staticmethod
    async def _stage(shelf: Shelf, resource: Resource, changed: list[Staged]) -> None:
        ids = {one.id for one in changed}
        before = (
            await shelf.targets(resource, ids)
            if resource in (Resource.GROUP, Resource.DUTY)
            else set()
        )
        await shelf.put(resource, changed)
        await shelf.changed(resource, ids, before)
        if ids and resource in ROSTER:
            await shelf.release_held()

    async def _delete_others(
        self,
        source: Source,
        resource: Resource,
        answers: list[ItemAnswer],
        ids: Sequence[UUID],
        at: datetime,
    ) -> None:
        async with tenant(self._pool, source.organiser_id) as connection:
            shelf = Shelf(connection, source)
            known = await shelf.get(resource, list(ids))
            gone: dict[UUID, Staged] = {}
            for answer, identity in zip(answers, ids, strict=True):
                before = known.get(identity)
                if identity in gone or (before and (before.deleted or before.modified > at)):
                    answer.status = "duplicate"
                    continue
                if before is None:
                    gone[identity] = Staged(identity, at, at, {}, deleted=True)
                    continue
                refs = await shelf.targets(resource, [identity])
                gone[identity] = replace(
                    before, modified=at, deleted=True, refs=tuple(sorted(refs))
                )
            if resource is not Resource.ABSENCE:
                await self._stage(shelf, resource, list(gone.values()))
        if resource is Resource.ABSENCE:
            await self._delete_absences(source, list(gone.values()))

    async def _delete_absences(self, source: Source, gone: list[Staged]) -> None:
        told = [one for one in gone if one.body]
        if told:
            await self._noticer.say(source, told)
        async with tenant(self._pool, source.organiser_id) as connection:
            shelf = Shelf(connection, source)
            await shelf.put(Resource.ABSENCE, [one for one in gone if not one.body])
            await shelf.done(Resource.ABSENCE, [one.id for one in gone])

    async def _close_reading(self, source: Source, resource: Resource, reading: str | None) -> None:
        async with tenant(self._pool, source.organiser_id) as connection:
            shelf = Shelf(connection, source)
            if reading is not None and not await shelf.close(resource, reading):
                return
            gone = await shelf.unseen(resource)
            if not gone:
                return
            known = await shelf.get(resource, gone)
            refs = {one: tuple(sorted(await shelf.targets(resource, [one]))) for one in gone}
            # A tombstone that any later word of the entity beats.
            await self._stage(
                shelf,
                resource,
                [
                    replace(
                        known[one],
                        deleted=True,
                        refs=refs[one],
                        modified=known[one].modified - timedelta(microseconds=1),
                    )
                    for one in gone
                ],
            )

    async def _unstick(self, source: Source) -> None:
        """When the roster or the hour has changed, what waited may find what it waits for."""
        async with tenant(self._pool, source.organiser_id) as connection:
            changed = await connection.fetchval(
                "INSERT INTO ingest.ss12000_state AS s (organiser_id, source_id, roster_version) "
                "SELECT organiser_id, $2, roster_version FROM people.organisers "
                "WHERE organiser_id = $1 ON CONFLICT (organiser_id, source_id) "
                "DO UPDATE SET roster_version = EXCLUDED.roster_version "
                "WHERE s.roster_version <> EXCLUDED.roster_version RETURNING true",
                source.organiser_id,
                source.source_id,
            )
            book = Book(connection, source)
            if changed:
                await book.unstick()
            await book.come_due(self._clock.now())

    # -- calendar events ------------------------------------------------------------------

    async def _take_events(
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

    async def _delete_events(
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

    # -- attendances ----------------------------------------------------------------------

    async def _take_attendances(
        self,
        source: Source,
        pairs: list[tuple[ItemAnswer, Any]],
        arrival: datetime,
    ) -> None:
        read: dict[UUID, tuple[ItemAnswer, Attendance]] = {}
        ids: dict[str, UUID | None] = {}
        for answer, value in pairs:
            found = sent.read_attendance(value, answer, ids)
            if found is not None:
                at = found.modified or found.reported_at
                if at is None or at > arrival:
                    at = modified_at(at, arrival, answer)
                found.modified = at
                found.created = found.created or at
                if found.id in read:
                    newest(read, found.id, answer, found, at)
                else:
                    read[found.id] = (answer, found)
        async with tenant(self._pool, source.organiser_id) as connection:
            known = await Book(connection, source).attendances(list(read))
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
        outcome = await self._sayer.attendances(source, changed, left)
        for one in changed:
            answer = read[one.id][0]
            answer.notes += outcome.notes.get(one.id, ())
            if one.id in outcome.refused:
                answer.refuse([outcome.refused[one.id]])

    async def _delete_attendances(
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
            await self._sayer.attendances(source, list(gone.values()), ())
