"""Which days and lessons count: cancelled, free, reopened, unreported, moved, other years."""

from __future__ import annotations

import pytest

from forvarning.facts.v1 import facts_pb2 as f
from forvarning.warnings.v1 import warnings_pb2 as w
from tests.trial import TRIAL, TRIAL_ID
from tests.unit.ews.facts import (
    ORGANISER,
    OTHER_UNIT,
    START,
    UNIT,
    School,
    day,
    name,
    weekdays,
)
from tests.unit.ews.harness import Harness
from tests.unit.ews.test_lifecycle import LONG, RAISED, TODAY, WITHDRAWN, kinds, run


@pytest.fixture
def school() -> School:
    return School()


@pytest.fixture
def harness(school: School) -> Harness:
    harness = Harness([(TRIAL_ID, 1, TRIAL)])
    harness.apply(school.profile(), school.placement(0), school.placement(1))
    return harness


def long_term(harness: Harness) -> list[w.Episode]:
    return [
        episode
        for event in harness.snapshots()
        if event.family == LONG
        for episode in event.episodes
        if episode.state != w.EPISODE_STATE_WITHDRAWN
    ]


def test_a_day_with_nothing_reported_neither_counts_nor_breaks(
    harness: Harness, school: School
) -> None:
    told = run(harness, school, "vv-vv-v")
    assert [(i, kinds(e)) for i, e in told] == [(6, [RAISED])]
    assert told[0][1].episodes[0].figures.run_days == 5
    assert told[0][1].episodes[0].figures.reporting_rate_known


def test_one_reported_present_lesson_breaks_the_run(harness: Harness, school: School) -> None:
    days = weekdays(6)
    for i, at in enumerate(days):
        absent = {0: "vvv." if i == 2 else "v"}
        harness.apply(*school.school_day(at, [0, 1], absent))
    assert harness.told() == []


def test_attendance_elsewhere_is_presence(harness: Harness, school: School) -> None:
    run(harness, school, "vvvvv")
    elevrad = school.register(weekdays(3)[2], 490, {0: (0, 0, 60)})
    (event,) = harness.told(elevrad)
    assert kinds(event) == [WITHDRAWN]


def test_a_cancelled_lesson_is_neither_offered_nor_absent(harness: Harness, school: School) -> None:
    run(harness, school, "vvvvv")
    # All lessons of one day are cancelled: nothing was held, so the run is four days.
    facts = [
        school.register(weekdays(3)[2], start, {0: (0,), 1: (0,)}, state=f.LESSON_STATE_CANCELLED)
        for start in (490, 560, 640, 780)
    ]
    (event,) = harness.told(*facts)
    assert kinds(event) == [WITHDRAWN]
    day_after = school.school_day(weekdays(6)[5], [0, 1], {0: "v"})
    (event,) = harness.told(*day_after)
    assert kinds(event) == [RAISED]
    assert event.episodes[-1].figures.offered == 5 * 4 * 60


def test_a_free_day_neither_counts_nor_breaks(harness: Harness, school: School) -> None:
    days = weekdays(6)
    for i, at in enumerate(days):
        harness.apply(*school.school_day(at, [0, 1], {0: "v"}, close=i != 2))
    harness.apply(school.closed(days[2], f.DAY_KIND_FREE))
    (event,) = harness.told()
    assert event.episodes[0].raised_day == days[5]


def test_a_reopened_day_is_judged_again_when_it_is_closed(harness: Harness, school: School) -> None:
    run(harness, school, "vvvvv")
    last = weekdays(5)[4]
    (event,) = harness.told(school.closed(last, f.DAY_KIND_REOPENED))
    assert kinds(event) == [WITHDRAWN]
    (event,) = harness.told(school.closed(last))
    assert kinds(event) == [RAISED]
    assert [e.state for e in event.episodes] == [w.EPISODE_STATE_WITHDRAWN, w.EPISODE_STATE_ACTIVE]


def test_nothing_is_judged_before_the_day_is_closed(harness: Harness, school: School) -> None:
    for at in weekdays(5):
        harness.apply(*school.school_day(at, [0, 1], {0: "v"}, close=False))
    assert harness.told() == []
    assert harness.told(*(school.closed(at) for at in weekdays(4))) == []
    (event,) = harness.told(school.closed(weekdays(5)[4]))
    assert kinds(event) == [RAISED]


def test_a_pupil_who_changes_unit_keeps_the_run(harness: Harness, school: School) -> None:
    days = weekdays(6)
    harness.apply(
        school.placement(0, first=START, after=days[3]),
        school.placement(0, first=days[3], unit=OTHER_UNIT, number=1),
    )
    for i, at in enumerate(days):
        unit = UNIT if i < 3 else OTHER_UNIT
        harness.apply(*school.school_day(at, [0], {0: "v"}, unit=unit))
    (event,) = harness.told()
    assert event.episodes[0].raised_day == days[4]
    assert event.school_unit_id == OTHER_UNIT


def test_two_units_that_report_the_same_day_are_both_counted(
    harness: Harness, school: School
) -> None:
    run(harness, school, "vvvvv")
    there = school.register(weekdays(5)[4], 900, {0: (0,)}, unit=OTHER_UNIT)
    (event,) = harness.told(there)
    assert kinds(event) == [WITHDRAWN]


def test_a_late_placement_changes_nothing_that_lessons_had_told(school: School) -> None:
    early = Harness([(TRIAL_ID, 1, TRIAL)])
    early.apply(school.profile())
    run(early, school, "vvvvv..")
    before = long_term(early)
    assert len(before) == 1
    assert early.told(school.placement(0)) == []
    assert long_term(early) == before


