"""Judging what was restored before somebody waits for it, in the moments when nobody does.

Who comes back needs no verdict of the school year for a morning's registers; the
closing of the day does, for every class of the unit at once. So each class is
judged beforehand, a little at a time and only while no fact waits for long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from services.common.logging import get_logger
from services.ews.owned import Owned

log = get_logger(__name__)

_SHORTEST_SECONDS = 0.02
_NOTHING_SECONDS = 1.0
"""Between two looks for a partition that has just been restored."""
_LONG_SECONDS = 0.4
"""A fact that has waited for longer is somebody's turn, not ours."""


@dataclass(slots=True)
class Settling:
    """Settles the partitions of ``owned``, one bucket at a time."""

    owned: dict[int, Owned]
    log_end: Callable[[int], int | None]
    clock: Callable[[], float]

    async def run(self) -> None:
        """Go on for ever; at most half of the time is spent on it."""
        while True:
            started = self.clock()
            if self.step():
                spent = self.clock() - started
                await asyncio.sleep(max(_SHORTEST_SECONDS, spent))
            else:
                await asyncio.sleep(_NOTHING_SECONDS)

    def step(self) -> bool:
        """Judge one bucket if nobody waits; False where there is nothing left to do."""
        left = [(number, one) for number, one in self.owned.items() if not one.settled]
        now = self.clock()
        waits = (one.dirty_since for one in self.owned.values() if one.dirty_since is not None)
        if left and now - min(waits, default=now) < _LONG_SECONDS and not self._behind():
            self._one(left)
        return bool(left)

    def _behind(self) -> bool:
        """Whether there are facts to read: who comes back has those to catch up with first."""
        ends = ((self.log_end(number), one.runner.applied) for number, one in self.owned.items())
        return any(end is not None and end > applied for end, applied in ends)

    def _one(self, left: list[tuple[int, Owned]]) -> None:
        """One of the first partition that holds nothing uncommitted."""
        for number, entry in left:
            runner = entry.runner
            if runner.dirty or runner.held or entry.writing is not None:
                continue
            try:
                entry.settled = not runner.settle()
            except Exception as error:  # noqa: BLE001 - the fact that needs the bucket will tell
                entry.settled = True
                log.warning(
                    "judging beforehand failed", partition=number, error=type(error).__name__
                )
            return
