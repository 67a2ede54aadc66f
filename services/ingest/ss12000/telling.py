"""What a source is told of attendances and events that cannot be said, or not yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from services.ingest.model.answers import Note
from services.ingest.ss12000.staged import Attendance, Course, Event

AHEAD = "reported_ahead"
"""The refusal that time lifts."""
WAITS = frozenset({"unknown_unit", "after_school_year", AHEAD})
"""Refusals that a later roster or time may lift: what met them waits."""


@dataclass(slots=True)
class Outcome:
    """What became of attendances that were to be said."""

    refused: dict[UUID, Note] = field(default_factory=dict)
    notes: dict[UUID, list[Note]] = field(default_factory=dict)


def tell(
    outcome: Outcome, mine: dict[UUID, Attendance], one: Attendance, note: Note | None
) -> None:
    if note is not None and one.id in mine:
        outcome.notes.setdefault(one.id, []).append(note)


def tell_all(
    outcome: Outcome,
    mine: dict[UUID, Attendance],
    by_student: dict[UUID, list[Attendance]],
    note: Note,
) -> None:
    for listed in by_student.values():
        for one in listed:
            tell(outcome, mine, one, note)


def waits(event: Event | None, course: Course | None) -> Note:
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


def off(event: Event) -> Note:
    at = "/calendarEvent/id"
    if event.deleted or event.cancelled:
        return Note("cancelled", at, f"{at}: is cancelled, so that nobody is absent from it")
    return Note("not_counted", at, f"{at}: its activityType is none that absence is reported from")


def moved_note(problem: Note) -> Note:
    at = "/calendarEvent/id"
    if problem.code == AHEAD:
        return Note(
            AHEAD, at, f"{at}: begins more than 15 minutes from now; kept, and counted when it does"
        )
    return Note(problem.code, at, about(problem, "calendarEvent"))


def of_event(problem: Note) -> Note:
    names = {"/start": "/startTime", "/length_minutes": "/endTime", "/school_unit": "/activity"}
    at = names.get(problem.field, problem.field)
    return Note(problem.code, at, problem.detail.replace(problem.field, at, 1))


def about(note: Note, name: str) -> str:
    """The reason, under the standard's own name for the field."""
    return f"/{name}/id: {note.detail.partition(': ')[2]}"
