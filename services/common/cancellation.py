"""Telling a cancellation that somebody asked for from one that came from inside.

A library that cancels a task of its own and awaits it may pass the cancellation on to its caller,
who then ends as if it had been asked to: asyncio takes a cancelled task for one that is meant to
be gone, and a TaskGroup says nothing of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class StrayCancellationError(Exception):
    """Something that was awaited says that it was cancelled, and nobody has asked for it."""


async def only_ours(work: Awaitable[T]) -> T:
    """Await ``work`` in this task.

    Raises CancelledError where this task was cancelled meanwhile, and StrayCancellationError
    where it was not and the cancellation came from inside.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        return await work
    except asyncio.CancelledError as error:
        if task and task.cancelling() > before:
            raise
        raise StrayCancellationError(f"cancelled by nobody: {error!r}") from error


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, object]) -> AsyncIterator[None]:
    """Run ``work`` until the block ends. Where it fails, the block ends with its error at once."""
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(only_ours(work))
            try:
                yield
            finally:
                task.cancel()
    finally:
        # The block may have ended before it began.
        work.close()
