"""The phases of the check, in order; see the package."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx

from bench.simulator.client import IngestClient
from bench.simulator.config import SimulatorConfig
from bench.simulator.events import Event
from bench.simulator.feeder import Feeder, FeedOptions, FeedStats
from bench.simulator.ledger import Ledger
from bench.simulator.stream import Simulation
from deploy.check import identities, live
from deploy.check.context import Options, Run
from deploy.check.probe import WarningProbe
from deploy.check.receiver import WebhookReceiver
from deploy.check.say import Diary
from deploy.check.settle import settled
from deploy.check.stack import CheckStack
from deploy.check.verdict import verdict
from deploy.check.watch import CheckpointWatch
from services.common.clock import FileClock

_HISTORY_BATCH = 100
_HISTORY_CONCURRENCY = 4


async def check(options: Options, diary: Diary) -> dict[str, float | None]:
    """Run everything once; returns the figures. Its processes end with it, whatever happens."""
    days = options.days
    diary.say(
        f"seed {options.seed}, {options.pupils} pupils, {days.history[0]} to {days.live[-1]}; "
        f"it is 07:30 on {days.live[0]:%A} {days.live[0]}"
    )
    async with _started(options, diary) as run:
        history = await _history(run)
        known = await identities.read(run.stack.database_url, run.organiser)
        attribution = live.Attribution(run, known)
        probe = WarningProbe(
            run.stack.url("cases"),
            run.stack.secret("cases_ops_token"),
            run.organiser,
            attribution.heard,
        )
        async with probe.running():
            unsettled = await settled(run, probe, "the history")
            early = len(run.receiver.calls)
            result = await live.go(run, attribution)
            unsettled += await settled(run, probe, "the live run")
            live.stand_still(run)
        return await verdict(run, history, result, early) | {"unsettled": unsettled}


@asynccontextmanager
async def _started(options: Options, diary: Diary) -> AsyncIterator[Run]:
    """The stack with its source, and the simulated municipality."""
    stack = CheckStack(options.folder, options.days.start, diary)
    with WebhookReceiver(options.seed) as receiver:
        thinking = asyncio.create_task(asyncio.to_thread(_simulate, options, receiver.url))
        async with stack.running():
            simulation, events = await thinking
            organiser, source, token = await _add_source(stack, options)
            client = IngestClient(stack.url("ingest"), token, concurrency=64)
            watch = CheckpointWatch(stack.settings)
            try:
                with Ledger(options.folder / "acknowledged.jsonl") as ledger:
                    async with watch.running():
                        yield Run(
                            options=options,
                            diary=diary,
                            stack=stack,
                            receiver=receiver,
                            simulation=simulation,
                            events=events,
                            organiser=organiser,
                            source=source,
                            token=token,
                            client=client,
                            ledger=ledger,
                            clock=FileClock(stack.clock_file),
                            watch=watch,
                        )
            finally:
                await client.close()


def _simulate(options: Options, webhook_url: str) -> tuple[Simulation, list[Event]]:
    days = options.days
    simulation = Simulation.of(
        SimulatorConfig(
            seed=options.seed,
            pupils=options.pupils,
            today=days.live[-1],
            webhook_url=webhook_url,
        )
    )
    said = simulation.messages(
        days.history[0], days.live[-1], timetable="needed", all_from=days.live[0]
    )
    return simulation, list(said)


async def _add_source(stack: CheckStack, options: Options) -> tuple[UUID, UUID, str]:
    """A source of a new organiser, whose history ends where the live days begin."""
    body = {
        "name": "Skolsystemet",
        "organiser_name": "Testköpings kommun",
        "quota_per_minute": 10_000_000,
        "cut_over": options.days.live[0].isoformat(),
    }
    headers = {"Authorization": f"Bearer {stack.secret('ingest_ops_token')}"}
    async with httpx.AsyncClient(trust_env=False, timeout=30.0) as http:
        answer = await http.post(f"{stack.url('ingest')}/v1/sources", json=body, headers=headers)
        answer.raise_for_status()
    made = answer.json()
    return UUID(made["organiser_id"]), UUID(made["source_id"]), made["token"]


async def _history(run: Run) -> FeedStats:
    """The past at once, as fast as ingest takes it: it builds state and wakes nobody."""
    days = run.options.days
    options = FeedOptions(
        first=days.history[0],
        last=days.live[-1],
        concurrency=_HISTORY_CONCURRENCY,
        batch=_HISTORY_BATCH,
        seed=run.options.seed,
    )
    stats = await Feeder(
        run.simulation, run.client, run.ledger, clock=run.clock, options=options
    ).run()
    run.diary.say(
        f"history: {stats.registers} registers with {stats.marks} marks and {stats.notices} "
        f"notices in {stats.seconds:.1f} s; refused {stats.refused} {stats.refusals or ''}"
    )
    return stats
