"""School years, terms, months and local lesson times, from dates alone.

A school year (läsår) is named by its first calendar year and runs from 1 July
to 30 June (skollagen 2010:800, 3 kap. 3 §: an autumn and a spring term). Terms
never cross the turn of the year, so 1 January divides them.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

_STOCKHOLM = ZoneInfo("Europe/Stockholm")
_EPOCH = date(1970, 1, 1).toordinal()
MONTHS = (
    "januari",
    "februari",
    "mars",
    "april",
    "maj",
    "juni",
    "juli",
    "augusti",
    "september",
    "oktober",
    "november",
    "december",
)


def as_date(day: int) -> date:
    """The calendar date of an epoch day."""
    return date.fromordinal(day + _EPOCH)


def as_day(when: date) -> int:
    """The epoch day of a calendar date."""
    return when.toordinal() - _EPOCH


@lru_cache(maxsize=4096)
def school_year(day: int) -> int:
    """The first calendar year of the school year that the day lies in."""
    when = as_date(day)
    return when.year if when.month >= 7 else when.year - 1


@lru_cache(maxsize=64)
def year_start(year: int) -> int:
    """The epoch day of 1 July that begins the school year."""
    return as_day(date(year, 7, 1))


def school_year_start(day: int) -> int:
    """The epoch day of 1 July that began the day's school year."""
    return year_start(school_year(day))


@lru_cache(maxsize=4096)
def month_start(day: int) -> int:
    """The first day of the day's calendar month."""
    return day - as_date(day).day + 1


@lru_cache(maxsize=4096)
def term_start(day: int) -> int:
    """1 July or 1 January, whichever began the day's term."""
    when = as_date(day)
    return as_day(date(when.year, 7 if when.month >= 7 else 1, 1))


@lru_cache(maxsize=4096)
def _local_midnights(day: int) -> tuple[int, int]:
    """When the local day begins, and how long it is, in seconds of UTC."""
    start = int(datetime.combine(as_date(day), datetime.min.time(), _STOCKHOLM).timestamp())
    after = datetime.combine(as_date(day + 1), datetime.min.time(), _STOCKHOLM).timestamp()
    return start, int(after) - start


def local_midnight(day: int) -> int:
    """The instant, in seconds of UTC, at which the day begins in Stockholm."""
    return _local_midnights(day)[0]


def local_instant(day: int, minute: int) -> int:
    """The instant, in seconds of UTC, of a local minute of the day.

    On the days that clocks change a local time may not exist or be there
    twice; then the rules of PEP 495 with fold 0 hold.
    """
    start, length = _local_midnights(day)
    if length == 86_400:
        return start + 60 * minute
    hours, minutes = divmod(minute, 60)
    days, hours = divmod(hours, 24)
    when = as_date(day + days)
    return int(
        datetime(when.year, when.month, when.day, hours, minutes, tzinfo=_STOCKHOLM).timestamp()
    )


def day_of_instant(seconds: int) -> int:
    """The local calendar day that an instant falls on."""
    return as_day(datetime.fromtimestamp(seconds, _STOCKHOLM).date())


def span_in_words(first: int, last: int) -> str:
    """ "12–18 november 2026", with as much of the first date as is needed."""
    a, b = as_date(first), as_date(last)
    end = f"{b.day} {MONTHS[b.month - 1]} {b.year}"
    if a == b:
        return end
    if a.year != b.year:
        return f"{a.day} {MONTHS[a.month - 1]} {a.year}–{end}"
    if a.month != b.month:
        return f"{a.day} {MONTHS[a.month - 1]}–{end}"
    return f"{a.day}–{end}"
