"""Which school days the check simulates, whatever day the host has (design D8). Pure."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bench.simulator.calendar import SchoolYear
from bench.simulator.calendar import school_year as calendar_of
from services.common.clock import Clock, local_instant, school_date, school_year

WEEKS = 8
HISTORY_WEEKS = 5
START_MINUTE = 7 * 60 + 30
EVENING_MINUTE = 18 * 60 + 30
"""Every unit's school day has ended by then, and what it led to may still be sent today."""

_LOOK_BACK_DAYS = 400


@dataclass(frozen=True, slots=True)
class Days:
    """Eight school weeks: ``history`` lies behind the start, ``live`` begins with it."""

    history: tuple[date, ...]
    live: tuple[date, ...]

    @property
    def start(self) -> datetime:
        """07:30 by the wall clock in Stockholm on the first live day, a Tuesday."""
        return morning(self.live[0])


class LateClock:
    """What another clock said a moment ago.

    Every process notices a jump of the simulated clock within a tenth of a second. A school
    system that noticed it first would speak of a time that is still to come for ingest, which
    caps such a time (design D2).
    """

    def __init__(
        self, clock: Clock, seconds: float = 0.3, real: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock, self._seconds, self._real = clock, seconds, real
        self._said: deque[tuple[float, datetime]] = deque([(real(), clock.now())])

    def now(self) -> datetime:
        """The newest instant that is old enough; at first the one it was made at."""
        now = self._real()
        self._said.append((now, self._clock.now()))
        while len(self._said) > 1 and self._said[1][0] <= now - self._seconds:
            self._said.popleft()
        return self._said[0][1]


def morning(day: date) -> datetime:
    """07:30 in Stockholm, as UTC."""
    return local_instant(day, START_MINUTE)


def evening(day: date) -> datetime:
    """18:30 in Stockholm, as UTC."""
    return local_instant(day, EVENING_MINUTE)


def plan(host_now: datetime, weeks: int = WEEKS, history_weeks: int = HISTORY_WEEKS) -> Days:
    """The newest fitting weeks, seen from the host's date.

    The start is the latest school Tuesday, on or before that date in
    Stockholm, with ``history_weeks`` school weeks before it in its school year,
    and with as many from its own on as make ``weeks`` in all, in the same term.
    A week without any school day (a lov) does not count as one.
    """
    day = school_date(host_now)
    for _ in range(_LOOK_BACK_DAYS):
        if day.weekday() == 1 and (found := _days_around(day, weeks, history_weeks)):
            return found
        day -= timedelta(days=1)
    raise ValueError(f"no school year before {day} holds {weeks} school weeks around a Tuesday")


def starting(tuesday: date, weeks: int = WEEKS, history_weeks: int = HISTORY_WEEKS) -> Days:
    """The weeks around one given start; ValueError says why it does not fit."""
    if tuesday.weekday() != 1:
        raise ValueError(f"{tuesday} is not a Tuesday")
    found = _days_around(tuesday, weeks, history_weeks)
    if found is None:
        raise ValueError(
            f"{tuesday} does not fit: it must be a school day with {history_weeks} school weeks "
            f"before it and {weeks - history_weeks} from its own on in the same term"
        )
    return found


def _days_around(tuesday: date, weeks: int, history_weeks: int) -> Days | None:
    calendar = calendar_of(school_year(tuesday))
    days = calendar.days()
    if tuesday not in days:
        return None
    mondays = sorted({_monday(day) for day in days})
    own = mondays.index(_monday(tuesday))
    last = own + weeks - history_weeks - 1
    if own < history_weeks or last >= len(mondays):
        return None
    first, end = mondays[own - history_weeks], mondays[last] + timedelta(days=7)
    live = tuple(day for day in days if tuesday <= day < end)
    if not _one_term(calendar, live):
        return None
    return Days(history=tuple(day for day in days if first <= day < tuesday), live=live)


def _one_term(calendar: SchoolYear, days: tuple[date, ...]) -> bool:
    return calendar.term_of(days[0]) == calendar.term_of(days[-1])


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
