"""How mutants are tried: nearest test first, the first failure ends it, every verdict kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from bench.mutant_trials import TOO_LONG, Killers, until_ended, within

ROOT = Path(__file__).parents[3]
CODE = """
import os
import signal

from mutmut.mutation.trampoline import wrap_in_trampoline as _mutmut_mutated

mutants_x_f__mutmut = {}


@_mutmut_mutated(mutants_x_f__mutmut)
def f(number=1):
    return number


def x_f__mutmut_orig(number=1):
    return number


def x_f__mutmut_1(number=2):
    return number


def x_f__mutmut_2(number=1):
    return -number


def x_f__mutmut_3(number=1):
    return +number


def x_f__mutmut_4(number=1):
    os.kill(os.getpid(), signal.SIGXCPU)  # as the system does when the time is up


mutants_x_f__mutmut["_mutmut_orig"] = x_f__mutmut_orig
for nth in (1, 2, 3, 4):
    mutants_x_f__mutmut[f"x_f__mutmut_{nth}"] = globals()[f"x_f__mutmut_{nth}"]


class C:
    mutants_xǁCǁof__mutmut = {}

    @classmethod
    @_mutmut_mutated(mutants_xǁCǁof__mutmut, is_classmethod=True)
    def of(cls):
        return cls.__name__

    @classmethod
    def xǁCǁof__mutmut_orig(cls):
        return cls.__name__

    @classmethod
    def xǁCǁof__mutmut_1(cls):
        return None


C.mutants_xǁCǁof__mutmut["_mutmut_orig"] = C.xǁCǁof__mutmut_orig
C.mutants_xǁCǁof__mutmut["xǁCǁof__mutmut_1"] = C.xǁCǁof__mutmut_1


mutants_x_g__mutmut = {}


@_mutmut_mutated(mutants_x_g__mutmut)
def g():
    return 1


def x_g__mutmut_orig():
    return 1


def x_g__mutmut_1():
    return 2


mutants_x_g__mutmut["_mutmut_orig"] = x_g__mutmut_orig
mutants_x_g__mutmut["x_g__mutmut_1"] = x_g__mutmut_1
"""
TESTS = """
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from services.core.x import C, f


def _ran(name):
    with Path("ran.txt").open("a") as file:
        file.write(f"{name}\\n")


def test_first():
    _ran("first")
    f()


def test_second():
    _ran("second")
    assert f() == 1


def test_third():
    _ran("third")
    f()


@given(st.integers())
def test_method(number):
    _ran("method")
    assert C.of() == "C"
