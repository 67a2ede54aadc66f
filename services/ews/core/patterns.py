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
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

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
    """What lies in each cell of each window: counts [window, cell, pupil].

    ``days`` counts the days with absence in the cell; the ``all_`` counts are of
    every lesson, in a cell or not: [window, 1, pupil].
    """

    names: Sequence[str]
    reported: Ints
    absent: Ints
    days: Ints
    all_reported: Ints
    all_absent: Ints


def cells(measure: Measure, metric: Metric, held: Lessons, first: Ints, last: Ints) -> Cells:
    """The cells of a pattern measure in the windows between two epoch days each, both included.

    Lessons without a subject lie in no subject's cell. Weekdays are named by
    their ISO number.
    """
    said = (held.bits & marks.REPORTED) != 0
    both = np.stack((said, said & ((held.bits & marks.OF_METRIC[metric]) != 0)))
    begin = _beginnings(held.day)
    dates = held.day[begin]
    everything = _by(both, begin)
    if measure is Measure.SLOT_PATTERN:
        names, inside = list(SLOTS), np.zeros((2, len(dates), len(SLOTS), said.shape[1]), np.int64)
        for i, bit in enumerate(SLOTS.values()):
            inside[:, :, i] = _by(both & ((held.bits & bit) != 0), begin)
    elif measure is Measure.WEEKDAY_PATTERN:
        numbers = weekday(dates)
        known = sorted(set(numbers.tolist()))
        names, inside = [str(number) for number in known], _empty(everything, len(known))
        inside[:, np.arange(len(dates)), np.searchsorted(known, numbers)] = everything
    else:
        names = sorted(set(held.subjects) - {""})
        inside = _empty(everything, len(names))
        place = {name: i for i, name in enumerate(names)}
        where = np.array([place.get(subject, -1) for subject in held.subjects], np.int64)
        in_cell = np.flatnonzero(where >= 0)
        which = np.searchsorted(dates, held.day)[in_cell] * len(names) + where[in_cell]
        order = np.argsort(which, kind="stable")
        begin = _beginnings(which[order])
        flat = inside.reshape(2, -1, said.shape[1])
        flat[:, which[order][begin]] = _by(both[:, in_cell[order]], begin)
    low, high = np.searchsorted(dates, first), np.searchsorted(dates, last + 1)
    counts = [_between(one, low, high) for one in (*inside, inside[1] > 0)]
    return Cells(names, *counts, *(_between(one[:, None], low, high) for one in everything))


def _by(both: days.Mask, begin: Ints) -> Ints:
    """What lies between one beginning and the next, counted: [2, beginning, pupil]."""
    return np.add.reduceat(both, begin, axis=1, dtype=np.int64)


def _empty(everything: Ints, width: int) -> Ints:
    two, dates, pupils = everything.shape
    return np.zeros((two, dates, width, pupils), np.int64)


def _between(daily: NDArray[Any], low: Ints, high: Ints) -> Ints:
    """Sums of [day, ...] over windows."""
    upto = np.zeros((len(daily) + 1, *daily.shape[1:]), np.int64)
    np.cumsum(daily, axis=0, out=upto[1:])
    return upto[high] - upto[low]


def _beginnings(values: Ints) -> Ints:
    """The places at which a value differs from the one before; the first place is one."""
    if not len(values):
        return np.zeros(0, np.int64)
    return np.concatenate(([0], np.flatnonzero(values[1:] != values[:-1]) + 1))


def stands_out(rule: Rule, found: Cells) -> days.Mask:
    """[window, cell, pupil]: absence on enough days, enough times the share of other lessons.

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
    who, when = np.flatnonzero(enough.any(0)), np.flatnonzero(enough.any(1))
    if not len(who):
        return fires, calm
    first, last = look.window_days(rule.window)
    held = look.lessons(rule.window, who)
    found = cells(rule.measure, rule.metric, held, first[when], last[when])
    mask = stands_out(rule, found)
    places = np.ix_(when, who)
    top, bottom = rule.threshold_ratio
    share, limit = found.absent * (100 * bottom), found.reported * top
    over = share >= limit if rule.inclusive else share > limit
    fires[places] = (mask & over).any(1)
    top, bottom = rule.resolve_ratio
    over = found.absent * (100 * bottom) >= found.reported * top
    calm[places] = ~(mask & over).any(1)
    return fires, calm


def strongest(rule: Rule, held: Lessons) -> Pattern | None:
    """Of one pupil's lessons the cell that stands out with the largest share; None where none does.

    Of equal ones the first: weekdays and places of the day in their order, subjects by name.
    """
    found = cells(rule.measure, rule.metric, held, held.day[:1], held.day[-1:])
    reported_in, absent_in = found.reported[0, :, 0].tolist(), found.absent[0, :, 0].tolist()
    best: int | None = None
    for i in np.flatnonzero(stands_out(rule, found)[0, :, 0]).tolist():
        if best is None or absent_in[i] * reported_in[best] > absent_in[best] * reported_in[i]:
            best = i
    if best is None:
        return None
    reported, absent = reported_in[best], absent_in[best]
    elsewhere = int(found.all_reported[0, 0, 0]) - reported
    absent_elsewhere = int(found.all_absent[0, 0, 0]) - absent
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
