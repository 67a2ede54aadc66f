"""Starts runs when they are due: by the interval, by a webhook, by the operator."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from services.common.backoff import Backoff
from services.common.clock import Clock
from services.common.logging import get_logger
from services.common.pg import AWAY, organiser_ids
from services.ingest import metrics
from services.ingest.errors import IngestError
from services.ingest.ss12000.results import InboxLike
from services.ingest.store.sources import Source
from services.ingest.sync.engine import Run
from services.ingest.sync.errors import BusyError, SyncError
from services.ingest.sync.feedback import Feedback
from services.ingest.sync.locked import Locked, locked
from services.ingest.sync.model import Ended, Kind, Pull
from services.ingest.sync.pages import Pages
from services.ingest.sync.remote import LONGEST, Remote, Sleep
from services.ingest.sync.secrets import Secrets
from services.ingest.sync.store import due
from services.ingest.sync.subscriptions import Subscriptions

if TYPE_CHECKING:
    from services.common.pg import Pool

log = get_logger(__name__)

Key = tuple[UUID, UUID]


class PullRunner:
    """Reads every pulled source in turn, one run at a time each, ``parallel`` sources at once."""

    def __init__(
        self,
        *,
        pool: Pool,
        inbox: InboxLike,
        clock: Clock,
        secrets: Secrets,
        public_url: str | None,
        parallel: int,
        every_seconds: float,
        backoff: Backoff | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._pool = pool
        self._inbox = inbox
        self._clock = clock
        self._secrets = secrets
        self._public_url = public_url
        self._every = every_seconds
        self._backoff = backoff or Backoff(timedelta(seconds=1), LONGEST)
        self._sleep = sleep
        self._slots = asyncio.Semaphore(parallel)
        self._tasks: dict[Key, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until cancelled; the runs under way are then stopped at the page they are at."""
        try:
            while True:
                await asyncio.sleep(self._every)
                try:
                    await self.tick()
                except AWAY as error:
                    log.warning("pulls_not_looked_up", error=type(error).__name__)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def tick(self) -> list[asyncio.Task[None]]:
        """Start what is due and not under way here; returns the tasks started."""
        started = []
        for organiser in await organiser_ids(self._pool):
            for source in await due(self._pool, organiser, self._clock.now()):
                key = organiser, source
                if key in self._tasks:
                    continue
                task = asyncio.create_task(self._guarded(organiser, source))
                self._tasks[key] = task
                task.add_done_callback(self._forget(key))
                started.append(task)
        return started

    def _forget(self, key: Key) -> Callable[[object], None]:
        def forget(_: object) -> None:
            self._tasks.pop(key, None)

        return forget

    async def _guarded(self, organiser: UUID, source: UUID) -> None:
        async with self._slots:
            try:
                await self.once(organiser, source)
            except AWAY as error:
                log.warning("pull_interrupted", error=type(error).__name__)
            except Exception:
                # Its lock is gone and its cursor where it was: the next tick tries again.
                metrics.PULL_RUNS.labels("crashed").inc()
                log.exception("pull_crashed", source=str(source))
                await self._sleep(self._backoff.longest.total_seconds())

    async def once(self, organiser: UUID, source_id: UUID) -> bool:
        """One run, if it is due and nobody else is at it; False otherwise."""
        async with locked(self._pool, organiser, source_id) as mine:
            if mine is None:
                return False
            pull, source = await mine.pull(), await mine.source()
            now = self._clock.now()
            if pull is None or source is None or pull.paused:
                return False
            if pull.wanted is None and pull.next_at > now:
                return False
            await self._run(mine, pull, source, now)
        return True

    async def _run(self, mine: Locked, pull: Pull, source: Source, now: datetime) -> None:
        kind = _kind(pull, now)
        # Whoever asks from here on asks for one more.
        await mine.set_pull(wanted=None)
        number = await mine.start_run(kind, now)
        own = log.bind(source=str(pull.source_id), run=number, kind=kind)
        own.info("pull_started")
        async with Remote(
            pull, self._secrets, self._clock, backoff=self._backoff, sleep=self._sleep
        ) as remote:
            pages = Pages(
                run_id=number,
                pull=pull,
                source=source,
                inbox=self._inbox,
                locked=mine,
                remote=remote,
                clock=self._clock,
                backoff=self._backoff,
                sleep=self._sleep,
            )
            ended = await self._read(Run(pages, remote), kind)
            await self._end(mine, pull, number, ended, pages)
            own.info("pull_ended", outcome=ended.outcome, code=ended.code, pages=pages.tally.pages)
            if ended.outcome != "failed":
                await self._afterwards(mine, pull, remote, number, pages)

    async def _read(self, run: Run, kind: Kind) -> Ended:
        try:
            outcome = await run.run(kind)
        except BusyError as error:
            return Ended("failed", error.code, str(error), error.until)
        except SyncError as error:
            return Ended("failed", error.code, str(error))
        except IngestError as error:
            return Ended("failed", getattr(error, "code", "failed"), str(error))
        return Ended("held") if outcome.held else Ended("done")

    async def _end(self, mine: Locked, pull: Pull, number: int, ended: Ended, pages: Pages) -> None:
        now = self._clock.now()
        again = now + timedelta(seconds=pull.interval_seconds)
        await mine.end_run(number, now, ended, pages.tally.take_problems())
        await mine.set_pull(
            learned=pages.reader.learned.stored(),
            next_at=max(again, ended.again_at) if ended.again_at else again,
        )
        metrics.PULL_RUNS.labels(ended.outcome).inc()
        if ended.outcome == "failed":
            return
        await mine.set_pull(last_success_at=now, accept_losses=False)

    async def _afterwards(
        self, mine: Locked, pull: Pull, remote: Remote, number: int, pages: Pages
    ) -> None:
        """What the school system gets from us; none of it is worth failing a run for."""
        if pull.feedback:
            problems = await mine.unreported(number)
            if await Feedback(pull, remote).send(pages.tally.counts, problems):
                await mine.reported(number)
        with contextlib.suppress(SyncError):
            await Subscriptions(pull, mine, remote, self._public_url).keep()


def _kind(pull: Pull, now: datetime) -> Kind:
    if pull.wanted == "full" or pull.full_since is not None or pull.full_done_at is None:
        return "full"
    return "full" if now - pull.full_done_at >= timedelta(hours=pull.full_every_hours) else "delta"
