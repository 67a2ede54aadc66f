"""Counting what reached people."""

from __future__ import annotations

from deploy.check.notices import Notice, Tally, tally

HOME = ("mail", "g1@example.org", "2026-11-24")


def test_a_repeat_under_the_same_id_counts_once() -> None:
    assert tally([Notice("m1", HOME), Notice("m1", HOME)]) == Tally(2, 1, 0, 0)


def test_two_ids_for_one_cause_are_a_doubled_notice() -> None:
    assert tally([Notice("m1", HOME), Notice("m2", HOME), Notice("m3", HOME)]).doubled == 2


def test_one_id_that_says_two_things_is_doubled_too() -> None:
    assert tally([Notice("m1", HOME), Notice("m1", ("mail", "g2@example.org"))]).doubled == 1


def test_what_is_about_history_is_counted_apart() -> None:
    found = tally([Notice("m1", HOME, about_history=True), Notice("m2", ("x",))])
    assert (found.distinct, found.doubled, found.about_history) == (2, 0, 1)


def test_nothing() -> None:
    assert tally([]) == Tally(0, 0, 0, 0)
