"""Looking whether all is well: the log against the checkpoints, the topics, the progress."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from services.common.logging import get_logger
from services.common.settings import EwsSettings
from services.ews import metrics
from services.ews.errors import LogMismatchError
from services.ews.logreader import reader
from services.ews.owned import Owned
from services.ews.presence import missing
from services.ews.topology import Topology
from services.ews.verify import verify
from services.ews.watchdog import Die, ExitCode

log = get_logger(__name__)

_TOPIC_TRIES = 10
_AGAIN_SECONDS = 0.05


@dataclass(slots=True)
class Inspector:
    """Looks after ``owned``; ends the process where going on would lose facts in silence."""

    settings: EwsSettings
    topology: Topology
    owned: dict[int, Owned]
    die: Die
    clock: Callable[[], float]

    _ends: dict[int, int] = field(init=False, default_factory=dict)
    _advanced: dict[int, tuple[int, float]] = field(init=False, default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(init=False, default_factory=set)

    async def run(self) -> None:
        """Look once in a while, for ever."""
        while True:
            await asyncio.sleep(self.settings.ews_verify_seconds)
            await self.verify_now()
            await self._verify_topics()

    def suspect(self, partition: int) -> None:
        """Verify now, and again until the log has answered: the partition is held till then."""
        task = asyncio.create_task(self._verify_until_answered(partition))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def verify_now(self) -> None:
        """Compare every partition's position with the input log (:mod:`services.ews.verify`)."""
        owned = dict(self.owned)
        # As applied, not only as committed: a log that was cut off behind the last checkpoint
        # would otherwise pass. What is applied meanwhile lies further on in the same log.
        positions = {partition: entry.runner.position for partition, entry in owned.items()}
        if not positions:
            return
        try:
            async with reader(self.settings, small=True) as consumer:
                limits = await verify(consumer, self.topology.facts, positions)
        except LogMismatchError as error:
            self.die(ExitCode.OPERATOR, str(error))
        except Exception as error:  # noqa: BLE001 - no answer now is no mismatch; the next look counts
            log.warning("the log could not be compared with the checkpoints", why=str(error))
            return
        metrics.VERIFIED_SECONDS.set(time.time())
        for partition, (_, end) in limits.items():
            self._ends[partition] = end
        for entry in owned.values():
            if not entry.runner.closed:
                entry.runner.log_verified()

    def stuck(self) -> str | None:
        """A sentence when a partition with facts to read has not moved for too long."""
        now = self.clock()
        limit = self.settings.ews_stuck_seconds
        for partition, entry in list(self.owned.items()):
            runner = entry.runner
            offset, since = self._advanced.get(partition, (-1, now))
            if runner.applied != offset:
                self._advanced[partition] = (runner.applied, now)
                continue
            behind = self._ends.get(partition, 0) - runner.applied
            if behind > 0 and runner.waiting_for is None and now - since > limit:
                return (
                    f"partition {partition} has {behind} fact(s) to read and has read none for "
                    f"{now - since:.0f} s"
                )
            if entry.dirty_since is not None and now - self._owes_since(entry) > limit:
                return f"partition {partition} has written no checkpoint for {limit:.0f} s"
        return None

    def _owes_since(self, entry: Owned) -> float:
        """From when on a checkpoint that does not come is a sign of being stuck.

        A worker that comes back decides on a school year of every class, which takes minutes
        where it has many: whoever waits for its turn is no more stuck than those whose turn it is.
        """
        since = max(entry.dirty_since or 0.0, entry.turn_at)
        if entry.waits:
            return max(since, *(one.checkpointed_at for one in self.owned.values()))
        return since

    def forget(self) -> None:
        """The partitions have been given up."""
        self._advanced.clear()
        self._ends.clear()

    async def _verify_until_answered(self, partition: int) -> None:
        entry = self.owned.get(partition)
        while entry is not None and entry.runner.suspicious and not entry.runner.closed:
            await self.verify_now()
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _verify_topics(self) -> None:
        problems: list[str] = []
        # A broker that has just started may not yet know its topics: ask it for a while.
        for _ in range(_TOPIC_TRIES):
            try:
                problems = await missing(self.settings, self.topology)
            except Exception as error:  # noqa: BLE001 - no answer now is no missing topic
                log.warning("the broker could not be asked for the topics", why=str(error))
                return
            if not problems:
                return
            await asyncio.sleep(1)
        self.die(ExitCode.OPERATOR, "; ".join(problems))
