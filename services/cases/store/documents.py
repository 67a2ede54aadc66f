"""Documents: what was sent, to whom, exactly which fields, and what came back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

if TYPE_CHECKING:
    from asyncpg import Record

    from services.common.pg import Connection

Direction = Literal["sent", "received"]


@dataclass(frozen=True, slots=True)
class Document:
    """A row of cases.documents; the PDF is read for itself."""

    organiser_id: UUID
    document_id: UUID
    direction: Direction
    kind: str
    case_id: UUID | None
    entry_id: UUID | None
    school_unit_id: UUID
    sender: str
    recipient: str
    fields: Mapping[str, Any]
    digest: bytes
    created_at: datetime
    created_by: UUID | None
    other_organiser_id: UUID | None = None
    sent_at: datetime | None = None
    received_at: datetime | None = None
    received_by: UUID | None = None
    receipt: Mapping[str, Any] | None = field(default=None)
    journal_at: datetime | None = None
    journal_reference: str | None = None


_COLUMNS = tuple(Document.__dataclass_fields__)
COLUMNS = ", ".join(_COLUMNS)


def from_row(row: Record) -> Document:
    values = {name: row[name] for name in _COLUMNS}
    values["fields"] = json.loads(row["fields"])
    values["receipt"] = json.loads(row["receipt"]) if row["receipt"] else None
    return Document(**values)


async def create(connection: Connection, document: Document, pdf: bytes) -> None:
    """Write a document down; the service's own work (:func:`.scope.as_system`)."""
    values = {name: getattr(document, name) for name in _COLUMNS}
    values["fields"] = json.dumps(document.fields, ensure_ascii=False)
    values["receipt"] = json.dumps(document.receipt) if document.receipt else None
    marks = ", ".join(f"${number}" for number in range(1, len(values) + 2))
    await connection.execute(
        f"INSERT INTO cases.documents ({', '.join(values)}, pdf) VALUES ({marks})",
        *values.values(),
        pdf,
    )


async def one(connection: Connection, document_id: UUID, *, lock: bool = False) -> Document | None:
    """A document that the viewer may see."""
    row = await connection.fetchrow(
        f"""
        SELECT {COLUMNS} FROM cases.documents
        WHERE organiser_id = cases.organiser() AND document_id = $1
        {"FOR UPDATE" if lock else ""}
        """,
        document_id,
    )
    return from_row(row) if row else None


async def put_with(
    connection: Connection, document_id: UUID, case_id: UUID, at: datetime, by: UUID
) -> None:
    """A received document has been taken on: from now on it goes with a case."""
    await connection.execute(
        """
        UPDATE cases.documents SET case_id = $2, received_at = $3, received_by = $4
        WHERE organiser_id = cases.organiser() AND document_id = $1
        """,
        document_id,
        case_id,
        at,
        by,
    )


async def pdf(connection: Connection, document_id: UUID) -> bytes | None:
    """Its PDF, to whom may see it."""
    found: bytes | None = await connection.fetchval(
        "SELECT pdf FROM cases.documents "
        "WHERE organiser_id = cases.organiser() AND document_id = $1",
        document_id,
    )
    return found


