"""What `make bench-sync` counts."""

from __future__ import annotations

import json
from pathlib import Path

from bench.sync.main import parse, repeated


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
