"""A day's sums without the valid absence that a wave explains, against a plain count."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.ews.core import days, shared
from tests.unit.ews.facts import START, School
from tests.unit.ews.harness import Harness

KINDS = ("v", "i", "c", ".", "-", "vi")
"""Of one lesson: valid, unexplained, confirmed, present, not reported, half of it valid and half
unexplained."""


def _lesson(kind: str) -> tuple[int, int, int, int, int]:
    """(valid, invalid, other, flags, offered)"""
    valid = {"v": 60, "vi": 30}.get(kind, 0)
    invalid = {"i": 60, "c": 60, "vi": 30}.get(kind, 0)
    flags = (kind != "-") + 2 * (kind == "c")
    return valid, invalid, 0, flags, 60


def _sums(letters: list[list[str]]) -> days.Sums:
    """The sums of a day on which each pupil has these lessons, as the core adds them up."""
    school = School()
    harness = Harness([])
    pupils = range(len(letters[0]))
    for nth, row in enumerate(letters):
        harness.apply(school.register(START, 480 + 60 * nth, {p: _lesson(row[p]) for p in pupils}))
    (bucket,) = harness.core._partition.buckets()  # type: ignore[attr-defined]
    found: days.Sums = bucket.add_up(START).sums
    return found


@given(st.lists(st.lists(st.sampled_from(KINDS), min_size=3, max_size=3), min_size=1, max_size=5))
def test_what_is_left_is_the_day_as_if_nobody_had_been_validly_away(
    letters: list[list[str]],
) -> None:
    """A lesson of which all was valid absence is one attended; it offered nothing."""
    sums = _sums(letters)
    without = shared.without(np.stack((sums, sums)), np.array([False, True]))
    assert (without[0] == sums).all()
    left = without[1]
    present = {"v": ".", "vi": "i"}
    plain = _sums([[present.get(kind, kind) for kind in row] for row in letters])
    for pupil in range(3):
        own = [row[pupil] for row in letters]
        valid = sum(_lesson(kind)[0] for kind in own)
        offered, reported = 60 * len(own) - valid, 60 * sum(kind != "-" for kind in own) - valid
        assert left[days.OFFERED, pupil] == offered
        assert left[days.REPORTED, pupil] == reported
        assert left[days.VALID, pupil] == 0
        assert left[days.UNEXPLAINED, pupil] == sums[days.UNEXPLAINED, pupil]
        assert left[days.CONFIRMED, pupil] == sums[days.CONFIRMED, pupil]
        # Stretches of each kind of absence, and whether one is at the day's edge.
        for field in (*range(days.RUNS, days.RUNS + 4), days.EDGES):
            assert left[field, pupil] == plain[field, pupil], (field, own)


def test_sums_are_taken_from_a_copy() -> None:
    sums = _sums([["v", "i", "."]])[None]
    before = sums.copy()
    shared.without(sums, np.array([True]))
    assert (sums == before).all()
