"""Duties on days that somebody wrote in an entry: kept in step with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from services.cases.domain.duty_kinds import DUTY_KINDS
from services.cases.domain.workdays import DUE_MINUTE
from services.cases.store.cases import Case
from services.cases.store.entries import Entry
from services.common.clock import local_instant

if TYPE_CHECKING:
    from services.common.pg import Connection

_DATED = UUID("6b0c7c5e-2f65-5a57-8a0e-5f0d2f8f6d31")


def duty_id(entry_id: UUID, kind: str, day: date) -> UUID:
    """One duty of a kind for an entry and day."""
    return uuid5(_DATED, f"{entry_id}|{kind}|{day.isoformat()}")


async def keep(
    connection: Connection, case: Case, entry: Entry, wanted: Mapping[str, date]
) -> None:
    """Open exactly the wanted duties of an entry; those no longer wanted are done.

    A day that was moved and moved back opens its duty again. In a closed case they rest.
    """
    ids = {duty_id(entry.entry_id, kind, day): (kind, day) for kind, day in wanted.items()}
    await connection.execute(
        """
        UPDATE cases.duties SET done_at = $3, done_by = $4, outcome = 'done', version = version + 1
        WHERE organiser_id = cases.organiser() AND entry_id = $1 AND done_at IS NULL
          AND kind = ANY ($5::text[]) AND duty_id <> ALL ($2::uuid[])
        """,
        entry.entry_id,
        list(ids),
        entry.updated_at,
        entry.updated_by,
        [kind.name for kind in DUTY_KINDS.values() if kind.dated],
    )
    await connection.executemany(
        """
        INSERT INTO cases.duties (organiser_id, duty_id, kind, pupil_id, school_year,
            school_unit_id, class_id, case_id, entry_id, assigned_staff_id, assigned_as,
            school_date, due_at, created_at, withdrawn_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        ON CONFLICT (organiser_id, duty_id) DO UPDATE SET done_at = NULL, done_by = NULL,
            outcome = NULL, withdrawn_at = excluded.withdrawn_at, version = duties.version + 1
        WHERE duties.done_at IS NOT NULL
        """,
        [
            (
                case.organiser_id,
                identity,
                kind,
                case.pupil_id,
                case.school_year,
                case.school_unit_id,
                case.class_id,
                case.case_id,
                entry.entry_id,
                case.assigned_staff_id,
                case.assigned_as,
                entry.school_date,
                local_instant(day, DUE_MINUTE),
                entry.updated_at,
                entry.updated_at if case.state == "closed" else None,
            )
            for identity, (kind, day) in ids.items()
        ],
    )
