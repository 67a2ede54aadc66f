"""The oracle's eyes for what schools are told."""

from __future__ import annotations

from forvarning.school.v1.school_pb2 import SchoolSignal
from services.ews.core.ids import school_signal_key
from services.ews.oracle.findings import Kind, Store
from services.ews.oracle.school import against_published, published, recompute
from tests.unit.ews.facts import weekdays
from tests.unit.ews.school_world import UNIT, A, B, SchoolWorld

DAYS = weekdays(21)
WORLD = SchoolWorld({A: 25, B: 40}, partitions=2)
ROWS = [
    row.SerializeToString()
    for at, day in enumerate(DAYS)
    for row in WORLD.rows(day, valid={A: range(9) if at == 20 else []})
]


def records(*signals: SchoolSignal) -> dict[bytes, SchoolSignal]:
    rows = [(school_signal_key(UNIT, one.signal_id), one.SerializeToString()) for one in signals]
    return published(rows)


def truth() -> SchoolSignal:
    (signal,) = recompute(ROWS, 2).values()
    return signal


def test_what_is_told_as_it_should_be_is_no_finding() -> None:
    told = truth()
    told.revision = 42
    assert list(against_published(recompute(ROWS, 2), records(told))) == []
    # A partition whose sums are missing: no day is closed, and nothing should be told.
    assert recompute(ROWS[::2], 2) == {}


def test_missing_extra_and_differing() -> None:
    wanted = recompute(ROWS, 2)
    (missing,) = against_published(wanted, {})
    assert (missing.kind, missing.store) == (Kind.MISSING, Store.SCHOOL_SIGNALS)
    assert missing.detail == "wave of a class, 1 episodes"
    (extra,) = against_published({}, records(truth()))
    assert extra.kind == Kind.EXTRA
    other = truth()
    other.episodes[0].figures.absent += 1
    (differing,) = against_published(wanted, records(other))
    assert (differing.kind, differing.subject) == (Kind.DIFFERING, missing.subject)


def test_consumers_hold_the_highest_revision_and_nothing_of_what_is_empty() -> None:
    newer, older = truth(), truth()
    newer.revision, older.revision = 5, 4
    older.episodes[0].days = 7
    assert list(records(newer, older).values()) == [truth()]
    gone = truth()
    gone.ClearField("episodes")
    gone.revision = 6
    assert records(newer, gone) == {}
    assert published([(b"k", newer.SerializeToString()), (b"k", None)]) == {}
