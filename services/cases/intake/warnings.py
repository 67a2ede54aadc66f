"""ews.warnings.v1: a warning opens or updates the pupil's case of the school year."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from services.cases import metrics
from services.cases.domain.threads import Change, Thread, changes
from services.cases.intake.decision import Decisions, Found, Known, place_of
from services.cases.store import cases, duties, inbox, outbox, people, shares, threads
from services.cases.store.cases import Case
from services.cases.store.scope import Database
from services.cases.store.threads import Stored
from services.common.erased import erased
from services.common.thin import without_lessons

if TYPE_CHECKING:
    from services.common.pg import Connection

Batch = Sequence[tuple[Thread, bytes]]


@dataclass(slots=True)
class _Pupil:
    """What one batch is about, for one pupil and school year."""

    pupil_id: UUID
    school_year: int
    held: dict[UUID, Stored] = field(default_factory=dict)
    fresh: dict[UUID, tuple[Thread, bytes]] = field(default_factory=dict)
    case: Case | None = None

    def after(self) -> list[Thread]:
        """Every thread as it stands after the batch."""
        standing = {key: stored.thread for key, stored in self.held.items()}
        standing |= {key: thread for key, (thread, _) in self.fresh.items()}
        return [standing[key] for key in sorted(standing)]

    def found(self) -> list[Found]:
        """What the batch changed, thread by thread."""
        return [
            (thread, self._changes(self.held.get(key), thread))
            for key, (thread, _) in sorted(self.fresh.items())
        ]

    @staticmethod
    def _changes(held: Stored | None, fresh: Thread) -> list[Change]:
        if held is None:
            return changes(None, fresh)
        if held.case_id is None:
            # Without a case its older lessons were not kept: they have not changed by that.
            return changes(held.thread.without_lessons(), fresh.without_lessons())
        return changes(held.thread, fresh)

    def opens(self) -> bool:
        """Whether it needs a case that is not there yet."""
        return self.case is None and any(thread.opens_case for thread in self.after())


class WarningIntake:
    """Applies snapshots of one organiser in one transaction; older revisions change nothing."""

    def __init__(self, database: Database, *, age_limit_days: int) -> None:
        self._database = database
        self._age_limit = age_limit_days

    async def apply(self, organiser_id: UUID, batch: Batch) -> None:
        """Take a batch; of several revisions of a thread only the highest counts."""
        newest: dict[UUID, tuple[Thread, bytes]] = {}
        for thread, raw in batch:
            known = newest.get(thread.thread_id)
            if known is None or known[0].revision < thread.revision:
                newest[thread.thread_id] = (thread, raw)
        async with self._database.system(organiser_id) as connection:
            await threads.lock_organiser(connection, organiser_id)
            counted = await self._take(connection, organiser_id, list(newest.values()))
        # Counted after the commit: what was rolled back did not happen.
        for name, count in counted.items():
            metrics.CASE_CHANGES.labels(name).inc(count)

    async def _take(self, connection: Connection, organiser_id: UUID, batch: Batch) -> Counter[str]:
        pupils = await self._load(connection, organiser_id, batch)
        if not pupils:
            return Counter()
        known = await self._know(connection, organiser_id, pupils)
        decisions = Decisions(known, self._database.new_id)
        ordinals = await self._ordinals(connection, organiser_id, pupils)
        snapshots: list[Stored] = []
        for pupil in pupils:
            case = pupil.case
            if pupil.opens():
                ordinal = next(ordinals[pupil.school_year])
                case = decisions.open(
                    pupil.pupil_id, pupil.school_year, ordinal, pupil.after(), pupil.found()
                )
            elif case is not None:
                case = decisions.update(case, pupil.after(), pupil.found())
            snapshots += [
                Stored(thread, raw, case.case_id)
                if case
                else Stored(thread, without_lessons(raw, self._database.today()) or raw, None)
                for thread, raw in pupil.fresh.values()
            ]
        await self._write(connection, organiser_id, decisions, snapshots)
        return decisions.counted

    async def _load(self, connection: Connection, organiser_id: UUID, batch: Batch) -> list[_Pupil]:
        """What is held of the batch's pupils; threads that bring nothing new are left out."""
        pupil_ids = sorted({thread.pupil_id for thread, _ in batch})
        if gone := await erased(connection, pupil_ids):
            batch = [(thread, raw) for thread, raw in batch if thread.pupil_id not in gone]
        revisions = await threads.revisions(connection, [thread.thread_id for thread, _ in batch])
        news = [
            (thread, raw)
            for thread, raw in batch
            if thread.revision > revisions.get(thread.thread_id, 0)
        ]
        if not news:
            return []
        # Only of whom there is news: a topic that is read again is mostly repeats.
        pupil_ids = sorted({thread.pupil_id for thread, _ in news})
        years = sorted({thread.school_year for thread, _ in news})
        held = await threads.of_pupils(connection, pupil_ids, years)
        await inbox.first_seen(
            connection,
            organiser_id,
            "warnings",
            [f"{thread.thread_id}:{thread.revision}" for thread, _ in news],
            self._database.now(),
        )
        pupils: dict[tuple[UUID, int], _Pupil] = {}
        for thread, raw in news:
            key = (thread.pupil_id, thread.school_year)
            pupils.setdefault(key, _Pupil(*key)).fresh[thread.thread_id] = (thread, raw)
        for stored in held:
            key = (stored.thread.pupil_id, stored.thread.school_year)
            if key in pupils:
                pupils[key].held[stored.thread.thread_id] = stored
        for case in await cases.of_pupils(connection, pupil_ids, years):
            if (case.pupil_id, case.school_year) in pupils:
                pupils[case.pupil_id, case.school_year].case = case
        return [pupils[key] for key in sorted(pupils)]

    async def _know(
        self, connection: Connection, organiser_id: UUID, pupils: Sequence[_Pupil]
    ) -> Known:
        today = self._database.today()
        pupil_ids = [pupil.pupil_id for pupil in pupils]
        places = await people.places(connection, pupil_ids, today)
        units = {place_of(pupil.pupil_id, pupil.after(), places).school_unit_id for pupil in pupils}
        return Known(
            organiser_id=organiser_id,
            now=self._database.now(),
            today=today,
            age_limit_days=self._age_limit,
            wake_from=await people.wake_from(connection, pupil_ids),
            duties=await people.duties(connection),
            places=places,
            free_days=await people.free_days_of(connection, sorted(units), today),
        )

    async def _ordinals(
        self, connection: Connection, organiser_id: UUID, pupils: Sequence[_Pupil]
    ) -> dict[int, Iterator[int]]:
        """As many case numbers as the batch needs, by school year."""
        needed = Counter(pupil.school_year for pupil in pupils if pupil.opens())
        return {
            year: iter(await cases.next_ordinals(connection, organiser_id, year, count))
            for year, count in sorted(needed.items())
        }

    async def _write(
        self,
        connection: Connection,
        organiser_id: UUID,
        decisions: Decisions,
        snapshots: Sequence[Stored],
    ) -> None:
        await cases.insert(connection, decisions.opened)
        # These rows are locked: nobody can have changed them since they were read.
        await cases.replace_all(connection, decisions.changed)
        await threads.save(connection, snapshots, self._database.now())
        joined = await threads.link(connection, decisions.opened)
        await duties.add(connection, organiser_id, decisions.duties)
        for case in decisions.moved + [c for c in decisions.opened if c.case_id in joined]:
            await duties.follow_case(connection, case)
        if decisions.reopened:
            await duties.wake(connection, decisions.reopened)
            await shares.queue_again(
                connection, decisions.reopened, self._database.new_id, self._database.now()
            )
        grounds = {s.thread.pupil_id for s in snapshots if s.thread.family == "unexcused_today"}
        if grounds:
            await duties.follow_ground(connection, sorted(grounds), self._database.now())
        await cases.history(connection, organiser_id, decisions.history)
        await outbox.put(connection, decisions.told)
