"""How long a kept verdict on a mutant holds: as long as the function is the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.mutant_verdicts import Verdict, Verdicts, numbers, ranges

ONE, TWO = "core.fold.x_one__mutmut_", "core.fold.xǁTwoǁof__mutmut_"


def made(path: Path, **changed: str) -> Path:
    """What mutmut notes of a module with two functions, and of one without any."""
    sources = {"x_one": "aaaa", "xǁTwoǁof": "bbbb"} | changed
    keys = [f"{ONE}{n}" for n in (1, 2, 3, 4)] + [f"{TWO}{n}" for n in (1, 2)]
    found = {"exit_code_by_key": dict.fromkeys(keys), "hash_by_function_name": sources}
    (path / "fold.py.meta").write_text(json.dumps(found), "utf-8")
    none: dict[str, dict[str, str]] = {"exit_code_by_key": {}, "hash_by_function_name": {}}
    (path / "__init__.py.meta").write_text(json.dumps(none), "utf-8")
    return path


def tried(path: Path, tests: str = "t1") -> Verdicts:
    verdicts = Verdicts(made(path), path / "kept", tests)
    for number, verdict in enumerate(Verdict, 1):
        verdicts[f"{ONE}{number}"] = verdict
    verdicts[f"{TWO}2"] = Verdict.KILLED
    return verdicts


def test_each_verdict_is_written_at_once_one_line_a_function(tmp_path: Path) -> None:
    verdicts = tried(tmp_path)
    head, *lines = (tmp_path / "kept" / "fold.txt").read_text("utf-8").splitlines()
    assert head.startswith("# mutmut ")
    assert lines == [
        "x_one aaaa of 4: killed 1; lived@t1 3; timeout 2; unreached@t1 4",
        "xǁTwoǁof bbbb of 2: killed 2",
    ]
    again = Verdicts(tmp_path, tmp_path / "kept", "t1")
    assert list(again.of("fold")) == list(verdicts.of("fold"))
    assert [told for _, told in again.of("fold")] == [*Verdict, None, Verdict.KILLED]
    assert again.pending(["fold"]) == [f"{TWO}1"]
    assert again.modules() == ["fold"]
    assert again.source(f"{TWO}2") == "bbbb"
    assert again.source("core.fold.x_other__mutmut_1") == again.source("core.a.x_b__mutmut_1") == ""
    assert list(again.of("__init__")) == []


def test_other_tests_get_a_try_at_what_lived_which_counts_as_lived_until_then(
    tmp_path: Path,
) -> None:
    tried(tmp_path)
    later = Verdicts(tmp_path, tmp_path / "kept", "t2")
    assert later.pending(["fold"]) == [f"{TWO}1", f"{ONE}3", f"{ONE}4"]
    assert dict(later.of("fold"))[f"{ONE}3"] is Verdict.LIVED
    later[f"{ONE}3"] = Verdict.KILLED
    later[f"{ONE}4"] = Verdict.LIVED
    assert "x_one aaaa of 4: killed 1,3; lived@t2 4; timeout 2" in (
        (tmp_path / "kept" / "fold.txt").read_text("utf-8")
    )


def test_a_function_that_changed_is_tried_anew_and_the_others_are_not(tmp_path: Path) -> None:
    tried(tmp_path)
    made(tmp_path, x_one="cccc")
    later = Verdicts(tmp_path, tmp_path / "kept", "t1")
    assert later.pending(["fold"]) == [f"{ONE}{n}" for n in (1, 2, 3, 4)] + [f"{TWO}1"]
    later[f"{ONE}1"] = Verdict.KILLED
    assert "x_one cccc of 4: killed 1\n" in (tmp_path / "kept" / "fold.txt").read_text("utf-8")


def test_what_another_mutmut_numbered_is_not_believed(tmp_path: Path) -> None:
    tried(tmp_path)
    file = tmp_path / "kept" / "fold.txt"
    text = file.read_text("utf-8")
    file.write_text(text.replace("of 2:", "of 3:"), "utf-8")
    assert len(Verdicts(tmp_path, tmp_path / "kept", "t1").pending(["fold"])) == 2
    file.write_text(f"# mutmut 0.1\n{text.partition(chr(10))[2]}", "utf-8")
    assert len(Verdicts(tmp_path, tmp_path / "kept", "t1").pending(["fold"])) == 6


def test_verdicts_can_be_forgotten(tmp_path: Path) -> None:
    tried(tmp_path).forget(["fold"])
    assert len(Verdicts(tmp_path, tmp_path / "kept", "t1").pending(["fold"])) == 6


def test_a_line_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    tried(tmp_path)
    file = tmp_path / "kept" / "fold.txt"
    file.write_text(file.read_text("utf-8") + "<<<<<<< HEAD\n", "utf-8")
    with pytest.raises(ValueError, match="HEAD"):
        Verdicts(tmp_path, tmp_path / "kept", "t1")


def test_ranges() -> None:
    assert ranges([7, 3, 1, 2, 9, 10]) == "1-3,7,9-10"
    assert list(numbers("1-3,7,9-10")) == [1, 2, 3, 7, 9, 10]
