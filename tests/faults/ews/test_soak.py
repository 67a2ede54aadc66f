"""Memory of a worker that works for a long while: flat, once every pupil is known."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support_ews.facts import PUPILS_A_CLASS, register
from tests.support_ews.harness import Stream, run

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

_SECONDS = float(os.environ.get("FORVARNING_SOAK_SECONDS", "600"))
_A_SECOND = 150
_LESSONS = 40
"""Marked again and again, so that the state itself has a fixed size."""


def _resident(pid: int) -> int:
    """Kilobytes."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


def test_memory_is_flat(make_stream: Callable[..., Stream], seed: int) -> None:
    """Rebalances included: every partition is taken away and given back now and then."""
    rng = random.Random(seed)
    s = make_stream(partitions=8, session_seconds=6.0)

    async def scenario() -> None:
        await s.create()
        worker = s.start()
        await s.said(worker, '"restored"')
        items = (
            (n % 8, register(rng, n % 8, rng.randrange(_LESSONS), n + 1)) for n in range(10**9)
        )
        samples: list[int] = []
        async with s.load(items, a_second=_A_SECOND):
            await asyncio.sleep(30)
            rounds = int(_SECONDS // 20)
            for number in range(rounds):
                other = s.start() if number % 10 == 5 else None
                await asyncio.sleep(20)
                if other is not None:
                    other.signal(15)
                    await s.ended(other)
                samples.append(_resident(worker.process.pid))
                s.sent.clear()  # this test's own memory
        await s.caught_up()
        third = max(1, len(samples) // 3)
        early, late = statistics.median(samples[:third]), statistics.median(samples[-third:])
        print(f"resident kB, every 20 s: {samples}")
        facts = sum((await s.ends()).values())
        grown = (late - early) * 1024 / max(1, facts)
        print(f"{facts} facts of {PUPILS_A_CLASS} marks; grown {grown:.1f} bytes a fact")
        assert late - early < max(8_000, early * 0.05)
        assert worker.running

    run(scenario())
