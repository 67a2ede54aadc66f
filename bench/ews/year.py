"""A school year of one partition's pupils, decided by the core: its facts and its state rows.

The parts that need much state write it to every partition: the same pupils in
each, which no worker can tell, since partitions never look at each other.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from bench.ews.basics import say, standard_profile
from bench.ews.options import Options
from bench.ews.workload import Record, Workload
from bench.simulator.config import SimulatorConfig
from bench.simulator.stream import Simulation
from forvarning.facts.v1.facts_pb2 import Fact
from services.common.clock import local_instant
from services.ews.core.api import Batch, Row
from services.ews.core.core import Core

_TODAY = date(2027, 6, 30)
_TAIL_DAYS = 2
"""How many school days a broker leaves uncompacted: the one that it writes to
(services.common.topics) and the one before, until a tenth of a partition is new."""
_COLLECT_EVERY = 20_000
_PACED = 400
_CLASS = 15
"""Marks of a register that is a class's, and no correction or part of a group."""
_FEWEST = 50
"""Pupils that the simulator can make a school of."""


@dataclass(slots=True)
class Year:
    """``records`` are all facts in order. ``records[live:calm]`` came in the busiest stretch of
    the last day, and ``due`` is when each from ``live`` on did, in seconds from then.

    ``rows`` is the state before ``records[late]``, one row a key; ``tail`` is what the
    checkpoints wrote from there on at lesson pace, one register each; ``paced`` are some
    of these, spread over them, with the marks of their class. ``threads`` and
    ``told`` are the same of the warnings, which a worker restores too.
    """

    pupils: int
    records: list[Record]
    marks: int
    late: int
    live: int
    calm: int
    due: list[float]
    rows: dict[bytes, bytes] = field(default_factory=dict)
    tail: list[Row] = field(default_factory=list)
    threads: dict[bytes, bytes] = field(default_factory=dict)
    told: list[Row] = field(default_factory=list)
    paced: list[tuple[Batch, int]] = field(default_factory=list)


def simulate(options: Options) -> Year:
    """The facts, without state."""
    pupils = max(options.year_pupils // options.partitions, _FEWEST)
    config = SimulatorConfig(seed=options.seed, pupils=pupils, today=_TODAY)
    simulation = Simulation.of(config)
    days = simulation.world.days
    # The very last days of a year are not like others.
    first, last = days[0], days[-5]
    records = list(Workload(simulation, 1, first, last, standard_profile()).records())
    accepted = [Fact.FromString(record.value).accepted_unix_ms / 1000 for record in records]
    midnight = local_instant(last, 0).timestamp()
    morning = next(at for at, one in enumerate(accepted) if one >= midnight)
    uncompacted = local_instant(days[-5 - _TAIL_DAYS], 0).timestamp()
    marks = [record.marks for record in records]
    start, end = busiest(accepted[morning:], marks[morning:], options.live_seconds)
    live = morning + start
    return Year(
        pupils=pupils,
        records=records,
        marks=sum(marks),
        late=next(at for at, one in enumerate(accepted) if one >= uncompacted),
        live=live,
        calm=morning + end,
        due=[one - accepted[live] for one in accepted[live:]],
    )


def decide(year: Year) -> None:
    """Fill in the state rows: the year at once, its last days at lesson pace."""
    gc.collect()
    gc.freeze()
    core = Core()
    core.learn_profile("standard", 1, standard_profile())
    late = year.late
    for at, record in enumerate(year.records[:late]):
        core.apply(record.value, at, partition=0)
        if (at + 1) % _COLLECT_EVERY == 0 or at == late - 1:
            batch = core.collect()
            _keep(year.rows, batch.state)
            _keep(year.threads, batch.warnings)
    last_days = year.records[late : year.live]
    every = max(1, sum(record.marks >= _CLASS for record in last_days) // _PACED)
    seen = 0
    for at, record in enumerate(last_days, late):
        if record.marks:
            # What no register brought goes with a checkpoint of its own.
            _follow(year, core.collect())
        core.apply(record.value, at, partition=0)
        if record.marks:
            batch = core.collect()
            _follow(year, batch)
            seen += record.marks >= _CLASS
            if record.marks >= _CLASS and seen % every == 0:
                year.paced.append((batch, record.marks))
    _follow(year, core.collect())
    gc.unfreeze()
    say(
        f"a year of {year.pupils} pupils: {len(year.records)} facts, {len(year.rows)} rows and "
        f"{len(year.tail)} of the last days"
    )


def _follow(year: Year, batch: Batch) -> None:
    year.tail.extend(batch.state)
    year.told.extend(batch.warnings)


def _keep(rows: dict[bytes, bytes], some: Iterable[Row]) -> None:
    for row in some:
        if row.value is None:
            rows.pop(row.key, None)
        else:
            rows[row.key] = row.value


def busiest(due: list[float], marks: list[int], seconds: float) -> tuple[int, int]:
    """The stretch of ``seconds`` with the most marks: from which fact to before which."""
    best, found, held, end = -1, (0, 0), 0, 0
    for start in range(len(due)):
        while end < len(due) and due[end] < due[start] + seconds:
            held += marks[end]
            end += 1
        if held > best:
            best, found = held, (start, end)
        held -= marks[start]
    return found
