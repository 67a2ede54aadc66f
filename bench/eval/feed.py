"""What came in, evening by evening: the form in which every way of warning is fed.

An evening holds the facts that ingest accepted on that date, in their order. Both the
simulated municipality and a folder of foreign data (:mod:`bench.eval.foreign`) are
such a feed, so that the engine and the baselines read exactly the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bench.ews.workload import Source, Workload
from bench.simulator.events import Event, RegisterEvent
from bench.simulator.reporting import Timetable
from bench.simulator.stream import Simulation
from forvarning.facts.v1.facts_pb2 import Fact
from services.common.clock import local_instant


@dataclass(frozen=True, slots=True)
class Evening:
    """A date and what was accepted on it: each fact's bytes and the fact itself."""

    day: date
    facts: list[tuple[bytes, Fact]]


class Feed(Protocol):
    """Anything that can be warned about."""

    @property
    def organiser(self) -> bytes:
        """Whose pupils they are, 16 bytes."""

    @property
    def pupils(self) -> Mapping[bytes, str]:
        """Every pupil's name in truth.jsonl, by the id that the facts use."""

    @property
    def days(self) -> Sequence[date]:
        """Every date on which some unit had lessons, ascending."""

    def evenings(self) -> Iterator[Evening]:
        """Every date from the first to the last, also those on which nothing came in."""


class Simulated:
    """A simulated school year; ``only`` some of its pupils, ``last`` an earlier last day."""

    def __init__(
        self,
        simulation: Simulation,
        *,
        last: date | None = None,
        only: Collection[int] | None = None,
    ) -> None:
        world = simulation.world
        self._first, self._last = world.days[0], last or world.days[-1]
        some: Source = simulation if only is None else _Some(simulation, only)
        # The profile is activated by the engine, not by the log: any will do here.
        self._workload = Workload(some, 1, self._first, self._last, b"")
        self.organiser = self._workload.organiser.bytes
        chosen = range(len(world.pupils)) if only is None else only
        wanted = {world.pupils[index].id for index in chosen}
        self.pupils = {
            surrogate: name
            for name, surrogate in self._workload.pupil_ids().items()
            if name in wanted
        }
        self.days = tuple(day for day in world.days if day <= self._last)

    def evenings(self) -> Iterator[Evening]:
        facts = ((one.value, Fact.FromString(one.value)) for one in self._workload.records())
        wanted = (pair for pair in facts if self._wanted(pair[1]))
        return by_evening(wanted, self._first, self._last)

    def _wanted(self, fact: Fact) -> bool:
        match fact.WhichOneof("body"):
            case "profile_activated":
                return False
            case "placement":
                return fact.placement.pupil_id in self.pupils
        return True


class _Some:
    """A simulation of which only some pupils are heard of."""

    def __init__(self, simulation: Simulation, only: Collection[int]) -> None:
        self.world = simulation.world
        self._simulation = simulation
        self._mine: NDArray[np.bool_] = np.zeros(len(simulation.world.pupils), np.bool_)
        self._mine[list(only)] = True

    def messages(self, first: date, last: date, *, timetable: Timetable) -> Iterator[Event]:
        for event in self._simulation.messages(first, last, timetable=timetable):
            if not isinstance(event, RegisterEvent):
                if self._mine[event.pupil]:
                    yield event
                continue
            mine = self._mine[event.pupils]
            if mine.all():
                yield event
            elif mine.any():
                columns = ("pupils", "valid", "invalid", "other", "late", "early")
                yield replace(event, **{name: getattr(event, name)[mine] for name in columns})


def by_evening(facts: Iterator[tuple[bytes, Fact]], first: date, last: date) -> Iterator[Evening]:
    """Cut facts in order of acceptance into dates.

    What comes before ``first`` is part of its evening, what comes after ``last`` of that one's.
    """
    today, ends_at = first, midnight_after(first)
    held: list[tuple[bytes, Fact]] = []
    for pair in facts:
        while pair[1].accepted_unix_ms >= ends_at and today < last:
            yield Evening(today, held)
            held = []
            today += timedelta(days=1)
            ends_at = midnight_after(today)
        held.append(pair)
    while today < last:
        yield Evening(today, held)
        held = []
        today += timedelta(days=1)
    yield Evening(today, held)


def midnight_after(day: date) -> int:
    """Unix ms of the local midnight that ends the day."""
    return round(local_instant(day + timedelta(days=1), 0).timestamp() * 1000)
