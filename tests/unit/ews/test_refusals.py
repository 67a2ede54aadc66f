"""What a profile's author is told: the line, the field and how to mend it, word for word."""

from __future__ import annotations

import pytest

from services.ews.core.profile import FAMILIES, RULE_KEYS, ProfileError, parse_profile
from tests.unit.ews.toml import head, profile, quiet, rule

GOOD = {
    "share": (
        "strofranvaro",
        """metric = "total"; measure = "share"; window = { school_days = 20 }
        threshold = 10; resolve = { below = 8, school_days = 5 }""",
    ),
    "days": (
        "strofranvaro",
        """metric = "total"; measure = "days"; window = { school_days = 20 }
        threshold = 10; resolve = { below = 8, school_days = 5 }""",
    ),
    "run": ("langvarig", 'metric = "total"; measure = "run_days"; threshold = 5'),
    "pattern": (
        "strofranvaro",
        """metric = "total"; measure = "weekday_pattern"; window = "term"
        threshold = 50; min_absence_days = 3; times_the_rest = 2""",
    ),
    "change": (
        "eskalering",
        """metric = "total"; measure = "change"
        window = { school_days = 10 }; threshold = 2; prior_share = 10; prior_minutes = 240""",
    ),
    "turning": (
        "eskalering",
        """measure = "turning"; from = "strofranvaro"; into = "langvarig"
        window = "term"; threshold = 2""",
    ),
    "leave": ("strofranvaro", 'measure = "leave_days"; window = "term"; threshold = 10'),
    "today": ("ogiltig_idag", 'metric = "invalid"; measure = "minutes"; threshold = 1; resolve ='),
}
"""Of each kind a rule that is read: its family and what it says."""


def written(kind: str, told: str) -> bytes:
    """Two rules that are good, and one more that says what is ``told`` besides."""
    family, own = GOOD[kind]
    return profile(
        rule("strofranvaro", f'id = "first"; {GOOD["share"][1]}'),
        rule("langvarig", f'id = "long"; {GOOD["run"][1]}'),
        rule(family, f"{own}; {told}"),
    )


