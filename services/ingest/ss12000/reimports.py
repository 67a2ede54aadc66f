"""Makes a timetable that was imported anew the old one's lessons again (see :mod:`.twins`)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from services.common.pg import tenant
from services.ingest.model.answers import Note
from services.ingest.ss12000 import twins
from services.ingest.ss12000.book import Book
from services.ingest.ss12000.lessons import OFF
from services.ingest.ss12000.marks import Said
from services.ingest.ss12000.results import Settled
from services.ingest.ss12000.saying import Sayer
from services.ingest.ss12000.shelf import Shelf
from services.ingest.ss12000.staged import Event, milliseconds
from services.ingest.ss12000.vocabulary import Resource
from services.ingest.store.aliases import activity_aliases, add_aliases

if TYPE_CHECKING:
    from services.common.pg import Pool
    from services.ingest.store.sources import Source


@dataclass(frozen=True, slots=True)
class _Keys:
    version: int
    live: dict[UUID, twins.Key] = field(default_factory=dict)
    gone: dict[UUID, twins.Key] = field(default_factory=dict)


class Reimports:
    """One for the process. The caller lets one call at a time in for a source."""

    def __init__(self, *, pool: Pool, sayer: Sayer) -> None:
        self._pool = pool
        self._sayer = sayer
        self._keys: dict[UUID, _Keys] = {}
        self._looked: set[UUID] = set()

    def look(self, source: Source) -> None:
        """Activities or events of the source have come."""
        self._looked.discard(source.source_id)

    async def before_attendances(self, source: Source) -> None:
        """What is said of a lesson from here on is said under its old name."""
        if source.source_id not in self._looked:
            await self.run(source, Settled())

    async def run(self, source: Source, settled: Settled) -> None:
        """Name what is the same, and hold what may be; said once more it changes nothing."""
        async with tenant(self._pool, source.organiser_id) as connection:
            shelf, book = Shelf(connection, source), Book(connection, source)
            held = await shelf.stuck(Resource.ACTIVITY)
            aliases = await activity_aliases(connection, source.namespace)
            keys = await self._current(shelf, source)
            wanted = {
                new: others
                for new, olds in twins.candidates(keys.live, keys.gone, aliases).items()
                # One that is back under its own name needs no other.
                if (others := [old for old in olds if aliases.get(old) != new])
            }
            if not wanted and not held:
                self._looked.add(source.source_id)
                return
            named = {*wanted, *(old for olds in wanted.values() for old in olds)}
            found = twins.match(wanted, await book.starts(named))
            unclear = await self._colliding(book, found)
            said = [
                one for one in await book.said_of(found.same) if one.said_digest not in (None, OFF)
            ]
            courses = await self._sayer.courses.of(shelf, source, found.same)
        said = [one for one in said if one.activity in courses and courses[one.activity].unit]
        # Whatever was said of them under their new names is taken back before they lose these.
        await self._sayer.say(source, [_taken_back(one) for one in said], courses)
        async with tenant(self._pool, source.organiser_id) as connection:
            shelf, book = Shelf(connection, source), Book(connection, source)
            if found.same:
                await add_aliases(
                    connection,
                    source.organiser_id,
                    source.namespace,
                    [(str(new), str(old)) for new, old in sorted(found.same.items())],
                )
                await book.say_anew(found.same)
            if held != unclear:
                await self._hold(shelf, held ^ unclear, unclear)
        for new in sorted(unclear):
            settled.tell(Resource.ACTIVITY, new, _unclear(found.unclear[new]))
        self._looked.add(source.source_id)

    async def _current(self, shelf: Shelf, source: Source) -> _Keys:
        version = await shelf.version()
        known = self._keys.get(source.source_id)
        if known is not None and known.version == version:
            return known
        made = _Keys(version)
        if await shelf.any_gone(Resource.ACTIVITY):
            activities = await shelf.get(Resource.ACTIVITY)
            groups = await shelf.get(
                Resource.GROUP, await shelf.targets(Resource.ACTIVITY, list(activities))
            )
            syllabuses = await shelf.get(Resource.SYLLABUS)
            bodies = {one: staged.body for one, staged in groups.items() if staged.body}
            subjects = {one: staged.body for one, staged in syllabuses.items()}
            for identity, staged in activities.items():
                key = twins.key_of(staged.body, bodies, subjects) if staged.body else None
                if key is not None:
                    (made.gone if staged.deleted else made.live)[identity] = key
        self._keys[source.source_id] = made
        return made

    @staticmethod
    async def _colliding(book: Book, found: twins.Matched) -> set[UUID]:
        """Of those that are unclear, the ones that would be counted beside an old lesson."""
        olds = {old for listed in found.unclear.values() for old in listed}
        held = await book.starts({*found.unclear, *olds}, live=True)
        return {
            new
            for new, listed in found.unclear.items()
            if any(held.get(new, frozenset()) & held.get(old, frozenset()) for old in listed)
        }

    @staticmethod
    async def _hold(shelf: Shelf, changed: Collection[UUID], unclear: set[UUID]) -> None:
        await shelf.done(Resource.ACTIVITY, changed, stuck=unclear)
        await shelf.changed(Resource.ACTIVITY, set(changed), set())


def _taken_back(event: Event) -> Said:
    newest = max(milliseconds(event.modified), event.said_ms)
    activity, starts = event.said_activity or event.activity, event.said_starts or event.starts
    return Said(event, activity, starts, "cancelled", newest)


def _unclear(olds: list[UUID]) -> Note:
    listed = ", ".join(map(str, olds))
    return Note(
        "reimported_unclear",
        "/id",
        f"/id: is at the same time as lessons of {listed}, which is gone, with a group and subject "
        "of the same names; its lessons wait, so that nothing is counted twice. Say which one it "
        "is with POST /v1/activities/aliases, or delete the old lessons in the school system",
    )
