"""Which rule holds a level, told by the fold alone."""

from __future__ import annotations

import pytest

from services.ews.core.fold import Step, Track, fold
from services.ews.core.profile import FAMILIES, Profile, parse_profile
from services.ews.core.rules import CALM, FIRES, NOT_JUDGED
from tests.trial import TRIAL

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
