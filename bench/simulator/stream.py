"""The year's messages in order of arrival."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from bench.simulator import attendance, notices
from bench.simulator.build import build
from bench.simulator.config import SimulatorConfig
from bench.simulator.events import Event, RegisterEvent
from bench.simulator.notices import DAY, MINUTE, Explained, millis
from bench.simulator.reporting import Reporter, Timetable
from bench.simulator.world import World


@dataclass(frozen=True, slots=True)
class Simulation:
    """A municipality, its truth and what is said about it."""

    world: World
    truth: attendance.Truth
    explained: Explained
    reporter: Reporter

    @classmethod
    def of(cls, config: SimulatorConfig) -> Simulation:
        """Simulate one school year. Takes about a second for a thousand pupils."""
        world = build(config)
        truth = attendance.simulate(world)
        explained = notices.explain(world, truth)
        return cls(world, truth, explained, Reporter(world, truth, explained))

    def _day(self, day: int, timetable: Timetable, *, restate: bool) -> list[RegisterEvent]:
        found: list[RegisterEvent] = []
        for unit in self.world.units:
            found += self.reporter.unit_day(unit.index, day, timetable=timetable, restate=restate)
        return found

    def messages(
        self,
        first: date,
        last: date,
        *,
        timetable: Timetable = "all",
        all_from: date | None = None,
        restate: bool = False,
    ) -> Iterator[Event]:
        """Everything said about the lessons from ``first`` to ``last``, by arrival.

        Notices that touch no day from ``first`` on are left out. With
        ``timetable`` "needed" only those lessons are announced beforehand
        that nobody reports on the day itself; from ``all_from`` on every
        lesson is. ``restate``: see :meth:`Reporter.unit_day`.
        """
        days = [i for i, day in enumerate(self.world.days) if first <= day <= last]
        if not days:
            return
        start = millis(self.world, days[0], 0)
        end = millis(self.world, days[-1], DAY)
        pending: list[tuple[int, str, int, Event]] = []
        for number, notice in enumerate(self.explained.notices):
            if notice.end > start and notice.start < end:
                heapq.heappush(pending, (notice.arrival, notice.id, number, notice))
        number = len(self.explained.notices)
        for day in days:
            # Cancellations come up to a day ahead; everything else on the day or later.
            horizon = millis(self.world, day, 0) - DAY * MINUTE
            while pending and pending[0][0] < horizon:
                yield heapq.heappop(pending)[-1]
            wanted = timetable
            if all_from is not None and self.world.days[day] >= all_from:
                wanted = "all"
            for event in self._day(day, wanted, restate=restate):
                number += 1
                heapq.heappush(pending, (event.arrival, event.id, number, event))
        while pending:
            yield heapq.heappop(pending)[-1]
