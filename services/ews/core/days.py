"""What a bucket's lessons of one day add up to, for every pupil at once.

A mark counts where its lesson is not cancelled, it is not withdrawn and offers
time. Of those only the reported ones say anything of presence or absence
(design D7); a mark that is only scheduled adds to ``OFFERED`` and ``LESSONS``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.ews.core import calendar, lessons
from services.ews.core.lessons import Lesson
from services.ews.core.notices import Notice, explained_minutes

LAYOUT = 6
"""Version of what state rows hold and the fields below mean; state of another one is refused."""

(
    OFFERED,
    REPORTED,
    VALID,
    UNEXPLAINED,
    CONFIRMED,
    TIMETABLED,
    OTHER,
    LESSONS,
    LESSONS_REPORTED,
    LESSONS_ABSENT,
    RUNS,
    _RUNS_VALID,
    _RUNS_INVALID,
    _RUNS_UNEXPLAINED,
    EDGES,
    REVISION,
) = range(16)
"""Fields of a day's sums: minutes, and counts of lessons from TIMETABLED on but OTHER.

``RUNS + m`` counts the unbroken stretches of reported lessons with absence of
metric ``m`` (0 total, 1 valid, 2 invalid, 3 unexplained). ``EDGES`` has bit
``m`` where the first reported lesson of the day is one, bit ``4 + m`` where the
last is. Lessons of a pupil that begin at the same minute count as one here, and
absence from any of them as absence: no order of theirs means anything, and who
has absence on a day has a stretch of it. ``REVISION`` is not a sum: the published
revision of the AbsenceDay.
"""
FIELDS = 16
SUMMED = 15

Sums = NDArray[np.int16]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Day:
    """``sums[field, row]``; ``units`` tells which rows' lessons make them belong to which unit.

    The rest is by lesson, in the order of the day: ``minutes[kind, lesson, row]``
    with the kinds OFFERED, REPORTED, VALID, UNEXPLAINED and CONFIRMED, zero where
    they do not count, and whether the mark is ``counted[lesson, row]``.
    """

    sums: Sums
    units: dict[bytes, Mask]
    lessons: Sequence[Lesson]
    minutes: Sums
    counted: Mask
    everybody: Totals


@dataclass(frozen=True, slots=True)
class Totals:
    """What the marks of several pupils add up to.

    By lesson, in the order of the day: ``present`` counts the pupils with a counted
    mark, ``minutes`` are by kind. Of the whole day: the pupils with a counted mark,
    their ``day_minutes`` by kind, and how many of them were ``away`` all day.
    """

    present: list[int]
    minutes: list[list[int]]
    pupils: int
    day_minutes: list[int]
    away: int


def totals(sums: Sums, minutes: Sums, counted: Mask, starts: Sequence[int]) -> list[Totals]:
    """The totals of each stretch of pupils; ``starts`` are where they begin, none of them empty."""
    if not starts:
        return []
    by_lesson = np.add.reduceat(minutes, starts, axis=2, dtype=np.int64)
    present = np.add.reduceat(counted, starts, axis=1, dtype=np.int64)
    said = sums[REPORTED]
    away = (said > 0) & (sums[VALID] + sums[UNEXPLAINED] + sums[CONFIRMED] >= said)
    heads = np.add.reduceat((sums[LESSONS] > 0, away), starts, axis=1, dtype=np.int64)
    by_day = np.add.reduceat(sums[: CONFIRMED + 1], starts, axis=1, dtype=np.int64)
    return [
        Totals(*one)
        for one in zip(
            present.T.tolist(),
            by_lesson.transpose(2, 1, 0).tolist(),
            heads[0].tolist(),
            by_day.T.tolist(),
            heads[1].tolist(),
            strict=True,
        )
    ]


_NOBODY = Totals([], [], 0, [0] * 5, 0)


def order(held: Iterable[Lesson]) -> list[Lesson]:
    """The lessons that count, in the order of the day.

    Nothing that is judged goes by the order of lessons that begin at the same minute.
    """
    kept = [lesson for lesson in held if lesson.state != lessons.CANCELLED]
    if len(kept) > 1:
        kept.sort(key=_in_day)
    return kept


def _in_day(lesson: Lesson) -> int:
    return lesson.start


@dataclass(frozen=True, slots=True)
class Task:
    """One bucket's day to be added up, for rows 0 to ``size - 1``."""

    kept: Sequence[Lesson]
    size: int
    notices: Callable[[int], Sequence[Notice] | None]
    """By row, those that can explain anything."""
    home: bytes


