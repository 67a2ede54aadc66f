"""Whose eyes a transaction sees with: the service's own, or one person's (migration 0006)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from services.common import pg
from services.common.clock import Clock, school_date

if TYPE_CHECKING:
    from asyncpg import Record
    from asyncpg.pool import PoolConnectionProxy

    from services.common.pg import Connection, Pool


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in person of one organiser."""

    organiser_id: UUID
    staff_id: UUID
    session_id: UUID | None = None
    """The session that a provider's claims hang on."""


@asynccontextmanager
async def as_system(connection: Connection) -> AsyncIterator[None]:
    """The service's own work inside a person's transaction: what follows from an act of theirs.

    The person's right to act has been checked before; the organiser stays the same.
    """
    before = await connection.fetchval(
        "WITH before AS MATERIALIZED (SELECT current_setting('app.roles', true) AS roles) "
        "SELECT roles, set_config('app.roles', 'system', true) FROM before"
    )
    yield
    # A failed statement has ended the transaction, and the setting with it.
    await connection.execute("SELECT set_config('app.roles', $1, true)", before or "")


class Database:
    """The pool, the clock and the ids: what every use case needs."""

    def __init__(self, pool: Pool, clock: Clock, new_id: Callable[[], UUID] = uuid4) -> None:
        self.pool = pool
        self.clock = clock
        self.new_id = new_id

    def now(self) -> datetime:
        """The present instant by the injected clock."""
        return self.clock.now()

    def today(self) -> date:
        """The school date in Europe/Stockholm."""
        return school_date(self.clock.now())

    @asynccontextmanager
    async def system(self, organiser_id: UUID) -> AsyncIterator[PoolConnectionProxy[Record]]:
        """A transaction of the service's own work for one organiser."""
        async with pg.tenant(
            self.pool, organiser_id, roles="system", today=self.today().isoformat()
        ) as connection:
            yield connection

    @asynccontextmanager
    async def person(self, viewer: Viewer) -> AsyncIterator[PoolConnectionProxy[Record]]:
        """A transaction that sees what the viewer's duties cover today."""
        async with pg.tenant(
            self.pool,
            viewer.organiser_id,
            planned_once=True,
            staff_id=str(viewer.staff_id),
            session=str(viewer.session_id or ""),
            roles="person",
            today=self.today().isoformat(),
            now=self.now().isoformat(),
        ) as connection:
            yield connection

    @asynccontextmanager
    async def nobody(self) -> AsyncIterator[PoolConnectionProxy[Record]]:
        """A transaction of the service's own work that belongs to no organiser."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT set_config('app.roles', 'system', true)")
            yield connection
