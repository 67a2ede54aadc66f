"""Changes, rules bound to the calendar, and what notices tell, at their edges."""

from __future__ import annotations

import pytest

from forvarning.facts.v1 import facts_pb2 as f
from services.ews.core import calendar
from services.ews.core.profile import ProfileError, parse_profile
from services.ews.core.rule import ESCALATION
from tests.trial import TRIAL_ID
from tests.unit.ews.facts import School, day, weekdays
from tests.unit.ews.harness import Harness
from tests.unit.ews.toml import profile, rule


def told_by(rule_told: str, *others: str) -> bytes:
    """A profile with one rule of escalation, its keys and values told."""
    return profile(rule("eskalering", rule_told), *others, profile_id=TRIAL_ID)


CHANGE = (
    'metric = "total"\nmeasure = "change"\nwindow = { school_days = 2 }\nthreshold = 2\n'
    "prior_share = 10\nprior_minutes = 240\n"
)


def started(rule_told: str, *others: str) -> tuple[Harness, School]:
    content = told_by(rule_told, *others)
    harness, school = Harness([(TRIAL_ID, 1, content)]), School()
    harness.apply(school.profile(content), school.placement(1))
    return harness, school


def raised(harness: Harness) -> list[int]:
    return [one.raised_day for event in harness.snapshots() for one in event.episodes]


@pytest.mark.parametrize(("letters", "fires"), [("vv..", True), ("v...", False)])
def test_a_change_on_the_threshold_fires_and_one_below_it_does_not(
    letters: str, fires: bool
) -> None:
    # Eight days present: (0 + 24) / (1920 + 240) = 1/90; 2 days of 240 minutes follow.
    harness, school = started(CHANGE.replace("threshold = 2", "threshold = 22.5"))
    days = weekdays(10)
    for at in days[:8]:
        harness.told(*school.school_day(at, [1]))
    # 120 of 480 minutes is 1/4, 22.5 times 1/90; half of it is below.
    harness.told(*school.school_day(days[8], [1]))
    harness.told(*school.school_day(days[9], [1], {1: letters}))
    assert bool(raised(harness)) is fires
    if fires:
        [event] = harness.snapshots()
        [one] = event.episodes
        assert one.figures.value == 22.5
        assert (one.figures.baseline_reported, one.figures.baseline_absent) == (1920, 0)
        assert one.sentence.startswith("Frånvaron har ökat: 25 % av undervisningstiden")
        assert "mot 0 % tidigare under läsåret" in one.sentence


def test_without_a_baseline_of_ones_own_nothing_is_compared() -> None:
    harness, school = started(CHANGE)
    for at in weekdays(2):
        harness.told(*school.school_day(at, [1], {1: "v"}))
    assert raised(harness) == []


MONTH = (
    'metric = "total"\nmeasure = "days"\nwindow = "calendar_month"\njudged = "month_end"\n'
    "threshold = 2\n"
)


def test_a_month_that_ends_on_a_saturday_is_judged_on_the_monday_after() -> None:
    harness, school = started(MONTH)
    days = weekdays(4, day(2026, 10, 29))  # Thursday, Friday, Monday, Tuesday
    for at in days[:2]:
        harness.told(*school.school_day(at, [1], {1: "v"}))
    assert raised(harness) == []
    harness.told(*school.school_day(days[2], [1]))
    assert raised(harness) == [days[2]]
    [event] = harness.snapshots()
    assert event.episodes[0].figures.window_last_day == days[1]
    # What a late fact changes before the date takes the warning back.
    harness.told(*school.school_day(days[1], [1], close=False))
    assert [one.state for event in harness.snapshots() for one in event.episodes] == [3]


def test_two_dates_before_one_school_day_are_both_judged() -> None:
    harness, school = started(
        'metric = "total"\nmeasure = "days"\nwindow = "calendar_month"\n'
        'judged = ["10-31", "11-02"]\nthreshold = 1\n'
    )
    harness.told(*school.school_day(day(2026, 10, 30), [1], {1: "v"}))
    harness.told(*school.school_day(day(2026, 11, 2), [1]))
    assert raised(harness) == [day(2026, 11, 2)]
    [event] = harness.snapshots()
    assert event.episodes[0].figures.window_last_day == day(2026, 10, 30)


LEAVE = 'measure = "leave_days"\nwindow = "school_year"\nthreshold = 2\n'


def test_a_late_notice_about_days_without_lessons_is_decided_on_at_once() -> None:
    harness, school = started(LEAVE)
    days = weekdays(3, day(2026, 10, 22))  # Thursday, Friday; then the clocks change; Monday
    harness.told(*school.school_day(days[0], [1]))
    harness.told(school.closed(days[1]), school.closed(days[2]))
    first, after = (calendar.local_midnight(at) for at in (days[1], days[2] + 1))
    leave = f.NOTICE_KIND_LEAVE
    harness.told(school.notice(1, first, after, kind=leave))
    assert raised(harness) == [days[2]]
    harness.told(school.notice(1, first, after, kind=leave, deleted=True))
    assert [one.state for event in harness.snapshots() for one in event.episodes] == [3]


