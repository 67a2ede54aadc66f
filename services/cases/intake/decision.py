"""What warnings do to cases: decided without I/O, written down by :mod:`.warnings`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from services.cases.domain import case as rules
from services.cases.domain.assignment import Assignment, Duty, Place, assign
from services.cases.domain.threads import CASE_FAMILIES, Change, Thread
from services.cases.store.cases import UNKNOWN_UNIT, Case, Happened
from services.cases.store.duties import NewDuty
from services.cases.store.outbox import Told

#: A thread, and what its newest snapshot changed.
Found = tuple[Thread, Sequence[Change]]


@dataclass(frozen=True, slots=True)
class Known:
    """What a decision goes by."""

    organiser_id: UUID
    now: datetime
    today: date
    age_limit_days: int
    wake_from: Mapping[UUID, date]
    """Pupils whose earlier days a source told of before its cut-over, with that day."""
    duties: Sequence[Duty]
    places: Mapping[UUID, Place]
    free_days: Mapping[UUID, frozenset[date]]


def place_of(pupil_id: UUID, known: Sequence[Thread], places: Mapping[UUID, Place]) -> Place:
    """Where the pupil belongs: by the roster, else as the stream says."""
    if place := places.get(pupil_id):
        return place
    newest = max(known, key=lambda thread: thread.school_date)
    return Place(newest.school_unit_id or UNKNOWN_UNIT, newest.class_id, None, None)


class Decisions:
    """Decides case by case and gathers what is to be written."""

    def __init__(self, known: Known, new_id: Callable[[], UUID]) -> None:
        self._known = known
        self._new_id = new_id
        self.opened: list[Case] = []
        self.changed: list[Case] = []
        self.moved: list[Case] = []
        """Cases that stand elsewhere now, or with somebody else: their open duties go along."""
        self.reopened: list[UUID] = []
        self.duties: list[NewDuty] = []
        self.history: list[Happened] = []
        self.told: list[Told] = []
        self.counted: Counter[str] = Counter()

    def open(
        self,
        pupil_id: UUID,
        school_year: int,
        ordinal: int,
        known: Sequence[Thread],
        found: Sequence[Found],
    ) -> Case:
        """A new case for the pupil's school year."""
        place = place_of(pupil_id, known, self._known.places)
        standing = rules.standing(known)
        school_date = max(t.school_date for t in known if t.opens_case)
        woke = not self._old(school_date, pupil_id)
        case = Case.opened(
            self._known.organiser_id,
            self._new_id(),
            ordinal,
            pupil_id=pupil_id,
            school_year=school_year,
            school_unit_id=place.school_unit_id,
            class_id=place.class_id,
            level=standing.level,
            family=standing.family,
            headline=standing.headline,
            school_date=school_date,
            woke=woke,
            at=self._known.now,
        ).assigned(assign(self._known.duties, place, self._known.today))
        self.opened.append(case)
        self._note(case, "opened", school_date=school_date, detail={"old": not woke})
        for thread, thread_changes in found:
            self._tell_history(case, thread, thread_changes)
        self._note_assignment(case, None)
        cause = max((t for t in known if t.opens_case), key=lambda t: (t.school_date, t.thread_id))
        self._tell(case, "opened", cause)
        if woke:
            self._ask_to_look(case)
        self._count("opened" if woke else "opened_old")
        return case

    def update(self, case: Case, known: Sequence[Thread], found: Sequence[Found]) -> Case:
        """The case after what its warnings changed."""
        grave = [
            (thread, thread_changes)
            for thread, thread_changes in found
            if thread.family in CASE_FAMILIES and thread_changes
        ]
        all_changes = [change for _, thread_changes in grave for change in thread_changes]
        standing = rules.standing(known)
        place = place_of(case.pupil_id, known, self._known.places)
        updated = replace(
            case,
            level=standing.level,
            family=standing.family,
            headline=standing.headline,
            school_unit_id=place.school_unit_id,
            class_id=place.class_id,
        )
        reopened = case.state == "closed" and rules.reopens(all_changes)
        if reopened:
            updated = replace(
                updated,
                state="new",
                acknowledged_at=None,
                acknowledged_by=None,
                closed_at=None,
                closed_by=None,
                close_reason=None,
                close_note=None,
            )
        if updated.state != "closed":
            attention = rules.attention(case.state, case.attention, all_changes)
            if attention != case.attention or (attention and all_changes):
                updated = replace(updated, attention=attention, attention_at=self._known.now)
            updated = updated.assigned(assign(self._known.duties, place, self._known.today))
        for thread, _ in grave:
            updated = replace(updated, school_date=max(updated.school_date, thread.school_date))
        fresh = [t for t, _ in grave if not self._old(t.school_date, case.pupil_id)]
        waking = bool(fresh) and rules.reopens(all_changes)
        updated = replace(updated, woke=case.woke or waking)

        if reopened:
            self.reopened.append(case.case_id)
            self._note(updated, "reopened", school_date=updated.school_date)
        for thread, thread_changes in found:
            self._tell_history(updated, thread, thread_changes)
        self._note_assignment(updated, case)
        for thread, thread_changes in grave:
            if reopened and rules.reopens(thread_changes):
                self._tell(updated, "reopened", thread)
            elif any(change.kind == "raised" for change in thread_changes):
                self._tell(updated, "joined", thread)
            else:
                self._tell(updated, "changed", thread)
        if updated != case:
            updated = replace(updated, version=case.version + 1, updated_at=self._known.now)
            self.changed.append(updated)
            if updated.stands != case.stands:
                self.moved.append(updated)
        if updated.state == "new" and waking and (reopened or not case.woke):
            self._ask_to_look(updated)
        for change in all_changes:
            self._count(change.kind)
        if reopened:
            self._count("reopened")
        return updated

    def _old(self, day: date, pupil_id: UUID) -> bool:
        known = self._known
        if day < known.wake_from.get(pupil_id, day):
            return True
        return rules.is_old(day, known.today, known.age_limit_days)

    def _ask_to_look(self, case: Case) -> None:
        """Somebody has to look at the case, by a time."""
        free = self._known.free_days.get(case.school_unit_id, frozenset())
        due = rules.acknowledge_by(self._known.today, free)
        self.duties.append(
            NewDuty.of(
                case,
                "acknowledge",
                duty_id=self._new_id(),
                school_date=case.school_date,
                due=due,
                at=self._known.now,
            )
        )

    def _tell_history(self, case: Case, thread: Thread, found: Sequence[Change]) -> None:
        for change in found:
            before = change.before
            self.history.append(
                Happened(
                    event_id=self._new_id(),
                    case_id=case.case_id,
                    at=self._known.now,
                    kind=f"warning_{change.kind}",
                    school_date=change.day,
                    thread_id=thread.thread_id,
                    thread_revision=thread.revision,
                    episode_id=change.after.episode_id,
                    detail={
                        "family": thread.family,
                        "level": change.after.level,
                        "sentence": change.after.sentence,
                        "before": before.sentence if before else None,
                        "before_level": before.level if before else None,
                        "old": self._old(thread.school_date, case.pupil_id),
                    },
                )
            )

    def _note_assignment(self, case: Case, before: Case | None) -> None:
        previous = before.assignment if before else None
        if before is not None and case.assignment == previous:
            return
        self._note(case, "assigned", detail=assignment_detail(case.assignment))
        if before is not None:
            self._tell(case, "assigned", None)

    def _note(
        self,
        case: Case,
        kind: str,
        *,
        school_date: date | None = None,
        detail: dict[str, object] | None = None,
    ) -> None:
        self.history.append(
            Happened(
                event_id=self._new_id(),
                case_id=case.case_id,
                at=self._known.now,
                kind=kind,
                school_date=school_date,
                detail=detail,
            )
        )

    def _tell(self, case: Case, kind: str, cause: Thread | None) -> None:
        told = Told.of(case, kind, event_id=self._new_id(), at=self._known.now)
        if cause is not None:
            told = replace(
                told,
                school_date=cause.school_date,
                thread_id=cause.thread_id,
                thread_revision=cause.revision,
            )
        self.told.append(told)

    def _count(self, kind: str) -> None:
        self.counted[kind] += 1


def assignment_detail(to: Assignment | None) -> dict[str, object]:
    """Whom a case was given to, for its history."""
    return {"staff_id": str(to.staff_id) if to else None, "role": to.role if to else None}