def add_up(tasks: Sequence[Task]) -> list[Day]:
    """The days of several buckets side by side: one pass of NumPy for all of them."""
    kept = [task.kept for task in tasks]
    sizes = [task.size for task in tasks]
    ends = np.cumsum(sizes).tolist()
    spans = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    width, most = sum(sizes), max(len(one) for one in kept)
    dense = np.zeros((5, most, width), np.int16)
    timetabled = np.zeros((most, len(tasks)), bool)
    at_once: list[tuple[int, slice]] = []
    for place, (one, span) in enumerate(zip(kept, spans, strict=True)):
        for i, lesson in enumerate(one):
            marks = lesson.marks if len(lesson.marks) == 5 else lesson.marks[:5]
            if lesson.first_rows:
                dense[:, i, span.start : span.start + marks.shape[1]] = marks
            else:
                dense[:, i, span.start + lesson.rows] = marks
            if lesson.timetabled:
                timetabled[i, place] = True
            if i and lesson.start == one[i - 1].start:
                at_once.append((i, span))
    offered, valid, invalid, other, flags = dense
    minutes = np.empty((5, most, width), np.int16)
    counts = np.empty((3, most, width), bool)
    counted, reported, absent = counts
    np.greater(offered, 0, out=counted)
    counted &= (flags & lessons.WITHDRAWN) == 0
    np.logical_and(counted, flags & lessons.REPORTED, out=reported)
    np.multiply(offered, counted, out=minutes[OFFERED])
    np.multiply(offered, reported, out=minutes[REPORTED])
    dense[1:4] *= reported
    for column in np.nonzero(invalid.any(0))[0].tolist():
        nth = bisect_right(ends, column)
        row = column - spans[nth].start
        told = tasks[nth].notices(row)
        if told:
            _explain(kept[nth], row, dense[:, :, column], told)
    np.add(valid, invalid, out=offered)
    np.greater(offered, 0, out=absent)
    minutes[VALID] = valid
    np.multiply(invalid, (flags & lessons.CONFIRMED) != 0, out=minutes[CONFIRMED])
    np.subtract(invalid, minutes[CONFIRMED], out=minutes[UNEXPLAINED])
    sums = np.zeros((FIELDS, width), np.int16)
    np.add.reduce(minutes, 1, out=sums[:5])
    np.add.reduce(other, 0, out=sums[OTHER])
    np.add.reduce(counts, 1, out=sums[LESSONS : LESSONS_ABSENT + 1])
    if timetabled.any():
        known = counted & np.repeat(timetabled, sizes, axis=1)
        np.add.reduce(known, 0, out=sums[TIMETABLED])
    _stretches(sums, minutes, reported, at_once)
    everybody = iter(
        totals(sums, minutes, counted, [span.start for span in spans if span.stop > span.start])
    )
    return [
        Day(
            sums[:, span].copy(),
            _units(one, minutes[OFFERED, : len(one), span], task.home),
            one,
            minutes[:, : len(one), span].copy(),
            counted[: len(one), span].copy(),
            next(everybody) if span.stop > span.start else _NOBODY,
        )
        for task, one, span in zip(tasks, kept, spans, strict=True)
    ]


def _explain(kept: Sequence[Lesson], row: int, dense: Sums, notices: Sequence[Notice]) -> None:
    """Turn what a pupil's notices explain from invalid into valid, in place."""
    _, valid, invalid, _, flags = dense
    for i in np.nonzero(invalid)[0].tolist():
        lesson = kept[i]
        at = lesson.place_of(row)
        if at is None:
            continue
        begin = calendar.local_instant(lesson.day, lesson.start)
        minutes = explained_minutes(
            notices,
            int(flags[i]),
            lesson.modified(at),
            int(invalid[i]),
            (begin, begin + 60 * lesson.length),
        )
        valid[i] += minutes
        invalid[i] -= minutes


