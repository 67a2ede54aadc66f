"""The parts about Förvarning's own workers on the whole log: one with the oracle, and two."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from bench.ews import measure
from bench.ews.basics import ROOT, say
from bench.ews.feed import Written
from bench.ews.ground import (
    Figures,
    Ground,
    apart,
    begin_at_the_beginning,
    checkpoints,
    make_topology,
)
from deploy.local.process import Child
from services.common import topics
from services.ews.oracle.findings import Report, Store
from services.ews.oracle.run import Oracle
from services.ews.topology import Topology

LIMIT_SECONDS = 1800.0
_TWO = "bench-two"


async def one(ground: Ground) -> Figures:
    """The worker as it is started in production, and what the oracle says of it."""
    written = await ground.log()
    child = Child(
        "the EWS worker",
        [sys.executable, "-m", "services.ews"],
        log=ground.folder / "ews.log",
        env=ground.environment(),
        cwd=ROOT,
    )
    run = await _timed(ground, [child], Topology(), ground.settings.ews_group)
    say(
        f"the worker took {run.seconds:.1f} s, {run.cpu_seconds:.1f} s of them on a processor: "
        f"{written.marks / run.seconds:,.0f} marks/s"
    )
    report = of_the_worker(await Oracle(ground.settings).run())
    say(f"the oracle: {report.counts()} in {report.scope.seconds:.0f} s")
    for finding in report.findings[:10]:
        say(f"  {finding}")
    return figures_of(written, run, report, ground.options.min_seconds)


def of_the_worker(report: Report) -> Report:
    """The findings about what the worker publishes.

    Schools are told by the group step, a process of its own that is not run here:
    nothing is measured of it, and no Wave facts come into the log.
    """
    findings = [one for one in report.findings if one.store is not Store.SCHOOL_SIGNALS]
    return Report(report.scope, findings)


async def two(ground: Ground) -> Figures:
    """Two workers of one group on the same log, with topics of their own to write to."""
    written = await ground.log()
    topology = apart(f"{_TWO}.", facts=topics.FACTS.name)
    await make_topology(ground.settings, topology)
    await begin_at_the_beginning(ground.settings, topology)
    children = [
        Child(
            f"worker {number} of two",
            [sys.executable, "-m", "bench.ews.worker"],
            log=ground.folder / f"two-{number}.log",
            env=ground.worker_environment(topology, _TWO),
            cwd=ROOT,
        )
        for number in (1, 2)
    ]
    run = await _timed(ground, children, topology, _TWO)
    say(f"two workers took {run.seconds:.1f} s, {run.cpu_seconds:.1f} s of processor time")
    return {
        "two_workers_marks_per_s": written.marks / run.seconds,
        "two_workers_cpu_seconds_per_million_marks": run.cpu_seconds * 1e6 / written.marks,
    }


async def _timed(
    ground: Ground, children: Sequence[Child], topology: Topology, group: str
) -> measure.Run:
    """From the start of the processes to the last committed checkpoint."""
    settings = ground.settings
    ends = await measure.end_offsets(settings, topology.facts, settings.fact_partitions)
    try:
        async with measure.committed(settings, group, topology.facts) as progress:
            run = await measure.time_processes(
                children, progress, sum(ends.values()), limit_seconds=LIMIT_SECONDS
            )
    finally:
        for child in children:
            child.stop(seconds=30)
    if wrong := measure.differing(ends, await checkpoints(settings, topology)):
        raise measure.MeasureError("; ".join(wrong))
    return run


def figures_of(written: Written, run: measure.Run, report: Report, min_seconds: float) -> Figures:
    """Everything measured. There is no headline figure where the oracle finds a difference,
    where it has not seen the whole log, or where the run was too short.

    ``marks_per_s`` counts from the worker's start, Python's and the group's included.
    """
    whole = report.scope.lag == 0 and report.scope.marks == written.marks
    sound = report.well and whole and run.seconds >= min_seconds
    once_running = run.sustained()
    return {
        "marks_per_s": written.marks / run.seconds if sound else None,
        "marks_per_s_once_running": (
            once_running * written.marks / written.records if once_running else None
        ),
        "seconds": run.seconds,
        "seconds_to_first_checkpoint": run.first_progress,
        "marks": written.marks,
        "records": written.records,
        "record_bytes": written.bytes,
        "cpu_seconds_per_million_marks": run.cpu_seconds * 1e6 / written.marks,
        "worker_peak_mib": run.peak_mib,
        "warnings": report.scope.threads,
        "undigested": report.scope.undigested,
        **{f"oracle_{kind}": float(count) for kind, count in report.counts().items()},
        "oracle_seconds": report.scope.seconds,
    }
