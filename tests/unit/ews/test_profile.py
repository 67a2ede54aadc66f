"""Profiles are refused with line, field and reason."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest

from forvarning.warnings.v1 import warnings_pb2 as w
from services.ews.core.profile import (
    RULE_KEYS,
    Measure,
    Metric,
    ProfileError,
    Span,
    Window,
    parse_profile,
)
from tests.trial import TRIAL, TRIAL_ID

TEXT = TRIAL.decode()


def test_a_profile_is_read() -> None:
    profile = parse_profile(TRIAL)
    assert (profile.profile_id, profile.version) == (TRIAL_ID, 1)
    assert set(profile.families) == {
        w.FAMILY_SPORADIC,
        w.FAMILY_LONG_TERM,
        w.FAMILY_UNEXCUSED_TODAY,
    }
    rules = {rule.rule_id: rule for one in profile.families.values() for rule in one.rules}
    share = rules["strofranvaro-10-procent"]
    assert (share.metric, share.measure, share.threshold) == (
        Metric.TOTAL,
        Measure.SHARE,
        Decimal(10),
    )
    assert share.window == Window(Span.SCHOOL_DAYS, 20)
    assert [rules[f"langvarig-{days}-dagar"].threshold for days in (5, 10, 20)] == [5, 10, 20]
    assert all(rule.source for rule in rules.values())
    assert profile.rules(w.FAMILY_ESCALATION) == ()


@pytest.mark.parametrize(
    ("old", "new", "field", "reason"),
    [
        ('metric = "total"', 'metric = "totl"', "signals.strofranvaro.rules.metric", "one of"),
        ("threshold = 5", "threshold = 0", "signals.strofranvaro.rules.threshold", "more than 0"),
        ("threshold = 5", "threshold = true", "signals.strofranvaro.rules.threshold", "number"),
        ("threshold = 5", "threshold = 5.0005", "signals.strofranvaro.rules.threshold", "decimals"),
        ("threshold = 5", "threshold = nan", "signals.strofranvaro.rules.threshold", "decimals"),
        ('comparator = ">="', 'comparator = "="', "signals.strofranvaro.rules.comparator", ">"),
        ("below = 3", "below = 6", "signals.strofranvaro.rules.resolve.below", "threshold"),
        ("level = 1", "level = 0", "signals.strofranvaro.rules.level", "1 to 9"),
        ("level = 1", "levl = 1", "signals.strofranvaro.rules.levl", "unknown"),
        (
            "window = { school_days = 20 }",
            "window = { days = 20 }",
            "signals.strofranvaro.rules.window",
            "school_days",
        ),
        (
            'id = "strofranvaro-10-procent"',
            'id = "strofranvaro-tillfallen"',
            "signals.strofranvaro.rules.id",
            "twice",
        ),
        (
            "resolve = { below = 1, school_days = 5 }",
            "min_absence_days = 3\nresolve = { below = 1, school_days = 5 }",
            "signals.langvarig.rules.min_absence_days",
            "run_days",
        ),
        ('metric = "invalid"', 'metric = "total"', "signals.ogiltig_idag.rules.measure", "invalid"),
        ("version = 1", "version = 0", "profile.version", "whole number"),
        ('id = "provprofil"', 'id = "Å"', "profile.id", "letters"),
        ("quiet_school_days = 10", "quiet = 10", "signals.strofranvaro.quiet", "unknown"),
        ("[signals.ogiltig_idag]", "[signals.ogiltig]", "signals.ogiltig", "unknown"),
    ],
)
def test_what_is_refused(old: str, new: str, field: str, reason: str) -> None:
    assert old in TEXT
    changed = TEXT.replace(old, new, 1)
    with pytest.raises(ProfileError) as refused:
        parse_profile(changed.encode())
    assert refused.value.field == field
    assert reason in refused.value.reason
    at = changed[: changed.index(new)].count("\n") + 1
    assert refused.value.line > 0
    if field.rpartition(".")[2] in {"metric", "threshold", "comparator", "level", "version"}:
        assert refused.value.line == at


PATTERN = """[profile]
id = "prov"
version = 1
name = "Prov"
[[signals.strofranvaro.rules]]
id = "prov"
level = 1
metric = "total"
measure = "weekday_pattern"
window = "school_year"
comparator = ">="
threshold = 50
min_absence_days = 3
times_the_rest = 2.5
resolve = { below = 40, school_days = 5 }
source = "test"
"""


def test_a_pattern_and_a_share_of_a_day() -> None:
    (rule,) = parse_profile(PATTERN.encode()).rules(w.FAMILY_SPORADIC)
    assert (rule.measure, rule.window) == (Measure.WEEKDAY_PATTERN, Window(Span.SCHOOL_YEAR))
    assert (rule.times_the_rest, rule.min_absence_days) == (Decimal("2.5"), 3)
    days = PATTERN.replace("times_the_rest = 2.5", "day_share = 25").replace(
        "weekday_pattern", "days"
    )
    (rule,) = parse_profile(
        days.replace('"school_year"', "{ calendar_days = 105 }").encode()
    ).rules(w.FAMILY_SPORADIC)
    assert (rule.day_share, rule.window) == (Decimal(25), Window(Span.CALENDAR_DAYS, 105))


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        ("times_the_rest = 2.5\n", "", "times_the_rest", "number"),
        ("times_the_rest = 2.5", "times_the_rest = 1", "times_the_rest", "more than 1"),
        ("min_absence_days = 3", "min_absence_days = 1", "min_absence_days", "no pattern"),
        ("min_absence_days = 3\n", "", "min_absence_days", "no pattern"),
        ("threshold = 50", "threshold = 101", "threshold", "at most 100"),
        ("weekday_pattern", "days", "times_the_rest", "patterns only"),
        ("times_the_rest = 2.5", "times_the_rest = 2\nday_share = 25", "day_share", "days only"),
        ('"school_year"', '"year"', "window", "school_year"),
        ('"school_year"', "{ calendar_days = 0 }", "window.calendar_days", "from 1 to 366"),
        ('"school_year"', "{ calendar_days = 7, school_days = 7 }", "window", "calendar_days"),
        ('"school_year"', '{ school_days = 7, within = "year" }', "window.within", '"term"'),
        ('"school_year"', "{ school_days = 7, within = 1 }", "window.within", "leave it out"),
        ('"school_year"', '{ school_days = 0, within = "term" }', "window.school_days", "1 to 200"),
        ('"school_year"', '{ within = "term" }', "window", "school_days"),
    ],
)
def test_what_is_refused_of_a_pattern(old: str, new: str, key: str, reason: str) -> None:
    assert old in PATTERN
    with pytest.raises(ProfileError) as refused:
        parse_profile(PATTERN.replace(old, new).encode())
    assert refused.value.field == f"signals.strofranvaro.rules.{key}"
    assert reason in refused.value.reason


@pytest.mark.parametrize("share", ["0", "0.5", "101", "true"])
def test_a_share_of_a_day_is_a_per_cent(share: str) -> None:
    days = PATTERN.replace("times_the_rest = 2.5", f"day_share = {share}")
    with pytest.raises(ProfileError) as refused:
        parse_profile(days.replace("weekday_pattern", "days").encode())
    assert refused.value.field == "signals.strofranvaro.rules.day_share"


def test_no_toml_names_its_line() -> None:
    with pytest.raises(ProfileError) as refused:
        parse_profile(TEXT.replace("[profile]", "[profile").encode())
    assert refused.value.line == TEXT[: TEXT.index("[profile]")].count("\n") + 1
    with pytest.raises(ProfileError, match="UTF-8"):
        parse_profile(b"\xff")
    with pytest.raises(ProfileError, match="no family"):
        parse_profile(b'[profile]\nid = "a"\nversion = 1\nname = "A"\n[signals]\n')


def test_a_ladder_is_left_to_the_case_service() -> None:
    profile = parse_profile(TRIAL + b'\n[ladder]\nanything = "goes"\n')
    assert profile.profile_id == TRIAL_ID


def test_of_each_rule_and_table_the_first_thing_is_told_in_the_files_order() -> None:
    changed = TEXT.replace('metric = "total"', 'metric = "totl"')
    changed = changed.replace("version = 1", "version = 0", 1).replace(
        "quiet_school_days", "quiet", 1
    )
    with pytest.raises(ProfileError) as refused:
        parse_profile(changed.encode())
    found = [refused.value, *refused.value.others]
    assert [one.field.rpartition(".")[2] for one in found] == ["version", "quiet"] + 8 * ["metric"]
    assert [one.line for one in found] == sorted(one.line for one in found)


@pytest.mark.parametrize(
    "value", ["[]", "[[]]", "{}", '""', "-1", "1.5", "true", "1979-05-27", "nan", '["total"]']
)
def test_whatever_a_key_holds_is_read_or_refused(value: str) -> None:
    """Ingest reads what anybody sends: nothing but ProfileError may come of it."""
    for at, line in enumerate(TEXT.splitlines()):
        if "=" in line and not line.startswith("#"):
            lines = TEXT.splitlines()
            lines[at] = f"{line.partition('=')[0]}= {value}"
            with contextlib.suppress(ProfileError):
                parse_profile("\n".join(lines).encode())
    for key in RULE_KEYS:
        # At the head of a share rule, in place of its own line if it has one.
        head, rule = TEXT.split('id = "strofranvaro-10-procent"\n')
        own, rest = rule.split("\n\n", 1)
        kept = [line for line in own.splitlines() if line.partition(" ")[0] not in (key, "#")]
        changed = "\n".join([f"{head}{key} = {value}", *kept, f"\n{rest}"])
        with contextlib.suppress(ProfileError):
            parse_profile(changed.encode())
    for table in ("profile", "signals", "signals.strofranvaro", "signals.strofranvaro.rules"):
        head, _, tail = table.rpartition(".")
        text = f"[{head}]\n{tail} = {value}\n" if head else f"{tail} = {value}\n"
        with pytest.raises(ProfileError):
            parse_profile(text.encode())
