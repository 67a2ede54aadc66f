"""What somebody has to do by a time: "Ring hem", and looking at a new case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from services.cases.domain.assignment import Assignment
from services.cases.domain.duty_kinds import RESTING
from services.cases.domain.workdays import DUE_MINUTE
from services.common.clock import local_instant

if TYPE_CHECKING:
    from services.cases.store.cases import Case
    from services.cases.store.entries import Entry
    from services.common.pg import Connection


_CALL_HOME = UUID("0c0c4a0e-6d1f-5e8b-9a34-3a1f7c2b5d10")


def call_home_id(organiser_id: UUID, pupil_id: UUID, day: date) -> UUID:
    """The duty's id: one call home for a pupil and school day."""
    return uuid5(_CALL_HOME, f"{organiser_id}|{pupil_id}|{day.isoformat()}")


@dataclass(frozen=True, slots=True)
class NewDuty:
    """A duty to be written down."""

    duty_id: UUID
    kind: str
    pupil_id: UUID
    school_year: int
    school_unit_id: UUID
    class_id: UUID | None
    case_id: UUID | None
    assignment: Assignment | None
    school_date: date
    due_at: datetime
    created_at: datetime
    reason: str | None = None

    @classmethod
    def of(
        cls, case: Case, kind: str, *, duty_id: UUID, school_date: date, due: date, at: datetime
    ) -> NewDuty:
        """Of a case and whom it stands with, by the end of a working day."""
        return cls(
            duty_id=duty_id,
            kind=kind,
            pupil_id=case.pupil_id,
            school_year=case.school_year,
            school_unit_id=case.school_unit_id,
            class_id=case.class_id,
            case_id=case.case_id,
            assignment=case.assignment,
            school_date=school_date,
            due_at=local_instant(due, DUE_MINUTE),
            created_at=at,
        )


async def add(connection: Connection, organiser_id: UUID, wanted: Sequence[NewDuty]) -> None:
    """Write duties down; the same duty twice is one."""
    await connection.executemany(
        """
        INSERT INTO cases.duties (organiser_id, duty_id, kind, pupil_id, school_year,
            school_unit_id, class_id, case_id, assigned_staff_id, assigned_as, school_date,
            due_at, created_at, reason)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        ON CONFLICT DO NOTHING
        """,
        [
            (
                organiser_id,
                duty.duty_id,
                duty.kind,
                duty.pupil_id,
                duty.school_year,
                duty.school_unit_id,
                duty.class_id,
                duty.case_id,
                duty.assignment.staff_id if duty.assignment else None,
                duty.assignment.role if duty.assignment else None,
                duty.school_date,
                duty.due_at,
                duty.created_at,
                duty.reason,
            )
            for duty in wanted
        ],
    )


async def finish_acknowledge(
    connection: Connection, case_id: UUID, at: datetime, by: UUID | None, outcome: str
) -> None:
    """Nobody has to look at the case for the first time any more."""
    await connection.execute(
        """
        UPDATE cases.duties SET done_at = $2, done_by = $3, outcome = $4, version = version + 1
        WHERE organiser_id = cases.organiser() AND case_id = $1 AND kind = 'acknowledge'
          AND done_at IS NULL
        """,
        case_id,
        at,
        by,
        outcome,
    )


async def finish(connection: Connection, case_id: UUID, kind: str, by: Entry) -> None:
    """An entry has done what a kind of duty in its case asked for."""
    await connection.execute(
        """
        UPDATE cases.duties SET done_at = $3, done_by = $4, outcome = 'done', version = version + 1
        WHERE organiser_id = cases.organiser() AND case_id = $1 AND kind = $2 AND done_at IS NULL
        """,
        case_id,
        kind,
        by.updated_at,
        by.updated_by,
    )


async def follow_case(connection: Connection, case: Case) -> None:
    """Open duties of a case stand where the case stands and with whom it stands; those with a
    role's own holder are given on by :mod:`.settling`.

    A closed case says whom it stood with when it was closed: its duties follow the place alone.
    """
    await connection.execute(
        """
        UPDATE cases.duties SET school_unit_id = $2, class_id = $3, version = version + 1,
            assigned_staff_id = CASE WHEN owner IS NULL AND $6 THEN $4 ELSE assigned_staff_id END,
            assigned_as = CASE WHEN owner IS NULL AND $6 THEN $5 ELSE assigned_as END
        WHERE organiser_id = cases.organiser() AND case_id = $1 AND done_at IS NULL
          AND ((school_unit_id, class_id) IS DISTINCT FROM ($2::uuid, $3::uuid)
               OR (owner IS NULL AND $6 AND (assigned_staff_id, assigned_as)
                                     IS DISTINCT FROM ($4::uuid, $5::text)))
        """,
        case.case_id,
        case.school_unit_id,
        case.class_id,
        case.assigned_staff_id,
        case.assigned_as,
        case.state != "closed",
    )


