"""The whole check, small: every process, every fault, the oracle, and the last line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
# What depends on how fast and how busy the machine is.
_TIMED = {"p99_seconds", "recovery_seconds"}
# Such a small municipality in so short a run need not reach these.
_MANY = {"duplicates_sent", "late_facts", "corrections", "raised_langvarig", "resolved"}


@pytest.mark.soak
@pytest.mark.timeout(1500)
def test_a_small_municipality_through_all_faults(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "deploy.check", "--seed", "5", "--start", "2026-11-24"]
    small = ["--pupils", "200", "--rate", "20", "--live-seconds", "120"]
    done = subprocess.run(
        [*command, *small, "--data", str(tmp_path / "data")],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=1400,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["command"] == "demo-check"
    unmet = {aim["name"] for aim in result["aims"] if not aim["met"]}
    assert unmet <= _TIMED | _MANY, done.stderr[-4000:]
    assert result["figures"]["notices_before_live"] == 0


def test_a_start_that_does_not_fit_is_refused_before_anything_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.check", "--start", "2026-11-25", "--data", str(tmp_path)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2
    assert "not a Tuesday" in done.stderr
    assert done.stdout == ""
