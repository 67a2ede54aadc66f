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
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from services.common.clock import Clock
from services.common.pg import tenant
from services.ingest import metrics
from services.ingest.intake import Intake
from services.ingest.model.answers import ItemAnswer, Note
from services.ingest.publisher import Publisher
from services.ingest.release import Releaser
from services.ingest.roster.apply import RosterService
from services.ingest.ss12000.book import Book
from services.ingest.ss12000.book_events import NOBODY
from services.ingest.ss12000.entering import LessonTaker
from services.ingest.ss12000.noticing import Noticer
from services.ingest.ss12000.reading import is_object
from services.ingest.ss12000.reimports import Reimports
from services.ingest.ss12000.results import InboxLike, Settled
from services.ingest.ss12000.rostering import RosterSettler
from services.ingest.ss12000.saying import Sayer
from services.ingest.ss12000.settling import EventSettler
from services.ingest.ss12000.shelf import Shelf
from services.ingest.ss12000.shelving import OtherTaker
from services.ingest.ss12000.vocabulary import PATHS, ROSTER, TAKEN, Resource
from services.ingest.ss12000.wire import Entity, PlainAttendance
from services.ingest.store.doubts import Doubt
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
"""After so many entities of a kind the planner is told what there is, and again whenever it is four
times as many: see migration 0010. By kind, since a municipality's timetable begins in an empty
table after a hundred thousand others."""
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
        self._events = EventSettler(pool=pool, sayer=self._sayer)
        self._reimports = Reimports(pool=pool, sayer=self._sayer)
        self._noticer = Noticer(pool=pool, intake=intake)
        self._lessons = LessonTaker(pool=pool, sayer=self._sayer)
        self._others = OtherTaker(pool=pool, noticer=self._noticer)
        self._roster = RosterSettler(pool=pool, roster=roster)
        self._locks: weakref.WeakValueDictionary[UUID, asyncio.Lock] = weakref.WeakValueDictionary()
        self._few = asyncio.Semaphore(_AT_ONCE)
        self._staged: Counter[Resource] = Counter()
        self._analyze_at: dict[Resource, int] = {}
        self._minutes: dict[UUID, datetime] = {}
        """When a source's reading was last said to go on: once a minute is enough for ten."""

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
                await self._lessons.take_attendances(source, pairs, arrival)
            elif resource is Resource.CALENDAR_EVENT:
                await self._lessons.take_events(source, pairs, arrival)
            else:
                await self._others.take(source, resource, pairs, arrival)
            if resource in _NAMING:
                self._reimports.look(source)
        minute = arrival.replace(second=0, microsecond=0)
        if minute != self._minutes.get(source.source_id) or any(one.problems for one in answers):
            self._minutes[source.source_id] = minute
            async with tenant(self._pool, source.organiser_id) as connection:
                await store_rejects(connection, source, PATHS[resource], answers, arrival)
                await connection.execute(
                    "UPDATE ingest.ss12000_state SET reading_until = now() + interval '10 minutes' "
                    "WHERE source_id = $1 AND reading_until > now()",
                    source.source_id,
                )
        accepted = Counter(one.status for one in answers)
        for status, count in accepted.items():
            metrics.ITEMS.labels(f"ss12000 {PATHS[resource]}", status).inc(count)
        await self._tell_planner(resource, accepted["accepted"])
        return answers

    async def _tell_planner(self, resource: Resource, staged: int) -> None:
        self._staged[resource] += staged
        if self._staged[resource] >= self._analyze_at.get(resource, _FIRST_LOOK):
            self._analyze_at[resource] = 4 * self._staged[resource]
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
                await self._lessons.delete_attendances(source, answers, ids, at)
            elif resource is Resource.CALENDAR_EVENT:
                await self._lessons.delete_events(source, answers, ids, at)
            elif resource in TAKEN:
                await self._others.delete(source, resource, answers, ids, at)
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
                    await self._others.close_reading(source, resource, reading)
            if await self._roster.run(source, settled, accept_losses=accept_losses):
                await drain(self._pool, self._publisher, source.organiser_id)
                await self._releaser.run(source.organiser_id)
            await self._reimports.run(source, settled)
            await self._unstick(source)
        # From the lowest id there is: a source may have given it to an event of its own.
        first, rest = NOBODY, True
        while rest:
            # What is posted meanwhile comes in between.
            async with self._alone(source):
                reached = await self._events.run(source, settled, first)
            # Behind the last of them others may have come, or become new again.
            rest = reached is not None or first != NOBODY
            first = reached or NOBODY
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

    async def decide(
        self, doubt: Doubt, same: frozenset[str], *, by: str, note: str
    ) -> Settled | None:
        """A human has said who the pupils in doubt are: those of ``same`` the ones known already,
        the others somebody else. None where they are not all who are in doubt any more.

        Raises :class:`services.ingest.roster.changes.RosterRefusedError` where it cannot be so.
        """
        async with self._alone(doubt.source):
            now = self._clock.now()
            if not await self._roster.decide(doubt, same, by=by, note=note, now=now):
                return None
        return await self.settle(doubt.source)

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
                await self._roster.doubt_again(connection, source)
            await book.come_due(self._clock.now())
