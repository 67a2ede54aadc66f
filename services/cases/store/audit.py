"""The audit log: append-only, and hash-chained per organiser so that a change shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from services.common.pg import Connection

_BEGINNING = bytes(32)


def link(
    previous: bytes,
    seq: int,
    *,
    at: datetime,
    staff_id: UUID | None,
    action: str,
    case_id: UUID | None,
    detail_digest: bytes,
) -> bytes:
    """SHA-256 over the previous hash, the row's fields and the digest of its detail.

    The detail may be erased by a gallringsbeslut; its digest stays, and so does the chain.
    """
    fields = [seq, at.isoformat(), str(staff_id or ""), action, str(case_id or "")]
    text = json.dumps(fields, separators=(",", ":"))
    return hashlib.sha256(previous + text.encode() + detail_digest).digest()


def digest(detail: Mapping[str, Any]) -> bytes:
    """SHA-256 of the detail's canonical JSON."""
    text = json.dumps(dict(detail), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()


async def write(
    connection: Connection,
    organiser_id: UUID,
    at: datetime,
    staff_id: UUID | None,
    action: str,
    *,
    case_id: UUID | None = None,
    **detail: object,
) -> None:
    """Append one row. Call it last in a transaction: it locks the organiser's chain."""
    await connection.execute(
        "INSERT INTO cases.audit_heads VALUES ($1, 0, $2) ON CONFLICT DO NOTHING",
        organiser_id,
        _BEGINNING,
    )
    head = await connection.fetchrow(
        "SELECT seq, hash FROM cases.audit_heads WHERE organiser_id = $1 FOR UPDATE", organiser_id
    )
    assert head is not None  # noqa: S101 - inserted above
    seq = head["seq"] + 1
    detail_digest = digest(detail)
    value = link(
        head["hash"],
        seq,
        at=at,
        staff_id=staff_id,
        action=action,
        case_id=case_id,
        detail_digest=detail_digest,
    )
    await connection.execute(
        """
        INSERT INTO cases.audit (organiser_id, seq, at, staff_id, action, case_id, detail,
            detail_digest, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        organiser_id,
        seq,
        at,
        staff_id,
        action,
        case_id,
        json.dumps(detail, ensure_ascii=False),
        detail_digest,
        value,
    )
    await connection.execute(
        "UPDATE cases.audit_heads SET seq = $2, hash = $3 WHERE organiser_id = $1",
        organiser_id,
        seq,
        value,
    )


async def verify(connection: Connection, organiser_id: UUID) -> list[str]:
    """Every way in which the organiser's chain does not hold, as sentences; empty when it does."""
    problems: list[str] = []
    previous, expected = _BEGINNING, 1
    async for row in connection.cursor(
        "SELECT * FROM cases.audit WHERE organiser_id = $1 ORDER BY seq", organiser_id
    ):
        if row["seq"] != expected:
            problems.append(f"row {expected} is missing")
            expected = row["seq"]
        detail = json.loads(row["detail"]) if row["detail"] is not None else None
        if detail is not None and digest(detail) != row["detail_digest"]:
            problems.append(f"row {expected}: the detail has been changed")
        value = link(
            previous,
            row["seq"],
            at=row["at"],
            staff_id=row["staff_id"],
            action=row["action"],
            case_id=row["case_id"],
            detail_digest=row["detail_digest"],
        )
        if value != row["hash"]:
            problems.append(f"row {expected}: the hash does not fit")
        previous = row["hash"]
        expected += 1
    head = await connection.fetchrow(
        "SELECT seq, hash FROM cases.audit_heads WHERE organiser_id = $1", organiser_id
    )
    if head is not None and (head["seq"], head["hash"]) != (expected - 1, previous):
        problems.append(f"the log ends at row {expected - 1}, its head says {head['seq']}")
    return problems
