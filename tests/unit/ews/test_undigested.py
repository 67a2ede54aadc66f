"""Pupils whose facts or decisions failed: who is shown as incomplete, and until when."""

from __future__ import annotations

from typing import Any

import pytest

from forvarning.facts.v1 import facts_pb2 as f
from forvarning.warnings.v1 import warnings_pb2 as w
from services.ews.core import decide
from services.ews.core.api import UndigestibleError, UnknownProfileError
from services.ews.core.core import Core
from services.ews.core.judge import Group, judge
from services.ews.core.rows import decode
from tests.trial import TRIAL, TRIAL_ID
from tests.unit.ews.facts import START, School, day, name, weekdays
from tests.unit.ews.harness import Harness

CONTENTS = [(TRIAL_ID, 1, TRIAL)]
PUPIL, OTHER, THIRD = (name(number, "pupil") for number in range(3))


def started() -> tuple[Harness, School]:
    """Three pupils who were away a week, and are warned about."""
    harness, school = Harness(CONTENTS), School()
    harness.apply(school.profile(), *(school.placement(pupil) for pupil in range(3)))
    for at in weekdays(6):
        harness.apply(*school.school_day(at, range(3), dict.fromkeys(range(3), "v")))
    harness.collect()
    return harness, school


def incomplete(harness: Harness) -> set[bytes]:
    return {one.pupil_id for one in harness.snapshots() if one.incomplete}


def test_who_has_a_fact_among_the_dead_letters_is_shown_until_each_is_restated() -> None:
    harness, school = started()
    before = len(harness.log)
    harness.core.mark_undigested([PUPIL, OTHER], before + 1)
    harness.core.mark_undigested([OTHER], before + 2)
    harness.core.mark_undigested([], before + 3)
    events = [w.WarningEvent.FromString(row.value or b"") for row in harness.collect().warnings]
    assert {one.pupil_id for one in events} == {PUPIL, OTHER}
    # Nobody's fact has come in: there is no time since when somebody waits.
    assert {one.caused_by_unix_ms for one in events} == {0}
    harness.restart()
    assert incomplete(harness) == {PUPIL, OTHER}
    again = school.closed(weekdays(6)[0])
    harness.apply(again, replay_of=before + 1)
    harness.apply(again, replay_of=before + 9)  # of another partition's
    harness.collect()
    harness.restart()
    assert incomplete(harness) == {OTHER}
    harness.apply(again, replay_of=before + 2)
    harness.collect()
    assert incomplete(harness) == set()
    harness.restart()
    harness.apply(*school.school_day(weekdays(7)[6], range(3), dict.fromkeys(range(3), "v")))
    harness.collect()
    assert incomplete(harness) == set()


def test_who_is_complete_again_is_told_although_the_restated_fact_is_of_another() -> None:
    harness, school = started()
    harness.core.mark_undigested([PUPIL], len(harness.log))
    harness.collect()
    assert incomplete(harness) == {PUPIL}
    harness.apply(school.placement(2, number=5, deleted=True), replay_of=len(harness.log))
    harness.collect()
    assert incomplete(harness) == set()


def test_an_erased_pupil_is_not_incomplete_any_more() -> None:
    harness, school = started()
    harness.core.mark_undigested([PUPIL, OTHER], len(harness.log))
    harness.collect()
    harness.apply(school.erase(0))
    harness.collect()
    (row,) = [decode(value) for key, value in harness.changelog.items() if key == b"x"]
    assert [one.pupil_id for one in row.undigested.pupils] == [OTHER]


def test_what_was_told_of_an_erased_pupil_is_taken_back_once() -> None:
    harness, school = started()
    harness.apply(school.erase(0))
    batch = harness.collect()
    assert len([row for row in batch.absence_days if row.value is None]) == 6
    harness.apply(school.erase(0))
    assert harness.collect().absence_days == []
    harness.restart()
    harness.apply(school.erase(0))
    assert harness.collect().absence_days == []


def fails_for(monkeypatch: pytest.MonkeyPatch, *rows: int) -> list[int]:
    """Judging any of the rows raises; the sizes of the groups that were judged are noted."""
    judged: list[int] = []

    def failing(group: Group, *given: Any) -> None:
        if set(rows) & set(group.rows.tolist()):
            raise ArithmeticError("planted")
        judged.append(len(group.rows))
        judge(group, *given)

    monkeypatch.setattr(decide, "judge", failing)
    return judged


