"""Decided on day by day, correction by correction, the end is what all facts at once lead to."""

from __future__ import annotations

import random
from typing import Any

import pytest

from forvarning.facts.v1 import facts_pb2 as f
from forvarning.warnings.v1.warnings_pb2 import AbsenceDay, GroupDay
from services.ews.core import calendar
from services.ews.core.replay import comparable
from tests.model.profiles import CONTENTS
from tests.unit.ews.facts import (
    CLASS,
    CONFIRMED,
    HOME,
    OTHER_UNIT,
    REPORTED,
    School,
    day,
    weekdays,
)
from tests.unit.ews.harness import Harness

DAYS = weekdays(12, day(2026, 12, 21))
"""Over the turn of the year, with it of the month and the term."""
STARTS = (480, 560, 640)
MARKS = (
    *((0, 0, 0, REPORTED, 60),) * 4,
    (60, 0, 0, REPORTED, 60),
    (0, 60, 0, REPORTED, 60),
    (0, 60, 0, REPORTED | CONFIRMED, 60),
    (0, 20, 0, REPORTED, 60, 20, 0),
    (0, 0, 0, 0, 60),
)
PUPILS = 4


def register(school: School, chance: random.Random, at: int, start: int) -> bytes:
    ill = chance.random() < 0.3
    marks: dict[int, tuple[int, ...]] = {
        pupil: (60, 0, 0, REPORTED, 60) if ill and pupil < 2 else chance.choice(MARKS)
        for pupil in range(PUPILS)
    }
    return school.register(at, start, marks, subject=("MA", "SV", "EN")[STARTS.index(start)])


def facts(seed: int) -> list[list[bytes]]:
    """What comes in between two decisions."""
    chance, school = random.Random(seed), School()
    first: list[bytes] = []
    for which in chance.sample(range(len(CONTENTS)), 4):
        profile_id, version, content = CONTENTS[which]
        since = chance.choice((0, 0, DAYS[4], DAYS[8]))
        forms = [f.SCHOOL_FORM_COMPULSORY] * chance.randint(0, 1)
        first.append(
            school.profile(
                content, profile_id=profile_id, version=version, valid_from=since, forms=forms
            )
        )
    first += [school.placement(pupil, DAYS[0] - 30) for pupil in range(PUPILS - 1)]
    found = [first]
    for at in DAYS:
        found.append([register(school, chance, at, start) for start in STARTS])
        closing = [school.closed(at, chance.choice((1, 1, 1, 1, 2)))]
        if chance.random() < 0.5:
            closing.append(school.wave(at, {CLASS: chance.choice((0, 300))}))
        found.append(closing)
        if chance.random() < 0.6:  # a late report, or a correction
            back = chance.choice(DAYS[: DAYS.index(at) + 1])
            found.append([register(school, chance, back, chance.choice(STARTS))])
        if chance.random() < 0.3:
            begin = calendar.local_instant(at, chance.choice((0, 500)))
            length = chance.choice((3_600, 90_000))
            who, number = chance.randrange(PUPILS), DAYS.index(at)
            kind = chance.choice((f.NOTICE_KIND_ABSENCE_REPORT, f.NOTICE_KIND_LEAVE))
            found.append([school.notice(who, begin, begin + length, number, kind=kind)])
        if chance.random() < 0.15:
            unit = chance.choice((HOME, OTHER_UNIT))
            found.append([school.placement(chance.randrange(PUPILS), at, number=1, unit=unit)])
            found.append([school.closed(at, unit=OTHER_UNIT)])
        if chance.random() < 0.1:
            found.append([school.closed(chance.choice(DAYS), 3)])
    return found


def warnings(harness: Harness) -> Any:
    """What consumers hold in the end, whatever revisions led to it."""
    return sorted(comparable(event) for event in harness.snapshots() if comparable(event))


def days_told(harness: Harness) -> dict[bytes, AbsenceDay]:
    found = {key: AbsenceDay.FromString(value) for key, value in harness.absence.items()}
    for one in found.values():
        one.revision = 0
    return found


def sums_told(harness: Harness) -> dict[bytes, GroupDay]:
    found = {key: GroupDay.FromString(value) for key, value in harness.groups.items()}
    for one in found.values():
        one.revision = 0
    return found


@pytest.mark.parametrize("seed", range(12))
def test_bit_by_bit_and_all_at_once_end_alike(seed: int) -> None:
    whole, parts = Harness(CONTENTS), Harness(CONTENTS)
    come = facts(seed)
    for nth, some in enumerate(come):
        parts.apply(*some)
        assert not parts.collect().failed_folds
        if nth == len(come) // 2 and seed % 3 == 0:
            parts.restart()
    if seed % 4 == 1:
        parts.lose()
    whole.apply(*(fact for some in come for fact in some))
    assert not whole.collect().failed_folds
    parts.collect()
    assert warnings(parts) == warnings(whole)
    assert warnings(whole)
    # A day that was told while it was a closed school day stays told, and its newest word counts.
    assert days_told(parts).items() >= days_told(whole).items()
    assert sums_told(parts).items() >= sums_told(whole).items()
