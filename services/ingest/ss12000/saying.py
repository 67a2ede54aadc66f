"""Says to the input log what events and attendances mean: at once, or when their time comes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from asyncpg import UniqueViolationError

from services.common.pg import tenant
from services.ingest.errors import NotWrittenError
from services.ingest.intake import Intake
from services.ingest.model.answers import ItemAnswer, Note
from services.ingest.ss12000 import lessons, marks, telling
from services.ingest.ss12000.book import Book
from services.ingest.ss12000.courses import Courses
from services.ingest.ss12000.marks import Said, ToSay
from services.ingest.ss12000.shelf import Shelf
from services.ingest.ss12000.staged import Attendance, Course, Event, current
from services.ingest.ss12000.telling import WAITS, Outcome
from services.ingest.turns import Turn

if TYPE_CHECKING:
    from services.common.pg import Pool
    from services.ingest.store.sources import Source

REGISTERS = 500
"""Registers of one batch."""
PARTS = 3
"""Of one page, worked on at the same time."""
LEAST_PART = 300


class Sayer:
    """One for the process. The caller lets one call at a time in for a source."""

    def __init__(self, *, pool: Pool, intake: Intake) -> None:
        self._pool = pool
        self._intake = intake
        self.courses = Courses()

    async def attendances(
        self,
        source: Source,
        changed: Sequence[Attendance],
        left: Sequence[Attendance],
        *,
        fresh: bool,
    ) -> Outcome:
        """Say and stage attendances that are new or different; ``fresh`` = none of them is staged.

        ``left`` are what some of them were about before, as deleted ones.
        What cannot be said yet is staged and waits; what cannot be said at all
        is in ``refused`` and is not staged.
        """
        # One that was moved ties two lessons together.
        parts = [changed] if left else parts_of(changed)
        # While the database is at one part, the next is made ready.
        done = await asyncio.gather(
            *(self._part(source, part, left, fresh=fresh) for part in parts),
            return_exceptions=True,
        )
        outcome = Outcome()
        for one in done:
            if isinstance(one, BaseException):
                raise one
            outcome.refused |= one.refused
            outcome.notes |= one.notes
        return outcome

    async def _part(
        self,
        source: Source,
        changed: Sequence[Attendance],
        left: Sequence[Attendance],
        *,
        fresh: bool,
    ) -> Outcome:
        outcome = Outcome()
        mine = {one.id: one for one in changed}
        told: dict[UUID, dict[UUID, list[Attendance]]] = {}
        for one in (*changed, *left):
            own = told.setdefault(one.event, {})
            if one.student in own:
                own[one.student].append(one)
            else:
                own[one.student] = [one]
        async with tenant(self._pool, source.organiser_id) as connection:
            book, shelf = Book(connection, source), Shelf(connection, source)
            # Of most lessons nothing is staged, or all of it came together.
            busy = frozenset(await book.attended(told))
            pairs = [(event, student) for event in busy for student in told[event]]
            for one in await book.siblings(pairs):
                if one.id not in mine:
                    told[one.event][one.student].append(one)
            events = await book.events(told)
            courses = await self.courses.of(
                shelf, source, {event.activity for event in events.values()}
            )
            new = [one for one in events.values() if one.said_starts is None and one.id not in busy]
            rosters = await self.courses.members(shelf, source, courses.values())
            slots = await book.slots([(one.activity, one.starts) for one in new])
        said: list[Said] = []
        again: set[UUID] = set()
        turn = Turn()
        for event_id, by_student in told.items():
            if turn.over():
                await turn.next()
            event = events.get(event_id)
            course = None if event is None else courses.get(event.activity)
            if event is None or course is None or course.unit is None:
                telling.tell_all(outcome, mine, by_student, telling.waits(event, course))
            elif event.deleted or event.cancelled or not course.counts:
                telling.tell_all(outcome, mine, by_student, telling.off(event))
            else:
                found = self._marks(event, by_student, outcome, mine, again)
                said += marks.rounds(event, found)
        answers = await self.say(source, said, courses)
        heard = [
            register
            for register, answer in zip(said, answers, strict=True)
            if self._heard(register, answer, outcome, mine, again)
        ]
        others = []
        if busy or left:
            others = [one for each in heard for one in each.attendances if one.id not in mine]
        kept = changed
        if outcome.refused:
            kept = [one for one in changed if one.id not in outcome.refused]
        async with tenant(self._pool, source.organiser_id) as connection:
            book = Book(connection, source)
            try:
                await book.put_attendances(kept, fresh=fresh)
            except UniqueViolationError as error:
                # Another process took the source over in mid-call.
                raise NotWrittenError("an attendance came twice at the same time") from error
            await book.said_attendances(others)
            begun = _begun(heard, courses)
            # Most lessons come with everybody's attendance: then nothing is left to settle.
            whole = [
                event
                for event in begun
                if len(slots.get((event.activity, event.starts), ())) == 1
                and event.id not in again
                and _all_said(told[event.id])
                and lessons.unreported(
                    event, courses[event.activity], rosters, frozenset(told[event.id])
                )
                == []
            ]
            await book.said_events(whole)
            done = {event.id for event in whole}
            await book.begun([event for event in begun if event.id not in done])
            if again:
                beside = await book.slots(
                    [(events[one].activity, events[one].starts) for one in again]
                )
                again |= {other for listed in beside.values() for other, _ in listed}
                await book.look_again(again)
        return outcome

    @staticmethod
    def _marks(
        event: Event,
        by_student: dict[UUID, list[Attendance]],
        outcome: Outcome,
        mine: dict[UUID, Attendance],
        again: set[UUID],
    ) -> list[ToSay]:
        """What is to be said of each pupil, under the name of the attendance that says it."""
        found: list[ToSay] = []
        length = event.length
        for student, listed in by_student.items():
            winner = listed[0] if len(listed) == 1 else current(listed).get(student)
            if winner is None or winner.deleted:
                # The timetable may offer the lesson to the pupil all the same, and another event
                # of the same lesson may have an attendance: what holds then is said when settled.
                again.add(event.id)
                continue
            mark = marks.mark_of(event, winner, length)
            if isinstance(mark, Note):
                if winner.id in mine:
                    outcome.refused[winner.id] = mark
                continue
            at = marks.said_at(event, winner)
            if len(listed) > 1:
                # Nor older than what another of the pupil's attendances said.
                at = max(at, *[one.said_ms or 0 for one in listed])
            found.append((at, mark, winner))
        return found

    @staticmethod
    def _heard(
        register: Said,
        answer: ItemAnswer,
        outcome: Outcome,
        mine: dict[UUID, Attendance],
        again: set[UUID],
    ) -> bool:
        """Whether it was said; the marks that were know it."""
        if answer.status == "refused":
            problem = answer.problems[0]
            for one in register.attendances:
                if problem.code in WAITS:
                    telling.tell(outcome, mine, one, telling.moved_note(problem))
                elif one.id in mine:
                    outcome.refused[one.id] = telling.moved_note(problem)
            if problem.code in WAITS:
                again.add(register.event.id)
            return False
        for one in register.attendances:
            one.said_ms = register.modified_ms
        for note in answer.notes:
            path = note.field.split("/")
            if len(path) >= 3 and path[1] == "marks":
                one = register.attendances[int(path[2])]
                telling.tell(
                    outcome,
                    mine,
                    one,
                    Note(note.code, "/student/id", telling.about(note, "student")),
                )
        return True

    async def say(
        self, source: Source, said: Sequence[Said], courses: dict[UUID, Course]
    ) -> list[ItemAnswer]:
        answers: list[ItemAnswer] = []
        for at in range(0, len(said), REGISTERS):
            batch = said[at : at + REGISTERS]
            answers += await self._intake.registers(
                source, [marks.register(one, courses[one.event.activity]) for one in batch]
            )
        return answers


def parts_of(changed: Sequence[Attendance]) -> list[list[Attendance]]:
    """The same attendances in parts of some size; those of one lesson stay together."""
    by_event: dict[UUID, list[Attendance]] = {}
    for one in changed:
        by_event.setdefault(one.event, []).append(one)
    size = max(LEAST_PART, -(-len(changed) // PARTS))
    parts: list[list[Attendance]] = [[]]
    for listed in by_event.values():
        if len(parts[-1]) >= size:
            parts.append([])
        parts[-1] += listed
    return parts


def _all_said(by_student: dict[UUID, list[Attendance]]) -> bool:
    """Whether every pupil's only attendance is said."""
    return all(
        len(listed) == 1 and listed[0].said_ms is not None and not listed[0].deleted
        for listed in by_student.values()
    )


def _begun(heard: Iterable[Said], courses: dict[UUID, Course]) -> list[Event]:
    """Events of which an attendance was the first to speak, with what they were said to be."""
    begun = {one.event.id: one.event for one in heard if one.event.said_starts is None}
    for event in begun.values():
        event.said_activity, event.said_starts = event.activity, event.starts
        event.said_digest = marks.digest(event, courses[event.activity])
    return list(begun.values())
