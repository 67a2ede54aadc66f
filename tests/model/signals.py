"""The model's measures of days, of lessons in part, and of where absence gathers.

Plain loops over marks, each function sharing nothing with the others or the core.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from services.ews.core.profile import Measure, Rule

if TYPE_CHECKING:
    from tests.model.record import Seen

Days = dict[int, list["Seen"]]
WEEKDAYS = ("1", "2", "3", "4", "5", "6", "7")


def is_late(one: Seen, metric: str) -> bool:
    """Attended in part, and not only left early."""
    in_part = 0 < one.of("total") < one.offered
    return one.reported and in_part and one.of(metric) > 0 and (one.late > 0 or one.early == 0)


def whole_day(marks: list[Seen], metric: str) -> bool:
    said = [one for one in marks if one.reported]
    return bool(said) and all(one.of("total") == one.offered == one.of(metric) for one in said)


def day_counts(rule: Rule, marks: list[Seen]) -> bool:
    """Whether a measure of days counts the day, stretches of whole days apart."""
    metric = rule.metric.value
    said = [one for one in marks if one.reported]
    absent, offered = sum(one.of(metric) for one in said), sum(one.offered for one in said)
    if not absent:
        return False
    if rule.measure is Measure.PART_DAYS:
        return any(one.of("total") < one.offered for one in said)
    return Fraction(100 * absent, offered) >= Fraction(rule.day_share)


def dispersed(metric: str, window: list[int], seen: Days) -> int:
    found, went_on = 0, False
    for day in window:
        marks = [one for one in seen.get(day, []) if one.reported]
        if not marks:
            continue
        whole = whole_day(marks, metric)
        if any(one.of(metric) for one in marks) and not (whole and went_on):
            found += 1
        went_on = whole
    return found


class Gathering(NamedTuple):
    """A cell that stands out: its place among its kind's cells, and what lies in and outside."""

    cell: str
    reported: int
    absent: int
    elsewhere: int
    absent_elsewhere: int


def beside_lunch(marks: list[Seen]) -> list[Seen]:
    """The lessons next to the longest free time that begins from 10:30 to 13:30."""
    busy = {
        minute
        for one in marks
        for minute in range(
            one.lesson.start_minute, one.lesson.start_minute + one.lesson.length_minutes
        )
    }
    best: tuple[int, int] | None = None
    free_from: int | None = None
    for minute in range(min(busy), max(busy) + 1):
        if minute not in busy:
            free_from = minute if free_from is None else free_from
        elif free_from is not None:
            longer = best is None or minute - free_from > best[1] - best[0]
            if 630 <= free_from <= 810 and longer:
                best = (free_from, minute)
            free_from = None
    if best is None:
        return []
    return [
        one
        for one in marks
        if one.lesson.start_minute + one.lesson.length_minutes == best[0]
        or one.lesson.start_minute == best[1]
    ]


def _cells(rule: Rule, window: list[int], seen: Days) -> list[tuple[str, Callable[..., bool]]]:
    if rule.measure is Measure.WEEKDAY_PATTERN:
        return [
            (
                number,
                lambda day, _, number=number: (
                    str((date(1970, 1, 1) + timedelta(days=day)).isoweekday()) == number
                ),
            )
            for number in WEEKDAYS
        ]
    if rule.measure is Measure.SUBJECT_PATTERN:
        subjects = {one.lesson.subject for day in window for one in seen.get(day, [])}
        return [
            (subject, lambda _, one, subject=subject: one.lesson.subject == subject)
            for subject in sorted(subjects - {""})
        ]

    def first(day: int, one: Seen) -> bool:
        return bool(
            one.lesson.start_minute == min(other.lesson.start_minute for other in seen[day])
        )

    def last(day: int, one: Seen) -> bool:
        return bool(
            one.lesson.start_minute == max(other.lesson.start_minute for other in seen[day])
        )

    def lunch(day: int, one: Seen) -> bool:
        return any(one is other for other in beside_lunch(seen[day]))

    return [("first", first), ("last", last), ("lunch", lunch)]


def gathering(rule: Rule, window: list[int], seen: Days) -> tuple[Gathering, list[Seen]] | None:
    """The cell with the largest share of those that stand out, and its absent lessons."""
    metric = rule.metric.value
    said = [(day, one) for day in window for one in seen.get(day, []) if one.reported]
    best: tuple[Fraction, Gathering, list[Seen]] | None = None
    for name, within in _cells(rule, window, seen):
        inside = [(day, one) for day, one in said if within(day, one)]
        outside = [(day, one) for day, one in said if not within(day, one)]
        absent = [(day, one) for day, one in inside if one.of(metric)]
        absent_outside = [one for _, one in outside if one.of(metric)]
        if not absent or not outside or len({day for day, _ in absent}) < rule.min_absence_days:
            continue
        share = Fraction(len(absent), len(inside))
        if share < Fraction(rule.times_the_rest) * Fraction(len(absent_outside), len(outside)):
            continue
        if best is None or share > best[0]:
            told = Gathering(name, len(inside), len(absent), len(outside), len(absent_outside))
            best = (share, told, [one for _, one in absent])
    return None if best is None else best[1:]


def value(rule: Rule, window: list[int], seen: Days) -> Fraction:
    """The value of the measures that this module is about."""
    metric = rule.metric.value
    match rule.measure:
        case Measure.LATE_ARRIVALS:
            return Fraction(sum(is_late(one, metric) for d in window for one in seen.get(d, [])))
        case Measure.DISPERSED_DAYS:
            return Fraction(dispersed(metric, window, seen))
        case Measure.DAYS | Measure.PART_DAYS:
            return Fraction(sum(day_counts(rule, seen.get(day, [])) for day in window))
        case _:
            found = gathering(rule, window, seen)
            return Fraction(100 * found[0].absent, found[0].reported) if found else Fraction(0)


def that_count(rule: Rule, window: list[int], seen: Days) -> Callable[[int, Seen], bool]:
    """Of the window's lessons with absence those that the rule counts."""
    metric = rule.metric.value
    match rule.measure:
        case Measure.LATE_ARRIVALS:
            return lambda _, one: is_late(one, metric)
        case Measure.DAYS | Measure.PART_DAYS:
            return lambda day, _: day_counts(rule, seen[day])
        case Measure.WEEKDAY_PATTERN | Measure.SUBJECT_PATTERN | Measure.SLOT_PATTERN:
            found = gathering(rule, window, seen)
            some = found[1] if found else []
            return lambda _, one: any(one is other for other in some)
        case _:
            return lambda _day, _one: True
