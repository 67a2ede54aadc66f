"""From what Ed-Fi events say of students to registers, and back to the events' answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from services.common.clock import STOCKHOLM, local_instant
from services.ingest.model.answers import ItemAnswer, Note

Category = Literal["present", "tardy", "early", "partial", "excused", "unexcused"]
POINTERS = {
    "school_unit": "/sectionReference/schoolId",
    "activity": "/sectionReference/sectionIdentifier",
    "start": "/eventDate",
    "pupil": "/studentReference/studentUniqueId",
    "modified": "/_lastModifiedDate",
}
"""A register's field -> where an event has it."""

Lesson = tuple[str, str, date, int, int]
"""Unit, activity, day, start minute, end minute."""


@dataclass(slots=True)
class Mark:
    """What one event says of its student in one lesson."""

    index: int
    category: Category
    modified: datetime
    said: dict[str, Any]


@dataclass(slots=True)
class Register:
    """A register to be, and the events behind it: event -> position of its mark."""

    body: dict[str, Any]
    marks: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Read:
    """What a batch of events became."""

    answers: list[ItemAnswer]
    """One for each event; those refused here have their problems."""
    registers: list[Register]


def registers_of(
    lesson: Lesson,
    students: dict[str, list[Mark]],
    subject: str,
    answers: list[ItemAnswer],
) -> Iterator[Register]:
    unit, activity, day, start, length = lesson
    # One register for each time of change: a mark must not be newer than its event.
    found: dict[datetime, Register] = {}
    for marks in students.values():
        ranked = sorted(marks, key=lambda mark: (mark.modified, mark.index))
        newest = ranked[-1]
        together = [mark for mark in ranked if _add_up(mark, newest)]
        for mark in ranked:
            if mark not in together:
                answers[mark.index].note(
                    "superseded",
                    "",
                    "a newer event of this batch says otherwise of the same lesson",
                )
        register = found.setdefault(newest.modified, Register({
            "id": f"{activity}/{day}/{start}"[:200],
            "school_unit": unit,
            "activity": activity,
            "subject": subject[:64],
            "start": local_instant(day, start).astimezone(STOCKHOLM).isoformat(),
            "length_minutes": length,
            "state": "reported",
            "modified": newest.modified.isoformat(),
            "marks": [],
        }))  # fmt: skip
        register.marks.update({mark.index: len(register.body["marks"]) for mark in together})
        register.body["marks"].append(_sum([mark.said for mark in together], length))
    yield from found.values()


def _add_up(mark: Mark, newest: Mark) -> bool:
    if mark is newest:
        return True
    return {mark.category, newest.category} == {"tardy", "early"}


def _sum(said: list[dict[str, Any]], length: int) -> dict[str, Any]:
    total: dict[str, Any] = {}
    room = length
    for one in reversed(said):
        for name, value in one.items():
            if name in {"valid", "invalid", "other"}:
                taken = min(value, room)
                room -= taken
                total[name] = total.get(name, 0) + taken
            else:
                total.setdefault(name, value)
    return total


def answer_events(read: Read, answers: Iterable[ItemAnswer]) -> None:
    """Tell each event what ``answers``, one for each register, say of it."""
    for register, said in zip(read.registers, answers, strict=True):
        for index, position in register.marks.items():
            event = read.answers[index]
            if said.problems:
                event.refuse([_to_event(note) for note in said.problems])
            for note in said.notes:
                parts = note.field.split("/")
                if len(parts) > 2 and parts[1] == "marks" and parts[2] != str(position):
                    continue
                event.notes.append(_to_event(note))


def _to_event(note: Note) -> Note:
    pointer = POINTERS.get(note.field.rpartition("/")[2], note.field)
    return Note(note.code, pointer, pointer + note.detail.removeprefix(note.field))
