"""What people wrote: entries, every version of them, and two people writing at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from services.cases.domain.chain import Fact
from services.cases.domain.entries.base import Body, Sensitivity
from services.cases.domain.entries.registry import KINDS, read

if TYPE_CHECKING:
    from asyncpg import Record

    from services.common.pg import Connection


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of cases.entries, its body decoded."""

    organiser_id: UUID
    entry_id: UUID
    case_id: UUID | None
    school_unit_id: UUID
    class_id: UUID | None
    parent_id: UUID | None
    kind: str
    status: str
    body: Body
    sensitivity: Sensitivity
    named: tuple[UUID, ...]
    school_date: date
    created_at: datetime
    created_by: UUID
    updated_at: datetime
    updated_by: UUID
    version: int = 1

    @property
    def tags(self) -> tuple[str, ...]:
        """What the law asks of it."""
        return KINDS[self.kind].tags(self.body)

    @property
    def fact(self) -> Fact:
        """The entry as the law sees it."""
        return Fact(
            self.entry_id,
            self.kind,
            self.status,
            self.parent_id,
            self.school_date,
            frozenset(self.tags),
        )


@dataclass(frozen=True, slots=True)
class Revision:
    """One version of an entry."""

    version: int
    status: str
    body: Body
    at: datetime
    staff_id: UUID


_COLUMNS = (
    "organiser_id, entry_id, case_id, school_unit_id, class_id, parent_id, kind, status, body, "
    "sensitivity, named, school_date, created_at, created_by, updated_at, updated_by, version"
)


def from_row(row: Record) -> Entry:
    """An entry from a row that holds at least its columns."""
    values = {name: row[name] for name in Entry.__dataclass_fields__}
    body = read(row["kind"], row["body"])
    return Entry(**values | {"body": body, "named": tuple(row["named"])})


async def create(connection: Connection, entry: Entry) -> Entry:
    """Write a new entry and its first version."""
    await connection.execute(
        f"""
        INSERT INTO cases.entries ({_COLUMNS}, tags) VALUES
            ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
        """,
        entry.organiser_id,
        entry.entry_id,
        entry.case_id,
        entry.school_unit_id,
        entry.class_id,
        entry.parent_id,
        entry.kind,
        entry.status,
        entry.body.model_dump_json(),
        entry.sensitivity,
        list(entry.named),
        entry.school_date,
        entry.created_at,
        entry.created_by,
        entry.updated_at,
        entry.updated_by,
        entry.version,
        list(entry.tags),
    )
    await _keep(connection, entry)
    return entry


async def revise(
    connection: Connection, before: Entry, *, body: Body, status: str, at: datetime, by: UUID
) -> Entry | None:
    """Write the next version; None when somebody else has written one since ``before``."""
    after = replace(
        before, body=body, status=status, updated_at=at, updated_by=by, version=before.version + 1
    )
    answer = await connection.execute(
        """
        UPDATE cases.entries
        SET body = $4, status = $5, tags = $6, updated_at = $7, updated_by = $8, version = $3 + 1
        WHERE organiser_id = $1 AND entry_id = $2 AND version = $3
        """,
        after.organiser_id,
        after.entry_id,
        before.version,
        after.body.model_dump_json(),
        after.status,
        list(after.tags),
        at,
        by,
    )
    if answer != "UPDATE 1":
        return None
    await _keep(connection, after)
    return after


async def _keep(connection: Connection, entry: Entry) -> None:
    await connection.execute(
        """
        INSERT INTO cases.entry_revisions
            (organiser_id, entry_id, version, status, body, sensitivity, at, staff_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        entry.organiser_id,
        entry.entry_id,
        entry.version,
        entry.status,
        entry.body.model_dump_json(),
        entry.sensitivity,
        entry.updated_at,
        entry.updated_by,
    )


async def one(connection: Connection, entry_id: UUID, *, lock: bool = False) -> Entry | None:
    """An entry that the viewer may read; locked until the transaction ends if asked."""
    row = await connection.fetchrow(
        f"""
        SELECT {_COLUMNS} FROM cases.entries
        WHERE organiser_id = cases.organiser() AND entry_id = $1 {"FOR UPDATE" if lock else ""}
        """,
        entry_id,
    )
    return from_row(row) if row else None


async def of_case(connection: Connection, case_id: UUID) -> list[Entry]:
    """The case's entries that the viewer may read, oldest first."""
    rows = await connection.fetch(
        f"""
        SELECT {_COLUMNS} FROM cases.entries
        WHERE organiser_id = cases.organiser() AND case_id = $1 ORDER BY created_at, entry_id
        """,
        case_id,
    )
    return [from_row(row) for row in rows]


async def of_class(connection: Connection, class_id: UUID, kind: str) -> list[Entry]:
    """A class's own entries of a kind, newest first."""
    rows = await connection.fetch(
        f"""
        SELECT {_COLUMNS} FROM cases.entries
        WHERE organiser_id = cases.organiser() AND case_id IS NULL AND class_id = $1 AND kind = $2
        ORDER BY created_at DESC, entry_id
        """,
        class_id,
        kind,
    )
    return [from_row(row) for row in rows]


async def facts(
    connection: Connection, case_id: UUID, class_id: UUID | None, school_year: int
) -> list[Fact]:
    """What the law asks of the case's entries and of its class's this year, oldest first: no text.

    Ask as the service itself (:func:`.scope.as_system`): the law counts what the viewer may not
    read, too.
    """
    rows = await connection.fetch(
        """
        SELECT entry_id, kind, status, parent_id, school_date, tags FROM cases.entries
        WHERE organiser_id = cases.organiser()
          AND (case_id = $1
               OR (case_id IS NULL AND class_id = $2 AND school_date >= make_date($3, 7, 1)))
        ORDER BY created_at, entry_id
        """,
        case_id,
        class_id,
        school_year,
    )
    return [_fact(row) for row in rows]


async def facts_of_cases(
    connection: Connection, case_ids: Sequence[UUID]
) -> dict[UUID, list[Fact]]:
    """The same of many cases, without what is about their classes."""
    found: dict[UUID, list[Fact]] = {case_id: [] for case_id in case_ids}
    for row in await connection.fetch(
        """
        SELECT case_id, entry_id, kind, status, parent_id, school_date, tags FROM cases.entries
        WHERE organiser_id = cases.organiser() AND case_id = ANY ($1::uuid[])
        ORDER BY created_at, entry_id
        """,
        list(case_ids),
    ):
        found[row["case_id"]].append(_fact(row))
    return found


def _fact(row: Record) -> Fact:
    return Fact(
        row["entry_id"],
        row["kind"],
        row["status"],
        row["parent_id"],
        row["school_date"],
        frozenset(row["tags"]),
    )


async def revisions(
    connection: Connection, entry_ids: Sequence[UUID]
) -> dict[UUID, list[Revision]]:
    """Every version of these entries, oldest first."""
    rows = await connection.fetch(
        """
        SELECT r.entry_id, r.version, r.status, r.body, r.at, r.staff_id, e.kind
        FROM cases.entry_revisions r JOIN cases.entries e USING (organiser_id, entry_id)
        WHERE r.organiser_id = cases.organiser() AND r.entry_id = ANY ($1::uuid[])
        ORDER BY r.entry_id, r.version
        """,
        list(entry_ids),
    )
    found: dict[UUID, list[Revision]] = {}
    for row in rows:
        found.setdefault(row["entry_id"], []).append(
            Revision(
                row["version"],
                row["status"],
                read(row["kind"], row["body"]),
                row["at"],
                row["staff_id"],
            )
        )
    return found
