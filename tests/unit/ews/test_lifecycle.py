"""A warning's life, family by family (design D6), under the trial profile."""

from __future__ import annotations

import pytest

from forvarning.facts.v1 import facts_pb2 as f
from forvarning.warnings.v1 import warnings_pb2 as w
from services.ews.core.legal import illegal_history
from tests.trial import TRIAL, TRIAL_ID
from tests.unit.ews.facts import START, UNIT, School, name, weekdays
from tests.unit.ews.harness import Harness

RAISED, ESCALATED, AMENDED, RESOLVED, WITHDRAWN = (
    w.CHANGE_KIND_RAISED,
    w.CHANGE_KIND_ESCALATED,
    w.CHANGE_KIND_AMENDED,
    w.CHANGE_KIND_RESOLVED,
    w.CHANGE_KIND_WITHDRAWN,
)
SPORADIC, LONG, TODAY = w.FAMILY_SPORADIC, w.FAMILY_LONG_TERM, w.FAMILY_UNEXCUSED_TODAY


@pytest.fixture
def school() -> School:
    return School()


@pytest.fixture
def harness(school: School) -> Harness:
    harness = Harness([(TRIAL_ID, 1, TRIAL)])
    harness.apply(school.profile(), school.placement(0), school.placement(1))
    return harness


def run(
    harness: Harness, school: School, letters: str, first: int = START
) -> list[tuple[int, w.WarningEvent]]:
    """One school day per letter for pupil 0; (place of the day, event) as they come."""
    told: list[tuple[int, w.WarningEvent]] = []
    for i, day in enumerate(weekdays(len(letters), first)):
        facts = school.school_day(day, [0, 1], {0: letters[i]})
        told.extend((i, event) for event in harness.told(*facts))
    return told


def kinds(event: w.WarningEvent) -> list[int]:
    return [change.kind for change in event.changes]


def test_five_absent_days_in_a_row_are_long_term(harness: Harness, school: School) -> None:
    told = run(harness, school, "..vvvvv")
    assert [(i, event.family, kinds(event)) for i, event in told] == [(6, LONG, [RAISED])]
    event = told[0][1]
    (episode,) = event.episodes
    day = weekdays(7)
    assert episode.sentence == "Frånvarande hela skoldagen 5 skoldagar i rad, 19–25 augusti 2026."
    assert (episode.rule_id, episode.profile_id, episode.profile_version) == (
        "langvarig-5-dagar",
        TRIAL_ID,
        1,
    )
    assert episode.raised_day == episode.level_day == event.epoch_day == day[6]
    assert episode.figures.window_first_day == day[2]
    assert episode.figures.run_days == 5
    assert episode.figures.valid == 5 * 4 * 60
    assert len(episode.lessons) == 20
    assert episode.lessons[0].epoch_day == day[6]
    assert episode.lessons[0].start_minute == 780
    assert event.pupil_id == name(0, "pupil")
    assert event.school_unit_id == UNIT
    assert event.caused_by_unix_ms > 1_700_000_000_000


def test_it_escalates_once_per_level_and_then_is_silent(harness: Harness, school: School) -> None:
    told = [(i, kinds(e)) for i, e in run(harness, school, "v" * 30) if e.family == LONG]
    assert told == [(4, [RAISED]), (9, [ESCALATED]), (19, [ESCALATED])]


def test_it_is_resolved_after_five_days_of_presence_and_a_relapse_names_it(
    harness: Harness, school: School
) -> None:
    letters = "vvvvv" + "...v....." + "......" + "vvvvv"
    told = [(i, e) for i, e in run(harness, school, letters) if e.family == LONG]
    assert [(i, kinds(e)) for i, e in told] == [(4, [RAISED]), (13, [RESOLVED]), (24, [RAISED])]
    last = told[-1][1]
    assert [one.state for one in last.episodes] == [
        w.EPISODE_STATE_RESOLVED,
        w.EPISODE_STATE_ACTIVE,
    ]
    assert last.episodes[1].relapse_of == last.episodes[0].episode_id
    assert last.episodes[0].resolved_day == weekdays(14)[13]


