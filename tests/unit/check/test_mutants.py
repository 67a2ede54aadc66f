"""How the verdicts of `make mutants` are counted: none is left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import mutants
from bench.mutants import CORE, SURVIVORS, Verdicts, main, modules, pending, reasons, statuses


def verdicts(*statuses: int | None) -> Verdicts:
    found = Verdicts()
    for number, status in enumerate(statuses):
        found.add(f"m{number}", status)
    return found


def test_time_outs_are_counted_apart_and_everything_else_counts() -> None:
    found = verdicts(1, 1, 1, 0, -9, -24, 33, None)
    assert found.figures() == {
        "mutants": 8,
        "killed": 3,
        "survived": 1,
        "timeouts": 2,
        "no_tests": 1,
        "killed_share": 0.5,
    }
    assert (found.survived, found.no_tests, found.untried) == (["m3"], ["m6"], ["m7"])


def test_a_crash_is_a_kill_and_an_interruption_is_no_verdict() -> None:
    assert verdicts(-11, 3).killed == 2
    assert verdicts(2).untried == ["m0"]


def test_without_a_mutant_there_is_no_share() -> None:
    assert verdicts().figures()["killed_share"] is None
    assert verdicts(36).figures()["killed_share"] is None


def test_a_run_goes_on_where_it_was_and_new_tests_get_a_try_at_what_lived(tmp_path: Path) -> None:
    found = {"a": 1, "b": None, "c": 0, "d": 33, "e": 36, "f": 2}
    assert statuses("fold", tmp_path) == {}
    file = tmp_path / CORE / "fold.py.meta"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"exit_code_by_key": found, "other": 7}), "utf-8")
    assert statuses("fold", tmp_path) == found
    assert pending(found) == ["b", "f"]
    mutants.forget_survivors(tmp_path)
    assert pending(statuses("fold", tmp_path)) == ["b", "c", "d", "f"]
    assert json.loads(file.read_text("utf-8"))["other"] == 7


def test_every_explained_survivor_has_a_reason_and_is_of_the_core() -> None:
    known = modules()
    for name, reason in reasons(SURVIVORS).items():
        assert name.split(".")[3] in known
        assert len(reason) > 20


def test_a_part_is_said_to_be_a_part(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mutants, "_try", lambda _: None)
    monkeypatch.setattr(mutants, "statuses", lambda _: {"x": 1, "y": 0})
    assert main(["fold", "ids"]) == 0
    part = capsys.readouterr().out
    assert "This is a part of the core only" in part
    assert json.loads(part.splitlines()[-1])["figures"]["mutants"] == 4
    assert main([]) == 0
    whole = capsys.readouterr().out
    assert "part of the core" not in whole
    assert json.loads(whole.splitlines()[-1])["aims"] == [
        {"name": "killed_share", "value": 0.5, "op": ">=", "aim": 0.9, "met": False}
    ]


def test_a_module_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["folds"])
    assert "no module of the core: folds" in capsys.readouterr().err
