"""CPU seconds by name, through restarts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploy.check.cpu import CpuMeter, Times, of_trees, times


def test_a_tree_ends_where_another_root_begins() -> None:
    seen = {
        1: Times(parent=0, own=1.0, ended=0.0),
        2: Times(parent=1, own=10.0, ended=5.0),
        3: Times(parent=2, own=100.0, ended=0.0),
        4: Times(parent=3, own=1000.0, ended=0.0),
    }
    assert of_trees([1, 3], seen) == {1: 16.0, 3: 1100.0}
    assert of_trees([7], seen) == {7: 0.0}


def test_what_ran_before_does_not_count_and_what_is_started_again_does() -> None:
    meter = CpuMeter()
    meter.look({"a": 1, "b": 2}, {1: Times(0, 5.0, 0.0), 2: Times(0, 1.0, 0.0)})
    meter.look({"a": 1, "b": 2}, {1: Times(0, 6.0, 0.0), 2: Times(0, 4.0, 0.0)})
    meter.look({"a": 9, "b": 2}, {9: Times(0, 2.5, 0.0), 2: Times(0, 5.0, 0.0)})
    assert meter.seconds() == {"b": 4.0, "a": 3.5}


def test_a_process_that_has_just_ended_keeps_what_it_took() -> None:
    meter = CpuMeter()
    meter.look({"a": 1}, {1: Times(0, 5.0, 0.0)})
    meter.look({"a": 1}, {1: Times(0, 7.0, 0.0)})
    meter.look({"a": 1}, {})
    assert meter.seconds() == {"a": 2.0}


def test_a_name_with_brackets_is_read(tmp_path: Path) -> None:
    (tmp_path / "12").mkdir()
    fields = ["S", "3", *["0"] * 9, "150", "50", "100", "0", *["0"] * 10]
    (tmp_path / "12" / "stat").write_text(f"12 (a ) b) {' '.join(fields)}\n", "ascii")
    ticks = os.sysconf("SC_CLK_TCK")
    assert times(tmp_path) == {12: Times(3, 200 / ticks, 100 / ticks)}


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no proc(5)")
def test_this_process_is_seen() -> None:
    assert times()[os.getpid()].parent == os.getppid()
