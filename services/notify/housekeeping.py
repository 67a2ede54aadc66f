"""What is measured and what is thrown away, now and then."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from uuid import UUID

from services.common import pg
from services.common.clock import Clock
from services.notify import metrics
from services.notify.worker import each_organiser

# Longer than cases.events.v1 keeps its events: a repeat from there is always recognised.
_INBOX = timedelta(days=120)
_OUTBOX = timedelta(days=7)
_PRUNE_SECONDS = 3600.0


class Housekeeping:
    """Sets the gauges; once an hour takes away what has served its purpose."""

    def __init__(self, pool: pg.Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._oldest = 0.0
        self._pending = 0
        self._pruned = float("-inf")

    async def round(self) -> int:
        """Measure, and prune when it is time; never says that there is more to do."""
        self._oldest, self._pending = 0.0, 0
        await each_organiser(self._pool, self._measure)
        metrics.DUE_AGE.set(self._oldest)
        metrics.OUTBOX_PENDING.set(self._pending)
        if time.monotonic() - self._pruned >= _PRUNE_SECONDS:
            await each_organiser(self._pool, self.prune)
            self._pruned = time.monotonic()
        return 0

    async def _measure(self, organiser_id: UUID) -> int:
        now = self._clock.now()
        async with pg.tenant(self._pool, organiser_id) as connection:
            row = await connection.fetchrow(
                "SELECT least((SELECT min(due_at) FROM notify.obligations WHERE state = 'waiting'),"
                " (SELECT min(due_at) FROM notify.messages WHERE state = 'queued')) AS due,"
                " (SELECT count(*) FROM notify.outbox WHERE published_at IS NULL) AS pending"
            )
        if row is not None:
            due: datetime | None = row["due"]
            self._oldest = max(self._oldest, (now - due).total_seconds() if due else 0.0)
            self._pending += row["pending"]
        return 0

    async def prune(self, organiser_id: UUID) -> int:
        """Delete published outbox rows and inbox rows that no repeat can ask for."""
        now = self._clock.now()
        async with pg.tenant(self._pool, organiser_id) as connection:
            await connection.execute(
                "DELETE FROM notify.outbox WHERE published_at < $1 AND created_at < $1",
                now - _OUTBOX,
            )
            await connection.execute(
                "DELETE FROM notify.inbox WHERE received_at < $1", now - _INBOX
            )
        return 0
