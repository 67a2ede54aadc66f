"""Lessons as state rows hold them: the identifiers apart, all else as whole numbers.

A lesson's versions are written once each and named by their place; see
:mod:`services.ews.core.packing` for the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from services.ews.core.lessons import RANGE, REPORTED, Lesson, Version, are_first
from services.ews.core.packing import (
    Names,
    put_places,
    put_table,
    take_places,
    take_table,
    unzigzag,
    zigzag,
)

_DAY_MS = 86_400_000
_WORD = 1 << 64
_FIRST, _ASCENDING, _ANYHOW = range(3)


def numbers_of(lesson: Lesson, names: Names) -> list[int]:
    """Everything but the lesson's identifier and its day; kept, since lessons never change.

    What was decoded begins without them: most of it is never written again.
    """
    if lesson.numbers is None:
        slot = (
            names.number(lesson.unit_id),
            names.number(lesson.activity_id),
            names.number(lesson.group_id),
            names.number(lesson.subject.encode()),
            lesson.start,
            lesson.length,
        )
        numbers = [names.slot_number(slot), 2 * lesson.state + lesson.timetabled]
        _put_rows(lesson, numbers)
        versions = {lesson.version: 0}
        table = lesson.marks
        if lesson.marks_version is not None:
            versions.setdefault(lesson.marks_version, len(versions))
        else:
            which = [versions.setdefault(one, len(versions)) for one in lesson.version_list()]
            table = np.concatenate((table, np.array([which], np.int16)))
        _put_versions(list(versions), lesson.day, numbers)
        numbers.append(2 * len(lesson.marks) + (lesson.marks_version is None))
        put_table(table, _expected(lesson.length, len(table)), numbers)
        lesson.numbers = numbers
    return lesson.numbers


def lesson_of(
    lesson_id: bytes, day: int, numbers: Sequence[int], at: int, names: Names
) -> tuple[Lesson, int]:
    """The lesson that :func:`numbers_of` wrote at ``at``, and where it ends."""
    unit, activity, group, subject, start, length = names.slot(numbers[at])
    state = numbers[at + 1]
    lesson = Lesson()
    lesson.lesson_id, lesson.day = lesson_id, day
    lesson.unit_id, lesson.activity_id = names[unit], names[activity]
    lesson.group_id, lesson.subject = names[group], names[subject].decode()
    lesson.start, lesson.length = start, length
    lesson.state, lesson.timetabled = state >> 1, bool(state & 1)
    at = _take_rows(lesson, numbers, at + 2)
    versions, at = _take_versions(day, numbers, at)
    columns, mixed = numbers[at] >> 1, numbers[at] & 1
    table, at = take_table(numbers, at + 1, _expected(length, columns + mixed), len(lesson.rows))
    lesson.version = versions[0]
    lesson.marks = table[:columns]
    if mixed:
        lesson.marks_version = None
        lesson.versions = np.array(versions, np.int64)[table[columns]].T.copy()
    else:
        lesson.marks_version, lesson.versions = versions[-1], None
    lesson.numbers = None
    return lesson, at


def _expected(length: int, columns: int) -> Sequence[int]:
    """What is known of who was there: the lesson's minutes, and that it is reported."""
    return (length, 0, 0, 0, REPORTED, 0, 0, 0)[:columns]


def _put_rows(lesson: Lesson, numbers: list[int]) -> None:
    rows = lesson.rows.tolist()
    if lesson.first_rows or not rows:
        numbers += (_FIRST, len(rows))
    elif all(one < other for one, other in pairwise(rows)):
        numbers.append(_ASCENDING)
        if rows[-1] < 63:
            # A number with a bit for each is shorter than their distances.
            numbers += (0, sum(1 << row for row in rows))
        else:
            put_places(rows, numbers)
    else:
        numbers += (_ANYHOW, len(rows), *rows)


def _take_rows(lesson: Lesson, numbers: Sequence[int], at: int) -> int:
    kind, count = numbers[at], numbers[at + 1]
    if kind == _FIRST:
        lesson.rows, lesson.first_rows = RANGE[:count], count > 0
        return at + 2
    if kind == _ANYHOW:
        end = at + 2 + count
        rows = list(numbers[at + 2 : end])
    elif count:
        rows, end = take_places(numbers, at + 1)
    else:
        bits, end = numbers[at + 2], at + 3
        rows = [row for row in range(63) if bits >> row & 1]
    lesson.rows = np.array(rows, np.intp)
    lesson.first_rows = are_first(lesson.rows)
    return end


def _put_versions(versions: Sequence[Version], day: int, numbers: list[int]) -> None:
    numbers.append(len(versions))
    modified, sequence = day * _DAY_MS, 0
    for one in versions:
        numbers += (one[0], zigzag(one[1] - modified), zigzag(one[2] - sequence))
        _, modified, sequence = one


def _take_versions(day: int, numbers: Sequence[int], at: int) -> tuple[list[Version], int]:
    end = at + 1 + 3 * numbers[at]
    modified, sequence = day * _DAY_MS, 0
    found: list[Version] = []
    for place in range(at + 1, end, 3):
        modified = unzigzag(zigzag(modified + unzigzag(numbers[place + 1])))
        sequence = (sequence + unzigzag(numbers[place + 2])) % _WORD
        found.append((numbers[place], modified, sequence))
    return found, end