@pytest.mark.parametrize(("days_of_leave", "fires"), [(10, False), (11, True)])
def test_leave_of_more_than_ten_school_days_in_a_school_year_is_told(
    days_of_leave: int, *, fires: bool
) -> None:
    """The principal's own may be ten (skollagen 7 kap. 18 §); days without lessons are none."""
    harness, school = started(
        'measure = "leave_days"\nwindow = "school_year"\ncomparator = ">"\nthreshold = 10\n'
    )
    autumn, spring = weekdays(5, day(2026, 10, 28)), weekdays(days_of_leave - 5, day(2027, 3, 1))
    for number, some in enumerate((autumn, spring)):
        first, after = calendar.local_midnight(some[0]), calendar.local_midnight(some[-1] + 1)
        harness.apply(school.notice(1, first, after, number, kind=f.NOTICE_KIND_LEAVE))
    for at in (*autumn, *weekdays(12, day(2027, 3, 1))):
        harness.apply(*school.school_day(at, [1]))
    harness.collect()
    assert raised(harness) == ([spring[-1]] if fires else [])
    if fires:
        [event] = harness.snapshots()
        assert event.episodes[0].sentence.startswith("Beviljad ledighet 11 skoldagar under läsåret")


def test_the_first_report_from_another_account_than_three_others_is_unusual() -> None:
    harness, school = started(
        'measure = "unusual_reports"\nwindow = { school_days = 20 }\nthreshold = 1\n'
    )
    days = weekdays(6)
    for number, at in enumerate(days):
        start = calendar.local_instant(at, 480)
        account = {3: 2, 4: 0}.get(number, 1)
        harness.apply(school.notice(1, start, start + 3600, number, account=account))
        harness.told(*school.school_day(at, [1]))
    assert raised(harness) == [days[3]]
    [event] = harness.snapshots()
    assert event.episodes[0].sentence.startswith("En frånvaroanmälan har gjorts på ett annat sätt")


BOTH = (
    rule(
        "strofranvaro",
        'id = "s"; metric = "total"; measure = "occasions"; window = { school_days = 10 }; '
        "threshold = 2",
    ),
    rule("langvarig", 'id = "l"; level = 2; metric = "total"; measure = "run_days"; threshold = 3'),
)
TURNING = 'measure = "turning"\nfrom = "strofranvaro"\ninto = "langvarig"\n'


@pytest.mark.parametrize(("gap", "turns"), [(1, True), (25, False)])
def test_sporadic_absence_turns_into_a_run_within_the_window_only(gap: int, turns: bool) -> None:
    harness, school = started(TURNING + "window = { school_days = 10 }\nthreshold = 2\n", *BOTH)
    days = weekdays(4 + gap + 3)
    letters = ["v...", "....", "v...", "...."] + ["...."] * gap + ["vvvv"] * 3
    for at, one in zip(days, letters, strict=True):
        harness.told(*school.school_day(at, [1], {1: one}))
    told = [event for event in harness.snapshots() if event.family == ESCALATION]
    assert [one.raised_day for event in told for one in event.episodes] == [days[-1]] * turns
    for event in told:
        assert event.episodes[0].figures.value == 2
        assert event.episodes[0].sentence.startswith("Spridd frånvaro har övergått i samman")


@pytest.mark.parametrize(
    ("told", "field"),
    [
        (CHANGE.replace("prior_share = 10\n", ""), "prior_share"),
        (CHANGE.replace("prior_minutes = 240", "prior_minutes = 241"), "prior_share"),
        (CHANGE.replace("{ school_days = 2 }", '"school_year"'), "window"),
        (CHANGE + 'judged = ["02-29"]\n', "judged"),
        (CHANGE + "judged = []\n", "judged"),
        (LEAVE + "min_absence_days = 2\n", "min_absence_days"),
        (LEAVE + "prior_minutes = 2\n", "prior_minutes"),
        (TURNING + 'window = "term"\nthreshold = 2\n', "from"),
        (TURNING + 'window = "term"\nthreshold = 2\ninto_rules = ["x"]\n', "into_rules"),
        (TURNING.replace("langvarig", "ogiltig_idag") + 'window = "term"\nthreshold = 2\n', "into"),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(told: str, field: str) -> None:
    with pytest.raises(ProfileError) as refused:
        parse_profile(told_by(told, *(BOTH if field == "into_rules" else ())))
    assert refused.value.field == f"signals.eskalering.rules.{field}"
    assert refused.value.line > 0
