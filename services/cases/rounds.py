"""Tasks that look again now and then, and wait while the database is away."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from time import monotonic
from typing import ClassVar

from services.cases.store.scope import Database
from services.common import pg
from services.common.logging import get_logger

_log = get_logger(__name__)


class Rounds(ABC):
    """One round after the other; ``progress`` is when something was last seen to go on."""

    #: Whose waiting the log tells of.
    name: ClassVar[str]
    #: How long it rests between two rounds.
    every_seconds: ClassVar[float]

    def __init__(self, database: Database) -> None:
        self._database = database
        self.progress = monotonic()

    async def run(self) -> None:
        """Go round until cancelled. Only a database that is away is waited for."""
        while True:
            try:
                await self.once()
            except pg.AWAY as error:
                if not pg.is_away(error):
                    raise
                _log.warning(f"{self.name} waits", error=type(error).__name__)
            self.progress = monotonic()
            await asyncio.sleep(self.every_seconds)

    @abstractmethod
    async def once(self) -> int | None:
        """One round; how much was done, where that is counted."""
