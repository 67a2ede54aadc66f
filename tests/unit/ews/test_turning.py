"""A turning against its definition said plainly, day by day, over random verdicts."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from services.ews.core import turning
from services.ews.core.profile import FAMILIES, Profile, Rule, parse_profile
from services.ews.core.rules import BETWEEN, CALM, FIRES, NOT_JUDGED
from tests.unit.ews import toml
from tests.unit.ews.toml import rule

SPORADIC, LONG, ESCALATION = (
    FAMILIES[label] for label in ("strofranvaro", "langvarig", "eskalering")
)
DAYS, PUPILS = 12, 5
Verdicts = dict[int, NDArray[np.int8]]


def judged(turns: str, *names: str) -> Profile:
    """A profile with rules of both families, by name and level, and one that turns."""
    told = [
        rule(
            "strofranvaro",
            f'id = "{name}"; level = {name[1:]}; metric = "total"; measure = "days"; '
            'window = "term"; threshold = 5',
        )
        for name in names
    ]
    runs = [
        rule(
            "langvarig",
            f'id = "{name}"; level = {name[1:]}; metric = "total"; measure = "run_days"; '
            "threshold = 5",
        )
        for name in ("l1", "l3", "l2")
    ]
    turned = rule("eskalering", f'id = "t"; measure = "turning"; window = "term"; {turns}')
    return parse_profile(toml.profile(*told, *runs, turned))


TURNS: dict[str, tuple[str, int, int, tuple[str, ...]]] = {
    "one family into the other": (
        'from = "strofranvaro"; into = "langvarig"; threshold = 2',
        SPORADIC,
        LONG,
        (),
    ),
    "into some of its rules": (
        'from = "strofranvaro"; into = "langvarig"; threshold = 2; into_rules = ["l1", "l2"]',
        SPORADIC,
        LONG,
        ("l1", "l2"),
    ),
    "within one family": (
        'from = "strofranvaro"; into = "strofranvaro"; threshold = 2; into_rules = ["s2", "s4"]',
        SPORADIC,
        SPORADIC,
        ("s2", "s4"),
    ),
}


def plainly(
    verdicts: Verdicts,
    profiles: list[Profile | None],
    turns: tuple[int, int, tuple[str, ...]],
    window: range,
    pupil: int,
) -> tuple[int, bool]:
    """The value on the window's last day, and whether there is one."""
    turns_from, turns_into, named = turns
    today = window[-1]
    profile = profiles[today]
    assert profile is not None
    into = [
        (verdicts[turns_into][today, place, pupil], one.level)
        for place, one in enumerate(profile.rules(turns_into))
        if not named or one.rule_id in named
    ]
    before = False
    for day in window[:-1]:
        then = profiles[day]
        for place, code in enumerate(verdicts[turns_from][day, :, pupil]):
            rules = then.rules(turns_from) if then else ()
            turned_into = (
                turns_from == turns_into and place < len(rules) and rules[place].rule_id in named
            )
            before |= bool(code == FIRES and not turned_into)
    level = max((level for code, level in into if code == FIRES), default=0)
    return (level if before else 0), any(code != NOT_JUDGED for code, _ in into)


def the_turning(profile: Profile) -> Rule:
    [found] = profile.rules(ESCALATION)
    return found


@pytest.mark.parametrize("case", TURNS)
@pytest.mark.parametrize("often", [0.05, 0.3])
def test_the_value_is_the_highest_level_turned_into_where_another_fired_before(
    case: str, often: float
) -> None:
    told, turns = TURNS[case][0], TURNS[case][1:]
    old, new = judged(told, "s1", "s2", "s3", "s4"), judged(told, "s4", "s1", "s2", "s3")
    chance = np.random.default_rng(7)
    for _ in range(20):
        odds = [0.2, 0.4 - often, 0.4, often]
        verdicts: Verdicts = {
            family: chance.choice(
                np.array([NOT_JUDGED, CALM, BETWEEN, FIRES], np.int8), (DAYS, rules, PUPILS), p=odds
            )
            for family, rules in ((SPORADIC, 4), (LONG, 3))
        }
        # Another version of the profile from the fifth day on, whose rules stand otherwise.
        profiles: list[Profile | None] = [None, *[old] * 3, *[new] * 8]
        at = np.array([5, 8, 9, 11])
        first = np.array([0, 3, 9, 6])
        value, known = turning.values(the_turning(new), new, verdicts, profiles, first, at)
        assert (value.shape, known.shape) == ((4, PUPILS), (4, PUPILS))
        for i in range(4):
            for pupil in range(PUPILS):
                window = range(first[i], at[i] + 1)
                assert (value[i, pupil], known[i, pupil]) == plainly(
                    verdicts, profiles, turns, window, pupil
                )


def one_day(**codes: list[int]) -> Verdicts:
    """Verdicts of one pupil on two days: ``sporadic`` on the first, ``long`` on the second."""
    verdicts: Verdicts = {
        SPORADIC: np.zeros((2, 4, 1), np.int8),
        LONG: np.zeros((2, 3, 1), np.int8),
    }
    verdicts[SPORADIC][0, :, 0] = codes["sporadic"]
    verdicts[LONG][1, :, 0] = codes["long"]
    return verdicts


@pytest.mark.parametrize(
    ("sporadic", "long", "expected"),
    [
        ([FIRES, 0, 0, 0], [FIRES, FIRES, FIRES], (3, True)),
        ([0, 0, 0, FIRES], [FIRES, BETWEEN, 0], (1, True)),
        ([BETWEEN] * 4, [FIRES, FIRES, FIRES], (0, True)),  # nothing fired before
        ([FIRES] * 4, [CALM, 0, 0], (0, True)),
        ([FIRES] * 4, [0, 0, 0], (0, False)),  # nobody judged the day
    ],
)
def test_a_turn_takes_one_that_fired_and_one_that_fires(
    sporadic: list[int], long: list[int], expected: tuple[int, bool]
) -> None:
    profile = judged(TURNS["one family into the other"][0], "s1", "s2", "s3", "s4")
    value, known = turning.values(
        the_turning(profile),
        profile,
        one_day(sporadic=sporadic, long=long),
        [profile, profile],
        np.array([0]),
        np.array([1]),
    )
    assert (int(value[0, 0]), bool(known[0, 0])) == expected
    # The day itself is not before it.
    value, _ = turning.values(
        the_turning(profile),
        profile,
        one_day(sporadic=sporadic, long=long),
        [profile, profile],
        np.array([1]),
        np.array([1]),
    )
    assert value[0, 0] == 0
