"""Judging beforehand: only when nobody waits, and never what holds uncommitted facts."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from services.ews.core.api import PartitionCore
from services.ews.owned import Owned
from tests.unit.ews_shell.test_shell import Scene


class Unsettled:
    """A core with so many buckets to judge; the last of them may be news, or break."""

    def __init__(self, core: PartitionCore, left: int, *, news: bool = False) -> None:
        self._core = core
        self.left = left
        self.news = news
        self.broken = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._core, name)

    @property
    def wants_flush(self) -> bool:
        return self.news and not self.left

    def settle(self) -> bool:
        if self.broken:
            raise ValueError("planted")
        if not self.left:
            return False
        self.left -= 1
        return True


def owning(scene: Scene, partition: int, left: int, *, news: bool = False) -> tuple[Owned, Any]:
    entry = scene.own(partition)
    entry.runner.core = core = cast("Any", Unsettled(entry.runner.core, left, news=news))
    return entry, core


def test_one_bucket_at_a_time_until_none_is_left() -> None:
    scene = Scene()
    (first, one), (second, other) = owning(scene, 0, 2), owning(scene, 1, 1)
    steps = 0
    while scene.shell.settling.step():
        steps += 1
        assert one.left + other.left >= 3 - steps
    assert (one.left, other.left) == (0, 0)
    assert first.settled
    assert second.settled
    assert not first.runner.dirty


def test_a_partition_with_uncommitted_facts_is_left_alone() -> None:
    scene = Scene()
    (_, busy), (writes, writing), (_, idle) = (owning(scene, n, 1) for n in range(3))
    scene.feed(0, 0)
    writes.writing = cast("asyncio.Task[None]", object())
    assert scene.shell.settling.step()
    assert (busy.left, writing.left, idle.left) == (1, 1, 0)


def test_nothing_is_judged_while_a_fact_waits_for_long() -> None:
    async def scenario() -> None:
        scene = Scene(ews_checkpoint_seconds=5)
        owning(scene, 0, 1)
        _, idle = owning(scene, 1, 1)
        scene.feed(0, 0)
        await scene.tick(0)
        scene.now += 0.5
        assert scene.shell.settling.step()
        assert idle.left == 1
        await scene.tick(5)
        while scene.shell.settling.step():
            pass
        assert idle.left == 0

    asyncio.run(scenario())


def test_nothing_is_judged_while_there_are_facts_to_read() -> None:
    scene = Scene()
    (_, behind), (_, idle) = owning(scene, 0, 1), owning(scene, 1, 1)
    scene.flow.ends = {0: 1, 1: 0}
    assert scene.shell.settling.step()
    assert (behind.left, idle.left) == (1, 1)
    scene.flow.ends = {0: 0, 1: 0}
    while scene.shell.settling.step():
        pass
    assert idle.left == 0


def test_what_is_found_to_tell_is_written() -> None:
    async def scenario() -> None:
        scene = Scene()
        entry, _ = owning(scene, 0, 1, news=True)
        await scene.tick(5)
        assert scene.checkpointer.written == []
        assert scene.shell.settling.step()
        assert entry.runner.dirty
        await scene.tick(0)
        await scene.tick(1)
        assert [partition for partition, _ in scene.checkpointer.written] == [0]

    asyncio.run(scenario())


def test_a_bucket_that_cannot_be_judged_ends_nothing() -> None:
    scene = Scene()
    entry, core = owning(scene, 0, 3)
    core.broken = True
    assert scene.shell.settling.step()
    assert entry.settled
    assert not scene.shell.settling.step()
