"""ogiltig_idag where as much of a day's absence is confirmed as is unexplained."""

from __future__ import annotations

import pytest

from services.ews.core.rule import TODAY
from tests.trial import TRIAL, TRIAL_ID
from tests.unit.ews.facts import OTHER_UNIT, START, UNIT, School
from tests.unit.ews.harness import Harness


@pytest.mark.parametrize("last", ["lessons", "profile", "placement"])
def test_both_kinds_of_invalid_absence_are_told_of_whatever_comes_last(last: str) -> None:
    harness, school = Harness([(TRIAL_ID, 1, TRIAL)]), School()
    # The profile is one unit's, the lessons another's: only the placement says who is judged by it.
    lessons = school.school_day(START, [0, 1], {0: "ic.."}, close=False, unit=OTHER_UNIT)
    facts = {
        "lessons": lessons,
        "profile": [school.profile(units=[UNIT])],
        "placement": [school.placement(0), school.placement(1)],
    }
    first = school.school_day(START - 3, [0, 1], close=False, unit=OTHER_UNIT)
    harness.told(*first)
    for name in (*(other for other in facts if other != last), last):
        assert harness.snapshots() == []
        harness.told(*facts[name])
    [event] = harness.snapshots()
    assert event.family == TODAY
    [one] = event.episodes
    assert one.raised_day == START
    assert (one.figures.invalid_unexplained, one.figures.invalid_confirmed) == (60, 60)