def test_where_judging_a_class_fails_each_pupil_is_judged_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harness, school = started()
    week = weekdays(11)[6:]
    plain, same = started()
    for at in week:
        plain.told(*same.school_day(at, range(3), {0: "v", 1: "v"}))
    with monkeypatch.context() as patched:
        judged = fails_for(patched, 1)
        for at in week:
            harness.apply(*school.school_day(at, range(3), {0: "v", 1: "v"}))
        batch = harness.collect()
    assert judged == [1, 1]
    (failed,) = batch.failed_folds
    assert (failed.pupil_id, failed.reason) == (OTHER, "ArithmeticError: planted")
    assert failed.offset == len(harness.log) - 1
    assert incomplete(harness) == {OTHER}

    def told(one: Harness) -> dict[bytes, Any]:
        return {event.thread_id: list(event.episodes) for event in one.snapshots()}

    for thread_id, episodes in told(plain).items():
        (pupil_id,) = {one.pupil_id for one in plain.snapshots() if one.thread_id == thread_id}
        if pupil_id != OTHER:
            assert told(harness)[thread_id] == episodes
    # Failing again tells nobody anew; the next decision that works makes up for it.
    revisions = {one.thread_id: one.revision for one in harness.snapshots()}
    with monkeypatch.context() as patched:
        fails_for(patched, 1)
        harness.apply(school.closed(week[-1]))
        assert [one.pupil_id for one in harness.collect().failed_folds] == [OTHER]
    assert {one.thread_id: one.revision for one in harness.snapshots()} == revisions
    harness.apply(school.closed(week[-1]))
    assert harness.collect().failed_folds == []
    assert incomplete(harness) == set()
    assert told(harness) == told(plain)
    rows = [decode(value).bucket for value in harness.changelog.values()]
    assert not [one for one in rows if one.failed]


def test_who_failed_is_decided_again_with_the_next_fact_of_a_day_under_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harness, school = started()
    today = weekdays(8)[7]
    with monkeypatch.context() as patched:
        fails_for(patched, 1)
        harness.apply(*school.school_day(weekdays(7)[6], range(3), {1: "v"}))
        assert [one.pupil_id for one in harness.collect().failed_folds] == [OTHER]
    assert incomplete(harness) == {OTHER}
    harness.apply(school.register(today, 490, {2: (0, 0)}))
    assert harness.collect().failed_folds == []
    assert incomplete(harness) == set()


def test_a_pupil_who_fails_in_two_school_years_is_named_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harness, school = started()
    harness.apply(
        *(school.placement(pupil, number=1, school_year=2027) for pupil in range(3)),
        *school.school_day(day(2027, 8, 16), range(3)),
    )
    fails_for(monkeypatch, 0)
    harness.core.mark_undigested([PUPIL], len(harness.log))
    assert [one.pupil_id for one in harness.collect().failed_folds] == [PUPIL]


def test_a_failure_inside_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("planted")

    harness, school = started()
    monkeypatch.setattr("services.ews.core.intake._marks", broken)
    with pytest.raises(UndigestibleError) as refused:
        harness.core.apply(school.register(START, 490, {0: (0,)}), 9, partition=0)
    assert refused.value.reason == "internal"
    assert refused.value.detail == "ZeroDivisionError: planted"


def test_what_is_not_known_of_a_profile_is_said() -> None:
    with pytest.raises(UnknownProfileError) as unknown:
        Core().apply(School().profile(), 0, partition=0)
    error = unknown.value
    assert (error.profile_id, error.profile_version, len(error.digest)) == (TRIAL_ID, 1, 32)


# -- rebuilds ---------------------------------------------------------------------------------


def rebuilding(harness: Harness, log: list[bytes], *gone: bytes) -> Core:
    """A core to which the log is applied again, knowing what is on the topics.

    ``gone`` are group days that were taken off again.
    """
    core = Core()
    for content in CONTENTS:
        core.learn_profile(*content)
    for key, value in harness.latest.items():
        core.restore_published(key, value)
    for key, value in harness.absence.items():
        core.restore_absence_day(key, value)
    for key, value in harness.groups.items():
        core.restore_group_day(key, value)
    for key in gone:
        core.restore_group_day(key, None)
    core.begin_rebuild()
    for offset, fact in enumerate(log):
        core.apply(fact, offset, partition=0)
    return core


def test_what_was_told_of_an_erased_pupil_is_taken_off_the_topics_by_a_rebuild() -> None:
    """Its tombstones were lost with the worker that had erased it."""
    harness, school = started()
    log = [*harness.log, school.erase(0)]
    core = rebuilding(harness, log)
    core.end_rebuild()
    batch = core.collect()
    threads = {one.thread_id for one in harness.snapshots() if one.pupil_id == PUPIL}
    assert threads
    assert {row.key for row in batch.warnings} == threads
    assert all(row.value is None for row in batch.warnings)
    days = {key for key in harness.absence if key.startswith(PUPIL.hex().encode())}
    assert len(days) == 6
    assert {row.key for row in batch.absence_days if row.value is None} == days
    # The account of what is published no longer counts it: a restart finds it right.
    changelog = {row.key: row.value for row in batch.state if row.value is not None}
    left = {key: value for key, value in harness.latest.items() if key not in threads}
    for published, fits in ((left, True), (harness.latest, False)):
        again = Core()
        for key, value in changelog.items():
            again.restore(key, value)
        for key, value in published.items():
            again.restore_published(key, value)
        if fits:
            again.check_published()
        else:
            with pytest.raises(Exception, match="threads, digest"):
                again.check_published()


