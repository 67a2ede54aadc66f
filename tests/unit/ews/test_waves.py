"""A wave is what many share and no single pupil's illness makes."""

from __future__ import annotations

import random
from fractions import Fraction
from math import comb

import pytest

from forvarning.warnings.v1.warnings_pb2 import GroupDay, GroupSum
from services.ews.core.unitdays import UNIT, UnitDays
from services.ews.core.waves import ONE_DAY_IN, explained, is_rare, waves
from tests.unit.ews.facts import START, name, weekdays

MINUTES = 300
A, B, C = name(1, "a"), name(2, "b"), name(3, "c")


def day_of(
    at: int,
    classes: dict[bytes, tuple[int, int]],
    *,
    revision: int = 1,
    partition: int = 0,
    reported: int = MINUTES,
) -> GroupDay:
    """``classes``: pupils, and how many of them are validly away all day."""
    return GroupDay(
        organiser_id=name(1),
        school_unit_id=name(2),
        epoch_day=at,
        partition=partition,
        revision=revision,
        sums=[
            GroupSum(
                class_id=class_id,
                slot_hour=24,
                pupils=pupils,
                offered=pupils * MINUTES,
                reported=pupils * reported,
                valid=away * reported,
                pupils_absent_all_day=away,
                pupils_absent=away,
                pupils_mostly_valid=away,
            )
            for class_id, (pupils, away) in classes.items()
        ],
    )


def told(rows: list[GroupDay], at: int) -> dict[bytes, int]:
    unit = UnitDays()
    for row in rows:
        unit.take(row)
    return explained(waves(unit, at))


def test_where_everybody_is_usually_away_nothing_is_rare() -> None:
    assert not is_rare(5, 5, 1000)
    assert not is_rare(0, 5, 1200)


def test_what_a_day_goes_by_are_the_sixty_days_up_to_it() -> None:
    unit = UnitDays()
    for revision, at in ((1, START - 61), (10, START - 60), (100, START), (1000, START + 1)):
        unit.take(day_of(at, {A: (20, 0)}, revision=revision))
    assert unit.revisions(START) == 110


def ordinary(days: list[int], size: int = 25, seed: int = 1) -> list[GroupDay]:
    """Each pupil of three classes is ill on one day in twenty, by itself."""
    chance = random.Random(seed)
    return [
        day_of(at, {c: (size, sum(chance.random() < 0.05 for _ in range(size))) for c in (A, B, C)})
        for at in days
    ]


