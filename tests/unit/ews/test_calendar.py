"""Days, terms and instants by the Swedish calendar and clock, also when the clocks change."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from services.ews.core import calendar

_ZONE = ZoneInfo("Europe/Stockholm")


def day(year: int, month: int, number: int) -> int:
    return calendar.as_day(date(year, month, number))


WINTER, SPRING, AUTUMN = day(2026, 11, 24), day(2027, 3, 28), day(2026, 10, 25)
"""An ordinary day, one of 23 hours and one of 25."""


@pytest.mark.parametrize("when", [WINTER, SPRING, AUTUMN])
@pytest.mark.parametrize("minute", [0, 1, 59, 60, 61, 3 * 60 + 1, 490, 1_439])
def test_a_local_minute_is_the_clock_on_the_wall(when: int, minute: int) -> None:
    known = calendar.as_date(when)
    hour, rest = divmod(minute, 60)
    wall = datetime(known.year, known.month, known.day, hour, rest, tzinfo=_ZONE)
    assert calendar.local_instant(when, minute) == wall.timestamp()


@pytest.mark.parametrize("when", [WINTER, SPRING, AUTUMN])
def test_a_minute_after_midnight_is_the_next_day_s(when: int) -> None:
    """A lesson may end there, also on the days that are an hour shorter or longer."""
    after = calendar.local_instant(when + 1, 30)
    assert calendar.local_instant(when, 24 * 60 + 30) == after
    assert calendar.local_midnight(when + 1) == after - 30 * 60


def test_a_minute_that_is_there_twice_is_the_first_and_one_that_is_not_an_hour_later() -> None:
    assert calendar.local_instant(AUTUMN, 150) == calendar.local_midnight(AUTUMN) + 150 * 60
    assert calendar.local_instant(SPRING, 150) == calendar.local_midnight(SPRING) + 150 * 60


@pytest.mark.parametrize("when", [WINTER, SPRING, AUTUMN])
def test_an_instant_s_day_is_sweden_s(when: int) -> None:
    midnight = calendar.local_midnight(when)
    assert calendar.day_of_instant(midnight - 1) == when - 1
    assert calendar.day_of_instant(midnight) == when
    # Before midnight in Greenwich.
    assert midnight < when * 86_400


def test_a_school_year_begins_in_july_and_a_term_in_january_too() -> None:
    assert calendar.school_year(day(2026, 6, 30)) == 2025
    assert calendar.school_year(day(2026, 7, 1)) == 2026
    assert calendar.year_start(2026) == day(2026, 7, 1)
    assert calendar.term_start(day(2026, 12, 31)) == day(2026, 7, 1)
    assert calendar.term_start(day(2027, 1, 1)) == day(2027, 1, 1)
    assert calendar.term_start(day(2026, 6, 30)) == day(2026, 1, 1)
    assert calendar.month_start(day(2026, 11, 1)) == day(2026, 11, 1)
    assert calendar.month_start(day(2026, 11, 30)) == day(2026, 11, 1)


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ((2026, 11, 18), (2026, 11, 18), "18 november 2026"),
        ((2026, 11, 12), (2026, 11, 18), "12–18 november 2026"),
        ((2026, 10, 30), (2026, 11, 4), "30 oktober–4 november 2026"),
        ((2026, 12, 14), (2027, 1, 15), "14 december 2026–15 januari 2027"),
        ((2027, 1, 29), (2027, 2, 1), "29 januari–1 februari 2027"),
    ],
)
def test_a_span_in_words_repeats_nothing(
    first: tuple[int, int, int], last: tuple[int, int, int], words: str
) -> None:
    assert calendar.span_in_words(day(*first), day(*last)) == words
