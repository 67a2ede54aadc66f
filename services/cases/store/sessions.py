"""Accounts, sessions and failed sign-ins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from services.cases.domain.claims import ClaimedDuty

if TYPE_CHECKING:
    from asyncpg import Record

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
    provider_subject: str | None = None
    provider_session: str | None = None
    session_id: UUID = field(default_factory=uuid4)


@dataclass(frozen=True, slots=True)
class Found:
    """A session as a request finds it."""

    session: Session
    privileges: bytes
    """A digest of the duties that hold now: the roster's and the claims'."""
    given_for: bytes | None
    """The same when its secret was made."""
    by_previous: bool
    """The request came with the secret before the last one."""


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


_COLUMNS = ", ".join(Session.__dataclass_fields__)
#: What the privileges of a session are: whoever gets a duty, or loses one, gets a new secret.
_PRIVILEGES = """
    sha256(convert_to(coalesce((
        SELECT string_agg(x.held, E'\\n' ORDER BY x.held) FROM (
            SELECT concat_ws('|', 'roster', d.role, d.area_id, d.school_unit_id, d.group_id) AS held
            FROM people_v1.duties d
            WHERE d.staff_id = s.staff_id AND d.valid_from <= cases.today()
              AND (d.valid_to IS NULL OR d.valid_to > cases.today())
            UNION
            SELECT concat_ws('|', 'claim', c.role, c.area_id, c.school_unit_id)
            FROM cases.session_duties c
            WHERE c.organiser_id = s.organiser_id AND c.session_id = s.session_id) x), ''), 'UTF8'))
"""


async def start(connection: Connection, token_hash: bytes, session: Session) -> None:
    """Keep a new session; only the token's digest is stored."""
    await connection.execute(
        f"""
        INSERT INTO cases.sessions (token_hash, {_COLUMNS})
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        """,
        token_hash,
        *(getattr(session, name) for name in Session.__dataclass_fields__),
    )


async def claim(connection: Connection, session: Session, duties: Sequence[ClaimedDuty]) -> None:
    """What the provider's claims give, for as long as the session lasts."""
    await connection.executemany(
        """
        INSERT INTO cases.session_duties
            (organiser_id, session_id, staff_id, role, area_id, school_unit_id)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        [
            (
                session.organiser_id,
                session.session_id,
                session.staff_id,
                duty.role,
                duty.area_id,
                duty.school_unit_id,
            )
            for duty in duties
        ],
    )


async def find(connection: Connection, token_hash: bytes, previous_since: datetime) -> Found | None:
    """The session, if its member of staff still works here.

    The secret before the last one answers where it was replaced after ``previous_since``.
    """
    row = await connection.fetchrow(
        f"""
        SELECT {_COLUMNS}, privileges AS given_for, {_PRIVILEGES} AS privileges_now,
               token_hash <> $1 AS by_previous
        FROM cases.sessions s
        WHERE organiser_id = cases.organiser()
          AND (token_hash = $1 OR (previous_hash = $1 AND rotated_at > $2))
          AND EXISTS (SELECT FROM people_v1.staff p WHERE p.staff_id = s.staff_id)
        """,
        token_hash,
        previous_since,
    )
    if row is None:
        return None
    return Found(_session(row), row["privileges_now"], row["given_for"], row["by_previous"])


def _session(row: Record) -> Session:
    values: dict[str, Any] = {name: row[name] for name in Session.__dataclass_fields__}
    return Session(**values)


async def rotate(
    connection: Connection, session_id: UUID, token_hash: bytes, privileges: bytes, at: datetime
) -> bool:
    """A new secret for the same session; False where another request was quicker."""
    answer = await connection.execute(
        """
        UPDATE cases.sessions
        SET previous_hash = token_hash, token_hash = $2, privileges = $3, rotated_at = $4
        WHERE organiser_id = cases.organiser() AND session_id = $1
          AND (rotated_at IS NULL OR rotated_at < $4)
        """,
        session_id,
        token_hash,
        privileges,
        at,
    )
    return str(answer) == "UPDATE 1"


async def set_privileges(connection: Connection, session_id: UUID) -> None:
    """What the session's first secret is given for."""
    await connection.execute(
        f"""
        UPDATE cases.sessions s SET privileges = {_PRIVILEGES}
        WHERE organiser_id = cases.organiser() AND session_id = $1
        """,
        session_id,
    )


async def end_of_provider(
    connection: Connection, provider: str, subject: str | None, session: str | None
) -> list[UUID]:
    """End what a provider has ended: one of its sessions, or else all of one person's.

    Returns whose they were.
    """
    rows = await connection.fetch(
        """
        DELETE FROM cases.sessions
        WHERE organiser_id = cases.organiser() AND provider = $1
          AND CASE WHEN $3::text IS NULL THEN provider_subject = $2
              ELSE provider_session = $3 AND ($2::text IS NULL OR provider_subject = $2) END
        RETURNING staff_id
        """,
        provider,
        subject,
        session,
    )
    return [row["staff_id"] for row in rows]


async def first_time(connection: Connection, token_hash: bytes, at: datetime) -> bool:
    """Whether this logout token has not been told before."""
    answer = await connection.execute(
        "INSERT INTO cases.logout_tokens (token_hash, seen_at) VALUES ($1, $2) "
        "ON CONFLICT DO NOTHING",
        token_hash,
        at,
    )
    return str(answer) == "INSERT 0 1"


async def units_by_code(connection: Connection) -> dict[str, UUID]:
    """The organiser's school units by skolenhetskod."""
    rows = await connection.fetch(
        "SELECT school_unit_code, school_unit_id FROM people_v1.school_units "
        "WHERE school_unit_code IS NOT NULL"
    )
    return {row["school_unit_code"]: row["school_unit_id"] for row in rows}


async def areas_by_name(connection: Connection) -> dict[str, UUID]:
    """The organiser's areas by name."""
    rows = await connection.fetch("SELECT name, area_id FROM people_v1.areas")
    return {row["name"]: row["area_id"] for row in rows}


async def touch(connection: Connection, session_id: UUID, at: datetime) -> None:
    """The browser has been heard of."""
    await connection.execute(
        """
        UPDATE cases.sessions SET seen_at = $2
        WHERE organiser_id = cases.organiser() AND session_id = $1
        """,
        session_id,
        at,
    )


async def end(connection: Connection, token_hash: bytes) -> UUID | None:
    """Forget the session, by its present secret or the one before; returns whose it was."""
    staff_id: UUID | None = await connection.fetchval(
        """
        DELETE FROM cases.sessions WHERE organiser_id = cases.organiser()
          AND (token_hash = $1 OR previous_hash = $1) RETURNING staff_id
        """,
        token_hash,
    )
    return staff_id


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
    """Failures and logout tokens of more than a day ago say nothing any more."""
    await connection.execute(
        "DELETE FROM cases.logout_tokens WHERE seen_at < clock_timestamp() - interval '1 day'"
    )
    await connection.execute(
        "DELETE FROM cases.login_failures WHERE failed_at < clock_timestamp() - interval '1 day'"
    )
