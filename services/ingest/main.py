"""services.ingest: puts the parts together. ``python -m services.ingest``."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from fastapi import FastAPI, Request, Response

from services.common import problem, topics
from services.common.clock import Clock, clock_from
from services.common.http import add_health, run
from services.common.kafka import idempotent_producer
from services.common.logging import configure, get_logger
from services.common.pg import AWAY, connect, is_away
from services.common.problem import Problem
from services.common.settings import IngestSettings
from services.ingest.api import cloudevents, edfi, feeds, pulls
from services.ingest.api import roster as roster_api
from services.ingest.api.counted import Counted
from services.ingest.api.held import held_router
from services.ingest.api.ops import ops_router
from services.ingest.api.schema import document
from services.ingest.api.ss12000 import router as ss12000
from services.ingest.api.ss12000.held import settle_router
from services.ingest.background import Background
from services.ingest.closer import DayCloser
from services.ingest.errors import BrokerAwayError, NotWrittenError, UnguardedRoleError
from services.ingest.intake import Intake
from services.ingest.profiles import Profiles
from services.ingest.publisher import Publisher
from services.ingest.quota import Quotas
from services.ingest.release import Releaser
from services.ingest.roster.apply import RosterService
from services.ingest.roster.holding import RosterDesk
from services.ingest.service import Service
from services.ingest.ss12000.gather import Gatherer
from services.ingest.ss12000.inbox import Inbox
from services.ingest.store.directory import Directory
from services.ingest.store.lessons import LessonBook
from services.ingest.store.sources import SourceCache
from services.ingest.store.wake import WakeBook
from services.ingest.sync.runner import PullRunner
from services.ingest.sync.secrets import Secrets
from services.ingest.versions import Sequence

if TYPE_CHECKING:
    from services.common.pg import Pool

log = get_logger(__name__)


def build(
    settings: IngestSettings,
    pool: Pool,
    clock: Clock,
    *,
    new_id: Callable[[], UUID] = uuid4,
    monotonic: Callable[[], float] = time.monotonic,
) -> Service:
    """Every part, with its collaborators."""
    publisher = Publisher(
        lambda: idempotent_producer(
            settings, request_timeout_ms=int(settings.ingest_request_timeout_seconds * 1000)
        ),
        max_in_flight_bytes=settings.ingest_max_in_flight_bytes,
        ack_seconds=settings.ingest_ack_seconds,
    )
    numbers = Sequence(pool)
    directory = Directory()
    book = LessonBook()
    wake = WakeBook()
    profiles = Profiles(
        pool=pool,
        clock=clock,
        partitions=settings.fact_partitions,
        standard=settings.ingest_standard_profile.read_bytes,
        new_id=new_id,
    )
    intake = Intake(
        pool=pool,
        publisher=publisher,
        numbers=numbers,
        clock=clock,
        directory=directory,
        book=book,
        wake=wake,
    )
    roster = RosterService(
        pool=pool,
        clock=clock,
        profiles=profiles,
        partitions=settings.fact_partitions,
        new_id=new_id,
    )
    releaser = Releaser(pool=pool, publisher=publisher, book=book, wake=wake)
    inbox = Inbox(
        pool=pool,
        publisher=publisher,
        clock=clock,
        intake=intake,
        roster=roster,
        releaser=releaser,
    )
    secrets = Secrets(settings.ingest_source_secrets)
    return Service(
        settings=settings,
        clock=clock,
        pool=pool,
        publisher=publisher,
        directory=directory,
        intake=intake,
        roster=roster,
        desk=RosterDesk(pool=pool, clock=clock, roster=roster, new_id=new_id),
        profiles=profiles,
        closer=DayCloser(
            pool=pool,
            publisher=publisher,
            clock=clock,
            partitions=settings.fact_partitions,
        ),
        releaser=releaser,
        inbox=inbox,
        gatherer=Gatherer(inbox),
        quotas=Quotas(monotonic),
        sources=SourceCache(pool, monotonic),
        secrets=secrets,
        pulls=PullRunner(
            pool=pool,
            inbox=inbox,
            clock=clock,
            secrets=secrets,
            public_url=settings.ingest_public_url,
            parallel=settings.ingest_pull_parallel,
            every_seconds=settings.ingest_pull_seconds,
        ),
    )


def create_app(settings: IngestSettings, clock: Clock | None = None) -> FastAPI:
    """The ASGI application; everything starts and stops with its lifespan."""
    the_clock = clock or clock_from(settings.clock_file)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool = await connect(settings.ingest_database_url, service="ingest", size=16)
        await refuse_unguarded(pool)
        service = build(settings, pool, the_clock)
        app.state.service = service
        work = [
            asyncio.create_task(
                Background(service, every_seconds=settings.ingest_background_seconds).run()
            ),
            asyncio.create_task(service.pulls.run()),
        ]
        try:
            yield
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            await service.publisher.close()
            await pool.close()

    app = FastAPI(
        title="Förvarning ingest",
        version="1",
        description="How school systems bring lesson registers, notices and rosters in.",
        lifespan=lifespan,
    )
    # FastAPI's documented way to change the document.
    app.openapi = lambda: document(app)  # type: ignore[method-assign]
    problem.install(app)
    app.add_exception_handler(NotWrittenError, _not_written)
    for kind in AWAY:
        app.add_exception_handler(kind, _not_written)
    app.add_middleware(Counted)
    app.include_router(feeds.router)
    app.include_router(roster_api.router)
    app.include_router(edfi.router)
    app.include_router(cloudevents.router)
    app.include_router(pulls.hooks)
    app.include_router(ops_router(settings.ingest_ops_token))
    app.include_router(held_router(settings.ingest_ops_token))
    ss12000.mount(app)
    app.include_router(settle_router(settings.ingest_ops_token))

    async def database() -> str | None:
        service: Service = app.state.service
        try:
            await asyncio.wait_for(service.pool.fetchval("SELECT 1"), 5)
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer is "not ready"
            return f"PostgreSQL does not answer: {type(error).__name__}"
        return None

    async def broker() -> str | None:
        service: Service = app.state.service
        if trouble := await service.publisher.trouble():
            return trouble
        try:
            found = await service.publisher.partitions(topics.FACTS.name)
        except BrokerAwayError as error:
            return str(error)
        if found != settings.fact_partitions:
            return (
                f"{topics.FACTS.name} has {found} partitions, "
                f"FORVARNING_FACT_PARTITIONS says {settings.fact_partitions}"
            )
        return None

    async def alive() -> str | None:
        return None

    add_health(app, live={"process": alive}, ready={"database": database, "broker": broker})
    return app


async def refuse_unguarded(pool: Pool) -> None:
    """End the start as a role for which row-level security does not hold: it would mix tenants."""
    role = await pool.fetchrow(
        "SELECT rolname, rolsuper OR rolbypassrls AS free FROM pg_roles "
        "WHERE rolname = current_user"
    )
    owner = await pool.fetchval(
        "SELECT pg_has_role(current_user, relowner, 'MEMBER') FROM pg_class "
        "WHERE oid = 'people.pupils'::regclass"
    )
    if role is None or role["free"] or owner:
        raise UnguardedRoleError(
            f"FORVARNING_INGEST_DATABASE_URL: the role {role and role['rolname']!r} is superuser, "
            "owner or bypasses row-level security; connect as forvarning_ingest"
        )


async def _not_written(_: Request, error: Exception) -> Response:
    if not (isinstance(error, NotWrittenError) or is_away(error)):
        raise error
    retry_after = error.retry_after if isinstance(error, NotWrittenError) else 2
    log.warning("not_written", error=type(error).__name__)
    return Problem(
        503,
        "not_written",
        "Nothing of this call is acknowledged: send it again.",
        headers={"Retry-After": str(retry_after)},
    ).response()


def main() -> None:
    settings = IngestSettings()
    configure("ingest", settings.log_level)
    app = create_app(settings)
    # A page of attendances is tens of thousands of objects, none of them in a circle. With Python's
    # own threshold looking for circles took half of the time that a page takes.
    gc.freeze()
    gc.set_threshold(200_000, 50, 1_000)
    run(app, settings.listen_host, settings.listen_port)
