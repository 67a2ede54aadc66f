"""The truth table of services.ews.core.notices, every cell, both orders of arrival."""

from __future__ import annotations

import itertools

import pytest

from forvarning.warnings.v1.warnings_pb2 import AbsenceDay
from services.ews.core.notices import Notice, explained_minutes, holds
from tests.trial import TRIAL, TRIAL_ID
from tests.unit.ews.facts import CONFIRMED, EXPLICIT, REPORTED, START, School
from tests.unit.ews.harness import Harness

LESSON = START * 86_400 + (490 - 120) * 60
"""08.10 Swedish summer time."""


@pytest.mark.parametrize("confirmed", [0, CONFIRMED])
@pytest.mark.parametrize("explicit", [0, EXPLICIT])
@pytest.mark.parametrize("later", [-1, 0, 1])
@pytest.mark.parametrize("notice_first", [False, True])
def test_the_table(confirmed: int, explicit: int, later: int, *, notice_first: bool) -> None:
    school = School()
    harness = Harness([(TRIAL_ID, 1, TRIAL)])
    harness.apply(school.profile(), school.placement(0))
    mark = school.register(
        START,
        490,
        {0: (0, 60, 0, REPORTED | confirmed | explicit)},
        version=school.version(modified=5_000),
    )
    notice = school.notice(
        0, LESSON - 60, LESSON + 7_200, version=school.version(modified=5_000 + later)
    )
    harness.apply(school.closed(START))
    for fact in (notice, mark) if notice_first else (mark, notice):
        harness.apply(fact)
        harness.collect()
    (row,) = harness.absence.values()
    told = AbsenceDay.FromString(row)
    expected = later >= 0 or not (confirmed or explicit)
    assert holds(confirmed | explicit, 5_000, 5_000 + later) == expected
    invalid = (0, 0) if expected else ((0, 60) if confirmed else (60, 0))
    assert (told.valid, told.invalid_unexplained, told.invalid_confirmed) == (
        60 if expected else 0,
        *invalid,
    )


def notice(start: int, end: int, *, modified: int = 9, deleted: bool = False) -> Notice:
    return Notice(b"n", (1, modified, 1), start, end, deleted)


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([(0, 3_600)], 40),
        ([(0, 1_200)], 20),
        ([(0, 1_259)], 20),
        ([(-9_999, 600), (300, 900)], 15),
        ([(0, 300), (600, 900)], 10),
        ([(3_600, 7_200)], 0),
        ([(-600, 0)], 0),
        ([], 0),
    ],
)
def test_minutes_are_those_that_the_notices_cover_together(
    spans: list[tuple[int, int]], expected: int
) -> None:
    for order in itertools.permutations(spans):
        held = [notice(*span) for span in order]
        assert explained_minutes(held, REPORTED, 5, 40, (0, 3_600)) == expected


def test_a_deleted_notice_explains_nothing() -> None:
    assert explained_minutes([notice(0, 9_999, deleted=True)], REPORTED, 5, 40, (0, 3_600)) == 0


def test_only_notices_that_hold_are_added_together() -> None:
    held = [notice(0, 1_200, modified=4), notice(1_200, 2_400, modified=6)]
    assert explained_minutes(held, REPORTED | EXPLICIT, 5, 60, (0, 3_600)) == 20
    assert explained_minutes(held, REPORTED, 5, 60, (0, 3_600)) == 40
