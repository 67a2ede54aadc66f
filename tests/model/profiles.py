"""The profiles of the random worlds: between them every measure, window and bound."""

from __future__ import annotations

import hashlib

from services.ews.core.profile import parse_profile
from tests.model.further import FURTHER
from tests.unit.ews.toml import profile, quiet, rule

FIRST = profile(
    quiet("strofranvaro", 2),
    rule(
        "strofranvaro",
        'id = "a1"; metric = "total"; measure = "occasions"; '
        "window = { school_days = 4 }; threshold = 2; min_absence_minutes = 50; "
        "resolve = { below = 1, school_days = 2 }",
    ),
    rule(
        "strofranvaro",
        'id = "a2"; level = 2; metric = "total"; measure = "share"; '
        'window = { school_days = 5 }; comparator = ">"; threshold = 33.3; '
        "min_offered_minutes = 120; min_membership_days = 2; min_reporting_rate = 60; "
        'min_occasions = 2; waves = "subtract"; '
        "resolve = { below = 20.5, school_days = 1 }",
    ),
    rule(
        "strofranvaro",
        'id = "a3"; level = 3; metric = "invalid"; measure = "days"; '
        'window = "calendar_month"; threshold = 3; '
        "resolve = { below = 2, school_days = 1 }",
    ),
    rule(
        "strofranvaro",
        'id = "a4"; level = 2; metric = "unexplained"; measure = "minutes"; '
        'window = "term"; threshold = 150; min_absence_days = 2; '
        "resolve = { below = 100, school_days = 1 }",
    ),
    rule(
        "strofranvaro",
        'id = "a5"; metric = "valid"; measure = "share"; window = { school_days = 3 }; '
        "threshold = 40; min_absence_days = 2; min_absence_minutes = 70; "
        'waves = "subtract"; resolve = { below = 30, school_days = 1 }',
    ),
    quiet("langvarig", 1) + 'ends_with = "term"\n',
    rule(
        "langvarig",
        'id = "b1"; metric = "total"; measure = "run_days"; threshold = 2; '
        "resolve = { below = 1, school_days = 2 }",
    ),
    rule(
        "langvarig",
        'id = "b2"; level = 2; metric = "total"; measure = "run_days"; comparator = ">"; '
        "threshold = 3; min_membership_days = 3",
    ),
    rule(
        "langvarig",
        'id = "b3"; level = 3; metric = "invalid"; measure = "run_days"; threshold = 3',
    ),
    rule(
        "langvarig",
        'id = "b4"; level = 2; metric = "valid"; measure = "share"; '
        "window = { school_days = 3 }; threshold = 75; "
        "resolve = { below = 50, school_days = 2 }",
    ),
    rule(
        "ogiltig_idag",
        'id = "c1"; metric = "invalid"; measure = "minutes"; threshold = 30; resolve =',
    ),
    rule(
        "ogiltig_idag",
        'id = "c2"; level = 2; metric = "unexplained"; measure = "minutes"; '
        'comparator = ">"; threshold = 60; resolve =',
    ),
    *FURTHER,
)
SECOND = (
    FIRST.replace(b"version = 1", b"version = 2")
    .replace(b"threshold = 33.3", b"threshold = 25")
    .replace(b'id = "b2"', b'id = "b9"')
    .replace(b'waves = "subtract"', b'waves = "count"', 1)
    .replace(b"quiet_school_days = 2", b"quiet_school_days = 0")
)
THIRD = profile(
    rule("langvarig", 'id = "b1"; metric = "total"; measure = "run_days"; threshold = 1'),
    profile_id="lang",
)


def alone(name: str, told: str) -> bytes:
    """A profile of one rule, so that no other hides it."""
    return profile(rule("strofranvaro", f'id = "{name}"; {told}'), profile_id=name)


