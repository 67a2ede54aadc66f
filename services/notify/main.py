"""The composition root of notify: the only place that knows all its parts."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial

from aiokafka import AIOKafkaConsumer
from fastapi import FastAPI

from services.common import http, kafka, logging, pg, problem, topics
from services.common.clock import clock_from
from services.common.settings import NotifySettings
from services.notify import api
from services.notify.consumer import Intake, Reader
from services.notify.housekeeping import Housekeeping
from services.notify.mail import MailChannel
from services.notify.policy import Policy
from services.notify.sending import Terms
from services.notify.webhook import WebhookChannel
from services.notify.worker import Loop, Publisher, Worker

_STUCK_SECONDS = 180.0
_HOUSEKEEPING_SECONDS = 10.0
_log = logging.get_logger(__name__)


def build(settings: NotifySettings) -> FastAPI:
    """The service as an ASGI application; its work starts and ends with the application's life."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            pool = await pg.connect(settings.notify_database_url, service="notify")
            stack.push_async_callback(pool.close)
            clock = clock_from(settings.clock_file)
            policy = Policy.from_settings(settings)
            publisher = Publisher(pool, partial(kafka.idempotent_producer, settings))
            stack.push_async_callback(publisher.close)
            consumer: AIOKafkaConsumer = kafka.committed_reader(
                settings,
                topics.WARNINGS.name,
                topics.CASE_EVENTS.name,
                group=settings.notify_group,
                group_instance_id=settings.notify_instance_id,
            )
            await consumer.start()
            stack.push_async_callback(consumer.stop)
            webhook = WebhookChannel(settings)
            stack.push_async_callback(webhook.close)
            worker = Worker(
                pool,
                clock,
                policy,
                mail=MailChannel(settings),
                webhook=webhook,
                terms=Terms(
                    timedelta(seconds=settings.notify_lease_seconds),
                    settings.notify_parallel_sends,
                    settings.cases_public_url,
                ),
            )
            housekeeping = Housekeeping(pool, clock)
            reader = Reader(consumer, Intake(pool, clock, policy))
            pause = settings.notify_poll_seconds
            loops = [
                Loop("obligations", worker.arrange, pause),
                Loop("mails", worker.send_mails, pause),
                Loop("webhooks", worker.send_webhooks, pause),
                Loop("outbox", publisher.publish, pause),
                Loop("housekeeping", housekeeping.round, _HOUSEKEEPING_SECONDS),
            ]
            app.include_router(api.router(pool, settings, clock))
            _add_health(app, reader, *loops)
            stop = asyncio.Event()
            tasks = [asyncio.create_task(reader.run(stop), name="reader")]
            tasks += [asyncio.create_task(loop.run(stop), name=loop.name) for loop in loops]
            for task in tasks:
                task.add_done_callback(_end_process_on_failure)
            yield
            stop.set()
            # A send in flight may take as long as its time-out; what is cut off is tried again.
            await asyncio.wait(tasks, timeout=settings.notify_smtp_timeout_seconds)

    app = FastAPI(title="Förvarning notify", lifespan=life, docs_url=None, redoc_url=None)
    problem.install(app)
    return app


def _add_health(app: FastAPI, reader: Reader, *loops: Loop) -> None:
    async def reads() -> str | None:
        return reader.trouble

    def works(loop: Loop) -> http.Check:
        async def check() -> str | None:
            return loop.trouble

        return check

    async def moves() -> str | None:
        for loop in loops:
            if time.monotonic() - loop.last_round > _STUCK_SECONDS:
                return f"{loop.name} has been in one round for more than {_STUCK_SECONDS:.0f} s"
        return None

    http.add_health(
        app,
        live={"progress": moves},
        ready={"events": reads, **{loop.name: works(loop) for loop in loops}},
    )


def _end_process_on_failure(task: asyncio.Task[None]) -> None:
    """What nobody foresaw ends the process: it goes on from the database when started again."""
    if task.cancelled():
        return
    error = task.exception()
    if error is not None:
        _log.critical("part failed, ending", part=task.get_name(), exc_info=error)
        os._exit(1)
