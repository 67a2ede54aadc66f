"""A pupil who moves, two units that report, facts that come late, a profile that changes."""

from __future__ import annotations

from forvarning.facts.v1 import facts_pb2 as f
from forvarning.warnings.v1 import warnings_pb2 as w
from tests.trial import TRIAL, TRIAL_ID
from tests.unit.ews.facts import OTHER_UNIT, UNIT, School, day, weekdays
from tests.unit.ews.harness import Harness

LATER = TRIAL.replace(b"version = 1", b"version = 2", 1)


def started() -> tuple[Harness, School]:
    harness = Harness([(TRIAL_ID, 1, TRIAL), (TRIAL_ID, 2, LATER)])
    school = School()
    harness.apply(school.profile(), school.placement(1))
    return harness, school


def long_term(harness: Harness) -> list[w.Episode]:
    [event] = [one for one in harness.snapshots() if one.family == w.FAMILY_LONG_TERM]
    return list(event.episodes)


def test_a_pupil_who_changes_unit_keeps_the_run_also_when_the_placement_comes_late() -> None:
    harness, school = started()
    days = weekdays(5)
    for at in days[:3]:
        harness.told(*school.school_day(at, [1], {1: "v"}))
    for at in days[3:]:
        harness.told(*school.school_day(at, [1], {1: "v"}, unit=OTHER_UNIT))
    assert not [one for one in harness.snapshots() if one.family == w.FAMILY_LONG_TERM]
    harness.told(
        school.placement(1, after=days[3]), school.placement(1, days[3], unit=OTHER_UNIT, number=1)
    )
    assert [one.raised_day for one in long_term(harness)] == [days[4]]


def test_a_late_placement_is_told_of_a_day_whose_lessons_were_taken_back() -> None:
    """Else the day is told anew whenever the state is rebuilt."""
    harness, school = started()
    [at] = weekdays(1)
    harness.told(*school.school_day(at, [1, 2], {2: "v"}))
    for start in (490, 560, 640, 780):
        harness.told(school.register(at, start, {1: (0,), 2: (0,)}, state=f.LESSON_STATE_CANCELLED))
    harness.told(school.placement(2))
    [told] = map(w.AbsenceDay.FromString, harness.absence.values())
    assert (told.lessons, told.school_unit_id) == (0, UNIT)
    harness.lose()


def test_presence_reported_by_another_unit_the_same_day_counts() -> None:
    harness, school = started()
    days = weekdays(5)
    for at in days:
        harness.told(*school.school_day(at, [1], {1: "v"}))
    assert len(long_term(harness)) == 1
    harness.told(school.register(days[2], 850, {1: (0,)}, unit=OTHER_UNIT))
    assert [one.state for one in long_term(harness)] == [w.EPISODE_STATE_WITHDRAWN]


def test_a_fact_about_august_is_taken_in_june() -> None:
    harness, school = started()
    days = weekdays(5)
    for at in [*days, day(2027, 6, 10)]:
        harness.told(*school.school_day(at, [1]))
    for at in days:
        harness.told(*school.school_day(at, [1], {1: "v"}, close=False))
    assert [one.raised_day for one in long_term(harness)] == [days[4]]


def test_an_open_episode_says_under_which_version_it_lives() -> None:
    harness, school = started()
    days = weekdays(10)
    harness.apply(school.profile(LATER, version=2, valid_from=days[7]))
    for at in days[:9]:
        harness.told(*school.school_day(at, [1], {1: "v"}))
    assert [(one.level, one.profile_version) for one in long_term(harness)] == [(1, 1)]
    harness.told(*school.school_day(days[9], [1], {1: "v"}))
    assert [(one.level, one.profile_version) for one in long_term(harness)] == [(2, 2)]


def test_nothing_rests_because_no_message_came() -> None:
    harness, school = started()
    days = weekdays(20)
    for at in days[:5]:
        harness.told(*school.school_day(at, [1], {1: "v"}))
    for at in days[5:]:
        assert not harness.told(school.closed(at))
    assert [one.state for one in long_term(harness)] == [w.EPISODE_STATE_ACTIVE]