_WEIGHTS = np.array((1, 2, 4, 8), np.int16)


def _stretches(
    sums: Sums, minutes: Sums, reported: Mask, at_once: Sequence[tuple[int, slice]]
) -> None:
    """Fill RUNS and EDGES for the pupils with any absence.

    ``at_once``: which lessons begin with the one before, and the columns of their bucket.
    """
    columns = np.nonzero(sums[LESSONS_ABSENT])[0]
    if not len(columns):
        return
    told = reported[:, columns]
    somebody = told.any(1)
    if not at_once and not somebody.all():
        told = told[somebody]
        minutes = minutes[:, somebody]
    kinds = minutes[VALID : CONFIRMED + 1, :, columns]
    absent = np.empty((4, *told.shape), bool)
    invalid = kinds[1] + kinds[2]
    np.greater(kinds[0] + invalid, 0, out=absent[0])
    np.greater(kinds[0], 0, out=absent[1])
    np.greater(invalid, 0, out=absent[2])
    np.greater(kinds[1], 0, out=absent[3])
    for i, span in reversed(at_once):
        # The later of them says nothing any more, and the one before what both said.
        first_column, after = np.searchsorted(columns, (span.start, span.stop)).tolist()
        for said in (told, *absent):
            said[i - 1, first_column:after] |= said[i, first_column:after]
            said[i, first_column:after] = False
    if told.all():
        begun = absent.copy()
        begun[:, 1:] &= ~absent[:, :-1]
        runs = np.add.reduce(begun, 1, dtype=np.int16)
        first, last = absent[:, 0], absent[:, -1]
    else:
        runs, first, last = _broken(absent, told)
    sums[RUNS : RUNS + 4, columns] = runs
    sums[EDGES, columns] = _WEIGHTS @ first + 16 * (_WEIGHTS @ last)


def _broken(absent: Mask, told: Mask) -> tuple[Sums, Mask, Mask]:
    """Stretches, first and last lesson, where some lessons say nothing of some pupils."""
    before: Mask = np.zeros_like(absent[:, 0])
    first: Mask = before.copy()
    seen: Mask = np.zeros_like(told[0])
    runs = np.zeros(before.shape, np.int16)
    for i in range(len(told)):
        now = absent[:, i]
        runs += now & ~before
        first |= now & ~seen
        seen |= told[i]
        before = np.where(told[i], now, before)
    return runs, first, before


_MINUTES_OF_DAY = 2048
"""More than a day has."""


def _units(kept: Sequence[Lesson], offered: Sums, home: bytes) -> dict[bytes, Mask]:
    """The unit that each row's lessons make it belong to, where no placement says it.

    Of several the one where most of the day is offered; of equal ones the home,
    then the one whose lesson begins first. Only where all that is equal as well
    do the identifiers decide: nothing else tells the two apart.
    """
    names = sorted({lesson.unit_id for lesson in kept})
    if len(names) < 2:
        return {unit: mask for unit in names if (mask := np.any(offered, axis=0)).any()}
    worth = np.zeros((len(names), offered.shape[1]), np.int64)
    for nth, unit in enumerate(names):
        own = [i for i, lesson in enumerate(kept) if lesson.unit_id == unit]
        there = offered[own] > 0
        first = np.array([kept[i].start for i in own])[np.argmax(there, axis=0)]
        minutes = 2 * offered[own].sum(axis=0, dtype=np.int64) + (unit == home)
        worth[nth] = there.any(axis=0) * (_MINUTES_OF_DAY * minutes - first)
    best = np.argmax(worth, axis=0)
    some = worth.any(axis=0)
    masks = {unit: some & (best == nth) for nth, unit in enumerate(names)}
    return {unit: mask for unit, mask in masks.items() if mask.any()}
