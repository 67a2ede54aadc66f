"""How a run of the check ends: stopped by a signal, or unable to measure and saying why."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deploy.check import main
from deploy.check.cli import app


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, check: Any) -> Result:
    monkeypatch.setattr(main, "check", check)
    return CliRunner().invoke(app, ["--start", "2026-11-24", "--data", str(folder)])


def test_a_signal_stops_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cleared: list[str] = []

    async def check(*_: object) -> dict[str, float | None]:
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await asyncio.sleep(60)
        finally:
            cleared.append("every process has ended")
        return {}

    done = run(monkeypatch, tmp_path, check)
    assert done.exit_code == 1
    assert "stopped before there was anything to measure" in done.stderr
    assert cleared


def test_a_cancellation_that_nobody_asked_for_is_no_signal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As when a reader was stopped while the broker was away, and its cancelled fetch came up."""

    async def check(*_: object) -> dict[str, float | None]:
        fetch = asyncio.ensure_future(asyncio.sleep(60))
        await asyncio.sleep(0)
        fetch.cancel()
        await fetch
        return {}

    done = run(monkeypatch, tmp_path, check)
    assert done.exit_code == 1
    assert "stopped" not in done.stderr
    assert "could not measure: StrayCancellationError: cancelled by nobody" in done.stderr
    assert f"logs: {tmp_path / 'logs'}" in done.stderr


def test_what_went_wrong_in_several_tasks_is_said_one_by_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def fails(what: str) -> None:
        raise LookupError(what)

    async def check(*_: object) -> dict[str, float | None]:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails("the broker"))
            group.create_task(fails("the database"))
        return {}

    done = run(monkeypatch, tmp_path, check)
    assert done.exit_code == 1
    assert "LookupError: the broker; LookupError: the database" in done.stderr
