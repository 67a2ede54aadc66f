"""What a transaction remembers of its viewer (migrations 0013, 0019)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.common import pg
from tests.integration.cases.world import TUESDAY, A, World

pytestmark = pytest.mark.anyio

_UNITS = "SELECT cases.units_of('{attendance_officer}')"


async def _sees_as(world: World, login: str) -> None:
    await pg.scope(
        world.admin,
        A.id,
        staff_id=str(A.staff(login)),
        roles="person",
        today=TUESDAY.isoformat(),
        now=world.clock.now().isoformat(),
    )


async def test_a_connection_keeps_nothing_of_what_its_transactions_remembered(
    world: World,
) -> None:
    async def asked(times: int) -> int:
        for _ in range(times):
            world.clock.advance(timedelta(microseconds=1))
            async with world.admin.transaction():
                await world.admin.execute("SET LOCAL ROLE forvarning_cases")
                await _sees_as(world, "karin")
                assert await world.admin.fetchval(_UNITS) == [A.unit()]
        used: int = await world.admin.fetchval(
            "SELECT sum(used_bytes) FROM pg_backend_memory_contexts "
            "WHERE name IN ('GUC hash table', 'GUCMemoryContext')"
        )
        return used

    assert await asked(10) == await asked(200)


async def test_what_is_remembered_is_the_viewers_alone(world: World) -> None:
    fetch = world.admin.fetchval
    async with world.admin.transaction():
        await world.admin.execute("SET LOCAL ROLE forvarning_cases")
        await _sees_as(world, "karin")
        assert await fetch(_UNITS) == [A.unit()]
        await fetch("SELECT cases.remember('question', 'answer')")
        assert await fetch("SELECT cases.recall('question')") == "answer"
        assert await fetch("SELECT cases.recall('another')") is None
        await _sees_as(world, "olle")
        assert await fetch("SELECT cases.recall('question')") is None
        assert await fetch(_UNITS) == [A.unit("ek")]
        await _sees_as(world, "karin")
        assert await fetch(_UNITS) == [A.unit()]
    async with world.admin.transaction():
        await world.admin.execute("SET LOCAL ROLE forvarning_cases")
        await _sees_as(world, "karin")
        assert await fetch("SELECT cases.recall('question')") is None
