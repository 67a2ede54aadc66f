"""The case service's world, and the archive over all schemas."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from services.records.archive import Archive, archive
from tests.integration.cases.conftest import anyio_backend, dsns, migrated, world
from tests.integration.cases.world import World

__all__ = ["anyio_backend", "dsns", "migrated", "world"]


@pytest.fixture
async def keeper(world: World, dsns: tuple[str, str]) -> AsyncIterator[Archive]:
    async with archive(SecretStr(dsns[0]), world.clock) as opened:
        yield opened
