"""Cases, their history and what has to be done about them, as the service's own work sees them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.cases.domain.assignment import AssignedAs, Assignment
from services.cases.domain.case import Attention, CaseState, number
from services.cases.store import bulk
from services.common.problem import Problem

if TYPE_CHECKING:
    from asyncpg import Record

    from services.common.pg import Connection


def changed_meanwhile(version: int | None = None) -> Problem:
    """Somebody else was quicker."""
    problem = Problem(
        409,
        "changed_meanwhile",
        "Någon annan har ändrat det här sedan du öppnade sidan. Se vad som hänt och gör om det "
        "om det fortfarande behövs.",
    )
    if version is not None:
        problem.extra["version"] = version
    return problem


#: A case whose unit nobody knows; it stands in the unassigned list.
UNKNOWN_UNIT = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Case:
    """A row of cases.cases."""

    organiser_id: UUID
    case_id: UUID
    number: str
    pupil_id: UUID
    school_year: int
    school_unit_id: UUID
    class_id: UUID | None
    state: CaseState
    attention: Attention | None
    attention_at: datetime | None
    assigned_staff_id: UUID | None
    assigned_as: AssignedAs | None
    level: int
    family: str | None
    headline: str
    school_date: date
    woke: bool
    opened_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: UUID | None
    closed_at: datetime | None
    closed_by: UUID | None
    close_reason: str | None
    close_note: str | None
    version: int
    updated_at: datetime
    outside: bool = False
    """About a pupil of another organiser: what is known is what its beställning said."""

    @classmethod
    def opened(
        cls,
        organiser_id: UUID,
        case_id: UUID,
        ordinal: int,
        *,
        pupil_id: UUID,
        school_year: int,
        school_unit_id: UUID,
        class_id: UUID | None,
        headline: str,
        school_date: date,
        at: datetime,
        level: int = 0,
        family: str | None = None,
        woke: bool = True,
        outside: bool = False,
    ) -> Case:
        """A new case, of which nobody has seen anything yet and which stands with nobody."""
        return cls(
            organiser_id=organiser_id,
            case_id=case_id,
            number=number(school_year, ordinal),
            pupil_id=pupil_id,
            school_year=school_year,
            school_unit_id=school_unit_id,
            class_id=class_id,
            state="new",
            attention=None,
            attention_at=None,
            assigned_staff_id=None,
            assigned_as=None,
            level=level,
            family=family,
            headline=headline,
            school_date=school_date,
            woke=woke,
            opened_at=at,
            acknowledged_at=None,
            acknowledged_by=None,
            closed_at=None,
            closed_by=None,
            close_reason=None,
            close_note=None,
            version=1,
            updated_at=at,
            outside=outside,
        )

    @property
    def assignment(self) -> Assignment | None:
        if self.assigned_staff_id is None or self.assigned_as is None:
            return None
        return Assignment(self.assigned_staff_id, self.assigned_as)

    @property
    def stands(self) -> tuple[UUID, UUID | None, Assignment | None]:
        """Where and with whom: what the case's open duties follow."""
        return self.school_unit_id, self.class_id, self.assignment

    def assigned(self, to: Assignment | None) -> Case:
        """The same case, standing with somebody else or nobody."""
        return replace(
            self,
            assigned_staff_id=to.staff_id if to else None,
            assigned_as=to.role if to else None,
        )

    def acknowledged(self, by: UUID, at: datetime) -> Case:
        """The same case, taken on: it asks for nobody's attention any more."""
        return replace(
            self,
            state="acknowledged",
            attention=None,
            attention_at=None,
            acknowledged_at=at,
            acknowledged_by=by,
        )

    def closed(self, by: UUID, at: datetime, *, reason: str, note: str | None) -> Case:
        """The same case, closed: it asks for nobody's attention any more."""
        return replace(
            self,
            state="closed",
            attention=None,
            attention_at=None,
            closed_at=at,
            closed_by=by,
            close_reason=reason,
            close_note=note,
        )


_TYPES = {
    "organiser_id": "uuid",
    "case_id": "uuid",
    "number": "text",
    "pupil_id": "uuid",
    "school_year": "int",
    "school_unit_id": "uuid",
    "class_id": "uuid",
    "state": "text",
    "attention": "text",
    "attention_at": "timestamptz",
    "assigned_staff_id": "uuid",
    "assigned_as": "text",
    "level": "int",
    "family": "text",
    "headline": "text",
    "school_date": "date",
    "woke": "boolean",
    "opened_at": "timestamptz",
    "acknowledged_at": "timestamptz",
    "acknowledged_by": "uuid",
    "closed_at": "timestamptz",
    "closed_by": "uuid",
    "close_reason": "text",
    "close_note": "text",
    "version": "int",
    "updated_at": "timestamptz",
    "outside": "boolean",
}
FIELDS = tuple(_TYPES)
COLUMNS = ", ".join(FIELDS)
_fields = attrgetter(*FIELDS)


