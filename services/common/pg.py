"""PostgreSQL: pools, and transactions that belong to one organiser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
from pydantic import SecretStr

if TYPE_CHECKING:
    from typing import TypeAlias

    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]

#: What is raised when the database is away, goes away in the middle of a call, or asks to be asked
#: again. asyncpg calls a connection that ended in mid-call an "internal client error".
AWAY: tuple[type[Exception], ...] = (
    # TimeoutError is one of them.
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.ObjectInUseError,
)


class BusyError(Exception):
    """Somebody else holds what is needed, and does not let go."""


def is_away(error: BaseException) -> bool:
    """Whether the same work may succeed once the database is back; else the work is at fault.

    Not every ``AWAY`` is: asyncpg calls a value that does not fit its parameter (a number too
    large, say) an InterfaceError too, and that one will not fit tomorrow either.
    """
    return isinstance(error, AWAY) and not _is_unfit_value(error)


def _is_unfit_value(error: BaseException) -> bool:
    # The class has no public name of its own; of InterfaceErrors this one and a bad configuration
    # are ValueErrors. (So is a refused certificate, which is an OSError.)
    return (
        isinstance(error, asyncpg.InterfaceError)
        and isinstance(error, ValueError)
        and not isinstance(error, asyncpg.ClientConfigurationError)
    )


async def connect(url: SecretStr, *, service: str, size: int = 10) -> Pool:
    """A pool whose connections name the service and give up on a stuck statement."""
    return await asyncpg.create_pool(
        url.get_secret_value(),
        min_size=1,
        max_size=size,
        command_timeout=60,
        # Under row-level security planning takes longer than running: a plan is kept for the day.
        max_cached_statement_lifetime=0,
        server_settings={"application_name": f"forvarning-{service}", "timezone": "UTC"},
    )


#: How often ``alone`` tries: some minutes in all.
_TRIES = 60


@asynccontextmanager
async def tenant(
    pool: Pool, organiser_id: UUID, *, planned_once: bool = False, **settings: str
) -> AsyncIterator[PoolConnectionProxy[asyncpg.Record]]:
    """A transaction that sees one organiser's rows only (row-level security).

    ``settings`` become further transaction-local ``app.*`` settings. Nothing
    of it outlives the transaction, so a pooled connection carries nothing over.
    With ``planned_once`` a statement is planned for any values, once a connection, and
    not for these: where the policies make planning dear and the plan is the same.
    """
    async with pool.acquire() as connection, connection.transaction():
        await scope(connection, organiser_id, planned_once=planned_once, **settings)
        yield connection


async def scope(
    connection: Connection, organiser_id: UUID, *, planned_once: bool = False, **settings: str
) -> None:
    """Make the transaction that has just begun one organiser's.

    It also keeps erasing away until it ends (``alone``): who has seen that a pupil is not erased
    may write about the pupil, and an erasure finds it.
    """
    values = {"organiser_id": str(organiser_id)} | settings
    # One statement, for every transaction begins with it; what is read afterwards sees what was
    # there when the lock was had.
    calls = ", ".join(f"set_config('app.{name}', ${n}, true)" for n, name in enumerate(values, 1))
    if planned_once:
        calls += ", set_config('plan_cache_mode', 'force_generic_plan', true)"
    await connection.execute(
        f"SELECT pg_advisory_xact_lock_shared(hashtextextended('organiser ' || $1, 0)), {calls}",
        *values.values(),
    )


async def alone(connection: Connection, organiser_id: UUID) -> None:
    """Wait until no transaction of the organiser's is under way, and let none begin before this
    one ends. BusyError when there is always one that does not end.

    It waits for two seconds at a time: others queue behind who waits, and one of them may be what
    a transaction that is under way waits for.
    """
    for last in (*[False] * (_TRIES - 1), True):
        try:
            async with connection.transaction():
                await connection.execute("SET LOCAL lock_timeout = '2s'")
                await connection.execute(
                    "SELECT pg_advisory_xact_lock(hashtextextended('organiser ' || $1, 0))",
                    str(organiser_id),
                )
                await connection.execute("SET LOCAL lock_timeout = DEFAULT")
                return
        except asyncpg.LockNotAvailableError as error:
            if last:
                raise BusyError(
                    "a transaction of the organiser's has not ended for minutes; "
                    "pg_stat_activity shows which, the oldest first"
                ) from error
        await asyncio.sleep(0.5)


async def organiser_ids(pool: Pool) -> list[UUID]:
    """Which organisers exist: ids only, for work that goes from one to the next."""
    rows = await pool.fetch("SELECT organiser_id FROM people_v1.organiser_ids() AS organiser_id")
    return [row["organiser_id"] for row in rows]
