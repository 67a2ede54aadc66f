"""Recall, lead and false alarms on hand-made pupils."""

from __future__ import annotations

from datetime import date
from math import isnan

import pytest

from bench.eval.score import Entry, Score, Spell, median, proportion, score
from bench.eval.truth import PupilTerm, terms, year_of
from tests.unit.eval.test_truth import line, term, weekdays

AUTUMN = weekdays(date(2026, 8, 10), 100)


def scored(of: PupilTerm, *spells: Spell) -> Score:
    return score([Entry(of, spells)], families=("a", "run"), run_families=("run",))


# 15 of 100 days: from the fifteenth on it cannot be undone.
POSITIVE = term([0.0, 1.0] * 15 + [0.0] * 70)
assert POSITIVE.crossing == 29


@pytest.mark.parametrize(
    ("raised", "recall", "lead"),
    [(0, 1, 29), (29, 1, 0), (30, 0, -1), (None, 0, -5)],
)
def test_a_warning_by_the_crossing_is_a_hit(raised: int | None, recall: float, lead: float) -> None:
    spells = [] if raised is None else [Spell("a", AUTUMN[raised])]
    found = scored(POSITIVE, *spells)
    assert (found.share_recall.value, found.share_lead_days.value) == (recall, lead)
    assert found.share_false_alarms.count == 0


def test_a_warning_of_another_family_is_none() -> None:
    assert scored(POSITIVE, Spell("ogiltig_idag", AUTUMN[3])).share_recall.value == 0


def test_a_warning_of_the_weekend_counts_from_monday() -> None:
    saturday = date(2026, 8, 15)
    assert scored(POSITIVE, Spell("a", saturday)).share_lead_days.value == 29 - 5


def test_a_negative_pupil_is_one_false_alarm_however_often_it_is_warned_of() -> None:
    negative = term([0.0] * 100)
    twice = [Spell("a", AUTUMN[3], AUTUMN[9]), Spell("run", AUTUMN[20], AUTUMN[25])]
    found = scored(negative, *twice)
    assert found.share_false_alarms.value == 100
    assert found.run_false_alarms.value == 100
    assert scored(negative, twice[0]).run_false_alarms.value == 0
    assert isnan(found.share_recall.value)


def test_what_is_carried_over_counts_as_warned_and_earns_no_lead() -> None:
    autumn, spring = weekdays(date(2026, 8, 10), 90), weekdays(date(2027, 1, 11), 100)
    missed = dict.fromkeys(autumn, 0.0) | dict.fromkeys(spring, 0.0)
    missed |= dict.fromkeys(spring[20:40], 1.0)
    _, second = terms(year_of(line(missed)))
    assert second.crossing == 34
    carried = Spell("a", autumn[50])
    assert scored(second, carried).share_recall.value == 1
    assert scored(second, carried).share_lead_days.value == 0
    again = Spell("a", spring[24])
    assert scored(second, Spell("a", autumn[50], spring[3]), again).share_lead_days.value == 10
    assert scored(second, Spell("a", autumn[50], autumn[60])).share_recall.value == 0


def test_a_carried_over_warning_is_no_false_alarm() -> None:
    autumn, spring = weekdays(date(2026, 8, 10), 90), weekdays(date(2027, 1, 11), 90)
    _, second = terms(year_of(line(dict.fromkeys([*autumn, *spring], 0.0))))
    assert scored(second, Spell("a", autumn[50], spring[20])).share_false_alarms.value == 0


def test_a_pattern_is_found_within_twenty_days_of_its_onset() -> None:
    patterned = {"kind": "moderate_rising_unauthorised", "onset": AUTUMN[10].isoformat()}
    of = term([0.0] * 100, **patterned)
    assert scored(of, Spell("a", AUTUMN[30])).pattern_recall.value == 1
    assert scored(of, Spell("a", AUTUMN[31])).pattern_recall.value == 0
    assert scored(of, Spell("a", AUTUMN[31])).pattern_delay_days.value == 21
    # One that had come to rest before says nothing; one that stands has said it.
    assert scored(of, Spell("a", AUTUMN[2], AUTUMN[9])).pattern_recall.value == 0
    assert scored(of, Spell("a", AUTUMN[2], AUTUMN[20])).pattern_delay_days.value == 0
    late = term([0.0] * 25, **patterned)
    assert scored(late).pattern_recall.count == 0


def test_a_run_is_looked_for_by_its_fifth_seventh_and_tenth_day() -> None:
    of = term([0.0] * 10 + [1.0] * 25 + [0.0] * 65)
    found = scored(of, Spell("run", AUTUMN[16]))
    assert {day: one.value for day, one in found.run_recall.items()} == {5: 0, 7: 1, 10: 1}
    assert scored(of, Spell("a", AUTUMN[10])).run_recall[10].value == 0


def test_proportions_have_wilsons_interval() -> None:
    found = proportion([True] * 8 + [False] * 2)
    assert (found.value, found.count) == (0.8, 10)
    assert (round(found.low, 4), round(found.high, 4)) == (0.4902, 0.9433)
    assert proportion([False] * 50, per=100).high == pytest.approx(7.1348, abs=1e-3)


def test_the_median_has_the_interval_of_order_statistics() -> None:
    found = median(list(range(1, 16)))
    assert (found.value, found.low, found.high) == (8, 4, 12)
    assert isnan(median([]).value)
