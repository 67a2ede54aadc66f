"""What begins at the same minute has no order: neither ids nor arrival decide anything."""

from __future__ import annotations

from itertools import permutations

import pytest

from services.ews.core import calendar
from tests.unit.ews.facts import REPORTED, School, name, weekdays
from tests.unit.ews.harness import Harness
from tests.unit.ews.toml import profile, rule

HERE, AWAY, UNSAID = (0, 0, 0, REPORTED, 60), (0, 60, 0, REPORTED, 60), (0, 0, 0, 0, 60)
OCCASIONS = profile(
    rule(
        "strofranvaro",
        'metric = "total"; measure = "occasions"; window = { school_days = 5 }; threshold = 1',
    )
)
DAYS = profile(
    rule(
        "strofranvaro",
        'metric = "total"; measure = "days"; window = { school_days = 5 }; threshold = 2',
    )
)
REPORTS = profile(
    rule("eskalering", 'measure = "unusual_reports"; window = "school_year"; threshold = 1')
)


@pytest.mark.parametrize(
    ("lessons", "occasions"),
    [
        # A lesson is a start and a mark; the day before and after are one lesson each.
        (((480, AWAY), (600, AWAY), (600, HERE), (720, AWAY)), 1),
        (((480, AWAY), (600, HERE), (600, HERE), (720, AWAY)), 2),
        (((480, HERE), (600, AWAY), (600, HERE), (720, HERE)), 1),
        (((480, HERE), (600, AWAY), (600, HERE), (600, AWAY)), 1),
        (((480, AWAY), (600, UNSAID), (600, HERE), (720, AWAY)), 2),
        (((480, AWAY), (600, UNSAID), (600, UNSAID), (720, AWAY)), 1),
    ],
)
def test_lessons_at_once_are_one_whatever_they_are_called(
    lessons: tuple[tuple[int, tuple[int, ...]], ...], occasions: int
) -> None:
    at = weekdays(1)[0]
    for names in permutations(range(4)):
        harness, school = Harness([("prov", 1, OCCASIONS)]), School()
        # Another bucket of the same day, whose lessons are all apart, is added up with it.
        beside = School(bucket=1)
        harness.apply(school.profile(OCCASIONS, profile_id="prov"))
        harness.apply(school.placement(0), beside.placement(1))
        for (start, mark), number in zip(lessons, names, strict=True):
            lesson = name(number, "lesson")
            harness.apply(school.register(at, start, {0: mark, 2: HERE}, lesson=lesson))
        for start, mark in ((480, AWAY), (540, HERE), (600, AWAY), (660, HERE)):
            harness.apply(beside.register(at, start, {1: mark}))
        harness.told(school.closed(at))
        found = {event.pupil_id: event.episodes[0] for event in harness.snapshots()}
        assert found[name(0, "pupil")].figures.absence_occasions == occasions
        assert found[name(1, "pupil")].figures.absence_occasions == 2
        assert name(2, "pupil") not in found


def test_an_edge_of_the_day_is_absent_where_one_of_its_lessons_is() -> None:
    """Absence that goes on over the night is one occasion, whichever lesson comes first."""
    for last, first in ((0, 1), (1, 0)):
        harness, school = Harness([("prov", 1, DAYS)]), School()
        harness.apply(school.profile(DAYS, profile_id="prov"), school.placement(0))
        for day, start in zip(weekdays(2), (840, 480), strict=True):
            for number, mark in ((last, AWAY), (first, HERE)):
                lesson = name(number, f"lesson{day}")
                harness.apply(school.register(day, start, {0: mark}, lesson=lesson))
            harness.told(school.closed(day))
        [event] = harness.snapshots()
        assert event.episodes[0].figures.absence_occasions == 1
        assert event.episodes[0].figures.absence_days == 2


@pytest.mark.parametrize("numbers", [(2, 3), (3, 2)])
def test_of_two_reports_at_once_none_is_earlier(numbers: tuple[int, int]) -> None:
    # Two reports from account 1, then one each from 1 and 2 for the same minute: were the
    # first of them earlier than the second, that one's account would be new after three.
    harness, school = Harness([("prov", 1, REPORTS)]), School()
    harness.apply(school.profile(REPORTS, profile_id="prov"), school.placement(0))
    days = weekdays(3)
    starts = [calendar.local_instant(at, 480) for at in days]
    for number, start in enumerate(starts[:2]):
        harness.apply(school.notice(0, start, start + 3600, number, account=1))
    for number, account in zip(numbers, (1, 2), strict=True):
        harness.apply(school.notice(0, starts[2], starts[2] + 3600, number, account=account))
    for at in days:
        harness.told(*school.school_day(at, [0]))
    assert harness.snapshots() == []
