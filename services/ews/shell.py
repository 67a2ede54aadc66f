"""The worker's partitions: who owns them, restoring, checkpointing, verifying, giving them up.

Knows nothing of Faust: :mod:`services.ews.faust_app` calls it. Everything here
runs on one event loop; :meth:`Shell.feed` never awaits.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer

from services.common.logging import get_logger
from services.common.settings import EwsSettings
from services.ews import metrics
from services.ews.checkpoint import Checkpointer, transactional_producer
from services.ews.core.api import PartitionCore, UnknownProfileError
from services.ews.errors import LogMismatchError, PoisonedError, SupersededError
from services.ews.hooks import Hook
from services.ews.inspection import Inspector
from services.ews.owned import Owned
from services.ews.partition import Events, PartitionRunner, Record
from services.ews.profiles import ProfileStore
from services.ews.restore import restore
from services.ews.schedule import Schedule
from services.ews.settling import Settling
from services.ews.topology import Topology
from services.ews.watchdog import Die, ExitCode

log = get_logger(__name__)

_CLOSE_SECONDS = 2.0


class Flow(Protocol):
    """What the shell asks of the consumer."""

    def pause(self, partition: int) -> None:
        """Fetch no more of ``partition`` until :meth:`resume`; loses nothing."""

    def resume(self, partition: int) -> None:
        """Go on where the fetching was paused."""

    def end(self, partition: int) -> int | None:
        """Where the log ended when it was last fetched from, if known."""


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
    schedule: Schedule = field(init=False)
    settling: Settling = field(init=False)
    inspector: Inspector = field(init=False)
    assigned_once: bool = field(init=False, default=False)
    _restoring: asyncio.Task[None] | None = field(init=False, default=None)
    _token: object = field(init=False, default=None)
    _closing: set[asyncio.Task[None]] = field(init=False, default_factory=set)
    _events: Events = field(init=False)

    def __post_init__(self) -> None:
        """Make those who look after the partitions."""
        self.schedule = Schedule(
            self.settings,
            self.owned,
            self.checkpointer,
            self.hook,
            self.die,
            self.flow.end,
            self.clock,
        )
        self.settling = Settling(self.owned, self.flow.end, self.clock)
        self.inspector = Inspector(self.settings, self.topology, self.owned, self.die, self.clock)
        self._events = Events(
            hold=self._hold,
            release=self.flow.resume,
            suspicious=self._suspicious,
            rejected=lambda _, reason: metrics.DEAD_LETTERS.labels(reason).inc(),
        )

    @property
    def stopping(self) -> bool:
        """Whether the worker gives everything up for good."""
        return self.schedule.stopping

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
            await _all_or_none([fence(partition) for partition in partitions])
            await self.hook.reached("fenced", -1)
            restored = await restore(
                self.settings, self.topology, partitions, self._new_core, still_ours
            )
            await self.hook.reached("restored", -1)
            still_ours()
            now = self.clock()
            for partition, found in restored.items():
                assert found.position is not None  # noqa: S101 - restore() has set every one
                # What was published while it was being restored was told to the owned ones only.
                self.profiles.teach(found.core)
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
                self._close(producers.values())
        self.assigned_once = True
        seconds = self.clock() - started
        metrics.RECOVERY_SECONDS.observe(seconds)
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
        owned = dict(self.owned)
        self.owned.clear()
        for entry in owned.values():
            entry.runner.closed = True
        writing = {entry.writing for entry in owned.values() if entry.writing is not None}
        if writing:
            seconds = self.settings.ews_session_timeout_seconds / 2
            _, unfinished = await asyncio.wait(writing, timeout=seconds)
            for task in unfinished:
                # The next owner's fence aborts the transaction, whatever it had come to.
                task.cancel()
        self.inspector.forget()
        self._close(entry.producer for entry in owned.values())
        self.schedule.gauges(self.clock())

    async def stop(self) -> None:
        """Write what is not yet written, then give everything up."""
        self.schedule.stopping = True
        final = []
        for partition, entry in self.owned.items():
            if entry.writing is None and entry.runner.dirty:
                self.schedule.begin(partition, entry)
            if entry.writing is not None:
                final.append(entry.writing)
            entry.runner.closed = True
        if final:
            await asyncio.wait(final, timeout=self.settings.ews_session_timeout_seconds / 2)
        await self.revoked()
        if self._closing:
            await asyncio.wait(self._closing, timeout=_CLOSE_SECONDS)

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
        self.inspector.suspect(partition)

    def _close(self, producers: Iterable[AIOKafkaProducer]) -> None:
        """Close in the background: nothing of theirs counts any more, and the group waits."""
        for producer in producers:
            task = asyncio.create_task(_stop(producer))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


async def _stop(producer: AIOKafkaProducer) -> None:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await producer.stop()


async def _all_or_none(coroutines: list[Coroutine[Any, Any, None]]) -> None:
    """Await all; when one fails or we are cancelled, none goes on behind our back."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
