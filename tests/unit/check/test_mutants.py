"""How the verdicts of `make mutants` are counted: none is left out."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import mutants
from bench.mutant_verdicts import Verdict, numbers
from bench.mutants import SURVIVORS, Counts, main, modules, reasons

KILLED, TIMEOUT, LIVED, UNREACHED = Verdict


def counted(*verdicts: Verdict | None) -> Counts:
    found = Counts()
    for number, verdict in enumerate(verdicts):
        found.add(f"m{number}", verdict)
    return found


def test_time_outs_are_counted_apart_and_everything_else_counts() -> None:
    found = counted(KILLED, KILLED, KILLED, LIVED, TIMEOUT, TIMEOUT, UNREACHED, None)
    assert found.figures() == {
        "mutants": 8,
        "killed": 3,
        "survived": 1,
        "timeouts": 2,
        "no_tests": 1,
        "untried": 1,
        "killed_share": 0.5,
    }
    assert (found.survived, found.no_tests, found.untried) == (["m3"], ["m6"], ["m7"])


def test_without_a_mutant_there_is_no_share() -> None:
    assert counted().figures()["killed_share"] is None
    assert counted(TIMEOUT).figures()["killed_share"] is None


def test_every_explained_survivor_has_a_reason_and_is_of_the_core() -> None:
    known = modules()
    found = tomllib.loads(SURVIVORS.read_text("utf-8"))["survivor"]
    for row in found:
        assert row["function"].split(".")[3] in known
        assert list(numbers(row["numbers"]))
        assert len(row["reason"]) > 20
        assert row["source"]


def test_a_reason_is_about_one_function_and_not_about_what_it_became(tmp_path: Path) -> None:
    file = tmp_path / "survivors.toml"
    told = 'function = "a.x_f"\nnumbers = "1,3-4"\nsource = "aaaa"\nreason = "R"\n'
    file.write_text(f"[[survivor]]\n{told}")
    mutants = {f"a.x_f__mutmut_{number}" for number in (1, 3, 4)}
    assert reasons(lambda _: "aaaa", file) == dict.fromkeys(mutants, "R")
    assert reasons(lambda _: "bbbb", file) == {}


def test_every_kept_verdict_is_of_a_module_of_the_core() -> None:
    assert {file.stem for file in mutants.VERDICTS.glob("*.txt")} <= set(modules())


class OneOfTwo:
    """Every module has two mutants, of which one lived."""

    def source(self, _mutant: str) -> str:
        return ""

    def of(self, module: str) -> Iterator[tuple[str, Verdict]]:
        yield from ((f"{module}.x", KILLED), (f"{module}.y", LIVED))


def test_a_part_is_said_to_be_a_part(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mutants, "_try", lambda _chosen, **_: OneOfTwo())
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
