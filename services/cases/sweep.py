"""Keeps open cases in step with the roster, counts what waits, and forgets what may go.

Nobody sends an event when a duty ends at midnight or a unit gets its närvaroansvarig: so every
open case is looked at again now and then, and given to whom it stands with today.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from time import monotonic
from uuid import UUID

from services.cases import metrics
from services.cases.domain.assignment import Assignment, Duty, Place, assign
from services.cases.domain.duty_kinds import DUTY_KINDS
from services.cases.intake.decision import assignment_detail
from services.cases.rounds import Rounds
from services.cases.store import attempts, cases, duties, outbox, people, sessions
from services.cases.store.cases import Case, Happened
from services.cases.store.outbox import Told
from services.cases.store.scope import Database
from services.common import pg
from services.common.clock import school_year
from services.common.logging import get_logger

_log = get_logger(__name__)
_PORTION = 200
_FORGET_EVERY = 3600.0
#: The inbox answers for repeats; none comes later than the topics' retention.
_KEEP = timedelta(days=100)
#: Published events are on the topic; here they are kept a while for whoever looks for a fault.
_KEEP_PUBLISHED = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What all cases of an organiser go by in one round, and what has been worked out from it."""

    roster: Sequence[Duty]
    areas: Mapping[UUID, UUID | None]
    today: date
    _known: dict[Place, Assignment | None] = field(default_factory=dict)

    def at(self, place: Place) -> tuple[UUID, UUID | None, Assignment | None]:
        """Where and with whom what belongs to that place stands; a school's cases share their few
        places."""
        if place not in self._known:
            self._known[place] = assign(self.roster, place, self.today)
        return place.school_unit_id, place.class_id, self._known[place]