"""


def test_the_test_with_most_kills_a_second_goes_first_then_the_quick_and_near() -> None:
    killers = Killers()
    for function, test in (("one", "t1"), ("one", "t2"), ("one", "t2"), ("other", "t3")):
        killers.note(f"core.a.x_{function}", test)
    killers.note("core.b.x_one", "t4")
    seconds = {"t1": 1.0, "t2": 1.0, "t3": 1.0, "t4": 0.5, "t5": 0.1}
    tests = ["t5", "t4", "t3", "t1", "t2"]
    assert killers.ordered("core.a.x_one", tests, seconds, {}) == ["t2", "t1", "t3", "t5", "t4"]
    assert killers.ordered("core.a.x_one", tests, seconds | {"t2": 4.0}, {})[0] == "t1"
    assert killers.ordered("core.c.x_one", tests, seconds, {})[:2] == ["t5", "t4"]
    assert killers.ordered("core.c.x_one", tests, seconds, {"t5": 8})[:2] == ["t4", "t5"]


def test_the_quick_tests_are_what_a_second_pays_for_and_at_least_one() -> None:
    seconds = {"t1": 0.4, "t2": 0.6, "t3": 0.1}
    assert within(["t1", "t2", "t3"], seconds, 1.0) == ["t1", "t2"]
    assert within(["t1", "t2", "t3"], seconds, 0.1) == ["t1"]
    assert within([], seconds, 1.0) == []


def folder(path: Path) -> Path:
    """What mutmut leaves: a function that three tests reach, a method, and one without tests."""
    (path / "tests").mkdir()
    (path / "tests" / "test_x.py").write_text(TESTS, "utf-8")
    told = 'source_paths = ["services"]\nonly_mutate = ["services/core/*.py"]\n'
    told += 'pytest_add_cli_args = ["-p", "no:xdist", "-p", "no:cacheprovider"]\n'
    told += 'pytest_add_cli_args_test_selection = ["tests"]\n'
    (path / "pyproject.toml").write_text(f"[tool.mutmut]\n{told}", "utf-8")
    core = path / "services" / "core"
    core.mkdir(parents=True)
    (core / "x.py").write_text(CODE, "utf-8")
    for package in (core.parent, core):
        (package / "__init__.py").touch()
    names = [f"services.core.x.x_f__mutmut_{n}" for n in (1, 2, 3, 4)]
    names += ["services.core.x.xǁCǁof__mutmut_1", "services.core.x.x_g__mutmut_1"]
    sources = {"x_f": "aaaa", "xǁCǁof": "bbbb", "x_g": "cccc"}
    meta = {"exit_code_by_key": dict.fromkeys(names), "hash_by_function_name": sources}
    (core / "x.py.meta").write_text(json.dumps(meta), "utf-8")
    return path


def tried(path: Path, *names: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench.mutant_trials", "kept", "t1"],
        cwd=path,
        env=os.environ | {"PYTHONPATH": f"{path}:{ROOT}"},
        input="\n".join(f"services.core.x.{name}" for name in names),
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_mutant_is_tried_by_its_tests_until_one_fails(tmp_path: Path) -> None:
    path = folder(tmp_path)
    names = [f"x_f__mutmut_{n}" for n in (1, 2, 3, 4)] + ["xǁCǁof__mutmut_1", "x_g__mutmut_1"]
    done = tried(path, *names)
    assert done.returncode == 0, done.stderr
    told = (path / "kept" / "x.txt").read_text("utf-8").splitlines()[1:]
    assert told == [
        "x_f aaaa of 4: killed 1-2; lived@t1 3; timeout 4",
        "xǁCǁof bbbb of 1: killed 1",
        "x_g cccc of 1: unreached@t1 1",
    ]
    ran = (path / "ran.txt").read_text("utf-8").split()
    assert ran[:3] == ["first", "second", "third"]  # without a mutant
    trials = ran[3 + ran[:-1].count("method") :]
    first = trials[: trials.index("second") + 1]
    assert trials[len(first)] == "second"  # what killed the one before
    assert sorted(trials[len(first) + 1 :][:3]) == ["first", "second", "third"]
    assert trials[len(first) + 4 :] == ["second", "method"]  # and no further example


def test_nothing_is_tried_where_a_test_fails_without_a_mutant(tmp_path: Path) -> None:
    path = folder(tmp_path)
    text = (path / "tests" / "test_x.py").read_text("utf-8")
    (path / "tests" / "test_x.py").write_text(text.replace("f() == 1", "f() == 0"), "utf-8")
    done = tried(path, "x_f__mutmut_1")
    assert done.returncode == 1
    assert "fails without a mutant: tests/test_x.py::test_second" in done.stderr
    assert not (path / "kept").exists()


def test_nothing_is_tried_where_a_test_cannot_be_read(tmp_path: Path) -> None:
    path = folder(tmp_path)
    (path / "tests" / "test_y.py").write_text("import nothing_of_that_name", "utf-8")
    assert tried(path, "x_f__mutmut_1").returncode == 1
    assert not (path / "kept").exists()


def test_a_mutant_that_is_nowhere_is_no_verdict(tmp_path: Path) -> None:
    path = folder(tmp_path)
    done = tried(path, "x_f__mutmut_5")
    assert done.returncode == 1
    assert not (path / "kept").exists()


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
