"""The archive's eyes: a connection as forvarning_archive, one organiser at a time (RLS)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
from pydantic import SecretStr

from services.common.clock import Clock, school_date

if TYPE_CHECKING:
    from services.common.pg import Connection


class Archive:
    """What erases and hands out, over all services' tables.

    The owner's connection takes on a role that owns nothing and bypasses nothing.
    """

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record], clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()

    def today(self) -> date:
        return school_date(self._clock.now())

    async def organisers(self) -> list[UUID]:
        """Every organiser's id."""
        rows = await self._connection.fetch("SELECT people_v1.organiser_ids() AS id")
        return [row["id"] for row in rows]

    @asynccontextmanager
    async def organiser(
        self, organiser_id: UUID, *, keep: bool = True
    ) -> AsyncIterator[Connection]:
        """A transaction that sees one organiser's rows, of every service; undone at its end
        where it is not to be kept."""
        transaction = self._connection.transaction()
        await transaction.start()
        try:
            await self._connection.execute(
                "SELECT set_config('app.organiser_id', $1, true), "
                "set_config('app.roles', 'system', true)",
                str(organiser_id),
            )
            yield self._connection
        except BaseException:
            await transaction.rollback()
            raise
        if keep:
            await transaction.commit()
        else:
            await transaction.rollback()

    @asynccontextmanager
    async def everything(self) -> AsyncIterator[Connection]:
        """A transaction of what belongs to no organiser."""
        async with self._connection.transaction():
            yield self._connection


@asynccontextmanager
async def archive(url: SecretStr, clock: Clock) -> AsyncIterator[Archive]:
    """Connect as the schemas' owner and take on the archive's role."""
    connection = await asyncpg.connect(
        url.get_secret_value(),
        server_settings={"application_name": "forvarning-archive", "timezone": "UTC"},
    )
    try:
        await connection.execute("SET ROLE forvarning_archive")
        yield Archive(connection, clock)
    finally:
        await connection.close()