def from_row(row: Record) -> Case:
    """A case from a row that holds at least its columns."""
    return Case(**{name: row[name] for name in FIELDS})


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of a case's history."""

    event_id: UUID
    case_id: UUID
    at: datetime
    kind: str
    actor_staff_id: UUID | None = None
    school_date: date | None = None
    thread_id: UUID | None = None
    thread_revision: int | None = None
    episode_id: UUID | None = None
    detail: Mapping[str, Any] | None = None


async def of_pupils(
    connection: Connection, pupil_ids: Sequence[UUID], school_years: Sequence[int]
) -> list[Case]:
    """The pupils' cases in these school years, locked in one order: nobody waits in a ring."""
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS} FROM cases.cases
        WHERE organiser_id = cases.organiser()
          AND pupil_id = ANY ($1::uuid[]) AND school_year = ANY ($2::int[])
        ORDER BY case_id FOR UPDATE
        """,
        list(pupil_ids),
        list(school_years),
    )
    return [from_row(row) for row in rows]


async def open_cases(connection: Connection, after: UUID, limit: int) -> list[Case]:
    """The next open cases of the roster's pupils by id, for work that goes through all of them in
    portions."""
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS} FROM cases.cases
        WHERE organiser_id = cases.organiser() AND state <> 'closed' AND NOT outside
          AND case_id > $1
        ORDER BY case_id LIMIT $2
        """,
        after,
        limit,
    )
    return [from_row(row) for row in rows]


async def by_ids(connection: Connection, case_ids: Sequence[UUID]) -> list[Case]:
    """These cases, locked in one order until the transaction ends."""
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS} FROM cases.cases
        WHERE organiser_id = cases.organiser() AND case_id = ANY ($1::uuid[])
        ORDER BY case_id FOR UPDATE
        """,
        list(case_ids),
    )
    return [from_row(row) for row in rows]


async def next_ordinals(
    connection: Connection, organiser_id: UUID, school_year: int, count: int
) -> range:
    """The next ``count`` case numbers of the school year."""
    last = await connection.fetchval(
        """
        INSERT INTO cases.case_numbers AS n (organiser_id, school_year, last_number)
        VALUES ($1, $2, $3)
        ON CONFLICT (organiser_id, school_year)
            DO UPDATE SET last_number = n.last_number + excluded.last_number
        RETURNING last_number
        """,
        organiser_id,
        school_year,
        count,
    )
    return range(last - count + 1, last + 1)


async def insert(connection: Connection, opened: Sequence[Case]) -> None:
    """New cases."""
    await bulk.insert(connection, "cases.cases", _TYPES, [_fields(case) for case in opened])


async def update(connection: Connection, case: Case) -> bool:
    """Write a case whose version is one more than the stored one; False when it was not there.

    False means that somebody else has changed it meanwhile, or that the viewer may not.
    """
    return await replace_all(connection, [case]) == 1


async def replace_all(connection: Connection, changed: Sequence[Case]) -> int:
    """The same for cases whose rows the transaction holds locked; how many were there."""
    return await bulk.update(
        connection,
        "cases.cases",
        _TYPES,
        [_fields(case) for case in changed],
        key=("organiser_id", "case_id"),
        condition="t.version = r.version - 1",
    )


_EVENT = {
    "organiser_id": "uuid",
    "event_id": "uuid",
    "case_id": "uuid",
    "at": "timestamptz",
    "kind": "text",
    "actor_staff_id": "uuid",
    "school_date": "date",
    "thread_id": "uuid",
    "thread_revision": "int",
    "episode_id": "uuid",
    "detail": "jsonb",
}


async def history(connection: Connection, organiser_id: UUID, lines: Sequence[Happened]) -> None:
    """Append to cases' history."""
    await bulk.insert(
        connection,
        "cases.case_events",
        _EVENT,
        [
            (
                organiser_id,
                line.event_id,
                line.case_id,
                line.at,
                line.kind,
                line.actor_staff_id,
                line.school_date,
                line.thread_id,
                line.thread_revision,
                line.episode_id,
                json.dumps(dict(line.detail or {}), ensure_ascii=False),
            )
            for line in lines
        ],
    )
