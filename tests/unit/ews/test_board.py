"""The group step's board: which Waves are due, whatever was written before and by whom."""

from __future__ import annotations

import random

from forvarning.facts.v1.facts_pb2 import ClassWave, Wave
from services.ews.waves.board import Board
from tests.unit.ews.facts import name, weekdays
from tests.unit.ews.test_waves import A, day_of

ORGANISER, UNIT = name(1), name(2)
DAYS = weekdays(21)
CALM = [day_of(at, {A: (25, 1)}) for at in DAYS[:20]]
ILL = day_of(DAYS[20], {A: (25, 10)})


def due(board: Board) -> list[Wave]:
    """What is due, and taken as written."""
    found = [wave for some in board.due() for _, wave in some]
    for wave in found:
        board.wrote(ORGANISER, wave)
    return found


def board_with(*rows: object, partitions: int = 1) -> Board:
    board = Board(partitions)
    for row in rows:
        board.take(row)  # type: ignore[arg-type]
    return board


def test_every_closed_day_has_one_wave_also_without_a_wave() -> None:
    board = board_with(*CALM, ILL)
    found = due(board)
    assert [wave.epoch_day for wave in found] == DAYS
    assert [bool(wave.classes) for wave in found] == [False] * 20 + [True]
    assert found[-1].revision_sum == 21
    assert due(board) == []


def test_a_day_waits_for_every_partition() -> None:
    board = board_with(day_of(DAYS[0], {A: (25, 1)}), partitions=2)
    assert due(board) == []
    assert board.incomplete() == 1
    board.take(day_of(DAYS[0], {}, partition=1))
    (wave,) = due(board)
    assert (wave.partitions_closed, wave.revision_sum) == (2, 2)
    assert board.incomplete() == 0


def test_a_correction_that_changes_no_wave_writes_none() -> None:
    board = board_with(*CALM, ILL)
    due(board)
    board.take(day_of(DAYS[3], {A: (25, 2)}, revision=2))
    assert due(board) == []
    board.take(day_of(DAYS[20], {A: (25, 2)}, revision=2))
    (wave,) = due(board)
    assert (wave.epoch_day, list(wave.classes)) == (DAYS[20], [])


def test_after_a_restart_only_what_is_not_noted_is_written() -> None:
    notes = due(board_with(*CALM, ILL))
    board = board_with(*CALM, ILL)
    for wave in notes[:-1]:
        board.take_note(ORGANISER, wave)
    assert due(board) == notes[-1:]


def test_what_was_begun_and_not_ended_is_written_again() -> None:
    notes = due(board_with(*CALM))
    board = board_with(*CALM)
    for i, wave in enumerate(notes):
        board.take_note(ORGANISER, wave, unfinished=i == 4)
    assert due(board) == [notes[4]]
    assert due(board) == []


def test_another_one_that_wrote_from_less_is_put_right() -> None:
    board = board_with(*CALM, ILL)
    newest = due(board)[-1]
    other = Wave(
        school_unit_id=UNIT,
        epoch_day=DAYS[20],
        partitions_closed=1,
        revision_sum=newest.revision_sum,
        classes=[ClassWave(class_id=A, explained_permille=1)],
    )
    older = Wave()
    older.CopyFrom(other)
    older.revision_sum -= 1
    board.take_note(ORGANISER, older)
    assert due(board) == []  # it loses in the core, and here
    board.take_note(ORGANISER, other)
    assert due(board) == [newest]


def test_any_order_of_rows_ends_in_the_same_waves() -> None:
    chance = random.Random(5)
    rows = [*CALM, ILL, day_of(DAYS[7], {A: (25, 9)}, revision=3)]
    expected = {wave.epoch_day: wave for wave in due(board_with(*rows))}
    for _ in range(10):
        chance.shuffle(rows)
        board = Board(1)
        last: dict[int, Wave] = {}
        for row in rows:
            board.take(row)
            if chance.random() < 0.3:
                last |= {wave.epoch_day: wave for wave in due(board)}
        last |= {wave.epoch_day: wave for wave in due(board)}
        assert {d: list(w.classes) for d, w in last.items()} == {
            d: list(w.classes) for d, w in expected.items()
        }
