"""When a person comes of age."""

from __future__ import annotations

from datetime import date, timedelta

MAJORITY_YEARS = 18


def majority_day(birth_date: date) -> date:
    """The first day on which the person is of age (föräldrabalken 9 kap. 1 §: 18 years).

    Somebody born on 29 February turns 18 in a year without that day, since 18
    is no multiple of four. Lag (1930:173) om beräkning av lagstadgad tid, 2 §,
    then takes the month's last day: 28 February.
    """
    year = birth_date.year + MAJORITY_YEARS
    try:
        return birth_date.replace(year=year)
    except ValueError:
        return date(year, 3, 1) - timedelta(days=1)


def is_adult(birth_date: date, on: date) -> bool:
    """Whether the person is of age on the school date ``on``."""
    return on >= majority_day(birth_date)
