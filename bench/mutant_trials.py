"""Mutants tried in forks of one process that has imported everything and collected the tests.

    cd mutants && python -m bench.mutant_trials < names

bench.mutants starts it in the folder that mutmut filled; each verdict is written to the
mutant's ``.meta`` file at once. A mutant's tests are those that reach its function. The test
that killed the last mutant of the function goes first, then those that killed others of the
module, then the quick ones; the first failure ends the trial. A trial may use five times the
processor time of its tests, measured here without a mutant, however busy the machine is.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import sys
import time
import tomllib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

KILLED, LIVED, NO_TESTS, TOO_LONG = 1, 0, 33, 36
"""Exit status of a trial, as mutmut writes it."""
_TIMES, _SPARE_SECONDS = 5, 10
_WALL_TIMES = 60
"""A trial that waits rather than works ends after so many times its tests' time."""


def function_of(mutant: str) -> str:
    """The function that a mutant is of, as mutmut names it."""
    return mutant.rpartition("__mutmut_")[0]


def ordered(tests: Iterable[str], killers: Sequence[str], seconds: dict[str, float]) -> list[str]:
    """The tests in the order in which to try them; ``killers`` come first, in their order."""
    place = {test: i for i, test in enumerate(killers)}
    last = len(place)
    return sorted(tests, key=lambda test: (place.get(test, last), seconds.get(test, 0.0), test))


class Killers:
    """Which tests killed what was tried before."""

    def __init__(self) -> None:
        self._of: dict[str, list[str]] = {}

    def note(self, function: str, test: str) -> None:
        """Put the test first for the function, and for its module."""
        for name in (function, function.rpartition(".")[0]):
            known = self._of.setdefault(name, [])
            if test in known:
                known.remove(test)
            known.insert(0, test)

    def of(self, function: str) -> list[str]:
        """The function's own, then its module's, the latest first."""
        own = self._of.get(function, [])
        others = self._of.get(function.rpartition(".")[0], [])
        return own + [test for test in others if test not in own]


class Verdicts:
    """The ``.meta`` files of mutmut, each verdict written at once."""

    def __init__(self, folder: Path) -> None:
        self._file: dict[str, Path] = {}
        for file in sorted(folder.rglob("*.py.meta")):
            for name in json.loads(file.read_text("utf-8"))["exit_code_by_key"]:
                self._file[name] = file

    def __setitem__(self, mutant: str, status: int) -> None:
        file = self._file[mutant]
        data = json.loads(file.read_text("utf-8"))
        data["exit_code_by_key"][mutant] = status
        half = file.with_suffix(".half")
        half.write_text(json.dumps(data), "utf-8")
        half.replace(file)


class Trials:
    """A pytest plugin that runs the collected tests once, then once for each mutant."""

    def __init__(
        self, mutants: Sequence[str], tests_of: dict[str, list[str]], verdicts: Verdicts
    ) -> None:
        self._mutants = mutants
        self._tests_of = tests_of
        self._verdicts = verdicts
        self._killers = Killers()
        self._seconds: dict[str, float] = {}
        self._told: int | None = None
        self._failed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Within a trial the first failure ends it; before, every test must pass."""
        if not report.failed:
            return
        if self._told is not None:
            os.write(self._told, report.nodeid.encode())
            os._exit(KILLED)
        self._failed.append(report.nodeid)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In place of pytest's own: without a mutant first, then mutant by mutant."""
        items = {item.nodeid: item for item in session.items}
        needed = {
            test
            for mutant in self._mutants
            for test in self._tests_of.get(function_of(mutant), ())
            if test in items
        }
        self._measure([items[test] for test in items if test in needed])
        if self._failed:
            raise pytest.UsageError(f"fails without a mutant: {', '.join(self._failed)}")
        gc.collect()
        gc.freeze()
        began = time.monotonic()
        for nth, mutant in enumerate(self._mutants, 1):
            function = function_of(mutant)
            tests = [test for test in self._tests_of.get(function, ()) if test in items]
            chosen = ordered(tests, self._killers.of(function), self._seconds)
            self._verdicts[mutant] = status = self._try(mutant, [items[one] for one in chosen])
            minutes = (time.monotonic() - began) / 60
            _say(f"{nth}/{len(self._mutants)} in {minutes:.1f} min: {status:>3} {mutant}")
        return True

    def _measure(self, items: Sequence[pytest.Item]) -> None:
        os.environ["MUTANT_UNDER_TEST"] = ""
        for item, after in pairwise([*items, None]):
            assert item is not None  # only the last is
            before = time.process_time()
            item.ihook.pytest_runtest_protocol(item=item, nextitem=after)
            self._seconds[item.nodeid] = time.process_time() - before

    def _try(self, mutant: str, items: Sequence[pytest.Item]) -> int:
        if not items:
            return NO_TESTS
        expected = sum(self._seconds[item.nodeid] for item in items)
        told, tell = os.pipe()
        child = os.fork()
        if not child:
            os.close(told)
            self._told = tell
            self._in_child(mutant, items, _TIMES * expected + _SPARE_SECONDS)
        os.close(tell)
        status = until_ended(child, _WALL_TIMES * (expected + _SPARE_SECONDS))
        with os.fdopen(told, "rb") as words:
            killer = words.read().decode()
        if killer:
            self._killers.note(function_of(mutant), killer)
        return status

    @staticmethod
    def _in_child(mutant: str, items: Sequence[pytest.Item], seconds: float) -> None:
        """Never returns."""
        try:
            os.environ["MUTANT_UNDER_TEST"] = mutant
            limit = int(time.process_time() + seconds) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
            for item, after in pairwise([*items, None]):
                assert item is not None  # only the last is
                item.ihook.pytest_runtest_protocol(item=item, nextitem=after)
            os._exit(LIVED)
        finally:
            os._exit(KILLED)  # what pytest itself did not survive


def until_ended(child: int, seconds: float) -> int:
    """The child's exit status; a signal's is negative."""
    watched = os.pidfd_open(child)
    try:
        if not select.select([watched], [], [], seconds)[0]:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return TOO_LONG
    finally:
        os.close(watched)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _say(what: str) -> None:
    print(what, file=sys.__stderr__, flush=True)


def main() -> int:
    """Try the mutants whose names are on the standard input, one a line."""
    mutants = sys.stdin.read().split()
    settings = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["tool"]["mutmut"]
    known = json.loads(Path("mutmut-stats.json").read_text("utf-8"))
    tests_of: dict[str, list[str]] = known["tests_by_mangled_function_name"]
    trials = Trials(mutants, tests_of, Verdicts(Path("services")))
    status = pytest.main(
        [
            *("--rootdir=.", "-q", "--tb=no", "-p", "no:randomly", "--timeout=0"),
            *settings["pytest_add_cli_args"],
            *settings["pytest_add_cli_args_test_selection"],
        ],
        plugins=[trials],
    )
    # Nothing was run as pytest counts it: that is no failure here.
    return 0 if status in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED} else 1


if __name__ == "__main__":
    sys.exit(main())
