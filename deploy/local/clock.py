"""The simulated clock of a local stack: it stands still while the stack is down."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from services.common.clock import FileClock, write_clock_file

_BEAT_SECONDS = 1.0


class SimulatedClock:
    """Writes the clock file that every process of the stack reads.

    The time reached is written down every second, so that a stack ended by SIGKILL goes on from
    there; a little is added, since time must not go back.

    Args:
        file: what FORVARNING_CLOCK_FILE names.
        begin: the simulated instant of the very first start.
        rate: simulated seconds a second.
        skip: asked about the present instant; a later one makes the clock jump there.
    """

    def __init__(
        self,
        file: Path,
        *,
        begin: datetime,
        rate: float,
        skip: Callable[[datetime], datetime | None] = lambda _now: None,
    ) -> None:
        self.file = file
        self._reached_file = file.with_name("clock-reached.json")
        self._begin = begin
        self._rate = rate
        self._skip = skip
        self._clock: FileClock | None = None
        self._beaten = 0.0

    def start(self) -> datetime:
        """Write the file with a clock that stands still; returns the instant it will run from."""
        reached = self._read_reached()
        margin = timedelta(seconds=2 * _BEAT_SECONDS * self._rate)
        begin = self._begin if reached is None else max(self._begin, reached + margin)
        write_clock_file(self.file, begin, 0.0)
        self._clock = FileClock(self.file)
        self._record()
        return begin

    def run(self) -> None:
        """Let it run: once everybody who reads it is there, so that nobody misses the morning."""
        write_clock_file(self.file, self.now(), self._rate)
        self._clock = FileClock(self.file)

    def now(self) -> datetime:
        """The simulated instant; the clock must have been started."""
        if self._clock is None:
            raise RuntimeError("the simulated clock has not been started")
        return self._clock.now()

    def beat(self) -> None:
        """Jump where there is something to skip; write down the time reached, once a second."""
        tick = time.monotonic()
        if self._clock is None or tick - self._beaten < _BEAT_SECONDS:
            return
        self._beaten = tick
        target = self._skip(self.now())
        if target is not None and target > self.now():
            write_clock_file(self.file, target, self._rate)
            self._clock = FileClock(self.file)
        self._record()

    def _record(self) -> None:
        new = self._reached_file.with_suffix(".new")
        new.write_text(json.dumps({"reached": self.now().isoformat()}), encoding="utf-8")
        new.replace(self._reached_file)

    def stop(self) -> None:
        """Let it stand still until the next start."""
        if self._clock is not None:
            self._record()
            write_clock_file(self.file, self.now(), 0.0)
            self._clock = None

    def _read_reached(self) -> datetime | None:
        try:
            text = self._reached_file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        return datetime.fromisoformat(json.loads(text)["reached"])
