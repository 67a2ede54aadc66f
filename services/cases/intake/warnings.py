"""ews.warnings.v1: a warning opens or updates the pupil's case of the school year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from services.cases import metrics
from services.cases.domain import case as rules
from services.cases.domain.assignment import Assignment, Duty, Place, assign
from services.cases.domain.threads import CASE_FAMILIES, Change, Thread, changes
from services.cases.store import cases, duties, outbox, people, threads
from services.cases.store.cases import UNKNOWN_UNIT, Case, Happened
from services.cases.store.outbox import Told
from services.cases.store.scope import Database
from services.cases.store.threads import Stored
from services.common.clock import local_instant

if TYPE_CHECKING:
    from services.common.pg import Connection

#: By the end of the working day.
_DUE_MINUTE = 16 * 60


@dataclass(slots=True)
class _Pupil:
    """What one batch is about, for one pupil and school year."""

    held: dict[UUID, Stored] = field(default_factory=dict)
    fresh: dict[UUID, tuple[Thread, bytes]] = field(default_factory=dict)
    case: Case | None = None


class WarningIntake:
    """Applies snapshots of one organiser in one transaction; older revisions change nothing."""

    def __init__(self, database: Database, *, age_limit_days: int) -> None:
        self._database = database
        self._age_limit = age_limit_days

    async def apply(self, organiser_id: UUID, batch: Sequence[tuple[Thread, bytes]]) -> None:
        """Take a batch; of several revisions of a thread only the highest counts."""
        newest: dict[UUID, tuple[Thread, bytes]] = {}
        for thread, raw in batch:
            known = newest.get(thread.thread_id)
            if known is None or known[0].revision < thread.revision:
                newest[thread.thread_id] = (thread, raw)
        async with self._database.system(organiser_id) as connection:
            await threads.lock_organiser(connection, organiser_id)
            work = _Batch(self._database, connection, organiser_id, self._age_limit)
            await work.run(list(newest.values()))
        # Counted after the commit: what was rolled back did not happen.
        for name, count in work.counted.items():
            metrics.CASE_CHANGES.labels(name).inc(count)


class _Batch:
    """One transaction's work."""

    def __init__(
        self, database: Database, connection: Connection, organiser_id: UUID, age_limit: int
    ) -> None:
        self._new_id = database.new_id
        self._connection = connection
        self._organiser_id = organiser_id
        self._age_limit = age_limit
        self._now: datetime = database.now()
        self._today: date = database.today()
        self._duties: list[Duty] = []
        self._places: dict[UUID, Place] = {}
        self._history: list[Happened] = []
        self._told: list[Told] = []
        self.counted: dict[str, int] = {}

    async def run(self, batch: Sequence[tuple[Thread, bytes]]) -> None:
        pupils = await self._load(batch)
        if not pupils:
            return
        self._duties = await people.duties(self._connection)
        self._places = await people.places(
            self._connection, [pupil_id for pupil_id, _ in pupils], self._today
        )
        for (pupil_id, school_year), pupil in sorted(pupils.items()):
            await self._pupil(pupil_id, school_year, pupil)
        await cases.history(self._connection, self._organiser_id, self._history)
        await outbox.put(self._connection, self._told)

    async def _load(self, batch: Sequence[tuple[Thread, bytes]]) -> dict[tuple[UUID, int], _Pupil]:
        """What is held of the batch's pupils; threads that bring nothing new are left out."""
        pupil_ids = sorted({thread.pupil_id for thread, _ in batch})
        years = sorted({thread.school_year for thread, _ in batch})
        held = await threads.of_pupils(self._connection, pupil_ids, years)
        revisions = {stored.thread.thread_id: stored.thread.revision for stored in held}
        news = [
            (thread, raw)
            for thread, raw in batch
            if thread.revision > revisions.get(thread.thread_id, 0)
        ]
        await cases.first_seen(
            self._connection,
            self._organiser_id,
            "warnings",
            [f"{thread.thread_id}:{thread.revision}" for thread, _ in news],
            self._now,
        )
        pupils: dict[tuple[UUID, int], _Pupil] = {}
        for thread, raw in news:
            pupil = pupils.setdefault((thread.pupil_id, thread.school_year), _Pupil())
            pupil.fresh[thread.thread_id] = (thread, raw)
        for stored in held:
            key = (stored.thread.pupil_id, stored.thread.school_year)
            if key in pupils:
                pupils[key].held[stored.thread.thread_id] = stored
        for case in await cases.of_pupils(self._connection, pupil_ids, years):
            if (case.pupil_id, case.school_year) in pupils:
                pupils[case.pupil_id, case.school_year].case = case
        return pupils

    async def _pupil(self, pupil_id: UUID, school_year: int, pupil: _Pupil) -> None:
        after = {key: stored.thread for key, stored in pupil.held.items()}
        after |= {key: thread for key, (thread, _) in pupil.fresh.items()}
        found = [
            (thread, changes(pupil.held[key].thread if key in pupil.held else None, thread))
            for key, (thread, _) in sorted(pupil.fresh.items())
        ]
        case = pupil.case
        if case is None and any(thread.opens_case for thread in after.values()):
            case = await self._open(pupil_id, school_year, list(after.values()), found)
        elif case is not None:
            case = await self._update(case, list(after.values()), found)
        case_id = case.case_id if case else None
        await threads.save(
            self._connection,
            [Stored(thread, raw, case_id) for thread, raw in pupil.fresh.values()],
            self._now,
        )
        if case is not None and pupil.case is None:
            await threads.link(self._connection, case.case_id, pupil_id, school_year)
        if any(thread.family == "unexcused_today" for thread, _ in pupil.fresh.values()):
            await duties.follow_ground(self._connection, pupil_id, self._now)

    def _place(self, pupil_id: UUID, known: Sequence[Thread]) -> Place:
        """Where the pupil belongs: by the roster, else as the stream says."""
        if place := self._places.get(pupil_id):
            return place
        newest = max(known, key=lambda thread: thread.school_date)
        return Place(newest.school_unit_id or UNKNOWN_UNIT, newest.class_id, None, None)

    async def _open(
        self,
        pupil_id: UUID,
        school_year: int,
        known: list[Thread],
        found: list[tuple[Thread, list[Change]]],
    ) -> Case:
        place = self._place(pupil_id, known)
        ordinal = await cases.next_ordinals(self._connection, self._organiser_id, school_year, 1)
        standing = rules.standing(known)
        school_date = max(t.school_date for t in known if t.opens_case)
        woke = not rules.is_old(school_date, self._today, self._age_limit)
        case = Case(
            organiser_id=self._organiser_id,
            case_id=self._new_id(),
            number=rules.number(school_year, ordinal[0]),
            pupil_id=pupil_id,
            school_year=school_year,
            school_unit_id=place.school_unit_id,
            class_id=place.class_id,
            state="new",
            attention=None,
            attention_at=None,
            assigned_staff_id=None,
            assigned_as=None,
            level=standing.level,
            family=standing.family,
            headline=standing.headline,
            school_date=school_date,
            woke=woke,
            opened_at=self._now,
            acknowledged_at=None,
            acknowledged_by=None,
            closed_at=None,
            closed_by=None,
            close_reason=None,
            close_note=None,
            version=1,
            updated_at=self._now,
        ).assigned(assign(self._duties, place, self._today))
        await cases.insert(self._connection, case)
        self._note(case, "opened", school_date=school_date, detail={"old": not woke})
        for thread, thread_changes in found:
            self._tell_history(case, thread, thread_changes)
        self._note_assignment(case, None)
        cause = max((t for t in known if t.opens_case), key=lambda t: (t.school_date, t.thread_id))
        self._tell(case, "opened", cause)
        if woke:
            await self._ask_to_look(case)
        self._count("opened" if woke else "opened_old")
        return case

    async def _update(
        self, case: Case, known: list[Thread], found: list[tuple[Thread, list[Change]]]
    ) -> Case:
        grave = [
            (thread, thread_changes)
            for thread, thread_changes in found
            if thread.family in CASE_FAMILIES and thread_changes
        ]
        all_changes = [change for _, thread_changes in grave for change in thread_changes]
        standing = rules.standing(known)
        place = self._place(case.pupil_id, known)
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
                updated = replace(updated, attention=attention, attention_at=self._now)
            updated = updated.assigned(assign(self._duties, place, self._today))
        for thread, _ in grave:
            updated = replace(updated, school_date=max(updated.school_date, thread.school_date))
        fresh = [t for t, _ in grave if not self._old(t.school_date)]
        waking = bool(fresh) and rules.reopens(all_changes)
        updated = replace(updated, woke=case.woke or waking)

        if reopened:
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
            updated = replace(updated, version=case.version + 1, updated_at=self._now)
            # The row is locked: nobody can have changed it since it was read.
            await cases.update(self._connection, updated)
            await duties.follow_case(self._connection, case.case_id, updated.assignment)
        if updated.state == "new" and waking and (reopened or not case.woke):
            await self._ask_to_look(updated)
        for change in all_changes:
            self._count(change.kind)
        if reopened:
            self._count("reopened")
        return updated

    def _old(self, day: date) -> bool:
        return rules.is_old(day, self._today, self._age_limit)

    async def _ask_to_look(self, case: Case) -> None:
        """Somebody has to look at the case, by a time."""
        free = await people.free_days(self._connection, case.school_unit_id, self._today)
        due = rules.acknowledge_by(self._today, free)
        await duties.add(
            self._connection,
            self._organiser_id,
            duties.NewDuty(
                duty_id=self._new_id(),
                kind="acknowledge",
                pupil_id=case.pupil_id,
                school_year=case.school_year,
                school_unit_id=case.school_unit_id,
                class_id=case.class_id,
                case_id=case.case_id,
                assignment=case.assignment,
                school_date=case.school_date,
                due_at=local_instant(due, _DUE_MINUTE),
                created_at=self._now,
            ),
        )

    def _tell_history(self, case: Case, thread: Thread, found: list[Change]) -> None:
        for change in found:
            before = change.before
            self._history.append(
                Happened(
                    event_id=self._new_id(),
                    case_id=case.case_id,
                    at=self._now,
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
                        "old": self._old(thread.school_date),
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
        self._history.append(
            Happened(
                event_id=self._new_id(),
                case_id=case.case_id,
                at=self._now,
                kind=kind,
                school_date=school_date,
                detail=detail,
            )
        )

    def _tell(self, case: Case, kind: str, cause: Thread | None) -> None:
        self._told.append(
            Told(
                event_id=self._new_id(),
                kind=kind,
                organiser_id=self._organiser_id,
                case_id=case.case_id,
                number=case.number,
                pupil_id=case.pupil_id,
                school_unit_id=case.school_unit_id,
                assigned_staff_id=case.assigned_staff_id,
                at=self._now,
                school_date=cause.school_date if cause else case.school_date,
                thread_id=cause.thread_id if cause else None,
                thread_revision=cause.revision if cause else 0,
            )
        )

    def _count(self, kind: str) -> None:
        self.counted[kind] = self.counted.get(kind, 0) + 1


def assignment_detail(to: Assignment | None) -> dict[str, object]:
    """Whom a case was given to, for its history."""
    return {"staff_id": str(to.staff_id) if to else None, "role": to.role if to else None}
