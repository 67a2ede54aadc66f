"""The worker's composition root: everything is made here, and stopped here."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Callable
from typing import Any

from services.common import logging as logs
from services.common.cancellation import only_ours
from services.common.settings import EwsSettings
from services.ews.checkpoint import Checkpointer
from services.ews.core.api import PartitionCore
from services.ews.faust_app import build
from services.ews.health import health_app, serve
from services.ews.hooks import NO_HOOK, Hook
from services.ews.presence import missing
from services.ews.profiles import ProfileStore
from services.ews.shell import Shell
from services.ews.topology import Topology
from services.ews.watchdog import Die, ExitCode, Watchdog, die

log = logs.get_logger(__name__)

_LOOP_SECONDS = 60.0
_TOPIC_TRIES = 30


def run(
    settings: EwsSettings,
    make_core: Callable[[], PartitionCore],
    *,
    topology: Topology | None = None,
    hook: Hook = NO_HOOK,
    end: Die = die,
) -> None:
    """Run one worker until SIGTERM or SIGINT; returns after an orderly stop, else never."""
    logs.configure("ews", settings.log_level)
    # The state is hundreds of thousands of objects that live on and hardly a cycle among them:
    # looking for some as often as Python does by itself took a twelfth of all time.
    gc.set_threshold(100_000, 50, 1_000)
    asyncio.run(_run(settings, make_core, topology or Topology(), hook, end))
    # Faust's consumer thread may outlive its loop; everything that counts is committed.
    log.info("stopped")


async def _run(
    settings: EwsSettings,
    make_core: Callable[[], PartitionCore],
    topology: Topology,
    hook: Hook,
    end: Die,
) -> None:
    app = build(settings, topology)
    profiles = ProfileStore(settings, topology.profiles)
    shell = Shell(
        settings=settings,
        topology=topology,
        make_core=make_core,
        profiles=profiles,
        checkpointer=Checkpointer(
            settings, topology, hook, written_by=f"{socket.gethostname()}:{os.getpid()}"
        ),
        hook=hook,
        die=end,
        flow=app,
    )
    app.members = shell
    watchdog = Watchdog(
        stop_seconds=settings.ews_stop_seconds,
        loop_seconds=_LOOP_SECONDS,
        stuck=shell.inspector.stuck,
        end=end,
    )
    stop = _stop_on_signal(watchdog)
    watchdog.start()
    serve(health_app(shell, watchdog), settings.listen_host, settings.listen_port)

    async def guarded(what: str, coroutine: Any) -> None:
        try:
            await coroutine
        except Exception as error:  # noqa: BLE001 - nothing of the shell may end in silence
            end(ExitCode.SOFTWARE, f"{what}: {type(error).__name__}: {error}")

    await guarded("asking the broker for the topics failed", _wait_for_topics(shell, watchdog))
    await guarded("reading the rule profiles failed", profiles.load())
    log.info("profiles", known=len(profiles))
    tasks = [
        asyncio.create_task(guarded(what, coroutine))
        for what, coroutine in (
            ("starting Faust failed", app.start()),
            ("checkpoints failed", only_ours(shell.schedule.run(watchdog.beat))),
            ("judging beforehand failed", only_ours(shell.settling.run())),
            ("verification failed", only_ours(shell.inspector.run())),
            (
                "following the rule profiles failed",
                only_ours(profiles.follow(shell.profile_learned)),
            ),
            ("Faust stopped by itself", _until_crashed(app, stop, end)),
        )
    ]
    await stop.wait()
    log.info("stopping")
    await shell.stop()
    await app.stop()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    watchdog.finished()


async def _wait_for_topics(shell: Shell, watchdog: Watchdog) -> None:
    """A stack that has just begun may still be making them."""
    problems = []
    for _ in range(_TOPIC_TRIES):
        watchdog.beat()
        problems = await missing(shell.settings, shell.topology)
        if not problems:
            return
        await asyncio.sleep(1)
    shell.die(ExitCode.OPERATOR, "; ".join(problems))


async def _until_crashed(app: Any, stop: asyncio.Event, end: Die) -> None:
    await app.wait_until_stopped()
    if not stop.is_set():
        reason = app.crash_reason
        end(ExitCode.SOFTWARE, f"Faust has stopped: {type(reason).__name__}: {reason}")


def _stop_on_signal(watchdog: Watchdog) -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked(*_: object) -> None:
        watchdog.stop_asked()
        loop.call_soon_threadsafe(stop.set)

    # Not loop.add_signal_handler: the deadline must begin even when the loop does not run.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, asked)
    return stop
