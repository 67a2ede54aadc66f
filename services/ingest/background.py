"""Work that no call starts: closing days, sending what waits, counting what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

from services.common.clock import Clock, school_date
from services.common.logging import get_logger
from services.common.pg import organiser_ids, tenant
from services.ingest import metrics
from services.ingest.errors import NotWrittenError
from services.ingest.roster.duties import coverage
from services.ingest.service import Service
from services.ingest.store import parked
from services.ingest.store.outbox import drain, waiting_count

if TYPE_CHECKING:
    from services.common.pg import Pool

log = get_logger(__name__)


class Background:
    """Goes from organiser to organiser; a round that fails is tried again in the next."""

    def __init__(self, service: Service, *, every_seconds: float) -> None:
        self._service = service
        self._every = every_seconds
        self._last_round_ok = True

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.round()
            await asyncio.sleep(self._every)

    async def round(self) -> None:
        """One round of everything, for every organiser."""
        service = self._service
        try:
            organisers = await organiser_ids(service.pool)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            self._failed("organisers", error)
            return
        tasks: dict[str, Callable[[UUID], Awaitable[object]]] = {
            "outbox": lambda organiser: drain(service.pool, service.publisher, organiser),
            "closer": service.closer.run,
            "release": service.releaser.run,
        }
        for name, task in tasks.items():
            for organiser in organisers:
                try:
                    await task(organiser)
                except (
                    NotWrittenError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError,
                ) as error:  # fmt: skip
                    self._failed(name, error)
                except Exception as error:  # noqa: BLE001 - one organiser's trouble stops no other
                    self._failed(name, error, trace=True)
        try:
            await _measure(service.pool, service.clock, service, organisers)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            self._failed("measure", error)

    @staticmethod
    def _failed(task: str, error: Exception, *, trace: bool = False) -> None:
        metrics.BACKGROUND_FAILURES.labels(task).inc()
        log.warning(
            "background_round_failed",
            task=task,
            error=type(error).__name__,
            exc_info=error if trace else None,
        )


async def _measure(pool: Pool, clock: Clock, service: Service, organisers: list[UUID]) -> None:
    today = school_date(clock.now())
    parked_now = outbox = on_principal = unassigned = 0
    lag = 0.0
    for organiser in organisers:
        async with tenant(pool, organiser) as connection:
            parked_now += await parked.waiting(connection)
            outbox += await waiting_count(connection)
            found = await coverage(connection, today)
        on_principal += len(found.on_principal)
        unassigned += len(found.unassigned)
        lag = max(lag, await service.closer.lag_seconds(organiser))
    metrics.PARKED_NOW.set(parked_now)
    metrics.OUTBOX_WAITING.set(outbox)
    metrics.UNITS_ON_PRINCIPAL.set(on_principal)
    metrics.UNITS_UNASSIGNED.set(unassigned)
    metrics.CLOSER_LAG.set(lag)
