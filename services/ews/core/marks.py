"""The lessons of a day as bits: which ones a pupil missed, where the day's sums do not tell.

They are made from the day as it is added up, at once where a profile's rules look
at lessons, else when they are asked for, and kept until the day changes. A profile
that has no such rule pays nothing for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

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
:func:`_places`.
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
    bits = part.view(np.uint8) * np.uint8(PART)
    for bit, mask in zip(
        (REPORTED, VALID, UNEXPLAINED, CONFIRMED), (said > 0, *(kinds > 0)), strict=True
    ):
        bits |= mask.view(np.uint8) * np.uint8(bit)
    if day.lessons:
        _slots(bits, day.counted, day.lessons)
    return DayMarks(tuple(lesson.subject for lesson in day.lessons), bits)


def _slots(bits: Bits, counted: days.Mask, held: Sequence[Lesson]) -> None:
    """Mark the place of every pupil's lessons in the pupil's own day."""
    spans = tuple((lesson.start, lesson.start + lesson.length) for lesson in held)
    packed = np.packbits(counted, axis=0).T.tobytes()
    width = -(-len(held) // 8)
    mine = [packed[at : at + width] for at in range(0, len(packed), width)]
    # Most have the same lessons as the others.
    if not mine or mine.count(mine[0]) == len(mine):
        for one in mine[:1]:
            bits |= _places(spans, one)[:, None]
        return
    for one in set(mine):
        bits[:, [other == one for other in mine]] |= _places(spans, one)[:, None]


@lru_cache(maxsize=4_096)
def _places(spans: tuple[tuple[int, int], ...], mine: bytes) -> Bits:
    """The places of a day's lessons for who has those that ``mine`` has a bit for.

    First are those that begin before any other, last those that begin after
    any other. The lunch break is the longest time between two lessons, the
    earlier of two as long, that begins between 10:30 and 13:30; on a day
    without one no lesson is next to it. A timetable comes back every week, hence
    the cache; what it gives is not written to.
    """
    bits = np.zeros(len(spans), np.uint8)
    has = np.unpackbits(np.frombuffer(mine, np.uint8), count=len(spans)).tolist()
    own = [(start, end, i) for i, (start, end) in enumerate(spans) if has[i]]
    if not own:
        return bits
    first, last = own[0][0], own[-1][0]
    ended, longest = own[0][1], 0
    lunch: tuple[int, int] | None = None
    for start, end, _ in own[1:]:
        if _LUNCH_FROM <= ended <= _LUNCH_UPTO and start - ended > longest:
            longest, lunch = start - ended, (ended, start)
        ended = max(ended, end)
    for start, end, i in own:
        if start == first:
            bits[i] |= FIRST
        if start == last:
            bits[i] |= LAST
        if lunch is not None and (end == lunch[0] or start == lunch[1]):
            bits[i] |= LUNCH
    return bits


@dataclass(frozen=True, slots=True)
class Lessons:
    """Lessons of several days one after another: ``bits[lesson, pupil]``, ``day[lesson]``."""

    day: Ints
    subjects: Sequence[str]
    bits: Bits


def gather(some: Sequence[tuple[int, DayMarks]], rows: NDArray[np.intp]) -> Lessons:
    """The lessons of the given epoch days, for some rows of the bucket.

    The days must be in order, and some of them have lessons.
    """
    lengths = [len(one.subjects) for _, one in some]
    return Lessons(
        np.repeat(np.array([day for day, _ in some], np.int64), lengths),
        [subject for _, one in some for subject in one.subjects],
        np.concatenate([one.bits for _, one in some if one.subjects])[:, rows],
    )
