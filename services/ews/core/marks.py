"""The lessons of a day as bits: which ones a pupil missed, where the day's sums do not tell.

They are made from the day as it is added up, when a rule asks for them, and kept
until the day changes. A profile that has no such rule pays nothing for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.ews.core import days, lessons
from services.ews.core.lessons import Lesson
from services.ews.core.rule import Metric

REPORTED, VALID, UNEXPLAINED, CONFIRMED, PART, FIRST, LAST, LUNCH = (1 << i for i in range(8))
"""What a bit says of a pupil's lesson.

It was reported; some of it was valid, unexplained, confirmed absence. ``PART``:
it was attended in part by coming late, see :func:`of_day`. ``FIRST``, ``LAST``
and ``LUNCH`` tell its place in the pupil's day, reported or not, see
:func:`_slots`.
"""
OF_METRIC = {
    Metric.TOTAL: VALID | UNEXPLAINED | CONFIRMED,
    Metric.VALID: VALID,
    Metric.INVALID: UNEXPLAINED | CONFIRMED,
    Metric.UNEXPLAINED: UNEXPLAINED,
}

_LUNCH_FROM, _LUNCH_UPTO = 10 * 60 + 30, 13 * 60 + 30
"""When a lunch break begins, in minutes of the day, both included."""

Bits = NDArray[np.uint8]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DayMarks:
    """``bits[lesson, row]`` of the lessons that count, in the order of the day."""

    subjects: tuple[str, ...]
    bits: Bits


MarksOf = Callable[[int], DayMarks]
"""The marks of an epoch day, for every row of a bucket."""


def of_day(day: days.Day) -> DayMarks:
    """The marks of a day as it was added up, after the notices.

    A lesson is attended in part where some but not all of the offered minutes
    are absent. Where the mark has times the pupil must also have come late;
    without any the absence is all that is known, and it counts (design D2).
    """
    said = day.minutes[days.REPORTED]
    kinds = day.minutes[days.VALID : days.CONFIRMED + 1]
    absent = np.add.reduce(kinds, 0)
    part = (absent > 0) & (absent < said)
    for i in np.nonzero(part.any(1))[0].tolist():
        lesson = day.lessons[i]
        if len(lesson.marks) > lessons.EARLY:
            left = (lesson.marks[lessons.EARLY] > 0) & (lesson.marks[lessons.LATE] == 0)
            part[i, lesson.rows[left]] = False
    bits = np.zeros(said.shape, np.uint8)
    for bit, mask in ((REPORTED, said > 0), (PART, part)):
        bits[mask] |= bit
    for bit, minutes in zip((VALID, UNEXPLAINED, CONFIRMED), kinds, strict=True):
        bits[minutes > 0] |= bit
    if len(day.lessons):
        _slots(bits, day.counted, day.lessons)
    return DayMarks(tuple(lesson.subject for lesson in day.lessons), bits)


def _slots(bits: Bits, counted: days.Mask, held: Sequence[Lesson]) -> None:
    """Mark the first and the last lessons of the day, and those next to the lunch break.

    First are those that begin before any other, last those that begin after
    any other. The lunch break is the longest time between two lessons, the
    earlier of two as long, that begins between 10:30 and 13:30; on a day
    without one no lesson is next to it.
    """
    alike = bool((counted == counted[:, :1]).all())
    mine = counted[:, :1] if alike else counted
    width = mine.shape[1]
    nobody = np.full(width, -1, np.int32)
    first, last, end = nobody.copy(), nobody.copy(), nobody.copy()
    longest = np.zeros(width, np.int32)
    begins, ends = nobody.copy(), nobody.copy()
    for here, lesson in zip(mine, held, strict=True):
        first[here & (first < 0)] = lesson.start
        last[here] = lesson.start
        gap = lesson.start - end
        lunch = here & (end >= _LUNCH_FROM) & (end <= _LUNCH_UPTO) & (gap > longest)
        longest[lunch] = gap[lunch]
        begins[lunch], ends[lunch] = end[lunch], lesson.start
        end[here] = np.maximum(end[here], lesson.start + lesson.length)
    for i, (here, lesson) in enumerate(zip(mine, held, strict=True)):
        beside = (begins == lesson.start + lesson.length) | (ends == lesson.start)
        for bit, mask in (
            (FIRST, first == lesson.start),
            (LAST, last == lesson.start),
            (LUNCH, (longest > 0) & beside),
        ):
            bits[i] |= np.where(mask & here, bit, 0).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Lessons:
    """Lessons of several days one after another: ``bits[lesson, pupil]``, ``day[lesson]``."""

    day: Ints
    subjects: Sequence[str]
    bits: Bits

    def of(self, first: int, last: int) -> Lessons:
        """Those of the epoch days from ``first`` to ``last``."""
        low, high = np.searchsorted(self.day, (first, last + 1)).tolist()
        return Lessons(self.day[low:high], self.subjects[low:high], self.bits[low:high])


def gather(some: Sequence[tuple[int, DayMarks]], rows: NDArray[np.intp]) -> Lessons:
    """The lessons of the given epoch days, which must be in order, for some rows of the bucket."""
    lengths = [len(one.subjects) for _, one in some]
    if not sum(lengths):
        return Lessons(np.zeros(0, np.int64), (), np.zeros((0, len(rows)), np.uint8))
    return Lessons(
        np.repeat(np.array([day for day, _ in some], np.int64), lengths),
        [subject for _, one in some for subject in one.subjects],
        np.concatenate([one.bits for _, one in some if one.subjects])[:, rows],
    )
