"""What of a changelog is taken up, and state that this version cannot read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.ews import restore
from services.ews.checkpoint import encode_checkpoint
from services.ews.core import days
from services.ews.core.core import Core
from services.ews.core.rows import decode
from services.ews.errors import LogMismatchError
from services.ews.partition import Position
from services.ews.topology import CHECKPOINT_KEY
from tests.trial import TRIAL, TRIAL_ID
from tests.unit.ews.facts import School, weekdays
from tests.unit.ews.harness import Harness

Rows = list[tuple[bytes, bytes | None]]


@pytest.fixture
def state() -> Rows:
    """What a real core keeps of a class, a pupil with a dead letter among it."""
    harness, school = Harness([(TRIAL_ID, 1, TRIAL)]), School()
    harness.apply(school.profile(), *(school.placement(pupil) for pupil in range(3)))
    for at in weekdays(6):
        harness.apply(*school.school_day(at, range(3), dict.fromkeys(range(3), "v")))
    harness.core.mark_undigested([b"p" * 16], 99)
    harness.collect()
    return list(harness.changelog.items())


def older(rows: Rows) -> Rows:
    """The same as a version wrote it that laid the rows out otherwise."""
    found: Rows = []
    for key, row in rows:
        told = row
        if key.startswith(b"b:"):
            value = decode(row or b"")
            value.bucket.layout = days.LAYOUT - 1
            told = value.SerializeToString()
        found.append((key, told))
    return found


def gone(rows: Rows) -> Rows:
    return [(key, None) for key, _ in rows]


def restored(monkeypatch: pytest.MonkeyPatch, *rows: tuple[bytes, bytes | None]) -> Any:
    async def changelog(*_: object) -> AsyncIterator[Any]:
        for key, value in rows:
            yield SimpleNamespace(partition=4, key=key, value=value)

    monkeypatch.setattr(restore, "read_to_end", changelog)
    found = {4: restore.Restored(Core())}
    reading = restore._read_changelog(  # the whole needs a broker
        cast("Any", None), "ews.state.v1", found, lambda: None
    )
    asyncio.run(reading)
    return found[4]


def kept(core: Any) -> dict[bytes, bytes | None]:
    """What is kept of everything after it was touched."""
    partition = core._partition
    for bucket in partition.buckets():
        dirty = partition.mark(bucket)
        dirty.pupils.update(range(len(bucket.pupils)))
        dirty.days.update(bucket.days)
    for unit in partition.units():
        partition.dirty_unit_days.update((unit.organiser_id, unit.unit_id, at) for at in unit.days)
    partition.dirty_profiles.update(partition._profiles)
    partition.dirty_undigested = True
    return {row.key: row.value for row in partition.rows()}


def test_state_of_another_version_names_the_command_that_mends_it(
    monkeypatch: pytest.MonkeyPatch, state: Rows
) -> None:
    with pytest.raises(LogMismatchError) as refused:
        restored(monkeypatch, *older(state))
    wanted = f"ews.state.v1[4]: the state has layout {days.LAYOUT - 1}, this version {days.LAYOUT}"
    assert str(refused.value).startswith(wanted)
    assert "`forvarning ews mend --partition 4 --rebuild`" in str(refused.value)


def test_state_of_another_version_that_a_rebuild_removed_stops_nobody(
    monkeypatch: pytest.MonkeyPatch, state: Rows
) -> None:
    """The broker keeps what was removed until it compacts, and the tombstones a day longer."""
    checkpoint = encode_checkpoint(Position(next_offset=0, rebuild_until=9), "me")
    removed = [*older(state), *gone(state), (CHECKPOINT_KEY, checkpoint)]
    bare = restored(monkeypatch, *removed)
    assert bare.position.rebuild_until == 9
    assert kept(bare.core).keys() == {b"x"}
    again = restored(monkeypatch, *removed, *state)
    assert kept(again.core) == kept(restored(monkeypatch, *state).core)


@pytest.mark.parametrize("kind", [b"q:", b"d:", b"u:", b"p:", b"x"])
def test_a_row_that_was_taken_back_is_as_if_it_had_never_been(
    monkeypatch: pytest.MonkeyPatch, state: Rows, kind: bytes
) -> None:
    last = max(key for key, _ in state if key.startswith(kind))
    without = kept(restored(monkeypatch, *(row for row in state if row[0] != last)).core)
    assert kept(restored(monkeypatch, *state, (last, None)).core) == without
    assert kept(restored(monkeypatch, *state).core) != without


def test_an_account_that_was_taken_back_is_held_against_nobody(
    monkeypatch: pytest.MonkeyPatch, state: Rows
) -> None:
    """A rebuild begins with the threads that are there."""
    assert b"w" in dict(state)
    restored(monkeypatch, *state, *gone(state)).core.check_published()


def test_without_a_checkpoint_the_changelog_tells_no_position(
    monkeypatch: pytest.MonkeyPatch, state: Rows
) -> None:
    checkpoint = encode_checkpoint(Position(next_offset=7), "me")
    there = [*state, (CHECKPOINT_KEY, checkpoint)]
    assert restored(monkeypatch, *there).position == Position(next_offset=7)
    assert restored(monkeypatch, *there, (CHECKPOINT_KEY, None)).position is None
    # Where nothing stands there is everything to be made anew.
    assert restored(monkeypatch, *state, *gone(state)).rows == 0
