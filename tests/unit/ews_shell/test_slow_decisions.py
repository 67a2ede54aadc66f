"""A worker that comes back decides for seconds; the transactions under way must not wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from services.ews.owned import Owned
from services.ews.partition import PartitionRunner, Snapshot
from tests.unit.ews_shell.test_shell import Scene


def test_while_decisions_take_long_fewer_transactions_stand_still_for_them() -> None:
    async def scenario() -> None:
        scene = Scene(ews_parallel_checkpoints=16, ews_transaction_timeout_seconds=20)
        seconds = {"each": 0.3}

        def slow(entry: Owned) -> Callable[[], Snapshot]:
            quick = entry.runner.snapshot

            def decide() -> Snapshot:
                scene.now += seconds["each"]
                return quick()

            return decide

        for partition in range(12):
            entry = scene.own(partition)
            scene.feed(partition, 0)
            entry.runner = cast("Any", Deciding(entry.runner, slow(entry)))
        assert scene.shell.schedule.at_once() == 16
        await scene.tick(2)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(scene.checkpointer.written) == 12
        # Nobody's warnings wait for more than a second of the others' decisions: time for three.
        assert scene.checkpointer.most_at_once == 3
        seconds["each"] = 30.0
        scene.feed(0, 1)
        await scene.tick(2)
        assert scene.shell.schedule.at_once() == 1
        seconds["each"] = 0.05
        for offset in range(2, 18):
            scene.feed(0, offset)
            await scene.tick(2)
        assert scene.shell.schedule.at_once() == 16

    asyncio.run(scenario())


class Deciding:
    """A runner whose decisions take their time."""

    def __init__(self, runner: PartitionRunner, decide: Callable[[], Snapshot]) -> None:
        self._runner = runner
        self.snapshot = decide

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in {"_runner", "snapshot"}:
            object.__setattr__(self, name, value)
        else:
            setattr(self._runner, name, value)
