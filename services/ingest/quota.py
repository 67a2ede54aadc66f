"""How many items a minute a source may send: a token bucket in each process."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from uuid import UUID


class Quotas:
    """One bucket per source, full at first, refilled evenly; it holds one minute's worth."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._buckets: dict[UUID, tuple[float, float]] = {}

    def take(self, source_id: UUID, per_minute: int, items: int) -> int:
        """0 when ``items`` may come now, else in how many whole seconds.

        A batch larger than a whole minute's quota is taken from a full bucket.
        """
        now = self._monotonic()
        level, at = self._buckets.get(source_id, (float(per_minute), now))
        level = min(float(per_minute), level + (now - at) * per_minute / 60)
        needed = min(items, per_minute)
        if level >= needed:
            self._buckets[source_id] = (level - items, now)
            return 0
        self._buckets[source_id] = (level, now)
        return max(1, math.ceil((needed - level) * 60 / per_minute))

    def give_back(self, source_id: UUID, items: int) -> None:
        """A batch was not written and will come again."""
        if source_id in self._buckets:
            level, at = self._buckets[source_id]
            self._buckets[source_id] = (level + items, at)
