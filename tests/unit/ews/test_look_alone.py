"""What rules look back on, day by day, against the same said in plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from services.ews.core import calendar, days, marks
from services.ews.core.look import (
    METRICS,
    Counting,
    Look,
    away_all_day,
    days_counted,
    first_in_window,
    joins,
    minutes,
    of_metric,
    runs,
)
from services.ews.core.marks import DayMarks
from services.ews.core.rule import Measure, Metric, Span, Window
from tests.unit.ews.facts import day, weekdays

DAYS, PUPILS = 14, 24
AXIS = np.array(weekdays(DAYS, day(2026, 12, 21)), np.int64)
"""Over the turn of the year, and so of the term."""
FIELDS = {
    Metric.TOTAL: (days.VALID, days.UNEXPLAINED, days.CONFIRMED),
    Metric.VALID: (days.VALID,),
    Metric.INVALID: (days.UNEXPLAINED, days.CONFIRMED),
    Metric.UNEXPLAINED: (days.UNEXPLAINED,),
}


def school(seed: int = 1) -> NDArray[np.int16]:
    """[day, field, pupil]: days of a minute and of hours, away all of it, a part, or not."""
    chance = np.random.default_rng(seed)
    sums = np.zeros((DAYS, days.FIELDS, PUPILS), np.int16)
    said = chance.choice([240, 60, 1, 0], (DAYS, PUPILS), p=[0.5, 0.2, 0.15, 0.15])
    sums[:, days.OFFERED], sums[:, days.REPORTED] = 240, said
    left = said.copy()
    for field in (days.VALID, days.UNEXPLAINED, days.CONFIRMED):
        how = chance.choice([0.0, 0.0, 0.25, 1.0], (DAYS, PUPILS))
        taken = np.ceil(left * how).astype(np.int16)
        sums[:, field] = taken
        left = left - taken
    for place, metric in enumerate(METRICS):
        away = sums[:, list(FIELDS[metric])].sum(1)
        begins, ends = chance.integers(0, 2, (2, DAYS, PUPILS)) * (away > 0)
        sums[:, days.RUNS + place] = (away > 0) + (begins & ends & (away < said))
        sums[:, days.EDGES] |= (begins * (1 << place) | ends * (16 << place)).astype(np.int16)
    return sums


SUMS = school()
WIDE = SUMS.astype(np.int64)


def absent(metric: Metric, at: int, pupil: int) -> int:
    return int(sum(WIDE[at, field, pupil] for field in FIELDS[metric]))


def said(at: int, pupil: int) -> int:
    return int(WIDE[at, days.REPORTED, pupil])


def away(metric: Metric, at: int, pupil: int) -> bool:
    whole = absent(Metric.TOTAL, at, pupil)
    return said(at, pupil) > 0 and whole >= said(at, pupil) and absent(metric, at, pupil) == whole


@pytest.mark.parametrize("metric", METRICS)
def test_minutes_and_days_away(metric: Metric) -> None:
    found, whole = minutes(WIDE, metric), away_all_day(WIDE, metric)
    for at in range(DAYS):
        for pupil in range(PUPILS):
            expected = absent(metric, at, pupil)
            parts = WIDE[at, days.VALID : days.CONFIRMED + 1, pupil].tolist()
            assert found[at, pupil] == of_metric(metric, *parts) == expected
            assert whole[at, pupil] == away(metric, at, pupil)


@pytest.mark.parametrize("share", [(0, 1), (25, 1), (333, 10), (100, 1)])
@pytest.mark.parametrize("measure", [Measure.DAYS, Measure.PART_DAYS])
@pytest.mark.parametrize("metric", METRICS)
def test_days_that_count(metric: Metric, measure: Measure, share: tuple[int, int]) -> None:
    found = days_counted(WIDE, Counting(measure, metric, share))
    top, bottom = share
    for at in range(DAYS):
        for pupil in range(PUPILS):
            value, whole = absent(metric, at, pupil), said(at, pupil)
            counts = value > 0 and 100 * value * bottom >= whole * top
            if measure is Measure.PART_DAYS:
                counts &= absent(Metric.TOTAL, at, pupil) < whole
            assert found[at, pupil] == counts


def test_a_share_of_the_day_is_reached_to_the_minute() -> None:
    """83 % of four hours are 199.2 minutes."""
    sums = np.zeros((days.FIELDS, 2), np.int64)
    sums[days.REPORTED], sums[days.VALID] = 240, (199, 200)
    found = days_counted(sums, Counting(Measure.DAYS, Metric.TOTAL, (83, 1)))
    assert found.tolist() == [False, True]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("split", range(0, DAYS, 3))
def test_a_run_goes_on_from_the_days_before(metric: Metric, split: int) -> None:
    """However the days are parted; a day of which nothing is said leaves it as it is."""
    nobody = np.zeros(PUPILS, np.int64)
    first = runs(SUMS[:split], metric, nobody) if split else np.zeros((0, PUPILS), np.int64)
    second = runs(SUMS[split:], metric, first[-1] if split else nobody)
    found = np.concatenate((first, second))
    for pupil in range(PUPILS):
        length = 0
        for at in range(DAYS):
            if away(metric, at, pupil):
                length += 1
            elif said(at, pupil):
                length = 0
            assert found[at, pupil] == length


def test_a_day_goes_on_from_the_last_one_of_which_anything_is_said() -> None:
    chance = np.random.default_rng(3)
    ends, begins, told = chance.integers(0, 2, (3, DAYS, PUPILS)).astype(bool)
    joined, before = joins(ends, begins, told)
    for pupil in range(PUPILS):
        last = -1
        for at in range(DAYS):
            assert before[at, pupil] == last
            assert joined[at, pupil] == (begins[at, pupil] and last >= 0 and ends[last, pupil])
            if told[at, pupil]:
                last = at


WINDOWS = (
    Window(Span.SCHOOL_DAYS, 1),
    Window(Span.SCHOOL_DAYS, 4),
    Window(Span.SCHOOL_DAYS, 40),
    Window(Span.SCHOOL_DAYS, 6, within_term=True),
    Window(Span.CALENDAR_DAYS, 1),
    Window(Span.CALENDAR_DAYS, 7),
    Window(Span.CALENDAR_DAYS, 9, within_term=True),
    Window(Span.CALENDAR_MONTH),
    Window(Span.TERM),
    Window(Span.SCHOOL_YEAR),
)


def inside(window: Window, at: int, end: int) -> bool:
    """Whether a school day lies in the window that ends with a day."""
    if at > end:
        return False
    match window.span:
        case Span.SCHOOL_DAYS:
            found = sum(at <= other <= end for other in AXIS.tolist()) <= window.length
        case Span.CALENDAR_DAYS:
            found = end - at < window.length
        case Span.CALENDAR_MONTH:
            found = at >= calendar.month_start(end)
        case Span.TERM:
            found = at >= calendar.term_start(end)
        case _:
            found = at >= calendar.school_year_start(end)
    return found and (not window.within_term or at >= calendar.term_start(end))


@pytest.mark.parametrize("window", WINDOWS)
def test_the_first_day_of_a_window(window: Window) -> None:
    ends = np.arange(AXIS[0], AXIS[-1] + 10)  # a window may end with any day
    found = first_in_window(window, AXIS, ends)
    for end, first in zip(ends.tolist(), found.tolist(), strict=True):
        expected = [i for i, at in enumerate(AXIS.tolist()) if inside(window, at, end)]
        upto = sum(at <= end for at in AXIS.tolist())
        assert list(range(first, upto)) == expected


def lessons(at: int) -> DayMarks:
    """Three lessons; of whom was away a part of the day one or two were missed in part."""
    place = AXIS.tolist().index(at)
    bits = np.zeros((3, PUPILS), np.uint8)
    for pupil in range(PUPILS):
        if not 0 < absent(Metric.TOTAL, place, pupil) < said(place, pupil):
            continue
        for nth, metric, bit in (
            (1, Metric.UNEXPLAINED, marks.UNEXPLAINED),
            (2, Metric.VALID, marks.VALID),
        ):
            if absent(metric, place, pupil):
                bits[nth, pupil] = marks.REPORTED | bit | marks.PART * ((place + pupil) % 3 > 0)
        bits[0, pupil] = marks.REPORTED | marks.CONFIRMED
    return DayMarks(("MA", "SV", "EN"), bits)


def counted(measure: Measure, metric: Metric, window: list[int], pupil: int) -> int:
    """What the measure counts in the days of a window."""
    if measure is Measure.OCCASIONS:
        place, found, open_ended = METRICS.index(metric), 0, False
        for at in window:
            if not said(at, pupil):
                continue
            edges = int(WIDE[at, days.EDGES, pupil])
            found += int(WIDE[at, days.RUNS + place, pupil])
            found -= open_ended and bool(edges & 1 << place)
            open_ended = bool(edges & 16 << place)
        return found
    some = [at for at in window if absent(metric, at, pupil)]
    if measure is Measure.DAYS:
        return len(some)
    part = [at for at in some if absent(Metric.TOTAL, at, pupil) < said(at, pupil)]
    if measure is Measure.PART_DAYS:
        return len(part)
    if measure is Measure.LATE_ARRIVALS:
        found = 0
        for at in part:
            for bits in lessons(int(AXIS[at])).bits[:, pupil].tolist():
                found += bool(bits & marks.PART) and bool(bits & marks.OF_METRIC[metric])
        return found
    joined, last = 0, None
    for at in window:
        if away(metric, at, pupil) and last is not None and away(metric, last, pupil):
            joined += 1
        last = at if said(at, pupil) else last
    return len(some) - joined


@pytest.mark.parametrize("window", [WINDOWS[1], WINDOWS[2], WINDOWS[6], WINDOWS[8]])
@pytest.mark.parametrize(
    "measure",
    [
        Measure.OCCASIONS,
        Measure.DAYS,
        Measure.PART_DAYS,
        Measure.DISPERSED_DAYS,
        Measure.LATE_ARRIVALS,
    ],
)
@pytest.mark.parametrize("metric", METRICS)
def test_what_a_window_counts(metric: Metric, measure: Measure, window: Window) -> None:
    """Of some of the pupils, on the days from one on, whose windows begin where they may."""
    who, out = [5, 1, 2, 17, 8], 6
    start = int(first_in_window(window, AXIS, AXIS[out : out + 1])[0])
    rows = np.array(who, np.intp)
    look = Look(AXIS, SUMS[start:][:, :, who], start, out, lessons, rows)
    found = look.count(window, Counting(measure, metric))
    total = look.minutes(window, metric)
    for i, at in enumerate(range(out, DAYS)):
        within = [
            other for other in range(at + 1) if inside(window, int(AXIS[other]), int(AXIS[at]))
        ]
        for column, pupil in enumerate(who):
            assert found[i, column] == counted(measure, metric, within, pupil)
            assert total[i, column] == sum(absent(metric, other, pupil) for other in within)


@pytest.mark.parametrize("metric", METRICS)
def test_the_lessons_are_asked_for_of_days_that_were_missed_in_part_only(metric: Metric) -> None:
    """Lessons are kept packed, and on most days nobody comes late."""
    pupil = 0
    asked: list[int] = []

    def noticed(at: int) -> DayMarks:
        asked.append(at)
        return lessons(at)

    look = Look(AXIS, SUMS[:, :, [pupil]], 0, 6, noticed, np.array([pupil], np.intp))
    look.count(WINDOWS[2], Counting(Measure.LATE_ARRIVALS, metric))
    there = [at for at in range(DAYS) if absent(metric, at, pupil)]
    part = [at for at in there if absent(Metric.TOTAL, at, pupil) < said(at, pupil)]
    assert len(there) > len(part) > 0
    assert asked == AXIS[part].tolist()


def looking(out: int = 6, start: int = 0) -> Look:
    rows = np.arange(PUPILS)
    return Look(AXIS, SUMS[start:], start, out, lessons, rows)


def test_a_minute_that_is_reported_is_a_day_of_which_something_is_said() -> None:
    reported = [[said(at, pupil) > 0 for pupil in range(PUPILS)] for at in range(6, DAYS)]
    assert looking().said.tolist() == reported


def test_what_several_rules_ask_for_is_worked_out_once_and_told_apart() -> None:
    look = looking()
    who = np.array([1, 4], np.intp)
    window, minutes_of, count, gathered = look.window, look.minutes, look.count, look.lessons
    for some in WINDOWS[:6]:
        assert window(some) is window(some)
        assert (window(some) == looking().window(some)).all()
        assert window(some).dtype == np.int64
        for metric in METRICS:
            assert minutes_of(some, metric) is minutes_of(some, metric)
            assert (minutes_of(some, metric) == looking().minutes(some, metric)).all()
            for measure in (Measure.DAYS, Measure.OCCASIONS, Measure.DISPERSED_DAYS):
                counting = Counting(measure, metric)
                assert count(some, counting) is count(some, counting)
                assert (count(some, counting) == looking().count(some, counting)).all()
                assert count(some, counting).dtype == np.int64
        found, alone = gathered(some, who), looking().lessons(some, who)
        assert gathered(some, who) is found
        assert (found.bits == alone.bits).all()
        assert (found.day == alone.day).all()
        assert gathered(some, np.array([2], np.intp)).bits.shape[1] == 1


@pytest.mark.parametrize("out", range(6, DAYS + 1))
def test_few_days_and_many_are_summed_alike(out: int) -> None:
    """Of a day that nobody judges there is nothing."""
    for window in (WINDOWS[1], WINDOWS[8]):
        found = looking(out).window(window)
        assert (found == looking(6).window(window)[out - 6 :]).all()
        assert len(found) == DAYS - out
        for measure in (Measure.OCCASIONS, Measure.LATE_ARRIVALS):
            counting = Counting(measure, Metric.TOTAL)
            few = looking(out).count(window, counting)
            assert (few == looking(6).count(window, counting)[out - 6 :]).all()
            assert few.dtype == np.int64


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("least", [0, 1, 5, 30])
def test_absence_that_began_in_the_term_so_long_ago(metric: Metric, least: int) -> None:
    found = looking().since_first(metric, least)
    for i, at in enumerate(range(6, DAYS)):
        end = int(AXIS[at])
        days_of_term = [d for d in range(at + 1) if AXIS[d] >= calendar.term_start(end)]
        for pupil in range(PUPILS):
            began = [int(AXIS[d]) for d in days_of_term if absent(metric, d, pupil)]
            assert found[i, pupil] == (bool(began) and end - began[0] >= least)


def test_dates_are_worked_out_once_and_each_is_a_look_of_its_own() -> None:
    look = looking()
    month, dates = look.ending(()), look.ending(((12, 30), (1, 4)))
    assert look.ending(()) is month
    assert look.ending(((12, 30), (1, 4))) is dates
    assert month.ends.tolist() == [day(2026, 12, 31)]
    assert dates.ends.tolist() == [day(2026, 12, 30), day(2027, 1, 4)]
    seven = WINDOWS[5]
    for ended in (month, dates):
        for i, end in enumerate(ended.ends.tolist()):
            within = [d for d in range(DAYS) if inside(seven, int(AXIS[d]), end)]
            for pupil in range(PUPILS):
                expected = sum(absent(Metric.VALID, d, pupil) for d in within)
                assert ended.minutes(seven, Metric.VALID)[i, pupil] == expected
