"""`make mutants`: small faults put into the decision core, one at a time; do the tests notice?

    python -m bench.mutants [MODULE …]

mutmut makes the mutants and notes which of the core's quick tests reach which function
(``[tool.mutmut]`` in pyproject.toml says which tests there are); bench.mutant_trials runs those on
each. Verdicts are kept in mutants/: a run that was ended goes on where it was, a function that
changed is tried again, and when a test has changed so is every mutant that was not killed. Remove
the folder to begin anew. With MODULEs (``fold publish``) only those are tried and counted, and the
output says so. Mutants that cannot be told from the original are in tests/mutants/survivors.toml
with the reason; they count as survivors all the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from bench.result import Aim, print_result

ROOT = Path(__file__).parents[1]
CORE = Path("services/ews/core")
SURVIVORS = ROOT / "tests" / "mutants" / "survivors.toml"
AIMS = (Aim("killed_share", ">=", 0.9),)
_KEPT = ROOT / "mutants"
_TESTS = _KEPT / "tests.sha256"
_BOTH = _KEPT / "tests-and-core.sha256"
_REACHED = _KEPT / "mutmut-stats.json"
"""Mutmut's notes of which test reaches which function."""
_TRIED_BY = ("tests/unit/ews", "tests/unit/whatif", "tests/unit/oracle", "tests/model")
# mutmut's exit status of a mutant's run; what is in none of these is a crash, which a test noticed.
# SIGKILL is what the system sends where a run has ignored SIGXCPU, the signal of its time-out.
_SURVIVED, _NO_TESTS = 0, (5, 33)
_TIMEOUTS = (36, 24, -24, 152, 255, -9)
_INTERRUPTED = (None, 2)


class MutantsError(Exception):
    """It could not be measured."""


@dataclass(slots=True)
class Verdicts:
    """How many mutants ended how, and which lived."""

    killed: int = 0
    timeouts: int = 0
    survived: list[str] = field(default_factory=list)
    no_tests: list[str] = field(default_factory=list)
    untried: list[str] = field(default_factory=list)

    @property
    def mutants(self) -> int:
        """All of them."""
        return (
            self.killed
            + self.timeouts
            + len(self.survived)
            + len(self.no_tests)
            + len(self.untried)
        )

    def add(self, name: str, status: int | None) -> None:
        """Count one mutant by the exit status of its tests."""
        if status in _INTERRUPTED:
            self.untried.append(name)
        elif status == _SURVIVED:
            self.survived.append(name)
        elif status in _NO_TESTS:
            self.no_tests.append(name)
        elif status in _TIMEOUTS:
            self.timeouts += 1
        else:
            self.killed += 1

    def figures(self) -> dict[str, float | None]:
        """As the result names them.

        ``killed_share``: of all but the time-outs, none left out. A mutant
        that no test reaches lives; so does one that was not tried.
        """
        counted = self.mutants - self.timeouts
        return {
            "mutants": self.mutants,
            "killed": self.killed,
            "survived": len(self.survived),
            "timeouts": self.timeouts,
            "no_tests": len(self.no_tests),
            "killed_share": self.killed / counted if counted else None,
        }


def modules() -> list[str]:
    """The core's modules."""
    return sorted(file.stem for file in (ROOT / CORE).glob("*.py") if file.stem != "__init__")


def statuses(module: str, kept: Path = _KEPT) -> dict[str, int | None]:
    """Each mutant of a module and its tests' exit status, None where it was not tried."""
    file = kept / CORE / f"{module}.py.meta"
    if not file.exists():
        return {}
    found: dict[str, int | None] = json.loads(file.read_text("utf-8"))["exit_code_by_key"]
    return found


def pending(found: Mapping[str, int | None]) -> list[str]:
    """The mutants that have no verdict."""
    return sorted(name for name, status in found.items() if status in _INTERRUPTED)


def forget_survivors(kept: Path = _KEPT) -> None:
    """Take back the verdicts that other tests may change: of all mutants that lived."""
    for file in sorted((kept / CORE).glob("*.py.meta")):
        data = json.loads(file.read_text("utf-8"))
        found = data["exit_code_by_key"]
        for name, status in found.items():
            if status == _SURVIVED or status in _NO_TESTS:
                found[name] = None
        file.write_text(json.dumps(data), "utf-8")


def reasons(file: Path = SURVIVORS) -> dict[str, str]:
    """Why a survivor cannot be told from the original, by the mutant's name."""
    rows = tomllib.loads(file.read_text("utf-8")).get("survivor", [])
    return {row["mutant"]: row["reason"] for row in rows}


