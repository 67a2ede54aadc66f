"""From checked registers and notices to facts, split by home and bucket (design D1)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from forvarning.facts.v1 import facts_pb2 as facts
from services.common import topics
from services.common.clock import epoch_day
from services.common.ids import activity_id, lesson_id
from services.ingest.lessons import LocalStart
from services.ingest.model.lessons import AnyMark, NoticeIn
from services.ingest.publisher import Outgoing
from services.ingest.store.directory import Home

STATES = {
    "scheduled": facts.LESSON_STATE_SCHEDULED,
    "reported": facts.LESSON_STATE_REPORTED,
    "cancelled": facts.LESSON_STATE_CANCELLED,
}
_REPORTED = int(facts.MARK_FLAG_REPORTED)
_CONFIRMED = int(facts.MARK_FLAG_INVALID_CONFIRMED)
_EXPLICIT = int(facts.MARK_FLAG_EXPLICIT)
_WITHDRAWN = int(facts.MARK_FLAG_WITHDRAWN)
NOTICE_KINDS = {
    "absence_report": facts.NOTICE_KIND_ABSENCE_REPORT,
    "leave": facts.NOTICE_KIND_LEAVE,
}
REPORTERS = {
    "guardian": facts.REPORTED_BY_GUARDIAN,
    "pupil": facts.REPORTED_BY_PUPIL,
    "staff": facts.REPORTED_BY_STAFF,
}


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson occurrence's identity and what a register says of it as a whole."""

    organiser_id: UUID
    activity: str
    start: LocalStart
    school_unit_id: UUID
    group_id: UUID | None
    subject: str
    length_minutes: int
    lesson_id: UUID = field(init=False)

    def __post_init__(self) -> None:
        name = lesson_id(self.organiser_id, self.activity, self.start.day, self.start.minute)
        # Frozen from here on.
        object.__setattr__(self, "lesson_id", name)

    def at(self, start: LocalStart) -> Lesson:
        """The same activity's occurrence at another time."""
        return Lesson(
            self.organiser_id,
            self.activity,
            start,
            self.school_unit_id,
            self.group_id,
            self.subject,
            self.length_minutes,
        )

    def register(self, state: facts.LessonState, version: facts.Version) -> facts.Register:
        """A register of this lesson without home, bucket and marks."""
        return facts.Register(
            lesson_id=self.lesson_id.bytes,
            school_unit_id=self.school_unit_id.bytes,
            activity_id=activity_id(self.organiser_id, self.activity).bytes,
            group_id=self.group_id.bytes if self.group_id else b"",
            subject=self.subject,
            epoch_day=epoch_day(self.start.day),
            start_minute=self.start.minute,
            length_minutes=self.length_minutes,
            state=state,
            version=version,
        )


def fill(register: facts.Register, marks: Sequence[AnyMark], homes: Mapping[str, Home]) -> None:
    """Put ``marks`` into a register without any; a pupil missing from ``homes`` has 0 bytes."""
    reported = register.state == facts.LESSON_STATE_REPORTED
    length = register.length_minutes
    # Whole columns: one call of the contract's library a column, not one a mark.
    register.offered_minutes.extend([
        length if one.offered is None else one.offered for one in marks
    ])  # fmt: skip
    register.valid_minutes.extend([one.valid for one in marks])
    register.invalid_minutes.extend([one.invalid for one in marks])
    register.other_minutes.extend([one.other for one in marks])
    register.flags.extend([
        (_REPORTED if (reported if one.reported is None else one.reported) else 0)
        | (_CONFIRMED if one.confirmed else 0)
        | (_EXPLICIT if one.explicit else 0)
        | (_WITHDRAWN if one.withdrawn else 0)
        for one in marks
    ])  # fmt: skip
    late = [one.arrived_late for one in marks]
    if late.count(None) < len(late):
        register.arrived_late_minutes.extend([minutes or 0 for minutes in late])
    early = [one.left_early for one in marks]
    if early.count(None) < len(early):
        register.left_early_minutes.extend([minutes or 0 for minutes in early])
    register.pupil_ids = b"".join([
        homes[one.pupil].pupil_id.bytes for one in marks if one.pupil in homes
    ])  # fmt: skip


def by_bucket(
    marks: Iterable[AnyMark], homes: Mapping[str, Home]
) -> dict[tuple[UUID, int, int], list[AnyMark]]:
    """Marks by (home, bucket, partition)."""
    split: dict[tuple[UUID, int, int], list[AnyMark]] = defaultdict(list)
    for mark in marks:
        home = homes[mark.pupil]
        split[home.home_id, home.bucket, home.partition].append(mark)
    return split


def notice_of(
    incoming: NoticeIn, notice_id: UUID, reporter_id: UUID | None, version: facts.Version
) -> facts.Notice:
    """A notice without pupil, home and bucket. Its end is rounded up to a whole second."""
    return facts.Notice(
        notice_id=notice_id.bytes,
        kind=NOTICE_KINDS[incoming.kind],
        start_unix_s=math.floor(incoming.start.timestamp()),
        end_unix_s=math.ceil(incoming.end.timestamp()),
        reported_by=REPORTERS[incoming.reported_by],
        reporter_id=reporter_id.bytes if reporter_id else b"",
        deleted=incoming.deleted,
        version=version,
    )


def to_home(body: facts.Register | facts.Notice, home_id: UUID, bucket: int) -> None:
    """Address a fact's body."""
    body.home_id = home_id.bytes
    body.bucket = bucket


def fact_of(
    organiser_id: UUID, accepted: datetime, body: facts.Register | facts.Notice
) -> facts.Fact:
    """The input log's envelope."""
    fact = facts.Fact(
        organiser_id=organiser_id.bytes, accepted_unix_ms=int(accepted.timestamp() * 1000)
    )
    if isinstance(body, facts.Register):
        fact.register.CopyFrom(body)
    else:
        fact.notice.CopyFrom(body)
    return fact


def record(fact: facts.Fact, partition: int) -> Outgoing:
    """A fact about one home as a record of the input log; the home must be set."""
    body = fact.register if fact.HasField("register") else fact.notice
    return Outgoing(topics.FACTS.name, partition, body.home_id, fact.SerializeToString())
