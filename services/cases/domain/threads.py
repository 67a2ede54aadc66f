"""Warning threads as the case service sees them, and what one snapshot changed against another.

A WarningEvent is the whole truth about a thread (design D4) and the topic is
compacted, so revisions may be missing in between. What changed is therefore
found by comparing with the snapshot at hand, never read from the event.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Literal, NamedTuple
from uuid import UUID

from google.protobuf.message import DecodeError

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.common.clock import from_epoch_day

Family = Literal["sporadic", "long_term", "escalation", "unexcused_today", "unreported"]
State = Literal["active", "resolved", "withdrawn"]
PatternKind = Literal["weekday", "subject", "slot"]
ChangeKind = Literal["raised", "escalated", "amended", "resolved", "withdrawn"]

_FAMILIES: dict[int, Family] = {
    pb.FAMILY_SPORADIC: "sporadic",
    pb.FAMILY_LONG_TERM: "long_term",
    pb.FAMILY_ESCALATION: "escalation",
    pb.FAMILY_UNEXCUSED_TODAY: "unexcused_today",
    pb.FAMILY_UNREPORTED: "unreported",
}
_STATES: dict[int, State] = {
    pb.EPISODE_STATE_ACTIVE: "active",
    pb.EPISODE_STATE_RESOLVED: "resolved",
    pb.EPISODE_STATE_WITHDRAWN: "withdrawn",
}
_PATTERNS: dict[int, PatternKind] = {
    pb.PATTERN_KIND_WEEKDAY: "weekday",
    pb.PATTERN_KIND_SUBJECT: "subject",
    pb.PATTERN_KIND_SLOT: "slot",
}

#: Families that somebody has to look into (skollagen 7 kap. 19 a §, 15 kap. 16 §), gravest first.
#: Unexcused absence today is told the same day (7 kap. 17 §) and joins a case but opens none;
#: unreported lessons are about data, not about a pupil.
CASE_FAMILIES: tuple[Family, ...] = ("long_term", "escalation", "sporadic")


class UnreadableMessageError(ValueError):
    """The bytes are no message of the contract; ``reason`` is a code for the dead letter."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Lesson(NamedTuple):
    """One lesson that made a warning fire; minutes.

    A tuple, and its id as it came: there are twenty in a warning, and most are only compared.
    """

    lesson_id: bytes
    day: date
    start_minute: int
    length_minutes: int
    subject: str
    offered: int
    valid: int
    unexplained: int
    confirmed: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """Where absence gathers: lessons with absence, of those reported, there and elsewhere."""

    kind: PatternKind
    cell: str
    """A weekday's ISO number, a subject, or "first", "last" or "lunch"."""
    absent: int
    reported: int
    elsewhere_absent: int
    elsewhere_reported: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What the rule saw on the day its level was reached; minutes unless the name says more."""

    first_day: date
    last_day: date
    offered: int
    reported: int
    valid: int
    unexplained: int
    confirmed: int
    other: int
    occasions: int
    days: int
    run_days: int
    timetable_known: bool
    value: float
    threshold: float
    shared: int = 0
    """Valid minutes shared with many in the class or school, taken out of the others (D8)."""
    pattern: Pattern | None = None
    baseline_reported: int = 0
    baseline_absent: int = 0
    """Before the window, for a change against the pupil's own baseline."""

    @property
    def absent(self) -> int:
        """All absent minutes, giltig and ogiltig alike (7 kap. 19 a §)."""
        return self.valid + self.unexplained + self.confirmed

    @property
    def reporting_rate(self) -> float | None:
        """Reported share of offered time, 0 to 1; None where no timetable is known (D7)."""
        if not self.timetable_known or self.offered <= 0:
            return None
        return self.reported / self.offered

    @property
    def absence_rate(self) -> float | None:
        """Absent share of reported time, 0 to 1; None when nothing was reported."""
        return self.absent / self.reported if self.reported > 0 else None

    @property
    def baseline_rate(self) -> float | None:
        """The absent share before the window; None where the rule has no baseline."""
        return self.baseline_absent / self.baseline_reported if self.baseline_reported > 0 else None


