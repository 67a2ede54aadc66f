"""Calendar events and attendances as registers: pure, from what is staged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.common.clock import STOCKHOLM
from services.ingest.model.answers import Note

LONGEST = 720
"""Minutes of the longest lesson."""
ROUND_MS = 10 * 60 * 1000
"""Marks changed within so long of each other share a register."""


@dataclass(slots=True)
class Attendance:
    """One pupil's attendance at one calendar event, as sent or as staged."""

    id: UUID
    event: UUID
    student: UUID
    reported: bool
    present: int
    valid: int
    invalid: int
    other: int
    created: datetime | None
    modified: datetime | None
    reported_at: datetime | None = None
    said_ms: int | None = None
    deleted: bool = False

    def same(self, other: Attendance) -> bool:
        """Whether they say the same of the same."""
        return (
            self.deleted == other.deleted
            and self.student == other.student
            and self.event == other.event
            and self.reported == other.reported
            and (self.present, self.valid, self.invalid, self.other)
            == (other.present, other.valid, other.invalid, other.other)
        )


@dataclass(slots=True)
class Event:
    """One calendar event; ``said_*`` is what was last said of it."""

    id: UUID
    activity: UUID
    starts: datetime
    ends: datetime
    cancelled: bool
    teaching: int | None
    exceptions: dict[UUID, tuple[bool, int | None]]
    created: datetime | None
    modified: datetime | None
    deleted: bool = False
    said_activity: UUID | None = None
    said_starts: datetime | None = None
    said_digest: bytes | None = None
    said_pupils: frozenset[UUID] = frozenset()
    said_ms: int = 0

    @property
    def day(self) -> date:
        """The school day in Sweden."""
        return self.starts.astimezone(STOCKHOLM).date()

    @property
    def length(self) -> int:
        """Minutes from bell to bell; teaching that is longer counts as such."""
        whole = round((self.ends - self.starts).total_seconds() / 60)
        return max(1, whole, self.teaching or 0)

    def offered(self, student: UUID, length: int) -> int:
        """Minutes of teaching that the pupil was offered; ``length`` is the event's."""
        _, own = self.exceptions.get(student, (True, None))
        if own is not None:
            return min(own, length)
        return length if self.teaching is None else self.teaching


@dataclass(frozen=True, slots=True)
class Course:
    """What an activity says of its lessons."""

    id: UUID
    unit: str | None
    """The source's id of the school unit; None while it cannot be told."""
    counts: bool
    """Shall be reported, says the standard: Undervisning and Elevaktivitet."""
    groups: tuple[UUID, ...]
    group: str | None
    subject: str


@dataclass(frozen=True, slots=True)
class Membership:
    """A person's part in a group; both days included, None = open."""

    person: UUID
    first: date | None
    last: date | None

    def __contains__(self, day: date) -> bool:
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


Rosters = Mapping[UUID, Iterable[Membership]]
"""Group -> its memberships."""


def offered_to(event: Event, course: Course, rosters: Rosters) -> set[UUID]:
    """Who is to take part, by the dates of their memberships and the event's exceptions."""
    day = event.day
    pupils = {one.person for group in course.groups for one in rosters.get(group, ()) if day in one}
    for student, (takes_part, _) in event.exceptions.items():
        if takes_part:
            pupils.add(student)
        else:
            pupils.discard(student)
    return pupils


def mark_of(event: Event, attendance: Attendance) -> dict[str, Any] | Note:
    """The attendance as a mark of the event's register, or why it cannot be.

    ``otherAttendanceMinutes`` (elevråd and the like) go with presence. What an
    unreported attendance says in minutes is a system's default, and nobody's word.
    """
    takes_part, _ = event.exceptions.get(attendance.student, (True, None))
    if not takes_part:
        return withdrawn(attendance.student)
    length = event.length
    offered = event.offered(attendance.student, length)
    if not attendance.reported:
        return {"pupil": str(attendance.student), "offered": offered, "reported": False}
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
    return {
        "pupil": str(attendance.student),
        # The register knows better than the timetable how long it was.
        "offered": max(offered, absent),
        "valid": attendance.valid,
        "invalid": attendance.invalid,
        "other": attendance.other,
        "reported": True,
    }


def scheduled(event: Event, pupil: UUID) -> dict[str, Any]:
    """The mark of somebody of whom nothing is reported."""
    return {"pupil": str(pupil), "offered": event.offered(pupil, event.length), "reported": False}


