"""Long work gives way."""

from __future__ import annotations

import asyncio
import time

import pytest

from services.ingest.turns import SECONDS, Turn

pytestmark = pytest.mark.anyio


async def test_others_come_first_when_a_turn_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    said: list[str] = []

    async def other() -> None:
        said.append("other")

    turn = Turn()
    waiting = asyncio.create_task(other())
    assert not turn.over()
    now += SECONDS
    assert turn.over()
    await turn.next()
    said.append("again")
    await waiting
    assert said == ["other", "again"]
    assert not turn.over()
