"""A rule's verdicts against what is said at the class Rule, in exact fractions, day by day."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from services.ews.core import change, days, rules
from services.ews.core.look import Look, minutes
from services.ews.core.marks import DayMarks
from services.ews.core.profile import FAMILIES, Rule, parse_profile
from services.ews.core.rule import Measure, Metric
from services.ews.core.rules import BETWEEN, CALM, FIRES, NOT_JUDGED
from tests.unit.ews.facts import weekdays
from tests.unit.ews.test_refusals import GOOD, written

DAYS, PUPILS, OUT = 40, 6, 12
AXIS = np.array(weekdays(DAYS), np.int64)
"""Within one term; the days from OUT on are judged."""
OF_METRIC = {
    Metric.TOTAL: (days.VALID, days.UNEXPLAINED, days.CONFIRMED),
    Metric.VALID: (days.VALID,),
    Metric.INVALID: (days.UNEXPLAINED, days.CONFIRMED),
    Metric.UNEXPLAINED: (days.UNEXPLAINED,),
}


def no_lessons(day: int) -> DayMarks:
    raise LookupError(day)


def school(seed: int) -> NDArray[np.int16]:
    """Sums of made-up days: [day, field, pupil]; many away, some hours unreported."""
    chance = np.random.default_rng(seed)
    sums = np.zeros((DAYS, days.FIELDS, PUPILS), np.int16)
    shape = (DAYS, PUPILS)
    sums[:, days.OFFERED] = 240
    sums[:, days.REPORTED] = chance.choice([240, 240, 180, 60, 0], shape)
    sums[:, days.TIMETABLED] = chance.choice([4, 4, 0], (1, PUPILS))
    kind = chance.choice([days.VALID, days.UNEXPLAINED, days.CONFIRMED], shape)
    some = chance.choice([0, 0, 0, 30, 60, 1_000], shape)
    for field in (days.VALID, days.UNEXPLAINED, days.CONFIRMED):
        sums[:, field] = np.where(kind == field, np.minimum(some, sums[:, days.REPORTED]), 0)
    for place, fields in enumerate(OF_METRIC.values()):
        away = sums[:, list(fields)].sum(1)
        sums[:, days.RUNS + place] = away > 0
        whole = (away > 0) & (away == sums[:, days.REPORTED])
        sums[:, days.EDGES] |= (whole * ((1 << place) | (16 << place))).astype(np.int16)
    return sums


def read(kind: str, told: str) -> Rule:
    return parse_profile(written(kind, told)).families[FAMILIES[GOOD[kind][0]]].rules[-1]


def absent(rule: Rule, sums: NDArray[np.int16], day: int, pupil: int) -> int:
    return int(sum(sums[day, field, pupil] for field in OF_METRIC[rule.metric]))


def occasions(rule: Rule, sums: NDArray[np.int16], window: range, pupil: int) -> int:
    """Stretches with absence; one that goes on from the reported day before is the same."""
    found, open_ended = 0, False
    for day in window:
        if not sums[day, days.REPORTED, pupil]:
            continue
        away = absent(rule, sums, day, pupil)
        whole = away == sums[day, days.REPORTED, pupil]
        found += bool(away) and not (whole and open_ended)
        open_ended = bool(away) and whole
    return found


def value_of(rule: Rule, sums: NDArray[np.int16], window: range, pupil: int) -> Fraction:
    away = [absent(rule, sums, day, pupil) for day in window]
    said = int(sums[window, days.REPORTED, pupil].sum())
    match rule.measure:
        case Measure.SHARE:
            share = Fraction(sum(away) + rule.prior_absent, said + rule.prior_minutes or 1)
            return 100 * share
        case Measure.CHANGE:
            earlier = range(window[0])
            before = sum(absent(rule, sums, day, pupil) for day in earlier)
            reported = int(sums[earlier, days.REPORTED, pupil].sum())
            usual = Fraction(before + rule.prior_absent, reported + rule.prior_minutes)
            return Fraction(sum(away), said or 1) / usual
        case Measure.MINUTES:
            return Fraction(sum(away))
        case Measure.OCCASIONS:
            return Fraction(occasions(rule, sums, window, pupil))
        case _:
            return Fraction(sum(1 for one in away if one))


def plainly(rule: Rule, sums: NDArray[np.int16], window: range, pupil: int) -> int:
    """The verdict on the window's last day."""
    today, said = window[-1], int(sums[window, days.REPORTED, pupil].sum())
    offered = int(sums[window, days.OFFERED, pupil].sum())
    timetabled = sums[window, days.TIMETABLED, pupil].any()
    if (
        not sums[today, days.REPORTED, pupil]
        or said < max(rule.min_offered_minutes, 1)
        or today + 1 < rule.min_membership_days
        or (timetabled and Fraction(100 * said, offered) < Fraction(rule.min_reporting_rate))
        or (rule.measure is Measure.CHANGE and not sums[: window[0], days.REPORTED, pupil].any())
    ):
        return NOT_JUDGED
    value, threshold = value_of(rule, sums, window, pupil), Fraction(rule.threshold)
    away = [absent(rule, sums, day, pupil) for day in window]
    first = [d for d in range(today + 1) if absent(rule, sums, d, pupil)][:1]
    fires = (
        (value >= threshold if rule.inclusive else value > threshold)
        and sum(away) >= rule.min_absence_minutes
        and sum(1 for one in away if one) >= rule.min_absence_days
        and (not rule.min_occasions or occasions(rule, sums, window, pupil) >= rule.min_occasions)
        and (
            not rule.min_days_since_first
            or bool(first and AXIS[first[0]] <= AXIS[today] - rule.min_days_since_first)
        )
    )
    if rule.measure is Measure.CHANGE and fires:
        before = [absent(rule, sums, day, pupil) for day in range(window[0])]
        own = Fraction(sum(before), int(sums[: window[0], days.REPORTED, pupil].sum()))
        fires = Fraction(sum(away), said) > own
    calm = value < Fraction(rule.resolve_below)
    return FIRES if fires and not calm else CALM if calm and not fires else BETWEEN


