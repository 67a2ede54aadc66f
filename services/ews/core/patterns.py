"""Where a pupil's absence gathers: on a weekday, in a subject, in a place of the day.

The sources name what to look for rather than a method: "mönster (veckodagar,
ämnen, situationer)" (Danderyd, Åtgärdstrappan steg 2). A cell is one weekday, one
subject, or one place of the day. Its strength is the share of its reported
lessons on which the pupil was absent, and how many times the share of all other
lessons that is. Whole numbers throughout; shares are compared as ratios.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from forvarning.warnings.v1 import warnings_pb2
from forvarning.warnings.v1.warnings_pb2 import Pattern
from services.ews.core import days, marks
from services.ews.core.look import Counting, Ints, Look
from services.ews.core.marks import Lessons
from services.ews.core.rule import Measure, Metric, Rule

SLOTS = {"first": marks.FIRST, "last": marks.LAST, "lunch": marks.LUNCH}
"""The cells of slot_pattern by name; a lesson may lie in several."""


KINDS = {
    Measure.WEEKDAY_PATTERN: warnings_pb2.PATTERN_KIND_WEEKDAY,
    Measure.SUBJECT_PATTERN: warnings_pb2.PATTERN_KIND_SUBJECT,
    Measure.SLOT_PATTERN: warnings_pb2.PATTERN_KIND_SLOT,
}

_Days = TypeVar("_Days", int, Ints)


def weekday(day: _Days) -> _Days:
    """The ISO number of an epoch day's weekday; the epoch was a Thursday."""
    return (day + 3) % 7 + 1


@dataclass(frozen=True, slots=True)
class Cells:
    """What lies in each cell: counts [cell, pupil], and of all lessons [pupil].

    ``days`` counts the days with absence in the cell.
    """

    names: Sequence[str]
    reported: Ints
    absent: Ints
    days: Ints
    all_reported: Ints
    all_absent: Ints


def cells(measure: Measure, metric: Metric, held: Lessons) -> Cells:
    """The cells of a pattern measure. Lessons without a subject lie in no subject's cell.

    Weekdays are named by their ISO number.
    """
    said = (held.bits & marks.REPORTED) != 0
    absent = said & ((held.bits & marks.OF_METRIC[metric]) != 0)
    totals = (said.sum(0), absent.sum(0))
    if not len(held.day):
        none = np.zeros((0, said.shape[1]), np.int64)
        return Cells((), none, none, none, *totals)
    if measure is Measure.SLOT_PATTERN:
        bits = np.array(list(SLOTS.values()), np.uint8)[:, None, None]
        inside = (held.bits & bits) != 0
        here = absent & inside
        by_day = np.logical_or.reduceat(here, _beginnings(held.day), axis=1)
        counts = ((said & inside).sum(1), here.sum(1), by_day.sum(1))
        return Cells(tuple(SLOTS), *counts, *totals)
    if measure is Measure.WEEKDAY_PATTERN:
        group = weekday(held.day)
        names = [str(number) for number in range(8)]
    else:
        names = sorted(set(held.subjects))
        place = {name: i for i, name in enumerate(names)}
        group = np.array([place[subject] for subject in held.subjects], np.int64)
    order = np.lexsort((held.day, group))
    group, said, absent = group[order], said[order], absent[order]
    at = _beginnings(group)
    at_day = _beginnings(group * (1 << 20) + held.day[order])
    by_day = np.logical_or.reduceat(absent, at_day, axis=0)
    counts = (
        np.add.reduceat(said, at, axis=0, dtype=np.int64),
        np.add.reduceat(absent, at, axis=0, dtype=np.int64),
        np.add.reduceat(by_day, np.searchsorted(at_day, at), axis=0, dtype=np.int64),
    )
    named = [names[one] for one in group[at].tolist()]
    known = [i for i, name in enumerate(named) if name]
    reported, absent_in, on_days = (one[known] for one in counts)
    return Cells([named[i] for i in known], reported, absent_in, on_days, *totals)


def _beginnings(values: Ints) -> Ints:
    """The places at which a value differs from the one before; the first place is one."""
    return np.concatenate(([0], np.flatnonzero(values[1:] != values[:-1]) + 1))


def stands_out(rule: Rule, found: Cells) -> days.Mask:
    """[cell, pupil]: absence on enough days, and enough times the share of all other lessons.

    Where nothing was reported outside the cell there is nothing to stand out from.
    """
    elsewhere = found.all_reported - found.reported
    absent_elsewhere = found.all_absent - found.absent
    top, bottom = rule.rest_ratio
    mask: days.Mask = found.absent * elsewhere * bottom >= absent_elsewhere * found.reported * top
    return mask & (elsewhere > 0) & (found.absent > 0) & (found.days >= rule.min_absence_days)


def verdict(rule: Rule, look: Look) -> tuple[days.Mask, days.Mask]:
    """Whether the strongest cell's share fires, and is calm: [judged day, pupil]."""
    # In no cell can there be more days with absence than there are.
    enough = look.count(rule.window, Counting(Measure.DAYS, rule.metric)) >= rule.min_absence_days
    fires: days.Mask = np.zeros_like(enough)
    calm: days.Mask = np.ones_like(enough)
    if not enough.any():
        return fires, calm
    held = look.lessons(rule.window)
    first, last = look.window_days(rule.window)
    for i in np.nonzero(enough.any(1))[0].tolist():
        some = np.nonzero(enough[i])[0]
        part = held.of(int(first[i]), int(last[i]))
        found = cells(
            rule.measure, rule.metric, Lessons(part.day, part.subjects, part.bits[:, some])
        )
        mask = stands_out(rule, found)
        top, bottom = rule.threshold_ratio
        share, limit = found.absent * (100 * bottom), found.reported * top
        over = share >= limit if rule.inclusive else share > limit
        fires[i, some] = (mask & over).any(0)
        top, bottom = rule.resolve_ratio
        over = found.absent * (100 * bottom) >= found.reported * top
        calm[i, some] = ~(mask & over).any(0)
    return fires, calm


def strongest(rule: Rule, held: Lessons) -> Pattern | None:
    """Of one pupil's lessons the cell that stands out with the largest share; None where none does.

    Of equal ones the first: weekdays and places of the day in their order, subjects by name.
    """
    found = cells(rule.measure, rule.metric, held)
    best: int | None = None
    for i in np.nonzero(stands_out(rule, found)[:, 0])[0].tolist():
        if best is None or int(found.absent[i, 0]) * int(found.reported[best, 0]) > int(
            found.absent[best, 0]
        ) * int(found.reported[i, 0]):
            best = i
    if best is None:
        return None
    reported, absent = int(found.reported[best, 0]), int(found.absent[best, 0])
    elsewhere = int(found.all_reported[0]) - reported
    absent_elsewhere = int(found.all_absent[0]) - absent
    return Pattern(
        kind=KINDS[rule.measure],
        cell=found.names[best],
        lessons_reported=reported,
        lessons_absent=absent,
        elsewhere_reported=elsewhere,
        elsewhere_absent=absent_elsewhere,
        share=100.0 * absent / reported,
        elsewhere_share=100.0 * absent_elsewhere / elsewhere,
    )


def inside(pattern: Pattern, day: int, subject: str, bits: int) -> bool:
    """Whether a lesson lies in the pattern's cell."""
    match pattern.kind:
        case warnings_pb2.PATTERN_KIND_WEEKDAY:
            return pattern.cell == str(weekday(day))
        case warnings_pb2.PATTERN_KIND_SUBJECT:
            return pattern.cell == subject
        case _:
            return bool(bits & SLOTS[pattern.cell])
