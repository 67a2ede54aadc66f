"""The courier's process is ended by SIGKILL between every two of its steps: what it carries has its
effect at the receiver once, and the sender knows it once."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from services.cases.chain.outside import take_on
from services.cases.chain.perform import perform
from tests.integration.cases.process import ROOT
from tests.integration.cases.test_courier import ORDER, POINTS, begun, rows
from tests.integration.cases.world import A, B, World

pytestmark = pytest.mark.anyio
ROLF, TESS = A.viewer("rolf"), B.viewer("tess")


def courier(world: World, dsn: str, point: str = "") -> subprocess.Popen[str]:
    """One round of a process of its own, as the case service's role."""
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.integration.cases.courier_process",
            dsn,
            world.clock.now().isoformat(),
            point,
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


async def killed_at(world: World, dsn: str, point: str) -> None:
    """The process is gone at that point, and nothing that it had not committed is left."""
    process = courier(world, dsn, point)
    assert process.stdout is not None
    said = await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), 120)
    assert said.strip() == point
    process.send_signal(signal.SIGKILL)
    assert await asyncio.to_thread(process.wait) == -signal.SIGKILL
    process.stdout.close()


async def round_of(world: World, dsn: str) -> str:
    """The next process, which nobody ends."""
    world.clock.advance(timedelta(minutes=5))
    process = courier(world, dsn)
    said, _ = await asyncio.to_thread(process.communicate, timeout=120)
    assert process.returncode == 0
    return said.strip()


@pytest.mark.parametrize("point", POINTS)
async def test_a_document_has_its_effect_once_wherever_the_process_was_killed(
    world: World, dsns: tuple[str, str], point: str
) -> None:
    case = await begun(world)
    await perform(world.database, ROLF, case, "order_coordination", ORDER)
    await killed_at(world, dsns[1], point)
    there = {"read": 0, "inserted": 0}.get(point, 1)
    assert len(await rows(world, B.id)) == there
    known = point == "done"
    [sent] = await rows(world, A.id)
    assert (sent["receipt"] is not None) is known
    # The next process carries it to its end, and the one after that has nothing to do.
    assert await round_of(world, dsns[1]) == f"carried {0 if known else 1}"
    assert await round_of(world, dsns[1]) == "carried 0"
    [sent], [arrived] = await rows(world, A.id), await rows(world, B.id)
    assert arrived["document_id"] == sent["document_id"]
    assert sent["sent_at"] == arrived["created_at"]
    assert json.loads(sent["receipt"])["sha256"] == arrived["digest"].hex()


async def test_what_was_taken_on_is_told_once_when_the_answer_was_killed(
    world: World, dsns: tuple[str, str]
) -> None:
    case = await begun(world)
    await perform(world.database, ROLF, case, "order_coordination", ORDER)
    await round_of(world, dsns[1])
    [arrived] = await rows(world, B.id)
    await take_on(world.database, TESS, arrived["document_id"])
    # The sender has been told, and the receiver does not know it yet.
    await killed_at(world, dsns[1], "told")
    assert (await rows(world, B.id))[0]["receipt"] is None
    for _ in range(2):
        await round_of(world, dsns[1])
    assert (await rows(world, B.id))[0]["receipt"] is not None
    assert (await world.history(A, "alva")).count("document_taken") == 1
    assert await world.admin.fetchval("SELECT count(*) FROM cases.cases WHERE outside") == 1
