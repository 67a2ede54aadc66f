"""The clocks, kept running: every case's duties follow what has happened in it and what day it is.

A step that a person takes settles its case in its own transaction. Warnings, the roster and the
turning of days do not wait for anybody, so this task settles every case that has changed since it
was last settled, and every open one when a day begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from uuid import UUID

from services.cases.rounds import Rounds
from services.cases.store import cases, settled, settling
from services.common import pg

_PORTION = 100
#: Who waits is asked for many portions at once: the question goes through all cases there are.
_ASKED = 5000


class Clockwork(Rounds):
    """Goes through every organiser, one transaction a portion."""

    name = "the clocks"
    every_seconds = 2.0

    async def once(self) -> int:
        """Settle whatever waits; how many cases that were."""
        total = 0
        for organiser_id in await pg.organiser_ids(self._database.pool):
            more = True
            while more:
                waiting = await self._waiting(organiser_id)
                for at in range(0, len(waiting), _PORTION):
                    total += await self._portion(organiser_id, waiting[at : at + _PORTION])
                    self.progress = monotonic()
                # Fewer than asked for are all there were.
                more = len(waiting) == _ASKED
        return total

    async def _waiting(self, organiser_id: UUID) -> list[UUID]:
        async with self._database.system(organiser_id) as connection:
            return await settled.unsettled(connection, self._database.now(), _ASKED)

    async def _portion(self, organiser_id: UUID, ids: Sequence[UUID]) -> int:
        now, today = self._database.now(), self._database.today()
        async with self._database.system(organiser_id) as connection:
            # Locked, so that what is written is what was read.
            held = await cases.by_ids(connection, ids)
            await settling.settle(connection, held, now, today)
        return len(held)