def test_what_was_taken_off_the_topics_is_as_if_it_had_never_been() -> None:
    """The broker keeps what stood before a tombstone until it compacts."""
    harness, school = started()
    harness.apply(school.erase(0))
    assert len([row for row in harness.collect().absence_days if row.value is None]) == 6
    harness.lose()  # no row again, and no tombstone
    gone, *_ = sorted(harness.groups)
    core = rebuilding(harness, harness.log, gone)
    core.end_rebuild()
    batch = core.collect()
    assert (batch.warnings, batch.absence_days) == ([], [])
    (row,) = batch.group_days
    told = w.GroupDay.FromString(row.value or b"")
    assert (row.key, told.revision) == (gone, 1)


def after_retention() -> tuple[Harness, School]:
    """Rebuilt from a log that says nothing of the first days, and nothing at all of a pupil."""
    harness, school = started()
    log = [school.profile(), school.placement(0), school.placement(1)]
    log += school.school_day(weekdays(6)[5], range(2), dict.fromkeys(range(2), "v"))
    told = dict(harness.absence)
    core = rebuilding(harness, log)
    core.end_rebuild()
    harness.core, harness.log = core, log
    harness.changelog.clear()
    assert harness.collect().absence_days == []
    assert harness.absence == told
    return harness, school


def taken_back(harness: Harness, fact: bytes) -> int:
    """The days that an erasure takes off the topic."""
    harness.apply(fact)
    found = harness.collect().absence_days
    assert all(row.value is None for row in found)
    return len({row.key for row in found})


@pytest.mark.parametrize("restart", [False, True])
def test_an_erasure_finds_the_days_of_which_a_rebuild_had_no_facts(*, restart: bool) -> None:
    harness, school = after_retention()
    if restart:
        harness.restart()
    assert taken_back(harness, school.erase(0)) == 6
    assert taken_back(harness, school.erase(2)) == 6
    assert {key.partition(b":")[0].decode() for key in harness.absence} == {OTHER.hex()}
    left = {key for key in harness.changelog if key.startswith(b"t:")}
    assert left == {f"t:{OTHER.hex()}".encode()}
    if restart:
        harness.restart()
    assert taken_back(harness, school.erase(2)) == 0


@pytest.mark.parametrize("restart", [False, True])
def test_days_whose_facts_come_again_go_on_from_the_revision_they_had(*, restart: bool) -> None:
    harness, school = after_retention()
    if restart:
        harness.restart()
    first = weekdays(6)[0]
    harness.apply(school.register(first, 490, {1: (0, 0)}), school.closed(first))
    (row,) = harness.collect().absence_days
    told = w.AbsenceDay.FromString(row.value or b"")
    assert (told.pupil_id, told.valid, told.revision) == (OTHER, 0, 2)
    harness.restart()
    harness.apply(school.register(first, 490, {1: (60, 0)}))
    (row,) = harness.collect().absence_days
    assert w.AbsenceDay.FromString(row.value or b"").revision == 3
    assert taken_back(harness, school.erase(1)) == 6
    assert taken_back(harness, school.erase(0)) == 6


def test_a_lesson_that_comes_again_cancelled_takes_back_what_a_rebuild_had_left() -> None:
    harness, school = after_retention()
    first = weekdays(6)[0]
    harness.apply(school.register(first, 490, {1: (60, 0)}, state=f.LESSON_STATE_CANCELLED))
    (row,) = harness.collect().absence_days
    told = w.AbsenceDay.FromString(row.value or b"")
    assert (told.pupil_id, told.valid, told.lessons, told.revision) == (OTHER, 0, 0, 2)
    assert taken_back(harness, school.erase(1)) == 6


def test_a_rebuild_looks_for_a_day_where_its_lessons_are() -> None:
    """Who came from another class has a row there too, on days on which that has lessons."""
    harness, _ = started()
    other = School(bucket=7)
    other.sequence = 10_000
    at = weekdays(6)[3]
    harness.apply(other.placement(0, number=3), *other.school_day(at, [5], {5: "v"}))
    harness.collect()
    harness.lose()


def test_a_rebuild_that_is_cut_short_goes_on_from_its_state() -> None:
    harness, _ = started()
    half = len(harness.log) // 2
    first = rebuilding(harness, harness.log[:half])
    batch = first.collect()
    assert (batch.warnings, batch.absence_days, batch.group_days) == ([], [], [])
    second = Core()
    for content in CONTENTS:
        second.learn_profile(*content)
    for row in batch.state:
        assert row.value is not None
        second.restore(row.key, row.value)
    for key, value in harness.latest.items():
        second.restore_published(key, value)
    for key, value in harness.absence.items():
        second.restore_absence_day(key, value)
    # A day whose sums were not on their topic is published anew, the others are not.
    lost, *kept = sorted(harness.groups)
    for key in kept:
        second.restore_group_day(key, harness.groups[key])
    second.begin_rebuild()
    for offset, fact in enumerate(harness.log[half:], half):
        second.apply(fact, offset, partition=0)
    second.end_rebuild()
    batch = second.collect()
    assert (batch.warnings, batch.absence_days) == ([], [])
    assert [row.key for row in batch.group_days] == [lost]
