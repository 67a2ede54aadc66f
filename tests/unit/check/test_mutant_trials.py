"""How mutants are tried: nearest test first, the first failure ends it, every verdict kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from bench.mutant_trials import (
    KILLED,
    LIVED,
    NO_TESTS,
    TOO_LONG,
    Killers,
    function_of,
    ordered,
    until_ended,
)

ROOT = Path(__file__).parents[3]
TESTS = """
import os
from pathlib import Path




def _ran(name):
    with Path("ran.txt").open("a") as file:
        file.write(f"{os.environ['MUTANT_UNDER_TEST']} {name}\\n")


def test_first():
    _ran("first")


def test_second():
    _ran("second")
    assert not os.environ["MUTANT_UNDER_TEST"].endswith(("1", "2"))


def test_third():
    _ran("third")
"""


def test_the_last_killer_of_the_function_goes_first_then_the_module_s_then_the_quick() -> None:
    killers = Killers()
    killers.note("core.a.x_one", "t1")
    killers.note("core.a.x_one", "t2")
    killers.note("core.a.x_other", "t3")
    killers.note("core.b.x_one", "t4")
    assert killers.of("core.a.x_one") == ["t2", "t1", "t3"]
    seconds = {"t1": 1.0, "t2": 2.0, "t4": 0.5, "t5": 0.1}
    known = killers.of("core.a.x_one")
    assert ordered(["t5", "t4", "t1", "t2"], known, seconds) == ["t2", "t1", "t5", "t4"]
    assert function_of("core.a.xǁTwoǁof__mutmut_12") == "core.a.xǁTwoǁof"


def folder(path: Path) -> Path:
    """What mutmut leaves, with one function that three tests reach and one that none does."""
    (path / "tests").mkdir()
    (path / "tests" / "test_x.py").write_text(TESTS, "utf-8")
    told = 'pytest_add_cli_args = ["-p", "no:xdist", "-p", "no:cacheprovider"]\n'
    told += 'pytest_add_cli_args_test_selection = ["tests"]\n'
    (path / "pyproject.toml").write_text(f"[tool.mutmut]\n{told}", "utf-8")
    core = path / "services" / "core"
    core.mkdir(parents=True)
    names = ["core.x_f__mutmut_1", "core.x_f__mutmut_2", "core.x_f__mutmut_3", "core.x_g__mutmut_1"]
    meta = {"exit_code_by_key": dict.fromkeys(names), "other": 7}
    (core / "x.py.meta").write_text(json.dumps(meta), "utf-8")
    tests = [f"tests/test_x.py::test_{nth}" for nth in ("first", "second", "third")]
    stats = {"tests_by_mangled_function_name": {"core.x_f": tests}}
    (path / "mutmut-stats.json").write_text(json.dumps(stats), "utf-8")
    return path


def tried(path: Path, *names: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench.mutant_trials"],
        cwd=path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "MUTANT_UNDER_TEST": ""},
        input="\n".join(names),
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_mutant_is_tried_by_its_tests_until_one_fails(tmp_path: Path) -> None:
    path = folder(tmp_path)
    names = ("core.x_f__mutmut_1", "core.x_f__mutmut_2", "core.x_f__mutmut_3", "core.x_g__mutmut_1")
    done = tried(path, *names)
    assert done.returncode == 0, done.stderr
    meta = json.loads((path / "services" / "core" / "x.py.meta").read_text("utf-8"))
    assert meta["other"] == 7
    assert [meta["exit_code_by_key"][name] for name in names] == [KILLED, KILLED, LIVED, NO_TESTS]
    ran = [line.split(" ") for line in (path / "ran.txt").read_text("utf-8").splitlines()]
    of = {name: [test for mutant, test in ran if mutant == name] for name in ("", *names)}
    assert len(of[""]) == 3
    assert of[names[0]][-1] == "second"
    assert of[names[1]] == ["second"]  # what killed the one before
    assert len(of[names[2]]) == 3
    assert of[names[3]] == []


def test_nothing_is_tried_where_a_test_fails_without_a_mutant(tmp_path: Path) -> None:
    path = folder(tmp_path)
    text = (path / "tests" / "test_x.py").read_text("utf-8")
    (path / "tests" / "test_x.py").write_text(text.replace("    assert not", "    assert 0 and"))
    done = tried(path, "core.x_f__mutmut_1")
    assert done.returncode == 1
    assert "fails without a mutant: tests/test_x.py::test_second" in done.stderr
    meta = json.loads((path / "services" / "core" / "x.py.meta").read_text("utf-8"))
    assert set(meta["exit_code_by_key"].values()) == {None}


def test_a_trial_that_only_waits_is_ended() -> None:
    child = os.fork()
    if not child:
        time.sleep(60)
        os._exit(0)
    assert until_ended(child, 0.2) == TOO_LONG
    child = os.fork()
    if not child:
        os.kill(os.getpid(), signal.SIGXCPU)
    assert until_ended(child, 30) == -signal.SIGXCPU
