"""Says to the input log what events and attendances mean: at once, or when their time comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from services.common.pg import tenant
from services.ingest.intake import Intake
from services.ingest.lessons import EARLY
from services.ingest.model.answers import ItemAnswer, Note
from services.ingest.ss12000 import lessons, marks
from services.ingest.ss12000.book import Book, Slots
from services.ingest.ss12000.courses import Courses
from services.ingest.ss12000.marks import Said, ToSay
from services.ingest.ss12000.results import Settled
from services.ingest.ss12000.shelf import Shelf
from services.ingest.ss12000.staged import Attendance, Course, Event, Rosters, current
from services.ingest.ss12000.vocabulary import Resource
from services.ingest.store.aliases import activity_aliases

if TYPE_CHECKING:
    from services.common.pg import Pool
    from services.ingest.store.sources import Source

AHEAD = "reported_ahead"
"""The refusal that time lifts."""
WAITS = frozenset({"unknown_unit", "after_school_year", AHEAD})
"""Refusals that a later roster or time may lift: what met them waits."""
EVENTS = 400
"""Events of one round."""
REGISTERS = 500
"""Registers of one batch."""
PARTS = 3
"""Of one page, worked on at the same time."""
LEAST_PART = 300


@dataclass(slots=True)
class Outcome:
    """What became of attendances that were to be said."""

    refused: dict[UUID, Note] = field(default_factory=dict)
    notes: dict[UUID, list[Note]] = field(default_factory=dict)


class Sayer:
    """One for the process. The caller lets one call at a time in for a source."""

    def __init__(self, *, pool: Pool, intake: Intake) -> None:
        self._pool = pool
        self._intake = intake
        self.courses = Courses()

    async def attendances(
        self, source: Source, changed: Sequence[Attendance], left: Sequence[Attendance]
    ) -> Outcome:
        """Say and stage attendances that are new or different.

        ``left`` are what some of them were about before, as deleted ones.
        What cannot be said yet is staged and waits; what cannot be said at all
        is in ``refused`` and is not staged.
        """
        # One that was moved ties two lessons together.
        parts = [changed] if left else parts_of(changed)
        # While the database is at one part, the next is made ready.
        done = await asyncio.gather(
            *(self._part(source, part, left) for part in parts), return_exceptions=True
        )
        outcome = Outcome()
        for one in done:
            if isinstance(one, BaseException):
                raise one
            outcome.refused |= one.refused
            outcome.notes |= one.notes
        return outcome

    async def _part(
        self, source: Source, changed: Sequence[Attendance], left: Sequence[Attendance]
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
            busy = await book.attended(told)
            pairs = [(event, student) for event in busy for student in told[event]]
            for one in await book.siblings(pairs):
                if one.id not in mine:
                    told[one.event][one.student].append(one)
            events = await book.events(told)
            courses = await self.courses.of(
                shelf, source, {event.activity for event in events.values()}
            )
        said: list[Said] = []
        again: set[UUID] = set()
        for event_id, by_student in told.items():
            event = events.get(event_id)
            course = None if event is None else courses.get(event.activity)
            if event is None or course is None or course.unit is None:
                _tell_all(outcome, mine, by_student, _waits(event, course))
            elif event.deleted or event.cancelled or not course.counts:
                _tell_all(outcome, mine, by_student, _off(event))
            else:
                found = self._marks(event, by_student, outcome, mine, again)
                said += marks.rounds(event, found)
        answers = await self.say(source, said, courses)
        spoken: dict[UUID, Attendance] = {}
        for register, answer in zip(said, answers, strict=True):
            self._heard(register, answer, outcome, mine, spoken=spoken, again=again)
        async with tenant(self._pool, source.organiser_id) as connection:
            book = Book(connection, source)
            await book.put_attendances([one for one in changed if one.id not in outcome.refused])
            await book.said_attendances([one for one in spoken.values() if one.id not in mine])
            await book.begun(_begun(spoken.values(), events, courses))
            if again:
                aliases = await activity_aliases(connection, source.namespace)
                mine_too = [events[one] for one in again]
                slots = await book.slots([(one.activity, one.starts) for one in mine_too], aliases)
                again |= {other for listed in slots.values() for other, _ in listed}
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
            first = listed[0]
            alone = len(listed) == 1 and not first.deleted
            if alone:
                # By far the most.
                winner: Attendance | None = first
                at = marks.said_at(event, first)
            else:
                winner = current(listed).get(student)
                at = max(marks.said_at(event, one) for one in listed)
            if winner is None:
                # The timetable may offer the lesson to the pupil all the same, and another event
                # of the same lesson may have an attendance: what holds then is said when settled.
                again.add(event.id)
                continue
            mark = marks.mark_of(event, winner, length)
            if isinstance(mark, Note):
                if winner.id in mine:
                    outcome.refused[winner.id] = mark
                continue
            if not alone:
                said = [one.said_ms or 0 for one in listed]
                at = max(marks.said_at(event, winner), *said)
            found.append((at, mark, winner))
        return found

    @staticmethod
    def _heard(
        register: Said,
        answer: ItemAnswer,
        outcome: Outcome,
        mine: dict[UUID, Attendance],
        *,
        spoken: dict[UUID, Attendance],
        again: set[UUID],
    ) -> None:
        if answer.status == "refused":
            problem = answer.problems[0]
            for one in register.attendances:
                if problem.code in WAITS:
                    _tell(outcome, mine, one, _moved_note(problem))
                elif one.id in mine:
                    outcome.refused[one.id] = _moved_note(problem)
            if problem.code in WAITS:
                again.add(register.event.id)
            return
        for one in register.attendances:
            one.said_ms = register.modified_ms
            spoken[one.id] = one
        for note in answer.notes:
            path = note.field.split("/")
            if len(path) >= 3 and path[1] == "marks":
                one = register.attendances[int(path[2])]
                _tell(outcome, mine, one, Note(note.code, "/student/id", _about(note, "student")))

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

    async def events(self, source: Source, settled: Settled) -> bool:
        """Say what is new about some events: timetable, cancellations, moves, what waited for them.

        False when nothing is left to be looked at.
        """
        async with tenant(self._pool, source.organiser_id) as connection:
            book, shelf = Book(connection, source), Shelf(connection, source)
            dirty = await book.dirty_events(EVENTS)
            if not dirty:
                return False
            courses = await self.courses.of(shelf, source, {one.activity for one in dirty})
            rosters = await self.courses.members(shelf, source, courses.values())
            aliases = await activity_aliases(connection, source.namespace)
            slots = await book.slots([
                (activity, starts)
                for one in dirty
                for activity, starts in (
                    (one.activity, one.starts),
                    (one.said_activity, one.said_starts),
                )
                if activity is not None and starts is not None
            ], aliases)  # fmt: skip
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
        await self._say_events(source, dirty, said, courses, stuck=stuck, settled=settled)
        return True

    async def _say_events(
        self,
        source: Source,
        dirty: list[Event],
        said: list[Said],
        courses: dict[UUID, Course],
        *,
        stuck: set[UUID],
        settled: Settled,
    ) -> None:
        answers = await self.say(source, said, courses)
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
                    settled.tell(Resource.CALENDAR_EVENT, register.event.id, _of_event(problem))
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


def _begun(
    spoken: Iterable[Attendance], events: dict[UUID, Event], courses: dict[UUID, Course]
) -> list[Event]:
    """Events of which an attendance was the first to speak, with what they were said to be."""
    fresh = {one.event: events[one.event] for one in spoken if one.event in events}
    begun = [event for event in fresh.values() if event.said_starts is None]
    for event in begun:
        event.said_activity, event.said_starts = event.activity, event.starts
        event.said_digest = marks.digest(event, courses[event.activity])
    return begun


def _tell(
    outcome: Outcome, mine: dict[UUID, Attendance], one: Attendance, note: Note | None
) -> None:
    if note is not None and one.id in mine:
        outcome.notes.setdefault(one.id, []).append(note)


def _tell_all(
    outcome: Outcome,
    mine: dict[UUID, Attendance],
    by_student: dict[UUID, list[Attendance]],
    note: Note,
) -> None:
    for listed in by_student.values():
        for one in listed:
            _tell(outcome, mine, one, note)


def _waits(event: Event | None, course: Course | None) -> Note:
    at = "/calendarEvent/id"
    if event is None:
        return Note("unknown_calendar_event", at, f"{at}: has not been sent yet; kept until it has")
    if course is None:
        return Note(
            "unknown_activity", at, f"{at}: its activity has not been sent yet; kept until it has"
        )
    return Note(
        "unknown_unit", at, f"{at}: its activity's school unit is not known yet; kept until it is"
    )


def _off(event: Event) -> Note:
    at = "/calendarEvent/id"
    if event.deleted or event.cancelled:
        return Note("cancelled", at, f"{at}: is cancelled, so that nobody is absent from it")
    return Note("not_counted", at, f"{at}: its activityType is none that absence is reported from")


def _moved_note(problem: Note) -> Note:
    at = "/calendarEvent/id"
    if problem.code == AHEAD:
        return Note(
            AHEAD, at, f"{at}: begins more than 15 minutes from now; kept, and counted when it does"
        )
    return Note(problem.code, at, _about(problem, "calendarEvent"))


def _of_event(problem: Note) -> Note:
    names = {"/start": "/startTime", "/length_minutes": "/endTime", "/school_unit": "/activity"}
    at = names.get(problem.field, problem.field)
    return Note(problem.code, at, problem.detail.replace(problem.field, at, 1))


def _about(note: Note, name: str) -> str:
    """The reason, under the standard's own name for the field."""
    return f"/{name}/id: {note.detail.partition(': ')[2]}"
