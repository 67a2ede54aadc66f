"""Mutants tried in forks of one process that has imported everything and collected the tests.

    cd mutants && python -m bench.mutant_trials VERDICTS TESTS < names

bench.mutants starts it in the folder that mutmut filled; each verdict goes to the folder VERDICTS
at once (bench.mutant_verdicts; TESTS is the digest of the tests). First all tests are run without a
mutant: what they take, and which lines they run. A mutant's tests are those that run the line on
which it differs, in the order of the mutants that they killed a second, of the function's first,
then of its module's, then the quick ones that run little else; the first failure ends the trial.
All mutants are first tried with a third of a second's worth of tests, which most do not survive;
those that do with more, then with all. A trial may use five times the processor time of its tests,
however busy the machine is.
"""

from __future__ import annotations

import functools
import gc
import math
import os
import resource
import select
import signal
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import coverage
import hypothesis
import pytest

from bench import mutant_swap
from bench.mutant_verdicts import Verdict, Verdicts, function_of

KILLED, LIVED, TOO_LONG = 1, 0, 36
"""Exit status of a trial."""
_TIMEOUTS = (TOO_LONG, -signal.SIGXCPU, -signal.SIGKILL)
"""SIGKILL is what the system sends where a run has ignored SIGXCPU, the signal of its time-out."""
BUDGETS = (0.3, 1.5, math.inf)
"""Seconds of tests in the first round, which most mutants do not survive, and in the others."""
_TIMES, _SPARE_SECONDS = 5, 2
_WALL_TIMES = 60
"""A trial that waits rather than works ends after so many times its tests' time."""
_LEAST_SECONDS = 0.001
"""What any test costs, whatever the clock of the processor's time says."""


class Killers:
    """Which tests killed what was tried before."""

    def __init__(self) -> None:
        self._of: dict[str, Counter[str]] = {}

    def note(self, function: str, test: str) -> None:
        """Remember it for the function, and for its module."""
        for name in (function, function.rpartition(".")[0]):
            self._of.setdefault(name, Counter())[test] += 1

    def ordered(
        self,
        function: str,
        tests: Iterable[str],
        seconds: Mapping[str, float],
        width: Mapping[str, int],
    ) -> list[str]:
        """The tests in the order in which to try them: most kills a second, then the quick ones.

        ``width`` is how many lines a test runs: one that runs few is about them.
        """
        own = self._of.get(function, Counter())
        module = self._of.get(function.rpartition(".")[0], Counter())

        def place(test: str) -> tuple[float, float, float, str]:
            cost = max(seconds.get(test, 0.0), _LEAST_SECONDS)
            return -own[test] / cost, -module[test] / cost, cost * width.get(test, 1), test

        return sorted(tests, key=place)


def within(tests: Sequence[str], seconds: Mapping[str, float], budget: float) -> list[str]:
    """The first tests, as many as the budget pays for, at least one."""
    chosen: list[str] = []
    spent = 0.0
    for test in tests:
        spent += seconds.get(test, 0.0)
        if chosen and spent > budget:
            break
        chosen.append(test)
    return chosen


