"""Replay: a school year's facts out of the input log, decided anew by two processes.

Each process reads its partitions with the log reader of `forvarning replay` and the oracle, and
puts them through the streaming core's own decision (services.ews.core.replay), which at the end
of a partition decides once. There is no second engine.
"""

from __future__ import annotations

import asyncio
import math
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from bench.ews import feed, measure
from bench.ews.basics import say, standard_profile
from bench.ews.ground import Figures, Ground, apart, make_topics
from bench.ews.workload import Record
from services.common import topics
from services.common.settings import OracleSettings
from services.ews.core.replay import Replayer
from services.ews.oracle.log import Log
from services.ews.topology import Topology

PROCESSES = 2
_WANTED = 20_000_000
_MOST_PARTITIONS = 8


@dataclass(frozen=True, slots=True)
class Replayed:
    """What one process did; CPU seconds."""

    facts: int
    threads: tuple[int, ...]
    """How many each partition has."""
    undigested: int
    reading: float
    applying: float
    deciding: float


async def replay(ground: Ground) -> Figures:
    """The part."""
    this_year = ground.year()
    partitions = math.ceil(ground.options.replay_marks / this_year.marks)
    partitions = min(max(partitions, PROCESSES), _MOST_PARTITIONS)
    topology = apart("bench-replay.")
    own = ground.settings.model_copy(update={"fact_partitions": partitions})
    await make_topics(own, [(topology.facts, topics.FACTS)])
    began = time.monotonic()
    written = await feed.write(own, topology.facts, _everywhere(this_year.records, partitions))
    say(f"wrote {written.marks} marks in {time.monotonic() - began:.0f} s")
    began = time.monotonic()
    shares = [list(range(partitions))[nth::PROCESSES] for nth in range(PROCESSES)]
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        loop = asyncio.get_running_loop()
        found = await asyncio.gather(
            *(loop.run_in_executor(pool, decide, own, topology, share) for share in shares)
        )
    seconds = time.monotonic() - began
    _check(found, written)
    cpu = sum(one.reading + one.applying + one.deciding for one in found)
    say(f"two processes decided {written.marks} marks anew in {seconds:.1f} s")
    per_mark = 1e6 / written.marks
    return {
        # Partitions do not concern each other: twice as many take twice as long.
        "replay_20m_marks_seconds": seconds * _WANTED / written.marks,
        "replay_marks": written.marks,
        "replay_seconds": seconds,
        "replay_marks_per_s": written.marks / seconds,
        "replay_cpu_us_per_mark": cpu * per_mark,
        "replay_reading_us_per_mark": sum(one.reading for one in found) * per_mark,
        "replay_applying_us_per_mark": sum(one.applying for one in found) * per_mark,
        "replay_deciding_us_per_mark": sum(one.deciding for one in found) * per_mark,
        "replay_warnings": sum(sum(one.threads) for one in found),
    }


def _everywhere(records: Sequence[Record], partitions: int) -> Iterator[Record]:
    for record in records:
        for partition in range(partitions):
            yield Record(partition, record.key, record.value, record.marks)


def _check(found: Sequence[Replayed], written: feed.Written) -> None:
    if (facts := sum(one.facts for one in found)) != written.records:
        raise measure.MeasureError(f"{facts} of {written.records} facts were replayed")
    if undigested := sum(one.undigested for one in found):
        raise measure.MeasureError(f"{undigested} facts could not be digested")
    # The same facts stand in every partition, so the same must come of them.
    if len(threads := {one for process in found for one in process.threads}) != 1:
        raise measure.MeasureError(f"the same facts led to {sorted(threads)} threads")


def decide(settings: OracleSettings, topology: Topology, partitions: Sequence[int]) -> Replayed:
    """One process: its partitions, one after the other."""
    return asyncio.run(_decide(Log(settings, topology), partitions))


async def _decide(log: Log, partitions: Sequence[int]) -> Replayed:
    began = time.process_time()
    facts = undigested = 0
    applying = deciding = 0.0
    threads = []
    clock = time.process_time
    for partition in partitions:
        replayer = Replayer([("standard", 1, standard_profile())])
        async for fact in log.facts(partition):
            before = clock()
            replayer.take(fact.offset, fact.value, fact.replay_of)
            applying += clock() - before
            facts += 1
        before = clock()
        outcome = replayer.finish()
        deciding += clock() - before
        undigested += len(outcome.undigested) + len(outcome.failed)
        threads.append(len(outcome.threads))
    reading = clock() - began - applying - deciding
    return Replayed(facts, tuple(threads), undigested, reading, applying, deciding)