def main(arguments: list[str] | None = None) -> int:
    """Try what has not been tried, then tell; the result is the last line."""
    known = modules()
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(known)}")
    chosen = parser.parse_args(arguments).modules or known
    if strange := sorted(set(chosen) - set(known)):
        parser.error(f"no module of the core: {', '.join(strange)}; there are {', '.join(known)}")
    try:
        _try(chosen)
    except MutantsError as error:
        print(error, file=sys.stderr)
        return 1
    _tell(chosen, partly=set(chosen) != set(known))
    return 0


def _try(chosen: Iterable[str]) -> None:
    folders = [ROOT / folder for folder in (*_TRIED_BY, "tests/mutants")]
    tests, both = digest(folders), digest([*folders, ROOT / CORE])
    if not _BOTH.exists() or _BOTH.read_text("utf-8") != both:
        # Mutmut keeps its notes until it hears of a new test; a new function needs new ones too.
        _REACHED.unlink(missing_ok=True)
    _generate()
    _BOTH.write_text(both, "utf-8")
    if not _TESTS.exists() or _TESTS.read_text("utf-8") != tests:
        forget_survivors()
        _TESTS.write_text(tests, "utf-8")
    todo = [name for module in chosen for name in pending(statuses(module))]
    if todo:
        print(f"{len(todo)} mutants to try, one after another …", file=sys.stderr, flush=True)
        # One at a time, and everything else on the machine goes before it.
        done = subprocess.run(
            ["nice", "-n", "19", sys.executable, "-m", "bench.mutant_trials"],
            cwd=_KEPT,
            env=os.environ | {"PYTHONPATH": str(_KEPT), "MUTANT_UNDER_TEST": ""},
            input="\n".join(todo),
            text=True,
            stdout=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            raise MutantsError("The tests could not be run on the mutants; it says above why.")


def _generate() -> None:
    """Make the mutants, so that it is known which have no verdict yet, and see who reaches them."""
    # Mutmut copies what is not there; a profile that was tuned since is there, and old.
    shutil.copytree(
        ROOT / "services",
        _KEPT / "services",
        dirs_exist_ok=True,
        ignore=lambda folder, _: ["core"] if Path(folder) == (ROOT / CORE).parent else [],
    )
    steps = (
        "import os; os.environ['MUTANT_UNDER_TEST'] = 'mutant_generation'\n"
        "from pathlib import Path\n"
        "from mutmut.__main__ import (Config, PytestRunner, collect_or_load_stats,\n"
        "    copy_also_copy_files, copy_src_dir, create_mutants, setup_source_paths)\n"
        "Path('mutants').mkdir(exist_ok=True)\n"
        "Config.ensure_loaded()\n"
        "copy_src_dir(); copy_also_copy_files(); setup_source_paths(); create_mutants(1)\n"
        "collect_or_load_stats(PytestRunner())\n"
    )
    done = subprocess.run(
        ["nice", "-n", "19", sys.executable, "-c", steps],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        told = "\n".join([*done.stdout.splitlines()[-20:], *done.stderr.splitlines()[-20:]])
        raise MutantsError(f"mutmut could not make the mutants:\n{told}")


def digest(folders: Iterable[Path]) -> str:
    """One number for all the Python files there."""
    found = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.rglob("*.py")):
            found.update(file.read_bytes())
    return found.hexdigest()


def _tell(chosen: Iterable[str], *, partly: bool) -> None:
    whole = Verdicts()
    why = reasons()
    told: Counter[str] = Counter()
    print(f"{'module':<12}{'mutants':>8}{'killed':>8}{'lived':>7}{'timeout':>9}{'share':>8}")
    for module in sorted(chosen):
        own = Verdicts()
        for name, status in sorted(statuses(module).items()):
            own.add(name, status)
            whole.add(name, status)
        share = own.figures()["killed_share"]
        lived = len(own.survived) + len(own.no_tests)
        print(
            f"{module:<12}{own.mutants:>8}{own.killed:>8}{lived:>7}{own.timeouts:>9}"
            f"{'–' if share is None else f'{share:.3f}':>8}"
        )
    for label, names in (("lived", whole.survived), ("reached by no test", whole.no_tests)):
        for name in names:
            told["explained" if name in why else "open"] += 1
            print(f"{label}: {name}{': ' + why[name] if name in why else ''}")
    print(f"{told['explained']} of those that lived are explained, {told['open']} are not")
    if whole.untried:
        print(f"{len(whole.untried)} mutants were not tried and count as not killed")
    if partly:
        print("This is a part of the core only; the figures are not those of the whole.")
    print_result(
        "make mutants", whole.figures(), AIMS, versions={"mutmut": metadata.version("mutmut")}
    )


if __name__ == "__main__":
    sys.exit(main())
