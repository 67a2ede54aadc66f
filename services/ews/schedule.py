"""When each partition's checkpoint is due, and writing it; any failure ends the process."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from services.common.cancellation import only_ours
from services.common.settings import EwsSettings
from services.ews import metrics
from services.ews.checkpoint import Checkpointer
from services.ews.hooks import Hook
from services.ews.owned import Owned
from services.ews.partition import Snapshot
from services.ews.watchdog import Die, ExitCode

_TICK_SECONDS = 0.05
_CAUGHT_UP = 100
"""Facts; fewer to read than these is no backlog."""
_FAR_BEHIND = 2_000
"""Facts; with more to read than these nobody gets a warning sooner by more checkpoints."""
_CALM = 1.5
"""Times a transaction's usual length: a broker under strain is not asked more often."""
_LATELY = 15
"""Transactions, of all partitions; more than are under way at a time."""
_DECIDING_SECONDS = 1.0
_DECIDING = 0.4
"""For how long the others may decide while a transaction is under way: so many seconds, and
no more of the time that it has than this."""


@dataclass(slots=True)
class Schedule:
    """Writes the checkpoints of ``owned``; ``log_end`` tells where a partition's log ended."""

    settings: EwsSettings
    owned: dict[int, Owned]
    checkpointer: Checkpointer
    hook: Hook
    die: Die
    log_end: Callable[[int], int | None]
    clock: Callable[[], float]

    stopping: bool = field(init=False, default=False)
    _under_way: int = field(init=False, default=0)
    _turn: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _freed: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _deciding: deque[float] = field(init=False, default_factory=lambda: deque(maxlen=_LATELY))
    _tasks: set[asyncio.Task[None]] = field(init=False, default_factory=set)
    _lately: deque[float] = field(init=False, default_factory=lambda: deque(maxlen=_LATELY))
    _usual_seconds: float = field(init=False, default=0.0)

    async def run(self, beat: Callable[[], None]) -> None:
        """Write each partition's checkpoint when it is due, for ever; ``beat`` once a tick."""
        while True:
            now = self.clock()
            beat()
            for partition, entry in self.owned.items():
                if entry.writing is None and not self.stopping and self.due(partition, entry, now):
                    self.begin(partition, entry)
            self.gauges(now)
            await asyncio.sleep(_TICK_SECONDS)

    def due(self, partition: int, entry: Owned, now: float) -> bool:
        """After the interval, or sooner where somebody may be waiting for a warning.

        Far behind the log the interval is a longer one: a decision is made anew at every
        checkpoint, and most of those on the way nobody would ever see.
        """
        if not entry.runner.dirty:
            entry.dirty_since = None
            return False
        if entry.dirty_since is None:
            entry.dirty_since = now
        end = self.log_end(partition)
        behind = end - entry.runner.applied if end is not None else 0
        interval = (
            self.settings.ews_catch_up_seconds
            if behind > _FAR_BEHIND
            else self.settings.ews_checkpoint_seconds
        )
        if now - entry.checkpointed_at >= interval:
            return True
        wait = max(self.settings.ews_flush_seconds, _CALM * self._usual_seconds)
        # Behind the log, deciding seldom is what makes catching up fast.
        return (
            behind <= _CAUGHT_UP
            and now - entry.dirty_since >= wait
            and entry.runner.core.wants_flush
        )

    def begin(self, partition: int, entry: Owned) -> None:
        """Start writing a checkpoint; ``entry.writing`` is its task until it is done."""
        entry.writing = asyncio.create_task(self._write(partition, entry))
        self._tasks.add(entry.writing)
        entry.writing.add_done_callback(self._tasks.discard)

    async def _write(self, partition: int, entry: Owned) -> None:
        try:
            entry.waits = True
            async with self._slot():
                entry.waits, entry.turn_at = False, self.clock()
                if entry.runner.closed and not self.stopping:
                    return
                started = self.clock()
                snapshot = entry.runner.snapshot()
                self._deciding.append(self.clock() - started)
                await self.hook.reached("snapshot", partition)
                await only_ours(self.checkpointer.write(entry.producer, partition, snapshot))
        except Exception as error:  # noqa: BLE001 - any failure ends the process (design D3)
            self.die(ExitCode.SOFTWARE, str(error))
        else:
            self._written(entry, snapshot, started)
        finally:
            entry.waits = False
            entry.writing = None

    @contextlib.asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """Wait for a turn, and let the next one have it afterwards."""
        async with self._turn:  # who has waited longest is next
            while self._under_way >= self.at_once():
                self._freed.clear()
                await self._freed.wait()
            self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._freed.set()

    def at_once(self) -> int:
        """How many transactions may be under way.

        While one partition decides, the transactions of all others stand still: whoever waits
        for their warnings waits for it, and the broker aborts what it has not heard of for long.
        A worker that comes back decides on a whole school year of a class for every correction.
        """
        most = self.settings.ews_parallel_checkpoints
        longest = max(self._deciding, default=0.0)
        transaction = self.settings.ews_transaction_timeout_seconds
        time_for = min(_DECIDING_SECONDS, _DECIDING * transaction)
        return most if longest * most <= time_for else max(1, int(time_for / longest))

    def _written(self, entry: Owned, snapshot: Snapshot, started: float) -> None:
        entry.runner.committed = snapshot.position
        entry.checkpointed_at = self.clock()
        entry.dirty_since = None
        seconds = entry.checkpointed_at - started
        self._lately.append(seconds)
        # The median: those that outlasted an outage say nothing about the next ones.
        self._usual_seconds = statistics.median_low(self._lately)
        metrics.TRANSACTION_SECONDS.observe(seconds)
        if snapshot.oldest_timestamp:
            metrics.EVENT_LAG_SECONDS.observe(time.time() - snapshot.oldest_timestamp)
        batch = snapshot.batch
        metrics.FACTS.inc(snapshot.facts)
        metrics.FAILED_FOLDS.inc(len(batch.failed_folds))
        metrics.ROWS.labels("state").inc(len(batch.state))
        metrics.ROWS.labels("warnings").inc(len(batch.warnings))
        metrics.ROWS.labels("absence_days").inc(len(batch.absence_days))
        metrics.ROWS.labels("group_days").inc(len(batch.group_days))

    def gauges(self, now: float) -> None:
        """Bring the gauges up to date."""
        entries = self.owned.values()
        ages = [now - e.dirty_since for e in entries if e.dirty_since is not None]
        metrics.COMMIT_AGE_SECONDS.set(max(ages, default=0.0))
        metrics.PARTITIONS.set(len(self.owned))
        metrics.WAITING.set(sum(e.runner.waiting_for is not None for e in entries))
        metrics.REBUILDING.set(sum(e.runner.rebuilding for e in entries))
        for entry in entries:
            metrics.DUPLICATES.inc(entry.runner.duplicates)
            entry.runner.duplicates = 0
