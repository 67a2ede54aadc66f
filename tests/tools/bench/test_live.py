"""What a school morning is measured by: lags, stretches and pages, without a broker."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.ews import page
from bench.ews.live import Watch, quantile, stretches
from bench.ews.main import AIMS, compared, parse
from bench.ews.options import Options
from bench.ews.worker import steps_in
from bench.ews.year import busiest, decide, simulate
from forvarning.state.v1.state_pb2 import StateValue
from forvarning.warnings.v1.warnings_pb2 import WarningEvent
from services.ews.checkpoint import encode_checkpoint
from services.ews.core.api import Batch
from services.ews.core.core import Core
from services.ews.core.replay import Comparable, comparable
from services.ews.partition import Position
from services.ews.topology import CHECKPOINT_KEY


def _row(end: int) -> bytes:
    return encode_checkpoint(Position(end), "test")


def test_a_fact_waits_for_the_first_checkpoint_that_holds_it() -> None:
    watch = Watch(2)
    watch.sent = [[10.0, 11.0, 12.0], [20.0]]
    watch.saw(0, b"d:some", b"row", 12.5)
    assert watch.waiting == 4
    assert watch.checkpoints == 0
    watch.saw(0, CHECKPOINT_KEY, _row(2), 13.0)
    assert watch.lags == [3.0, 2.0]
    assert watch.waiting == 2
    watch.saw(0, CHECKPOINT_KEY, _row(2), 14.0)
    watch.saw(0, CHECKPOINT_KEY, _row(3), 15.0)
    assert watch.lags == [3.0, 2.0, 3.0]
    watch.forget()
    watch.saw(1, CHECKPOINT_KEY, _row(1), 20.5)
    assert watch.lags == [0.5]
    assert watch.checkpoints == 1
    assert watch.newest == 20.5
    assert watch.waiting == 0


def test_a_checkpoint_that_goes_back_takes_nothing_back() -> None:
    watch = Watch(1)
    watch.sent = [[1.0, 2.0]]
    watch.saw(0, CHECKPOINT_KEY, _row(2), 3.0)
    watch.saw(0, CHECKPOINT_KEY, _row(1), 4.0)
    assert watch.waiting == 0
    assert len(watch.lags) == 2


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_quantile_is_one_of_the_values(share: float, value: float) -> None:
    assert quantile([float(n) for n in range(100, 0, -1)], share) == value


def test_the_time_of_coming_back_is_split_by_the_steps_of_the_second_worker() -> None:
    log = (
        "bench-step loaded 3.0",
        "bench-step assigned 4.0",
        '{"event": "restored", "seconds": 3}',
        "bench-step loaded 12.0",
        "bench-step assigned 13.5",
        "bench-step fenced 13.75",
        "bench-step restored 20.0",
        "bench-step snapshot 20.5",
        "bench-step snapshot 20.75",
        "bench-step committed 21.5",
    )
    split = stretches(10.0, steps_in(log, since=10.0))
    assert split == {
        "start": 2.0,
        "join": 1.5,
        "fence": 0.25,
        "read": 6.25,
        "decide": 0.5,
        "commit": 1.0,
    }
    assert sum(filter(None, split.values())) == 11.5
    # A worker that was not seen taking a step went on with what was before it.
    assert stretches(10.0, {"fenced": 12.0})["fence"] == 2.0


def test_the_busiest_stretch_has_the_most_marks_not_the_most_facts() -> None:
    due = [0.0, 1.0, 2.0, 100.0, 130.0]
    assert busiest(due, [1, 1, 1, 20, 20], 60) == (3, 5)
    assert busiest(due, [1, 1, 1, 2, 2], 5) == (0, 3)
    assert busiest(due, [1, 1, 1, 2, 2], 0.5) == (3, 4)


def test_the_state_of_the_year_is_what_the_worker_would_come_back_to() -> None:
    """Rows and tail restore a core that goes on exactly as one that was never away."""
    year = simulate(Options(year_pupils=100, partitions=2))
    decide(year)
    assert year.paced
    assert all(marks >= 15 for _, marks in year.paced)
    assert 0 < year.live < year.calm < len(year.records)
    assert len(year.due) == len(year.records) - year.live
    assert year.due == sorted(year.due)
    assert year.due[year.calm - year.live - 1] < Options().live_seconds
    restored, never_away = Core(), Core()
    for core in (restored, never_away):
        core.learn_profile("standard", 1, Path("services/ews/profiles/standard.toml").read_bytes())
    for key, value in (year.rows | {row.key: row.value for row in year.tail}).items():
        if value is not None:
            restored.restore(key, value)
    for key, value in year.threads.items():
        restored.restore_published(key, value)
    for row in year.told:
        restored.restore_published(row.key, row.value)
    restored.check_published()
    for at, record in enumerate(year.records):
        never_away.apply(record.value, at, partition=0)
        if at == year.live - 1:
            never_away.collect()
        if at >= year.live:
            restored.apply(record.value, at, partition=0)
    mine, theirs = restored.collect(), never_away.collect()
    # How often one has collected shows in revisions, and in nothing else.
    assert _lessons(mine) == _lessons(theirs)
    assert _told(mine) == _told(theirs)
    assert _lessons(mine)
    assert _told(mine)


def _lessons(batch: Batch) -> dict[bytes, tuple[bytes, list[int]]]:
    """Of the day rows that stand: a core that never wrote a day has none to take away."""
    days = {
        row.key: StateValue.FromString(row.value).day
        for row in batch.state
        if row.key[:1] == b"d" and row.value is not None
    }
    return {key: (day.lesson_ids, list(day.told)) for key, day in days.items()}


def _told(batch: Batch) -> dict[bytes, Comparable]:
    return {
        row.key: comparable(WarningEvent.FromString(row.value or b"")) for row in batch.warnings
    }


def test_only_the_whole_run_with_nothing_changed_is_one() -> None:
    assert parse([]).whole
    assert not parse(["--only", "replay"]).whole
    assert not parse(["--pupils", "2000"]).whole
    with pytest.raises(SystemExit):
        parse(["--only", "reply"])


def test_the_page_tells_who_is_faster_and_what_is_not_met(tmp_path: Path) -> None:
    figures: dict[str, float | None] = {
        "marks_per_s": 50_000.0,
        "naive_marks_per_s": 1_000.0,
        "plain_marks_per_s": 75_000.0,
        "ceiling_marks_per_s": 1e6,
        "cpu_seconds_per_million_marks": 20.0,
        "state_kb_per_pupil_year": 2.5,
    }
    path = tmp_path / "benchmarks.md"
    failed = ["live: the worker has ended.\nThe end of its log"]
    page.write(figures | compared(figures), AIMS, {"kafka": "4"}, failed, path)
    text = path.read_text("utf-8")
    assert "{{" not in text
    assert "\nCould not be measured: live: the worker has ended.\n" in text
    assert "| `marks_per_s` | 50,000 | >= 150,000 | **not met**, by a factor of 3.00 |" in text
    assert "| `state_kb_per_pupil_year` | 2.50 | <= 3 | met |" in text
    assert "| `replay_20m_marks_seconds` | – | <= 90 | **not met** |" in text
    assert "- 50 times as fast as the naive Faust app" in text
    assert "**the plain loop with our core is 1.50 times as fast as we are**" in text
    bars = {line[:38].strip(): line.count("█") for line in text.splitlines() if "█" in line}
    assert bars["ceiling: consume and decode"] == 40
    assert bars["naive Faust app"] == 10