@dataclass(frozen=True, slots=True)
class Episode:
    """One stretch in which a rule held."""

    episode_id: UUID
    state: State
    level: int
    raised_day: date
    level_day: date
    resolved_day: date | None
    rule: str
    profile: str
    figures: Figures
    lessons: tuple[Lesson, ...]
    sentence: str
    relapse: bool


@dataclass(frozen=True, slots=True)
class Thread:
    """The newest snapshot of one pupil, family and school year."""

    organiser_id: UUID
    thread_id: UUID
    revision: int
    pupil_id: UUID
    family: Family
    school_year: int
    school_unit_id: UUID | None
    class_id: UUID | None
    school_date: date
    caused_by_unix_ms: int
    incomplete: bool
    episodes: tuple[Episode, ...] = field(default=())

    @property
    def standing(self) -> tuple[Episode, ...]:
        """The episodes that no correction has taken back."""
        return tuple(e for e in self.episodes if e.state != "withdrawn")

    @property
    def active(self) -> tuple[Episode, ...]:
        return tuple(e for e in self.episodes if e.state == "active")

    def without_lessons(self) -> Thread:
        """The same without which lessons it was."""
        return replace(self, episodes=tuple(replace(e, lessons=()) for e in self.episodes))

    @property
    def opens_case(self) -> bool:
        """Whether somebody has to look into it."""
        return self.family in CASE_FAMILIES and bool(self.standing)


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one episode between two snapshots; ``before`` is None when it is new."""

    kind: ChangeKind
    day: date
    before: Episode | None
    after: Episode


def decode(value: bytes | None) -> Thread:
    """Read a WarningEvent; UnreadableMessageError names what is wrong with it."""
    if value is None:
        raise UnreadableMessageError("empty", "the record has no value")
    event = pb.WarningEvent()
    try:
        event.ParseFromString(value)
    except DecodeError as error:
        raise UnreadableMessageError("malformed", str(error)) from error
    family = _FAMILIES.get(event.family)
    if family is None:
        raise UnreadableMessageError("unknown_family", f"family is {event.family}")
    if event.revision < 1:
        raise UnreadableMessageError("no_revision", "revision is 0")
    return Thread(
        organiser_id=uuid_of(event.organiser_id, "organiser_id"),
        thread_id=uuid_of(event.thread_id, "thread_id"),
        revision=event.revision,
        pupil_id=uuid_of(event.pupil_id, "pupil_id"),
        family=family,
        school_year=event.school_year,
        school_unit_id=optional_uuid(event.school_unit_id, "school_unit_id"),
        class_id=optional_uuid(event.class_id, "class_id"),
        school_date=day_of(event.epoch_day, "epoch_day"),
        caused_by_unix_ms=event.caused_by_unix_ms,
        incomplete=event.incomplete,
        episodes=tuple(_episode(episode) for episode in event.episodes),
    )


def id_of(raw: bytes, name: str) -> bytes:
    """The sixteen bytes of an id; an unreadable message otherwise."""
    if len(raw) != 16:
        raise UnreadableMessageError("bad_id", f"{name} has {len(raw)} bytes, should have 16")
    return raw


def uuid_of(raw: bytes, name: str) -> UUID:
    """Sixteen bytes as a UUID; an unreadable message otherwise."""
    return _uuid(id_of(raw, name))


@lru_cache(maxsize=4096)
def _uuid(raw: bytes) -> UUID:
    """Organiser, unit and class stand in every message, and a UUID takes long to make."""
    return UUID(bytes=raw)


def optional_uuid(raw: bytes, name: str) -> UUID | None:
    """Like :func:`uuid_of`, but empty means none."""
    return uuid_of(raw, name) if raw else None


@lru_cache(maxsize=4096)
def day_of(number: int, name: str) -> date:
    """An epoch day between 1990 and 2100; anything else is a mistake of its writer."""
    if not 7305 <= number <= 47482:
        raise UnreadableMessageError("bad_day", f"{name} is {number}")
    return from_epoch_day(number)


def _episode(raw: pb.Episode) -> Episode:
    state = _STATES.get(raw.state)
    if state is None:
        raise UnreadableMessageError("unknown_state", f"episode state is {raw.state}")
    return Episode(
        episode_id=uuid_of(raw.episode_id, "episode_id"),
        state=state,
        level=raw.level,
        raised_day=day_of(raw.raised_day, "raised_day"),
        level_day=day_of(raw.level_day, "level_day"),
        resolved_day=day_of(raw.resolved_day, "resolved_day") if raw.resolved_day else None,
        rule=raw.rule_id,
        profile=f"{raw.profile_id}@{raw.profile_version}",
        figures=_figures(raw),
        lessons=tuple(_lesson(lesson) for lesson in raw.lessons),
        sentence=raw.sentence,
        relapse=bool(raw.relapse_of),
    )


def _figures(raw: pb.Episode) -> Figures:
    figures = raw.figures
    return Figures(
        # A rule about one day has no window of its own.
        first_day=day_of(figures.window_first_day or raw.level_day, "window_first_day"),
        last_day=day_of(figures.window_last_day or raw.level_day, "window_last_day"),
        offered=figures.offered,
        reported=figures.reported,
        valid=figures.valid,
        unexplained=figures.invalid_unexplained,
        confirmed=figures.invalid_confirmed,
        other=figures.other,
        occasions=figures.absence_occasions,
        days=figures.absence_days,
        run_days=figures.run_days,
        timetable_known=figures.reporting_rate_known,
        value=figures.value,
        threshold=figures.threshold,
        shared=figures.shared,
        pattern=_pattern(figures.pattern) if figures.HasField("pattern") else None,
        baseline_reported=figures.baseline_reported,
        baseline_absent=figures.baseline_absent,
    )


def _pattern(raw: pb.Pattern) -> Pattern | None:
    kind = _PATTERNS.get(raw.kind)
    if kind is None:
        # A kind that a newer EWS knows: the sentence tells it.
        return None
    return Pattern(
        kind=kind,
        cell=raw.cell,
        absent=raw.lessons_absent,
        reported=raw.lessons_reported,
        elsewhere_absent=raw.elsewhere_absent,
        elsewhere_reported=raw.elsewhere_reported,
    )


def _lesson(raw: pb.LessonGround) -> Lesson:
    # In the fields' order: naming them costs a third of the time.
    return Lesson(
        id_of(raw.lesson_id, "lesson_id"),
        day_of(raw.epoch_day, "epoch_day"),
        raw.start_minute,
        raw.length_minutes,
        raw.subject,
        raw.offered,
        raw.valid,
        raw.invalid_unexplained,
        raw.invalid_confirmed,
    )


def changes(before: Thread | None, after: Thread) -> list[Change]:
    """What ``after`` changed, in the order of its episodes; one change for each episode at most.

    A first snapshot's episodes are raised, whatever state they are in by now; only one that was
    taken back before anybody saw it is no change at all.
    """
    known = {episode.episode_id: episode for episode in before.episodes} if before else {}
    found: list[Change] = []
    for episode in after.episodes:
        old = known.pop(episode.episode_id, None)
        change = _compare(old, episode)
        if change is not None:
            found.append(change)
    # By contract no episode leaves a snapshot; should one, it counts as taken back, visibly.
    found += [
        Change("withdrawn", old.raised_day, old, old)
        for old in known.values()
        if old.state != "withdrawn"
    ]
    return found


def _compare(old: Episode | None, new: Episode) -> Change | None:
    if old is None or old.state == "withdrawn":
        if new.state == "withdrawn":
            return None
        return Change("raised", new.raised_day, old, new)
    if new.state == "withdrawn":
        return Change("withdrawn", new.raised_day, old, new)
    if new.level > old.level:
        return Change("escalated", new.level_day, old, new)
    if new.state == "resolved" and old.state == "active":
        return Change("resolved", new.resolved_day or new.level_day, old, new)
    if new.state == "active" and old.state == "resolved":
        return Change("amended", new.level_day, old, new)
    if (old.level, old.sentence, old.figures, old.lessons, old.rule) != (
        new.level,
        new.sentence,
        new.figures,
        new.lessons,
        new.rule,
    ):
        return Change("amended", new.level_day, old, new)
    return None