def last(length: int) -> Callable[[int], range]:
    return lambda place: range(max(place + 1 - length, 0), place + 1)


def whole_term(place: int) -> range:
    return range(place + 1)


TEN = "window = { school_days = 10 }; resolve = { below = 4, school_days = 2 }"
CASES = {
    "share": ("share", f"{TEN}; threshold = 25", last(10)),
    "more than a share": ("share", f'{TEN}; threshold = 25; comparator = ">"', last(10)),
    "share of a metric": ("share", f'{TEN}; threshold = 12.5; metric = "invalid"', last(10)),
    "share of a term": ("share", 'window = "term"; threshold = 16.667', whole_term),
    "share with a prior": (
        "share",
        f"{TEN}; threshold = 22; prior_share = 2; prior_minutes = 600",
        last(10),
    ),
    "share, enough offered": (
        "share",
        f"{TEN}; threshold = 10; min_offered_minutes = 1500",
        last(10),
    ),
    "share, enough reported": (
        "share",
        f"{TEN}; threshold = 10; min_reporting_rate = 62.5",
        last(10),
    ),
    "share, long a member": ("share", f"{TEN}; threshold = 10; min_membership_days = 20", last(10)),
    "share, enough away": ("share", f"{TEN}; threshold = 5; min_absence_minutes = 330", last(10)),
    "share, enough days": ("share", f"{TEN}; threshold = 5; min_absence_days = 4", last(10)),
    "share, enough occasions": ("share", f"{TEN}; threshold = 5; min_occasions = 4", last(10)),
    "share, long since": (
        "share",
        f'{TEN}; threshold = 5; metric = "unexplained"; min_days_since_first = 21',
        last(10),
    ),
    "minutes": (
        "share",
        f'{TEN}; measure = "minutes"; threshold = 300; metric = "valid"',
        last(10),
    ),
    "more minutes": (
        "share",
        f'{TEN}; measure = "minutes"; threshold = 300; comparator = ">"',
        last(10),
    ),
    "days": ("days", f"{TEN}; threshold = 5", last(10)),
    "days of a metric": ("days", f'{TEN}; threshold = 4; metric = "invalid"', last(10)),
    "occasions": ("share", f'{TEN}; measure = "occasions"; threshold = 4.5', last(10)),
    "occasions of a metric": (
        "share",
        f'{TEN}; measure = "occasions"; threshold = 4; metric = "unexplained"',
        last(10),
    ),
    "change": (
        "change",
        "window = { school_days = 5 }; threshold = 1.5; resolve = { below = 1.2, school_days = 1 }",
        last(5),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_every_verdict_is_what_the_rule_says(case: str) -> None:
    kind, told, window = CASES[case]
    rule = read(kind, told)
    seen = set()
    for seed in range(2):
        sums = school(seed)
        look = Look(AXIS, sums, 0, OUT, no_lessons, np.arange(PUPILS))
        if rule.measure is Measure.CHANGE:
            wide = sums.astype(np.int64)
            own = minutes(wide, rule.metric)
            look.totals[rule.metric, False] = change.summed(own, wide[:, days.REPORTED])
        found = rules.verdicts(rule, look, None)
        assert found.shape == (DAYS - OUT, PUPILS)
        for place in range(OUT, DAYS):
            for pupil in range(PUPILS):
                expected = plainly(rule, sums, window(place), pupil)
                assert found[place - OUT, pupil] == expected
                seen.add(expected)
    assert {NOT_JUDGED, FIRES} < seen


@pytest.mark.parametrize(("comparator", "least"), [(">=", 5), (">", 6)])
def test_a_run_is_judged_where_the_day_says_anything(comparator: str, least: int) -> None:
    rule = read("run", f'comparator = "{comparator}"; resolve = {{ below = 2, school_days = 1 }}')
    sums = school(1)
    look = Look(AXIS, sums, 0, OUT, no_lessons, np.arange(PUPILS))
    run = np.random.default_rng(3).integers(0, 8, (DAYS - OUT, PUPILS))
    expected = np.where(run >= least, FIRES, np.where(run < 2, CALM, BETWEEN))
    expected[sums[OUT:, days.REPORTED] == 0] = NOT_JUDGED
    assert rules.verdicts(rule, look, run).tolist() == expected.tolist()
    long = read("run", f'comparator = "{comparator}"; min_membership_days = 20')
    member = rules.verdicts(long, look, run)
    assert not member[: 19 - OUT].any()
    assert member[19 - OUT].any()


def test_notices_are_judged_whatever_the_registers_say() -> None:
    sums = school(2)
    sums[:, days.REPORTED] = 0
    look = Look(AXIS, sums, 0, OUT, no_lessons, np.arange(PUPILS))
    told = np.random.default_rng(5).integers(0, 2, (DAYS, PUPILS))
    look.noted = lambda measure, start: told[start:] * (measure is Measure.LEAVE_DAYS)
    rule = read("leave", "window = { school_days = 10 }; threshold = 6")
    found = rules.verdicts(rule, look, None)
    for place in range(OUT, DAYS):
        value = told[place - 9 : place + 1].sum(0)
        expected = np.where(value >= 6, FIRES, np.where(value < 1, CALM, BETWEEN))
        assert found[place - OUT].tolist() == expected.tolist()


def test_a_rule_bound_to_dates_is_judged_on_them_only() -> None:
    rule = read(
        "days",
        'window = { calendar_days = 14 }; threshold = 3; judged = "month_end"; '
        "resolve = { below = 1, school_days = 1 }",
    )
    sums = school(4)
    look = Look(AXIS, sums, 0, OUT, no_lessons, np.arange(PUPILS))
    found = rules.verdicts(rule, look, None)
    assert found.dtype == np.int8
    # September begins on a Tuesday, a school day, and so does October on a Thursday: AXIS[33].
    [place] = np.nonzero(found.any(1))[0].tolist()
    assert place + OUT == 33
    window = range(23, 33)  # the fourteen days up to the last of September
    for pupil in range(PUPILS):
        value = sum(1 for day in window if absent(rule, sums, day, pupil))
        expected = FIRES if value >= 3 else CALM if value < 1 else BETWEEN
        assert found[place, pupil] == expected