REFUSED = """
share | levl = 1 | levl: unknown; known are KNOWN
share | measure = "shares" | measure: one of share, occasions, days, part_days, dispersed_days, late_arrivals, run_days, minutes, weekday_pattern, subject_pattern, slot_pattern, change, turning, leave_days, unusual_reports
share | measure = 1 | measure: one of share, occasions, days, part_days, dispersed_days, late_arrivals, run_days, minutes, weekday_pattern, subject_pattern, slot_pattern, change, turning, leave_days, unusual_reports
share | measure = | measure: one of share, occasions, days, part_days, dispersed_days, late_arrivals, run_days, minutes, weekday_pattern, subject_pattern, slot_pattern, change, turning, leave_days, unusual_reports
share | metric = "totl" | metric: one of total, valid, invalid, unexplained
share | metric = | metric: one of total, valid, invalid, unexplained
share | window = | window: give one of { school_days = N }, { calendar_days = N }, "calendar_month", "term", "school_year"
share | window = "year" | window: give one of { school_days = N }, { calendar_days = N }, "calendar_month", "term", "school_year"
share | window = { days = 7 } | window: give one of { school_days = N }, { calendar_days = N }, "calendar_month", "term", "school_year"
share | window = { school_days = 0 } | window.school_days: a whole number from 1 to 200 is needed
share | window = { school_days = 201 } | window.school_days: a whole number from 1 to 200 is needed
share | window = { calendar_days = 367 } | window.calendar_days: a whole number from 1 to 366 is needed
share | window = { school_days = 7, within = "year" } | window.within: say "term", or leave it out
share | comparator = | comparator: a text is needed
share | comparator = "=" | comparator: say '>=' (inclusive) or '>' (exclusive)
share | threshold = | threshold: a number is needed
share | threshold = "10" | threshold: a number is needed
share | threshold = true | threshold: a number is needed
share | threshold = 0 | threshold: must be more than 0
share | threshold = 10.0005 | threshold: at most three decimals, at most a million
share | threshold = 1000001 | threshold: at most three decimals, at most a million
share | threshold = nan | threshold: at most three decimals, at most a million
share | threshold = 101 | threshold: per cent, at most 100
share | resolve = | resolve: this table is missing
share | resolve = 5 | resolve: this table is missing
share | resolve = { below = 8, days = 5 } | resolve.days: unknown; known are below, school_days
share | resolve = { below = 0, school_days = 5 } | resolve.below: more than 0, at most the threshold
share | resolve = { below = 10.001, school_days = 5 } | resolve.below: more than 0, at most the threshold
share | resolve = { school_days = 5 } | resolve.below: a number is needed
share | resolve = { below = 8 } | resolve.school_days: a whole number from 1 to 200 is needed
share | resolve = { below = 8, school_days = 0 } | resolve.school_days: a whole number from 1 to 200 is needed
share | resolve = { below = 8, school_days = 201 } | resolve.school_days: a whole number from 1 to 200 is needed
share | id = "first" | id: 'first' is used twice
share | id = | id: a text is needed
share | id = " " | id: a text is needed
share | level = 0 | level: a whole number from 1 to 9 is needed
share | level = 10 | level: a whole number from 1 to 9 is needed
share | level = true | level: a whole number from 1 to 9 is needed
share | level = 1.0 | level: a whole number from 1 to 9 is needed
share | level = | level: a whole number from 1 to 9 is needed
share | source = | source: a text is needed
share | min_offered_minutes = -1 | min_offered_minutes: a whole number from 0 to 1000000 is needed
share | min_membership_days = -1 | min_membership_days: a whole number from 0 to 1000000 is needed
share | min_absence_minutes = -1 | min_absence_minutes: a whole number from 0 to 1000000 is needed
share | min_absence_days = -1 | min_absence_days: a whole number from 0 to 1000000 is needed
share | min_occasions = -1 | min_occasions: a whole number from 0 to 1000000 is needed
share | min_occasions = 1000001 | min_occasions: a whole number from 0 to 1000000 is needed
share | min_reporting_rate = -1 | min_reporting_rate: per cent, 0 to 100
share | min_reporting_rate = 100.001 | min_reporting_rate: per cent, 0 to 100
share | waves = "skip" | waves: say 'count' or 'subtract'
days | waves = "subtract" | waves: only a share has waves taken out of it
share | day_share = 25 | day_share: goes with days only
days | day_share = 0.999 | day_share: per cent of a day, 1 to 100
days | day_share = 100.001 | day_share: per cent of a day, 1 to 100
days | day_share = "25" | day_share: a number is needed
share | times_the_rest = 2 | times_the_rest: goes with patterns only
pattern | times_the_rest = 1 | times_the_rest: must be more than 1
pattern | times_the_rest = | times_the_rest: a number is needed
pattern | min_absence_days = 1 | min_absence_days: 2 or more: what happened once is no pattern
pattern | threshold = 101 | threshold: per cent, at most 100
run | window = "term" | window: leave it out: the measure says the days
run | min_absence_days = 1 | min_absence_days: does not go with run_days
run | min_reporting_rate = 50 | min_reporting_rate: does not go with run_days
run | judged = "month_end" | judged: goes with a window of absence or notices only
run | min_days_since_first = 30 | min_days_since_first: does not go with run_days
turning | min_occasions = 2 | min_occasions: does not go with turning
leave | min_absence_minutes = 2 | min_absence_minutes: does not go with leave_days
leave | min_days_since_first = 1 | min_days_since_first: does not go with leave_days
leave | metric = "none" | metric: one of total, valid, invalid, unexplained
today | metric = "total" | measure: ogiltig_idag counts minutes of invalid or unexplained
today | measure = "days" | measure: ogiltig_idag counts minutes of invalid or unexplained
today | window = "term" | window: leave it out: the measure says the days
today | resolve = { below = 1, school_days = 1 } | resolve: ogiltig_idag ends only by being excused
today | min_offered_minutes = 60 | threshold: ogiltig_idag takes no min_ guards
today | min_membership_days = 1 | threshold: ogiltig_idag takes no min_ guards
today | min_reporting_rate = 50 | threshold: ogiltig_idag takes no min_ guards
today | judged = "month_end" | judged: goes with a window of absence or notices only
today | min_days_since_first = 1 | min_days_since_first: does not go with minutes
change | threshold = 1000.001 | threshold: a change is at most 1000
change | window = "school_year" | window: a school year leaves nothing to compare with
change | prior_share = | prior_share: prior_share and prior_minutes go together: give this one too
change | prior_minutes = | prior_minutes: prior_share and prior_minutes go together: give this one too
change | prior_minutes = 0 | prior_minutes: a whole number from 1 to 1000000 is needed
change | prior_share = 0 | prior_share: per cent, more than 0, at most 100
change | prior_share = 100.001 | prior_share: per cent, more than 0, at most 100
change | prior_share = 0.1 | prior_share: prior_share per cent of prior_minutes: whole minutes
share | prior_share = 5 | prior_minutes: prior_share and prior_minutes go together: give this one too
share | prior_minutes = 240 | prior_share: prior_share and prior_minutes go together: give this one too
share | prior_share = 8; prior_minutes = 100 | prior_share: below resolve.below, else nothing rests while little is reported
days | prior_share = 5 | prior_share: goes with share and change only
days | prior_minutes = 5 | prior_minutes: goes with share and change only
turning | from = | from: a text is needed
turning | from = "eskalering" | from: one of strofranvaro, langvarig
turning | into = "ogiltig_idag" | into: one of strofranvaro, langvarig
turning | into_rules = "first" | into_rules: a list of rule ids is needed
turning | into_rules = [1] | into_rules: a list of rule ids is needed
turning | into = "strofranvaro" | into_rules: within one family the rules turned into are named
turning | into_rules = ["other"] | into_rules: 'other' is no rule of into
turning | judged = "month_end" | judged: goes with a window of absence or notices only
days | earlier_weight = 5 | earlier_weight: goes with a share only
share | earlier_weight = 101 | earlier_weight: a whole number from 0 to 100 is needed
share | earlier_weight = 1; window = "school_year" | earlier_weight: a school year has nothing before it
share | from = "langvarig" | from: goes with turning only
share | into = "langvarig" | into: goes with turning only
share | into_rules = ["first"] | into_rules: goes with turning only
pattern | judged = "month_end" | judged: goes with a window of absence or notices only
share | judged = [] | judged: "month_end", or dates such as ["11-30", "04-30"]
share | judged = "easter" | judged: "month_end", or dates such as ["11-30", "04-30"]
share | judged = ["02-29"] | judged: '02-29': a date of every year as MM-DD
share | judged = ["1-2"] | judged: '1-2': a date of every year as MM-DD
share | judged = [1] | judged: 1: a date of every year as MM-DD
pattern | min_days_since_first = 1 | min_days_since_first: does not go with weekday_pattern
share | min_days_since_first = 367 | min_days_since_first: a whole number from 0 to 366 is needed
"""  # noqa: E501  # one case a line


