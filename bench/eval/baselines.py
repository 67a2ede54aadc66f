"""What others do, on what the registers said by the same evening.

- ``weekly_10_percent``: every Friday a mail about everybody who missed 10 % of the
  last 14 days (the setting that Skola24's systems come with).
- ``seven_days``: wholly away on seven school days in a row.
- ``term_15_percent``: 15 % of the term so far, looked at when the month is over
  (Skolverket's survey of 2019).
- ``decayed_25`` and ``decayed_40``: the share of time missed, each school day weighing
  half as much as the one 25 or 40 school days later, shrunk to the school's mean.

None of them knows hysteresis or quiet time: a spell lasts as long as the rule holds
at each look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from bench.eval.score import Spell
from bench.simulator.attendance import offered_minutes
from bench.simulator.events import RegisterEvent
from bench.simulator.stream import Simulation
from services.common.clock import epoch_day, local_instant
from services.ews.core.calendar import term_start

FAMILY = "any"
_RUN = 7
_SHRINK_DAYS = 10.0
"""School days that the school's mean counts for in a decayed share."""
DECAYED_AT = 0.12
"""A decayed share from here on is a warning."""
Minutes = NDArray[np.int64]


@dataclass(slots=True)
class _Known:
    """By pupil and day, what the registers have said so far: minutes reported and absent."""

    reported: Minutes
    absent: Minutes


class Baselines:
    """All of them on one simulated year; ``spells[name][pupil]``."""

    def __init__(self, simulation: Simulation, first: date, last: date) -> None:
        self._simulation, self._first, self._last = simulation, first, last
        self._world = simulation.world
        self._pupils = [pupil.id for pupil in self._world.pupils]
        shape = (len(self._pupils), len(self._world.days))
        self._known = _Known(np.zeros(shape, np.int64), np.zeros(shape, np.int64))
        slots = offered_minutes(self._world).shape[2]
        self._marks = np.zeros((*shape, slots, 2), np.int16)
        self._modified = np.zeros((*shape, slots), np.int64)
        self._standing: dict[tuple[str, int], date] = {}
        self.spells: dict[str, dict[str, list[Spell]]] = defaultdict(lambda: defaultdict(list))

    def run(self) -> dict[str, dict[str, list[Spell]]]:
        """Look every evening at what has come in."""
        events = iter(self._simulation.messages(self._first, self._last, timetable="needed"))
        event = next(events, None)
        today = self._first
        while today <= self._last:
            ends_at = local_instant(today + timedelta(days=1), 0).timestamp() * 1000
            while event is not None and event.arrival < ends_at:
                if isinstance(event, RegisterEvent):
                    self._take(event)
                event = next(events, None)
            for name, warned in self._looks(today):
                self._note(name, warned, today)
            today += timedelta(days=1)
        for (name, row), raised in self._standing.items():
            self.spells[name][self._pupils[row]].append(Spell(FAMILY, raised))
        return self.spells

    def _take(self, event: RegisterEvent) -> None:
        """The newest word about a pupil and lesson counts."""
        slot = self._world.lessons[event.lesson].slot
        newest = self._modified[event.pupils, event.day, slot] <= event.modified
        rows = event.pupils[newest]
        self._modified[rows, event.day, slot] = event.modified
        length = self._world.lessons[event.lesson].length if event.state == "reported" else 0
        away = (event.valid + event.invalid)[newest] if length else 0
        before = self._marks[rows, event.day, slot].astype(np.int64)
        self._marks[rows, event.day, slot, 0] = length
        self._marks[rows, event.day, slot, 1] = away
        np.add.at(self._known.reported, (rows, event.day), length - before[:, 0])
        np.add.at(self._known.absent, (rows, event.day), away - before[:, 1])

    def _looks(self, today: date) -> Iterator[tuple[str, NDArray[np.bool_]]]:
        """Which rules are looked at tonight, and whom they hold for."""
        days = self._world.days
        upto = sum(1 for day in days if day <= today)
        if not upto:
            return
        if today.weekday() == 4:
            first = sum(1 for day in days if day <= today - timedelta(days=14))
            yield "weekly_10_percent", self._share(first, upto) >= 0.10
        if days[upto - 1] == today:
            yield "seven_days", self._away(upto) >= _RUN
            for life in (25, 40):
                yield f"decayed_{life}", self._decayed(upto, life) >= DECAYED_AT
        if (today + timedelta(days=1)).day == 1:
            term = term_start(epoch_day(today))
            first = sum(1 for day in days if epoch_day(day) < term)
            yield "term_15_percent", self._share(first, upto) >= 0.15

    def _share(self, first: int, upto: int) -> NDArray[np.float64]:
        said = self._known.reported[:, first:upto].sum(axis=1)
        away = self._known.absent[:, first:upto].sum(axis=1)
        share: NDArray[np.float64] = np.divide(away, said, out=np.zeros(len(said)), where=said > 0)
        return share

    def _away(self, upto: int) -> Minutes:
        """Wholly absent days in a row; a day with nothing reported neither counts nor breaks."""
        said, away = self._known.reported[:, :upto], self._known.absent[:, :upto]
        whole = (said > 0) & (away >= said)
        so_far = np.cumsum(whole, axis=1)
        broken = np.maximum.accumulate(np.where((said > 0) & ~whole, so_far, 0), axis=1)
        result: Minutes = so_far[:, -1] - broken[:, -1]
        return result

    def _decayed(self, upto: int, life: int) -> NDArray[np.float64]:
        weights = 0.5 ** (np.arange(upto - 1, -1, -1) / life)
        said = self._known.reported[:, :upto] @ weights
        away = self._known.absent[:, :upto] @ weights
        mean = away.sum() / max(said.sum(), 1.0)
        typical = said.sum() / max(weights.sum() * max((said > 0).sum(), 1), 1.0)
        extra = _SHRINK_DAYS * typical
        shrunk: NDArray[np.float64] = (away + mean * extra) / np.maximum(said + extra, 1.0)
        return shrunk

    def _note(self, name: str, warned: NDArray[np.bool_], today: date) -> None:
        before = {row for which, row in self._standing if which == name}
        now = set(np.flatnonzero(warned).tolist())
        for row in now - before:
            self._standing[name, row] = today
        for row in before - now:
            raised = self._standing.pop((name, row))
            self.spells[name][self._pupils[row]].append(Spell(FAMILY, raised, today))
