"""What ends the process when nothing else does: a thread that only looks at clocks.

Faust may ignore SIGTERM for ever when its broker is gone, and its consumer may
stop without a word; both were seen. Exit codes tell a supervisor what to do.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from enum import IntEnum
from typing import NoReturn, Protocol

from services.common.logging import get_logger

log = get_logger(__name__)


class ExitCode(IntEnum):
    """Of sysexits.h, so that they mean the same everywhere."""

    SOFTWARE = 70
    """A step of the shell failed: start again, from the checkpoints."""
    TEMPORARY = 75
    """The worker made no progress: start again."""
    OPERATOR = 78
    """A person must act first; the log's last line says how."""


class Die(Protocol):
    """Ends the process at once, leaving nothing half done that a restart does not find."""

    def __call__(self, code: ExitCode, reason: str) -> NoReturn:
        """Say ``reason`` and go."""


def die(code: ExitCode, reason: str) -> NoReturn:
    """Log one clear line and end without any clean-up that could commit something."""
    log.critical("the worker ends", reason=reason, exit_code=int(code))
    sys.stderr.flush()
    os._exit(int(code))


class Watchdog:
    """Ends the process N seconds after a stop was asked for, or when it no longer moves.

    ``stuck`` returns a sentence when the worker makes no progress, else None.
    ``clock`` counts monotonic seconds.
    """

    def __init__(
        self,
        *,
        stop_seconds: float,
        loop_seconds: float,
        stuck: Callable[[], str | None],
        end: Die = die,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stop_seconds = stop_seconds
        self._loop_seconds = loop_seconds
        self._stuck = stuck
        self._end = end
        self._clock = clock
        self._beat = clock()
        self._stop_at: float | None = None
        self._finished = threading.Event()

    def start(self) -> None:
        """Begin to watch; the thread never keeps the process alive."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def beat(self) -> None:
        """The main loop runs."""
        self._beat = self._clock()

    def stop_asked(self) -> None:
        """SIGTERM has come; the first call sets the deadline."""
        if self._stop_at is None:
            self._stop_at = self._clock() + self._stop_seconds

    def finished(self) -> None:
        """The worker has stopped by itself."""
        self._finished.set()

    @property
    def loop_age(self) -> float:
        """Seconds since the main loop last ran."""
        return self._clock() - self._beat

    def check(self) -> None:
        """One look; ends the process where it must."""
        now = self._clock()
        if self._stop_at is not None:
            if now >= self._stop_at:
                reason = f"still running {self._stop_seconds:.0f} s after it was asked to stop"
                self._end(ExitCode.TEMPORARY, reason)
            return
        if now - self._beat > self._loop_seconds:
            self._end(ExitCode.TEMPORARY, f"its main loop has not run for {now - self._beat:.0f} s")
        why = self._stuck()
        if why is not None:
            self._end(ExitCode.TEMPORARY, why)

    def _watch(self) -> None:
        while not self._finished.wait(0.25):
            self.check()
