"""What a case must have done and by when: the law's clocks and the municipality's ladder, computed
from what has happened in it. The same history always gives the same duties under the same ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid5

from services.cases.domain import clocks, ladder
from services.cases.domain.chain import Track
from services.cases.domain.clocks import Happening, Moment, Pupil
from services.cases.domain.ladder import Spell, Told
from services.cases.domain.workdays import DUE_MINUTE, SchoolCalendar
from services.common.clock import local_instant, school_date
from services.common.profiles import Ladder

_IDS = UUID("3f1d0b52-7a0e-5c8f-9d4c-5a1e2b7c9f60")
LADDER = "ladder"
#: Kinds that this module opens and ends; ``same_day_notice`` is the call home, which notify causes.
KINDS = frozenset({clock.key for clock in clocks.CLOCKS} - {"same_day_notice"} | {LADDER})

_HAPPENINGS: dict[tuple[str, str], Happening] = {
    ("investigation", "open"): "investigation_opened",
    ("investigation", "waived"): "investigation_unneeded",
    ("investigation", "finished"): "investigation_done",
    ("report_to_organiser", "sent"): "reported_to_organiser",
    ("home_municipality_notice", "sent"): "home_municipality_told",
    ("csn_report", "reported"): "significant_invalid",
    ("support_investigation", "open"): "support_needed",
    ("support_investigation", "finished"): "support_done",
    ("concern_report", "intended"): "concern_raised",
    ("concern_report", "made"): "concern_sent",
    ("concern_report", "assessed"): "concern_decided",
    ("concern_report", "answered"): "concern_answered",
}
_STATES: dict[tuple[str, str], str] = {
    ("pupil_assessment", "done"): "assessment",
    ("investigation", "open"): "investigation",
    ("report_to_organiser", "sent"): "reported",
    ("intervention", "started"): "intervention",
    ("follow_up", "done"): "follow_up",
}
#: The entries that the clocks go by.
ENTRY_KINDS = frozenset(kind for kind, _ in (*_HAPPENINGS, *_STATES))


@dataclass(frozen=True, slots=True)
class Reached:
    """An entry came to a status."""

    entry_id: UUID
    parent_id: UUID | None
    kind: str
    status: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """opened, reopened, acknowledged or closed; ``old``: nobody was woken by it (design D8)."""

    kind: str
    at: datetime
    old: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """The case and what of its pupil the law goes by."""

    case_id: UUID
    closed: bool
    track: Track | None
    other_home_municipality: bool
    age: int | None
    calendar: SchoolCalendar
    ladder: Ladder | None
    profile: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A duty as it should stand; ended ones too."""

    duty_id: UUID
    kind: str
    owner: str
    started_at: datetime
    due_at: datetime
    ended_at: datetime | None
    about: UUID | None
    ours: bool
    """The limit is this system's own, not the law's and not the ladder's."""
    rule: str
    title: str | None = None
    tasks: tuple[str, ...] = ()
    step: str | None = None
    occurrence: str | None = None


def moments(case_id: UUID, events: Sequence[CaseEvent], reached: Sequence[Reached]) -> list[Moment]:
    """What has happened, as the clocks know it.

    Absence that was found in old facts starts no clock by itself: somebody takes the case on
    first, and from then on it is known.
    """
    found: list[Moment] = []
    sleeping = False
    for event in sorted(events, key=lambda one: one.at):
        if event.kind in {"opened", "reopened"}:
            sleeping = event.old
            if not event.old:
                found.append(Moment("absence_known", event.at, case_id))
        elif event.kind == "acknowledged" and sleeping:
            sleeping = False
            found.append(Moment("absence_known", event.at, case_id))
        elif event.kind == "closed":
            found.append(Moment("case_closed", event.at, case_id))
    for one in reached:
        happening = _HAPPENINGS.get((one.kind, one.status))
        if happening:
            child = one.kind == "report_to_organiser" and one.parent_id is not None
            about = one.parent_id if child else one.entry_id
            found.append(Moment(happening, one.at, about or one.entry_id))
    return found


def states(events: Sequence[CaseEvent], reached: Sequence[Reached]) -> list[Told]:
    """The case's states in the ladder's words, in order."""
    found = [(e.at, "open") for e in events if e.kind in {"opened", "reopened"}]
    found += [(one.at, state) for one in reached if (state := _STATES.get((one.kind, one.status)))]
    return [Told(state, school_date(at)) for at, state in sorted(found)]


def wanted(
    subject: Subject,
    events: Sequence[CaseEvent],
    reached: Sequence[Reached],
    spells: Sequence[Spell],
    done: Mapping[tuple[str, str], date],
    *,
    today: date,
) -> list[Wanted]:
    """Every duty of the case. Where the school form is not known no statutory clock can run."""
    found: list[Wanted] = []
    happened = moments(subject.case_id, events, reached)
    if subject.track is not None:
        pupil = Pupil(
            subject.track,
            subject.other_home_municipality,
            under_20=subject.age is None or subject.age < 20,
        )
        found += [
            _legal(subject, running)
            for running in clocks.run(happened, pupil, subject.calendar)
            if running.clock.key in KINDS
        ]
    known = [one.at for one in happened if one.kind == "absence_known"]
    if subject.ladder is not None and not subject.closed and known:
        steps = ladder.run(
            subject.ladder,
            spells,
            states(events, reached),
            done,
            calendar=subject.calendar,
            today=today,
            awake=school_date(min(known)),
        )
        found += [_step(subject, one, done) for one in steps]
    return found


def _legal(subject: Subject, running: clocks.Running) -> Wanted:
    clock = running.clock
    own = f"{subject.case_id}|{clock.key}|{running.about}|{running.started_at.isoformat()}"
    return Wanted(
        duty_id=uuid5(_IDS, own),
        kind=clock.key,
        owner=clock.owner,
        started_at=running.started_at,
        due_at=running.due_at,
        ended_at=running.ended_at,
        about=None if running.about == subject.case_id else running.about,
        ours=clock.by == "us",
        rule=running.paragraph,
    )


def _step(subject: Subject, one: ladder.LadderDuty, done: Mapping[tuple[str, str], date]) -> Wanted:
    own = f"{subject.case_id}|{LADDER}|{one.step.id}|{one.occurrence}|{one.begun.isoformat()}"
    finished = done.get((one.step.id, one.occurrence))
    return Wanted(
        duty_id=uuid5(_IDS, own),
        kind=LADDER,
        owner=one.step.owner,
        started_at=local_instant(one.begun, 0),
        due_at=local_instant(one.due, DUE_MINUTE),
        ended_at=local_instant(finished, DUE_MINUTE) if finished else None,
        about=None,
        ours=one.ours,
        rule=f"{one.step.source} ({subject.profile})",
        title=one.step.title or one.step.id,
        tasks=tuple(one.step.tasks),
        step=one.step.id,
        occurrence=one.occurrence,
    )
