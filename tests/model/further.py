"""The rules of the random worlds that look at changes, turnings, dates and notices."""

from __future__ import annotations

from tests.unit.ews.toml import quiet, rule

FURTHER = (
    rule(
        "strofranvaro",
        'id = "d1"; level = 5; measure = "leave_days"; window = "term"; threshold = 2',
    ),
    rule(
        "strofranvaro",
        'id = "d2"; level = 3; metric = "total"; measure = "share"; '
        'window = "calendar_month"; judged = "month_end"; threshold = 30; '
        "prior_share = 20; prior_minutes = 60; "
        "min_offered_minutes = 120; min_reporting_rate = 50; "
        "resolve = { below = 25, school_days = 1 }",
    ),
    rule(
        "strofranvaro",
        'id = "d3"; level = 4; metric = "unexplained"; measure = "minutes"; '
        "window = { school_days = 6 }; threshold = 120; min_days_since_first = 4; "
        "resolve = { below = 60, school_days = 2 }",
    ),
    rule(
        "langvarig",
        'id = "d4"; level = 4; measure = "unusual_reports"; '
        "window = { school_days = 6 }; "
        'judged = ["08-20", "08-24", "10-24", "10-25", '
        '"11-28", "11-29", "12-31", "03-28", "07-02"]; '
        "threshold = 1",
    ),
    quiet("eskalering", 1),
    rule(
        "eskalering",
        'id = "e1"; metric = "total"; measure = "change"; '
        'window = { school_days = 2, within = "term" }; '
        "threshold = 1.5; prior_share = 10; prior_minutes = 120; "
        "min_absence_minutes = 60; resolve = { below = 1.2, school_days = 1 }",
    ),
    rule(
        "eskalering",
        'id = "e2"; level = 2; metric = "invalid"; measure = "change"; '
        'window = "calendar_month"; '
        'judged = ["08-20", "08-22", "10-24", "10-25", '
        '"11-29", "12-01", "12-31", "03-27", "06-30"]; '
        'comparator = ">"; threshold = 1.25; prior_share = 12.5; prior_minutes = 80; '
        "min_membership_days = 3; resolve = { below = 1, school_days = 2 }",
    ),
    rule(
        "eskalering",
        'id = "e3"; level = 2; measure = "turning"; from = "strofranvaro"; '
        'into = "langvarig"; window = { school_days = 4, within = "term" }; threshold = 2',
    ),
    rule(
        "eskalering",
        'id = "e4"; level = 3; metric = "invalid"; measure = "turning"; '
        'from = "strofranvaro"; into = "strofranvaro"; into_rules = ["a3", "a4"]; '
        'window = "term"; comparator = ">"; threshold = 2; '
        "resolve = { below = 2, school_days = 2 }",
    ),
    rule(
        "eskalering",
        'id = "e5"; level = 4; measure = "unusual_reports"; window = "calendar_month"; '
        "threshold = 1; min_membership_days = 2",
    ),
)