class Sweep(Rounds):
    """Goes through every organiser, one transaction a portion."""

    name = "sweep"
    every_seconds = 10.0

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._forget_next = 0.0

    async def once(self) -> None:
        """One round through all organisers; the gauges are set at its end."""
        forget = monotonic() >= self._forget_next
        if forget:
            self._forget_next = monotonic() + _FORGET_EVERY
        unassigned = 0
        overdue: Counter[str] = Counter()
        pending, oldest = 0, 0.0
        for organiser_id in await pg.organiser_ids(self._database.pool):
            async with self._database.system(organiser_id) as connection:
                ground = await self._ground(connection)
            after: UUID | None = UUID(int=0)
            while after is not None:
                began = self.progress = monotonic()
                after = await self._portion(organiser_id, after, ground)
                # As long a rest as it took: people's pages come first, in the database too.
                await asyncio.sleep(monotonic() - began)
            await self._loose_duties(organiser_id, ground)
            async with self._database.system(organiser_id) as connection:
                if forget:
                    await self._forget(connection)
                for late in await connection.fetch(
                    """
                    SELECT kind, count(*) AS n FROM cases.duties
                    WHERE organiser_id = cases.organiser() AND done_at IS NULL
                      AND withdrawn_at IS NULL AND due_at < $1
                    GROUP BY kind
                    """,
                    self._database.now(),
                ):
                    overdue[late["kind"]] += late["n"]
                row = await connection.fetchrow(
                    """
                    SELECT
                        (SELECT count(*) FROM cases.cases
                         WHERE state <> 'closed' AND NOT outside
                           AND assigned_staff_id IS NULL) AS unassigned,
                        o.pending, o.oldest
                    FROM (SELECT count(*) AS pending, coalesce(extract(
                              epoch FROM clock_timestamp() - min(created_at)), 0)::float AS oldest
                          FROM cases.outbox WHERE published_at IS NULL) o
                    """
                )
            assert row is not None  # noqa: S101 - a SELECT of scalars has one row
            unassigned += row["unassigned"]
            pending += row["pending"]
            oldest = max(oldest, row["oldest"])
        metrics.UNASSIGNED.set(unassigned)
        # Every kind, also when nothing of it is late: an alert must not rest on a missing series.
        for kind in DUTY_KINDS:
            metrics.OVERDUE.labels(kind).set(overdue[kind])
        metrics.OUTBOX_PENDING.set(pending)
        metrics.OUTBOX_AGE.set(oldest)
        if forget:
            await self._coming_school_years()
            metrics.RETENTION_RUN.set(
                await self._database.pool.fetchval(
                    "SELECT extract(epoch FROM records.last_run())::float8"
                )
            )
            async with self._database.nobody() as connection:
                await sessions.forget_failures(connection)
                await attempts.forget(connection)

    async def _coming_school_years(self) -> None:
        """This school year and the next have their partition of absence days before they begin."""
        first = school_year(self._database.today())
        for year in (first, first + 1):
            if await self._database.pool.fetchval("SELECT cases.make_absence_year($1)", year):
                _log.info("partition made", school_year=year)

    async def _ground(self, connection: pg.Connection) -> _Ground:
        return _Ground(
            await people.duties(connection),
            await people.areas(connection),
            self._database.today(),
        )

    async def _portion(self, organiser_id: UUID, after: UUID, ground: _Ground) -> UUID | None:
        """Look at the next open cases; returns where to go on, None at the end."""
        now = self._database.now()
        async with self._database.system(organiser_id) as connection:
            portion = await cases.open_cases(connection, after, _PORTION)
            if not portion:
                return None
            known = await people.places(
                connection, [case.pupil_id for case in portion], self._database.today()
            )
            places = [
                known.get(case.pupil_id)
                or Place(
                    case.school_unit_id,
                    case.class_id,
                    None,
                    ground.areas.get(case.school_unit_id),
                )
                for case in portion
            ]
            pairs = list(zip(portion, places, strict=True))
            if all(case.stands == ground.at(place) for case, place in pairs):
                return portion[-1].case_id
            # A round takes its time: what moves does so by the roster as it is now. A warning may
            # have moved the case by that already.
            ground = await self._ground(connection)
            for case, place in pairs:
                stands = ground.at(place)
                if case.stands == stands:
                    continue
                unit_id, class_id, to = stands
                moved = replace(
                    case,
                    school_unit_id=unit_id,
                    class_id=class_id,
                    version=case.version + 1,
                    updated_at=now,
                ).assigned(to)
                if not await cases.update(connection, moved):
                    continue  # changed since it was read: the next round looks again
                await duties.follow_case(connection, moved)
                lines = self._lines(case, moved)
                await cases.history(connection, organiser_id, lines)
                if moved.assignment != case.assignment:
                    await outbox.put(connection, [self._told(moved)])
        return portion[-1].case_id

    async def _loose_duties(self, organiser_id: UUID, ground: _Ground) -> None:
        """Calls home of pupils without a case follow the roster by themselves."""
        async with self._database.system(organiser_id) as connection:
            loose = await duties.without_case(connection)
            if not loose:
                return
            places = await people.places(
                connection, [row.pupil_id for row in loose], self._database.today()
            )
            placed = [(row, places[row.pupil_id]) for row in loose if row.pupil_id in places]
            if all(row.stands == ground.at(place) for row, place in placed):
                return
            ground = await self._ground(connection)
            for row, place in placed:
                stands = ground.at(place)
                if row.stands != stands:
                    await duties.give(connection, row.duty_id, *stands)

    def _lines(self, before: Case, after: Case) -> list[Happened]:
        found: list[tuple[str, dict[str, object]]] = []
        if before.school_unit_id != after.school_unit_id:
            found.append(("moved", {"school_unit_id": str(after.school_unit_id)}))
        if before.assignment != after.assignment:
            found.append(("assigned", assignment_detail(after.assignment)))
        return [
            Happened(self._database.new_id(), after.case_id, after.updated_at, kind, detail=detail)
            for kind, detail in found
        ]

    def _told(self, case: Case) -> Told:
        # By the day that woke the case, not today: a mended roster mails nobody about old cases.
        return Told.of(case, "assigned", event_id=self._database.new_id(), at=case.updated_at)

    async def _forget(self, connection: pg.Connection) -> None:
        now = self._database.now()
        await connection.execute("DELETE FROM cases.inbox WHERE received_at < $1", now - _KEEP)
        await connection.execute(
            "DELETE FROM cases.outbox WHERE published_at < $1", now - _KEEP_PUBLISHED
        )
        # Sessions and failed sign-ins live in real time (services.cases.signin).
        await connection.execute(
            "DELETE FROM cases.sessions WHERE seen_at < clock_timestamp() - interval '1 day'"
        )
