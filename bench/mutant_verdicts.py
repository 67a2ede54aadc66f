"""What became of every mutant: a text file for each of the core's modules, kept with the code.

    tests/mutants/verdicts/fold.txt
    # mutmut 3.6.0
    x_fold a7c972120fbe of 12: killed 1-2,4-12; lived@9f0c21ab 3

One line a function: its name and the hash of its source as mutmut saw them, how many mutants it
has, and what became of them, by their numbers; a mutant that is not there was not tried.

A verdict holds as long as the function's source is the same. *Killed* holds whatever becomes of
the tests: one that is changed later rarely stops noticing what it noticed before, and
``make mutants AGAIN=1`` tries all anew. *Timeout* holds likewise. *Lived* (and *unreached*: no
test comes to the function) says by which tests; when those have changed the mutant is tried again,
and counts as lived until then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import metadata
from pathlib import Path

_LINE = re.compile(r"(?P<name>\S+) (?P<source>\w+) of (?P<mutants>\d+):(?P<told>.*)")
_TOLD = re.compile(r"(?P<what>[a-z]+)(?:@(?P<tests>\w+))? (?P<numbers>[0-9,-]+)")


class Verdict(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMEOUT = "timeout"
    LIVED = "lived"
    UNREACHED = "unreached"

    @property
    def final(self) -> bool:
        """Whether other tests change nothing about it."""
        return self in {Verdict.KILLED, Verdict.TIMEOUT}


def function_of(mutant: str) -> str:
    """The function that a mutant is of, as mutmut names it: ``services.ews.core.fold.x_fold``."""
    return mutant.rpartition("__mutmut_")[0]


@dataclass(slots=True)
class _Function:
    """One function's mutants."""

    source: str
    mutants: list[int]
    told: dict[int, tuple[Verdict, str]] = field(default_factory=dict)
    """The number of a mutant to its verdict, and by which tests if those matter."""

    def line(self) -> str:
        """All but the name, as it is kept."""
        groups: dict[tuple[Verdict, str], list[int]] = {}
        for number, told in self.told.items():
            groups.setdefault(told, []).append(number)
        words = [
            f"{what}{tests and '@' + tests} {ranges(numbers)}"
            for (what, tests), numbers in sorted(groups.items())
        ]
        return f"{self.source} of {len(self.mutants)}: {'; '.join(words)}"


class Verdicts:
    """The verdicts on the mutants that mutmut made; each new one is written at once.

    ``made`` is the folder of mutmut's ``.meta`` files, ``kept`` that of the
    verdicts, ``tests`` a digest of the tests that try them now.
    """

    def __init__(self, made: Path, kept: Path, tests: str) -> None:
        self._kept = kept
        self._tests = tests
        self._head = f"# mutmut {metadata.version('mutmut')}"
        self._functions: dict[str, dict[str, _Function]] = {}
        """Module to function, as mutmut names them, to its mutants."""
        for file in sorted(made.glob("*.py.meta")):
            functions = _made(file)
            if functions:
                self._functions[file.name.removesuffix(".py.meta")] = functions
        for module in self._functions:
            self._read(module)

    def modules(self) -> list[str]:
        """Those that have mutants."""
        return list(self._functions)

    def source(self, mutant: str) -> str:
        """The hash of the source of the function that a mutant is of; empty if there is none."""
        name = function_of(mutant)
        function = self._functions.get(name.split(".")[-2], {}).get(name)
        return function.source if function else ""

    def of(self, module: str) -> Iterator[tuple[str, Verdict | None]]:
        """Each mutant of a module, and what became of it if it was tried."""
        for name, function in self._functions.get(module, {}).items():
            for number in function.mutants:
                told = function.told.get(number)
                yield f"{name}__mutmut_{number}", told and told[0]

    def pending(self, modules: Iterable[str]) -> list[str]:
        """What is to be tried: first what never was, then what lived by other tests."""
        never, again = [], []
        for module in modules:
            for name, function in self._functions.get(module, {}).items():
                for number in function.mutants:
                    told = function.told.get(number)
                    if told is None:
                        never.append(f"{name}__mutmut_{number}")
                    elif not told[0].final and told[1] != self._tests:
                        again.append(f"{name}__mutmut_{number}")
        return never + again

    def __setitem__(self, mutant: str, verdict: Verdict) -> None:
        name, _, number = mutant.rpartition("__mutmut_")
        module = name.split(".")[-2]
        tests = "" if verdict.final else self._tests
        self._functions[module][name].told[int(number)] = (verdict, tests)
        self._write(module)

    def forget(self, modules: Iterable[str]) -> None:
        """Take all verdicts on the modules' mutants back."""
        for module in modules:
            for function in self._functions.get(module, {}).values():
                function.told.clear()
            self._write(module)

    def _read(self, module: str) -> None:
        """Take from the kept file what is about functions that are still the same."""
        file = self._kept / f"{module}.txt"
        head, *lines = file.read_text("utf-8").splitlines() if file.exists() else [""]
        if head != self._head:
            return  # nobody knows whether another mutmut numbers them alike
        found = {name.rpartition(".")[2]: one for name, one in self._functions[module].items()}
        for line in lines:
            match = _LINE.fullmatch(line)
            if match is None:
                raise ValueError(f"{file}: {line!r} is not “function hash of mutants: verdicts”")
            function = found.get(match["name"])
            if function is None or function.source != match["source"]:
                continue
            if len(function.mutants) != int(match["mutants"]):
                continue
            for told in _TOLD.finditer(match["told"]):
                verdict = Verdict(told["what"]), told["tests"] or ""
                function.told.update(dict.fromkeys(numbers(told["numbers"]), verdict))

    def _write(self, module: str) -> None:
        lines = [self._head]
        for name, function in self._functions[module].items():
            if function.told:
                lines.append(f"{name.rpartition('.')[2]} {function.line()}")
        self._kept.mkdir(parents=True, exist_ok=True)
        half = self._kept / f".{module}.half"
        half.write_text("\n".join(lines) + "\n", "utf-8")
        half.replace(self._kept / f"{module}.txt")


def _made(file: Path) -> dict[str, _Function]:
    """The functions of a module, from what mutmut noted of it."""
    data = json.loads(file.read_text("utf-8"))
    sources = data["hash_by_function_name"]
    functions: dict[str, _Function] = {}
    for mutant in data["exit_code_by_key"]:
        name, _, number = mutant.rpartition("__mutmut_")
        if name not in functions:
            functions[name] = _Function(sources[name.rpartition(".")[2]], [])
        functions[name].mutants.append(int(number))
    return functions


def ranges(found: Iterable[int]) -> str:
    """``1-3,7`` for 7, 2, 3 and 1."""
    runs: list[list[int]] = []
    for number in sorted(found):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(one) if one == last else f"{one}-{last}" for one, last in runs)


def numbers(told: str) -> Iterator[int]:
    """The other way round."""
    for part in told.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)