def test_an_influenza_week_is_recognised_day_by_day_in_the_class_that_has_it() -> None:
    days = weekdays(30)
    rows = ordinary(days[:25])
    for at, away in zip(days[25:], (9, 12, 14, 11, 8), strict=True):
        rows.append(day_of(at, {A: (25, away), B: (25, 1), C: (25, 2)}))
    for at, away in zip(days[25:], (9, 12, 14, 11, 8), strict=True):
        found = told(rows, at)
        assert abs(found[A] - (1000 * away // 25 - 40)) <= 40
        assert found.get(B, 0) == 0


def test_an_ordinary_term_has_no_wave() -> None:
    for seed in range(5):
        days = weekdays(90)
        rows = ordinary(days, seed=seed)
        assert [at for at in days if told(rows, at)] == []


def test_a_wave_through_the_whole_unit_holds_for_classes_too_small_for_one() -> None:
    days = weekdays(21)
    rows = [day_of(at, {A: (25, 1), B: (25, 1), C: (3, 0)}) for at in days[:20]]
    rows.append(day_of(days[20], {A: (25, 8), B: (25, 1), C: (3, 2)}))
    found = told(rows, days[20])
    assert found[UNIT] > 0
    assert C not in found
    assert found[B] == 0  # no more than usual: nothing to take out


@pytest.mark.parametrize(
    ("pupils", "away", "wave"), [(12, 1, False), (12, 4, False), (12, 5, True)]
)
def test_a_school_with_twelve_pupils(pupils: int, away: int, wave: bool) -> None:
    days = weekdays(21)
    rows = [day_of(at, {A: (pupils, 0)}) for at in days[:20]] + [day_of(days[20], {A: (12, away)})]
    assert bool(told(rows, days[20])) is wave


def test_a_class_of_three_never_has_a_wave_of_its_own() -> None:
    days = weekdays(21)
    rows = [day_of(at, {A: (3, 0), B: (25, 1)}) for at in days[:20]]
    rows.append(day_of(days[20], {A: (3, 3), B: (25, 1)}))
    assert told(rows, days[20]) == {}


def test_four_of_five_are_too_few_to_tell_of() -> None:
    days = weekdays(21)
    rows = [day_of(at, {A: (5, 0), B: (200, 8)}) for at in days[:20]]
    rows.append(day_of(days[20], {A: (5, 4), B: (200, 8)}))
    assert told(rows, days[20]) == {}


def test_a_class_that_is_always_away_much_has_no_wave_for_it() -> None:
    days = weekdays(21)
    rows = [day_of(at, {A: (25, 8), B: (200, 8)}) for at in days]
    assert told(rows, days[20]) == {}


def test_the_first_day_of_all_goes_by_what_is_general() -> None:
    assert told([day_of(START, {A: (25, 3)})], START) == {}
    assert A in told([day_of(START, {A: (25, 10)})], START)


def test_unreported_lessons_count_as_nothing() -> None:
    days = weekdays(21)
    calm = [day_of(at, {A: (25, 1)}) for at in days[:20]]
    assert told([*calm, day_of(days[20], {A: (25, 0)}, reported=0)], days[20]) == {}
    # Days without a report make no usual share of nothing.
    silent = [day_of(at, {A: (25, 0)}, reported=0) for at in days[:19]]
    known = UnitDays()
    for row in [*silent, day_of(days[19], {A: (25, 1)})]:
        known.take(row)
    assert known.usual_days(days[20], 20) == [days[19]]


def test_it_depends_on_the_set_of_rows_only() -> None:
    chance = random.Random(3)
    days = weekdays(21)
    rows = ordinary(days[:20])
    # Of one day in two partitions, and of each an older revision too.
    rows += [
        day_of(days[20], {A: (12, 6)}, partition=0, revision=2),
        day_of(days[20], {A: (13, 6)}, partition=1, revision=3),
        day_of(days[20], {A: (12, 0)}, partition=0, revision=1),
        day_of(days[20], {A: (13, 0)}, partition=1, revision=1),
    ]
    expected = told(rows, days[20])
    assert A in expected
    for _ in range(20):
        chance.shuffle(rows)
        unit = UnitDays()
        for row in rows + chance.choices(rows, k=5):
            unit.take(row)
        assert explained(waves(unit, days[20])) == expected
        assert unit.partitions(days[20]) == 2
        assert unit.revisions(days[20]) == 20 + 2 + 3


def test_what_a_day_goes_by_never_shrinks_when_a_day_of_it_is_taken_back() -> None:
    days = weekdays(21)
    unit = UnitDays()
    for row in ordinary(days):
        unit.take(row)
    before = unit.revisions(days[20])
    unit.take(day_of(days[5], {}, revision=2))
    assert unit.revisions(days[20]) == before + 1
    assert days[5] not in unit.usual_days(days[20], 20)


@pytest.mark.parametrize(("pupils", "usual"), [(12, 60), (25, 20), (25, 50), (40, 333), (300, 60)])
def test_the_tail_is_the_binomial_one(pupils: int, usual: int) -> None:
    p = Fraction(usual, 1000)
    for absent in range(0, pupils + 1, max(pupils // 40, 1)):
        tail = sum(
            comb(pupils, x) * p**x * (1 - p) ** (pupils - x) for x in range(absent, pupils + 1)
        )
        assert is_rare(absent, pupils, usual) is (tail * ONE_DAY_IN < 1)