def withdrawn(pupil: UUID) -> dict[str, Any]:
    """The mark of somebody who has no part in the lesson."""
    return {"pupil": str(pupil), "withdrawn": True}


def current(attendances: Iterable[Attendance]) -> dict[UUID, Attendance]:
    """Each pupil's attendance at one event: the newest that is not deleted."""
    found: dict[UUID, Attendance] = {}
    for one in attendances:
        if one.deleted:
            continue
        other = found.get(one.student)
        if other is None or _age(one) > _age(other):
            found[one.student] = one
    return found


def _age(one: Attendance) -> tuple[int, UUID]:
    return milliseconds(one.modified), one.id


def milliseconds(instant: datetime | None) -> int:
    return 0 if instant is None else int(instant.timestamp() * 1000)


@dataclass(slots=True)
class Said:
    """A register to be said; ``attendances`` are those whose marks it holds."""

    event: Event
    activity: UUID
    starts: datetime
    state: str
    modified_ms: int
    marks: list[dict[str, Any]] = field(default_factory=list)
    attendances: list[Attendance] = field(default_factory=list)
    moved_from: datetime | None = None


Mark = tuple[int, dict[str, Any], Attendance]
"""(modified time with which it is to be said, mark, attendance)."""


def rounds(event: Event, marks: Iterable[Mark]) -> list[Said]:
    """Marks in registers: those that changed together are said together, oldest first.

    What was corrected later becomes a register of its own, so that it does not
    make the others newer than they are.
    """
    said: list[Said] = []
    begun = 0
    for modified, mark, attendance in sorted(marks, key=lambda one: one[0]):
        if not said or modified - begun > ROUND_MS:
            said.append(Said(event, event.activity, event.starts, "reported", modified))
            begun = modified
        last = said[-1]
        last.modified_ms = max(last.modified_ms, modified)
        last.marks.append(mark)
        last.attendances.append(attendance)
    for one in said:
        one.state = _state(one.marks)
    return said


def _state(marks: list[dict[str, Any]]) -> str:
    return "reported" if any(mark.get("reported") for mark in marks) else "scheduled"


def said_at(event: Event, attendance: Attendance) -> int:
    """The modified time of an attendance's mark: never older than what was said before."""
    return max(milliseconds(attendance.modified), attendance.said_ms or 0, event.said_ms)


OFF = b"off"
"""The digest of an event that was said to be cancelled."""


@dataclass(slots=True)
class Plan:
    """What is to be said of an event, and how it stands when that is said."""

    said: list[Said]
    refused: list[tuple[Attendance, Note]] = field(default_factory=list)


def plan(
    event: Event,
    course: Course | None,
    rosters: Rosters,
    attendances: Iterable[Attendance],
    *,
    stands: Callable[[UUID, datetime], bool],
) -> Plan | None:
    """What must be said of ``event`` so that all is said; None while its activity is unknown.

    ``attendances`` are all that is staged about the lesson; ``stands`` tells
    whether another event holds the lesson at a slot. The event's ``said_*`` are
    changed to what they are once this is said.
    """
    if course is None or course.unit is None:
        # What was never said needs no taking back.
        return Plan([]) if event.deleted else None
    changed = milliseconds(event.modified)
    if event.deleted or event.cancelled or not course.counts:
        return _off(event, changed, stands=stands)
    listed = list(attendances)
    now = current(listed)
    offered = offered_to(event, course, rosters)
    whole = digest(event, course)
    was_off = event.said_digest == OFF
    moved = (event.said_activity, event.said_starts) != (event.activity, event.starts)
    anew = moved or event.said_digest != whole
    said: list[Said] = []
    moved_from = None
    before = (event.said_activity, event.said_starts)
    if before[0] is not None and before[1] is not None and moved and not was_off:
        if stands(before[0], before[1]):
            pass  # Another event has the lesson now.
        elif before[0] == event.activity:
            moved_from = before[1]
        else:
            newest = max(changed, event.said_ms)
            said.append(Said(event, before[0], before[1], "cancelled", newest))
    # Who was deleted or withdrawn may have been told otherwise since.
    again = {one.student for one in listed if one.deleted and one.said_ms is not None}
    waiting = offered - now.keys()
    to_say = waiting if anew else waiting - (event.said_pupils - again)
    to_withdraw = event.said_pupils - offered - now.keys()
    to_withdraw |= {one for one in again if one not in offered and one not in now}
    base = max([changed, event.said_ms, *(one.said_ms or 0 for one in listed if one.deleted)])
    result = Plan(said)
    marks: list[Mark] = []
    for one in now.values():
        if not anew and one.said_ms is not None:
            continue
        mark = mark_of(event, one)
        if isinstance(mark, Note):
            result.refused.append((one, mark))
        else:
            marks.append((said_at(event, one), mark, one))
    rest = [scheduled(event, pupil) for pupil in sorted(to_say)]
    rest += [withdrawn(pupil) for pupil in sorted(to_withdraw)]
    restated = event.said_starts is not None and anew
    if restated or moved_from is not None:
        # All of the lesson is as new as the change.
        newest = max([base, *(modified for modified, _, _ in marks)])
        whole_said = Said(event, event.activity, event.starts, "scheduled", newest)
        whole_said.marks = [mark for _, mark, _ in marks] + rest
        whole_said.attendances = [one for _, _, one in marks]
        whole_said.state = _state(whole_said.marks)
        whole_said.moved_from = moved_from
        said.append(whole_said)
        event.said_ms = newest
    else:
        if rest:
            timetable = Said(event, event.activity, event.starts, "scheduled", base)
            timetable.marks = rest
            said.append(timetable)
            event.said_ms = base
        said += rounds(event, [(max(ms, event.said_ms), mark, one) for ms, mark, one in marks])
    # Who was told and has no part in it any more stays: should the lesson come back to an earlier
    # time, what was said of it then must not hold again.
    event.said_pupils = frozenset(waiting) | (event.said_pupils - offered - now.keys())
    event.said_activity, event.said_starts = event.activity, event.starts
    event.said_digest = whole
    return result


