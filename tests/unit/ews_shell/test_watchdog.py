"""What the watchdog ends, and when."""

from __future__ import annotations

from typing import NoReturn

import pytest

from services.ews.watchdog import ExitCode, Watchdog


class EndedError(Exception):
    """What ending the process does here."""


class Scene:
    def __init__(self) -> None:
        self.now = 100.0
        self.why: str | None = None
        self.watchdog = Watchdog(
            stop_seconds=20,
            loop_seconds=60,
            stuck=lambda: self.why,
            end=self._end,
            clock=lambda: self.now,
        )

    def _end(self, code: ExitCode, reason: str) -> NoReturn:
        raise EndedError(code, reason)


def test_a_worker_that_moves_is_left_alone() -> None:
    scene = Scene()
    for _ in range(1000):
        scene.now += 30
        scene.watchdog.beat()
        scene.watchdog.check()
    assert scene.watchdog.loop_age == 0


def test_the_deadline_after_a_stop_is_hard_and_counts_from_the_first() -> None:
    scene = Scene()
    scene.watchdog.stop_asked()
    scene.now += 19
    scene.watchdog.stop_asked()
    scene.watchdog.check()
    scene.now += 1
    with pytest.raises(EndedError, match="20 s after it was asked to stop"):
        scene.watchdog.check()


def test_a_loop_that_stands_still() -> None:
    scene = Scene()
    scene.now += 60
    scene.watchdog.check()
    scene.now += 1
    with pytest.raises(EndedError, match="main loop has not run for 61 s"):
        scene.watchdog.check()


def test_no_progress() -> None:
    scene = Scene()
    scene.why = "partition 3 has not moved"
    with pytest.raises(EndedError, match="partition 3"):
        scene.watchdog.check()


def test_while_stopping_only_the_deadline_counts() -> None:
    scene = Scene()
    scene.watchdog.stop_asked()
    scene.why = "partition 3 has not moved"
    scene.watchdog.check()
