"""The source's lock, and every write that depends on holding it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.common.pg import scope
from services.ingest.store.sources import Source
from services.ingest.sync.model import Cursor, Ended, Kind, Pull
from services.ingest.sync.store import Counts, Hook, Problem, get_pull, get_source

if TYPE_CHECKING:
    from services.common.pg import Connection, Pool

KEPT_RUNS = 50


class Locked:
    """The source's lock and every write that depends on holding it, on one connection.

    When the connection goes, so does the lock, and no write that comes after it can succeed:
    two runs never move the same cursor.
    """

    def __init__(self, connection: Connection, organiser: UUID, source: UUID) -> None:
        self._connection = connection
        self._organiser = organiser
        self._source = source

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A transaction of this organiser."""
        async with self._connection.transaction():
            await scope(self._connection, self._organiser)
            yield self._connection

    async def pull(self) -> Pull | None:
        async with self.transaction() as connection:
            return await get_pull(connection, self._source)

    async def source(self) -> Source | None:
        async with self.transaction() as connection:
            return await get_source(connection, self._source)

    async def set_pull(self, **values: Any) -> None:
        """Change columns of the configuration's state."""
        async with self.transaction() as connection:
            sets = ", ".join(f"{name} = ${n}" for n, name in enumerate(values, 2))
            await connection.execute(
                f"UPDATE ingest.pulls SET {sets} WHERE source_id = $1",
                self._source,
                *[json.dumps(v) if isinstance(v, dict) else v for v in values.values()],
            )

    async def start_run(self, kind: Kind, now: datetime) -> int:
        """A new run; one that never ended is marked as interrupted, old ones go."""
        async with self.transaction() as connection:
            await connection.execute(
                "UPDATE ingest.pull_runs SET outcome = 'failed', code = 'interrupted', "
                "finished_at = $2 WHERE source_id = $1 AND outcome = 'running'",
                self._source,
                now,
            )
            number: int = await connection.fetchval(
                "INSERT INTO ingest.pull_runs (organiser_id, source_id, kind, started_at, outcome) "
                "VALUES ($1, $2, $3, $4, 'running') RETURNING run_id",
                self._organiser,
                self._source,
                kind,
                now,
            )
            for table in ("pull_problems", "pull_runs"):
                await connection.execute(
                    f"DELETE FROM ingest.{table} WHERE source_id = $1 AND run_id < ("
                    "SELECT min(run_id) FROM (SELECT run_id FROM ingest.pull_runs "
                    "WHERE source_id = $1 ORDER BY run_id DESC LIMIT $2) AS kept)",
                    self._source,
                    KEPT_RUNS,
                )
        return number

    async def cursors(self) -> dict[str, Cursor]:
        async with self.transaction() as connection:
            rows = await connection.fetch(
                "SELECT * FROM ingest.pull_cursors WHERE source_id = $1", self._source
            )
        found = {}
        for row in rows:
            values = dict(row)
            del values["organiser_id"], values["source_id"]

            values["deleted"] = frozenset(values["deleted"])
            found[row["resource"]] = Cursor(**values)
        return found

    async def save(
        self, cursor: Cursor, run: int, pages: int, counts: Counts, problems: Iterable[Problem]
    ) -> None:
        """Move one cursor, and what the run has counted so far, in one transaction."""
        async with self.transaction() as connection:
            await connection.execute(
                "INSERT INTO ingest.pull_cursors (organiser_id, source_id, resource, high, ended, "
                "whole_at, reading, pass_started, pass_after, span_first, page_token, newest, "
                "pages, deleted) "
                "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) "
                "ON CONFLICT (organiser_id, source_id, resource) DO UPDATE SET "
                "high = excluded.high, ended = excluded.ended, whole_at = excluded.whole_at, "
                "reading = excluded.reading, pass_started = excluded.pass_started, "
                "pass_after = excluded.pass_after, span_first = excluded.span_first, "
                "page_token = excluded.page_token, newest = excluded.newest, "
                "pages = excluded.pages, deleted = excluded.deleted",
                self._organiser,
                self._source,
                cursor.resource,
                cursor.high,
                cursor.ended,
                cursor.whole_at,
                cursor.reading,
                cursor.pass_started,
                cursor.pass_after,
                cursor.span_first,
                cursor.page_token,
                cursor.newest,
                cursor.pages,
                sorted(cursor.deleted),
            )
            await self._count(connection, run, pages, counts)
            await self._add_problems(connection, run, problems)

    async def end_run(
        self, run: int, now: datetime, ended: Ended, problems: Iterable[Problem]
    ) -> None:
        async with self.transaction() as connection:
            await self._add_problems(connection, run, problems)
            await connection.execute(
                "UPDATE ingest.pull_runs SET finished_at = $3, outcome = $4, code = $5, "
                "detail = $6 WHERE source_id = $1 AND run_id = $2",
                self._source,
                run,
                now,
                ended.outcome,
                ended.code,
                ended.detail and ended.detail[:500],
            )

    async def unreported(self, run: int) -> list[Problem]:
        """Problems of the run that the source has not been told."""
        async with self.transaction() as connection:
            rows = await connection.fetch(
                "SELECT resource, code, field, severity, sample, entities "
                "FROM ingest.pull_problems WHERE source_id = $1 AND run_id = $2 AND NOT reported "
                "ORDER BY resource, code, field",
                self._source,
                run,
            )
        return [Problem(**dict(row)) for row in rows]

    async def reported(self, run: int) -> None:
        async with self.transaction() as connection:
            await connection.execute(
                "UPDATE ingest.pull_problems SET reported = true "
                "WHERE source_id = $1 AND run_id = $2",
                self._source,
                run,
            )

    async def hook(self) -> Hook | None:
        async with self.transaction() as connection:
            row = await connection.fetchrow(
                "SELECT hook_sha256, subscription, created_at, expires FROM ingest.pull_hooks "
                "WHERE source_id = $1",
                self._source,
            )
        return None if row is None else Hook(*row.values())

    async def set_hook(
        self, sha256: bytes, subscription: str | None, created: datetime, expires: datetime | None
    ) -> None:
        """Replace the source's webhook; the address it had before is worthless at once."""
        async with self.transaction() as connection:
            await connection.execute(
                "INSERT INTO ingest.pull_hooks (organiser_id, source_id, hook_sha256, "
                "subscription, created_at, expires) VALUES ($1, $2, $3, $4, $5, $6) "
                "ON CONFLICT (organiser_id, source_id) DO UPDATE SET "
                "hook_sha256 = excluded.hook_sha256, subscription = excluded.subscription, "
                "created_at = excluded.created_at, expires = excluded.expires",
                self._organiser,
                self._source,
                sha256,
                subscription,
                created,
                expires,
            )

    async def drop_hook(self) -> None:
        async with self.transaction() as connection:
            await connection.execute(
                "DELETE FROM ingest.pull_hooks WHERE source_id = $1", self._source
            )

    async def _count(self, connection: Connection, run: int, pages: int, counts: Counts) -> None:
        await connection.execute(
            "UPDATE ingest.pull_runs SET pages = $3, counts = $4 "
            "WHERE source_id = $1 AND run_id = $2",
            self._source,
            run,
            pages,
            json.dumps(counts),
        )

    async def _add_problems(
        self, connection: Connection, run: int, problems: Iterable[Problem]
    ) -> None:
        await connection.executemany(
            "INSERT INTO ingest.pull_problems (organiser_id, source_id, resource, code, field, "
            "severity, sample, entities, run_id, seen_at) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now()) "
            "ON CONFLICT (organiser_id, source_id, run_id, resource, code, field) DO UPDATE "
            "SET entities = ingest.pull_problems.entities + excluded.entities",
            [
                (
                    self._organiser,
                    self._source,
                    one.resource,
                    one.code,
                    one.field[:200],
                    one.severity,
                    one.sample[:200],
                    one.entities,
                    run,
                )
                for one in problems
            ],
        )


@asynccontextmanager
async def locked(pool: Pool, organiser: UUID, source: UUID) -> AsyncIterator[Locked | None]:
    """Hold the source's lock; None when another process has it."""
    name = f"pull {source}"
    async with pool.acquire() as connection:
        got = await connection.fetchval(
            "SELECT pg_try_advisory_lock(hashtextextended($1, 0))", name
        )
        if not got:
            yield None
            return
        try:
            yield Locked(connection, organiser, source)
        finally:
            if not connection.is_closed():
                await connection.execute("SELECT pg_advisory_unlock(hashtextextended($1, 0))", name)
