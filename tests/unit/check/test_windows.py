"""Fault windows and recovery, on small hand-made histories."""

from __future__ import annotations

import pytest

from deploy.check.windows import (
    Fault,
    Window,
    every_first_checkpoint,
    recovery_seconds,
    seconds_inside,
    windows,
)

CHECKPOINTS = {0: [1.0, 10.5, 11.0, 30.2], 1: [1.2, 10.2, 22.0, 31.0]}
KILL = Fault("worker_kill", "ews-1", injected=10.0, gone_until=10.0, over=15.0)


def test_recovery_is_the_last_partitions_first_checkpoint() -> None:
    assert every_first_checkpoint(10.0, CHECKPOINTS, 2) == 10.5
    assert every_first_checkpoint(10.4, CHECKPOINTS, 2) == 22.0
    assert recovery_seconds([KILL], CHECKPOINTS, 2) == pytest.approx(0.5)


def test_a_checkpoint_at_the_moment_of_the_fault_is_not_after_it() -> None:
    assert every_first_checkpoint(10.5, CHECKPOINTS, 1) == 11.0


def test_a_partition_that_never_came_back_leaves_recovery_unmeasured() -> None:
    assert every_first_checkpoint(30.5, CHECKPOINTS, 2) is None
    assert every_first_checkpoint(0.0, CHECKPOINTS, 3) is None
    late = Fault("broker_kill", "kafka", injected=30.5, gone_until=30.5, over=31.0)
    assert recovery_seconds([KILL, late], CHECKPOINTS, 2) is None


def test_a_brokers_recovery_is_counted_from_its_end_but_shown_after_its_return() -> None:
    broker = Fault("broker_kill", "kafka", injected=10.0, gone_until=10.8, over=10.8)
    assert recovery_seconds([broker], CHECKPOINTS, 2) == pytest.approx(12.0)


def test_only_kinds_that_leave_a_partition_alone_count_as_recovery() -> None:
    restart = Fault("service", "cases", injected=11.5, gone_until=11.5, over=12.0)
    assert recovery_seconds([restart], CHECKPOINTS, 2) == 0.0


def test_a_window_lasts_until_the_replacement_has_checkpointed_everywhere() -> None:
    assert windows([KILL], CHECKPOINTS, 2, longest=60.0) == [Window(10.0, 30.2)]


def test_a_window_is_never_longer_than_the_recovery_time() -> None:
    assert windows([KILL], CHECKPOINTS, 2, longest=4.0) == [Window(10.0, 14.0)]
    late = Fault("resume", "ews-2", injected=30.5, gone_until=30.5, over=30.6)
    assert windows([late], CHECKPOINTS, 2, longest=4.0) == [Window(30.5, 34.5)]


def test_touching_a_window() -> None:
    window = Window(10.0, 20.0)
    assert window.meets(5.0, 10.0)
    assert window.meets(19.9, 25.0)
    assert window.meets(5.0, 25.0)
    assert not window.meets(5.0, 9.9)
    assert not window.meets(20.0, 21.0)


def test_overlapping_windows_are_counted_once() -> None:
    spans = [Window(12.0, 20.0), Window(10.0, 15.0), Window(14.0, 16.0), Window(95.0, 120.0)]
    assert seconds_inside(0.0, 100.0, spans) == pytest.approx(15.0)
    assert seconds_inside(0.0, 100.0, []) == 0.0
