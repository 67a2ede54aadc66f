"""Versions of facts: which of two statements about the same thing is newer (design D2)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from forvarning.facts.v1 import facts_pb2 as facts

if TYPE_CHECKING:
    from services.common.pg import Connection, Pool

SKEW = timedelta(minutes=5)
"""How far a source's clock may be ahead; a later modified time is capped to it."""

OWN_PRIORITY = 1000
"""Ingest's own facts (days, profiles): no source ranks as high."""

# Goes with INCREMENT BY of ingest.fact_sequence.
_BLOCK = 4096
# A block left over from a quiet hour is dropped, so that the numbers of several processes follow
# time closely: they decide between facts of the same modified time.
_BLOCK_SECONDS = 30.0


class Sequence:
    """Numbers that no process ever hands out twice, from blocks of a PostgreSQL sequence."""

    def __init__(self, pool: Pool, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._monotonic = monotonic
        self._next = 0
        self._end = 0
        self._taken_at = float("-inf")
        self._lock = asyncio.Lock()

    async def take(self, count: int) -> list[int]:
        """``count`` fresh numbers, ascending."""
        numbers: list[int] = []
        async with self._lock:
            if self._monotonic() - self._taken_at > _BLOCK_SECONDS:
                self._next = self._end
            while len(numbers) < count:
                if self._next == self._end:
                    self._next = await self._pool.fetchval("SELECT nextval('ingest.fact_sequence')")
                    self._end = self._next + _BLOCK
                    self._taken_at = self._monotonic()
                upto = min(self._end, self._next + count - len(numbers))
                numbers.extend(range(self._next, upto))
                self._next = upto
        return numbers


async def number_on(connection: Connection, count: int = 1) -> list[int]:
    """``count`` fresh numbers inside a transaction.

    A transaction must not wait for the pool's other connections: they may all
    be held by transactions that wait likewise. So it takes blocks of its own.
    """
    numbers: list[int] = []
    while len(numbers) < count:
        first = await connection.fetchval("SELECT nextval('ingest.fact_sequence')")
        numbers.extend(range(first, first + min(_BLOCK, count - len(numbers))))
    return numbers


def capped(modified: datetime, arrival: datetime) -> tuple[int, bool]:
    """A source's modified time in Unix milliseconds, and whether it had to be capped."""
    limit = arrival + SKEW
    late = modified > limit
    return int((limit if late else modified).timestamp() * 1000), late


def version(priority: int, modified_unix_ms: int, sequence: int) -> facts.Version:
    return facts.Version(priority=priority, modified_unix_ms=modified_unix_ms, sequence=sequence)
