"""Ed-Fi section attendance events (Data Standard 5, ``studentSectionAttendanceEvents``).

An event says something of one student in one section on one day; it names class
periods and knows no clock. A mapping gives each period its times, so an event
becomes marks in the lessons of its periods. Students whom nobody names are
unknown, as always.

What a duration means is not the same for every category: of *Partial* it is the
time attended, of *Tardy*, *Early departure* and the absences the time missed.
*Present* and *In Attendance* are present whatever their duration.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from services.common.clock import school_date
from services.ingest.adapters.edfi_mapping import EdFiMapping, Times
from services.ingest.adapters.edfi_registers import (
    POINTERS,
    Category,
    Lesson,
    Mark,
    Read,
    Register,
    registers_of,
)
from services.ingest.adapters.swedish import read_civic_no, read_minute
from services.ingest.model.answers import ItemAnswer, Note
from services.ingest.model.edfi import EventIn
from services.ingest.model.parse import parse_item
from services.ingest.store.names import CIVIC_NO

CATEGORIES: dict[str, Category] = {
    "in attendance": "present",
    "present": "present",
    "tardy": "tardy",
    "early departure": "early",
    "partial": "partial",
    "excused absence": "excused",
    "unexcused absence": "unexcused",
}
"""The code value of AttendanceEventCategoryDescriptor, in lower case."""
_PARTLY = ("tardy", "early", "partial")


class _RefusedError(Exception):
    def __init__(self, code: str, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.note = Note(code, pointer, f"{pointer}: {detail}")


def read_events(items: Sequence[Any], mapping: EdFiMapping, now: datetime) -> Read:
    """Turn events into registers. ``now`` is the time of events without ``_lastModifiedDate``.

    Of two events about the same student and lesson the newer counts and the
    older is a duplicate; but *Tardy* and *Early departure* are added up, for
    Ed-Fi has them as two events.
    """
    answers = [ItemAnswer(index) for index in range(len(items))]
    marks: dict[Lesson, dict[str, list[Mark]]] = defaultdict(lambda: defaultdict(list))
    subjects: dict[Lesson, str] = {}
    for answer, item in zip(answers, items, strict=True):
        event = parse_item(EventIn, item, answer)
        if event is None:
            continue
        try:
            for lesson, mark in _marks(answer, event, mapping, now):
                marks[lesson][mark.said["pupil"]].append(mark)
                subjects[lesson] = mapping.subjects.get(event.section.course, "")
        except _RefusedError as error:
            answer.refuse([error.note])
    registers: list[Register] = []
    for lesson, students in marks.items():
        registers += registers_of(lesson, students, subjects[lesson], answers)
    used = {index for register in registers for index in register.marks}
    for answer in answers:
        if answer.status == "accepted" and answer.index not in used:
            answer.status = "duplicate"
    return Read(answers, registers)


def _marks(
    answer: ItemAnswer, event: EventIn, mapping: EdFiMapping, now: datetime
) -> Iterator[tuple[Lesson, Mark]]:
    category = CATEGORIES.get(event.category.rpartition("#")[2].strip().lower())
    if category is None:
        raise _RefusedError(
            "unknown_value",
            "/attendanceEventCategoryDescriptor",
            f"is none of {', '.join(sorted(CATEGORIES))}",
        )
    school = str(event.section.school)
    lessons = _lessons(event, mapping, school)
    total = sum(times.length(event.day) for times in lessons)
    pupil = _pupil(event, mapping, now)
    left = _missed(answer, event, category, mapping, total)
    # Who leaves early misses the last periods, all others the first.
    for times in reversed(lessons) if category == "early" else lessons:
        length = times.length(event.day)
        late, early = _clock(event, times, event.day)
        if category in {"excused", "unexcused"} and not (late or early):
            missed = length if left is None else min(length, left)
        elif late or early:
            missed = min(length, late + early)
        else:
            missed = min(length, left or 0)
        if left is not None:
            left -= min(left, missed)
        said: dict[str, Any] = {"pupil": pupil}
        if category != "present" and missed:
            said |= _absence(event, category, mapping, missed)
            if late and category == "tardy":
                said["arrived_late"] = late
            if early and category == "early":
                said["left_early"] = early
        unit = mapping.schools.get(school, school)
        lesson = (unit, _activity(event), event.day, times.start, length)
        yield lesson, Mark(answer.index, category, event.modified or now, said)


def _activity(event: EventIn) -> str:
    """The section's own key within its school, in at most 200 characters."""
    section = event.section
    whole = "|".join((section.course, section.section, section.session or ""))
    if len(whole) <= 200:
        return whole
    return f"{whole[:150]}|{hashlib.sha256(whole.encode()).hexdigest()[:40]}"


