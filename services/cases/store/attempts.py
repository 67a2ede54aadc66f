"""Sign-ins that have gone to an OpenID provider and are not back yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.common.pg import Connection


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the provider's answer must match, as JSON, and the page to come back to."""

    provider: str
    expected: str
    target: str
    begun_at: datetime


async def keep(connection: Connection, attempt_hash: bytes, attempt: Attempt) -> None:
    """Keep a new one."""
    await connection.execute(
        """
        INSERT INTO cases.sign_in_attempts (attempt_hash, provider, expected, target, begun_at)
        VALUES ($1, $2, $3, $4, $5)
        """,
        attempt_hash,
        attempt.provider,
        attempt.expected,
        attempt.target,
        attempt.begun_at,
    )


async def take(connection: Connection, attempt_hash: bytes) -> Attempt | None:
    """The attempt, which is gone afterwards."""
    row = await connection.fetchrow(
        """
        DELETE FROM cases.sign_in_attempts WHERE attempt_hash = $1
        RETURNING provider, expected, target, begun_at
        """,
        attempt_hash,
    )
    return Attempt(**row) if row else None


async def forget(connection: Connection) -> None:
    """Those that have not come back within a day."""
    await connection.execute(
        "DELETE FROM cases.sign_in_attempts WHERE begun_at < clock_timestamp() - interval '1 day'"
    )