async def of_case(connection: Connection, case_id: UUID) -> list[Document]:
    """The case's documents, newest first."""
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS} FROM cases.documents
        WHERE organiser_id = cases.organiser() AND case_id = $1
        ORDER BY created_at DESC, document_id
        """,
        case_id,
    )
    return [from_row(row) for row in rows]


async def inbox(connection: Connection, *, waiting: bool, limit: int) -> list[Document]:
    """Anmälningar on the viewer's desk: those that nobody has received yet, or the others."""
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS} FROM cases.documents
        WHERE organiser_id = cases.organiser()
          AND kind IN ('report_to_organiser', 'report_result')
          AND (received_at IS NULL) = $1
        ORDER BY CASE WHEN $1 THEN created_at END, created_at DESC, document_id LIMIT $2
        """,
        waiting,
        limit,
    )
    return [from_row(row) for row in rows]


async def unfiled(connection: Connection, limit: int) -> list[tuple[Document, bytes]]:
    """Anmälningar that the elevhälsa's journal system has not taken over yet, with their PDFs."""
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}, pdf FROM cases.documents
        WHERE organiser_id = cases.organiser() AND direction = 'sent'
          AND kind IN ('report_to_organiser', 'report_result') AND journal_at IS NULL
        ORDER BY created_at, document_id LIMIT $1
        """,
        limit,
    )
    return [(from_row(row), row["pdf"]) for row in rows]


async def sent(
    connection: Connection, document_id: UUID, at: datetime, receipt: Mapping[str, Any] | None
) -> bool:
    """It has left; the receipt says by which way. False when it had left before."""
    answer = await connection.execute(
        """
        UPDATE cases.documents SET sent_at = $2, receipt = $3
        WHERE organiser_id = cases.organiser() AND document_id = $1 AND sent_at IS NULL
        """,
        document_id,
        at,
        json.dumps(receipt, ensure_ascii=False) if receipt else None,
    )
    return bool(answer == "UPDATE 1")


async def received(connection: Connection, document_id: UUID, at: datetime, by: UUID) -> bool:
    """Somebody has it on the desk. False when somebody had it before."""
    answer = await connection.execute(
        """
        UPDATE cases.documents SET received_at = $2, received_by = $3
        WHERE organiser_id = cases.organiser() AND document_id = $1 AND received_at IS NULL
        """,
        document_id,
        at,
        by,
    )
    return bool(answer == "UPDATE 1")


async def filed(connection: Connection, document_id: UUID, at: datetime, reference: str) -> bool:
    """It is in the journal system, under this number. False when it was there before."""
    answer = await connection.execute(
        """
        UPDATE cases.documents SET journal_at = $2, journal_reference = $3
        WHERE organiser_id = cases.organiser() AND document_id = $1 AND journal_at IS NULL
        """,
        document_id,
        at,
        reference,
    )
    return bool(answer == "UPDATE 1")


@dataclass(frozen=True, slots=True)
class Named:
    """Who a document is about and from, for its fields."""

    pupil_name: str
    civic_number: str
    protected: bool
    organiser: str
    municipality_code: str
    school_unit: str
    school_unit_code: str
    principal: str
    report_form: str


async def named(connection: Connection, pupil_id: UUID, school_unit_id: UUID) -> Named:
    """Everything that a form may ask of the roster, read as the service itself."""
    row = await connection.fetchrow(
        """
        SELECT coalesce(p.given_name || ' ' || p.family_name, '') AS pupil_name,
               coalesce(cases.civic_number($1), '') AS civic_number,
               coalesce(p.protection, 'none') <> 'none' AS protected,
               o.name AS organiser, o.municipality_code,
               coalesce(u.name, '') AS school_unit,
               coalesce(u.school_unit_code, '') AS school_unit_code,
               coalesce((
                   SELECT s.given_name || ' ' || s.family_name FROM people_v1.duties d
                   JOIN people_v1.staff s USING (staff_id)
                   WHERE d.role = 'principal' AND d.school_unit_id = $2 AND d.group_id IS NULL
                     AND d.valid_from <= cases.today()
                     AND (d.valid_to IS NULL OR d.valid_to > cases.today())
                   ORDER BY d.substitute, d.valid_from, d.duty_id LIMIT 1), '') AS principal,
               coalesce(f.report_form, 'standard') AS report_form
        FROM people_v1.organisers o
        LEFT JOIN people_v1.pupils p ON p.pupil_id = $1
        LEFT JOIN people_v1.school_units u ON u.school_unit_id = $2
        LEFT JOIN cases.organiser_settings f ON f.organiser_id = o.organiser_id
        """,
        pupil_id,
        school_unit_id,
    )
    assert row is not None  # noqa: S101 - the transaction's organiser exists
    return Named(**dict(row))