@pytest.mark.parametrize("case", REFUSED.strip().splitlines())
def test_what_a_rule_is_refused_for(case: str) -> None:
    kind, told, reason = case.split(" | ")
    content = written(kind, told)
    with pytest.raises(ProfileError) as refused:
        parse_profile(content)
    # The line of the key; where that is missing the heading of the rule.
    lines = content.decode().splitlines()
    heading = max(at for at, line in enumerate(lines) if line.startswith("[["))
    key = reason.partition(":")[0].partition(".")[0]
    line = next((n for n in range(heading, len(lines)) if lines[n].startswith(f"{key} ")), heading)
    reason = reason.replace("KNOWN", ", ".join(sorted(RULE_KEYS)))
    where = f"line {line + 1}, signals.{GOOD[kind][0]}.rules"
    assert str(refused.value) == f"{where}.{reason}"
    assert refused.value.others == ()


OF_FAMILY = "ends_with, quiet_school_days, rules"
RULE = rule("langvarig", GOOD["run"][1])
TURNING = GOOD["turning"][1]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (RULE, "profile: this table is missing"),
        (f"profile = 1\n{RULE}", "profile: this table is missing"),
        (head("Å") + RULE, "line 2, profile.id: lower-case letters, digits and hyphens only"),
        (head("x" * 65) + RULE, "line 2, profile.id: lower-case letters, digits and hyphens only"),
        (head("-x") + RULE, "line 2, profile.id: lower-case letters, digits and hyphens only"),
        (head("") + RULE, "line 2, profile.id: a text is needed"),
        (
            head(version=0) + RULE,
            "line 3, profile.version: a whole number from 1 to 1000000 is needed",
        ),
        (
            head(version=1_000_001) + RULE,
            "line 3, profile.version: a whole number from 1 to 1000000 is needed",
        ),
        (head(name=" ") + RULE, "line 4, profile.name: a text is needed"),
        (head() + "description = 1\n" + RULE, "line 5, profile.description: a text is needed"),
        (head() + 'source = ""\n' + RULE, "line 5, profile.source: a text is needed"),
        (
            head() + "valid = 1\n" + RULE,
            "line 5, profile.valid: unknown; known are description, id, name, source, version",
        ),
        (head() + RULE + "[more]\n", "line 14, more: unknown; known are ladder, profile, signals"),
        (head(), "signals: this table is missing"),
        (
            head() + "[signals]\n",
            "line 5, signals: no family is judged; give one of " + ", ".join(FAMILIES),
        ),
        (
            head() + "[signals.ogiltig]\n",
            "line 5, signals.ogiltig: unknown; known are " + ", ".join(sorted(FAMILIES)),
        ),
        (
            head() + "[signals]\nlangvarig = 1\n",
            "line 6, signals.langvarig: this table is missing",
        ),
        (
            head() + "[signals.langvarig]\nrules = []\n",
            "line 6, signals.langvarig.rules: give at least one [[...rules]] table",
        ),
        (
            head() + "[signals.langvarig]\nrules = 1\n",
            "line 6, signals.langvarig.rules: give at least one [[...rules]] table",
        ),
        (
            head() + "[signals.langvarig]\nrules = [1]\n",
            "signals.langvarig.rules: write each rule as a [[...rules]] table",
        ),
        (
            head() + "[signals.langvarig]\nquiet = 1\n" + RULE,
            f"line 6, signals.langvarig.quiet: unknown; known are {OF_FAMILY}",
        ),
        (
            head() + quiet("langvarig", -1) + RULE,
            "line 6, signals.langvarig.quiet_school_days: a whole number from 0 to 200 is needed",
        ),
        (
            head() + quiet("langvarig", 201) + RULE,
            "line 6, signals.langvarig.quiet_school_days: a whole number from 0 to 200 is needed",
        ),
        (
            f'{head()}[signals.langvarig]\nends_with = "year"\n{RULE}',
            'line 6, signals.langvarig.ends_with: say "term", or leave it out',
        ),
        (
            f'{head()}[signals.ogiltig_idag]\nends_with = "term"\n'
            + rule("ogiltig_idag", GOOD["today"][1]),
            "line 6, signals.ogiltig_idag.ends_with: ogiltig_idag ends only by being excused",
        ),
        (
            head() + RULE + RULE,
            "line 15, signals.langvarig.rules.id: 'r' is used twice",
        ),
        (
            head() + RULE + rule("langvarig", f'id = "t"; {TURNING}'),
            "line 20, signals.langvarig.rules.measure: turning goes with eskalering only",
        ),
        (
            head() + RULE + rule("eskalering", f'{TURNING}; id="t"'),
            "line 21, signals.eskalering.rules.from: this profile does not judge it",
        ),
        (
            head()
            + rule("strofranvaro", GOOD["share"][1])
            + rule("eskalering", f"{TURNING}; id=7"),
            "line 16, signals.eskalering.rules.id: a text is needed",
        ),
        (
            head()
            + rule("strofranvaro", GOOD["share"][1])
            + rule("eskalering", f'{TURNING}; id="t"'),
            "line 23, signals.eskalering.rules.into: this profile does not judge it",
        ),
        (
            written("turning", 'into_rules = ["long", "first"]').decode(),
            "line 35, signals.eskalering.rules.into_rules: 'first' is no rule of into",
        ),
    ],
)
def test_what_a_profile_is_refused_for(content: str, told: str) -> None:
    with pytest.raises(ProfileError) as refused:
        parse_profile(content.encode())
    assert str(refused.value) == told


