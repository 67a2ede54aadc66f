"""Starts the double: in a thread of the test's process, or for good from the command line."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import httpx
import uvicorn
from fastapi import FastAPI

from bench.simulator.config import SimulatorConfig
from bench.simulator.stream import Simulation
from services.common.clock import Clock, FixedClock, school_date
from tests.support.ss12000.archive import Archive
from tests.support.ss12000.habits import Faults, Habits
from tests.support.ss12000.municipality import Change, Municipality
from tests.support.ss12000.server import Server
from tests.support.ss12000.store import School


@lru_cache(maxsize=4)
def _changes(
    pupils: int, seed: int, first: date, last: date
) -> tuple[tuple[Change, ...], tuple[Change, ...]]:
    town = Municipality(Simulation.of(SimulatorConfig(seed=seed, pupils=pupils, today=last)))
    return tuple(town.roster()), tuple(town.changes(first, last))


@dataclass(slots=True)
class Double:
    """A running school: ``school`` is what it knows, ``habits`` and ``faults`` how it acts."""

    school: School
    habits: Habits
    faults: Faults
    server: Server
    clock: Clock
    url: str = ""
    callbacks: list[int] = field(default_factory=list)
    """The status of every answer to a callback; 0 = nobody answered."""
    _pending: list[Change] = field(default_factory=list)

    def advance(self, by: timedelta) -> int:
        """Let time pass; returns how many changes became known."""
        assert isinstance(self.clock, FixedClock)
        self.clock.advance(by)
        return self.catch_up()

    def catch_up(self) -> int:
        """Take in what the school has come to know by now."""
        now, count = self.school.now(), 0
        while self._pending and self._pending[-1].at <= now:
            self.school.load([self._pending.pop()])
            count += 1
        return count

    def call_back(self, changed: set[str], *, deleted: bool) -> None:
        """Tell every subscriber, as the standard says: no data, only that there is some."""
        now = self.school.now()
        for one in list(self.school.subscriptions.values()):
            if one.expires <= now or not (deleted or changed & set(one.resources)):
                continue
            body = {self.habits.modified_key: sorted(changed), "deletedEntities": deleted}
            try:
                self.callbacks.append(httpx.post(one.target, json=body, timeout=10).status_code)
            except httpx.HTTPError:
                self.callbacks.append(0)


def build(
    *,
    pupils: int = 50,
    weeks: int = 1,
    seed: int = 1,
    clock: Clock | None = None,
    habits: Habits | None = None,
    lazy: bool = False,
) -> Double:
    """A double that knows ``weeks`` of lessons up to its clock's present.

    ``lazy``: lessons and attendances stand as they are now and do not change; there may be
    millions of them.
    """
    the_clock = clock or FixedClock(datetime(2026, 11, 24, 11, 0, tzinfo=UTC))
    today = school_date(the_clock.now())
    if lazy:
        return _lazy(the_clock, SimulatorConfig(seed=seed, pupils=pupils, today=today), weeks,
                     habits or Habits())  # fmt: skip
    roster, later = _changes(pupils, seed, today - timedelta(weeks=weeks), today)
    school = School(the_clock.now)
    school.load(roster)
    own_habits, faults = habits or Habits(), Faults()
    made = Double(school, own_habits, faults, Server(school, own_habits, faults), the_clock)
    # The timetable is known beforehand; what happens in it is not.
    timetable = [one for one in later if one.resource == "CalendarEvent" and not _cancels(one)]
    first = min((one.at for one in timetable), default=the_clock.now()) - timedelta(days=7)
    school.load(Change(first, one.resource, one.entity) for one in timetable)
    rest = [one for one in later if one.resource != "CalendarEvent" or _cancels(one)]
    made._pending = sorted(rest, key=lambda one: one.at, reverse=True)
    made.catch_up()
    return made


def _lazy(clock: Clock, config: SimulatorConfig, weeks: int, habits: Habits) -> Double:
    simulation = Simulation.of(config)
    school = School(clock.now)
    school.load(Municipality(simulation).roster())
    first = config.today - timedelta(weeks=weeks)
    school.archive = Archive(simulation, first, config.today, clock.now())
    school.load(school.archive.notices)
    faults = Faults()
    return Double(school, habits, faults, Server(school, habits, faults), clock)


def _cancels(change: Change) -> bool:
    return bool(change.entity["cancelled"]) if change.resource == "CalendarEvent" else False


@contextlib.contextmanager
def serving(app: FastAPI, *, port: int = 0) -> Iterator[str]:
    """Serve ``app`` on loopback from a thread; gives its address."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        log_config=None,
        access_log=False,
        date_header=False,
        server_header=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    waited = threading.Event()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the double did not start")
        waited.wait(0.01)
    taken = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{taken}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


@contextlib.contextmanager
def running(double: Double, *, port: int = 0, callbacks: bool = False) -> Iterator[Double]:
    """Serve ``double`` on loopback from a thread; its ``url`` says where.

    With ``callbacks`` a change made through ``school`` is told to subscribers.
    """
    with serving(double.server.app(), port=port) as double.url:
        double.school.on_change = double.call_back if callbacks else None
        try:
            yield double
        finally:
            double.school.on_change = None
