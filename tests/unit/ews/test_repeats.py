"""A register that is sent again: nothing is judged anew, and nothing is forgotten of it."""

from __future__ import annotations

from itertools import permutations

import pytest

from forvarning.facts.v1 import facts_pb2 as f
from forvarning.warnings.v1.warnings_pb2 import AbsenceDay
from services.ews.core import days, decide
from tests.trial import TRIAL, TRIAL_ID
from tests.unit.ews.facts import CLASS, CONFIRMED, REPORTED, START, School, name
from tests.unit.ews.harness import Harness

AWAY, HERE = (0, 60), (0, 0)
LESSON = START * 86_400 + (490 - 120) * 60
"""08.10 Swedish summer time."""


def version(sequence: int, modified: int = 5_000) -> f.Version:
    return f.Version(priority=1, modified_unix_ms=modified, sequence=sequence)


def started(school: School) -> Harness:
    harness = Harness([(TRIAL_ID, 1, TRIAL)])
    harness.apply(school.profile(), *(school.placement(pupil) for pupil in range(3)))
    return harness


def told_of(harness: Harness) -> dict[bytes, tuple[int, int, int]]:
    found = {}
    for value in harness.absence.values():
        one = AbsenceDay.FromString(value)
        found[one.pupil_id] = (one.valid, one.invalid_unexplained, one.invalid_confirmed)
    return found


@pytest.mark.parametrize("closed", [False, True])
def test_what_is_said_again_is_written_and_not_judged(
    monkeypatch: pytest.MonkeyPatch, *, closed: bool
) -> None:
    school = School()
    harness = started(school)
    marks: dict[int, tuple[int, ...]] = {0: AWAY, 1: HERE, 2: HERE}
    harness.apply(school.register(START, 490, marks, version=version(1)))
    if closed:
        harness.apply(school.closed(START))
    harness.collect()

    def never(*_: object, **__: object) -> None:
        raise AssertionError("judged anew")

    monkeypatch.setattr(decide, "judge", never)
    monkeypatch.setattr(days, "add_up", never)
    harness.apply(school.register(START, 490, marks, version=version(2)))
    assert not harness.core.wants_flush
    batch = harness.collect()
    for told in (batch.warnings, batch.absence_days, batch.group_days, batch.failed_folds):
        assert not told
    assert [row.key.split(b":")[0] for row in batch.state] == [b"d"]


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_what_comes_between_the_two_out_of_order_loses(
    order: tuple[int, ...], *, restart: bool
) -> None:
    """The same was said before and after a correction, which so is none."""
    school = School()
    harness = started(school)
    said = [
        school.register(START, 490, {0: AWAY, 1: HERE}, version=version(1)),
        school.register(START, 490, {0: HERE, 1: AWAY}, version=version(2)),
        school.register(START, 490, {0: AWAY, 1: HERE}, version=version(3)),
    ]
    harness.told(school.closed(START))
    for at in order:
        harness.told(said[at])
        if restart:
            harness.restart()
    found = {pupil for pupil, told in told_of(harness).items() if any(told)}
    assert found == {name(0, "pupil")}


def test_a_part_of_the_class_said_again_is_no_news_and_a_correction_is() -> None:
    school = School()
    harness = started(school)
    harness.told(
        school.register(START, 490, {0: AWAY, 1: HERE, 2: HERE}, version=version(1)),
        school.closed(START),
    )
    assert not harness.told(school.register(START, 490, {1: HERE}, version=version(2)))
    assert not harness.told(school.register(START, 490, {1: HERE, 2: HERE}, version=version(3)))
    events = harness.told(school.register(START, 490, {1: AWAY, 2: HERE}, version=version(4)))
    assert {event.pupil_id for event in events} == {name(1, "pupil")}


def test_the_same_said_later_by_the_clock_stands_against_an_older_notice() -> None:
    """What is confirmed after the notice came holds; before, the notice excused it."""
    school = School()
    harness = started(school)
    marks: dict[int, tuple[int, ...]] = {0: (0, 60, 0, REPORTED | CONFIRMED)}
    harness.told(
        school.register(START, 490, marks, version=version(1, modified=5_000)),
        school.notice(0, LESSON, LESSON + 3_600, version=version(2, modified=6_000)),
        school.closed(START),
    )
    assert told_of(harness) == {name(0, "pupil"): (60, 0, 0)}
    events = harness.told(school.register(START, 490, marks, version=version(3, modified=7_000)))
    assert told_of(harness) == {name(0, "pupil"): (0, 0, 60)}
    assert events


def test_of_a_class_some_of_whom_were_corrected_the_rest_said_later_stands_too() -> None:
    """The marks of one lesson have times of their own, and each is compared with the notice."""
    school = School()
    harness = started(school)
    sure: tuple[int, ...] = (0, 60, 0, REPORTED | CONFIRMED)
    harness.told(
        school.register(START, 490, {0: sure, 1: sure, 2: HERE}, version=version(1)),
        school.register(START, 490, {2: AWAY}, version=version(2, modified=5_500)),
        school.notice(0, LESSON, LESSON + 3_600, version=version(3, modified=6_000)),
        school.notice(1, LESSON, LESSON + 3_600, version=version(4, modified=6_000)),
        school.closed(START),
    )
    excused, stands = (60, 0, 0), (0, 0, 60)
    both = {name(0, "pupil"): excused, name(1, "pupil"): excused, name(2, "pupil"): (0, 60, 0)}
    assert told_of(harness) == both
    # The same again with an older time is none; of one pupil alone with a newer one it is news.
    harness.told(school.register(START, 490, {0: sure}, version=version(5, modified=5_000)))
    assert told_of(harness) == both
    harness.told(school.register(START, 490, {0: sure}, version=version(6, modified=7_000)))
    assert told_of(harness) == both | {name(0, "pupil"): stands}


@pytest.mark.parametrize("differs", ["start", "length", "state", "subject", "group", "activity"])
def test_the_same_marks_of_another_lesson_are_news(differs: str) -> None:
    school = School()
    harness = started(school)
    lesson = name(1, "lesson")
    first = school.register(START, 490, {0: AWAY}, lesson=lesson, version=version(1))
    again = f.Fact.FromString(first)
    again.register.version.CopyFrom(version(2))
    match differs:
        case "start":
            again.register.start_minute = 500
        case "length":
            again.register.length_minutes = 70
        case "state":
            again.register.state = f.LESSON_STATE_CANCELLED
        case "subject":
            again.register.subject = "SV"
        case "group":
            again.register.group_id = name(2, "group")
        case _:
            again.register.activity_id = CLASS
    harness.told(first, school.closed(START))
    harness.apply(again.SerializeToString())
    assert harness.core.wants_flush
