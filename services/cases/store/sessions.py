"""Accounts, sessions and failed sign-ins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from services.common.pg import Connection


@dataclass(frozen=True, slots=True)
class Account:
    """Who may sign in, and as which member of staff."""

    organiser_id: UUID
    account_id: UUID
    staff_id: UUID
    password_hash: str


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser: by an account here, or by a provider's word."""

    organiser_id: UUID
    account_id: UUID | None
    staff_id: UUID
    csrf_token: str
    started_at: datetime
    seen_at: datetime
    provider: str | None = None
    id_token: str | None = None


async def organiser_of_login(connection: Connection, login: str) -> UUID | None:
    """Whose login it is; asked before an organiser is known."""
    found: UUID | None = await connection.fetchval("SELECT cases.organiser_of_login($1)", login)
    return found


async def account(connection: Connection, login: str) -> Account | None:
    """The account, within the transaction's organiser."""
    row = await connection.fetchrow(
        """
        SELECT organiser_id, account_id, staff_id, password_hash FROM cases.accounts
        WHERE organiser_id = cases.organiser() AND login = $1
        """,
        login,
    )
    return Account(**row) if row else None


async def staff_with_login(connection: Connection, login: str) -> UUID | None:
    """The member of staff who has this login in the roster."""
    found: UUID | None = await connection.fetchval(
        "SELECT staff_id FROM people_v1.staff WHERE lower(login) = $1", login
    )
    return found


async def put_account(connection: Connection, login: str, held: Account, at: datetime) -> None:
    """Make an account, or give it a new password."""
    await connection.execute(
        """
        INSERT INTO cases.accounts
            (organiser_id, account_id, login, staff_id, password_hash, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (login) DO UPDATE SET password_hash = excluded.password_hash,
            staff_id = excluded.staff_id
        """,
        held.organiser_id,
        held.account_id,
        login,
        held.staff_id,
        held.password_hash,
        at,
    )


async def start(connection: Connection, token_hash: bytes, session: Session) -> None:
    """Keep a new session; only the token's digest is stored."""
    await connection.execute(
        """
        INSERT INTO cases.sessions (organiser_id, token_hash, account_id, staff_id, csrf_token,
            started_at, seen_at, provider, id_token) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        session.organiser_id,
        token_hash,
        session.account_id,
        session.staff_id,
        session.csrf_token,
        session.started_at,
        session.seen_at,
        session.provider,
        session.id_token,
    )


async def find(connection: Connection, token_hash: bytes) -> Session | None:
    """The session, if its member of staff still works here."""
    row = await connection.fetchrow(
        """
        SELECT organiser_id, account_id, staff_id, csrf_token, started_at, seen_at, provider,
            id_token
        FROM cases.sessions s
        WHERE organiser_id = cases.organiser() AND token_hash = $1
          AND EXISTS (SELECT FROM people_v1.staff p WHERE p.staff_id = s.staff_id)
        """,
        token_hash,
    )
    return Session(**row) if row else None


async def touch(connection: Connection, token_hash: bytes, at: datetime) -> None:
    """The browser has been heard of."""
    await connection.execute(
        """
        UPDATE cases.sessions SET seen_at = $2
        WHERE organiser_id = cases.organiser() AND token_hash = $1
        """,
        token_hash,
        at,
    )


async def end(connection: Connection, token_hash: bytes) -> None:
    """Forget the session."""
    await connection.execute(
        "DELETE FROM cases.sessions WHERE organiser_id = cases.organiser() AND token_hash = $1",
        token_hash,
    )


async def failures(connection: Connection, subject: bytes, since: datetime) -> int:
    """How often this has failed since then."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM cases.login_failures WHERE subject = $1 AND failed_at > $2",
        subject,
        since,
    )
    return count


async def add_failure(
    connection: Connection, subject: bytes, attempt_id: UUID, at: datetime
) -> None:
    """One more failed sign-in."""
    await connection.execute(
        "INSERT INTO cases.login_failures (subject, failed_at, attempt_id) VALUES ($1, $2, $3)",
        subject,
        at,
        attempt_id,
    )


async def forget_failures(connection: Connection) -> None:
    """Failures of more than a day ago say nothing any more."""
    await connection.execute(
        "DELETE FROM cases.login_failures WHERE failed_at < clock_timestamp() - interval '1 day'"
    )
