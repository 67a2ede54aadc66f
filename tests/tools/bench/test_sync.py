"""What `make bench-sync` counts."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from bench.sync.main import AIMS, parse, repeated
from bench.sync.page import page


def _file(folder: Path, *calls: tuple[str, str, dict[str, str]]) -> Path:
    path = folder / "calls.jsonl"
    path.write_text("\n".join(json.dumps(call) for call in calls), "utf-8")
    return path


def test_a_page_asked_for_twice_is_repeated(tmp_path: Path) -> None:
    first = ("GET", "attendances", {"limit": "500"})
    second = ("GET", "attendances", {"limit": "500", "pageToken": "a"})
    assert repeated(_file(tmp_path, first, second)) == 0
    assert repeated(_file(tmp_path, first, second, second, second)) == 2


def test_what_is_asked_twice_on_purpose_is_no_page(tmp_path: Path) -> None:
    probe = ("GET", "attendances", {"limit": "1"})
    deletions = ("GET", "deletedEntities", {"after": "2026-08-18T00:00:00Z"})
    told: tuple[str, str, dict[str, str]] = ("POST", "log", {})
    assert repeated(_file(tmp_path, probe, probe, deletions, deletions, told, told)) == 0


def test_the_whole_run_is_the_one_of_the_aim() -> None:
    options = parse(["--whole"])
    assert (options.pupils, options.weeks) == (35_000, 18)


def test_the_page_says_what_was_met_and_how_noisy_it_was() -> None:
    figures: dict[str, float | None] = {
        "pupils": 600, "weeks": 14, "attendances": 100_000, "page_size": 5000, "seconds": 10.0,
        "marks_per_s": 10_000, "rss_mb": 120, "pages_repeated_after_resume": None,
        "others_percent": 61.5, "fetch_seconds": 1.0, "take_seconds": 7.0, "settle_seconds": 1.5,
        "save_seconds": 0.5, "ingest_work_seconds": 4.0, "postgres_work_seconds": 3.0,
        "kafka_work_seconds": 1.0, "double_work_seconds": 2.0,
    }  # fmt: skip
    text = page(figures, AIMS, date(2026, 11, 26))
    assert "| `marks_per_s` | >= 20,000 | 10,000 | **not met** |" in text
    assert "| `rss_mb` | <= 500 | 120 | met |" in text
    assert "| `pages_repeated_after_resume` | <= 1 | not measured | **not met** |" in text
    assert "**62 %**" in text
    assert "| ingest, one process | 40.0 |" in text
    assert "| together | 100.0 |" in text


def test_a_trial_writes_no_page() -> None:
    assert parse([]).page
    assert parse(["--whole"]).page
    assert (parse([]).pupils, parse(["--whole"]).pupils) == (1500, 35_000)
    assert not parse(["--pupils", "50"]).page
    assert not parse(["--profile", "x"]).page