ALONE = (
    (
        'metric = "total"; measure = "days"; '
        'window = { calendar_days = 4, within = "term" }; '
        "threshold = 3; resolve = { below = 2, school_days = 1 }"
    ),
    (
        'metric = "total"; measure = "occasions"; window = "school_year"; comparator = ">"; '
        "threshold = 1"
    ),
    (
        'metric = "invalid"; measure = "share"; window = { calendar_days = 3 }; '
        "threshold = 50; resolve = { below = 40, school_days = 1 }"
    ),
    ('metric = "total"; measure = "part_days"; window = { school_days = 5 }; threshold = 2'),
    (
        'metric = "valid"; measure = "part_days"; window = "term"; '
        "threshold = 2; min_absence_minutes = 40"
    ),
    (
        'metric = "total"; measure = "dispersed_days"; window = { school_days = 6 }; '
        'comparator = ">"; threshold = 1'
    ),
    (
        'metric = "unexplained"; measure = "dispersed_days"; window = { calendar_days = 6 }; '
        "threshold = 2"
    ),
    ('metric = "invalid"; measure = "late_arrivals"; window = { school_days = 5 }; threshold = 2'),
    (
        'metric = "total"; measure = "late_arrivals"; window = "school_year"; comparator = ">"; '
        "threshold = 2; resolve = { below = 2, school_days = 1 }"
    ),
    (
        'metric = "total"; measure = "days"; window = "calendar_month"; '
        "day_share = 33.4; threshold = 3; resolve = { below = 2, school_days = 1 }"
    ),
    (
        'metric = "total"; measure = "weekday_pattern"; window = "school_year"; '
        "threshold = 20; min_absence_days = 2; times_the_rest = 1.05; "
        "resolve = { below = 20, school_days = 1 }"
    ),
    (
        'metric = "invalid"; measure = "subject_pattern"; '
        'window = { school_days = 6, within = "term" }; '
        'comparator = ">"; threshold = 50; min_absence_days = 2; times_the_rest = 2; '
        "resolve = { below = 50, school_days = 1 }"
    ),
    (
        'metric = "total"; measure = "slot_pattern"; window = { school_days = 5 }; '
        "threshold = 50; min_absence_days = 2; times_the_rest = 1.2; "
        "min_absence_minutes = 50; resolve = { below = 40, school_days = 1 }"
    ),
    (
        'metric = "unexplained"; measure = "slot_pattern"; window = "term"; '
        "threshold = 40; min_absence_days = 2; times_the_rest = 1.5; "
        "resolve = { below = 30, school_days = 1 }"
    ),
    (
        'metric = "total"; measure = "share"; window = "term"; threshold = 30; '
        'prior_share = 10; prior_minutes = 300; waves = "subtract"; '
        "resolve = { below = 20, school_days = 1 }"
    ),
    (
        'metric = "invalid"; measure = "share"; comparator = ">"; '
        'window = { school_days = 4, within = "term" }; '
        "threshold = 25; prior_share = 12.5; prior_minutes = 80; min_offered_minutes = 120; "
        "resolve = { below = 25, school_days = 2 }"
    ),
    (
        'metric = "total"; measure = "share"; window = "term"; threshold = 30; '
        'prior_share = 10; prior_minutes = 120; earlier_weight = 60; waves = "subtract"; '
        "resolve = { below = 25, school_days = 2 }"
    ),
    (
        'metric = "invalid"; measure = "share"; window = { school_days = 2 }; comparator = ">"; '
        "threshold = 40; earlier_weight = 33; resolve = { below = 30, school_days = 1 }"
    ),
)
"""The measures and windows that the profiles above do not have, a profile each."""
CONTENTS = (
    ("prov", 1, FIRST),
    ("prov", 2, SECOND),
    ("lang", 1, THIRD),
    *((f"ensam-{i}", 1, alone(f"ensam-{i}", told)) for i, told in enumerate(ALONE)),
)
PROFILES = {hashlib.sha256(one).digest(): parse_profile(one) for _, _, one in CONTENTS}