def test_a_relapse_within_the_quiet_days_waits_until_they_are_over(
    harness: Harness, school: School
) -> None:
    # Resolved on the tenth day; the run reaches five on the fifteenth, day five of quiet.
    told = [
        (i, kinds(e)) for i, e in run(harness, school, "vvvvv....." + "v" * 7) if e.family == LONG
    ]
    assert told == [(4, [RAISED]), (9, [RESOLVED]), (15, [RAISED])]


def test_spread_out_absence_is_sporadic_and_not_long_term(harness: Harness, school: School) -> None:
    letters = dict.fromkeys((0, 2, 4, 6, 8), ".v..")
    told: list[tuple[int, w.WarningEvent]] = []
    for i, day in enumerate(weekdays(12)):
        facts = []
        for slot, start in enumerate((490, 560, 640, 780)):
            mark = (60,) if letters.get(i, "....")[slot] == "v" else (0,)
            facts.append(school.register(day, start, {0: mark, 1: (0,)}))
        told.extend((i, e) for e in harness.told(*facts, school.closed(day)))
    assert [(i, e.family, kinds(e)) for i, e in told] == [(8, SPORADIC, [RAISED])]
    episode = told[0][1].episodes[0]
    assert episode.rule_id == "strofranvaro-tillfallen"
    assert episode.figures.absence_occasions == 5
    assert "fem tillfällen under 5 skoldagar de senaste 9 skoldagarna" in episode.sentence


def test_one_illness_of_four_days_is_not_sporadic(harness: Harness, school: School) -> None:
    assert run(harness, school, "." * 12 + "vvvv" + "....") == []


def test_unexcused_absence_is_told_at_once_without_any_closing(
    harness: Harness, school: School
) -> None:
    (event,) = harness.told(school.register(START, 490, {0: (0, 60), 1: (0,)}))
    assert (event.family, kinds(event)) == (TODAY, [RAISED])
    assert event.episodes[0].state == w.EPISODE_STATE_ACTIVE
    assert event.episodes[0].sentence == (
        "Ogiltig eller oanmäld frånvaro 17 augusti 2026: en lektion, sammanlagt 1 timme."
    )
    # The next lesson of the day amends it; the day's closing says nothing new.
    (event,) = harness.told(school.register(START, 560, {0: (0, 60), 1: (0,)}))
    assert kinds(event) == [AMENDED]
    assert harness.told(school.closed(START)) == []
    # Another day is another episode in the same thread.
    (event,) = harness.told(school.register(START + 1, 490, {0: (0, 60)}))
    assert kinds(event) == [RAISED]
    assert len(event.episodes) == 2


def test_a_short_delay_is_no_unexcused_absence(harness: Harness, school: School) -> None:
    assert harness.told(school.register(START, 490, {0: (0, 14)})) == []


def test_an_excuse_withdraws_it_and_the_excuse_taken_back_is_a_new_episode(
    harness: Harness, school: School
) -> None:
    (raised,) = harness.told(school.register(START, 490, {0: (0, 60)}))
    start = START * 86_400
    (gone,) = harness.told(school.notice(0, start, start + 86_400))
    assert kinds(gone) == [WITHDRAWN]
    assert gone.episodes[0].state == w.EPISODE_STATE_WITHDRAWN
    assert gone.episodes[0].figures == raised.episodes[0].figures
    (back,) = harness.told(school.notice(0, start, start + 86_400, deleted=True))
    assert kinds(back) == [RAISED]
    assert [one.state for one in back.episodes] == [
        w.EPISODE_STATE_WITHDRAWN,
        w.EPISODE_STATE_ACTIVE,
    ]
    assert back.episodes[0].episode_id != back.episodes[1].episode_id
    assert [e.revision for e in (raised, gone, back)] == [1, 2, 3]


def test_a_correction_that_removes_the_ground_withdraws(harness: Harness, school: School) -> None:
    run(harness, school, "vvvvv..")
    present = school.register(weekdays(5)[2], 560, {0: (0,)})
    (event,) = harness.told(present)
    assert (event.family, kinds(event)) == (LONG, [WITHDRAWN])
    assert event.epoch_day == weekdays(5)[4]
    assert harness.told() == []


