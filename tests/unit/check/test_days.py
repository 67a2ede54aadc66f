"""Which simulated days the check takes, whatever day the host has."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from bench.simulator.calendar import school_year as calendar_of
from deploy.check.days import Days, LateClock, evening, morning, plan, starting
from services.common.clock import STOCKHOLM, FixedClock, school_date, school_year


def _host(*when: int) -> datetime:
    return datetime(*when, tzinfo=STOCKHOLM)  # type: ignore[arg-type, misc]  # year, month, …


HOSTS = {
    "a Saturday night": _host(2026, 11, 21, 23, 50),
    "the first of July": _host(2026, 7, 1, 0, 5),
    "the autumn's DST Sunday, in the doubled hour": _host(2026, 10, 25, 2, 30),
    "the spring's DST Sunday": _host(2027, 3, 28, 3, 0),
    "New Year's Eve": _host(2026, 12, 31, 23, 59),
    "the school year's first day": _host(2026, 8, 18, 6, 0),
    "a leap day": _host(2028, 2, 29, 12, 0),
    "a school Tuesday": _host(2026, 11, 24, 12, 0),
}


def _weeks(days: tuple[date, ...]) -> set[date]:
    return {day - timedelta(days=day.weekday()) for day in days}


@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
def test_it_starts_at_half_past_seven_on_a_school_tuesday_with_history_behind_it(
    host: datetime,
) -> None:
    found = plan(host)
    first = found.live[0]
    assert first.weekday() == 1
    assert first <= school_date(host)
    wall = found.start.astimezone(STOCKHOLM)
    assert (wall.date(), wall.hour, wall.minute) == (first, 7, 30)

    everything = found.history + found.live
    assert all(earlier < later for earlier, later in pairwise(everything))
    assert len(_weeks(everything)) == 8
    assert len(_weeks(found.history)) == 6  # five whole ones, and the Monday before the start
    assert len({school_year(day) for day in everything}) == 1
    assert set(everything) <= set(calendar_of(school_year(first)).days())
    assert 10 <= len(found.live) <= 14


def test_every_fifth_host_date_of_two_years_has_an_answer() -> None:
    day = datetime(2026, 1, 1, 22, 30, tzinfo=UTC)
    for _ in range(731 // 5):
        found = plan(day)
        assert found.live[0].weekday() == 1
        day += timedelta(days=5)


def test_the_dst_weeks_keep_the_wall_clock() -> None:
    found = starting(date(2026, 10, 20))
    before, after = found.live[0], found.live[-1]
    assert before < date(2026, 10, 25) < after
    assert morning(before).hour == 5  # UTC+2
    assert morning(after).hour == 6  # UTC+1
    assert evening(after) - morning(after) == timedelta(hours=11)


def test_a_week_without_school_is_none_of_the_eight() -> None:
    found = starting(date(2026, 10, 20))  # höstlov is week 44
    assert not any(date(2026, 10, 26) <= day <= date(2026, 10, 30) for day in found.live)
    assert len(_weeks(found.history + found.live)) == 8


@pytest.mark.parametrize(
    ("start", "word"),
    [
        (date(2026, 11, 25), "not a Tuesday"),
        (date(2026, 10, 27), "does not fit"),  # höstlov
        (date(2026, 9, 1), "does not fit"),  # too little behind it
        (date(2026, 12, 15), "does not fit"),  # too little left of the term
    ],
)
def test_a_start_that_does_not_fit_is_refused_with_the_reason(start: date, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        starting(start)


def test_a_given_start_is_the_planned_one() -> None:
    assert starting(date(2026, 11, 24)) == plan(_host(2026, 11, 24, 12, 0))
    assert isinstance(plan(_host(2026, 11, 24, 12, 0)), Days)


def test_the_late_clock_notices_a_jump_when_everybody_else_has() -> None:
    clock, real = FixedClock(morning(date(2026, 11, 24))), [0.0]
    late = LateClock(clock, seconds=0.3, real=lambda: real[0])
    before = clock.now()
    for tick in range(1, 10):
        real[0] = tick / 10
        clock.at = morning(date(2026, 11, 25))
        heard = late.now()
        assert heard == (before if tick < 4 else clock.now())


def test_the_late_clock_never_goes_back() -> None:
    clock, real = FixedClock(morning(date(2026, 11, 24))), [0.0]
    late = LateClock(clock, seconds=0.3, real=lambda: real[0])
    heard = []
    for _ in range(50):
        real[0] += 0.07
        clock.advance(timedelta(minutes=3))
        heard.append(late.now())
    assert heard == sorted(heard)
    assert clock.now() - heard[-1] >= timedelta(minutes=9)
