"""The runner of one partition: offsets, holding back, dead letters, rebuilds."""

from __future__ import annotations

import random

import pytest
from crc32c import crc32c

from forvarning.facts.v1.facts_pb2 import Fact
from services.ews.core.api import UnknownProfileError
from services.ews.deadletters import REPLAY_HEADER, pupils_of
from services.ews.errors import GapError, PoisonedError
from services.ews.partition import (
    Events,
    PartitionRunner,
    Position,
    Record,
    record_crc,
    replay_offset,
)
from tests.support_ews.counting import CountingCore, Faults
from tests.support_ews.facts import fact, pupil_id, register


class Told:
    """What the runner told the shell."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.events = Events(
            hold=lambda p, error: self.said.append(f"hold {p} {error.profile_id}"),
            release=lambda p: self.said.append(f"release {p}"),
            suspicious=lambda p: self.said.append(f"suspicious {p}"),
            rejected=lambda p, reason: self.said.append(f"rejected {p} {reason}"),
        )


def _record(offset: int, **changes: object) -> Record:
    made = register(random.Random(offset), 0, offset, offset + 1)
    return Record(offset, b"home", changes.pop("value", fact(made)), **changes)  # type: ignore[arg-type]  # any field


def _activation() -> bytes:
    made = Fact()
    made.profile_activated.profile_id = "made-up"
    made.profile_activated.profile_version = 1
    return made.SerializeToString()


def _runner(
    told: Told | None = None, position: Position | None = None, faults: Faults | None = None
) -> tuple[PartitionRunner, CountingCore]:
    core = CountingCore(faults)
    events = (told or Told()).events
    return PartitionRunner(0, core, position or Position(0), events, 3), core


def test_records_are_applied_once_and_in_order() -> None:
    runner, core = _runner(position=Position(5))
    for offset in (5, 6, 7):
        runner.feed(_record(offset))
    snapshot = runner.snapshot()
    assert snapshot.position.next_offset == 8
    assert snapshot.facts == 3
    assert len(core._pupils[pupil_id(0, 0)].lessons) == 3
    assert not runner.dirty


def test_a_higher_offset_is_a_gap_and_names_what_is_missing() -> None:
    runner, _ = _runner()
    runner.feed(_record(0))
    with pytest.raises(GapError, match="expected the record at offset 1, got 3; 2 record"):
        runner.feed(_record(3))


def test_a_lower_offset_holds_everything_back_until_the_log_is_verified() -> None:
    told = Told()
    runner, _ = _runner(told)
    runner.feed(_record(0))
    runner.feed(_record(1))
    runner.feed(_record(0))
    runner.feed(_record(2))
    assert (runner.applied, runner.expected, runner.held) == (2, 3, 1)
    assert runner.duplicates == 1
    runner.log_verified()
    assert (runner.applied, runner.held) == (3, 0)
    runner.feed(_record(3))
    assert runner.applied == 4
    assert told.said == ["suspicious 0", "release 0"]


def test_a_gap_is_seen_while_facts_are_held_back() -> None:
    runner, _ = _runner()
    runner.feed(_record(0, value=_activation()))
    runner.feed(_record(1))
    with pytest.raises(GapError):
        runner.feed(_record(3))


def test_facts_wait_in_order_for_a_profile() -> None:
    told = Told()
    runner, core = _runner(told)
    runner.feed(_record(0))
    runner.feed(_record(1, value=_activation()))
    runner.feed(_record(2))
    assert (runner.applied, runner.held) == (1, 2)
    assert isinstance(runner.waiting_for, UnknownProfileError)
    assert runner.snapshot().position.next_offset == 1
    runner.profile_learned()  # another one: still waiting
    assert runner.applied == 1
    core.learn_profile("made-up", 1, b"")
    runner.profile_learned()
    assert (runner.applied, runner.held) == (3, 0)
    assert not runner.waiting_for
    assert core.active == ["made-up@1"]
    assert told.said == ["hold 0 made-up", "hold 0 made-up", "release 0"]


def test_a_log_that_is_verified_while_a_profile_is_missing_stays_held() -> None:
    runner, core = _runner()
    runner.feed(_record(0, value=_activation()))
    runner.feed(_record(-1))
    core.learn_profile("made-up", 1, b"")
    runner.profile_learned()
    assert runner.applied == 0
    runner.log_verified()
    assert runner.applied == 1


@pytest.mark.parametrize("value", [b"\xff\xff", b"", None])
def test_bytes_that_are_no_fact_become_a_dead_letter(value: bytes | None) -> None:
    told = Told()
    runner, _ = _runner(told)
    runner.feed(_record(0, value=value))
    runner.feed(_record(1))
    snapshot = runner.snapshot()
    [letter] = snapshot.letters
    assert (letter.offset, letter.key, letter.value) == (0, b"home", value or b"")
    assert snapshot.position.next_offset == 2
    assert snapshot.position.undigested_in_a_row == 0
    assert told.said[0].startswith("rejected 0 ")


def test_an_exception_of_the_cores_own_names_its_pupils_and_not_its_text() -> None:
    runner, core = _runner(faults=Faults(apply_at=[[0, 0]]))
    runner.feed(_record(0))
    [letter] = runner.snapshot().letters
    assert (letter.reason, letter.detail) == ("core", "RuntimeError")
    assert set(letter.pupil_ids) == {pupil_id(0, n) for n in range(25)}
    assert core._pupils[pupil_id(0, 0)].undigested == [0]


def test_a_replay_clears_the_mark_and_one_that_fails_keeps_its_origin() -> None:
    bad = fact(register(random.Random(1), 0, 1, 1, subject="undigestible"))
    runner, core = _runner()
    runner.feed(_record(0, value=bad))
    runner.feed(_record(1, value=bad, headers=((REPLAY_HEADER, b"0"),)))
    assert [letter.offset for letter in runner.snapshot().letters] == [0, 0]
    assert core._pupils[pupil_id(0, 0)].undigested == [0]
    runner.feed(_record(2, headers=((REPLAY_HEADER, b"0"),)))
    assert core._pupils[pupil_id(0, 0)].undigested == []


def test_too_many_in_a_row_raise_across_restarts() -> None:
    runner, _ = _runner()
    for offset in range(3):
        runner.feed(_record(offset, value=b"\xff"))
    position = runner.snapshot().position
    assert position.undigested_in_a_row == 3
    restarted, _ = _runner(position=position)
    with pytest.raises(PoisonedError, match="4 facts in a row"):
        restarted.feed(_record(3, value=b"\xff"))


def test_a_digested_fact_ends_the_row() -> None:
    runner, _ = _runner()
    for offset in range(12):
        runner.feed(_record(offset, **({} if offset % 3 == 2 else {"value": b"\xff"})))
    assert runner.applied == 12


def test_a_failed_decision_becomes_a_letter_with_the_facts_bytes() -> None:
    pupil = pupil_id(0, 3)
    runner, _ = _runner(faults=Faults(fold_pupils=[pupil.hex()]))
    record = _record(0)
    runner.feed(record)
    [letter] = runner.snapshot().letters
    assert (letter.kind, letter.offset, letter.value) == ("fold", 0, record.value)
    assert letter.pupil_ids == (pupil,)


def test_the_crc_is_that_of_the_last_applied_record() -> None:
    runner, _ = _runner(position=Position(4, previous_crc=77))
    assert runner.snapshot().position.previous_crc == 77
    record = _record(4)
    runner.feed(record)
    assert runner.snapshot().position.previous_crc == crc32c(b"home" + (record.value or b""))
    assert record_crc(None, None) == crc32c(b"")


def test_the_position_is_as_applied_also_between_checkpoints() -> None:
    runner, _ = _runner(position=Position(4, previous_crc=77))
    assert runner.position == Position(4, previous_crc=77)
    record = _record(4)
    runner.feed(record)
    assert runner.position == Position(5, previous_crc=record_crc(record.key, record.value))
    assert runner.committed.next_offset == 4


def test_a_rebuild_ends_where_the_log_ended_and_then_publishes_once() -> None:
    runner, core = _runner(position=Position(0, rebuild_until=40))
    core.begin_rebuild()
    for offset in range(39):
        runner.feed(_record(offset))
        snapshot = runner.snapshot()
        assert not snapshot.batch.warnings
        assert snapshot.position.rebuild_until == 40
    assert runner.rebuilding
    runner.feed(_record(39))
    assert not runner.rebuilding
    snapshot = runner.snapshot()
    assert snapshot.batch.warnings
    assert snapshot.position.rebuild_until == 0


def test_a_rebuild_that_was_read_to_its_end_is_finished_at_the_restart() -> None:
    runner, _ = _runner(position=Position(40, rebuild_until=40))
    assert not runner.rebuilding
    assert runner.dirty


def test_a_closed_runner_takes_nothing() -> None:
    runner, _ = _runner()
    runner.closed = True
    runner.feed(_record(7))
    assert (runner.applied, runner.expected) == (0, 0)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), None),
        ((("x", b"1"),), None),
        (((REPLAY_HEADER, b"12"),), 12),
        (((REPLAY_HEADER, b"-"),), None),
    ],
)
def test_the_replay_header(headers: tuple[tuple[str, bytes], ...], expected: int | None) -> None:
    assert replay_offset(headers) == expected


def test_pupils_are_read_from_any_fact() -> None:
    made = register(random.Random(1), 0, 0, 1)
    assert pupils_of(fact(made)) == tuple(pupil_id(0, n) for n in range(25))
    erased = Fact()
    erased.erase.pupil_id = b"p" * 16
    assert pupils_of(erased.SerializeToString()) == (b"p" * 16,)
    closed = Fact()
    closed.day_closed.epoch_day = 3
    assert pupils_of(closed.SerializeToString()) == ()
    assert pupils_of(b"\xff\xff") == ()
    assert pupils_of(b"") == ()
