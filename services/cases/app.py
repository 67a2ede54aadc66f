"""The composition root: what the case service is made of."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic
from uuid import UUID

from aiokafka import AIOKafkaConsumer
from fastapi import FastAPI

from services.cases import metrics
from services.cases.api import cases as cases_api
from services.cases.api import chain as chain_api
from services.cases.api import classes as classes_api
from services.cases.api import documents as documents_api
from services.cases.api import due as due_api
from services.cases.api import internal as internal_api
from services.cases.api import journal as journal_api
from services.cases.api import openings as openings_api
from services.cases.api import queue as queue_api
from services.cases.clockwork import Clockwork
from services.cases.consumer import TopicConsumer
from services.cases.courier import Courier
from services.cases.domain import threads
from services.cases.intake import absence, deliveries, school
from services.cases.intake.warnings import WarningIntake
from services.cases.publisher import OutboxPublisher
from services.cases.reminders import Reminders
from services.cases.rule_profiles import RuleProfiles
from services.cases.store.scope import Database
from services.cases.sweep import Sweep
from services.cases.web import install as install_web
from services.common import pg, problem, topics
from services.common.clock import clock_from
from services.common.http import Check, add_health
from services.common.kafka import committed_reader, idempotent_producer
from services.common.logging import get_logger
from services.common.settings import CasesSettings

_log = get_logger(__name__)
_STUCK_SECONDS = 120.0


class Background:
    """The tasks beside HTTP. When one of them ends, the process ends: it is started again whole."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._progress: dict[str, Callable[[], float]] = {}
        self.started = False

    def start(
        self, name: str, work: Callable[[], Awaitable[None]], progress: Callable[[], float]
    ) -> None:
        async def guarded() -> None:
            try:
                await work()
            except asyncio.CancelledError:
                raise
            except BaseException:  # noqa: BLE001 - whatever it was, the process must not live on without the task
                _log.exception("background task failed", task=name)
                # Nothing that was read is lost: offsets follow the effects.
                os._exit(70)

        self._tasks[name] = asyncio.create_task(guarded(), name=name)
        self._progress[name] = progress

    async def stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def alive(self) -> str | None:
        stuck = [
            name for name, seen in self._progress.items() if monotonic() - seen() > _STUCK_SECONDS
        ]
        return f"no progress for {_STUCK_SECONDS:.0f} s: {', '.join(stuck)}" if stuck else None

    async def running(self) -> str | None:
        return None if self.started else "still starting"


