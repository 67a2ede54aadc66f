"""The figures and aims of the check."""

from __future__ import annotations

import pytest

from deploy.check.latency import Sample
from deploy.check.report import AIMS, latency_figures
from deploy.check.windows import Fault

# As issue 3 writes them.
ISSUE = """
`oracle_missing == 0`, `oracle_extra == 0`, `oracle_differing == 0`, `oracle_illegal == 0`,
`oracle_detects_removed_register >= 1`, `raised_strofranvaro >= 1`, `raised_langvarig >= 1`,
`raised_ogiltig_idag >= 1`, `amended >= 1`, `withdrawn >= 1`, `resolved >= 1`,
`duplicates_sent >= 100`, `late_facts >= 100`, `corrections >= 100`, `cases >= 1`, `notices >= 1`,
`notices_doubled == 0`, `acknowledged_lost == 0`, `p99_seconds <= 2`, `kills >= 2`,
`zombies_fenced >= 1`, `broker_kills >= 1`, `recovery_seconds <= 20`
"""


def test_the_aims_are_those_of_the_issue() -> None:
    asked = [tuple(aim.strip("` \n").split()) for aim in ISSUE.split(",")]
    assert [(a.name, a.op, f"{a.aim:g}") for a in AIMS] == asked


KILL = Fault("worker_kill", "ews-1", injected=40.0, gone_until=40.0, over=45.0)
CHECKPOINTS = {0: [39.5, 46.0], 1: [39.6, 47.0]}


def _figures(
    samples: list[Sample], registers: int = 20_000, ended: float = 100.0
) -> dict[str, float | None]:
    every = 100.0 / registers
    return latency_figures(
        samples,
        [index * every for index in range(registers)],
        [KILL],
        CHECKPOINTS,
        partitions=2,
        began=0.0,
        ended=ended,
    )


def test_what_a_fault_delays_counts_in_all_but_not_outside() -> None:
    calm = [Sample(float(n) / 4, n / 4 + 0.5) for n in range(150)]
    slow = [Sample(41.0, 46.5), Sample(42.0, 46.5)]
    found = _figures(calm + slow)
    assert found["p99_seconds"] == pytest.approx(0.5)
    assert found["p99_seconds_all"] == pytest.approx(4.5)
    assert found["recovery_seconds"] == pytest.approx(7.0)
    assert found["share_outside"] == pytest.approx(0.93)
    assert found["samples_outside"] == 150
    assert found["samples_all"] == 152
    assert found["registers_outside"] == pytest.approx(18_600, abs=2)
    assert found["registers_per_second"] == pytest.approx(200)


def test_too_few_registers_outside_are_no_measurement() -> None:
    assert _figures([Sample(1.0, 1.5)], registers=1_000)["p99_seconds"] is None


def test_a_run_that_is_mostly_faults_is_no_measurement() -> None:
    found = _figures([Sample(1.0, 1.5)], ended=13.0)
    assert found["p99_seconds"] == 1.5 - 1.0
    short = latency_figures(
        [Sample(39.0, 39.2)],
        [39.0] * 5000,
        [KILL],
        CHECKPOINTS,
        partitions=2,
        began=38.0,
        ended=48.0,
    )
    assert short["share_outside"] == pytest.approx(0.3)
    assert short["p99_seconds"] is None


def test_a_partition_that_never_came_back_leaves_no_recovery_time() -> None:
    found = latency_figures(
        [], [], [KILL], {0: [46.0]}, partitions=2, began=0.0, ended=100.0
    )  # fmt: skip
    assert found["recovery_seconds"] is None
    assert found["share_outside"] == pytest.approx(0.8)
