"""The case service's world, and the archive over all schemas."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from services.records.archive import Archive, archive
from tests.integration.cases.world import World, migrated_database, own_database
from tests.support.stack import TestPostgres


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def migrated(postgres: TestPostgres) -> str:
    return migrated_database(postgres)


@pytest.fixture
def dsns(postgres: TestPostgres, migrated: str) -> tuple[str, str]:
    return own_database(postgres, migrated)


@pytest.fixture
async def world(dsns: tuple[str, str]) -> AsyncIterator[World]:
    world = await World.start(*dsns)
    try:
        yield world
    finally:
        await world.stop()


@pytest.fixture
async def keeper(world: World, dsns: tuple[str, str]) -> AsyncIterator[Archive]:
    async with archive(SecretStr(dsns[0]), world.clock) as opened:
        yield opened
