"""What the registers have said so far, added up by pupil and day: what the baselines look at.

Fed with the same facts as the engine. The newest word about a pupil and lesson counts,
of two that are equally new the one that came in later. Notices are not read: a mark
becomes valid when the school's own system says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from forvarning.facts.v1 import facts_pb2 as f
from services.common.clock import epoch_day

Minutes = NDArray[np.int32]
_MORE_SLOTS = 8


class Registers:
    """Tables [pupil, school day] of minutes: ``reported``, and of those ``absent`` and ``invalid``.

    ``absent`` is valid and invalid together.
    """

    def __init__(self, pupils: Iterable[bytes], days: Sequence[date]) -> None:
        self.row = {pupil_id: row for row, pupil_id in enumerate(pupils)}
        self._column = {epoch_day(day): column for column, day in enumerate(days)}
        shape = (len(self.row), len(days))
        self.reported: Minutes = np.zeros(shape, np.int32)
        self.absent: Minutes = np.zeros(shape, np.int32)
        self.invalid: Minutes = np.zeros(shape, np.int32)
        # By pupil, day and place: which lesson, when it was last said, and what.
        self._lesson = np.zeros((*shape, _MORE_SLOTS), np.int32)
        self._modified = np.zeros((*shape, _MORE_SLOTS), np.int64)
        self._said = np.zeros((*shape, _MORE_SLOTS, 3), np.int16)
        self._numbers: dict[bytes, int] = {}

    def take(self, fact: f.Fact) -> None:
        """Take a fact; those that are no registers say nothing here."""
        if fact.WhichOneof("body") != "register":
            return
        register = fact.register
        column = self._column.get(register.epoch_day)
        if column is None:
            return
        ids = register.pupil_ids
        known = [self.row.get(ids[at : at + 16], -1) for at in range(0, len(ids), 16)]
        rows = np.array(known, np.intp)
        flags = np.array(register.flags, np.int64)
        counts = (flags & f.MARK_FLAG_REPORTED != 0) & (flags & f.MARK_FLAG_WITHDRAWN == 0)
        counts &= register.state == f.LESSON_STATE_REPORTED
        invalid = np.array(register.invalid_minutes, np.int16)
        absent = np.array(register.valid_minutes, np.int16) + invalid
        offered = np.array(register.offered_minutes, np.int16)
        said = np.where(counts[:, None], np.stack([offered, absent, invalid], axis=1), 0)
        if (rows < 0).any():
            said, rows = said[rows >= 0], rows[rows >= 0]
        self._write(
            rows, column, bytes(register.lesson_id), register.version.modified_unix_ms, said
        )

    def _write(
        self,
        rows: NDArray[np.intp],
        column: int,
        lesson: bytes,
        modified: int,
        said: NDArray[np.int16],
    ) -> None:
        place = self._places(rows, column, self._numbers.setdefault(lesson, len(self._numbers) + 1))
        newest = self._modified[rows, column, place] <= modified
        if not newest.all():
            rows, place, said = rows[newest], place[newest], said[newest]
        self._modified[rows, column, place] = modified
        change = said - self._said[rows, column, place]
        self._said[rows, column, place] = said
        # A register names a pupil once, so plain addition loses nothing.
        self.reported[rows, column] += change[:, 0]
        self.absent[rows, column] += change[:, 1]
        self.invalid[rows, column] += change[:, 2]

    def _places(self, rows: NDArray[np.intp], column: int, number: int) -> NDArray[np.intp]:
        """Where the lesson stands in each pupil's day; a new one takes the first free place."""
        cells = self._lesson[rows, column]
        here, free = cells == number, cells == 0
        if not (here.any(axis=1) | free.any(axis=1)).all():
            more = [(0, 0), (0, 0), (0, _MORE_SLOTS)]
            self._lesson = np.pad(self._lesson, more)
            self._modified = np.pad(self._modified, more)
            self._said = np.pad(self._said, [*more, (0, 0)])
            return self._places(rows, column, number)
        place: NDArray[np.intp] = np.where(
            here.any(axis=1), here.argmax(axis=1), free.argmax(axis=1)
        )
        self._lesson[rows, column, place] = number
        return place
