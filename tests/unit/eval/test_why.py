"""What changes are made of, who is away again after New Year, and how shortfalls are told."""

from __future__ import annotations

import math
from collections import Counter
from datetime import date

from bench.eval.page import _missed, _shortfall
from bench.eval.score import Spell
from bench.eval.truth import PupilTerm, terms, year_of
from bench.eval.why import explained
from bench.eval.years import Warned, Year
from tests.unit.eval.test_truth import line, weekdays

AUTUMN, SPRING = weekdays(date(2026, 8, 17), 80), weekdays(date(2027, 1, 11), 80)
ALARM = {"early": AUTUMN[19], "late": AUTUMN[20]}
"""Negatives: the twentieth school day, and the one after."""


def both(name: str, autumn: int, spring: int) -> list[PupilTerm]:
    """A pupil away on the first days of each term."""
    missed = {day: float(i < autumn) for i, day in enumerate(AUTUMN)}
    missed |= {day: float(i < spring) for i, day in enumerate(SPRING)}
    return terms(year_of(line(missed, pupil=name)))


def a_year() -> Year:
    known = both("again", 20, 20) + both("new", 0, 20) + both("once", 20, 0)
    known += both("early", 0, 0) + both("late", 0, 0)
    told = Warned(
        {"again": [Spell("langvarig", AUTUMN[8]), Spell("ogiltig_idag", SPRING[1])]},
        {},
        Counter({("langvarig", "raised"): 2, ("strofranvaro", "resolved"): 1}),
    )
    other = {"again": [Spell("any", AUTUMN[4])], "once": [Spell("any", AUTUMN[4])]}
    other |= {name: [Spell("any", day)] for name, day in ALARM.items()}
    return Year("1", known, told, {"way": other}, {}, 0.0)


def test_changes_are_told_by_kind_and_by_family() -> None:
    found = explained([a_year()])
    assert (found["changes_raised"], found["changes_resolved"]) == (0.2, 0.1)
    assert (found["changes_escalated"], found["changes_withdrawn"]) == (0, 0)
    assert (found["changes_of_langvarig"], found["changes_of_strofranvaro"]) == (0.2, 0.1)
    # One of ten terms: what is told the same day opens no case.
    assert found["warned_terms_percent"] == 10


def test_of_two_springs_one_follows_on_an_autumn_like_it() -> None:
    assert explained([a_year()])["springs_again_percent"] == 50
    assert math.isnan(
        explained([Year("1", [], Warned({}, {}), {}, {}, 0.0)])["warned_terms_percent"]
    )


def test_of_the_others_autumns_lead_and_early_false_alarms() -> None:
    found = explained([a_year()])
    # The crossing is the twelfth day, the warning the fifth.
    assert found["way_autumn_lead_days"] == 7
    assert found["way_early_false_alarms_percent"] == 50


def test_what_is_missed_is_told_with_its_size_and_what_was_not_measured_is_not() -> None:
    figures = {"share_recall": 0.98, "share_lead_days": 21.0, "changes_per_pupil_term": 0.9}
    missed = _missed(figures)
    assert [aim.name for aim in missed] == ["share_lead_days", "changes_per_pupil_term"]
    assert [_shortfall(aim, figures) for aim in missed] == [
        "- `share_lead_days` is 21.0 where at least 28 is asked: 25 % off.",
        "- `changes_per_pupil_term` is 0.900 where at most 0.3 is asked: 200 % off.",
    ]
