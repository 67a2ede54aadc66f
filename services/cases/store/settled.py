"""Duties as they were worked out (:mod:`.settling`), and up to where: one statement a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from services.cases.domain import due
from services.cases.domain.assignment import Assignment, Duty
from services.cases.store import bulk
from services.cases.store.cases import Case
from services.common.clock import local_instant, school_date

if TYPE_CHECKING:
    from services.common.pg import Connection


async def unsettled(connection: Connection, now: datetime, limit: int) -> list[UUID]:
    """Cases that have changed since their duties were computed, or for which a day has turned."""
    rows = await connection.fetch(
        """
        SELECT c.case_id FROM cases.cases c
        LEFT JOIN cases.settled s USING (organiser_id, case_id)
        WHERE c.organiser_id = cases.organiser() AND NOT c.outside
          AND CASE WHEN s.case_id IS NULL THEN c.state <> 'closed'
                   ELSE s.case_version <> c.version OR s.next_at <= $1 END
        ORDER BY s.next_at NULLS FIRST, c.case_id LIMIT $2
        """,
        now,
        limit,
    )
    return [row["case_id"] for row in rows]


def row(
    case: Case, one: due.Wanted, whose: Assignment | Duty | None, now: datetime
) -> tuple[object, ...]:
    """A row for :func:`write`."""
    return (
        one.duty_id,
        case.organiser_id,
        one.kind,
        case.pupil_id,
        case.school_year,
        case.school_unit_id,
        case.class_id,
        case.case_id,
        one.about,
        whose.staff_id if whose else None,
        whose.role if whose else None,
        school_date(one.started_at),
        one.due_at,
        now,
        one.owner,
        one.rule,
        one.ours,
        one.step,
        one.occurrence,
        one.title,
        list(one.tasks),
        one.ended_at,
        "done" if one.ended_at else None,
    )


_DUTY = {
    "duty_id": "uuid",
    "organiser_id": "uuid",
    "kind": "text",
    "pupil_id": "uuid",
    "school_year": "int",
    "school_unit_id": "uuid",
    "class_id": "uuid",
    "case_id": "uuid",
    "entry_id": "uuid",
    "assigned_staff_id": "uuid",
    "assigned_as": "text",
    "school_date": "date",
    "due_at": "timestamptz",
    "created_at": "timestamptz",
    "owner": "text",
    "rule": "text",
    "ours": "boolean",
    "step": "text",
    "occurrence": "text",
    "title": "text",
    "tasks": "text[]",
    "done_at": "timestamptz",
    "outcome": "text",
}


async def write(connection: Connection, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert what is new, move what is due another day, end what has ended.

    No duty twice. A step of the ladder that somebody has ticked off stays so; a legal duty is open
    again when what ended it turns out not to have.
    """
    await bulk.insert(
        connection,
        "cases.duties AS d",
        _DUTY,
        rows,
        """
        ON CONFLICT (organiser_id, duty_id) DO UPDATE SET
            assigned_staff_id = excluded.assigned_staff_id, assigned_as = excluded.assigned_as,
            school_unit_id = excluded.school_unit_id, class_id = excluded.class_id,
            due_at = excluded.due_at, rule = excluded.rule, title = excluded.title,
            tasks = excluded.tasks, withdrawn_at = NULL,
            done_at = CASE WHEN d.kind = 'ladder' THEN d.done_at ELSE excluded.done_at END,
            outcome = CASE WHEN d.kind = 'ladder' THEN d.outcome ELSE excluded.outcome END,
            version = d.version + 1
        WHERE (d.assigned_staff_id, d.assigned_as, d.school_unit_id, d.class_id, d.due_at,
               d.rule, d.title, d.tasks)
              IS DISTINCT FROM (excluded.assigned_staff_id, excluded.assigned_as,
               excluded.school_unit_id, excluded.class_id, excluded.due_at, excluded.rule,
               excluded.title, excluded.tasks)
           OR d.withdrawn_at IS NOT NULL
           OR (d.kind <> 'ladder' AND d.done_at IS DISTINCT FROM excluded.done_at)
        """,
    )


async def withdraw(
    connection: Connection, case_ids: Sequence[UUID], kept: Sequence[UUID], now: datetime
) -> None:
    """What the history no longer asks for is withdrawn, visibly."""
    await connection.execute(
        """
        UPDATE cases.duties SET withdrawn_at = $3, version = version + 1
        WHERE organiser_id = cases.organiser() AND case_id = ANY ($1::uuid[])
          AND kind = ANY ($4::text[]) AND duty_id <> ALL ($2::uuid[])
          AND done_at IS NULL AND withdrawn_at IS NULL
        """,
        list(case_ids),
        list(kept),
        now,
        sorted(due.KINDS),
    )


async def mark(connection: Connection, cases: Sequence[Case], now: datetime) -> None:
    """These cases' duties are as they should stand, until a day turns."""
    # A ladder's steps begin with a day; a closed case's clocks move no more by themselves.
    tomorrow = local_instant(school_date(now) + timedelta(days=1), 0)
    await bulk.insert(
        connection,
        "cases.settled",
        {
            "organiser_id": "uuid",
            "case_id": "uuid",
            "case_version": "int",
            "next_at": "timestamptz",
        },
        [
            (
                *(case.organiser_id, case.case_id, case.version),
                None if case.state == "closed" else tomorrow,
            )
            for case in cases
        ],
        """
        ON CONFLICT (organiser_id, case_id)
            DO UPDATE SET case_version = excluded.case_version, next_at = excluded.next_at
        """,
    )
