"""Long pieces of work on the event loop give way to others every so often."""

from __future__ import annotations

import asyncio
import time

SECONDS = 0.002
"""Of work between two looks at what else has come: an answer of the database waits no longer."""


class Turn:
    """One piece of work's. Ask :meth:`over` between two steps, and await :meth:`next` if it is."""

    def __init__(self) -> None:
        self._until = time.perf_counter() + SECONDS

    def over(self) -> bool:
        """Whether others have waited long enough."""
        return time.perf_counter() >= self._until

    async def next(self) -> None:
        """Everything else that is ready comes first."""
        await asyncio.sleep(0)
        self._until = time.perf_counter() + SECONDS
