"""The parts about the others: each peer as a process, timed as the worker is."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bench.ews import measure
from bench.ews.basics import ROOT, say
from bench.ews.ground import MARKS_TOPIC, QUIX_TIMES, Figures, Ground, make_topics
from bench.ews.workers import LIMIT_SECONDS
from deploy.local.process import Child
from services.common import topics

NAIVE_CHANGELOG = "bench-naive-pupils-changelog"
PEERS_PYTHON = ROOT / ".venv/peers/bin/python"
_OUTPUT = "bench-told"
_WINDOWS_PART = 5


async def naive(ground: Ground) -> Figures:
    """The naive Faust app, to the last row that it has to write to its table's changelog."""
    held = await ground.marks()
    count = min(held, ground.options.naive_marks)
    await make_topics(ground.settings, [("bench-naive-warned", None)])
    settings = ground.settings
    child = Child(
        "the naive app",
        [sys.executable, "-m", "bench.ews.peers.naive", "worker", "--without-web"],
        log=ground.folder / "naive.log",
        env=ground.environment(
            FORVARNING_BENCH_BROKER=settings.kafka_bootstrap,
            FORVARNING_BENCH_TOPIC=MARKS_TOPIC,
            FORVARNING_BENCH_PARTITIONS=str(settings.fact_partitions),
        ),
        cwd=ROOT,
    )
    try:
        # Its table writes one changelog record a mark: finer than its commits, and sooner.
        async with measure.written(settings, NAIVE_CHANGELOG, settings.fact_partitions) as progress:
            run = await measure.time_process(child, progress, count, limit_seconds=LIMIT_SECONDS)
    finally:
        child.stop(seconds=10)
    say(f"the naive app took {run.seconds:.1f} s for {count:,} marks")
    return per_mark("naive", run, count)


def per_mark(name: str, run: measure.Run, marks: int) -> Figures:
    """Of a peer that is given the marks one by one: its rate once it runs, to its advantage.

    None where it did everything between two looks: too little was given to time.
    """
    return {
        f"{name}_marks_per_s": run.sustained(),
        f"{name}_marks": marks,
        f"{name}_seconds": run.seconds,
        f"{name}_cpu_seconds_per_million_marks": run.cpu_seconds * 1e6 / marks,
    }


async def quix(ground: Ground) -> Figures:
    """Quix Streams as its users would write it: the pupil's days in its state store."""
    return await _quix_marks(ground, "state", "quix", ground.options.naive_marks * QUIX_TIMES)


async def quix_windows(ground: Ground) -> Figures:
    """Quix Streams with its own windows: slower than anybody, so it gets a part of the marks."""
    some = ground.options.naive_marks // _WINDOWS_PART
    return await _quix_marks(ground, "windows", "quix_windows", some)


async def _quix_marks(ground: Ground, way: str, name: str, most: int) -> Figures:
    count = min(await ground.marks(), most)
    child = _quix(ground, way, name, topic=MARKS_TOPIC)
    run = await _to_the_end(ground, child, f"bench-{name}", MARKS_TOPIC, count)
    say(f"Quix Streams ({way}) took {run.seconds:.1f} s for {count:,} marks")
    return per_mark(name, run, count)


async def quix_core(ground: Ground) -> Figures:
    """Quix Streams with the same registers and the same core."""
    await ground.log()
    settings = ground.settings
    ends = await measure.end_offsets(settings, topics.FACTS.name, settings.fact_partitions)
    child = _quix(ground, "core", "quix_core", topic=topics.FACTS.name, ends=ends)
    return await _whole_log(ground, child, "quix_core")


async def plain(ground: Ground) -> Figures:
    """A plain aiokafka loop with the same core and no state store."""
    return await _whole_log(ground, await _loop(ground, "core", "plain"), "plain")


async def ceiling(ground: Ground) -> Figures:
    """Consume and decode, nothing else."""
    return await _whole_log(ground, await _loop(ground, "decode", "ceiling"), "ceiling")


async def _loop(ground: Ground, way: str, name: str) -> Child:
    await ground.log()
    await make_topics(ground.settings, [(_OUTPUT, None)])
    return Child(
        f"the plain loop ({way})",
        [sys.executable, "-m", "bench.ews.peers.loop"],
        log=ground.folder / f"{name}.log",
        env=_told(ground, way, name, topic=topics.FACTS.name),
        cwd=ROOT,
    )


def _quix(ground: Ground, way: str, name: str, **more: Any) -> Child:
    if not PEERS_PYTHON.exists():
        raise measure.MeasureError("Quix Streams is not installed: bash requirements/peers.sh")
    return Child(
        f"Quix Streams ({way})",
        [str(PEERS_PYTHON), "-m", "bench.ews.peers.quix"],
        log=ground.folder / f"{name}.log",
        env=_told(ground, way, name, **more),
        cwd=ground.folder,
    )


def _told(ground: Ground, way: str, name: str, **more: Any) -> dict[str, str]:
    wanted = {
        "broker": ground.settings.kafka_bootstrap,
        "group": f"bench-{name}",
        "partitions": ground.settings.fact_partitions,
        "output": f"{_OUTPUT}-{name}" if name.startswith("quix") else _OUTPUT,
        "state_dir": str(Path(ground.folder) / f"state-{name}"),
        "way": way,
    }
    return ground.environment(FORVARNING_BENCH_PEER=json.dumps(wanted | more))


async def _whole_log(ground: Ground, child: Child, name: str) -> Figures:
    """The rate is over the whole time from the process's start, as the worker's is."""
    written = await ground.log()
    run = await _to_the_end(ground, child, f"bench-{name}", topics.FACTS.name, None)
    say(
        f"{child.name} took {run.seconds:.1f} s, {run.cpu_seconds:.1f} s of them on a processor: "
        f"{written.marks / run.seconds:,.0f} marks/s"
    )
    return {
        f"{name}_marks_per_s": written.marks / run.seconds,
        f"{name}_seconds": run.seconds,
        f"{name}_cpu_seconds_per_million_marks": run.cpu_seconds * 1e6 / written.marks,
        f"{name}_peak_mib": run.peak_mib,
    }


async def _to_the_end(
    ground: Ground, child: Child, group: str, topic: str, count: int | None
) -> measure.Run:
    settings = ground.settings
    if count is None:
        ends = await measure.end_offsets(settings, topic, settings.fact_partitions)
        count = sum(ends.values())
    try:
        async with measure.committed(settings, group, topic) as progress:
            return await measure.time_process(child, progress, count, limit_seconds=LIMIT_SECONDS)
    finally:
        child.stop(seconds=20)
