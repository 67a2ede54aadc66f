"""Every decoder against bytes that nobody thought of (see :mod:`tests.fuzz.targets`).

What once broke a decoder is kept in tests/data/fuzz and played again in every
run; the fuzzer then looks on from there, for half a minute in ``make test`` and
for ten minutes in ``make soak``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

DATA = Path("tests/data/fuzz")
BRIEFLY, LONG = 30, 600
"""Seconds, for all decoders together."""


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_what_is_kept_breaks_nothing(name: str) -> None:
    kept = sorted((DATA / name).iterdir())
    assert kept, "a fuzzer starts from something that the decoder understands"
    for file in kept:
        TARGETS[name](file.read_bytes())


def fuzz(name: str, seconds: int, folder: Path, *seed: str) -> None:
    """Fails with the input that broke the decoder."""
    done = subprocess.run(
        [
            "nice",
            "-n",
            "10",
            sys.executable,
            "-m",
            "tests.fuzz",
            name,
            str(folder),
            str(seconds),
            *seed,
        ],
        env=os.environ | {"PYTHONPATH": f"{Path.cwd()}:{Path.cwd() / 'proto' / 'gen'}"},
        capture_output=True,
        check=False,
        timeout=seconds + 240,
    )
    log = done.stderr.decode("utf-8", "replace") + done.stdout.decode("utf-8", "replace")
    found = {file.name: file.read_bytes() for file in folder.glob("*-*") if file.is_file()}
    broken = {
        file: content
        for file, content in found.items()
        if file.startswith(("crash-", "timeout-", "oom-", "leak-"))
    }
    assert not broken, f"keep it in {DATA / name} and mend it: {broken}\n{log[-4000:]}"
    assert done.returncode == 0, log[-4000:]
    executed = [line for line in log.splitlines() if "number_of_executed_units" in line]
    assert int(executed[0].split()[-1]) > 0, log[-4000:]


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_the_fuzzer_finds_nothing(name: str, tmp_path: Path) -> None:
    # The same way in every run: what nobody has changed does not break today. Soaks look further.
    fuzz(name, BRIEFLY // len(TARGETS), tmp_path, "1")


@pytest.mark.soak
@pytest.mark.parametrize("name", sorted(TARGETS))
def test_the_fuzzer_finds_nothing_for_longer(name: str, tmp_path: Path) -> None:
    fuzz(name, LONG // len(TARGETS), tmp_path)


def test_the_fuzzer_would_find_something(tmp_path: Path) -> None:
    """A target that breaks on an input that only coverage leads to."""
    with pytest.raises(AssertionError, match="crash-"):
        fuzz("broken", 240, tmp_path, "1")
