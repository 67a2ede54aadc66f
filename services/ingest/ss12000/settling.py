"""Says what is new about calendar events: timetable, cancellations, moves, what waited for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from services.common.pg import tenant
from services.ingest.lessons import EARLY
from services.ingest.ss12000 import lessons, telling
from services.ingest.ss12000.book import Book, Slots
from services.ingest.ss12000.marks import Said
from services.ingest.ss12000.results import Settled
from services.ingest.ss12000.saying import Sayer
from services.ingest.ss12000.shelf import Shelf
from services.ingest.ss12000.staged import Attendance, Course, Event, Rosters
from services.ingest.ss12000.telling import AHEAD, WAITS
from services.ingest.ss12000.vocabulary import Resource

if TYPE_CHECKING:
    from services.common.pg import Pool
    from services.ingest.store.sources import Source

EVENTS = 400
"""Events of one round."""


class EventSettler:
    """One for the process. The caller lets one call at a time in for a source."""

    def __init__(self, *, pool: Pool, sayer: Sayer) -> None:
        self._pool = pool
        self._sayer = sayer

    async def run(self, source: Source, settled: Settled, first: UUID) -> UUID | None:
        """Say what is new about some events: timetable, cancellations, moves, what waited for them.

        Those with the next ids from the ``first`` on; returns the last of them, None when there are
        none.
        """
        async with tenant(self._pool, source.organiser_id) as connection:
            book, shelf = Book(connection, source), Shelf(connection, source)
            dirty = await book.dirty_events(first, EVENTS)
            if not dirty:
                return None
            courses = await self._sayer.courses.of(shelf, source, {one.activity for one in dirty})
            rosters = await self._sayer.courses.members(shelf, source, courses.values())
            slots = await book.slots([
                (activity, starts)
                for one in dirty
                for activity, starts in (
                    (one.activity, one.starts),
                    (one.said_activity, one.said_starts),
                )
                if activity is not None and starts is not None
            ])  # fmt: skip
            reported = await book.reported([one.id for one in dirty])
            said: list[Said] = []
            hard: list[Event] = []
            for event in dirty:
                quick = _quick(event, courses, rosters, reported, slots)
                if quick is None:
                    hard.append(event)
                else:
                    said += quick
            beside = {
                one.id: {other for other, _ in slots.get((one.activity, one.starts), ())} | {one.id}
                for one in hard
            }
            listed = await book.of_events(set().union(*beside.values()))
        stuck: set[UUID] = set()
        for event in hard:
            planned = lessons.plan(
                event,
                courses.get(event.activity),
                rosters,
                [one for other in sorted(beside[event.id]) for one in listed.get(other, ())],
                stands=_stands(slots, event),
            )
            if planned is None:
                stuck.add(event.id)
                continue
            said += planned.said
            for one, note in planned.refused:
                settled.tell(Resource.ATTENDANCE, one.id, note)
        await self._say(source, dirty, said, courses, stuck=stuck, settled=settled)
        return dirty[-1].id

    async def _say(
        self,
        source: Source,
        dirty: list[Event],
        said: list[Said],
        courses: dict[UUID, Course],
        *,
        stuck: set[UUID],
        settled: Settled,
    ) -> None:
        answers = await self._sayer.say(source, said, courses)
        spoken: dict[UUID, Attendance] = {}
        failed: set[UUID] = set()
        due: dict[UUID, datetime] = {}
        for register, answer in zip(said, answers, strict=True):
            if answer.status == "refused":
                failed.add(register.event.id)
                problem = answer.problems[0]
                if problem.code in WAITS:
                    stuck.add(register.event.id)
                    if problem.code == AHEAD:
                        due[register.event.id] = register.starts - EARLY
                else:
                    settled.tell(
                        Resource.CALENDAR_EVENT, register.event.id, telling.of_event(problem)
                    )
                continue
            settled.registers += 1
            settled.marks += len(register.marks)
            for one in register.attendances:
                one.said_ms = register.modified_ms
                spoken[one.id] = one
        async with tenant(self._pool, source.organiser_id) as connection:
            book = Book(connection, source)
            # What was refused was not said: the event stands as it stood.
            await book.said_events([one for one in dirty if one.id not in failed | stuck])
            await book.not_said([one.id for one in dirty if one.id in failed | stuck], stuck)
            await book.wait_until(due)
            await book.said_attendances(list(spoken.values()))


def _quick(
    event: Event,
    courses: dict[UUID, Course],
    rosters: Rosters,
    reported: dict[UUID, tuple[frozenset[UUID], bool]],
    slots: Slots,
) -> list[Said] | None:
    """What is to be said of an event without a look at each of its attendances; None = look."""
    course = courses.get(event.activity)
    students, plain = reported.get(event.id, (frozenset(), True))
    if course is None or not plain or len(slots.get((event.activity, event.starts), ())) > 1:
        return None
    return lessons.unreported(event, course, rosters, students)


def _stands(slots: Slots, event: Event) -> Callable[[UUID, datetime], bool]:
    """Whether another event than this holds the lesson at a slot."""

    def stands(activity: UUID, starts: datetime) -> bool:
        return any(on and other != event.id for other, on in slots.get((activity, starts), ()))

    return stands