def unreported(
    event: Event, course: Course, rosters: Rosters, reported: frozenset[UUID]
) -> list[Said] | None:
    """What :func:`plan` says of an event of which every attendance was said and none is deleted.

    ``reported`` are the pupils with an attendance. None where more than the
    timetable may have to be said: the event was moved, changed, or never said.
    """
    if course.unit is None or event.deleted or event.cancelled or not course.counts:
        return None
    if (event.said_activity, event.said_starts) != (event.activity, event.starts):
        return None
    if event.said_digest != digest(event, course):
        return None
    offered = offered_to(event, course, rosters)
    waiting = offered - reported
    gone = event.said_pupils - offered - reported
    marks = [scheduled(event, pupil) for pupil in sorted(waiting - event.said_pupils)]
    marks += [withdrawn(pupil) for pupil in sorted(gone)]
    event.said_pupils = frozenset(waiting | gone)
    if not marks:
        return []
    event.said_ms = max(milliseconds(event.modified), event.said_ms)
    return [Said(event, event.activity, event.starts, "scheduled", event.said_ms, marks=marks)]


def _off(event: Event, changed: int, *, stands: Callable[[UUID, datetime], bool]) -> Plan:
    activity, starts = event.said_activity, event.said_starts
    said = []
    if activity is not None and starts is not None and event.said_digest != OFF:
        newest = max(changed, event.said_ms)
        if not stands(activity, starts):
            said.append(Said(event, activity, starts, "cancelled", newest))
        # Who was told of it stays: when it is on again, without some of them, they must hear so.
        event.said_ms = newest
        event.said_digest = OFF
    return Plan(said)


def register(said: Said, course: Course) -> dict[str, Any]:
    """A register as POST /v1/registers takes it."""
    event, moved = said.event, said.moved_from
    return {
        "school_unit": course.unit,
        "activity": str(said.activity),
        "group": course.group,
        "subject": course.subject,
        "start": said.starts.astimezone(STOCKHOLM).isoformat(),
        "length_minutes": event.length,
        "state": said.state,
        "modified": rfc3339(said.modified_ms),
        "moved_from": None if moved is None else moved.astimezone(STOCKHOLM).isoformat(),
        "marks": said.marks,
    }


def rfc3339(ms: int) -> str:
    whole, rest = divmod(ms, 1000)
    return datetime.fromtimestamp(whole, STOCKHOLM).replace(microsecond=rest * 1000).isoformat()


def digest(event: Event, course: Course) -> bytes:
    """Changes whenever what a register says of the lesson as a whole does."""
    told = (
        course.unit, course.group, course.subject, event.length, event.teaching,
        sorted((str(key), value) for key, value in event.exceptions.items()),
    )  # fmt: skip
    return hashlib.blake2b(repr(told).encode(), digest_size=16).digest()
