"""Keeps a filled database of the present level for test_migrations:
``python -m tests.integration.records.filled NAME`` writes tests/data/levels/NAME.sql.gz.

Run once a release. What was kept is never written again: later code must bring it to its own level.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.integration.cases.world import World, migrated_database, own_database
from tests.integration.records.seed import seeded
from tests.support.dumps import dump
from tests.support.stack import postgres_server

LEVELS = Path(__file__).resolve().parents[2] / "data/levels"


def keep(name: str) -> None:
    """Fill and keep; FileExistsError where there is such a level already."""
    file = LEVELS / f"{name}.sql.gz"
    if file.exists():
        raise FileExistsError(file)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with postgres_server(Path(folder) / "postgres") as postgres:
            admin, own = own_database(postgres, migrated_database(postgres))

            async def fill() -> None:
                world = await World.start(admin, own)
                await seeded(world)
                await world.stop()

            asyncio.run(fill())
            dump(admin, file)


if __name__ == "__main__":
    keep(sys.argv[1])
