"""A cancellation that nobody asked for is an error, and one that somebody did is none."""

from __future__ import annotations

import asyncio

import pytest

from services.common.cancellation import StrayCancellationError, beside, only_ours


async def stray() -> None:
    """As a library does that passes on the cancellation of a task of its own."""
    inner = asyncio.ensure_future(asyncio.sleep(60))
    await asyncio.sleep(0)
    inner.cancel()
    await inner


def test_a_cancellation_from_inside_is_an_error() -> None:
    with pytest.raises(StrayCancellationError):
        asyncio.run(only_ours(stray()))


def test_a_cancelled_task_is_cancelled() -> None:
    async def scenario() -> bool:
        task = asyncio.ensure_future(only_ours(asyncio.sleep(60)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        return task.cancelled()

    assert asyncio.run(scenario())


def test_one_from_inside_is_an_error_also_in_the_clearing_up_after_a_cancellation() -> None:
    async def scenario() -> BaseException | None:
        async def work() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                await only_ours(stray())

        task = asyncio.ensure_future(work())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        return task.exception()

    assert isinstance(asyncio.run(scenario()), StrayCancellationError)


def test_a_time_out_inside_is_a_time_out() -> None:
    async def late() -> None:
        async with asyncio.timeout(0):
            await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        asyncio.run(only_ours(late()))


def test_what_runs_beside_ends_with_the_block() -> None:
    async def scenario() -> list[str]:
        said: list[str] = []

        async def work() -> None:
            try:
                said.append("begun")
                await asyncio.sleep(60)
            finally:
                said.append("ended")

        async with beside(work()):
            await asyncio.sleep(0.01)
            said.append("block")
        return said

    assert asyncio.run(scenario()) == ["begun", "block", "ended"]


def test_what_fails_beside_ends_the_block_with_its_error() -> None:
    async def scenario() -> None:
        async def work() -> None:
            raise LookupError("what went wrong")

        async with beside(work()):
            await asyncio.sleep(60)

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(scenario())
    assert caught.group_contains(LookupError)


def test_a_cancellation_from_inside_beside_ends_the_block_with_an_error() -> None:
    async def scenario() -> None:
        async with beside(stray()):
            await asyncio.sleep(60)

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(scenario())
    assert caught.group_contains(StrayCancellationError)


def test_the_blocks_own_error_comes_through() -> None:
    async def scenario() -> None:
        async with beside(asyncio.sleep(60)):
            raise LookupError("what went wrong")

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(scenario())
    assert caught.group_contains(LookupError)
