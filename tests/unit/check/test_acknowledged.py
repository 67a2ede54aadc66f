"""Acknowledged marks against the input log."""

from __future__ import annotations

from deploy.check.acknowledged import LogIndex, Mark, NoticeStatement, lost
from forvarning.facts.v1 import facts_pb2 as facts

LESSON, ANNA, BO = b"l" * 16, b"a" * 16, b"b" * 16
NOBODY: frozenset[tuple[bytes | str, bytes]] = frozenset()


def _register(modified: int, **invalid: int) -> facts.Fact:
    pupils = {"anna": ANNA, "bo": BO}
    fact = facts.Fact()
    register = fact.register
    register.lesson_id = LESSON
    register.version.modified_unix_ms = modified
    register.pupil_ids = b"".join(pupils[name] for name in invalid)
    for minutes in invalid.values():
        register.offered_minutes.append(60)
        register.valid_minutes.append(0)
        register.invalid_minutes.append(minutes)
        register.other_minutes.append(0)
        register.flags.append(facts.MARK_FLAG_REPORTED)
    return fact


def _index(*held: facts.Fact) -> LogIndex:
    index = LogIndex()
    for fact in held:
        index.add(fact)
    return index


def _lost(index: LogIndex, *marks: Mark) -> list[Mark]:
    return lost(index, marks, [], NOBODY)[0]


def test_a_mark_in_the_log_is_not_lost() -> None:
    index = _index(_register(5, anna=60, bo=0))
    assert _lost(index, Mark(LESSON, ANNA, 5, (0, 60, 0)), Mark(LESSON, BO, 5, (0, 0, 0))) == []


def test_a_missing_pupil_lesson_or_version_is_lost() -> None:
    index = _index(_register(5, anna=60))
    missing = [
        Mark(LESSON, BO, 5, (0, 0, 0)),
        Mark(b"x" * 16, ANNA, 5, (0, 60, 0)),
        Mark(LESSON, ANNA, 6, (0, 60, 0)),
    ]
    assert _lost(index, *missing) == missing


def test_other_minutes_under_the_same_version_are_lost() -> None:
    index = _index(_register(5, anna=60))
    wrong = Mark(LESSON, ANNA, 5, (60, 0, 0))
    assert _lost(index, wrong) == [wrong]


def test_an_announced_lesson_need_only_be_there() -> None:
    assert _lost(_index(_register(5, anna=60)), Mark(LESSON, ANNA, 5, None)) == []


def test_a_newer_mark_supersedes_and_an_older_does_not() -> None:
    index = _index(_register(5, anna=60))
    assert _lost(index, Mark(LESSON, ANNA, 4, (0, 0, 0))) == []
    newer = Mark(LESSON, ANNA, 7, (0, 0, 0))
    assert _lost(index, newer) == [newer]


def test_what_waits_for_the_roster_is_not_lost() -> None:
    mark = Mark(LESSON, "p99", 5, (0, 60, 0))
    assert lost(_index(), [mark], [], frozenset({("p99", LESSON)})) == ([], [])
    assert lost(_index(), [mark], [], NOBODY) == ([mark], [])


def test_notices_likewise() -> None:
    fact = facts.Fact()
    fact.notice.notice_id = b"n" * 16
    fact.notice.version.modified_unix_ms = 5
    index = _index(fact)
    gone = NoticeStatement(b"n" * 16, 6)
    held = NoticeStatement(b"n" * 16, 5), NoticeStatement(b"n" * 16, 4)
    assert lost(index, [], [*held, gone], NOBODY) == ([], [gone])


def test_registers_are_counted_and_other_facts_passed_over() -> None:
    closed = facts.Fact()
    closed.day_closed.epoch_day = 1
    index = _index(closed, _register(1, anna=0), _register(2, anna=0))
    assert index.registers == 2