def test_a_correction_of_the_figures_amends_and_keeps_the_episode(
    harness: Harness, school: School
) -> None:
    ((_, raised),) = run(harness, school, "vvvvv..")
    confirmed = school.register(weekdays(5)[2], 560, {0: (0, 60, 0, 3)})
    told = {event.family: event for event in harness.told(confirmed)}
    amended = told[LONG]
    assert kinds(amended) == [AMENDED]
    assert amended.episodes[0].episode_id == raised.episodes[0].episode_id
    assert amended.episodes[0].figures.invalid_confirmed == 60
    assert amended.epoch_day == weekdays(5)[4]
    assert kinds(told[TODAY]) == [RAISED]


def test_a_correction_after_the_level_was_reached_amends_nothing(
    harness: Harness, school: School
) -> None:
    run(harness, school, "vvvvvvvv")
    assert harness.told(school.register(weekdays(8)[6], 490, {0: (50, 0, 10)})) == []


def test_an_episode_whose_days_move_keeps_its_name(harness: Harness, school: School) -> None:
    ((_, raised),) = run(harness, school, ".vvvvvv")
    assert raised.episodes[0].raised_day == weekdays(6)[5]
    facts = [school.register(weekdays(1)[0], start, {0: (60,)}) for start in (490, 560, 640, 780)]
    (moved,) = harness.told(*facts)
    assert kinds(moved) == [AMENDED]
    assert moved.episodes[0].episode_id == raised.episodes[0].episode_id
    assert moved.episodes[0].raised_day == weekdays(5)[4]


def test_an_older_absent_mark_after_a_newer_present_one_changes_nothing(
    harness: Harness, school: School
) -> None:
    older, newer = school.version(modified=1_000), school.version(modified=2_000)
    assert harness.told(school.register(START, 490, {0: (0,)}, version=newer)) == []
    before = dict(harness.changelog)
    assert harness.told(school.register(START, 490, {0: (0, 60)}, version=older)) == []
    assert harness.changelog == before


def test_the_same_facts_again_say_nothing(harness: Harness, school: School) -> None:
    run(harness, school, "vvvvv.iii")
    log = list(harness.log)
    assert harness.told(*log) == []


def test_every_history_here_is_legal(harness: Harness, school: School) -> None:
    run(harness, school, "vvvvv.....vvvvvvvviii")
    harness.told(school.register(weekdays(5)[2], 560, {0: (0,)}))
    harness.told(school.closed(weekdays(3)[2], f.DAY_KIND_FREE))
    for events in harness.history.values():
        assert illegal_history(events) == []


def test_a_pupil_new_to_the_class_is_told_of_on_the_first_day(
    harness: Harness, school: School
) -> None:
    run(harness, school, "...")
    today = weekdays(4)[3]
    harness.told(school.register(today, 490, {0: (0,), 1: (0,)}))
    (event,) = harness.told(school.register(today, 560, {0: (0,), 9: (0, 60)}))
    assert (event.family, event.pupil_id) == (TODAY, name(9, "pupil"))


def test_a_profile_that_begins_later_may_look_at_runs_of_another_kind(school: School) -> None:
    """Its rules look back on days on which no profile asked for such runs."""
    later = TRIAL.replace(b"version = 1", b"version = 2", 1).replace(
        b'level = 1\nmetric = "total"\nmeasure = "run_days"',
        b'level = 1\nmetric = "invalid"\nmeasure = "run_days"',
    )
    harness = Harness([(TRIAL_ID, 1, TRIAL), (TRIAL_ID, 2, later)])
    days = weekdays(8)
    harness.apply(
        school.profile(), school.placement(0), school.profile(later, version=2, valid_from=days[5])
    )
    told: list[w.WarningEvent] = []
    for day, letter in zip(days, "...iiiii", strict=True):
        told += harness.told(*school.school_day(day, [0], {0: letter}))
    (event,) = (event for event in told if event.family == LONG)
    assert kinds(event) == [RAISED]
    (episode,) = event.episodes
    assert (episode.profile_version, episode.figures.run_days) == (2, 5)
