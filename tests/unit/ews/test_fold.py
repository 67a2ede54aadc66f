"""Which rule holds a level, told by the fold alone."""

from __future__ import annotations

import pytest

from services.ews.core import calendar
from services.ews.core.fold import Step, Track, fold
from services.ews.core.profile import FAMILIES, Profile, parse_profile
from services.ews.core.rules import CALM, FIRES, NOT_JUDGED
from tests.trial import TRIAL
from tests.unit.ews.facts import day
from tests.unit.ews.toml import profile as profile_of
from tests.unit.ews.toml import quiet, rule

FAMILY = FAMILIES["strofranvaro"]


@pytest.fixture
def profile() -> Profile:
    return parse_profile(TRIAL)


def steps(profile: Profile, *days: dict[int, int]) -> list[Step]:
    """A day's verdicts by the rule's place; the others are not judged."""
    count = len(profile.rules(FAMILY))
    return [
        Step(100 + n, profile, [verdicts.get(rule, NOT_JUDGED) for rule in range(count)])
        for n, verdicts in enumerate(days)
    ]


def test_of_two_rules_of_a_level_the_one_that_stands_first_holds_it(profile: Profile) -> None:
    levels = [rule.level for rule in profile.rules(FAMILY)]
    first = levels.index(1)
    second = levels.index(1, first + 1)
    track = Track()
    fold(b"p", FAMILY, track, steps(profile, {second: FIRES, first: FIRES}))
    (spell,) = track.spells
    assert spell.rule is profile.rules(FAMILY)[first]
    assert (spell.level, spell.raised_day, spell.relapse) == (1, 100, False)


def test_days_without_a_verdict_change_nothing_and_are_counted(profile: Profile) -> None:
    rule = profile.rules(FAMILY)[0]
    calm = [{0: CALM}] * (rule.resolve_days - 1)
    track = Track()
    fold(b"p", FAMILY, track, steps(profile, {0: FIRES}, *calm, {}, {}, {0: CALM}))
    (spell,) = track.spells
    assert spell.resolved_day == 100 + rule.resolve_days + 2
    assert track.upto == rule.resolve_days + 3
    assert track.resolved_at == track.upto - 1


def termwise(quiet_days: int) -> Profile:
    """One rule that rests after twenty calm days, of a family that ends with the term."""
    return parse_profile(
        profile_of(
            quiet("strofranvaro", quiet_days) + 'ends_with = "term"\n',
            rule(
                "strofranvaro",
                'id = "r"; metric = "total"; measure = "days"; window = "term"; threshold = 1; '
                "resolve = { below = 1, school_days = 20 }",
            ),
        )
    )


def folded(profile: Profile, *told: tuple[int, int]) -> Track:
    track = Track()
    fold(b"p", FAMILY, track, [Step(at, profile, [verdict]) for at, verdict in told])
    return track


JANUARY = day(2027, 1, 1)


def test_what_was_raised_on_the_terms_first_day_is_of_that_term() -> None:
    assert calendar.term_start(JANUARY) == JANUARY
    track = folded(termwise(0), (JANUARY, FIRES), (JANUARY + 3, CALM))
    assert [one.resolved_day for one in track.spells] == [0]
    track = folded(termwise(0), (JANUARY - 1, FIRES), (JANUARY, CALM))
    assert [one.resolved_day for one in track.spells] == [JANUARY]


def test_a_day_that_no_rule_judges_ends_nothing() -> None:
    """Not even the term: what is not known of a day changes nothing."""
    track = folded(termwise(0), (JANUARY - 1, FIRES), (JANUARY, NOT_JUDGED))
    assert [one.resolved_day for one in track.spells] == [0]
    nobody = Step(JANUARY, parse_profile(TRIAL.replace(b"strofranvaro", b"eskalering")), [FIRES])
    fold(b"p", FAMILY, track, [nobody, Step(JANUARY + 1, None, [FIRES])])
    assert [one.resolved_day for one in track.spells] == [0]
    assert track.upto == 4


@pytest.mark.parametrize("quiet_days", [0, 1, 30])
def test_no_quiet_days_follow_on_the_end_of_a_term(quiet_days: int) -> None:
    track = folded(termwise(quiet_days), (JANUARY - 1, FIRES), (JANUARY, FIRES))
    assert [(one.raised_day, one.resolved_day) for one in track.spells] == [
        (JANUARY - 1, JANUARY),
        (JANUARY, 0),
    ]
