from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import asyncpg
import pytest

from services.common.clock import FixedClock
from tests.integration.ingest.pull.office import NOON, Office, Recorder, open_office
from tests.support.ss12000.double import Double, build, running

if TYPE_CHECKING:
    from services.common.pg import Pool


@pytest.fixture
async def pool(database: tuple[str, str]) -> AsyncIterator[Pool]:
    async with asyncpg.create_pool(database[1], min_size=1, max_size=4) as made:
        yield made


@pytest.fixture
def double() -> Iterator[Double]:
    with running(build(clock=FixedClock(NOON))) as made:
        yield made


@pytest.fixture
def inbox() -> Recorder:
    return Recorder()


@pytest.fixture
async def office(pool: Pool, double: Double, inbox: Recorder) -> Office:
    """One organiser's one source; nothing has been read."""
    return await open_office(pool, double, inbox, FixedClock(NOON))
