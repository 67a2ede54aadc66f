"""The worker's partitions: who owns them, restoring, checkpointing, verifying, giving them up.

Knows nothing of Faust: :mod:`services.ews.faust_app` calls it. Everything here
runs on one event loop; :meth:`Shell.feed` never awaits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from aiokafka import AIOKafkaProducer

from services.common.logging import get_logger
from services.common.settings import EwsSettings
from services.ews import metrics
from services.ews.checkpoint import Checkpointer, transactional_producer
from services.ews.core.api import PartitionCore, UnknownProfileError
from services.ews.errors import LogMismatchError, PoisonedError, SupersededError
from services.ews.hooks import Hook
from services.ews.logreader import reader
from services.ews.partition import Events, PartitionRunner, Record
from services.ews.presence import missing
from services.ews.profiles import ProfileStore
from services.ews.restore import restore
from services.ews.topology import Topology
from services.ews.verify import verify
from services.ews.watchdog import Die, ExitCode

log = get_logger(__name__)

_TICK_SECONDS = 0.05
_CLOSE_SECONDS = 2.0
_TOPIC_TRIES = 10
_CAUGHT_UP = 100
"""Facts; fewer to read than these is no backlog."""


class Flow(Protocol):
    """What the shell asks of the consumer."""

    def pause(self, partition: int) -> None:
        """Fetch no more of ``partition`` until :meth:`resume`; loses nothing."""

    def resume(self, partition: int) -> None:
        """Go on where the fetching was paused."""

    def end(self, partition: int) -> int | None:
        """Where the log ended when it was last fetched from, if known."""


@dataclass(slots=True)
class Owned:
    """A restored partition and what is going on with it."""

    runner: PartitionRunner
    producer: AIOKafkaProducer
    checkpointed_at: float
    dirty_since: float | None = None
    writing: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Shell:
    """All partitions of one worker."""

    settings: EwsSettings
    topology: Topology
    make_core: Callable[[], PartitionCore]
    profiles: ProfileStore
    checkpointer: Checkpointer
    hook: Hook
    die: Die
    flow: Flow
    clock: Callable[[], float] = time.monotonic

    owned: dict[int, Owned] = field(init=False, default_factory=dict)
    assigned_once: bool = field(init=False, default=False)
    stopping: bool = field(init=False, default=False)
    _restoring: asyncio.Task[None] | None = field(init=False, default=None)
    _token: object = field(init=False, default=None)
    _tasks: set[asyncio.Task[None]] = field(init=False, default_factory=set)
    _slots: asyncio.Semaphore = field(init=False)
    _ends: dict[int, int] = field(init=False, default_factory=dict)
    _advanced: dict[int, tuple[int, float]] = field(init=False, default_factory=dict)
    _events: Events = field(init=False)

    def __post_init__(self) -> None:
        """Set what depends on the settings."""
        self._slots = asyncio.Semaphore(self.settings.ews_parallel_checkpoints)
        self._events = Events(
            hold=self._hold,
            release=self.flow.resume,
            suspicious=self._suspicious,
            rejected=lambda _, reason: metrics.DEAD_LETTERS.labels(reason).inc(),
        )

    # --- facts ---------------------------------------------------------------

    def feed(self, partition: int, record: Record) -> None:
        """Apply one record of the input log, or end the process."""
        owned = self.owned.get(partition)
        if owned is None:
            return  # revoked a moment ago; its next owner reads it again
        try:
            owned.runner.feed(record)
        except PoisonedError as error:
            self.die(ExitCode.OPERATOR, str(error))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the state is not to be trusted
            self.die(ExitCode.SOFTWARE, f"{type(error).__name__}: {error}")

    def positions(self) -> dict[int, int]:
        """The next offset that each owned partition wants from the log."""
        return {partition: owned.runner.expected for partition, owned in self.owned.items()}

    # --- the group -----------------------------------------------------------

    async def assigned(
        self, partitions: Iterable[int], token: object, moved_on: Callable[[], bool]
    ) -> None:
        """Own ``partitions`` from now on: fence, restore, verify.

        ``token`` names the assignment; a second call with the same one does
        nothing. ``moved_on`` tells whether a newer rebalance has begun: Faust
        does not cancel this when one does, and an old, slow restore would
        fence the rightful owner.
        """
        if token == self._token or self.stopping:
            return
        self._token = token
        task = asyncio.create_task(self._own(sorted(set(partitions)), moved_on))
        self._restoring = task
        await asyncio.wait({task})
        if self._restoring is task:
            self._restoring = None
        if task.cancelled():
            if not moved_on() and not self.stopping:
                self.die(ExitCode.SOFTWARE, "restoring was cancelled by nobody of ours")
            log.info("a restore was given up: its partitions were revoked")
            return
        error = task.exception()
        if isinstance(error, SupersededError):
            log.info("a restore was given up: a newer rebalance has begun")
        elif isinstance(error, LogMismatchError):
            self.die(ExitCode.OPERATOR, str(error))
        elif error is not None:
            self.die(ExitCode.SOFTWARE, f"restoring failed: {type(error).__name__}: {error}")

    async def _own(self, partitions: list[int], moved_on: Callable[[], bool]) -> None:
        def still_ours() -> None:
            if moved_on():
                raise SupersededError

        started = self.clock()
        metrics.REBALANCES.inc()
        await self.hook.reached("assigned", -1)
        if not partitions:
            self.assigned_once = True
            log.info("more workers than partitions: this one stands by")
            return
        producers: dict[int, AIOKafkaProducer] = {}

        async def fence(partition: int) -> None:
            still_ours()
            producer = producers[partition] = transactional_producer(self.settings, partition)
            await producer.start()
            still_ours()

        kept = False
        try:
            # The fence comes first: what is read after it can no longer change under us.
            await asyncio.gather(*(fence(partition) for partition in partitions))
            await self.hook.reached("fenced", -1)
            restored = await restore(
                self.settings, self.topology, partitions, self._new_core, still_ours
            )
            await self.hook.reached("restored", -1)
            still_ours()
            now = self.clock()
            for partition, found in restored.items():
                assert found.position is not None  # noqa: S101 - restore() has set every one
                runner = PartitionRunner(
                    partition,
                    found.core,
                    found.position,
                    self._events,
                    self.settings.ews_max_undigestible_in_row,
                )
                self.owned[partition] = Owned(runner, producers[partition], now)
            kept = True
        finally:
            if not kept:
                await self._close(producers.values())
        self.assigned_once = True
        seconds = self.clock() - started
        metrics.RECOVERY_SECONDS.observe(seconds)
        metrics.PARTITIONS.set(len(self.owned))
        rows = sum(found.rows for found in restored.values())
        log.info("restored", partitions=len(restored), rows=rows, seconds=round(seconds, 3))
        await self.hook.reached("verified", -1)

    async def revoked(self) -> None:
        """Give everything up: let what is being written finish, then drop the hot state.

        Takes at most half the session time-out (plus a moment to close), so
        that the group does not wait for us.
        """
        if self._restoring is not None:
            self._restoring.cancel()
            await asyncio.wait({self._restoring}, timeout=_CLOSE_SECONDS)
        owned, self.owned = self.owned, {}
        for entry in owned.values():
            entry.runner.closed = True
        writing = {entry.writing for entry in owned.values() if entry.writing is not None}
        if writing:
            seconds = self.settings.ews_session_timeout_seconds / 2
            _, unfinished = await asyncio.wait(writing, timeout=seconds)
            for task in unfinished:
                # The next owner's fence aborts the transaction, whatever it had come to.
                task.cancel()
        self._advanced.clear()
        self._ends.clear()
        await self._close(entry.producer for entry in owned.values())
        self._gauges(self.clock())

    async def stop(self) -> None:
        """Write what is not yet written, then give everything up."""
        self.stopping = True
        final = []
        for partition, entry in self.owned.items():
            if entry.writing is None and entry.runner.dirty:
                self._begin(partition, entry)
            if entry.writing is not None:
                final.append(entry.writing)
            entry.runner.closed = True
        if final:
            await asyncio.wait(final, timeout=self.settings.ews_session_timeout_seconds / 2)
        await self.revoked()

    # --- checkpoints ---------------------------------------------------------

    async def run_checkpoints(self, beat: Callable[[], None]) -> None:
        """Write each partition's checkpoint when it is due, for ever; ``beat`` once a tick."""
        while True:
            now = self.clock()
            beat()
            for partition, entry in self.owned.items():
                if entry.writing is None and not self.stopping and self._due(partition, entry, now):
                    self._begin(partition, entry)
            self._gauges(now)
            await asyncio.sleep(_TICK_SECONDS)

    def _due(self, partition: int, entry: Owned, now: float) -> bool:
        if not entry.runner.dirty:
            entry.dirty_since = None
            return False
        if entry.dirty_since is None:
            entry.dirty_since = now
        if now - entry.checkpointed_at >= self.settings.ews_checkpoint_seconds:
            return True
        if now - entry.dirty_since < self.settings.ews_flush_seconds:
            return False
        if not entry.runner.core.wants_flush:
            return False
        # Behind the log, deciding seldom is what makes catching up fast.
        end = self.flow.end(partition)
        return end is None or end - entry.runner.applied <= _CAUGHT_UP

    def _begin(self, partition: int, entry: Owned) -> None:
        entry.writing = asyncio.create_task(self._write(partition, entry))
        self._tasks.add(entry.writing)
        entry.writing.add_done_callback(self._tasks.discard)

    async def _write(self, partition: int, entry: Owned) -> None:
        try:
            async with self._slots:
                if entry.runner.closed and not self.stopping:
                    return
                started = self.clock()
                snapshot = entry.runner.snapshot()
                await self.hook.reached("snapshot", partition)
                await self.checkpointer.write(entry.producer, partition, snapshot)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - any failure ends the process (design D3)
            self.die(ExitCode.SOFTWARE, str(error))
        else:
            entry.runner.committed = snapshot.position
            entry.checkpointed_at = self.clock()
            entry.dirty_since = None
            metrics.TRANSACTION_SECONDS.observe(entry.checkpointed_at - started)
            if snapshot.oldest_timestamp:
                metrics.EVENT_LAG_SECONDS.observe(time.time() - snapshot.oldest_timestamp)
            metrics.FACTS.inc(snapshot.facts)
            metrics.FAILED_FOLDS.inc(len(snapshot.batch.failed_folds))
            metrics.ROWS.labels("state").inc(len(snapshot.batch.state))
            metrics.ROWS.labels("warnings").inc(len(snapshot.batch.warnings))
            metrics.ROWS.labels("absence_days").inc(len(snapshot.batch.absence_days))
            metrics.ROWS.labels("group_days").inc(len(snapshot.batch.group_days))
        finally:
            entry.writing = None

    # --- the log -------------------------------------------------------------

    async def run_verification(self) -> None:
        """Compare every checkpoint with the input log once in a while, for ever."""
        while True:
            await asyncio.sleep(self.settings.ews_verify_seconds)
            await self.verify_now()
            await self._verify_topics()

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

    async def verify_now(self) -> None:
        """Compare now; ends the process where a checkpoint and the log do not belong together."""
        owned = dict(self.owned)
        # As committed now: what is applied later lies further on in the same log.
        positions = {partition: entry.runner.committed for partition, entry in owned.items()}
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
            if entry.dirty_since is not None and now - entry.dirty_since > limit:
                return f"partition {partition} has written no checkpoint for {limit:.0f} s"
        return None

    # --- profiles ------------------------------------------------------------

    def profile_learned(self, key: tuple[str, int]) -> None:
        """A new content is known: teach every core, and go on where one was missing."""
        for entry in self.owned.values():
            self.profiles.teach(entry.runner.core, key)
            try:
                entry.runner.profile_learned()
            except PoisonedError as error:
                self.die(ExitCode.OPERATOR, str(error))

    def waiting(self) -> list[str]:
        """The profiles that partitions wait for, as ``id@version``."""
        missing = (entry.runner.waiting_for for entry in list(self.owned.values()))
        return sorted({f"{m.profile_id}@{m.profile_version}" for m in missing if m is not None})

    # --- helpers -------------------------------------------------------------

    def _new_core(self) -> PartitionCore:
        core = self.make_core()
        self.profiles.teach(core)
        return core

    def _hold(self, partition: int, missing: UnknownProfileError) -> None:
        self.flow.pause(partition)
        log.error(
            "waiting for the content of a rule profile; this partition's facts are held back",
            partition=partition,
            profile=f"{missing.profile_id}@{missing.profile_version}",
            mend="publish it on rules.profiles.v1: forvarning rules activate",
        )

    def _suspicious(self, partition: int) -> None:
        log.warning("an old offset came again; the log is verified first", partition=partition)
        self.flow.pause(partition)
        task = asyncio.create_task(self._verify_until_answered(partition))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _verify_until_answered(self, partition: int) -> None:
        # A held partition goes on only when the log has answered; the broker may be away a while.
        entry = self.owned.get(partition)
        while entry is not None and entry.runner.suspicious and not entry.runner.closed:
            await self.verify_now()
            await asyncio.sleep(_TICK_SECONDS)

    def _gauges(self, now: float) -> None:
        entries = self.owned.values()
        ages = [now - e.dirty_since for e in entries if e.dirty_since is not None]
        metrics.COMMIT_AGE_SECONDS.set(max(ages, default=0.0))
        metrics.PARTITIONS.set(len(self.owned))
        metrics.WAITING.set(sum(e.runner.waiting_for is not None for e in entries))
        metrics.REBUILDING.set(sum(e.runner.rebuilding for e in entries))
        for entry in entries:
            metrics.DUPLICATES.inc(entry.runner.duplicates)
            entry.runner.duplicates = 0

    async def _close(self, producers: Iterable[AIOKafkaProducer]) -> None:
        stops = [asyncio.create_task(producer.stop()) for producer in producers]
        if stops:
            _, late = await asyncio.wait(stops, timeout=_CLOSE_SECONDS)
            for task in late:
                task.cancel()
