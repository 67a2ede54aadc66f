"""The live run: fourteen simulated school days under load, with faults."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import httpx

from bench.simulator import contract
from bench.simulator.events import NoticeEvent, RegisterEvent
from deploy.check import identities
from deploy.check.context import Run
from deploy.check.cpu import CpuMeter, times
from deploy.check.days import LateClock, evening, morning
from deploy.check.identities import Identities
from deploy.check.inject import Injector
from deploy.check.latency import Ground, Matcher
from deploy.check.schedule import schedule
from deploy.check.traffic import LiveTraffic, TrafficStats, key_of
from deploy.local.stack import ROOT
from forvarning.warnings.v1 import warnings_pb2 as warnings
from services.common.cancellation import only_ours
from services.common.clock import epoch_day, from_epoch_day, local_instant, write_clock_file
from services.ews.core.profile import TODAY, parse_profile

_PROFILE = ROOT / "services/ews/profiles/standard.toml"
_DAY_MS = 86_400_000
_LATE_EVENING_MINUTE = 23 * 60
_SETTLING_RATE = 120.0
_CPU_LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class LiveResult:
    """What the live run gave; moments on ``time.monotonic``."""

    began: float
    ended: float
    traffic: TrafficStats
    matcher: Matcher
    injector: Injector


def least_minutes() -> int:
    """How many invalid minutes of a day make a warning, by the profile that is in force."""
    [rule] = parse_profile(_PROFILE.read_bytes()).rules(TODAY)
    return rule.least


class Attribution:
    """Tells the matcher what was acknowledged and what became readable."""

    def __init__(self, run: Run, known: Identities) -> None:
        self._world = run.simulation.world
        self._organiser = run.organiser
        self.known = known
        self.matcher = Matcher(least_minutes())
        self.measuring = False

    def about_to_send_notice(self, event: NoticeEvent) -> None:
        """See :class:`deploy.check.traffic.Listener`."""
        pupil = self.known.pupil(self._world.pupils[event.pupil].id)
        if pupil is not None:
            # A day more on both sides: these are UTC days.
            first, last = event.start // _DAY_MS - 1, event.end // _DAY_MS + 1
            self.matcher.excused(pupil, range(first, last + 1))

    def acknowledged(self, event: RegisterEvent, at: float) -> None:
        """See :class:`deploy.check.traffic.Listener`."""
        if event.state == "scheduled":
            return
        lesson, day = identities.lesson_of(self._organiser, self._world, event)
        held = event.state == "reported"
        for index, invalid in zip(event.pupils.tolist(), event.invalid.tolist(), strict=True):
            pupil = self.known.pupil(self._world.pupils[index].id)
            if pupil is not None:
                self.matcher.accepted(
                    Ground(pupil, lesson, day),
                    at,
                    modified=event.modified,
                    invalid=invalid if held else 0,
                )

    def heard(self, event: warnings.WarningEvent, at: float) -> None:
        """A snapshot was readable at ``at``."""
        if event.family != warnings.FAMILY_UNEXCUSED_TODAY:
            return
        grounds = (
            Ground(event.pupil_id, lesson.lesson_id, lesson.epoch_day)
            for episode in event.episodes
            if episode.state == warnings.EPISODE_STATE_ACTIVE
            for lesson in episode.lessons
        )
        if self.measuring:
            self.matcher.seen(event.thread_id, grounds, at)
        else:
            self.matcher.known(event.thread_id, grounds)


async def go(run: Run, attribution: Attribution) -> LiveResult:
    """Play the live days; returns when the last one is over and every fault has been done."""
    options = run.options
    traffic = LiveTraffic(
        run.simulation.world,
        iter(run.events),
        client=run.client,
        ledger=run.ledger,
        clock=LateClock(run.clock),
        listener=attribution,
        rate=options.rate,
        say=run.diary.say,
    )
    for event in _acknowledged_reports(run):
        traffic.remember(event)
    # The weeks' events stay to the end: looking through them for garbage again and again would
    # hold up those who send and those who measure.
    gc.collect()
    gc.freeze()
    async with _knocker(run) as http:
        injector = Injector(run.stack, run.watch, lambda: _knock(run, http), run.diary)
        attribution.measuring = True
        over = asyncio.Event()
        began = time.monotonic()

        async def drive() -> None:
            steps = schedule(options.seed, options.live_seconds)
            async with asyncio.TaskGroup() as both:
                both.create_task(only_ours(injector.run(steps, began)))
                both.create_task(only_ours(_days(run, traffic, attribution)))
            over.set()

        async with asyncio.TaskGroup() as group:
            group.create_task(only_ours(traffic.run(over.is_set)))
            group.create_task(only_ours(_cpu(run, over)))
            group.create_task(only_ours(drive()))
        ended = time.monotonic()
    await traffic.rest()
    # The evening goes on, so that what is still to be sent today can be.
    last = options.days.live[-1]
    write_clock_file(run.stack.clock_file, max(run.clock.now(), evening(last)), _SETTLING_RATE)
    return LiveResult(began, ended, traffic.stats, attribution.matcher, injector)


def stand_still(run: Run) -> None:
    """Stop the simulated clock, still on the last live day."""
    latest = local_instant(run.options.days.live[-1], _LATE_EVENING_MINUTE)
    write_clock_file(run.stack.clock_file, min(run.clock.now(), latest), 0.0)


def _acknowledged_reports(run: Run) -> Iterator[RegisterEvent]:
    for event in run.events:
        if isinstance(event, RegisterEvent) and key_of(event) in run.ledger.done:
            yield event


async def _days(run: Run, traffic: LiveTraffic, attribution: Attribution) -> None:
    """Let each live day pass from 07:30 to 18:30, and skip the night."""
    days = run.options.days.live
    seconds = run.options.live_seconds / len(days)
    rosters = set(contract.roster_dates(run.simulation.world))
    before: date | None = None
    for day in days:
        if before is not None and rosters & set(_dates(before, day)):
            # It may take long while something is away: no simulated time passes meanwhile.
            write_clock_file(run.stack.clock_file, evening(before), 0.0)
            await traffic.roster(day)
            attribution.known = await identities.read(run.stack.database_url, run.organiser)
        length = evening(day) - morning(day)
        write_clock_file(run.stack.clock_file, morning(day), length / timedelta(seconds=seconds))
        run.diary.say(f"{day:%A} {day} begins")
        await asyncio.sleep(seconds)
        before = day


async def _cpu(run: Run, over: asyncio.Event) -> None:
    """Say at the end what each process took; the machine is the check's own as well."""
    meter, began = CpuMeter(), time.monotonic()
    while True:
        seen = await asyncio.to_thread(times)
        if (ours := seen.get(os.getpid())) is not None:
            # Our children that have ended were the stack's.
            seen[os.getpid()] = ours._replace(ended=0.0)
        meter.look(run.stack.processes | {"this check": os.getpid()}, seen)
        if over.is_set():
            break
        await asyncio.sleep(_CPU_LOOK_SECONDS)
    length = time.monotonic() - began
    shares = (f"{name} {100 * took / length:.0f}" for name, took in meter.seconds().items())
    run.diary.say(f"CPU, in per cent of one core over {length:.0f} s: {', '.join(shares)}")


def _dates(after: date, until: date) -> Iterator[date]:
    for number in range(epoch_day(after) + 1, epoch_day(until) + 1):
        yield from_epoch_day(number)


def _knocker(run: Run) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=run.stack.url("ingest"),
        headers={"Authorization": f"Bearer {run.token}"},
        timeout=5.0,
        trust_env=False,
    )


async def _knock(run: Run, http: httpx.AsyncClient) -> None:
    """Close the Sunday before the start once more: a fact for every partition, changing nothing."""
    sunday = run.options.days.live[0] - timedelta(days=2)
    unit = run.simulation.world.units[-1].id
    try:
        await http.post("/v1/days/close", json={"school_unit": unit, "date": sunday.isoformat()})
    except httpx.HTTPError:
        # Ingest or the broker is away: the caller waits and knocks again.
        return
