"""Sources: who may send what, and their tokens."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from hmac import compare_digest
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.common.pg import tenant

if TYPE_CHECKING:
    from services.common.pg import Pool

CACHE_SECONDS = 5.0

SCOPES = ("registers", "notices", "roster", "days")
"""What a source's token may be good for."""


@dataclass(frozen=True, slots=True)
class Source:
    """One feed of one organiser."""

    organiser_id: UUID
    source_id: UUID
    name: str
    namespace: str
    scopes: frozenset[str]
    priority: int
    quota_per_minute: int
    cut_over: date | None

    def builds_state_only(self, day: date) -> date | None:
        """The cut-over, where ``day`` is older: what is told of it wakes nobody (design D8)."""
        return self.cut_over if self.cut_over is not None and day < self.cut_over else None


def new_token() -> str:
    """256 random bits behind a prefix by which secret scanners know it."""
    return "fvs_" + secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def source_of(pool: Pool, token: str) -> Source | None:
    """The source that ``token`` belongs to; None when it is wrong or revoked."""
    wanted = token_hash(token)
    row = await pool.fetchrow("SELECT * FROM ingest.source_by_token($1)", wanted)
    # The index found it by its hash; the comparison that decides takes constant time.
    if row is None or not compare_digest(bytes(row["token_sha256"]), wanted):
        return None
    return source_from(row)


def source_from(row: Any) -> Source:
    """The source of a row of ingest.sources."""
    return Source(
        organiser_id=row["organiser_id"],
        source_id=row["source_id"],
        name=row["name"],
        namespace=row["namespace"],
        scopes=frozenset(row["scopes"]),
        priority=row["priority"],
        quota_per_minute=row["quota_per_minute"],
        cut_over=row["cut_over"],
    )


class SourceCache:
    """Sources by token for a few seconds, so that a busy feed does not ask for each call.

    A token revoked by another process is good for at most
    :data:`CACHE_SECONDS` more. Wrong tokens are never remembered.
    """

    def __init__(self, pool: Pool, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._monotonic = monotonic
        self._known: dict[bytes, tuple[float, Source]] = {}

    async def get(self, token: str) -> Source | None:
        """The source that ``token`` belongs to; None when it is wrong or revoked."""
        key = token_hash(token)
        found = self._known.get(key)
        if found is not None and self._monotonic() < found[0]:
            return found[1]
        self._known.pop(key, None)
        source = await source_of(self._pool, token)
        if source is not None:
            self._known[key] = (self._monotonic() + CACHE_SECONDS, source)
        return source

    def forget(self) -> None:
        """A source of this process's making or revoking has changed."""
        self._known.clear()


@dataclass(frozen=True, slots=True)
class NewSource:
    """A source to be made; the organiser is made with it when it is new."""

    organiser_id: UUID
    source_id: UUID
    name: str
    organiser_name: str | None = None
    organiser_kind: str = "municipal"
    namespace: str = "default"
    scopes: tuple[str, ...] = SCOPES
    priority: int = 100
    quota_per_minute: int = 60_000
    cut_over: date | None = None


async def add_source(pool: Pool, new: NewSource) -> str:
    """Store ``new`` and return its token, which is stored nowhere.

    Raises LookupError when the organiser is unknown and no name is given for it.
    """
    token = new_token()
    async with tenant(pool, new.organiser_id) as connection:
        known = await connection.fetchval(
            "SELECT count(*) FROM people.organisers WHERE organiser_id = $1", new.organiser_id
        )
        if not known:
            if new.organiser_name is None:
                raise LookupError(f"organiser {new.organiser_id} is not known")
            await connection.execute(
                "INSERT INTO people.organisers (organiser_id, name, kind) VALUES ($1, $2, $3)",
                new.organiser_id,
                new.organiser_name,
                new.organiser_kind,
            )
        await connection.execute(
            "INSERT INTO ingest.sources (organiser_id, source_id, name, namespace, token_sha256, "
            "scopes, priority, quota_per_minute, cut_over) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            new.organiser_id,
            new.source_id,
            new.name,
            new.namespace,
            token_hash(token),
            list(new.scopes),
            new.priority,
            new.quota_per_minute,
            new.cut_over,
        )
    return token


async def revoke_source(pool: Pool, organiser_id: UUID, source_id: UUID) -> bool:
    """Make a source's token worthless; False when there is no such source."""
    async with tenant(pool, organiser_id) as connection:
        status = await connection.execute(
            "UPDATE ingest.sources SET revoked_at = now() "
            "WHERE source_id = $1 AND revoked_at IS NULL",
            source_id,
        )
    return bool(status == "UPDATE 1")
