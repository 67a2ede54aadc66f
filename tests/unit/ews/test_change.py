"""A change against the pupil's own baseline, held against the definition in exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from services.ews.core import change
from services.ews.core.profile import parse_profile
from services.ews.core.rule import ESCALATION, Rule
from tests.unit.ews.toml import profile, rule

PRIOR_SHARE, PRIOR_MINUTES = Fraction(1, 10), 240


def change_rule(told: str = "threshold = 2") -> Rule:
    content = profile(
        rule(
            "eskalering",
            'metric = "total"; measure = "change"; window = { school_days = 2 }; '
            f"prior_share = 10; prior_minutes = {PRIOR_MINUTES}; {told}",
        )
    )
    [found] = parse_profile(content).rules(ESCALATION)
    return found


def judged(
    wanted: Rule, earlier: tuple[int, int], within: tuple[int, int]
) -> tuple[bool, bool, bool]:
    """Fires, calm, known: of one pupil with (absent, reported) before the window and in it."""
    first_day = [np.array([[one]]) for one in earlier]
    totals = change.summed(*first_day)
    absent, said = (np.array([[one]]) for one in within)
    return tuple(
        bool(one[0, 0]) for one in change.compare(wanted, totals, np.array([1]), absent, said)
    )  # type: ignore[return-value]


def test_what_was_before_a_window_is_summed_pupil_by_pupil_and_day_by_day() -> None:
    absent = np.array([[1, 10], [2, 20], [3, 30]])
    said = np.array([[100, 1000], [200, 2000], [300, 3000]])
    whole = change.summed(absent, said)
    assert whole.tolist() == [
        [[1, 10], [100, 1000]],
        [[3, 30], [300, 3000]],
        [[6, 60], [600, 6000]],
    ]
    # A day that comes later goes on from what was known, and changes none of it.
    for known in range(4):
        first = change.summed(absent[:known], said[:known])
        later = change.summed(absent[known:], said[known:], first)
        assert later.tolist() == whole.tolist()
        assert later.dtype == np.int32  # half of what a year of a whole school would take
    found = change.before(whole, np.array([0, 1, 3, 2]))
    assert found.tolist() == [
        [[0, 0], [0, 0]],  # a window from the first day on has nothing before it
        [[1, 10], [100, 1000]],
        [[6, 60], [600, 6000]],
        [[3, 30], [300, 3000]],
    ]
    assert found.dtype == np.int64  # whole, and wide enough for minutes times minutes


def test_minutes_times_minutes_do_not_overflow() -> None:
    # All of a year before, all of a term within: 530,000 times 250,000 is above 2**31.
    wanted = change_rule("threshold = 1.5; resolve = { below = 1.2, school_days = 1 }")
    assert judged(wanted, (530_000, 530_000), (250_000, 250_000)) == (False, True, True)
    assert judged(wanted, (265_000, 530_000), (250_000, 250_000)) == (True, False, True)


@pytest.mark.parametrize("comparator", [">=", ">"])
def test_every_pupil_is_judged_as_exact_fractions_say(comparator: str) -> None:
    wanted = change_rule(
        f'threshold = 1.5; comparator = "{comparator}"; '
        "resolve = { below = 1.2, school_days = 1 }"
    )
    for earlier in [(0, 1), (0, 600), (60, 600), (60, 1200), (120, 960), (600, 600)]:
        for absent in range(0, 241, 12):
            found = judged(wanted, earlier, (absent, 240))
            share = Fraction(absent, 240)
            known = Fraction(earlier[0] + PRIOR_SHARE * PRIOR_MINUTES, earlier[1] + PRIOR_MINUTES)
            own = Fraction(*earlier)
            above = share / known >= Fraction(3, 2)
            if comparator == ">":
                above = share / known > Fraction(3, 2)
            assert found == (above and share > own, share / known < Fraction(6, 5), True)


def test_on_the_threshold_only_an_inclusive_rule_fires() -> None:
    # (76 + 24) / (760 + 240) is a tenth; 30 of 200 minutes are 1.5 times that.
    earlier, within = (76, 760), (30, 200)
    assert judged(change_rule("threshold = 1.5"), earlier, within)[0]
    assert not judged(change_rule('threshold = 1.5; comparator = ">"'), earlier, within)[0]


def test_on_the_limit_of_rest_a_rule_does_not_rest() -> None:
    wanted = change_rule("threshold = 2; resolve = { below = 1.5, school_days = 1 }")
    assert not judged(wanted, (76, 760), (30, 200))[1]
    assert judged(wanted, (76, 760), (29, 200))[1]


def test_what_is_not_more_than_before_is_no_rise_however_low_the_prior() -> None:
    # Half away before, half away now; the prior of a tenth makes it 30 / 29 of the baseline.
    low = change_rule("threshold = 1.01; resolve = { below = 1, school_days = 1 }")
    assert not judged(low, (300, 600), (120, 240))[0]
    assert judged(low, (300, 600), (121, 240))[0]


def test_one_reported_minute_before_is_a_baseline_and_none_is_not() -> None:
    assert judged(change_rule(), (0, 1), (0, 240))[2]
    assert not judged(change_rule(), (0, 0), (0, 240))[2]
