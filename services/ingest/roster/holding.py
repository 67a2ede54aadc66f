"""Rosters that may be right and look wrong: kept until a human decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from services.common.clock import Clock
from services.common.pg import tenant
from services.ingest.model.answers import Note
from services.ingest.model.roster import RosterIn
from services.ingest.roster.apply import RosterService
from services.ingest.roster.changes import Applied, RosterRefusedError
from services.ingest.store import doubts, held
from services.ingest.store.sources import Source

if TYPE_CHECKING:
    from services.common.pg import Pool

HOLDABLE = frozenset({"too_many_left", doubts.CODE})
"""Reasons that a human may overrule."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A roster that waits, and why."""

    held_id: UUID
    reasons: list[Note]


class RosterDesk:
    """Takes whole rosters from sources: applies them, or holds them."""

    def __init__(
        self, *, pool: Pool, clock: Clock, roster: RosterService, new_id: Callable[[], UUID]
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._roster = roster
        self._new_id = new_id

    async def take(
        self, source: Source, roster: RosterIn, *, accept_losses: bool = False
    ) -> Applied | Kept:
        """Apply ``roster``, or keep it where only reasons speak against it that a human may
        overrule. Either way an earlier one of the source that waits is out of date.

        Raises :class:`RosterRefusedError` for every other reason.
        """
        try:
            applied = await self._roster.put(source, roster, accept_losses=accept_losses)
        except RosterRefusedError as error:
            if not {problem.code for problem in error.problems} <= HOLDABLE:
                raise
            kept = Kept(self._new_id(), error.problems)
            async with tenant(self._pool, source.organiser_id) as connection:
                await held.hold(
                    connection, source, kept.held_id, roster, kept.reasons, now=self._clock.now()
                )
            return kept
        if roster.pupils is not None:
            async with tenant(self._pool, source.organiser_id) as connection:
                await held.supersede(connection, source, self._clock.now())
        return applied
