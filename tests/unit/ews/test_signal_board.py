"""Which signals the group step has to write, whatever was written before and by whom."""

from __future__ import annotations

import random
from collections.abc import Sequence

from forvarning.school.v1.school_pb2 import SchoolSignal
from forvarning.warnings.v1.warnings_pb2 import GroupDay
from services.ews.waves.board import Board
from services.ews.waves.signals import SignalBoard
from tests.unit.ews.facts import weekdays
from tests.unit.ews.school_world import DAY, A, B, SchoolWorld

DAYS = weekdays(24)
WORLD = SchoolWorld({A: 25, B: 40})
CALM = [WORLD.row(day, valid={A: [0]}) for day in DAYS[:20]]
ILL = WORLD.row(DAYS[20], valid={A: range(9)})
Log = list[SchoolSignal]


class Step:
    """One group step of which only the boards are there; ``log`` is the topic."""

    def __init__(self, log: Log, rows: Sequence[GroupDay] = ()) -> None:
        self._sums, self.signals, self._log = Board(1), SignalBoard(1), log
        self._read = 0
        self.take(*rows)
        self.read()

    def take(self, *rows: GroupDay) -> None:
        for row in rows:
            if self._sums.take(row):
                self.signals.changed((row.organiser_id, row.school_unit_id), row.epoch_day)

    def read(self, upto: int | None = None) -> None:
        for signal in self._log[self._read : upto]:
            self.signals.take_note(copied(signal))
            self._read += 1

    def write(self, most: int | None = None) -> int:
        """What is due, as far as it comes before it is killed."""
        due = [one for some in self.signals.due(self._sums.units) for one in some][:most]
        for signal in due:
            self._log.append(copied(signal))
            self.signals.wrote(signal)
        return len(due)


def copied(signal: SchoolSignal) -> SchoolSignal:
    return SchoolSignal.FromString(signal.SerializeToString())


def final(log: Log) -> dict[bytes, list[object]]:
    """What compaction leaves, and consumers hold by the highest revision: the same."""
    last = {one.signal_id: one for one in log}
    held: dict[bytes, SchoolSignal] = {}
    for one in log:
        if one.signal_id not in held or held[one.signal_id].revision <= one.revision:
            held[one.signal_id] = one
    assert {k: list(v.episodes) for k, v in held.items()} == {
        k: list(v.episodes) for k, v in last.items()
    }
    return {key: list(one.episodes) for key, one in last.items() if one.episodes}


def test_a_signal_is_written_once_and_a_restart_writes_nothing() -> None:
    log: Log = []
    step = Step(log, [*CALM, ILL])
    assert step.write() == 1
    assert (step.write(), len(log)) == (0, 1)
    step.read()  # its own
    assert step.write() == 0
    again = Step(log, [ILL, *CALM])
    assert (again.write(), len(log)) == (0, 1)


def test_a_calm_day_that_changes_nothing_writes_nothing() -> None:
    log: Log = []
    step = Step(log, [*CALM, ILL])
    step.write()
    step.take(WORLD.row(DAYS[21]))
    assert step.write() == 0
    step.take(WORLD.row(DAYS[22]))
    assert step.write() == 1
    assert log[-1].episodes[0].over_day == DAYS[22]
    assert log[-1].revision == 23


def test_what_a_correction_removes_is_written_without_episodes() -> None:
    log: Log = []
    step = Step(log, [*CALM, ILL])
    step.write()
    step.take(WORLD.row(DAYS[20], revision=2))
    assert step.write() == 1
    assert (log[-1].signal_id, len(log[-1].episodes)) == (log[0].signal_id, 0)
    assert log[-1].revision == 22
    assert Step(log, [*CALM, WORLD.row(DAYS[20], revision=2)]).write() == 0


def test_who_knows_less_waits_until_it_knows_more() -> None:
    log: Log = []
    ahead = Step(log, [*CALM, ILL, WORLD.row(DAYS[21]), WORLD.row(DAYS[22])])
    ahead.write()
    behind = Step(log, [*CALM, ILL])
    assert behind.write() == 0
    behind.take(WORLD.row(DAYS[21]), WORLD.row(DAYS[22]))
    assert behind.write() == 0


def test_an_old_one_that_writes_late_is_put_right() -> None:
    log: Log = []
    ahead = Step(log, [*CALM, ILL])
    ahead.write()
    old = copied(log[0])
    old.revision -= 1
    del old.episodes[:]
    log.append(old)
    ahead.read()
    assert ahead.write() == 1
    assert final(log) == {log[0].signal_id: list(log[0].episodes)}


def test_two_at_once_and_killed_at_random_end_in_the_same_rows() -> None:
    silent = [(c, hour) for c in (A, B) for hour, _ in DAY[:3]]
    rows = [*CALM[:-5], *(WORLD.row(day, silent=silent) for day in DAYS[15:20]), ILL]
    rows += [WORLD.row(day, valid={A: range(8)}) for day in DAYS[21:24]]
    rows += [WORLD.row(DAYS[21], revision=2), WORLD.row(DAYS[16], revision=2)]
    alone: Log = []
    Step(alone, rows).write()
    expected = final(alone)
    assert len(expected) >= 6
    for seed in range(10):
        chance = random.Random(seed)
        log: Log = []
        steps = [Step(log), Step(log)]
        # Both read the same rows in an order of their own, and each other's notes with a delay.
        waiting = [chance.sample(rows, len(rows)) for _ in steps]
        arrived: list[list[GroupDay]] = [[], []]
        while any(waiting):
            which = chance.randrange(2)
            some = [waiting[which].pop() for _ in range(min(len(waiting[which]), 6))]
            arrived[which] += some
            steps[which].take(*some)
            steps[which].read(None if chance.random() < 0.7 else len(log) - 1)
            if chance.random() < 0.3:  # killed, somewhere within what it writes
                steps[which].write(chance.randrange(3))
                steps[which] = Step(log, arrived[which])
            steps[which].write()
        for step in (*steps, *steps):
            step.read()
            step.write()
        assert final(log) == expected
        assert Step(log, rows).write() == 0
