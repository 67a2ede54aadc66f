"""The fault schedule."""

from __future__ import annotations

from itertools import pairwise

import pytest

from deploy.check.schedule import FREEZABLE, INSIDE, OTHERS, WORKERS, schedule

SECONDS = 200.0


@pytest.mark.parametrize("seed", range(30))
def test_every_seed_does_everything_that_the_check_promises(seed: int) -> None:
    steps = schedule(seed, SECONDS)
    done = {(step.action, step.target) for step in steps}
    assert sorted(t for a, t in done if a == "kill" and t in WORKERS) != []
    ended = {t: a for a, t in done if t in WORKERS and a != "freeze"}
    assert sorted(ended) == sorted(WORKERS)
    assert sorted(ended.values()) == ["kill", "terminate"]
    assert ("kill_broker", "kafka") in done
    frozen = [step for step in steps if step.action == "freeze"]
    assert [step.target for step in frozen] == [FREEZABLE]
    assert frozen[0].inside in INSIDE
    assert {t for a, t in done if t in OTHERS and a in ("kill", "terminate")} == set(OTHERS)
    assert sum(step.action == "kill" for step in steps) >= 2


@pytest.mark.parametrize("seed", range(30))
def test_there_is_room_before_between_and_after(seed: int) -> None:
    steps = schedule(seed, SECONDS)
    assert steps[0].at >= 10
    assert all(later.at - earlier.at >= 20 for earlier, later in pairwise(steps))
    assert SECONDS - steps[-1].at >= 20


def test_the_seed_decides() -> None:
    assert schedule(7, SECONDS) == schedule(7, SECONDS)
    assert len({tuple(schedule(seed, SECONDS)) for seed in range(20)}) == 20
