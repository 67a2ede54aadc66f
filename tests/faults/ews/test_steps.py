"""Processes that end, fail or stand still between the steps of design D3."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Callable
from typing import get_args

import pytest

from services.ews.hooks import Step
from tests.support_ews.facts import stream
from tests.support_ews.harness import Stream, run

pytestmark = pytest.mark.fault


def test_a_process_that_ends_between_any_two_steps(
    make_stream: Callable[..., Stream], seed: int
) -> None:
    """Every step once, in an order of its own, while facts arrive."""
    rng = random.Random(seed)
    # Static membership: the next process takes the place of the dead one without a wait.
    s = make_stream(extra={"FORVARNING_EWS_INSTANCE_ID": "one"})
    steps = list(get_args(Step))
    rng.shuffle(steps)

    async def scenario() -> None:
        await s.create()
        async with s.load(stream(random.Random(seed), s.partitions, 10**6), a_second=40):
            for step in steps:
                once = {"assigned", "fenced", "restored", "verified"}
                nth = 1 if step in once else rng.randint(1, 6)
                action = rng.choice(["exit", "kill"])
                print(step, nth, action)
                worker = s.start(plan=[{"step": step, "nth": nth, "action": action}])
                assert await s.ended(worker) == (99 if action == "exit" else -signal.SIGKILL)
            s.start()
            await asyncio.sleep(3)
        await s.caught_up()
        await s.assert_true()

    run(scenario())


@pytest.mark.parametrize("how", ["delivery", "step"])
def test_a_failed_send_ends_the_worker_and_shows_nothing(
    make_stream: Callable[..., Stream], seed: int, how: str
) -> None:
    rng = random.Random(seed)
    s = make_stream(partitions=2)

    async def scenario() -> None:
        await s.create()
        await s.send(stream(rng, s.partitions, 20))
        if how == "delivery":
            # A row that no broker takes: aiokafka would commit the others all the same.
            worker = s.start(core_faults={"huge_row": True})
        else:
            worker = s.start(plan=[{"step": "sent", "nth": 1, "action": "fail"}])
        assert await s.ended(worker) == 70
        assert "transaction failed" in worker.last_words()
        assert not await s.positions()
        assert not await s.read(s.topology.warnings)
        s.start()
        await s.caught_up()
        await s.assert_true()

    run(scenario())


@pytest.mark.parametrize("step", ["sent", "offsets"])
def test_a_worker_frozen_inside_its_transaction_is_fenced_when_it_wakes(
    make_stream: Callable[..., Stream], seed: int, step: str
) -> None:
    rng = random.Random(seed)
    # On a slow machine the freeze is long: the fence must end the worker, not its own patience.
    s = make_stream(partitions=2, extra={"FORVARNING_EWS_TRANSACTION_TIMEOUT_SECONDS": "300"})

    async def scenario() -> None:
        await s.create()
        frozen = s.start(plan=[{"step": step, "nth": 3, "action": "stop"}])
        await s.said(frozen, '"restored"')
        async with s.load(stream(rng, s.partitions, 10**6), a_second=40):
            await s.until(frozen.stopped_by_signal, 120, "frozen")
            heir = s.start()
            await s.said(heir, '"partitions": 2')
        await s.caught_up()
        frozen.signal(signal.SIGCONT)
        assert frozen.wait() == 70
        assert "ProducerFenced" in frozen.last_words()
        assert heir.running
        await s.assert_true()

    run(scenario())


def test_a_worker_frozen_outside_a_transaction_goes_on_without_harm(
    make_stream: Callable[..., Stream], seed: int
) -> None:
    rng = random.Random(seed)
    s = make_stream(partitions=2)

    async def scenario() -> None:
        await s.create()
        frozen = s.start()
        await s.send(stream(rng, s.partitions, 10))
        await s.caught_up()
        frozen.signal(signal.SIGSTOP)
        heir = s.start()
        await s.send(stream(rng, s.partitions, 10))
        await s.said(heir, '"partitions": 2')
        frozen.signal(signal.SIGCONT)
        await s.send(stream(rng, s.partitions, 10))
        await s.caught_up()
        # Both share the partitions now, or the frozen one was caught writing and has ended.
        await s.until(
            lambda: not frozen.running or frozen.text().count('"restored"') > 1, 120, "back or gone"
        )
        await s.send(stream(rng, s.partitions, 10))
        await s.caught_up()
        await s.assert_true()

    run(scenario())


def test_partitions_are_taken_away_and_given_back(
    make_stream: Callable[..., Stream], seed: int
) -> None:
    rng = random.Random(seed)
    s = make_stream()

    async def scenario() -> None:
        await s.create()
        async with s.load(stream(rng, s.partitions, 10**6), a_second=40):
            first = s.start()
            await s.said(first, '"partitions": 4')
            for number in range(2):
                second = s.start()
                await s.said(second, '"partitions": 2')
                second.signal(signal.SIGTERM if number else signal.SIGKILL)
                second.wait()
                await s.said(first, '"partitions": 4', times=number + 2)
        await s.caught_up()
        assert first.running
        await s.assert_true()

    run(scenario())