def build(settings: CasesSettings) -> FastAPI:
    """The whole service behind one ASGI application."""
    background = Background()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            pool = await pg.connect(settings.cases_database_url, service="cases", size=12)
            stack.push_async_callback(pool.close)
            database = Database(pool, clock_from(settings.clock_file))
            app.state.database = database
            await _start(settings, database, background, stack)
            background.started = True
            yield

    app = FastAPI(
        title="Förvarning: ärenden",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.settings = settings
    problem.install(app)
    add_health(
        app,
        live={"tasks": background.alive},
        ready={"tasks": background.running, "database": _database_check(app)},
    )
    app.include_router(cases_api.router)
    app.include_router(openings_api.router)
    app.include_router(chain_api.router)
    app.include_router(due_api.router)
    app.include_router(queue_api.router)
    app.include_router(documents_api.router)
    app.include_router(classes_api.router)
    app.include_router(internal_api.router(settings.cases_ops_token))
    if settings.cases_journal_token is not None:
        app.include_router(journal_api.router(settings.cases_journal_token))
    install_web(app, settings)
    return app


def _database_check(app: FastAPI) -> Check:
    async def check() -> str | None:
        database: Database | None = getattr(app.state, "database", None)
        if database is None:
            return "not connected yet"
        try:
            async with asyncio.timeout(2):
                await database.pool.fetchval("SELECT 1")
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer is "not ready"
            return f"does not answer: {type(error).__name__}"
        return None

    return check


async def _start(
    settings: CasesSettings, database: Database, background: Background, stack: AsyncExitStack
) -> None:
    intake = WarningIntake(database, age_limit_days=settings.cases_age_limit_days)

    async def take_warnings(
        organiser_id: UUID, batch: Sequence[tuple[threads.Thread, bytes]]
    ) -> None:
        await intake.apply(organiser_id, batch)
        # Ingest stamps facts by the same injected clock.
        now = database.now().timestamp()
        for thread, _ in batch:
            if thread.caused_by_unix_ms:
                metrics.WARNING_AGE.observe(max(0.0, now - thread.caused_by_unix_ms / 1000))

    async def take_days(
        organiser_id: UUID, batch: Sequence[tuple[absence.AbsenceDay, bytes]]
    ) -> None:
        await absence.apply(database, organiser_id, [day for day, _ in batch])

    async def take_deliveries(
        organiser_id: UUID, batch: Sequence[tuple[deliveries.Delivery, bytes]]
    ) -> None:
        await deliveries.apply(database, organiser_id, [delivery for delivery, _ in batch])

    async def take_signals(
        organiser_id: UUID, batch: Sequence[tuple[school.SchoolSignal, bytes]]
    ) -> None:
        await school.apply(database, organiser_id, batch)

    async def reader(topic: str, name: str, wait_ms: int = 500) -> AIOKafkaConsumer:
        consumer = committed_reader(
            settings,
            topic,
            group=f"forvarning-cases-{name}",
            group_instance_id=settings.cases_instance_id,
            fetch_max_wait_ms=wait_ms,
        )
        await consumer.start()
        # Bounded: a broker that is away must not hold the process at its end.
        stack.push_async_callback(_stop, consumer)
        return consumer

    # Joining the groups one after the other would multiply the time to recover.
    of_warnings, of_days, of_deliveries, of_signals = await asyncio.gather(
        # A broker answers a fetch for all partitions at once: while it waits for news of quiet
        # ones, a busy one's wait too.
        reader(topics.WARNINGS.name, "warnings", 50),
        reader(topics.ABSENCE_DAYS.name, "absence-days"),
        reader(topics.DELIVERIES.name, "deliveries"),
        reader(topics.SCHOOL_SIGNALS.name, "school-signals"),
    )
    warnings = TopicConsumer(
        topics.WARNINGS.name,
        of_warnings,
        database,
        _thread,
        take_warnings,
    )
    days = TopicConsumer(
        topics.ABSENCE_DAYS.name,
        of_days,
        database,
        absence.decode,
        take_days,
        max_records=5000,
    )
    sent = TopicConsumer(
        topics.DELIVERIES.name,
        of_deliveries,
        database,
        deliveries.decode,
        take_deliveries,
    )
    signals = TopicConsumer(
        topics.SCHOOL_SIGNALS.name,
        of_signals,
        database,
        school.decode,
        take_signals,
    )
    publisher = OutboxPublisher(database, lambda: idempotent_producer(settings))
    sweep = Sweep(database)
    clockwork = Clockwork(database)
    courier = Courier(database)
    reminders = Reminders(database)

    async def profile_reader() -> AIOKafkaConsumer:
        # No group: it reads the whole small topic at every start, and commits nothing.
        consumer = committed_reader(settings, topics.PROFILES.name, group=None)
        await consumer.start()
        return consumer

    profiles = RuleProfiles(database, profile_reader)
    background.start("warnings", warnings.run, lambda: warnings.progress)
    background.start("absence-days", days.run, lambda: days.progress)
    background.start("deliveries", sent.run, lambda: sent.progress)
    background.start("school-signals", signals.run, lambda: signals.progress)
    background.start("outbox", publisher.run, lambda: publisher.progress)
    background.start("sweep", sweep.run, lambda: sweep.progress)
    background.start("courier", courier.run, lambda: courier.progress)
    background.start("reminders", reminders.run, lambda: reminders.progress)
    background.start("clocks", clockwork.run, lambda: clockwork.progress)
    background.start("rule-profiles", profiles.run, lambda: profiles.progress)
    # Last in, first out: the tasks end before their clients do.
    stack.push_async_callback(background.stop)


def _thread(value: bytes | None) -> threads.Thread | None:
    """A tombstone says that the stream has erased a thread; what the case service holds of it
    goes by its own gallringsbeslut (design D11)."""
    return None if value is None else threads.decode(value)


async def _stop(consumer: AIOKafkaConsumer) -> None:
    try:
        async with asyncio.timeout(5):
            await consumer.stop()
    except TimeoutError:
        _log.warning("a consumer did not stop in time")
