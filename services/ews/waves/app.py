"""The group step's composition root."""

from __future__ import annotations

import asyncio
import signal

from aiokafka.errors import KafkaError
from fastapi import FastAPI

from services.common import logging as logs
from services.common.cancellation import only_ours
from services.common.clock import clock_from
from services.common.http import add_health
from services.common.kafka import idempotent_producer
from services.common.settings import EwsSettings
from services.ews.errors import EwsError
from services.ews.health import serve
from services.ews.logreader import reader
from services.ews.presence import missing
from services.ews.topology import Topology
from services.ews.watchdog import Die, ExitCode, Watchdog, die
from services.ews.waves.step import Step
from services.ews.waves.writing import Writer

log = logs.get_logger(__name__)

_LOOP_SECONDS = 60.0
_TOPIC_TRIES = 30


def run(settings: EwsSettings, *, topology: Topology | None = None, end: Die = die) -> None:
    """Run until SIGTERM or SIGINT; any failure ends the process, to be started again."""
    logs.configure("waves", settings.log_level)
    asyncio.run(_run(settings, topology or Topology(), end))
    log.info("stopped")


async def _run(settings: EwsSettings, topology: Topology, end: Die) -> None:
    watchdog = Watchdog(
        stop_seconds=settings.ews_stop_seconds,
        loop_seconds=_LOOP_SECONDS,
        stuck=lambda: None,
        end=end,
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked(*_: object) -> None:
        watchdog.stop_asked()
        loop.call_soon_threadsafe(stop.set)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, asked)
    watchdog.start()
    work = asyncio.create_task(only_ours(_work(settings, topology, watchdog, end)))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping")
    work.cancel()
    (outcome,) = await asyncio.gather(work, return_exceptions=True)
    if isinstance(outcome, Exception):
        end(ExitCode.SOFTWARE, f"{type(outcome).__name__}: {outcome}")
    stopping.cancel()
    watchdog.finished()


async def _work(settings: EwsSettings, topology: Topology, watchdog: Watchdog, end: Die) -> None:
    problems: list[str] = []
    for _ in range(_TOPIC_TRIES):
        watchdog.beat()
        problems = await missing(settings, topology)
        if not problems:
            break
        await asyncio.sleep(1)
    else:
        end(ExitCode.OPERATOR, "; ".join(problems))
    producer = idempotent_producer(settings)
    try:
        await producer.start()
        async with reader(settings) as consumer:
            writer = Writer(
                producer, topology, settings.fact_partitions, clock_from(settings.clock_file)
            )
            step = Step(settings, topology, consumer, writer, watchdog.beat)
            serve(_health(step, watchdog), settings.listen_host, settings.listen_port)
            await step.run()
    except (EwsError, KafkaError) as error:
        end(ExitCode.SOFTWARE, f"{type(error).__name__}: {error}")
    finally:
        await producer.stop()


def _health(step: Step, watchdog: Watchdog) -> FastAPI:
    app = FastAPI(title="Förvarning waves", openapi_url=None)

    async def looping() -> str | None:
        age = watchdog.loop_age
        return f"the main loop has not run for {age:.0f} s" if age > _LOOP_SECONDS / 4 else None

    async def caught_up() -> str | None:
        return None if step.caught_up else "still reading what is there"

    add_health(app, live={"loop": looping}, ready={"caught up": caught_up})
    return app
