"""The case service on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.integration.cases.site import Site
from tests.integration.cases.world import World, migrated_database, own_database
from tests.support.stack import TestPostgres


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def migrated(postgres: TestPostgres) -> str:
    """The name of a migrated database, for others to be copied from."""
    return migrated_database(postgres)


@pytest.fixture
def dsns(postgres: TestPostgres, migrated: str) -> tuple[str, str]:
    """A database of the test's own: the superuser's DSN and the case service's."""
    return own_database(postgres, migrated)


@pytest.fixture
async def world(dsns: tuple[str, str]) -> AsyncIterator[World]:
    world = await World.start(*dsns)
    try:
        yield world
    finally:
        await world.stop()


@pytest.fixture
async def site(world: World) -> Site:
    return Site(world)


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with site.browser() as client:
        yield client
