"""Days that count: school days, working days, weeks and months, and when a day is over.

Working days (arbetsdagar) are Monday to Friday without public holidays, midsommarafton, julafton
and nyårsafton, which lagen (1930:173) om beräkning av lagstadgad tid 2 § puts beside them. By the
same section something that is due on a Saturday, Sunday or such a day is due on the next working
day; by its 1 § a month ends on the day of the same number, or on the month's last where it has
none. The school's own free days are the calendar's, and stop school days only.
"""

from __future__ import annotations

import calendar as months_of
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Literal

import holidays

from services.common.clock import local_instant, school_date

#: By the end of the working day.
DUE_MINUTE = 16 * 60
_LAST_MINUTE = 24 * 60 - 1
# No run of free days is longer than a summer; a broken calendar must not loop for ever.
_LONGEST = 400

Unit = Literal["at_once", "same_day", "school_days", "working_days", "calendar_days", "months"]


@dataclass(frozen=True, slots=True)
class Limit:
    """How long something may take."""

    unit: Unit
    length: int = 0


@dataclass(frozen=True, slots=True)
class SchoolCalendar:
    """One unit's school days as far as the roster tells: terms, and free days inside them."""

    terms: Sequence[tuple[date, date]] = ()
    free: Collection[date] = field(default_factory=frozenset)

    def is_school_day(self, day: date) -> bool:
        """Whether lessons are expected.

        Between two known terms, and from the last one's end to the end of July, nobody is at
        school. Where no term is known every working day counts: a clock that runs too early
        is seen, one that stands still is not.
        """
        if not is_working_day(day) or day in self.free:
            return False
        if any(first <= day <= last for first, last in self.terms):
            return True
        before = max((last for _, last in self.terms if last < day), default=None)
        after = any(first > day for first, _ in self.terms)
        if before is not None and after:
            return False
        if before is not None and before.month < 8:
            return day > date(before.year, 7, 31)
        return before is None and not after


@lru_cache(maxsize=64)
def _off(year: int) -> frozenset[date]:
    return frozenset(
        holidays.country_holidays("SE", years=year, categories=("public", "de_facto")).keys()
    )


def is_working_day(day: date) -> bool:
    """Monday to Friday, no public holiday and none of the three eves."""
    return day.weekday() < 5 and day not in _off(day.year)


def next_working_day(day: date) -> date:
    """The day itself, or the first working day after it."""
    while not is_working_day(day):
        day += timedelta(days=1)
    return day


def working_day_before(day: date) -> date:
    """The last working day before it."""
    day -= timedelta(days=1)
    while not is_working_day(day):
        day -= timedelta(days=1)
    return day


def _count(start: date, length: int, counts: Callable[[date], bool]) -> date | None:
    day = start
    for _ in range(_LONGEST):
        day += timedelta(days=1)
        if counts(day):
            length -= 1
            if length <= 0:
                return day
    return None


def add_working_days(start: date, length: int) -> date:
    """The last of ``length`` working days after ``start``, which itself does not count."""
    found = _count(start, length, is_working_day)
    return found or next_working_day(start + timedelta(days=length * 7 // 5))


def add_school_days(start: date, length: int, calendar: SchoolCalendar) -> date:
    """The last of ``length`` school days after ``start``; working days where none are to come."""
    return _count(start, length, calendar.is_school_day) or add_working_days(start, length)


def add_months(start: date, length: int) -> date:
    """The day of the same number, or the month's last."""
    month = start.month - 1 + length
    year, month = start.year + month // 12, month % 12 + 1
    return date(year, month, min(start.day, months_of.monthrange(year, month)[1]))


def due_day(start: date, limit: Limit, calendar: SchoolCalendar) -> date:
    """The last day for what began on ``start``."""
    match limit.unit:
        case "at_once" | "same_day":
            return start
        case "school_days":
            return add_school_days(start, limit.length, calendar)
        case "working_days":
            return add_working_days(start, limit.length)
        case "calendar_days":
            return next_working_day(start + timedelta(days=limit.length))
        case "months":
            return next_working_day(add_months(start, limit.length))


def due_at(start: datetime, limit: Limit, calendar: SchoolCalendar) -> datetime:
    """The instant, by the wall clock in Sweden, after which what began at ``start`` is overdue."""
    if limit.unit == "at_once":
        return start
    day = due_day(school_date(start), limit, calendar)
    # The day that the law speaks of lasts until midnight, a working day until four.
    return local_instant(day, _LAST_MINUTE if limit.unit == "same_day" else DUE_MINUTE)
