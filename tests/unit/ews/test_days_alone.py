"""A day's lessons added up for several buckets at once, against the same counted mark by mark."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import pytest

from forvarning.facts.v1 import facts_pb2 as f
from services.ews.core import calendar, days
from services.ews.core.lessons import Lesson, Seats, are_first
from services.ews.core.notices import Notice, explained_minutes
from tests.unit.ews.facts import CONFIRMED, EXPLICIT, REPORTED, START, WITHDRAWN, name

HOME, UNITS = name(1, "unit"), [name(number, "unit") for number in range(1, 4)]
SUBJECTS = ("MA", "SV", "")


@dataclass(frozen=True)
class Mark:
    """One pupil's, as the lesson has it."""

    offered: int
    valid: int
    invalid: int
    other: int
    flags: int

    @property
    def counts(self) -> bool:
        return self.offered > 0 and not self.flags & WITHDRAWN

    @property
    def reported(self) -> bool:
        return self.counts and bool(self.flags & REPORTED)


def mark(chance: random.Random) -> Mark:
    offered = chance.choice((60, 60, 60, 45, 1, 0))
    valid = chance.choice((0, 0, offered, offered // 2))
    invalid = chance.choice((0, 0, offered - valid, (offered - valid) // 3))
    flags = chance.choice((REPORTED,) * 5 + (0, REPORTED | WITHDRAWN, WITHDRAWN))
    flags |= chance.choice((0, 0, CONFIRMED, EXPLICIT))
    return Mark(offered, valid, invalid, chance.choice((0, 0, 5)), flags)


def lesson(chance: random.Random, number: int, size: int) -> tuple[Lesson, dict[int, Mark]]:
    start = chance.choice((480, 540, 600, 660, 720))
    rows = (
        list(range(size))
        if chance.random() < 0.4
        else sorted(chance.sample(range(size), chance.randint(1, size)))
    )
    marks = {row: mark(chance) for row in rows}
    register = f.Register(
        lesson_id=name(number, "lesson"),
        epoch_day=START,
        start_minute=start,
        length_minutes=60,
        school_unit_id=chance.choice(UNITS),
        subject=chance.choice(SUBJECTS),
        state=chance.choice((2, 2, 2, 3)),  # type: ignore[arg-type]
        version=f.Version(priority=1, modified_unix_ms=1_000 * number, sequence=number),
    )
    table = np.array(
        [[one.offered, one.valid, one.invalid, one.other, one.flags] for one in marks.values()],
        np.int16,
    ).T
    if chance.random() < 0.3:  # with times, which change none of the sums
        table = np.concatenate((table, np.ones((2, len(rows)), np.int16)))
    where = np.array(rows, np.intp)
    seats = Seats(where, are_first(where), None)
    made = Lesson.of_register(register, seats, table, timetabled=chance.random() < 0.5)
    return made, marks


Held = list[tuple[Lesson, dict[int, Mark]]]


def bucket(seed: int, size: int, lessons: int) -> tuple[Held, dict[int, list[Notice]]]:
    chance = random.Random(seed)
    held = [lesson(chance, i, size) for i in range(lessons)] if size else []
    begin = calendar.local_midnight(START)
    notices = {
        row: [
            Notice(
                name(row, "notice"),
                (1, 1_000 * chance.randint(0, lessons + 1), 0),
                begin + 60 * chance.choice((0, 510, 600)),
                begin + 60 * chance.choice((630, 1_440)),
                deleted=False,
            )
        ]
        for row in range(size)
        if chance.random() < 0.3
    }
    return held, notices


def told(one: Lesson, at: Mark, row: int, notices: dict[int, list[Notice]]) -> tuple[int, ...]:
    """Valid, unexplained and confirmed minutes of a reported mark, after the notices."""
    valid, invalid = at.valid, at.invalid
    if invalid and row in notices:
        begin = calendar.local_instant(START, one.start)
        span = (begin, begin + 60 * one.length)
        assert one.marks_version is not None
        minutes = explained_minutes(notices[row], at.flags, one.marks_version[1], invalid, span)
        valid, invalid = valid + minutes, invalid - minutes
    sure = invalid if at.flags & CONFIRMED else 0
    return valid, invalid - sure, sure


CASES = [(seed, size, lessons) for seed in range(6) for size, lessons in ((1, 3), (4, 6), (7, 9))]


@pytest.fixture(scope="module")
def added() -> list[tuple[Held, dict[int, list[Notice]], days.Day]]:
    """All of them side by side, and one bucket without pupils and one without lessons."""
    buckets = [bucket(*case) for case in CASES]
    buckets[3:3] = [([], {}), bucket(99, 5, 0)]
    sizes = [case[1] for case in CASES]
    sizes[3:3] = [0, 5]
    tasks = [
        days.Task(days.order(one for one, _ in held), size, notices.get, HOME)
        for (held, notices), size in zip(buckets, sizes, strict=True)
    ]
    found = days.add_up(tasks)
    assert [one.sums.shape for one in found] == [(days.FIELDS, size) for size in sizes]
    return [(*one, day) for one, day in zip(buckets, found, strict=True)]


Added = list[tuple[Held, dict[int, list[Notice]], days.Day]]


def test_the_lessons_that_count_stand_in_the_order_of_the_day(added: Added) -> None:
    for held, _, day in added:
        kept = [one for one, _ in held if one.state != f.LESSON_STATE_CANCELLED]
        assert sorted(id(one) for one in day.lessons) == sorted(map(id, kept))
        assert [one.start for one in day.lessons] == sorted(one.start for one in kept)
        assert day.minutes.shape == (5, len(kept), day.sums.shape[1])
        assert day.counted.shape == day.minutes.shape[1:]


def test_each_lessons_minutes_and_each_days_sums(added: Added) -> None:
    for held, notices, day in added:
        marks = {id(one): whose for one, whose in held}
        for row in range(day.sums.shape[1]):
            sums = dict.fromkeys(range(days.RUNS), 0)
            for place, one in enumerate(day.lessons):
                at = marks[id(one)].get(row)
                minutes = [0, 0, 0, 0, 0]
                if at is not None and at.counts:
                    minutes[0] = at.offered
                    sums[days.LESSONS] += 1
                    sums[days.TIMETABLED] += one.timetabled
                    if at.reported:
                        minutes[1:] = [at.offered, *told(one, at, row, notices)]
                        sums[days.OTHER] += at.other
                        sums[days.LESSONS_REPORTED] += 1
                        sums[days.LESSONS_ABSENT] += any(minutes[2:])
                assert day.minutes[:, place, row].tolist() == minutes
                assert day.counted[place, row] == (at is not None and at.counts)
                for field, some in enumerate(minutes):
                    sums[field] += some
            assert day.sums[: days.RUNS, row].tolist() == list(sums.values())
            assert day.sums[days.REVISION, row] == 0


KINDS = ((2, 3, 4), (2,), (3, 4), (3,))
"""Of each metric the kinds of minutes: total, valid, invalid, unexplained."""


def test_stretches_and_what_is_at_the_edges_of_the_day(added: Added) -> None:
    """Lessons that begin together are one, with absence where any of them has some."""
    for _, _, day in added:
        for row in range(day.sums.shape[1]):
            starts: dict[int, list[int]] = {}
            for place, one in enumerate(day.lessons):
                if day.minutes[days.REPORTED, place, row]:
                    starts.setdefault(one.start, []).append(place)
            edges = 0
            for metric, kinds in enumerate(KINDS):
                away = [
                    any(day.minutes[kind, place, row] for kind in kinds for place in places)
                    for _, places in sorted(starts.items())
                ]
                stretches = sum(
                    now and not before for before, now in zip([False, *away], away, strict=False)
                )
                assert day.sums[days.RUNS + metric, row] == stretches
                if away:
                    edges |= away[0] << metric | away[-1] << 4 + metric
            assert day.sums[days.EDGES, row] == edges


def test_which_unit_each_belongs_to(added: Added) -> None:
    for _, _, day in added:
        for row in range(day.sums.shape[1]):
            offered = dict.fromkeys(UNITS, 0)
            first: dict[bytes, int] = {}
            for place, one in enumerate(day.lessons):
                minutes = int(day.minutes[days.OFFERED, place, row])
                offered[one.unit_id] += minutes
                if minutes:
                    first.setdefault(one.unit_id, one.start)
            found = [unit for unit, mask in day.units.items() if mask[row]]
            if not first:
                assert found == []
                continue
            most = max(offered.values())
            (unit,) = found
            assert offered[unit] == most
            equal = [one for one in UNITS if offered[one] == most]
            if HOME in equal:
                assert unit == HOME
            else:
                assert first[unit] == min(first[one] for one in equal)
        assert all(mask.any() for mask in day.units.values())


def test_what_all_of_a_buckets_pupils_come_to(added: Added) -> None:
    for _, _, day in added:
        everybody, size = day.everybody, day.sums.shape[1]
        if not size:
            assert everybody.pupils == everybody.away == 0
            continue
        count = len(day.lessons)
        assert everybody.present[:count] == [int(one.sum()) for one in day.counted]
        assert everybody.minutes[:count] == [
            [int(day.minutes[kind, place].sum()) for kind in range(5)] for place in range(count)
        ]
        assert not any(everybody.present[count:])  # of another bucket's longer day nothing
        assert everybody.pupils == int((day.sums[days.LESSONS] > 0).sum())
        assert everybody.day_minutes == [int(day.sums[kind].sum()) for kind in range(5)]
        said = day.sums[days.REPORTED]
        missed = day.sums[days.VALID] + day.sums[days.UNEXPLAINED] + day.sums[days.CONFIRMED]
        assert everybody.away == int(((said > 0) & (missed >= said)).sum())
    sums, minutes, counted = added[-1][2].sums, added[-1][2].minutes, added[-1][2].counted
    halves = days.totals(sums, minutes, counted, [0, 3])
    assert halves[0].pupils + halves[1].pupils == added[-1][2].everybody.pupils
    assert days.totals(sums, minutes, counted, []) == []