def test_what_is_no_toml_and_no_text_is_refused_at_its_line_and_byte() -> None:
    with pytest.raises(ProfileError) as refused:
        parse_profile(f"{head()}version = 2\n".encode())
    assert str(refused.value).startswith("line 5, file: ")
    assert "overwrite" in refused.value.reason
    with pytest.raises(ProfileError) as refused:
        parse_profile(b"# \xff")
    assert str(refused.value) == "file: not UTF-8 at byte 2"


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_the_file() -> None:
    content = written("share", "level = 0").decode().replace("version = 1", "version = 0")
    content = content.replace("threshold = 5", "threshold = 0") + "[more]\n"
    with pytest.raises(ProfileError) as refused:
        parse_profile(content.encode())
    assert [str(one).partition(":")[0] for one in (refused.value, *refused.value.others)] == [
        "line 3, profile.version",
        "line 23, signals.langvarig.rules.threshold",
        "line 26, signals.strofranvaro.rules.level",
        "line 34, more",
    ]
    # What has no line comes last.
    with pytest.raises(ProfileError) as refused:
        parse_profile(content.replace("[more]", "").replace("[profile]", "[Profile]").encode())
    assert [str(one).partition(":")[0] for one in (refused.value, *refused.value.others)] == [
        "line 1, Profile",
        "line 23, signals.langvarig.rules.threshold",
        "line 26, signals.strofranvaro.rules.level",
        "profile",
    ]
