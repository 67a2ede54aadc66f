"""What a rule comes to once read, and the largest and smallest figures that are taken."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Any

import pytest

from services.ews.core.profile import (
    FAMILIES,
    Measure,
    Metric,
    Rule,
    Span,
    Window,
    parse_profile,
)
from tests.unit.ews.test_refusals import GOOD, written
from tests.unit.ews.toml import head, quiet, rule

PLAIN: dict[str, Any] = {
    "rule_id": "r",
    "level": 1,
    "inclusive": True,
    "resolve_below": Decimal(1),
    "resolve_days": 1,
    "min_offered_minutes": 0,
    "min_membership_days": 0,
    "min_reporting_rate": Decimal(0),
    "min_absence_minutes": 0,
    "min_absence_days": 0,
    "min_occasions": 0,
    "subtract_waves": False,
    "source": "test",
}
"""What a rule is that says nothing but what it must."""
READ: dict[str, dict[str, Any]] = {
    "share": {
        "metric": Metric.TOTAL,
        "measure": Measure.SHARE,
        "window": Window(Span.SCHOOL_DAYS, 20),
        "threshold": Decimal(10),
        "resolve_below": Decimal(8),
        "resolve_days": 5,
    },
    "days": {
        "metric": Metric.TOTAL,
        "measure": Measure.DAYS,
        "window": Window(Span.SCHOOL_DAYS, 20),
        "threshold": Decimal(10),
        "resolve_below": Decimal(8),
        "resolve_days": 5,
    },
    "run": {
        "metric": Metric.TOTAL,
        "measure": Measure.RUN_DAYS,
        "window": Window(Span.RUN),
        "threshold": Decimal(5),
    },
    "pattern": {
        "metric": Metric.TOTAL,
        "measure": Measure.WEEKDAY_PATTERN,
        "window": Window(Span.TERM),
        "threshold": Decimal(50),
        "min_absence_days": 3,
        "times_the_rest": Decimal(2),
    },
    "change": {
        "metric": Metric.TOTAL,
        "measure": Measure.CHANGE,
        "window": Window(Span.SCHOOL_DAYS, 10),
        "threshold": Decimal(2),
        "prior_absent": 24,
        "prior_minutes": 240,
    },
    "turning": {
        "metric": Metric.TOTAL,
        "measure": Measure.TURNING,
        "window": Window(Span.TERM),
        "threshold": Decimal(2),
        "turns_from": FAMILIES["strofranvaro"],
        "turns_into": FAMILIES["langvarig"],
    },
    "leave": {
        "metric": Metric.TOTAL,
        "measure": Measure.LEAVE_DAYS,
        "window": Window(Span.TERM),
        "threshold": Decimal(10),
    },
    "today": {
        "metric": Metric.INVALID,
        "measure": Measure.MINUTES,
        "window": Window(Span.DAY),
        "threshold": Decimal(1),
        "resolve_days": 0,
    },
}


def read(kind: str, told: str = "") -> Rule:
    family = FAMILIES[GOOD[kind][0]]
    return parse_profile(written(kind, told)).families[family].rules[-1]


@pytest.mark.parametrize("kind", GOOD)
def test_a_rule_is_what_it_says_and_nothing_else(kind: str) -> None:
    expected = Rule(**PLAIN | {"family": FAMILIES[GOOD[kind][0]]} | READ[kind])
    assert asdict(read(kind)) == asdict(expected)


@pytest.mark.parametrize(
    ("kind", "told", "field", "value"),
    [
        ("share", "level = 9", "level", 9),
        ("share", 'comparator = ">"', "inclusive", False),
        ("share", 'metric = "unexplained"', "metric", Metric.UNEXPLAINED),
        ("share", "threshold = 8", "threshold", Decimal(8)),  # as low as where it rests
        ("share", "threshold = 8.001", "threshold", Decimal("8.001")),
        ("share", "threshold = 100", "threshold", Decimal(100)),
        ("days", "threshold = 1000000", "threshold", Decimal(1_000_000)),
        ("run", "threshold = 101", "threshold", Decimal(101)),
        (
            "share",
            "resolve = { below = 0.001, school_days = 1 }",
            "resolve_below",
            Decimal("0.001"),
        ),
        ("share", "resolve = { below = 8, school_days = 200 }", "resolve_days", 200),
        ("share", "window = { school_days = 1 }", "window", Window(Span.SCHOOL_DAYS, 1)),
        ("share", "window = { school_days = 200 }", "window", Window(Span.SCHOOL_DAYS, 200)),
        ("share", "window = { calendar_days = 366 }", "window", Window(Span.CALENDAR_DAYS, 366)),
        ("share", 'window = "calendar_month"', "window", Window(Span.CALENDAR_MONTH)),
        ("share", 'window = "school_year"', "window", Window(Span.SCHOOL_YEAR)),
        (
            "share",
            'window = { within = "term", school_days = 5 }',
            "window",
            Window(Span.SCHOOL_DAYS, 5, within_term=True),
        ),
        ("share", "min_offered_minutes = 1000000", "min_offered_minutes", 1_000_000),
        ("run", "min_membership_days = 1", "min_membership_days", 1),
        ("share", "min_reporting_rate = 100", "min_reporting_rate", Decimal(100)),
        ("share", "min_reporting_rate = 0.5", "min_reporting_rate", Decimal("0.5")),
        ("share", "min_absence_minutes = 2", "min_absence_minutes", 2),
        ("share", "min_absence_days = 2", "min_absence_days", 2),
        ("share", "min_occasions = 2", "min_occasions", 2),
        ("share", 'waves = "subtract"', "subtract_waves", True),
        ("share", 'waves = "count"', "subtract_waves", False),
        ("share", "earlier_weight = 100", "earlier_weight", 100),
        ("days", "earlier_weight = 0", "earlier_weight", 0),
        ("days", "day_share = 1", "day_share", Decimal(1)),
        ("days", "day_share = 100", "day_share", Decimal(100)),
        ("pattern", "times_the_rest = 1.001", "times_the_rest", Decimal("1.001")),
        ("pattern", "min_absence_days = 2", "min_absence_days", 2),
        ("pattern", "threshold = 100", "threshold", Decimal(100)),
        ("change", "threshold = 1000", "threshold", Decimal(1_000)),
        ("change", "prior_share = 100", "prior_absent", 240),
        ("change", "prior_minutes = 1000000", "prior_absent", 100_000),
        ("change", "prior_share = 1; prior_minutes = 100", "prior_absent", 1),
        ("share", "prior_share = 7.999; prior_minutes = 100000", "prior_absent", 7_999),
        ("share", "prior_share = 5; prior_minutes = 100", "prior_minutes", 100),
        ("turning", 'into_rules = ["long"]', "into_rules", ("long",)),
        (
            "turning",
            'into = "strofranvaro"; into_rules = ["first"]',
            "turns_into",
            FAMILIES["strofranvaro"],
        ),
        ("leave", 'metric = "valid"', "metric", Metric.VALID),
        ("leave", 'judged = "month_end"', "judged", ()),
        ("share", 'judged = "month_end"', "judged", ()),
        ("share", 'judged = ["11-30", "04-30", "11-30"]', "judged", ((4, 30), (11, 30))),
        ("share", "min_days_since_first = 366", "min_days_since_first", 366),
        ("days", "min_days_since_first = 1", "min_days_since_first", 1),
        ("today", 'metric = "unexplained"', "metric", Metric.UNEXPLAINED),
        ("today", "threshold = 0.5", "resolve_below", Decimal("0.5")),
    ],
)
def test_at_its_limits_a_figure_is_taken_as_it_stands(
    kind: str, told: str, field: str, value: Any
) -> None:
    found = getattr(read(kind, told), field)
    assert (found, type(found)) == (value, type(value))


def test_the_head_of_a_profile_and_of_a_family_at_their_limits() -> None:
    most = "0" + 63 * "-"
    told = head(most, 1_000_000, "N") + 'description = "D"\nsource = "S"\n'
    families = quiet("langvarig", 200) + rule("langvarig", GOOD["run"][1])
    found = parse_profile((told + families).encode())
    assert (found.profile_id, found.version) == (most, 1_000_000)
    assert (found.name, found.description, found.source) == ("N", "D", "S")
    assert [family.quiet_days for family in found.families.values()] == [200]
    assert not found.families[FAMILIES["langvarig"]].ends_with_term
    ending = (
        told + quiet("langvarig", 1) + 'ends_with = "term"\n' + rule("langvarig", GOOD["run"][1])
    )
    assert parse_profile(ending.encode()).families[FAMILIES["langvarig"]].ends_with_term
    plain = parse_profile((head("x") + rule("langvarig", GOOD["run"][1])).encode())
    assert (plain.description, plain.source) == ("", "")
    assert [family.quiet_days for family in plain.families.values()] == [0]


@pytest.mark.parametrize(
    ("threshold", "inclusive", "least"),
    [("5", ">=", 5), ("5", ">", 6), ("5.5", ">=", 6), ("5.5", ">", 6)],
)
def test_the_least_whole_value_that_fires(threshold: str, inclusive: str, least: int) -> None:
    assert read("run", f'threshold = {threshold}; comparator = "{inclusive}"').least == least