def test_days_outside_the_membership_use_the_lessons_unit(school: School) -> None:
    harness = Harness([(TRIAL_ID, 1, TRIAL)])
    days = weekdays(6)
    harness.apply(school.profile(), school.placement(0, first=days[3]))
    run(harness, school, "vvvvv.")
    assert long_term(harness)[0].raised_day == days[4]


def test_a_share_waits_for_membership(harness: Harness, school: School) -> None:
    # Four occasions on three days, 30 per cent: not judged before the tenth school day,
    # which without a Wave is judged when the next one is closed.
    told = [i for i, e in run(harness, school, "v.v.v......") if e.family == w.FAMILY_SPORADIC]
    assert told == [10]
    (event,) = [one for one in harness.snapshots() if one.family == w.FAMILY_SPORADIC]
    assert event.episodes[0].raised_day == weekdays(10)[9]


def test_a_new_school_year_is_a_new_thread_and_a_new_run(school: School) -> None:
    harness = Harness([(TRIAL_ID, 1, TRIAL)])
    harness.apply(
        school.profile(),
        school.placement(0),
        school.placement(0, number=1, first=day(2027, 7, 1), school_year=2027),
    )
    june = range(day(2027, 6, 26), day(2027, 7, 8))
    for at in june:
        harness.apply(*school.school_day(at, [0], {0: "v"}))
    harness.collect()
    years = sorted((e.school_year, e.episodes[0].raised_day) for e in harness.snapshots())
    assert years == [(2026, day(2027, 6, 30)), (2027, day(2027, 7, 5))]
    assert len({e.thread_id for e in harness.snapshots()}) == 2


@pytest.mark.parametrize(
    ("month", "number", "offset_hours"),
    [(10, 24, 2), (10, 25, 1), (10, 26, 1), (3, 27, 1), (3, 28, 2), (3, 29, 2)],
)
def test_notices_meet_lessons_in_local_time_on_days_that_clocks_change(
    harness: Harness, school: School, month: int, number: int, offset_hours: int
) -> None:
    at = day(2026 if month == 10 else 2027, month, number)
    lesson = at * 86_400 + (490 - 60 * offset_hours) * 60
    harness.apply(school.register(at, 490, {0: (0, 60)}))
    harness.apply(school.notice(0, lesson, lesson + 50 * 60))
    harness.apply(school.notice(0, lesson + 3_600, lesson + 7_200, number=1))
    harness.collect()
    # Ten minutes stay unexcused, fewer than the profile's fifteen.
    assert [e for e in harness.snapshots() if e.family == TODAY] == []
    harness.told(school.notice(0, lesson, lesson + 40 * 60))
    (event,) = [e for e in harness.snapshots() if e.family == TODAY]
    assert event.episodes[0].figures.valid == 40
    assert event.episodes[0].figures.invalid_unexplained == 20


def test_low_reporting_is_not_judged_by_share(school: School) -> None:
    harness = Harness([(TRIAL_ID, 1, TRIAL)])
    harness.apply(school.profile(), school.placement(0), school.placement(1))
    # Three lessons of four are never reported: 25 per cent, below the rule's 50.
    for i, at in enumerate(weekdays(20)):
        letters = "v---" if i % 3 == 0 else ".---"
        harness.apply(*school.school_day(at, [0, 1], {0: letters, 1: letters}))
    harness.collect()
    rules = {e.episodes[0].rule_id for e in harness.snapshots()}
    assert rules <= {"strofranvaro-tillfallen"}


def test_unknown_timetable_means_unknown_reporting_rate(harness: Harness, school: School) -> None:
    ((_, event),) = run(harness, school, "vvvvv")
    assert not event.episodes[0].figures.reporting_rate_known
    scheduled = school.register(
        weekdays(5)[4], 860, {0: (0, 0, 0, 0), 1: (0, 0, 0, 0)}, state=f.LESSON_STATE_SCHEDULED
    )
    (event,) = harness.told(scheduled)
    assert event.episodes[0].figures.reporting_rate_known
    assert event.episodes[0].figures.offered == 21 * 60
    assert event.episodes[0].figures.reported == 20 * 60


def test_no_profile_no_warning(school: School) -> None:
    harness = Harness([(TRIAL_ID, 1, TRIAL)])
    harness.apply(school.placement(0))
    assert run(harness, school, "vvvvvii") == []
    told = harness.told(school.profile())
    assert {e.family for e in told} == {LONG, TODAY}


def test_a_profile_for_a_unit_goes_before_the_general_one(school: School) -> None:
    only_today = (
        TRIAL[: TRIAL.index(b"[signals.strofranvaro]")].replace(
            b'id = "provprofil"', b'id = "egen"'
        )
        + TRIAL[TRIAL.index(b"[signals.ogiltig_idag]") :]
    )
    harness = Harness([(TRIAL_ID, 1, TRIAL), ("egen", 1, only_today)])
    harness.apply(
        school.profile(),
        school.profile(only_today, profile_id="egen", units=[UNIT]),
        school.placement(0),
    )
    told = run(harness, school, "vvvvvvi")
    assert {e.family for _, e in told} == {TODAY}
    assert told[0][1].episodes[0].profile_id == "egen"


def test_another_organisers_facts_do_not_touch(harness: Harness, school: School) -> None:
    """The same home, bucket, pupil and unit under another organiser are another's."""
    other = School(organiser=name(2, "organiser"))
    for i, at in enumerate(weekdays(5)):
        harness.apply(*school.school_day(at, [0], {0: "v"}, close=False))
        harness.apply(other.closed(at))
        if i == 4:
            harness.apply(other.profile())
    assert harness.told() == []
    for at in weekdays(5):
        harness.apply(school.closed(at))
    (event,) = harness.told()
    assert event.organiser_id == ORGANISER
