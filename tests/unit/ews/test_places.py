"""Where a pupil belongs on a day on which no placement says it: where its lessons are."""

from __future__ import annotations

import itertools

import pytest

from forvarning.facts.v1 import facts_pb2 as f
from forvarning.warnings.v1.warnings_pb2 import AbsenceDay
from services.ews.core.profile import FAMILIES
from tests.trial import TRIAL, TRIAL_ID
from tests.unit.ews.facts import HOME, REPORTED, START, School, name, weekdays
from tests.unit.ews.harness import Harness

CONTENTS = [(TRIAL_ID, 1, TRIAL)]
TODAY = FAMILIES["ogiltig_idag"]
A, B = sorted((name(7, "unit"), name(8, "unit")))
"""Two units that are not the home, in the order of their identifiers."""
ABSENT = (0, 60, 0, REPORTED, 60)


def lesson(school: School, start: int, unit: bytes, minutes: int = 60, number: int = 0) -> bytes:
    return school.register(
        START,
        start,
        {1: (0, minutes, 0, REPORTED, minutes)},
        length=minutes,
        unit=unit,
        lesson=name(10 * start + number, "lesson"),
    )


def told(facts: list[bytes]) -> tuple[bytes, bytes]:
    """The unit that the day's warning and the day's absence are told of."""
    harness = Harness(CONTENTS)
    harness.apply(*facts)
    harness.collect()
    (event,) = (one for one in harness.snapshots() if one.family == TODAY)
    (day,) = map(AbsenceDay.FromString, harness.absence.values())
    return event.school_unit_id, day.school_unit_id


@pytest.mark.parametrize(
    ("lessons", "unit"),
    [
        # Most of the day, however early the others begin and whosever they are.
        ([(480, HOME, 60), (600, B, 40), (700, B, 40)], B),
        ([(480, A, 30), (600, B, 40)], B),
        ([(480, B, 41), (600, A, 40)], B),
        # As much at home as elsewhere: at home.
        ([(480, A, 60), (600, HOME, 60)], HOME),
        ([(480, B, 60), (600, HOME, 30), (700, HOME, 30)], HOME),
        # As much in two units, none the home: where the day begins.
        ([(480, B, 60), (600, A, 60)], B),
        ([(480, A, 60), (600, B, 60)], A),
        ([(480, B, 30), (500, A, 60), (700, B, 30)], B),
    ],
)
def test_it_is_where_most_of_the_day_is_then_home_then_where_it_begins(
    lessons: list[tuple[int, bytes, int]], unit: bytes
) -> None:
    for order in itertools.permutations(lessons):
        school = School()
        facts = [school.profile()]
        facts.extend(lesson(school, start, where, minutes) for start, where, minutes in order)
        # Each of the units closes the day, so that the absence is told whichever it is.
        facts.extend(school.closed(START, unit=one) for one in (HOME, A, B))
        assert told(facts) == (unit, unit)


def test_only_lessons_that_count_are_weighed() -> None:
    school = School()
    facts = [
        school.profile(),
        school.closed(START, unit=A),
        school.closed(START, unit=B),
        lesson(school, 480, A, 45),
        school.register(START, 600, {1: ABSENT}, unit=B, state=f.LESSON_STATE_CANCELLED),
        school.register(START, 700, {1: (0, 60, 0, REPORTED | 8, 60)}, unit=B),
        school.register(START, 800, {2: ABSENT}, unit=B),
        lesson(school, 900, B, 40),
    ]
    harness = Harness(CONTENTS)
    harness.apply(*facts)
    harness.collect()
    days = {one.pupil_id: one for one in map(AbsenceDay.FromString, harness.absence.values())}
    assert days[name(1, "pupil")].school_unit_id == A
    assert days[name(2, "pupil")].school_unit_id == B


def test_a_correction_that_moves_minutes_moves_the_pupil_though_the_sums_stay() -> None:
    school = School()
    harness = Harness(CONTENTS)
    harness.apply(
        school.profile(),
        lesson(school, 480, A, 60),
        lesson(school, 600, B, 40),
        school.closed(START, unit=A),
        school.closed(START, unit=B),
    )
    harness.collect()
    harness.restart()
    harness.apply(
        school.register(
            START, 480, {1: (0, 40, 0, 1, 40)}, unit=A, lesson=name(4800, "lesson"), length=40
        ),
        school.register(
            START, 600, {1: (0, 60, 0, 1, 60)}, unit=B, lesson=name(6000, "lesson"), length=60
        ),
    )
    harness.collect()
    (day,) = map(AbsenceDay.FromString, harness.absence.values())
    assert (day.school_unit_id, day.revision, day.invalid_unexplained) == (B, 2, 100)
    (event,) = harness.snapshots()
    assert event.epoch_day == START


def test_a_day_is_a_school_day_where_the_unit_it_belongs_to_closed_it_as_one() -> None:
    school = School()
    harness = Harness(CONTENTS)
    harness.apply(
        school.profile(),
        lesson(school, 480, A, 30),
        lesson(school, 600, B, 60),
        school.closed(START, unit=A),
    )
    harness.collect()
    assert not harness.absence
    harness.apply(school.closed(START, unit=B))
    harness.collect()
    (day,) = map(AbsenceDay.FromString, harness.absence.values())
    assert day.school_unit_id == B


def test_a_placement_goes_before_the_lessons() -> None:
    school = School()
    facts = [
        school.profile(),
        school.placement(1, unit=A),
        lesson(school, 480, B, 60),
        school.closed(START, unit=A),
        school.closed(START, unit=B),
    ]
    assert told(facts) == (A, A)


def test_who_comes_to_a_class_without_a_lesson_yet_is_judged_like_the_others() -> None:
    """One by one, past every size for which there was room."""
    school, harness = School(), Harness(CONTENTS)
    harness.told(school.profile(), school.placement(0))
    first, *days = weekdays(25)
    harness.told(*school.school_day(first, [0]))
    for pupil, at in enumerate(days, start=1):
        harness.told(school.placement(pupil), *school.school_day(at, [0], {0: "v"}))
    assert {one.pupil_id for one in harness.snapshots()} == {name(0, "pupil")}
