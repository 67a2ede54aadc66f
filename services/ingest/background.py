"""Work that no call starts: closing days, sending what waits, counting what is wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg

from services.common.clock import school_date
from services.common.logging import get_logger
from services.common.pg import AWAY, organiser_ids, tenant
from services.ingest import metrics
from services.ingest.errors import NotWrittenError
from services.ingest.roster.duties import coverage
from services.ingest.service import Service
from services.ingest.ss12000.pending import to_settle
from services.ingest.store import held, parked
from services.ingest.store.outbox import drain, waiting_count
from services.ingest.sync.store import lags

log = get_logger(__name__)

_MEASURE_SECONDS = 15.0
_AWAY: tuple[type[Exception], ...] = (*AWAY, asyncpg.PostgresError)


class Background:
    """Goes from organiser to organiser; a round that fails is tried again in the next."""

    def __init__(self, service: Service, *, every_seconds: float) -> None:
        self._service = service
        self._every = every_seconds
        self._measure_at = float("-inf")

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._every)
            await self.round()

    async def round(self) -> None:
        """One round of everything, for every organiser."""
        try:
            organisers = await organiser_ids(self._service.pool)
        except _AWAY as error:
            self._failed("organisers", error)
            return
        for organiser in organisers:
            await self.serve(organiser)
        if time.monotonic() >= self._measure_at:
            self._measure_at = time.monotonic() + _MEASURE_SECONDS
            try:
                await measure(self._service, organisers)
            except _AWAY as error:
                self._failed("measure", error)

    async def serve(self, organiser: UUID) -> None:
        """Everything that is due for one organiser; what fails is counted and left for later."""
        service = self._service
        tasks: dict[str, Callable[[], Awaitable[object]]] = {
            "outbox": lambda: drain(service.pool, service.publisher, organiser),
            "closer": lambda: service.closer.run(organiser),
            "release": lambda: service.releaser.run(organiser),
            "ss12000": lambda: self._settle(organiser),
        }
        for name, task in tasks.items():
            try:
                await task()
            except Exception as error:  # noqa: BLE001 - one organiser's trouble stops no other
                expected = isinstance(error, (NotWrittenError, *_AWAY))
                self._failed(name, error, trace=not expected)

    async def _settle(self, organiser: UUID) -> None:
        for source in await to_settle(self._service.pool, organiser, self._service.clock.now()):
            await self._service.inbox.settle(source)

    @staticmethod
    def _failed(task: str, error: Exception, *, trace: bool = False) -> None:
        metrics.BACKGROUND_FAILURES.labels(task).inc()
        log.warning(
            "background_round_failed",
            task=task,
            error=type(error).__name__,
            exc_info=error if trace else None,
        )


async def measure(service: Service, organisers: list[UUID]) -> None:
    """Set the gauges that say what waits and which units reach nobody."""
    today = school_date(service.clock.now())
    parked_now = outbox = on_principal = unassigned = rosters = 0
    lag = 0.0
    pulled: dict[str, float] = {}
    for organiser in organisers:
        async with tenant(service.pool, organiser) as connection:
            parked_now += await parked.waiting(connection)
            outbox += await waiting_count(connection)
            rosters += await held.waiting_now(connection)
            found = await coverage(connection, today)
            pulled |= await lags(connection, service.clock.now())
        on_principal += len(found.on_principal)
        unassigned += len(found.unassigned)
        lag = max(lag, await service.closer.lag_seconds(organiser))
    metrics.PARKED_NOW.set(parked_now)
    metrics.OUTBOX_WAITING.set(outbox)
    metrics.ROSTERS_HELD.set(rosters)
    metrics.UNITS_ON_PRINCIPAL.set(on_principal)
    metrics.UNITS_UNASSIGNED.set(unassigned)
    metrics.CLOSER_LAG.set(lag)
    metrics.PULL_LAG.clear()
    for source, seconds in pulled.items():
        metrics.PULL_LAG.labels(source).set(seconds)
