"""The bits of a day's lessons, pupil by pupil, whose lessons need not be the same."""

from __future__ import annotations

import random

import numpy as np
import pytest

from forvarning.facts.v1 import facts_pb2 as f
from services.ews.core import days, marks
from services.ews.core.lessons import Lesson, Seats, are_first
from tests.unit.ews.facts import CONFIRMED, REPORTED, START, name

EVERY = marks.FIRST | marks.LAST | marks.LUNCH
PUPILS = 9


def lesson(start: int, told: dict[int, tuple[int, ...]], length: int = 40) -> Lesson:
    """``told``: pupil to (valid, invalid, flags, offered, late, early)."""
    rows = np.array(list(told), np.intp)
    columns = [(one[3], one[0], one[1], 0, one[2], *one[4:]) for one in told.values()]
    register = f.Register(
        lesson_id=name(start, "lesson"), epoch_day=START, start_minute=start, length_minutes=length
    )
    matrix, seats = np.array(columns, np.int16).T, Seats(rows, are_first(rows), None)
    return Lesson.of_register(register, seats, matrix, timetabled=False)


def bits(*held: Lesson) -> marks.Bits:
    (one,) = days.add_up([days.Task(days.order(held), PUPILS, lambda _: None, b"")])
    return marks.of_day(one).bits


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ((0, 0, REPORTED, 40), marks.REPORTED),
        ((0, 0, 0, 40), 0),
        ((1, 0, REPORTED, 1), marks.REPORTED | marks.VALID),
        ((40, 0, REPORTED, 40), marks.REPORTED | marks.VALID),
        ((39, 0, REPORTED, 40), marks.REPORTED | marks.VALID | marks.PART),
        ((0, 1, REPORTED, 40), marks.REPORTED | marks.UNEXPLAINED | marks.PART),
        ((0, 1, REPORTED | CONFIRMED, 40), marks.REPORTED | marks.CONFIRMED | marks.PART),
        ((20, 20, REPORTED, 40), marks.REPORTED | marks.VALID | marks.UNEXPLAINED),
        # Who has times was late only where it came late: leaving early is no such thing.
        ((0, 9, REPORTED, 40, 0, 9), marks.REPORTED | marks.UNEXPLAINED),
        ((0, 1, REPORTED, 40, 0, 1), marks.REPORTED | marks.UNEXPLAINED),
        ((0, 9, REPORTED, 40, 1, 8), marks.REPORTED | marks.UNEXPLAINED | marks.PART),
        ((0, 9, REPORTED, 40, 9, 0), marks.REPORTED | marks.UNEXPLAINED | marks.PART),
        ((0, 9, REPORTED, 40, 0, 0), marks.REPORTED | marks.UNEXPLAINED | marks.PART),
    ],
)
def test_what_a_mark_says(told: tuple[int, ...], expected: int) -> None:
    for pupil in (0, 3):
        found = bits(lesson(480, {pupil: told}))
        assert int(found[0, pupil]) & ~EVERY == expected
        assert not np.delete(found, pupil, axis=1).any()


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 16, 17])
@pytest.mark.parametrize("same", [True, False])
def test_each_pupil_has_a_first_and_a_last_lesson_of_its_own(count: int, *, same: bool) -> None:
    chance = random.Random(count)
    starts = [480 + 20 * i for i in range(count)]
    mine = {
        pupil: starts if same else sorted(chance.sample(starts, chance.randint(0, count)))
        for pupil in range(PUPILS)
    }
    held = [
        lesson(start, {p: (0, 0, REPORTED, 20) for p in mine if start in mine[p]}, 20)
        for start in starts
        if any(start in mine[p] for p in mine)
    ]
    found = bits(*held)
    begun = [one.start for one in held]
    for pupil, own in mine.items():
        for i, start in enumerate(begun):
            has = start in own
            assert bool(found[i, pupil] & marks.REPORTED) == has
            assert bool(found[i, pupil] & marks.FIRST) == (has and start == own[0])
            assert bool(found[i, pupil] & marks.LAST) == (has and start == own[-1])
