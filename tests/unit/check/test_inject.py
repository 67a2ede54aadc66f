"""Faults whose end does not come: the run goes on, and says so."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path
from typing import Any, cast

from deploy.check.inject import Injector
from deploy.check.report import latency_figures
from deploy.check.say import Diary
from deploy.check.schedule import Step
from deploy.check.stack import CheckStack
from deploy.check.watch import CheckpointWatch
from deploy.check.worker import done
from deploy.local.process import Child

_SLEEPER = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("up", flush=True)
time.sleep(60)
"""


class _Service:
    """A process that nobody starts again."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.spec = type("Spec", (), {"stop_seconds": 5.0})()
        self.child = Child(name, [sys.executable, "-c", _SLEEPER], log=folder / f"{name}.log")

    def is_ready(self) -> bool:
        return False


class _Watch:
    """Partition 1 has a checkpoint after every fault, partition 0 never has one."""

    def __init__(self) -> None:
        self.moments: dict[int, list[float]] = {1: []}

    def since(self, moment: float) -> set[int]:
        return {1} if any(at > moment for at in self.moments[1]) else set()

    async def wait_all(self, after: float, *, seconds: float) -> bool:
        self.moments[1].append(max(after, time.monotonic()) + 0.001)
        await asyncio.sleep(min(seconds, 0.01))
        return False


class _Bench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.watch = _Watch()
        self.knocks = 0
        self.services = {name: _Service(name, folder) for name in ("ews-1", "ews-2")}
        local = type("Local", (), {"services": self.services, "kafka": None})()
        self.stack = type("Stack", (), {"local": local, "cue": folder / "freeze"})()
        self.injector = Injector(
            cast("CheckStack", self.stack),
            cast("CheckpointWatch", self.watch),
            self._knock,
            Diary(),
            patience=0.3,
        )

    async def _knock(self) -> None:
        self.knocks += 1

    def run(self, *steps: Step) -> None:
        try:
            for service in self.services.values():
                service.child.start()
                _wait_for_line(service.child.log)
            asyncio.run(self.injector.run(list(steps), time.monotonic()))
        finally:
            for service in self.services.values():
                service.child.kill()


def _wait_for_line(log: Path) -> None:
    deadline = time.monotonic() + 20
    while b"up" not in log.read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_silent_partition_is_a_finding_and_the_next_fault_comes(
    tmp_path: Path, capsys: Any
) -> None:
    bench = _Bench(tmp_path)
    bench.run(Step(0.0, "kill", "ews-1"), Step(0.0, "terminate", "ews-2"))
    injector = bench.injector
    assert [fault.kind for fault in injector.faults] == ["worker_kill", "worker_term"]
    assert injector.kills == 1
    assert bench.knocks > 0
    # For each: not started again, not ready, and a partition without a checkpoint.
    assert injector.overdue == 6
    said = capsys.readouterr().err
    assert "OVERDUE: after worker_kill of ews-1 only [1] had a checkpoint" in said
    figures = latency_figures(
        [], [], injector.faults, bench.watch.moments, partitions=2, began=0.0, ended=1.0
    )
    assert figures["recovery_seconds"] is None


def test_a_worker_that_does_not_freeze_is_not_frozen_later(tmp_path: Path) -> None:
    bench = _Bench(tmp_path)
    bench.run(Step(0.0, "freeze", "ews-2", "sent"), Step(0.0, "kill", "ews-1"))
    assert not bench.stack.cue.exists()
    assert bench.injector.zombies_fenced == 0
    assert [fault.kind for fault in bench.injector.faults] == ["worker_kill"]


def test_a_zombie_that_goes_on_is_a_finding(tmp_path: Path) -> None:
    bench = _Bench(tmp_path)
    cue: Path = bench.stack.cue

    async def freeze_on_cue() -> None:
        running = asyncio.create_task(
            bench.injector.run([Step(0.0, "freeze", "ews-2", "sent")], time.monotonic())
        )
        while not cue.exists():  # noqa: ASYNC110 - a file makes no event
            await asyncio.sleep(0.01)
        cue.rename(done(cue))
        bench.services["ews-2"].child.freeze()
        await running

    try:
        for service in bench.services.values():
            service.child.start()
            _wait_for_line(service.child.log)
        asyncio.run(freeze_on_cue())
        assert bench.services["ews-2"].child.running
        assert [fault.kind for fault in bench.injector.faults] == ["freeze", "resume"]
        assert bench.injector.zombies_fenced == 0
        assert bench.injector.overdue == 3
    finally:
        for service in bench.services.values():
            service.child.kill()


def test_the_signals_are_those_that_the_schedule_says(tmp_path: Path) -> None:
    bench = _Bench(tmp_path)
    bench.run(Step(0.0, "kill", "ews-1"), Step(0.0, "terminate", "ews-2"))
    assert bench.services["ews-1"].child.returncode == -signal.SIGKILL
    assert bench.services["ews-2"].child.returncode == 0
