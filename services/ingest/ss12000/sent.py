"""Attendances and calendar events as they are sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from services.ingest.model.answers import ItemAnswer
from services.ingest.model.fields import offset_is_swedish
from services.ingest.ss12000.entities import meta
from services.ingest.ss12000.reading import Fields, instant_of, uuid_of
from services.ingest.ss12000.staged import LONGEST, Attendance, Event
from services.ingest.ss12000.wire import Entity, PlainAttendance

_MINUTES = (
    "attendanceMinutes", "validAbsenceMinutes", "invalidAbsenceMinutes", "otherAttendanceMinutes",
)  # fmt: skip


@dataclass(slots=True)
class Memory:
    """Lessons, pupils and instants of one page, which come again and again."""

    ids: dict[str, UUID | None] = field(default_factory=dict)
    instants: dict[str | None, datetime | None] = field(default_factory=lambda: {None: None})

    def instant(self, text: str) -> datetime | None:
        """The instant in UTC, so that two of them are quickly told apart; None for no instant."""
        found = instant_of(text)
        found = self.instants[text] = None if found is None else found.astimezone(UTC)
        return found


def read_attendance(
    value: Entity, answer: ItemAnswer, memory: Memory | None = None
) -> Attendance | None:
    """One attendance, or None with the reasons in ``answer``.

    Without :class:`Fields` where all is well: a full sync reads tens of millions of them.
    """
    if type(value) is PlainAttendance:
        found = _plain(value, memory or Memory())
        return found or _careful(msgspec.to_builtins(value), answer)
    return _careful(value, answer)  # type: ignore[arg-type]


def _plain(value: PlainAttendance, memory: Memory) -> Attendance | None:
    """What is left to be looked at is what ids and instants may be."""
    ids, instants = memory.ids, memory.instants
    identity = uuid_of(value.id)
    lesson, pupil = value.calendarEvent.id, value.student.id
    event = ids.get(lesson)
    if event is None:
        event = ids[lesson] = uuid_of(lesson)
    student = ids.get(pupil)
    if student is None:
        student = ids[pupil] = uuid_of(pupil)
    if identity is None or event is None or student is None:
        return None
    text = value.reportedTimestamp
    told = instants.get(text)
    if told is None and text is not None and (told := memory.instant(text)) is None:
        return None
    created = modified = None
    about = value.meta
    if about is not None:
        text = about.modified
        modified = instants.get(text)
        if modified is None and text is not None and (modified := memory.instant(text)) is None:
            return None
        text = about.created
        created = instants.get(text)
        if created is None and text is not None and (created := memory.instant(text)) is None:
            return None
    return Attendance(
        identity,
        event,
        student,
        value.isReported,
        value.attendanceMinutes,
        value.validAbsenceMinutes or 0,
        value.invalidAbsenceMinutes or 0,
        value.otherAttendanceMinutes or 0,
        created or modified,
        modified or created,
        told,
    )


def _careful(value: Mapping[str, Any], answer: ItemAnswer) -> Attendance | None:
    """With a reason for everything."""
    fields = Fields(value, "", answer.problems, answer.notes)
    identity = fields.uuid("id", required=True)
    event = fields.ref("calendarEvent", required=True)
    student = fields.ref("student", required=True)
    reported = fields.flag("isReported", required=True)
    minutes = [
        fields.integer(
            name, low=0, high=1440, required=index == 0 and reported, code="impossible_minutes"
        )
        or 0
        for index, name in enumerate(_MINUTES)
    ]
    created, modified = meta(fields)
    told = fields.instant("reportedTimestamp")
    if answer.problems or identity is None or event is None or student is None:
        answer.status = "refused"
        return None
    present, valid, invalid, other = minutes
    return Attendance(
        identity, event, student, reported, present, valid, invalid, other, created, modified, told
    )


def read_event(value: Mapping[str, Any], answer: ItemAnswer) -> Event | None:
    """One calendar event, or None with the reasons in ``answer``."""
    fields = Fields(value, "", answer.problems, answer.notes)
    identity = fields.uuid("id", required=True)
    activity = fields.ref("activity", required=True)
    starts = fields.instant("startTime", required=True, swedish=True)
    ends = fields.instant("endTime", required=True)
    teaching = fields.integer("teachingLengthStudent", low=0, high=1440)
    if starts is not None and ends is not None:
        if ends <= starts:
            fields.refuse("empty_interval", "endTime", "is not after /startTime")
        elif (ends - starts).total_seconds() / 60 > LONGEST or (teaching or 0) > LONGEST:
            fields.refuse("too_long", "endTime", f"a lesson is at most {LONGEST} minutes long")
        elif not offset_is_swedish(ends):
            # The start decides what lesson it is; the end only tells its length.
            fields.note("wrong_time_zone", "endTime", "its offset is not Sweden's at that moment")
    exceptions: dict[UUID, tuple[bool, int | None]] = {}
    for one in fields.items("studentExceptions"):
        student = one.ref("student", required=True)
        takes_part = one.flag("participates", required=True, default=True)
        minutes = one.integer("teachingLength", low=0, high=LONGEST)
        begin, end = one.instant("startTime"), one.instant("endTime")
        if minutes is None and begin is not None and end is not None and end > begin:
            minutes = round((end - begin).total_seconds() / 60)
        if student is not None:
            exceptions[student] = (takes_part, minutes)
    created, modified = meta(fields)
    cancelled = fields.flag("cancelled")
    if starts is not None:
        # A lesson is known by its minute.
        starts = starts.replace(second=0, microsecond=0)
    if answer.problems or None in (identity, activity, starts, ends):
        answer.status = "refused"
        return None
    return Event(
        identity,  # type: ignore[arg-type]
        activity,  # type: ignore[arg-type]
        starts,  # type: ignore[arg-type]
        ends,  # type: ignore[arg-type]
        cancelled,
        teaching,
        exceptions,
        created,
        modified,
    )
