"""The shapes that pages and the API show. A field that the viewer may not know is null."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Shown(BaseModel):
    """Base: immutable, nothing beyond its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PupilShown(Shown):
    """Who it is about. For pupils with skyddade personuppgifter all but ``protected`` is null,
    unless the case stands with the viewer or the viewer is the unit's rektor."""

    name: str | None
    class_name: str | None
    school_unit: str | None
    protected: bool
    known: bool
    """Whether the viewer may know who it is."""


class CaseLine(Shown):
    """A case in a list."""

    case_id: UUID
    number: str
    pupil: PupilShown
    state: Literal["new", "acknowledged", "closed"]
    attention: Literal["raised", "escalated", "withdrawn", "amended"] | None
    level: int
    family: str | None
    headline: str
    school_date: date
    woke: bool
    opened_at: datetime
    due_at: datetime | None
    overdue: bool
    assigned_to: str | None
    assigned_as: str | None
    mine: bool
    outside: bool
    """About a pupil of another organiser: known by its beställning alone."""
    version: int


class CallLine(Shown):
    """A duty to ring home."""

    duty_id: UUID
    pupil: PupilShown
    case_number: str | None
    school_date: date
    due_at: datetime
    reason: str
    """One Swedish sentence."""
    withdrawn: bool
    attempts: int
    attempted_at: datetime | None
    assigned_to: str | None
    mine: bool
    version: int


class UnexcusedLine(Shown):
    """A pupil with unexplained or ogiltig absence on a school day."""

    pupil: PupilShown
    case_number: str | None
    school_date: date
    minutes: int
    lessons: int
    withdrawn: bool
    sentence: str
    notice: Literal["sent", "failed", "suppressed", "call_home"] | None
    notice_at: datetime | None
    notice_reason: str | None
    """One Swedish sentence where no notice was sent."""


class SchoolLine(Shown):
    """What goes on in a school unit: about teaching or environment, never about a pupil."""

    kind: Literal["wave", "cluster", "unreported"]
    school_unit: str
    text: str
    """One Swedish sentence."""
    parts: list[str]
    """The same of its classes and subjects, where the line is about the whole unit."""


class OpeningLine(Shown):
    """A case that somebody read, or asks to read, outside their duties."""

    opening_id: UUID
    number: str
    school_unit: str | None
    """Null for a protected pupil's."""
    by: str
    own: bool
    kind: Literal["break_glass", "drill_down"]
    reason: str
    asked_at: datetime
    protected: bool
    approved_by: str | None
    state: Literal["pending", "lapsed", "open", "over"]
    until: datetime | None


DutyState = Literal["open", "done", "withdrawn"]


class DutyLine(Shown):
    """Something that is to be done in a case by a time: by the law, by the municipality's own
    routine, or by what somebody wrote."""

    duty_id: UUID
    kind: str
    title: str
    """One Swedish phrase."""
    tasks: list[str]
    rule: str
    """The paragraph, or whose rule it is."""
    ours: bool
    """The time is this system's own: the law has a word and no number."""
    pupil: PupilShown
    case_number: str
    due_at: datetime
    state: DutyState
    """Withdrawn: nothing asks for it any more, or it rests while the case is closed."""
    overdue: bool
    at_once: bool
    """Genast: due the moment it began."""
    assigned_to: str | None
    assigned_as: str | None
    mine: bool
    can_decide: bool
    step: str | None
    """The step of the chain that does it; null where it is ticked off."""
    version: int


class LessonShown(Shown):
    """A lesson that made a warning fire; minutes."""

    date: date
    start_minute: int
    length_minutes: int
    subject: str
    absent: int
    kind: Literal["valid", "unexplained", "confirmed", "mixed"]


class LessonDay(Shown):
    """The lessons of one day that made a warning fire, in the order of the day; minutes."""

    date: date
    lessons: list[LessonShown]
    absent: int
    length: int


class PatternShown(Shown):
    """Where absence gathers; lessons with absence, of those reported."""

    kind: Literal["weekday", "subject", "slot"]
    place: str
    """In Swedish: "på fredagar"."""
    elsewhere: str
    """In Swedish: "övriga veckodagar"."""
    absent: int
    reported: int
    elsewhere_absent: int
    elsewhere_reported: int


class FiguresShown(Shown):
    """What the rule saw; shares 0 to 1, null where unknown."""

    first_day: date
    last_day: date
    absence_rate: float | None
    reporting_rate: float | None
    valid: int
    unexplained: int
    confirmed: int
    offered: int
    reported: int
    occasions: int
    days: int
    run_days: int
    shared: int
    """Valid minutes that many in the class or school shared, left out of the others."""
    baseline_rate: float | None
    """Before the period, for a change against the pupil's own baseline."""
    pattern: PatternShown | None


class WarningShown(Shown):
    """One episode of a warning."""

    family: str
    state: Literal["active", "resolved", "withdrawn"]
    level: int
    raised_day: date
    resolved_day: date | None
    sentence: str
    rule: str
    profile: str
    relapse: bool
    incomplete: bool
    figures: FiguresShown
    days: list[LessonDay]
    """The newest day first."""


class HistoryLine(Shown):
    """Something that happened in a case."""

    at: datetime
    kind: str
    actor: str | None
    school_date: date | None
    family: str | None
    text: str
    before: str | None
    old: bool


class CommentShown(Shown):
    """What somebody wrote."""

    at: datetime
    author: str
    text: str


class DayShown(Shown):
    """A day of the calendar strip."""

    date: date
    kind: str
    label: str


class WeekShown(Shown):
    """A week of the calendar strip."""

    number: int
    month: str
    days: list[DayShown]


class CaseShown(Shown):
    """A whole case."""

    case: CaseLine
    can_decide: bool
    open_until: datetime | None
    """The viewer reads it outside their duties, until then, and writes nothing in it."""
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    closed_at: datetime | None
    closed_by: str | None
    close_reason: str | None
    close_note: str | None
    warnings: list[WarningShown]
    calendar: list[WeekShown]
    history: list[HistoryLine]
    comments: list[CommentShown]
    calls: list[CallLine]


class ContactShown(Shown):
    """Whom to ring."""

    name: str
    relation: str
    phone: str | None


class CallShown(Shown):
    """A duty to ring home, with whom to ring."""

    call: CallLine
    case_number: str | None
    adult: bool
    """From the 18th birthday the pupil is told instead of the guardians."""
    contacts: list[ContactShown]
    can_decide: bool
    done_at: datetime | None
    done_by: str | None
    outcome: str | None
    note: str | None
