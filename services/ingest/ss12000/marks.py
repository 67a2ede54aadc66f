"""Attendances as marks, and marks in registers that are to be said: pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from services.common.clock import STOCKHOLM
from services.ingest.model.answers import Note
from services.ingest.model.lessons import Mark, Register
from services.ingest.ss12000.staged import Attendance, Course, Event, instant_at, milliseconds

State: TypeAlias = Literal["scheduled", "reported", "cancelled"]
ROUND_MS = 10 * 60 * 1000
"""Marks changed within so long of each other share a register."""


def mark_of(event: Event, attendance: Attendance, length: int) -> Mark | Note:
    """The attendance as a mark of the register of an event so long, or why it cannot be.

    ``otherAttendanceMinutes`` (elevråd and the like) go with presence. What an
    unreported attendance says in minutes is a system's default, and nobody's word.
    """
    if event.exceptions and not event.exceptions.get(attendance.student, (True, None))[0]:
        return withdrawn(attendance.student)
    offered = event.offered(attendance.student, length)
    if not attendance.reported:
        return Mark(str(attendance.student), offered, reported=False)
    absent = attendance.valid + attendance.invalid + attendance.other
    if absent > length:
        name = max(
            (attendance.invalid, "invalidAbsenceMinutes"),
            (attendance.valid, "validAbsenceMinutes"),
            (attendance.other, "otherAttendanceMinutes"),
        )[1]
        return Note(
            "impossible_minutes",
            f"/{name}",
            f"/{name}: {absent} minutes of absence and other attendance in a lesson of {length}",
        )
    return Mark(
        str(attendance.student),
        # The register knows better than the timetable how long it was.
        max(offered, absent),
        attendance.valid,
        attendance.invalid,
        attendance.other,
        reported=True,
    )


def scheduled(event: Event, pupil: UUID, length: int) -> Mark:
    """The mark of somebody of whom nothing is reported; ``length`` is the event's."""
    return Mark(str(pupil), event.offered(pupil, length), reported=False)


def withdrawn(pupil: UUID) -> Mark:
    """The mark of somebody who has no part in the lesson."""
    return Mark(str(pupil), withdrawn=True)


@dataclass(slots=True)
class Said:
    """A register to be said; ``attendances`` are those whose marks it holds."""

    event: Event
    activity: UUID
    starts: datetime
    state: State
    modified_ms: int
    marks: list[Mark] = field(default_factory=list)
    attendances: list[Attendance] = field(default_factory=list)
    moved_from: datetime | None = None


ToSay: TypeAlias = tuple[int, Mark, Attendance]
"""(modified time with which it is to be said, mark, attendance)."""


def rounds(event: Event, marks: Iterable[ToSay]) -> list[Said]:
    """Marks in registers: those that changed together are said together, oldest first.

    What was corrected later becomes a register of its own, so that it does not
    make the others newer than they are.
    """
    said: list[Said] = []
    begun = 0
    listed = sorted(marks, key=_modified)
    if listed and listed[-1][0] - listed[0][0] <= ROUND_MS:
        # As nearly all are.
        only = Said(event, event.activity, event.starts, "reported", listed[-1][0])
        only.marks = [mark for _, mark, _ in listed]
        only.attendances = [attendance for _, _, attendance in listed]
        only.state = state_of(only.marks)
        return [only]
    for modified, mark, attendance in listed:
        if not said or modified - begun > ROUND_MS:
            said.append(Said(event, event.activity, event.starts, "reported", modified))
            begun = modified
        last = said[-1]
        last.modified_ms = max(last.modified_ms, modified)
        last.marks.append(mark)
        last.attendances.append(attendance)
    for one in said:
        one.state = state_of(one.marks)
    return said


def _modified(one: ToSay) -> int:
    return one[0]


def state_of(marks: Iterable[Mark]) -> State:
    """What a lesson is, of which these marks are said."""
    return "reported" if any(mark.reported for mark in marks) else "scheduled"


def said_at(event: Event, attendance: Attendance) -> int:
    """The modified time of an attendance's mark: never older than what was said before."""
    return max(milliseconds(attendance.modified), attendance.said_ms or 0, event.said_ms)


def register(said: Said, course: Course) -> Register:
    """What is to be said, as the intake takes it."""
    event, moved = said.event, said.moved_from
    return Register(
        # Where nobody knows the unit, the intake says so.
        school_unit=course.unit or "",
        activity=str(said.activity),
        group=course.group,
        subject=course.subject,
        start=said.starts.astimezone(STOCKHOLM),
        length_minutes=event.length,
        state=said.state,
        modified=instant_at(said.modified_ms),
        moved_from=None if moved is None else moved.astimezone(STOCKHOLM),
        marks=said.marks,
    )


def digest(event: Event, course: Course) -> bytes:
    """Changes whenever what a register says of the lesson as a whole does."""
    told = (
        course.unit, course.group, course.subject, event.length, event.teaching,
        sorted((str(key), value) for key, value in event.exceptions.items()),
    )  # fmt: skip
    return hashlib.blake2b(repr(told).encode(), digest_size=16).digest()