class Trials:
    """A pytest plugin that runs the collected tests once, then once for each mutant."""

    def __init__(self, mutants: Sequence[str], made: Path, verdicts: Verdicts) -> None:
        self._mutants = mutants
        self._made = made.resolve()
        self._verdicts = verdicts
        self._killers = Killers()
        self._items: dict[str, pytest.Item] = {}
        self._seconds: dict[str, float] = {}
        self._running_line: dict[str, dict[int, list[str]]] = {}
        """File and line to the tests that come to it."""
        self._width: Counter[str] = Counter()
        self._told: int | None = None
        self._running = ""
        self._failed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Without a mutant every test must pass."""
        if report.failed:
            self._failed.append(report.nodeid)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Remember which test it is."""
        self._running = nodeid

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> None:
        """Within a trial the first failure ends it, before anybody words a report of it."""
        if call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception):
            self._dead()

    def _dead(self) -> None:
        if self._told is not None:
            os.write(self._told, self._running.encode())
            os._exit(KILLED)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Hypothesis would show the failing example once more, to say something about it."""
        handles = (getattr(getattr(item, "obj", None), "hypothesis", None) for item in items)
        for handle in {id(handle): handle for handle in handles if handle is not None}.values():
            handle.inner_test = self._ended_by_failure(handle.inner_test)

    def _ended_by_failure(self, shown: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(shown)
        def show(*given: Any, **named: Any) -> None:
            try:
                shown(*given, **named)
            except hypothesis.errors.HypothesisException:
                raise
            except Exception:
                self._dead()
                raise

        return show

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In place of pytest's own: without a mutant first, then mutant by mutant."""
        if session.testsfailed:
            raise pytest.UsageError("not all the tests could be read")
        self._measure(session.items)
        if self._failed:
            raise pytest.UsageError(f"fails without a mutant: {', '.join(self._failed)}")
        gc.collect()
        gc.freeze()
        done: dict[str, list[str]] = {mutant: [] for mutant in self._mutants}
        for budget in BUDGETS:
            progress = _Progress(budget, len(done))
            for mutant, before in list(done.items()):
                tests = [test for test in self._ordered(mutant) if test not in before]
                chosen = within(tests, self._seconds, budget)
                verdict = self._try(mutant, chosen)
                progress.tell(mutant, verdict)
                if verdict is Verdict.LIVED and len(chosen) < len(tests):
                    before.extend(chosen)
                else:
                    self._verdicts[mutant] = verdict
                    del done[mutant]
        return True

    def _ordered(self, mutant: str) -> list[str]:
        found = mutant_swap.find(mutant)
        of_line = self._running_line.get(found.file, {})
        tests = {test for line in found.lines() for test in of_line.get(line, ())}
        return self._killers.ordered(function_of(mutant), tests, self._seconds, self._width)

    def _measure(self, items: Sequence[pytest.Item]) -> None:
        lines = coverage.Coverage(data_file=None, config_file=False, include=[f"{self._made}/*"])
        lines.start()
        for item, after in pairwise([*items, None]):
            assert item is not None  # only the last is
            lines.switch_context(item.nodeid)
            before = time.process_time()
            item.ihook.pytest_runtest_protocol(item=item, nextitem=after)
            self._seconds[item.nodeid] = time.process_time() - before
            self._items[item.nodeid] = item
        lines.stop()
        data = lines.get_data()
        for file in data.measured_files():
            self._running_line[file] = found = data.contexts_by_lineno(file)
            for tests in found.values():
                self._width.update(tests)

    def _try(self, mutant: str, tests: Sequence[str]) -> Verdict:
        if not tests:
            return Verdict.UNREACHED
        items = [self._items[test] for test in tests]
        expected = sum(self._seconds[test] for test in tests)
        found = mutant_swap.find(mutant)
        told, tell = os.pipe()
        child = os.fork()
        if not child:
            os.close(told)
            self._told = tell
            found.become()
            self._in_child(items, _TIMES * expected + _SPARE_SECONDS)
        os.close(tell)
        status = until_ended(child, _WALL_TIMES * (expected + _SPARE_SECONDS))
        with os.fdopen(told, "rb") as words:
            killer = words.read().decode()
        if killer:
            self._killers.note(function_of(mutant), killer)
        if status in _TIMEOUTS:
            return Verdict.TIMEOUT
        # What is neither is a crash, which a test noticed.
        return Verdict.LIVED if status == LIVED else Verdict.KILLED

    @staticmethod
    def _in_child(items: Sequence[pytest.Item], seconds: float) -> None:
        """Never returns."""
        try:
            gc.disable()
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


class _Progress:
    """Says how far it is, and what it cost."""

    def __init__(self, budget: float, mutants: int) -> None:
        self._what = "all tests" if budget == math.inf else f"{budget:g} s of tests"
        self._mutants = mutants
        self._verdicts: Counter[Verdict] = Counter()
        self._began = self._last = time.monotonic()

    def tell(self, mutant: str, verdict: Verdict) -> None:
        """One more is done."""
        self._verdicts[verdict] += 1
        now = time.monotonic()
        print(
            f"{self._what}: {self._verdicts.total()}/{self._mutants} "
            f"in {(now - self._began) / 60:.1f} min: "
            f"{verdict} {mutant} in {now - self._last:.2f} s",
            file=sys.__stderr__,
            flush=True,
        )
        self._last = now


def main(arguments: Sequence[str]) -> int:
    """Try the mutants whose names are on the standard input, one a line."""
    kept, tests = arguments
    mutants = sys.stdin.read().split()
    settings = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["tool"]["mutmut"]
    made = Path(settings["only_mutate"][0]).parent
    trials = Trials(mutants, made, Verdicts(made, Path(kept), tests))
    mutant_swap.install()
    status = pytest.main(
        [
            *("--rootdir=.", "-q", "--tb=no", "--assert=plain", "-p", "no:randomly", "--timeout=0"),
            *settings["pytest_add_cli_args"],
            *settings["pytest_add_cli_args_test_selection"],
        ],
        plugins=[trials],
    )
    # Nothing was run as pytest counts it: that is no failure here.
    return 0 if status in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED} else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