def _lessons(event: EventIn, mapping: EdFiMapping, school: str) -> list[Times]:
    names = [one.reference.name for one in event.periods]
    names = names or mapping.sections.get(event.section.section, [])
    if not names:
        raise _RefusedError(
            "missing_field", "/classPeriods",
            "names no class period, and the mapping has none for this section",
        )  # fmt: skip
    found: dict[int, Times] = {}
    for index, name in enumerate(names):
        times = mapping.times(school, name, event.day)
        pointer = f"/classPeriods/{index}" if event.periods else "/classPeriods"
        if times is None:
            raise _RefusedError(
                "unknown_period", pointer, "the mapping has no times for this class period"
            )
        if not 1 <= times.length(event.day) <= 720:
            raise _RefusedError("impossible_minutes", pointer, "lasts more than twelve hours")
        found[times.start] = times
    return [found[start] for start in sorted(found)]


def _pupil(event: EventIn, mapping: EdFiMapping, now: datetime) -> str:
    if mapping.students == "id":
        return event.student.id
    try:
        return CIVIC_NO + read_civic_no(event.student.id, school_date(now))
    except ValueError as error:
        raise _RefusedError("bad_civic_no", POINTERS["pupil"], str(error)) from error


def _missed(
    answer: ItemAnswer, event: EventIn, category: Category, mapping: EdFiMapping, total: int
) -> int | None:
    """Minutes missed by the event's duration; None where it has none or it does not count."""
    if category == "present":
        return None
    minutes = event.minutes
    if minutes is None and event.days is not None:
        minutes = total if event.days == 1 else round(event.days * mapping.day_minutes)
    if minutes is None:
        if category in _PARTLY and event.arrival is None and event.departure is None:
            answer.note(
                "no_minutes", "/sectionAttendanceDuration",
                "/sectionAttendanceDuration: neither a duration nor a time; taken as present",
            )  # fmt: skip
        return None
    minutes = min(minutes, total)
    return total - minutes if category == "partial" else minutes


def _clock(event: EventIn, times: Times, day: date) -> tuple[int, int]:
    """Minutes late and minutes early by the clock, within one lesson."""
    length = times.length(day)

    def within(text: str | None, otherwise: int) -> int:
        minute = None if text is None else read_minute(text[:5])
        if minute is None:
            return otherwise
        after_midnight = times.end < times.start and minute <= times.end
        since = minute - times.start + (1440 if after_midnight else 0)
        return max(0, min(length, since))

    arrived, departed = within(event.arrival, 0), within(event.departure, length)
    # Came after leaving: an errand within the lesson.
    if departed < arrived:
        return arrived - departed, 0
    return arrived, length - departed


def _absence(
    event: EventIn, category: Category, mapping: EdFiMapping, missed: int
) -> dict[str, Any]:
    kind = "valid" if category == "excused" else "invalid"
    kind = mapping.reasons.get((event.reason or "").strip(), kind)
    said: dict[str, Any] = {kind: missed}
    if category == "unexcused" and kind == "invalid" and mapping.unexcused_is_confirmed:
        said["confirmed"] = True
    return said
