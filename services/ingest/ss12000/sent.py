"""Attendances and calendar events as they are sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.ingest.model.answers import ItemAnswer
from services.ingest.model.fields import offset_is_swedish
from services.ingest.ss12000.entities import meta
from services.ingest.ss12000.lessons import LONGEST, Attendance, Event
from services.ingest.ss12000.reading import Fields, instant_of, is_object, uuid_of

_MINUTES = (
    "attendanceMinutes", "validAbsenceMinutes", "invalidAbsenceMinutes", "otherAttendanceMinutes",
)  # fmt: skip


def read_attendance(value: Mapping[str, Any], answer: ItemAnswer) -> Attendance | None:
    """One attendance, or None with the reasons in ``answer``.

    Written out, without :class:`Fields` where all is well: a full sync reads
    tens of millions of them.
    """
    get = value.get
    event, student = get("calendarEvent"), get("student")
    ids = (
        uuid_of(get("id")),
        uuid_of(event.get("id") if is_object(event) else event),
        uuid_of(student.get("id") if is_object(student) else student),
    )
    present = get("attendanceMinutes")
    valid, invalid = get("validAbsenceMinutes") or 0, get("invalidAbsenceMinutes") or 0
    other = get("otherAttendanceMinutes") or 0
    reported = get("isReported")
    about = get("meta") or {}
    if not is_object(about):
        return _careful(value, answer)
    told, changed = get("reportedTimestamp"), about.get("modified")
    stamps = (
        None if told is None else instant_of(told),
        None if changed is None else instant_of(changed),
    )
    plain = (
        None not in ids
        and type(reported) is bool
        and type(present) is type(valid) is type(invalid) is type(other) is int
        and 0 <= present <= 1440
        and 0 <= valid <= 1440
        and 0 <= invalid <= 1440
        and 0 <= other <= 1440
        and (told is None or stamps[0] is not None)
        and (changed is None or stamps[1] is not None)
    )
    if not plain:
        return _careful(value, answer)
    created = about.get("created")
    return Attendance(
        ids[0],  # type: ignore[arg-type]
        ids[1],  # type: ignore[arg-type]
        ids[2],  # type: ignore[arg-type]
        bool(reported),
        present or 0,
        valid,
        invalid,
        other,
        instant_of(created) or stamps[1],
        stamps[1],
        stamps[0],
    )


def _careful(value: Mapping[str, Any], answer: ItemAnswer) -> Attendance | None:
    """The same with a reason for everything."""
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
