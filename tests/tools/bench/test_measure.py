"""How a run is timed, and that a run which cannot be timed says so."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.ews import main as bench
from bench.ews.feed import Written
from bench.ews.measure import MeasureError, Run, committed, differing, time_process
from deploy.local.kafka import KafkaServer
from deploy.local.process import Child
from services.common.settings import CommonSettings
from services.ews.oracle.findings import Finding, Kind, Report, Scope, Store


def test_the_time_runs_from_the_start_to_the_last_commit() -> None:
    run = Run(began=100.0, total=900, points=[(103.0, 0), (105.0, 100), (109.0, 500), (113.0, 900)])
    assert run.seconds == 13.0
    assert run.first_progress == 5.0
    assert run.sustained() == 100.0


def test_progress_in_one_step_has_no_rate_of_its_own() -> None:
    assert Run(began=0.0, total=10, points=[(1.0, 0), (2.0, 10)]).sustained() is None


def test_a_worker_with_one_checkpoint_is_still_timed_from_its_start() -> None:
    figures = _figures(points=[(70.0, 50)])
    assert figures["marks_per_s_once_running"] is None
    assert figures["marks_per_s"] == pytest.approx(1000 / 70)


def test_a_naive_app_without_a_rate_cannot_be_compared_with() -> None:
    with pytest.raises(MeasureError, match="at once"):
        _figures(naive_points=[(10.0, 100)])


def test_a_checkpoint_behind_the_log_is_named() -> None:
    assert not differing({0: 5, 1: 0}, {0: 5})
    assert differing({0: 5, 1: 7}, {0: 5, 1: 6}) == [
        "partition 1: checkpoint at 6, the log ends at 7"
    ]
    assert differing({3: 2}, {}) == ["partition 3: checkpoint at None, the log ends at 2"]


def _figures(**changes: Any) -> dict[str, float | None]:
    values: dict[str, Any] = {"marks": 1000, "lag": 0, "findings": [], "seconds": 70.0}
    values |= changes
    points = values.get("points", [(10.0, 10), (values["seconds"], 50)])
    run = Run(began=0.0, total=50, points=points)
    naive_points = values.get("naive_points", [(1.0, 10), (10.0, 100)])
    naive = Run(began=0.0, total=100, points=naive_points)
    scope = Scope(marks=values["marks"], lag=values["lag"])
    report = Report(scope, values["findings"])
    return bench.figures_of(Written(records=50, marks=1000), run, naive, report, 60.0)


def test_the_headline_is_whole_time_against_the_naive_apps_best() -> None:
    figures = _figures()
    assert figures["marks_per_s"] == pytest.approx(1000 / 70)
    assert figures["naive_marks_per_s"] == pytest.approx(10)
    assert figures["ratio_naive"] == pytest.approx(1000 / 70 / 10)


@pytest.mark.parametrize(
    "change",
    [
        {"findings": [Finding(Kind.MISSING, Store.PUBLISHED, "t", "is not there")]},
        {"lag": 1},
        {"marks": 999},
        {"seconds": 59.0},
    ],
)
def test_a_figure_counts_only_if_the_oracle_agrees_on_all_of_it(change: dict[str, Any]) -> None:
    figures = _figures(**change)
    assert figures["marks_per_s"] is None
    assert figures["ratio_naive"] is None


def test_a_process_that_ends_cannot_be_timed(kafka: KafkaServer, tmp_path: Path) -> None:
    settings = CommonSettings(environment="local", kafka_bootstrap=kafka.bootstrap)
    child = Child(
        "the worker",
        [sys.executable, "-c", "print('no such broker'); raise SystemExit(3)"],
        log=tmp_path / "log",
    )

    async def timed() -> Run:
        async with committed(settings, "nobody", "nothing") as progress:
            return await time_process(child, progress, 10, limit_seconds=60)

    with pytest.raises(MeasureError, match="no such broker"):
        asyncio.run(timed())


def test_a_small_run_from_end_to_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real broker, worker, oracle and naive app; the figures are judged, the aims are not."""
    arguments = ["--pupils", "150", "--days", "8", "--naive-marks", "5000", "--min-seconds", "1"]
    monkeypatch.setattr(sys, "argv", ["bench.ews", *arguments])
    monkeypatch.setattr(bench, "PARTITIONS", 4)
    assert bench.main() == 0
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    figures = answer["figures"]
    assert answer["command"] == "bench-ews"
    assert [aim["name"] for aim in answer["aims"]] == ["marks_per_s", "ratio_naive"]
    assert all(figures[f"oracle_{kind}"] == 0 for kind in ("missing", "extra", "differing"))
    assert figures["oracle_illegal"] == 0
    assert figures["undigested"] == 0
    assert figures["warnings"] > 0
    assert figures["marks"] > 1500
    assert figures["marks_per_s"] == pytest.approx(figures["marks"] / figures["seconds"], rel=0.01)
    assert figures["cpu_seconds_per_million_marks"] > 0
