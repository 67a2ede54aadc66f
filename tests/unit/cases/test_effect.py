"""Attendance before and after: exact minutes, honest intervals, and too little known."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from services.cases.domain import beta
from services.cases.domain.effect import Day, Effect, band, judge, recent
from services.cases.domain.workdays import SchoolCalendar

TERM = SchoolCalendar(
    terms=((date(2026, 8, 18), date(2026, 12, 18)), (date(2027, 1, 11), date(2027, 6, 11))),
    free=frozenset(date(2026, 11, 2) + timedelta(days=n) for n in range(5)),
)
FIRST, LAST = TERM.terms[0]
START = date(2026, 10, 19)


def school_days(first: date = FIRST, last: date = LAST) -> list[date]:
    span = range((last - first).days + 1)
    return [day for n in span if TERM.is_school_day(day := first + timedelta(days=n))]


def told(absent: Callable[[int, date], float], minutes: int = 300) -> dict[date, Day]:
    """What the stream tells: days with absence only."""
    found = {}
    for number, day in enumerate(school_days()):
        share = absent(number, day)
        if share:
            found[day] = Day(day, minutes, minutes, round(share * minutes))
    return found


@pytest.mark.parametrize(
    ("present", "reported", "expected"),
    [
        (60, 100, "60_100"),
        (599, 1000, "25_60"),
        (25, 100, "25_60"),
        (249, 1000, "under_25"),
        (0, 300, "under_25"),
        (300, 300, "60_100"),
    ],
)
def test_bands_are_exact_and_sixty_and_twenty_five_belong_to_the_higher(
    present: int, reported: int, expected: str
) -> None:
    assert band(present, reported) == expected


def test_a_closed_day_of_which_nothing_was_told_is_full_presence() -> None:
    found = judge(told(lambda _, day: day < START), TERM, start=START, until=LAST)
    assert (found.before.present, found.before.reported) == (0, 20 * 300)
    assert (found.after.present, found.after.days) == (20 * 300, 20)
    assert (found.change, found.direction) == (1.0, "higher")
    assert found.before.band == "under_25"
    assert found.after.band == "60_100"


def test_periods_are_twenty_school_days_and_skip_lov_and_weekends() -> None:
    found = judge(told(lambda n, _: n % 5 == 0), TERM, start=START, until=date(2026, 11, 20))
    days = school_days()
    where = days.index(START)
    assert (found.before.first, found.before.last) == (days[where - 20], days[where - 1])
    # 19 October to 20 November is five weeks, one of them höstlov.
    assert (found.after.first, found.after.last) == (START, date(2026, 11, 20))
    assert found.after.days == 20


def test_unreported_time_is_neither_present_nor_absent() -> None:
    known = told(lambda _, day: day < START)
    for day in school_days(START, LAST)[-20:]:
        known[day] = Day(day, 300, 200, 100)
    found = judge(known, TERM, start=START, until=LAST)
    assert (found.after.present, found.after.reported, found.after.offered) == (2000, 4000, 6000)


def test_too_little_is_said_and_has_no_interval() -> None:
    few = judge(told(lambda _, day: day < START), TERM, start=START, until=date(2026, 10, 27))
    assert few.after.days == 7
    assert (few.direction, few.change, few.after.limits, few.after.band) == (
        "too_little",
        None,
        None,
        None,
    )
    enough = judge(told(lambda _, day: day < START), TERM, start=START, until=date(2026, 10, 28))
    assert enough.direction == "higher"
    blind = {day: Day(day, 300, 120, 0) for day in school_days()}
    assert judge(blind, TERM, start=START, until=LAST).direction == "too_little"


def test_what_was_before_the_pupil_came_is_unknown_and_not_full_presence() -> None:
    arrived = date(2026, 10, 12)
    found = judge({}, TERM, start=START, until=LAST, since=arrived)
    assert found.before.days == 5
    assert found.direction == "too_little"


def test_the_same_share_in_runs_is_less_sure_than_spread_out() -> None:
    spread = recent(told(lambda n, _: n % 2), TERM, until=LAST)
    runs = recent(told(lambda n, _: n // 10 % 2), TERM, until=LAST)
    assert spread.limits is not None
    assert runs.limits is not None
    assert spread.limits[1] == pytest.approx(runs.limits[1], abs=0.05)
    assert runs.limits[2] - runs.limits[0] > 1.5 * (spread.limits[2] - spread.limits[0])


def test_a_change_within_what_chance_does_is_called_unclear() -> None:
    found = judge(
        told(lambda n, day: n % (3 if day < START else 4) == 0), TERM, start=START, until=LAST
    )
    assert found.direction == "unclear"
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0 < found.high


def simulated(source: random.Random, away: float, stays: float, *, part: bool) -> Effect:
    """A pupil whose days are a Markov chain with no change at all."""
    falls = (1 - stays) * away / (1 - away)
    state = source.random() < away
    known = {}
    for day in school_days():
        share = (source.random() if part else 1.0) if state else 0.0
        known[day] = Day(day, 10_000, 10_000, round(share * 10_000))
        state = source.random() < (stays if state else falls)
    return judge(known, TERM, start=START, until=LAST)


@pytest.mark.parametrize(
    ("away", "stays", "part"),
    [(0.1, 0.1, False), (0.2, 0.5, True), (0.3, 0.6, False), (0.4, 0.8, False), (0.6, 0.85, True)],
)
def test_the_intervals_hold_the_truth_as_often_as_they_say(
    away: float, stays: float, part: bool
) -> None:
    source = random.Random(20261126)
    truth = 1 - away * (0.5 if part else 1)
    runs = [simulated(source, away, stays, part=part) for _ in range(300)]
    held = [r.after.limits[0] <= truth <= r.after.limits[2] for r in runs if r.after.limits]
    same = [r.low <= 0 <= r.high for r in runs if r.low is not None and r.high is not None]
    assert len(held) == len(same) == 300
    # 95 % less three standard errors of 300 runs, and what the docstring owns to.
    assert sum(held) / 300 >= 0.88
    assert sum(same) / 300 >= 0.90
    # An interval of everything would hold the truth, too.
    wide = [r.after.limits[2] - r.after.limits[0] for r in runs if r.after.limits]
    assert sum(wide) / 300 < 0.75


def test_beta_quantiles_agree_with_known_ones() -> None:
    # Uniform, the arcsine law, and the rule of three.
    assert beta.quantile(0.3, 1, 1) == pytest.approx(0.3)
    assert beta.cumulative(0.5, 0.5, 0.5) == pytest.approx(0.5)
    assert beta.quantile(0.95, 1, 59) == pytest.approx(1 - 0.05 ** (1 / 59))
    assert beta.cumulative(0.2, 3, 5) == pytest.approx(0.148032, abs=1e-6)