async def rest(connection: Connection, case_id: UUID, at: datetime) -> None:
    """The case is closed: what was agreed on in it is not asked for, and is not done either."""
    await connection.execute(
        """
        UPDATE cases.duties SET withdrawn_at = $2, version = version + 1
        WHERE organiser_id = cases.organiser() AND case_id = $1 AND kind = ANY ($3::text[])
          AND done_at IS NULL AND withdrawn_at IS NULL
        """,
        case_id,
        at,
        sorted(RESTING),
    )


async def wake(connection: Connection, case_ids: Sequence[UUID]) -> None:
    """These cases are open again, and ask for what rested while they were closed."""
    await connection.execute(
        """
        UPDATE cases.duties SET withdrawn_at = NULL, version = version + 1
        WHERE organiser_id = cases.organiser() AND case_id = ANY ($1::uuid[])
          AND kind = ANY ($2::text[]) AND done_at IS NULL AND withdrawn_at IS NOT NULL
        """,
        list(case_ids),
        sorted(RESTING),
    )


async def follow_ground(connection: Connection, pupil_ids: Sequence[UUID], now: datetime) -> None:
    """A call home whose ground a correction took away is withdrawn, and comes back with it.

    Asked after every change of the same-day warnings and after every new duty, so that it does
    not matter which of the two topics was read first.
    """
    await connection.execute(
        """
        UPDATE cases.duties d SET
            withdrawn_at = CASE WHEN g.gone THEN $2::timestamptz END, version = d.version + 1
        FROM (SELECT d2.duty_id, EXISTS (
                  SELECT FROM cases.episodes e
                  WHERE e.organiser_id = d2.organiser_id AND e.pupil_id = d2.pupil_id
                    AND e.family = 'unexcused_today' AND e.raised_day = d2.school_date
                    AND e.state = 'withdrawn')
                AND NOT EXISTS (
                  SELECT FROM cases.episodes e
                  WHERE e.organiser_id = d2.organiser_id AND e.pupil_id = d2.pupil_id
                    AND e.family = 'unexcused_today' AND e.raised_day = d2.school_date
                    AND e.state <> 'withdrawn') AS gone
              FROM cases.duties d2
              WHERE d2.organiser_id = cases.organiser() AND d2.pupil_id = ANY ($1::uuid[])
                AND d2.kind = 'call_home' AND d2.done_at IS NULL) g
        WHERE d.organiser_id = cases.organiser() AND d.duty_id = g.duty_id
          AND (d.withdrawn_at IS NOT NULL) <> g.gone
        """,
        list(pupil_ids),
        now,
    )


@dataclass(frozen=True, slots=True)
class Loose:
    """An open duty that belongs to no case."""

    duty_id: UUID
    pupil_id: UUID
    stands: tuple[UUID, UUID | None, Assignment | None]
    """Where and with whom."""


async def without_case(connection: Connection) -> list[Loose]:
    """Open duties that belong to no case."""
    rows = await connection.fetch(
        """
        SELECT duty_id, pupil_id, school_unit_id, class_id, assigned_staff_id, assigned_as
        FROM cases.duties
        WHERE organiser_id = cases.organiser() AND done_at IS NULL AND case_id IS NULL
        """
    )
    return [
        Loose(
            row["duty_id"],
            row["pupil_id"],
            (
                row["school_unit_id"],
                row["class_id"],
                Assignment(row["assigned_staff_id"], row["assigned_as"])
                if row["assigned_staff_id"]
                else None,
            ),
        )
        for row in rows
    ]


async def give(
    connection: Connection,
    duty_id: UUID,
    school_unit_id: UUID,
    class_id: UUID | None,
    to: Assignment | None,
) -> None:
    """Let a duty without a case stand elsewhere, or with somebody else or nobody."""
    await connection.execute(
        """
        UPDATE cases.duties SET school_unit_id = $2, class_id = $3, assigned_staff_id = $4,
            assigned_as = $5, version = version + 1
        WHERE organiser_id = cases.organiser() AND duty_id = $1
          AND done_at IS NULL AND case_id IS NULL
        """,
        duty_id,
        school_unit_id,
        class_id,
        to.staff_id if to else None,
        to.role if to else None,
    )


async def called(
    connection: Connection,
    duty_id: UUID,
    version: int,
    *,
    at: datetime,
    by: UUID | None,
    outcome: str | None,
    note: str | None,
) -> bool:
    """Note a call: with an outcome the duty is done, without one it was a try. False: too late."""
    answer = await connection.execute(
        """
        UPDATE cases.duties SET attempts = attempts + 1, attempted_at = $3::timestamptz, note = $6,
            done_at = CASE WHEN $5::text IS NULL THEN NULL ELSE $3::timestamptz END, done_by = $4,
            outcome = $5, version = version + 1
        WHERE organiser_id = cases.organiser() AND duty_id = $1 AND version = $2
          AND done_at IS NULL
        """,
        duty_id,
        version,
        at,
        by,
        outcome,
        note,
    )
    return bool(answer == "UPDATE 1")
