"""The figures and the aims of issue 3. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.result import Aim
from deploy.check.latency import Sample, outside, percentile
from deploy.check.windows import Fault, recovery_seconds, seconds_inside, windows

AIMS: tuple[Aim, ...] = (
    Aim("oracle_missing", "==", 0),
    Aim("oracle_extra", "==", 0),
    Aim("oracle_differing", "==", 0),
    Aim("oracle_illegal", "==", 0),
    Aim("oracle_detects_removed_register", ">=", 1),
    Aim("raised_strofranvaro", ">=", 1),
    Aim("raised_langvarig", ">=", 1),
    Aim("raised_ogiltig_idag", ">=", 1),
    Aim("amended", ">=", 1),
    Aim("withdrawn", ">=", 1),
    Aim("resolved", ">=", 1),
    Aim("duplicates_sent", ">=", 100),
    Aim("late_facts", ">=", 100),
    Aim("corrections", ">=", 100),
    Aim("cases", ">=", 1),
    Aim("notices", ">=", 1),
    Aim("notices_doubled", "==", 0),
    Aim("acknowledged_lost", "==", 0),
    Aim("p99_seconds", "<=", 2),
    Aim("kills", ">=", 2),
    Aim("zombies_fenced", ">=", 1),
    Aim("broker_kills", ">=", 1),
    Aim("recovery_seconds", "<=", 20),
)

LONGEST_WINDOW = 20.0
"""The aim of recovery_seconds: no window is longer, whatever was measured."""
LEAST_OUTSIDE = 2000
"""Registers that must lie outside the windows for p99_seconds to count."""
LEAST_SHARE = 0.5


def latency_figures(
    samples: Sequence[Sample],
    accepted_at: Sequence[float],
    faults: Sequence[Fault],
    checkpoints: Mapping[int, Sequence[float]],
    *,
    partitions: int,
    began: float,
    ended: float,
) -> dict[str, float | None]:
    """p99 outside and in all, the recovery, and how much lay outside the windows.

    ``p99_seconds`` is None, and its aim not met, where less than half the run or fewer than 2,000
    registers lie outside.
    """
    recovery = recovery_seconds(faults, checkpoints, partitions)
    longest = LONGEST_WINDOW if recovery is None else min(recovery, LONGEST_WINDOW)
    spans = windows(faults, checkpoints, partitions, longest)
    calm = outside(samples, spans)
    registers = sum(not any(span.meets(at, at) for span in spans) for at in accepted_at)
    seconds = ended - began
    share = 1.0 - seconds_inside(began, ended, spans) / seconds
    counts = registers >= LEAST_OUTSIDE and share >= LEAST_SHARE
    return {
        "p99_seconds": percentile((s.seconds for s in calm), 0.99) if counts else None,
        "p50_seconds": percentile((s.seconds for s in calm), 0.50),
        "p99_seconds_all": percentile((s.seconds for s in samples), 0.99),
        "recovery_seconds": recovery,
        "samples_outside": len(calm),
        "samples_all": len(samples),
        "registers_outside": registers,
        "share_outside": share,
        "live_seconds": seconds,
        "registers_per_second": len(accepted_at) / seconds,
    }
