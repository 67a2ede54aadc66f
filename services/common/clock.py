"""The one clock that all services and the simulator read (design D8).

Token expiry and Kafka's own timestamps stay real.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

STOCKHOLM = ZoneInfo("Europe/Stockholm")
_EPOCH = date(1970, 1, 1)


class Clock(Protocol):
    """Says what time it is."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class SystemClock:
    """The host's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    """A clock for tests that moves only when told."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at.astimezone(UTC)

    def advance(self, by: timedelta) -> None:
        self.at += by


class FileClock:
    """A simulated clock shared through a file, so that every process agrees.

    The file holds ``{"simulated": RFC 3339, "real": unix seconds, "rate": number}``:
    at real time ``real`` it was ``simulated``, and it runs ``rate`` times as
    fast as the host's. Whoever moves it replaces the file atomically
    (:func:`write_clock_file`); readers notice within 0.1 s.
    """

    def __init__(self, path: Path, real: Callable[[], float] = time.time) -> None:
        self._path = path
        self._real = real
        self._checked = 0.0
        self._stamp: tuple[int, int] | None = None
        self._anchor = (datetime.now(UTC), 0.0, 1.0)
        self._load()

    def _load(self) -> None:
        stat = os.stat(self._path)  # noqa: PTH116 - pathlib has no cheaper way
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if stamp != self._stamp:
            raw = json.loads(self._path.read_text("utf-8"))
            simulated = datetime.fromisoformat(raw["simulated"]).astimezone(UTC)
            self._anchor = (simulated, float(raw["real"]), float(raw["rate"]))
            self._stamp = stamp

    def now(self) -> datetime:
        tick = time.monotonic()
        if tick - self._checked > 0.1:
            self._checked = tick
            self._load()
        simulated, real, rate = self._anchor
        return simulated + timedelta(seconds=(self._real() - real) * rate)


def write_clock_file(path: Path, simulated: datetime, rate: float = 1.0) -> None:
    """Set the simulated clock of every process that reads ``path``."""
    temporary = path.with_suffix(".new")
    temporary.write_text(
        json.dumps({"simulated": simulated.isoformat(), "real": time.time(), "rate": rate}), "utf-8"
    )
    temporary.replace(path)


def clock_from(clock_file: Path | None) -> Clock:
    """The clock that the settings ask for."""
    return SystemClock() if clock_file is None else FileClock(clock_file)


def school_date(instant: datetime) -> date:
    """The calendar date in Europe/Stockholm of an aware instant."""
    return instant.astimezone(STOCKHOLM).date()


def epoch_day(day: date) -> int:
    """Whole days since 1970-01-01."""
    return (day - _EPOCH).days


def from_epoch_day(number: int) -> date:
    """The date of an epoch day."""
    return _EPOCH + timedelta(days=number)


def school_year(day: date) -> int:
    """The first calendar year of the school year of ``day``: läsåret runs from 1 July.

    Skollagen 3 kap. 3 § and skolförordningen 3 kap. 3 § put its start in
    August and its end in June; July belongs to the year that begins.
    """
    return day.year if day.month >= 7 else day.year - 1


def local_instant(day: date, minute: int) -> datetime:
    """The instant of ``minute`` after local midnight by the wall clock, as UTC.

    A wall time that DST skips is read as the instant an hour later by the
    wall; one that happens twice, as the first of them (PEP 495, fold 0).
    """
    hours, minutes = divmod(minute, 60)
    wall = datetime(day.year, day.month, day.day, hours, minutes, tzinfo=STOCKHOLM)
    return wall.astimezone(UTC)
