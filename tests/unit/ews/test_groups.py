"""A class's sums of a day, mark by mark: who was there, in which hour and subject, and who not."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from forvarning.warnings.v1.warnings_pb2 import GroupDay
from services.ews.core import groups
from services.ews.core.groups import WHOLE_DAY, Part
from services.ews.core.intake import Intake
from services.ews.core.partition import Partition
from tests.unit.ews.facts import CONFIRMED, HOME, ORGANISER, REPORTED, START, School, name

A, B = name(1, "class"), name(2, "class")
PUPILS = 6
Lesson = tuple[int, str, dict[int, tuple[int, ...]]]
"""Start, subject, and by pupil: valid, invalid, other minutes and flags."""


def lessons(seed: int) -> list[Lesson]:
    chance = random.Random(seed)
    kinds = [
        *((0, 0, 0, REPORTED), (0, 0, 0, 0), (60, 0, 0, REPORTED), (0, 60, 0, REPORTED)),
        *((0, 60, 0, REPORTED | CONFIRMED), (20, 10, 0, REPORTED), (0, 0, 60, REPORTED)),
    ]
    return [
        (start, subject, {p: chance.choice(kinds) for p in range(PUPILS) if chance.random() < 0.8})
        for start, subject in ((490, "MA"), (540, "MA"), (595, "MA"), (545, "SV"), (780, "IDH"))
    ]


def told(day: list[Lesson], classes: dict[bytes, list[int]]) -> list[groups.Sum]:
    """What the core makes of them."""
    school, partition = School(), Partition()
    intake = Intake(partition)
    bucket = partition.bucket(ORGANISER, HOME, 0)
    for pupil in range(PUPILS):
        bucket.row(name(pupil, "pupil"))
    for offset, (start, subject, marks) in enumerate(day):
        fact = school.register(START, start, marks, subject=subject, lesson=name(offset, "lesson"))
        intake.apply(fact, offset, again=False)
    return groups.share(bucket.counted(START), classes)


def plainly(day: list[Lesson], pupils: list[int]) -> dict[tuple[int, str], tuple[int, ...]]:
    """The same of one class, mark by mark."""
    by_slot: dict[tuple[int, str], list[tuple[int, tuple[int, ...]]]] = defaultdict(list)
    for start, subject, marks in day:
        for pupil, mark in marks.items():
            if pupil in pupils:
                by_slot[start // 60, subject].append((pupil, mark))
                by_slot[WHOLE_DAY, ""].append((pupil, mark))
    found: dict[tuple[int, str], tuple[int, ...]] = {}
    for (slot, subject), there in by_slot.items():
        said = [(pupil, mark) for pupil, mark in there if mark[3] & REPORTED]
        invalid = [(mark[1], bool(mark[3] & CONFIRMED)) for _, mark in said]
        away_all_day = mostly = 0
        if slot == WHOLE_DAY:
            for pupil in pupils:
                own = [mark for one, mark in said if one == pupil]
                valid, away = sum(m[0] for m in own), sum(m[0] + m[1] for m in own)
                away_all_day += bool(own) and away >= 60 * len(own)
                mostly += bool(valid) and 2 * valid >= 60 * len(own)
        found[slot, subject] = (
            len({pupil for pupil, _ in there}),
            60 * len(there),
            60 * len(said),
            sum(mark[0] for _, mark in said),
            sum(minutes for minutes, confirmed in invalid if not confirmed),
            sum(minutes for minutes, confirmed in invalid if confirmed),
            away_all_day,
            len({pupil for pupil, mark in said if mark[0] + mark[1]}),
            mostly,
        )
    return found


@pytest.mark.parametrize("seed", range(4))
def test_a_class_s_share_is_what_its_pupils_marks_add_up_to(seed: int) -> None:
    day = lessons(seed)
    for classes in ({A: [0, 1, 2], B: [3, 5]}, {A: list(range(PUPILS))}):
        found: dict[bytes, dict[tuple[int, str], tuple[int, ...]]] = {one: {} for one in classes}
        in_order = []
        for class_id, slot, subject, numbers in told(day, classes):
            found[class_id][slot, subject] = numbers
            in_order.append((class_id != A, slot, subject))
        assert found == {one: plainly(day, pupils) for one, pupils in classes.items()}
        assert in_order == sorted(in_order)


def test_a_day_without_lessons_has_no_sums() -> None:
    assert told([], {A: [0, 1]}) == []
    assert told([(490, "MA", {0: (0,)})], {A: [4, 5]}) == []


def some(class_id: bytes, slot: int, first: int) -> groups.Sum:
    return class_id, slot, "MA", tuple(range(first, first + 9))


def sums(encoded: bytes) -> list[groups.Sum]:
    return [groups.of_message(one) for one in GroupDay.FromString(encoded).sums]


def test_a_sum_comes_back_as_it_was_and_says_what_is_what() -> None:
    one = some(A, 8, 11)
    written = groups.message(one)
    assert groups.of_message(written) == one
    assert (written.class_id, written.slot_hour, written.subject) == (A, 8, "MA")
    assert (written.pupils, written.offered, written.reported, written.valid) == (11, 12, 13, 14)
    assert (written.invalid_unexplained, written.invalid_confirmed) == (15, 16)
    assert (written.pupils_absent_all_day, written.pupils_absent) == (17, 18)
    assert written.pupils_mostly_valid == 19


def test_parts_are_put_side_by_side_and_those_of_one_class_added_up() -> None:
    first, second = Part.of([some(A, 8, 1), some(A, 9, 2)]), Part.of([some(B, 8, 3)])
    assert first.classes == {A}
    apart = groups.merged({"1": second, "0": first})
    assert sums(apart) == [some(A, 8, 1), some(A, 9, 2), some(B, 8, 3)]
    shared = Part.of([some(B, 9, 7), some(A, 9, 5)])
    together = groups.merged({"2": shared, "0": first, "1": second})
    both = (A, 9, "MA", tuple(2 * n + 7 for n in range(9)))
    rest = [some(B, 8, 3), some(B, 9, 7)]
    assert sums(together) == sorted([some(A, 8, 1), both, *rest])
    assert groups.merged({}) == b""
