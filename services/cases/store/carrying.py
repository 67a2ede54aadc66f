"""SQL of the courier: what waits, what has arrived, what was taken on. The service's own work."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from services.cases.store import documents
from services.cases.store.documents import Document

if TYPE_CHECKING:
    from services.common.pg import Connection


async def unsent(connection: Connection, limit: int) -> list[tuple[Document, bytes]]:
    """Documents to another organiser that have not left, oldest first, with their PDFs."""
    rows = await connection.fetch(
        f"""
        SELECT {documents.COLUMNS}, pdf FROM cases.documents
        WHERE organiser_id = cases.organiser() AND direction = 'sent' AND sent_at IS NULL
          AND other_organiser_id IS NOT NULL
        ORDER BY created_at, document_id LIMIT $1
        """,
        limit,
    )
    return [(documents.from_row(row), row["pdf"]) for row in rows]


async def put(connection: Connection, document: Document, pdf: bytes) -> datetime:
    """A document that has arrived; when it first did. Two couriers wait for each other."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('document|' || $1::text, 0))",
        str(document.document_id),
    )
    before: datetime | None = await connection.fetchval(
        "SELECT created_at FROM cases.documents "
        "WHERE organiser_id = cases.organiser() AND document_id = $1",
        document.document_id,
    )
    if before is not None:
        return before
    await documents.create(connection, document, pdf)
    return document.created_at


async def taken(connection: Connection, limit: int) -> list[Document]:
    """Received documents that somebody has taken on and the sender does not know it."""
    rows = await connection.fetch(
        f"""
        SELECT {documents.COLUMNS} FROM cases.documents
        WHERE organiser_id = cases.organiser() AND direction = 'received'
          AND received_at IS NOT NULL AND receipt IS NULL AND other_organiser_id IS NOT NULL
        ORDER BY received_at, document_id LIMIT $1
        """,
        limit,
    )
    return [documents.from_row(row) for row in rows]


async def acknowledge(connection: Connection, document_id: UUID, at: datetime) -> UUID | None:
    """The sender's document has been taken on; the case that it is about, None when it was known.

    Whoever waited for a koordinator waits no more.
    """
    row = await connection.fetchrow(
        """
        UPDATE cases.documents SET received_at = $2
        WHERE organiser_id = cases.organiser() AND document_id = $1 AND received_at IS NULL
        RETURNING case_id, entry_id
        """,
        document_id,
        at,
    )
    if row is None:
        return None
    await connection.execute(
        """
        UPDATE cases.duties SET done_at = $2, outcome = 'done', version = version + 1
        WHERE organiser_id = cases.organiser() AND entry_id = $1 AND kind = 'assign_coordinator'
          AND done_at IS NULL
        """,
        row["entry_id"],
        at,
    )
    found: UUID | None = row["case_id"]
    return found


async def told(connection: Connection, document_id: UUID, receipt: str) -> None:
    """The sender knows."""
    await connection.execute(
        """
        UPDATE cases.documents SET receipt = $2
        WHERE organiser_id = cases.organiser() AND document_id = $1 AND receipt IS NULL
        """,
        document_id,
        receipt,
    )


async def address(connection: Connection, municipality: str) -> UUID | None:
    """The municipality's own organiser, if it is one of this installation."""
    found: UUID | None = await connection.fetchval(
        "SELECT cases.organiser_of_municipality($1)", municipality
    )
    return found


async def coordination_municipality(connection: Connection) -> str:
    """Whose koordinatorer this organiser orders from; empty: its own."""
    found: str | None = await connection.fetchval(
        """
        SELECT coalesce(nullif(s.coordination_municipality, ''),
                        CASE WHEN o.kind = 'independent' THEN o.municipality_code END, '')
        FROM people_v1.organisers o
        LEFT JOIN cases.organiser_settings s USING (organiser_id)
        WHERE o.organiser_id = cases.organiser()
        """
    )
    return found or ""
