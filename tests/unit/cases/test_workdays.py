"""Days that count, over holidays, lov, summers, month ends and the turning of the clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cases.domain.workdays import (
    Limit,
    SchoolCalendar,
    add_months,
    add_school_days,
    add_working_days,
    due_at,
    due_day,
    is_working_day,
)
from services.common.clock import STOCKHOLM, local_instant

YEAR = SchoolCalendar(
    terms=((date(2026, 8, 18), date(2026, 12, 18)), (date(2027, 1, 11), date(2027, 6, 11))),
    free=frozenset(
        [date(2026, 11, 2) + timedelta(days=n) for n in range(5)]
        + [date(2027, 2, 22) + timedelta(days=n) for n in range(5)]
    ),
)
UNKNOWN = SchoolCalendar()


@pytest.mark.parametrize(
    ("day", "why"),
    [
        (date(2026, 1, 6), "trettondagen"),
        (date(2026, 4, 3), "långfredagen"),
        (date(2026, 4, 6), "annandag påsk"),
        (date(2026, 5, 1), "första maj"),
        (date(2026, 5, 14), "Kristi himmelsfärdsdag"),
        (date(2026, 6, 19), "midsommarafton"),
        (date(2026, 12, 24), "julafton"),
        (date(2026, 12, 25), "juldagen"),
        (date(2026, 12, 31), "nyårsafton"),
        (date(2027, 1, 1), "nyårsdagen"),
        (date(2028, 6, 6), "nationaldagen"),
        (date(2026, 11, 28), "lördag"),
        (date(2026, 11, 29), "söndag"),
    ],
)
def test_holidays_and_weekends_are_no_working_days(day: date, why: str) -> None:
    assert not is_working_day(day), why


@pytest.mark.parametrize("day", [date(2026, 5, 15), date(2026, 1, 5), date(2026, 12, 23)])
def test_half_days_and_squeeze_days_are_working_days(day: date) -> None:
    assert is_working_day(day)


def test_working_days_run_through_lov_and_stand_still_over_christmas() -> None:
    friday = date(2026, 10, 30)
    assert add_working_days(friday, 2) == date(2026, 11, 3)
    # 22 and 23 count; then julafton, juldagen, the weekend.
    assert add_working_days(date(2026, 12, 21), 3) == date(2026, 12, 28)
    assert add_working_days(date(2026, 3, 31), 5) == date(2026, 4, 9)


def test_school_days_stand_still_over_lov_christmas_and_summer() -> None:
    assert add_school_days(date(2026, 10, 30), 1, YEAR) == date(2026, 11, 9)
    assert add_school_days(date(2026, 12, 17), 2, YEAR) == date(2027, 1, 11)
    assert add_school_days(date(2027, 2, 19), 5, YEAR) == date(2027, 3, 5)
    # The next year's terms are not known yet: July is over, so it may be school.
    assert add_school_days(date(2027, 6, 11), 1, YEAR) == date(2027, 8, 2)


def test_without_a_calendar_every_working_day_counts() -> None:
    assert add_school_days(date(2026, 11, 24), 5, UNKNOWN) == date(2026, 12, 1)
    assert not UNKNOWN.is_school_day(date(2026, 12, 24))


def test_a_calendar_that_is_free_for_ever_stops_no_clock() -> None:
    broken = SchoolCalendar(free=[date(2026, 1, 1) + timedelta(days=n) for n in range(900)])
    assert add_school_days(date(2026, 11, 24), 5, broken) == date(2026, 12, 1)


def test_months_end_on_the_same_number_or_the_months_last_day() -> None:
    assert add_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert add_months(date(2028, 1, 31), 1) == date(2028, 2, 29)
    assert add_months(date(2026, 8, 31), 6) == date(2027, 2, 28)
    assert add_months(date(2026, 11, 24), 2) == date(2027, 1, 24)
    # 24 January 2027 is a Sunday.
    assert due_day(date(2026, 11, 24), Limit("months", 2), UNKNOWN) == date(2027, 1, 25)


def test_what_is_due_on_a_day_off_is_due_on_the_next_working_day() -> None:
    fortnight = Limit("calendar_days", 14)
    assert due_day(date(2026, 12, 10), fortnight, UNKNOWN) == date(2026, 12, 28)
    assert due_day(date(2026, 11, 10), fortnight, UNKNOWN) == date(2026, 11, 24)
    assert due_day(date(2027, 6, 11), fortnight, UNKNOWN) == date(2027, 6, 28)


@pytest.mark.parametrize(
    ("day", "utc_hour"),
    [(date(2026, 10, 23), 14), (date(2026, 10, 26), 15), (date(2027, 3, 30), 14)],
)
def test_due_by_the_wall_clock_on_both_sides_of_the_turning(day: date, utc_hour: int) -> None:
    start = datetime(day.year, day.month, day.day, 7, tzinfo=STOCKHOLM) - timedelta(days=7)
    found = due_at(start, Limit("calendar_days", 7), UNKNOWN)
    assert found == datetime(day.year, day.month, day.day, utc_hour, tzinfo=UTC)


def test_the_same_day_lasts_until_midnight_in_sweden() -> None:
    # The day on which the clocks go back has 25 hours.
    for day, hours in ((date(2026, 10, 25), 25), (date(2027, 3, 28), 23)):
        dawn = local_instant(day, 0)
        found = due_at(dawn, Limit("same_day"), UNKNOWN)
        assert found == dawn + timedelta(hours=hours, minutes=-1)
    # 23.30 UTC is after midnight in Sweden: the next day's.
    late = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
    assert due_at(late, Limit("same_day"), UNKNOWN).astimezone(STOCKHOLM).date() == date(
        2026, 11, 25
    )


def test_at_once_is_due_when_it_begins() -> None:
    at = datetime(2026, 12, 24, 22, 15, tzinfo=UTC)
    assert due_at(at, Limit("at_once"), YEAR) == at


@given(
    start=st.dates(date(2026, 7, 1), date(2027, 6, 30)),
    unit=st.sampled_from(["school_days", "working_days", "calendar_days", "months"]),
    length=st.integers(1, 12),
)
def test_whatever_is_due_is_due_later_on_a_working_day_and_never_earlier_for_more_time(
    start: date, unit: str, length: int
) -> None:
    limit, longer = Limit(unit, length), Limit(unit, length + 1)  # type: ignore[arg-type]
    found = due_day(start, limit, YEAR)
    assert found > start
    assert is_working_day(found)
    assert due_day(start, longer, YEAR) >= found
    assert due_day(start + timedelta(days=1), limit, YEAR) >= found
