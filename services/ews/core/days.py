"""What a bucket's lessons of one day add up to, for every pupil at once.

A mark counts where its lesson is not cancelled, it is not withdrawn and offers
time. Of those only the reported ones say anything of presence or absence
(design D7); a mark that is only scheduled adds to ``OFFERED`` and ``LESSONS``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.ews.core import calendar, lessons
from services.ews.core.lessons import Lesson
from services.ews.core.notices import Notice, explained_minutes

LAYOUT = 1
"""Version of what the fields below mean; stored sums of another one are computed anew."""

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
last is. ``REVISION`` is not a sum: the published revision of the AbsenceDay.
"""
FIELDS = 16
SUMMED = 15

Sums = NDArray[np.int16]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Day:
    """``sums[field, row]``; ``units`` tells in which school units each row had a counted mark.

    The rest is [lesson, row] for the lessons in order of start: counted and
    reported masks, and minutes that are zero where they do not count.
    """

    sums: Sums
    units: dict[bytes, Mask]
    lessons: Sequence[Lesson]
    counted: Mask
    reported: Mask
    offered: Sums
    valid: Sums
    unexplained: Sums
    confirmed: Sums


def order(held: Iterable[Lesson]) -> list[Lesson]:
    """The lessons that count, in the order of the day."""
    kept = [lesson for lesson in held if lesson.state != lessons.CANCELLED]
    kept.sort(key=lambda lesson: (lesson.start, lesson.lesson_id))
    return kept


def add_up(held: Iterable[Lesson], size: int, notices: Mapping[int, Sequence[Notice]]) -> Day:
    """The sums of one day's lessons for rows 0 to ``size - 1``; ``notices`` is by row."""
    kept = order(held)
    dense = np.zeros((5, len(kept), size), np.int16)
    for i, lesson in enumerate(kept):
        dense[:, i, lesson.rows] = lesson.marks[:5]
    offered, valid, invalid, other, flags = dense
    counted = (offered > 0) & ((flags & lessons.WITHDRAWN) == 0)
    offered *= counted
    reported = counted & ((flags & lessons.REPORTED) != 0)
    dense[1:4] *= reported
    if notices:
        _explain(kept, valid, invalid, flags, notices)
    confirmed = np.where(flags & lessons.CONFIRMED, invalid, 0).astype(np.int16, copy=False)
    unexplained = invalid - confirmed
    sums = np.zeros((FIELDS, size), np.int16)
    np.add.reduce(offered, 0, out=sums[OFFERED])
    np.add.reduce(offered * reported, 0, out=sums[REPORTED])
    np.add.reduce(valid, 0, out=sums[VALID])
    np.add.reduce(unexplained, 0, out=sums[UNEXPLAINED])
    np.add.reduce(confirmed, 0, out=sums[CONFIRMED])
    np.add.reduce(other, 0, out=sums[OTHER])
    np.add.reduce(counted, 0, out=sums[LESSONS])
    np.add.reduce(reported, 0, out=sums[LESSONS_REPORTED])
    known = [i for i, lesson in enumerate(kept) if lesson.timetabled]
    if known:
        np.add.reduce(counted[known], 0, out=sums[TIMETABLED])
    _stretches(sums, reported, valid, invalid, unexplained)
    return Day(
        sums, _units(kept, counted), kept, counted, reported, offered, valid, unexplained, confirmed
    )


def _explain(
    kept: Sequence[Lesson],
    valid: Sums,
    invalid: Sums,
    flags: Sums,
    notices: Mapping[int, Sequence[Notice]],
) -> None:
    """Turn what notices explain from invalid into valid, in place."""
    rows = np.fromiter(notices, np.intp, len(notices))
    where, which = np.nonzero(invalid[:, rows])
    for i, row in zip(where.tolist(), rows[which].tolist(), strict=True):
        lesson = kept[i]
        at = int(np.nonzero(lesson.rows == row)[0][0])
        begin = calendar.local_instant(lesson.day, lesson.start)
        minutes = explained_minutes(
            notices[row],
            int(flags[i, row]),
            lesson.modified(at),
            int(invalid[i, row]),
            (begin, begin + 60 * lesson.length),
        )
        valid[i, row] += minutes
        invalid[i, row] -= minutes


def _stretches(sums: Sums, reported: Mask, valid: Sums, invalid: Sums, unexplained: Sums) -> None:
    """Fill LESSONS_ABSENT, RUNS and EDGES for the pupils with any absence."""
    total = valid + invalid
    columns = np.nonzero(total.any(0))[0]
    if not len(columns):
        return
    absent = np.stack((total, valid, invalid, unexplained))[:, :, columns] > 0
    sums[LESSONS_ABSENT, columns] = np.add.reduce(absent[0], 0)
    said = reported[:, columns]
    before = np.zeros((4, len(columns)), bool)
    first = before.copy()
    seen = np.zeros(len(columns), bool)
    runs = np.zeros((4, len(columns)), np.int16)
    for i in range(len(said)):
        now = absent[:, i]
        runs += now & ~before
        first |= now & ~seen
        seen |= said[i]
        before = np.where(said[i], now, before)
    sums[RUNS : RUNS + 4, columns] = runs
    weights = np.array((1, 2, 4, 8), np.int16)
    sums[EDGES, columns] = weights @ first + 16 * (weights @ before)


def _units(kept: Sequence[Lesson], counted: Mask) -> dict[bytes, Mask]:
    units: dict[bytes, Mask] = {}
    for i, lesson in enumerate(kept):
        found = units.get(lesson.unit_id)
        units[lesson.unit_id] = counted[i] if found is None else found | counted[i]
    return {unit: mask for unit, mask in units.items() if mask.any()}
