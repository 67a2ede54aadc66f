"""Threads are kept in ews.warnings.v1 alone, and the changelog has an account of them."""

from __future__ import annotations

import random

import pytest

from forvarning.state.v1.state_pb2 import StateValue
from forvarning.warnings.v1.warnings_pb2 import WarningEvent
from services.ews.core.api import PublishedError
from services.ews.core.core import Core
from services.ews.core.published import ACCOUNT_KEY, Published
from tests.trial import TRIAL, TRIAL_ID
from tests.unit.ews.facts import School, name, weekdays
from tests.unit.ews.harness import Harness

CONTENTS = [(TRIAL_ID, 1, TRIAL)]
PUPILS = range(3)


@pytest.fixture
def school() -> School:
    return School()


@pytest.fixture
def harness(school: School) -> Harness:
    """Two pupils with warnings, of which one had two revisions at least."""
    found = Harness(CONTENTS)
    found.apply(school.profile(), *(school.placement(pupil) for pupil in PUPILS))
    for at in weekdays(7):
        found.told(*school.school_day(at, PUPILS, {0: "v", 1: "i..."}))
    assert len(found.latest) > 1
    assert max(event.revision for event in found.snapshots()) > 1
    return found


def restored(harness: Harness, published: list[tuple[bytes, bytes | None]]) -> Core:
    core = Core()
    core.learn_profile(*CONTENTS[0])
    for key, row in harness.changelog.items():
        core.restore(key, row)
    for key, value in published:
        core.restore_published(key, value)
    core.check_published()
    return core


def topic(harness: Harness) -> list[tuple[bytes, bytes | None]]:
    """Every revision that the topic ever had, the threads among one another in any order."""
    rows = [
        (nth, key, event.SerializeToString())
        for key, events in harness.history.items()
        for nth, event in enumerate(events)
    ]
    random.Random(len(rows)).shuffle(rows)
    return [(key, value) for _, key, value in sorted(rows, key=lambda row: row[0])]


def test_the_newest_revision_goes_on_and_older_ones_are_passed_over(
    harness: Harness, school: School
) -> None:
    rows = topic(harness)
    assert len(rows) > len(harness.latest)
    core = restored(harness, rows)
    assert core.collect().warnings == []
    core.apply(school.register(weekdays(7)[1], 490, {0: (0,)}), 500, partition=0)
    before = {event.thread_id: event.revision for event in harness.snapshots()}
    told = [WarningEvent.FromString(row.value or b"") for row in core.collect().warnings]
    assert told
    assert [event.revision for event in told] == [before[one.thread_id] + 1 for one in told]


def test_what_is_not_what_was_published_is_refused(harness: Harness) -> None:
    rows: list[tuple[bytes, bytes | None]] = [*harness.latest.items()]
    revised = next(event for event in harness.snapshots() if event.revision > 1)
    older = harness.history[revised.thread_id][-2]
    strange = WarningEvent.FromString(older.SerializeToString())
    strange.thread_id = name(77, "thread")
    wrongs: list[list[tuple[bytes, bytes | None]]] = [
        [],
        rows[1:],
        [*rows, (rows[0][0], None)],
        [*rows, (strange.thread_id, strange.SerializeToString())],
        [
            (key, older.SerializeToString() if key == older.thread_id else value)
            for key, value in rows
        ],
    ]
    for wrong in wrongs:
        with pytest.raises(PublishedError, match="the changelog says") as refused:
            restored(harness, wrong)
        assert f"that it was {len(rows)} threads, digest " in str(refused.value)
    restored(harness, rows)


def test_where_the_changelog_begins_what_there_is_is_counted(harness: Harness) -> None:
    """The account is written at once, and not where there is nothing to count."""
    empty = Published()
    empty.check()
    assert empty.row(anyway=False) == []
    for threads in (1, 2):
        published = Published()
        for key, value in [*harness.latest.items()][:threads]:
            published.restore(key, value)
        published.check()
        (row,) = published.row(anyway=False)
        assert StateValue.FromString(row.value or b"").account.threads == threads


def test_a_thread_that_was_taken_away_is_neither_handed_out_nor_counted(harness: Harness) -> None:
    published = Published()
    for key, value in topic(harness):
        published.restore(key, value)
    gone, *left = harness.latest
    published.restore(gone, None)
    published.restore(gone, None)  # a compacted topic may hold it twice
    kept = Published()
    for key in left:
        kept.restore(key, harness.latest[key])
    assert published.row(anyway=True) == kept.row(anyway=True)
    pupils = {event.pupil_id: 0 for event in harness.snapshots()}
    handed_out = [
        one.value for bucket in published.buckets() for one in published.take_up(bucket, pupils)
    ]
    assert sorted(handed_out) == sorted(harness.latest[key] for key in left)


def test_a_record_that_is_no_warning_is_named(harness: Harness) -> None:
    rows: list[tuple[bytes, bytes | None]] = [*harness.latest.items(), (b"x" * 16, b"\xff\xff")]
    with pytest.raises(PublishedError, match=f"thread {b'x'.hex() * 16} is no WarningEvent"):
        restored(harness, rows)


def test_the_account_follows_every_way_a_thread_is_told_or_goes(
    harness: Harness, school: School
) -> None:
    facts = [
        [school.register(weekdays(7)[2], 490, {0: (0,)})],
        [school.erase(0)],
        [],
    ]
    for some in facts:
        harness.apply(*some)
        harness.restart()  # checks
    assert {event.pupil_id for event in harness.snapshots()} == {name(1, "pupil")}
    harness.lose()
    harness.restart()
    assert {event.pupil_id for event in harness.snapshots()} == {name(1, "pupil")}
    harness.core.mark_undigested([name(1, "pupil")], 3)
    harness.restart()
    assert all(event.incomplete for event in harness.snapshots())


def test_an_account_is_written_only_where_something_was_published(
    harness: Harness, school: School
) -> None:
    harness.apply(school.register(weekdays(8)[7], 490, {0: (60,)}))
    batch = harness.collect()
    assert batch.state
    assert not batch.warnings
    assert ACCOUNT_KEY not in {row.key for row in batch.state}


def test_a_thread_without_its_pupils_facts_waits_for_them(harness: Harness, school: School) -> None:
    """Retention took the facts: the thread is told on from its revision when there are new ones."""
    later = Harness(CONTENTS)
    later.apply(school.profile(), *(school.placement(pupil) for pupil in (1, 2)))
    later.latest.update(harness.latest)
    later.restart()
    # Its bucket is known, the pupil is not, and the rows of others are not shifted for it.
    assert later.collect().warnings == []
    later.restart()
    event = next(one for one in harness.snapshots() if one.pupil_id == name(0, "pupil"))
    facts = [school.placement(0)]
    for at in weekdays(7):
        facts += school.school_day(at, PUPILS, {0: "vvv.", 2: "v"})
    told = {one.thread_id: one for one in later.told(*facts)}
    assert told[event.thread_id].revision == event.revision + 1
    assert next(one for one in told.values() if one.pupil_id == name(2, "pupil")).revision == 1
    later.restart()
