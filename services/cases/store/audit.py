"""The audit log: append-only, and hash-chained per organiser so that a change shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from asyncpg import Record

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
    text = f"[{seq},{_rest(at, staff_id, action, case_id)}"
    return hashlib.sha256(previous + text.encode() + detail_digest).digest()


def _rest(at: datetime, staff_id: UUID | None, action: str, case_id: UUID | None) -> str:
    """The fields' JSON after the number, which only the head's holder knows."""
    fields = [at.isoformat(), str(staff_id or ""), action, str(case_id or "")]
    return json.dumps(fields, separators=(",", ":"))[1:]


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
    """Append one row. Call it last in a transaction: it locks the organiser's chain until its end.

    One statement, which hashes where the head is: the others wait for no answer of ours.
    """
    await connection.execute(
        """
        WITH head AS (
            INSERT INTO cases.audit_heads AS h (organiser_id, seq, hash)
            VALUES ($1, 1, sha256($2 || convert_to('[1,' || $3::text, 'UTF8') || $4))
            ON CONFLICT (organiser_id) DO UPDATE SET
                seq = h.seq + 1,
                hash = sha256(h.hash
                    || convert_to('[' || (h.seq + 1)::text || ',' || $3::text, 'UTF8') || $4)
            RETURNING seq, hash)
        INSERT INTO cases.audit (organiser_id, seq, at, staff_id, action, case_id, detail,
            detail_digest, hash)
        SELECT $1, seq, $5, $6, $7, $8, $9, $4, hash FROM head
        """,
        organiser_id,
        _BEGINNING,
        _rest(at, staff_id, action, case_id),
        digest(detail),
        at,
        staff_id,
        action,
        case_id,
        json.dumps(detail, ensure_ascii=False),
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a chain's verification found: where it ends, and where it first does not hold."""

    rows: int
    head: bytes
    """The last row's hash: whoever has noted it elsewhere can have it asked for again."""
    problems: tuple[str, ...] = ()


async def examine(
    connection: Connection, organiser_id: UUID, noted: tuple[int, bytes] | None = None
) -> Verdict:
    """Recompute the organiser's chain row by row, and stop at the first that does not hold.

    ``noted`` is a row's number and hash as somebody has kept them outside the database: without
    it, whoever can write to the database as its owner could replace rows and head alike.
    """
    previous, expected = _BEGINNING, 1
    async for row in connection.cursor(
        "SELECT seq, at, staff_id, action, case_id, detail, detail_digest, hash "
        "FROM cases.audit WHERE organiser_id = $1 ORDER BY seq",
        organiser_id,
        prefetch=1000,
    ):
        problem = _problem(row, previous, expected)
        if problem is None and noted and noted[0] == expected and noted[1] != row["hash"]:
            problem = f"row {expected}: the hash is not the one that was noted"
        if problem is not None:
            return Verdict(expected - 1, previous, (problem,))
        previous, expected = row["hash"], expected + 1
    last = expected - 1
    head = await connection.fetchrow(
        "SELECT seq, hash FROM cases.audit_heads WHERE organiser_id = $1", organiser_id
    )
    problems: list[str] = []
    if head is None and last:
        problems.append(f"the log has {last} rows and no head")
    elif head is not None and (head["seq"], head["hash"]) != (last, previous):
        problems.append(f"the log ends at row {last}, its head says {head['seq']}")
    if noted and noted[0] > last:
        problems.append(f"the log ends at row {last}, row {noted[0]} was noted")
    return Verdict(last, previous, tuple(problems))


def _problem(row: Record, previous: bytes, expected: int) -> str | None:
    """Why a row does not continue the chain, or None."""
    if row["seq"] != expected:
        missing = f"row {expected} is missing"
        return missing if row["seq"] == expected + 1 else f"{missing}, up to row {row['seq'] - 1}"
    detail = json.loads(row["detail"]) if row["detail"] is not None else None
    if detail is not None and digest(detail) != row["detail_digest"]:
        return f"row {expected}: the detail has been changed"
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
        return f"row {expected}: the hash does not fit; it, or the row before it, is not as written"
    return None


async def verify(connection: Connection, organiser_id: UUID) -> list[str]:
    """Why the organiser's chain does not hold; empty when it does."""
    return list((await examine(connection, organiser_id)).problems)
