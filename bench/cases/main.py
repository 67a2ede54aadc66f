"""How fast the case service is on three filled school years; the last line is the result."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
from pydantic import SecretStr

from bench.cases import chain, fill, landing, page, pages, stream
from bench.cases.ground import Ground, NotMeasuredError, ground, prepare
from bench.cases.town import TODAY, Town
from bench.ews.basics import say
from bench.result import Aim, print_result
from deploy.local.process import LocalStackError
from services.cases.store.scope import Database
from services.common import pg
from services.common.clock import FixedClock, local_instant

if TYPE_CHECKING:
    from services.common.pg import Connection

AIMS = (
    Aim("list_p95_ms", "<=", 100),
    Aim("case_p95_ms", "<=", 100),
    Aim("queue_p95_ms", "<=", 100),
    Aim("warnings_per_s", ">=", 500),
    Aim("duplicate_effects", "==", 0),
    Aim("absence_days_3m_seconds", "<=", 120),
)
_POOL = 12
#: What can be run alone, for whoever works on it.
PARTS = ("pages", "days", "warnings")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.cases", description=__doc__)
    parser.add_argument("--pupils", type=int, default=35_000)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=3_000_000, help="absence days in all")
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=90.0, help="of reading pages")
    parser.add_argument("--warnings", type=int, default=20_000)
    parser.add_argument("--only", choices=PARTS, help="one part alone; the rest is not even filled")
    return parser.parse_args(arguments)


def is_whole(options: argparse.Namespace) -> bool:
    """Whether everything was run with the aims' own numbers: only then docs/ is written."""
    return options == parse([])


def bench(options: argparse.Namespace, folder: Path) -> dict[str, float | None]:
    """The figures."""
    town = Town(options.pupils, options.cases, 3, options.days)
    with ground(folder) as own:
        return asyncio.run(_bench(own, town, options))


async def _bench(own: Ground, town: Town, options: argparse.Namespace) -> dict[str, float | None]:
    await prepare(own)
    admin = await asyncpg.connect(own.admin_dsn)
    pool = await pg.connect(SecretStr(own.dsn), service="bench", size=_POOL)
    database = Database(pool, FixedClock(local_instant(TODAY, 7 * 60 + 45)))
    figures: dict[str, float | None] = {
        "pupils": town.pupils,
        "cases": town.cases,
        "users": options.users,
        # What else the machine did when it began: figures of a machine that is shared say little.
        "load_average": os.getloadavg()[0],
    }
    parts = [options.only] if options.only else PARTS
    try:
        if parts != ["days"]:
            await fill.fill(admin, town)
        # The pages' calendars need the days, however they came there.
        if parts == ["pages"]:
            await fill.days(admin, town)
        elif parts != ["warnings"]:
            figures |= await landing.land(database, town)
        await admin.execute("VACUUM ANALYZE")
        # A checkpoint of what filling left must not fall into what is measured.
        await admin.execute("CHECKPOINT")
        if "pages" in parts:
            figures |= await _pages(own, admin, database, town, options)
        if "warnings" in parts:
            figures |= await stream.run(own, admin, town, options.warnings)
    finally:
        await pool.close()
        await admin.close()
    return figures


async def _pages(
    own: Ground,
    admin: Connection,
    database: Database,
    town: Town,
    options: argparse.Namespace,
) -> dict[str, float]:
    """What reading costs, and the audit's chain that every reader writes to."""
    own.start()
    figures = await pages.settle(own, admin, town)
    figures |= await pages.read(own, admin, town, options.users, options.seconds)
    return figures | await chain.measure(database, town, options.users)


def main() -> int:
    """0 when it could be measured, met or not; 1 when not."""
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="forvarning-cases-") as temporary:
        folder = Path(temporary)
        # PostgreSQL runs as an account of its own where we are root.
        folder.chmod(0o755)
        try:
            figures = bench(options, folder)
        except (LocalStackError, NotMeasuredError) as error:
            say(f"bench-cases could not measure: {error}")
            return 1
    _finish(options, figures)
    return 0


def _finish(options: argparse.Namespace, figures: Mapping[str, float | None]) -> None:
    if is_whole(options):
        page.write(figures, AIMS)
    print_result("bench-cases", figures, AIMS)
