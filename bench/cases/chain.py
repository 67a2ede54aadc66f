"""The audit log's chain under many writers: what one row a page may cost."""

from __future__ import annotations

import asyncio
import time

from bench.cases.fill import staff_id
from bench.cases.town import Town
from services.cases.store import audit
from services.cases.store.scope import Database, Viewer

_SECONDS = 5.0


async def measure(database: Database, town: Town, writers: int) -> dict[str, float]:
    """Rows a second into one organiser's chain, each in a transaction of its own, and whether it
    holds afterwards."""
    times: list[float] = []
    until = time.perf_counter() + _SECONDS

    async def write(number: int) -> None:
        viewer = Viewer(town.organiser, staff_id("mentor", number))
        while (began := time.perf_counter()) < until:
            async with database.person(viewer) as connection:
                await audit.write(
                    connection, town.organiser, database.now(), viewer.staff_id, "bench.read"
                )
            times.append((time.perf_counter() - began) * 1000)

    await asyncio.gather(*(write(number) for number in range(writers)))
    began = time.perf_counter()
    async with database.system(town.organiser) as connection:
        problems = await audit.verify(connection, town.organiser)
    seconds = time.perf_counter() - began
    rows = await _rows(database, town)
    return {
        "audit_writers": writers,
        "audit_writes_per_s": len(times) / _SECONDS,
        "audit_problems": len(problems),
        "audit_verify_rows_per_s": rows / seconds,
    }


async def _rows(database: Database, town: Town) -> int:
    async with database.system(town.organiser) as connection:
        count: int = await connection.fetchval("SELECT count(*) FROM cases.audit")
    return count
