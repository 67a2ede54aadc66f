"""How a run is timed, and that a run which cannot be timed says so."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.ews import against, page, workers
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


def test_a_peer_is_timed_from_its_first_progress_and_without_one_it_cannot_be() -> None:
    run = Run(began=0.0, total=100, points=[(1.0, 10), (10.0, 100)], cpu={7: 2.0, 8: 1.0})
    figures = against.per_mark("naive", run, 100)
    assert figures["naive_marks_per_s"] == pytest.approx(10)
    assert figures["naive_cpu_seconds_per_million_marks"] == pytest.approx(3e6 / 100)
    at_once = Run(began=0.0, total=100, points=[(10.0, 100)])
    assert against.per_mark("naive", at_once, 100)["naive_marks_per_s"] is None


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
    run = Run(began=0.0, total=50, points=points, cpu={7: 2.0})
    scope = Scope(marks=values["marks"], lag=values["lag"])
    report = Report(scope, values["findings"])
    return workers.figures_of(Written(records=50, marks=1000), run, report, 60.0)


def test_the_ratios_are_of_rates_and_of_what_was_measured() -> None:
    figures = _figures()
    assert figures["marks_per_s"] == pytest.approx(1000 / 70)
    assert figures["cpu_seconds_per_million_marks"] == pytest.approx(2000)
    others: dict[str, float | None] = {
        "naive_marks_per_s": 2.0,
        "plain_marks_per_s": 1000 / 35,
        "two_workers_cpu_seconds_per_million_marks": 2500.0,
    }
    ratios = bench.compared(figures | others)
    assert ratios["ratio_naive"] == pytest.approx(1000 / 140)
    assert ratios["ratio_plain"] == pytest.approx(0.5)
    assert ratios["two_worker_cpu_ratio"] == pytest.approx(1.25)
    assert ratios["ratio_quix"] is None
    assert bench.compared(figures | others | {"marks_per_s": None})["ratio_naive"] is None


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
    assert _figures(**change)["marks_per_s"] is None


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


def test_a_part_that_cannot_be_measured_takes_no_other_with_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_: object) -> dict[str, float | None]:
        raise MeasureError("the worker has ended")

    async def works(_: object) -> dict[str, float | None]:
        return {"replay_20m_marks_seconds": 80.0}

    monkeypatch.setattr(bench, "broker", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(bench, "settings_for", lambda *_: None)
    monkeypatch.setattr(bench, "PARTS", {"live": fails, "replay": works})
    monkeypatch.setattr(sys, "argv", ["bench.ews", "--only", "live,replay"])
    assert bench.main() == 1
    told = capsys.readouterr()
    assert "live: MeasureError: the worker has ended" in told.err
    aims = {aim["name"]: aim for aim in json.loads(told.out.splitlines()[-1])["aims"]}
    assert aims["replay_20m_marks_seconds"]["met"]
    assert aims["changelog_bytes_per_mark"]["value"] is None
    assert not aims["changelog_bytes_per_mark"]["met"]


def test_only_what_the_group_step_tells_schools_is_not_asked_of_the_worker() -> None:
    mine = [Finding(Kind.MISSING, store, "t", "is not there") for store in Store]
    left = workers.of_the_worker(Report(Scope(marks=7), mine))
    assert {one.store for one in left.findings} == set(Store) - {Store.SCHOOL_SIGNALS}
    assert left.scope.marks == 7
    assert not left.well


@pytest.mark.timeout(900)
def test_a_small_run_from_end_to_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real broker, workers, oracle and peers; the figures are judged, the aims are not."""
    pages: list[object] = []
    monkeypatch.setattr(page, "write", lambda *given: pages.append(given))
    arguments = (
        "--pupils 150 --days 8 --partitions 4 --naive-marks 3000 --min-seconds 1 "
        "--year-pupils 200 --live-seconds 4 --replay-marks 100000 "
        "--only worker,naive,quix,quix-core,plain,ceiling,two,state,live,replay"
    )
    monkeypatch.setattr(sys, "argv", ["bench.ews", *arguments.split()])
    assert bench.main() == 0
    assert not pages, "a trial writes no page"
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    figures = answer["figures"]
    assert answer["command"] == "bench-ews"
    assert [aim["name"] for aim in answer["aims"]] == [aim.name for aim in bench.AIMS]
    assert all(figures[f"oracle_{kind}"] == 0 for kind in ("missing", "extra", "differing"))
    assert figures["oracle_illegal"] == 0
    assert figures["undigested"] == 0
    assert figures["warnings"] > 0
    assert figures["marks"] > 1500
    assert figures["marks_per_s"] == pytest.approx(figures["marks"] / figures["seconds"], rel=0.01)
    for peer in ("naive", "quix"):
        # So few marks may be done between two looks at the clock: then there is no rate.
        assert figures[f"{peer}_marks"] > 1000
        assert figures[f"{peer}_seconds"] > 0
        if rate := figures.get(f"{peer}_marks_per_s"):
            ratio = figures["marks_per_s"] / rate
            assert figures[f"ratio_{peer}"] == pytest.approx(ratio, rel=0.01)
    for peer in ("quix_core", "plain", "ceiling"):
        rate = figures[f"{peer}_marks_per_s"]
        assert figures[f"ratio_{peer}"] == pytest.approx(figures["marks_per_s"] / rate, rel=0.01)
    # A worker's fixed costs are most of so small a run: two of them spend more than one does.
    assert figures["two_worker_cpu_ratio"] > 0.8
    # 1,100 lessons a pupil and year; a row is bytes, and a mark takes some.
    assert 0.5 < figures["state_kb_per_pupil_year"] < 60
    assert figures["state_kb_per_pupil_year"] > 0.1 * figures["state_row_kb_per_pupil_year"]
    assert 1 < figures["changelog_bytes_per_mark"] < 1000
    assert figures["live_checkpoints"] > 0
    assert 0 < figures["checkpoint_lag_p50_seconds"] <= figures["checkpoint_lag_p99_seconds"]
    assert 0 < figures["recovery_seconds"] <= figures["recovery_all_seconds"]
    assert "recovery_seconds_100k_pupils" not in figures, "it was another number of pupils"
    assert figures["replay_warnings"] > 0
    assert figures["replay_20m_marks_seconds"] == pytest.approx(
        figures["replay_seconds"] * 20e6 / figures["replay_marks"], rel=0.01
    )
