"""Absence days: which differences count."""

from __future__ import annotations

from typing import Any

from forvarning.warnings.v1.warnings_pb2 import AbsenceDay
from services.ews.oracle.absences import against_published, plain
from services.ews.oracle.findings import Kind

KEY = b"70:20000"


def day(**changes: int) -> bytes:
    values: dict[str, Any] = {
        "epoch_day": 20_000,
        "offered": 240,
        "reported": 240,
        "valid": 60,
        "lessons": 4,
    }
    return AbsenceDay(pupil_id=b"p" * 16, **(values | changes)).SerializeToString()


def kinds(recomputed: bytes | None, published: bytes | None) -> list[Kind]:
    found = against_published(
        {KEY: plain(recomputed)} if recomputed else {}, {KEY: plain(published)} if published else {}
    )
    return [one.kind for one in found]


def test_a_revision_is_history_and_everything_else_counts() -> None:
    assert kinds(day(revision=1), day(revision=7)) == []
    minutes = ("valid", "invalid_unexplained", "invalid_confirmed", "reported", "other")
    for name in (*minutes, "lessons"):
        assert kinds(day(), day(**{name: 1})) == [Kind.DIFFERING]


def test_a_day_with_absence_must_stand_on_both_sides() -> None:
    assert kinds(day(), None) == [Kind.MISSING]
    assert kinds(None, day()) == [Kind.EXTRA]
    assert kinds(day(invalid_confirmed=5, valid=0), None) == [Kind.MISSING]


def test_a_day_without_absence_may_stand_on_one() -> None:
    assert kinds(day(valid=0), None) == []
    assert kinds(None, day(valid=0)) == []
    assert kinds(day(valid=0), day(valid=10)) == [Kind.DIFFERING]


def test_the_detail_says_both_figures() -> None:
    (finding,) = against_published({KEY: plain(day())}, {KEY: plain(day(valid=10))})
    assert "valid 10, should be 60" in finding.detail
    assert finding.subject == "70:20000"
