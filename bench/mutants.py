"""`make mutants`: small faults put into the decision core, one at a time; do the tests notice?

    python -m bench.mutants [--again | --tell] [MODULE …]

mutmut makes the mutants; bench.mutant_trials runs on each those of the core's quick tests that
reach its function (``[tool.mutmut]`` in pyproject.toml says which tests there are). Verdicts are
kept in tests/mutants/verdicts, with the code (bench.mutant_verdicts says how long one holds): a run
that was ended goes on where it was, and one on another machine where the last one that was
committed was. With ``--again`` they are forgotten first, and with ``--tell`` nothing is tried. With
MODULEs (``fold publish``) only those are tried, in that order, and counted, and the output says so.
Mutants that cannot be told from the original are in tests/mutants/survivors.toml with the reason;
they count as survivors all the same.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from bench.mutant_verdicts import Verdict, Verdicts, numbers
from bench.result import Aim, print_result

ROOT = Path(__file__).parents[1]
CORE = Path("services/ews/core")
SURVIVORS = ROOT / "tests" / "mutants" / "survivors.toml"
AIMS = (Aim("killed_share", ">=", 0.9),)
VERDICTS = ROOT / "tests" / "mutants" / "verdicts"
_MADE = ROOT / "mutants"
_TOLD = _MADE / "trials.txt"
"""What pytest says of the trials."""
_TRIED_BY = ("tests/unit/ews", "tests/unit/whatif", "tests/unit/oracle", "tests/model")


class MutantsError(Exception):
    """It could not be measured."""


@dataclass(slots=True)
class Counts:
    """How many mutants ended how, and which lived."""

    killed: int = 0
    timeouts: int = 0
    survived: list[str] = field(default_factory=list)
    no_tests: list[str] = field(default_factory=list)
    untried: list[str] = field(default_factory=list)

    @property
    def mutants(self) -> int:
        """All of them."""
        alive = len(self.survived) + len(self.no_tests) + len(self.untried)
        return self.killed + self.timeouts + alive

    def add(self, name: str, verdict: Verdict | None) -> None:
        """Count one mutant."""
        if verdict is None:
            self.untried.append(name)
        elif verdict is Verdict.LIVED:
            self.survived.append(name)
        elif verdict is Verdict.UNREACHED:
            self.no_tests.append(name)
        elif verdict is Verdict.TIMEOUT:
            self.timeouts += 1
        else:
            self.killed += 1

    def figures(self) -> dict[str, float | None]:
        """As the result names them.

        ``killed_share``: of all but the time-outs, none left out. A mutant
        that no test reaches lives; one that was not tried counts as if it did.
        """
        counted = self.mutants - self.timeouts
        return {
            "mutants": self.mutants,
            "killed": self.killed,
            "survived": len(self.survived),
            "timeouts": self.timeouts,
            "no_tests": len(self.no_tests),
            "untried": len(self.untried),
            "killed_share": self.killed / counted if counted else None,
        }


def modules() -> list[str]:
    """The core's modules."""
    return sorted(file.stem for file in (ROOT / CORE).glob("*.py") if file.stem != "__init__")


def reasons(source: Callable[[str], str], file: Path = SURVIVORS) -> dict[str, str]:
    """Why a survivor cannot be told from the original, by the mutant's name.

    ``source`` gives the hash of the source of the function that a mutant is of:
    what was said of another one is about another mutant.
    """
    found: dict[str, str] = {}
    for row in tomllib.loads(file.read_text("utf-8")).get("survivor", []):
        for number in numbers(row["numbers"]):
            mutant = f"{row['function']}__mutmut_{number}"
            if source(mutant) == row["source"]:
                found[mutant] = row["reason"]
    return found


def main(arguments: list[str] | None = None) -> int:
    """Try what has not been tried, then tell; the result is the last line."""
    known = modules()
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(known)}")
    parser.add_argument("--again", action="store_true", help="forget what is known of them first")
    parser.add_argument("--tell", action="store_true", help="try none, only tell what is known")
    options = parser.parse_args(arguments)
    chosen = options.modules or known
    if strange := sorted(set(chosen) - set(known)):
        parser.error(f"no module of the core: {', '.join(strange)}; there are {', '.join(known)}")
    try:
        verdicts = _try([] if options.tell else chosen, again=options.again)
    except MutantsError as error:
        print(error, file=sys.stderr)
        return 1
    _tell(chosen, verdicts, partly=set(chosen) != set(known))
    return 0


def _try(chosen: Sequence[str], *, again: bool) -> Verdicts:
    tests = digest([ROOT / folder for folder in (*_TRIED_BY, "tests/mutants")])
    _generate()
    for file in VERDICTS.glob("*.txt"):
        if file.stem not in modules():
            file.unlink()
    verdicts = Verdicts(_MADE / CORE, VERDICTS, tests)
    if again:
        verdicts.forget(chosen)
    todo = verdicts.pending(chosen)
    if todo:
        print(f"{len(todo)} mutants to try, one after another …", file=sys.stderr, flush=True)
        # One at a time, and everything else on the machine goes before it.
        with _TOLD.open("w") as told:
            done = subprocess.run(
                ["nice", "-n", "19", sys.executable, "-m", "bench.mutant_trials", VERDICTS, tests],
                cwd=_MADE,
                env=os.environ | {"PYTHONPATH": str(_MADE), "MUTANT_UNDER_TEST": ""},
                input="\n".join(todo),
                text=True,
                stdout=told,
                check=False,
            )
        if done.returncode:
            last = "\n".join(_TOLD.read_text("utf-8").splitlines()[-20:])
            raise MutantsError(f"The tests could not be run on the mutants:\n{last}")
    return Verdicts(_MADE / CORE, VERDICTS, tests)


def _generate() -> None:
    """Make the mutants, so that it is known which have no verdict yet."""
    # Mutmut copies what is not there; a profile that was tuned since is there, and old.
    shutil.copytree(
        ROOT / "services",
        _MADE / "services",
        dirs_exist_ok=True,
        ignore=lambda folder, _: ["core"] if Path(folder) == (ROOT / CORE).parent else [],
    )
    steps = (
        "import os; os.environ['MUTANT_UNDER_TEST'] = 'mutant_generation'\n"
        "from pathlib import Path\n"
        "from mutmut.__main__ import (\n"
        "    Config, copy_also_copy_files, copy_src_dir, create_mutants)\n"
        "Path('mutants').mkdir(exist_ok=True)\n"
        "Config.ensure_loaded()\n"
        "copy_src_dir(); copy_also_copy_files(); create_mutants(1)\n"
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
    return found.hexdigest()[:8]


def _tell(chosen: Iterable[str], verdicts: Verdicts, *, partly: bool) -> None:
    whole = Counts()
    why = reasons(verdicts.source)
    told: Counter[str] = Counter()
    print(
        f"{'module':<14}{'mutants':>8}{'killed':>8}{'lived':>7}{'timeout':>9}{'untried':>9}  share"
    )
    for module in sorted(chosen):
        own = Counts()
        for name, verdict in verdicts.of(module):
            own.add(name, verdict)
            whole.add(name, verdict)
        share = own.figures()["killed_share"]
        lived = len(own.survived) + len(own.no_tests)
        print(
            f"{module:<14}{own.mutants:>8}{own.killed:>8}{lived:>7}{own.timeouts:>9}"
            f"{len(own.untried):>9}{'–' if share is None else f'{share:.3f}':>7}"
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
