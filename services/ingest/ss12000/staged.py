"""Calendar events, attendances and what they stand on, as they are staged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from uuid import UUID

import msgspec

from services.common.clock import STOCKHOLM

LONGEST = 720
"""Minutes of the longest lesson."""


class Attendance(msgspec.Struct):
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
        if self.exceptions:
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


@lru_cache(maxsize=4096)
def milliseconds(instant: datetime | None) -> int:
    return 0 if instant is None else int(instant.timestamp() * 1000)


def instant_at(ms: int) -> datetime:
    """An instant of whole milliseconds since 1970."""
    whole, rest = divmod(ms, 1000)
    return datetime.fromtimestamp(whole, STOCKHOLM).replace(microsecond=rest * 1000)
