"""One lesson occurrence as seen from one bucket: a map from pupil to its newest mark.

A lesson is named by (lesson id, day). Its own attributes and each mark have a
version, and the newest wins, one by one (design D2); so any order of the same
registers, with any of them repeated, ends in the same lesson. A lesson never
changes: merging makes a new one, so that a failure half-way leaves the old.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forvarning.facts.v1 import facts_pb2

REPORTED = facts_pb2.MARK_FLAG_REPORTED
CONFIRMED = facts_pb2.MARK_FLAG_INVALID_CONFIRMED
EXPLICIT = facts_pb2.MARK_FLAG_EXPLICIT
WITHDRAWN = facts_pb2.MARK_FLAG_WITHDRAWN
CANCELLED = facts_pb2.LESSON_STATE_CANCELLED
SCHEDULED = facts_pb2.LESSON_STATE_SCHEDULED

OFFERED, VALID, INVALID, OTHER, FLAGS, LATE, EARLY = range(7)
"""The columns of :attr:`Lesson.marks`; the last two only where a source has them."""

Version = tuple[int, int, int]
"""Priority, modified (Unix milliseconds), sequence: compared in this order."""

Marks = NDArray[np.int16]
Rows = NDArray[np.intp]


RANGE: Rows = np.arange(65_536, dtype=np.intp)


def are_first(rows: Rows) -> bool:
    """Whether they are 0, 1, 2 and so on."""
    return bool(len(rows)) and bool((rows == RANGE[: len(rows)]).all())


@dataclass(frozen=True, slots=True)
class Seats:
    """Where the pupils of a register sit in the bucket.

    ``keep`` is None, or the places in the register of those who are not erased.
    """

    rows: Rows
    first_rows: bool
    keep: Rows | None


class Lesson:
    """``rows`` are the bucket's rows with a mark; ``marks[column, i]`` belongs to ``rows[i]``.

    ``version`` is the attributes'. ``marks_version`` is the marks' where they
    share one; otherwise it is None and ``versions[:, i]`` tells each mark's.
    """

    __slots__ = (
        "activity_id",
        "day",
        "first_rows",
        "group_id",
        "length",
        "lesson_id",
        "marks",
        "marks_version",
        "numbers",
        "rows",
        "start",
        "state",
        "subject",
        "timetabled",
        "unit_id",
        "version",
        "versions",
    )

    lesson_id: bytes
    day: int
    version: Version
    unit_id: bytes
    activity_id: bytes
    group_id: bytes
    subject: str
    start: int
    length: int
    state: int
    timetabled: bool
    rows: Rows
    first_rows: bool
    """``rows`` are 0, 1, 2 and so on."""
    marks: Marks
    marks_version: Version | None
    versions: NDArray[np.int64] | None
    numbers: list[int] | None
    """What :mod:`services.ews.core.written` made of it."""

    @classmethod
    def of_register(cls, register: Any, seats: Seats, marks: Marks, *, timetabled: bool) -> Lesson:
        """The lesson as one validated register states it; ``marks`` are those of ``seats.rows``."""
        version = (
            register.version.priority,
            register.version.modified_unix_ms,
            register.version.sequence,
        )
        lesson = cls()
        lesson.lesson_id = register.lesson_id
        lesson.day = register.epoch_day
        lesson.version = version
        lesson.unit_id = register.school_unit_id
        lesson.activity_id = register.activity_id
        lesson.group_id = register.group_id
        lesson.subject = register.subject
        lesson.start = register.start_minute
        lesson.length = register.length_minutes
        lesson.state = register.state
        lesson.timetabled = timetabled
        lesson.rows, lesson.first_rows = seats.rows, seats.first_rows
        lesson.marks = marks
        lesson.marks_version = version
        lesson.versions = None
        lesson.numbers = None
        return lesson

    def _place(self, rows: Rows) -> None:
        self.rows, self.first_rows = rows, are_first(rows)

    def merged(self, other: Lesson) -> Lesson:
        """Both lessons' newest attributes and marks; ``self`` where ``other`` adds nothing."""
        later = other.version > self.version
        marks_change = self._merged_marks(other)
        timetabled = self.timetabled or other.timetabled
        if not later and marks_change is None and timetabled == self.timetabled:
            return self
        lesson = Lesson()
        source = other if later else self
        lesson.lesson_id, lesson.day, lesson.version = source.lesson_id, source.day, source.version
        lesson.unit_id, lesson.activity_id = source.unit_id, source.activity_id
        lesson.group_id, lesson.subject = source.group_id, source.subject
        lesson.start, lesson.length, lesson.state = source.start, source.length, source.state
        lesson.timetabled = timetabled
        rows, lesson.marks, lesson.marks_version, lesson.versions = marks_change or (
            self.rows,
            self.marks,
            self.marks_version,
            self.versions,
        )
        if rows is self.rows:
            lesson.rows, lesson.first_rows = rows, self.first_rows
        else:
            lesson._place(rows)
        lesson.numbers = None
        return lesson

    def _merged_marks(
        self, other: Lesson
    ) -> tuple[Rows, Marks, Version | None, NDArray[np.int64] | None] | None:
        mine_all, theirs_all = self.marks_version, other.marks_version
        if (
            mine_all is not None
            and theirs_all is not None
            and (self.rows is other.rows or np.array_equal(self.rows, other.rows))
        ):
            newer = theirs_all > mine_all
            return (self.rows, other.marks, theirs_all, None) if newer else None
        place = {row: i for i, row in enumerate(self.rows.tolist())}
        mine, theirs = self.version_list(), other.version_list()
        replaced: list[tuple[int, int]] = []
        added: list[int] = []
        for i, row in enumerate(other.rows.tolist()):
            at = place.get(row)
            if at is None:
                added.append(i)
            elif theirs[i] > mine[at]:
                replaced.append((at, i))
        if not replaced and not added:
            return None
        columns = max(len(self.marks), len(other.marks))
        size = len(self.rows)
        marks = np.zeros((columns, size + len(added)), np.int16)
        marks[: len(self.marks), :size] = self.marks
        versions = mine + [theirs[i] for i in added]
        for at, i in replaced:
            marks[:, at] = 0
            marks[: len(other.marks), at] = other.marks[:, i]
            versions[at] = theirs[i]
        rows = self.rows
        if added:
            marks[: len(other.marks), size:] = other.marks[:, added]
            rows = np.concatenate((self.rows, other.rows[added]))
        if len(set(versions)) == 1:
            return rows, marks, versions[0], None
        return rows, marks, None, np.array(versions, np.int64).T.copy()

    def version_list(self) -> list[Version]:
        """The version of each mark."""
        if self.marks_version is not None:
            return [self.marks_version] * len(self.rows)
        assert self.versions is not None  # noqa: S101  # one of the two is always there
        return [(p, m, s) for p, m, s in self.versions.T.tolist()]

    def alike(self, other: Lesson) -> bool:
        """Whether what holds for every pupil of the lesson is the same; versions apart."""
        return (
            self.start == other.start
            and self.length == other.length
            and self.state == other.state
            and self.timetabled == other.timetabled
            and self.unit_id == other.unit_id
            and self.subject == other.subject
        )

    def place_of(self, row: int) -> int | None:
        """Where in ``rows`` and ``marks`` a row of the bucket stands."""
        if self.first_rows:
            return row if row < len(self.rows) else None
        # Of a class NumPy is not the quicker one to ask.
        rows = self.rows.tolist()
        return rows.index(row) if row in rows else None

    def modified(self, at: int) -> int:
        """The modified time, in Unix milliseconds, of the mark at place ``at``."""
        if self.marks_version is not None:
            return self.marks_version[1]
        assert self.versions is not None  # noqa: S101  # one of the two is always there
        return int(self.versions[1, at])

    def without(self, row: int) -> Lesson:
        """The lesson when a pupil's mark is erased; ``self`` where there is none."""
        if row not in self.rows:
            return self
        keep = self.rows != row
        lesson = Lesson()
        for name in self.__slots__:
            setattr(lesson, name, getattr(self, name))
        lesson._place(self.rows[keep])
        lesson.marks = self.marks[:, keep]
        lesson.versions = None if self.versions is None else self.versions[:, keep]
        lesson.numbers = None
        return lesson

    def says_the_same(self, later: Lesson) -> bool:
        """Whether nothing of ``later``, which holds this one's place, can be judged otherwise.

        Versions may differ, but for the modified time of the marks: notices are compared with it.
        """
        return (
            self.alike(later)
            and self.activity_id == later.activity_id
            and self.group_id == later.group_id
            and (self.rows is later.rows or np.array_equal(self.rows, later.rows))
            and np.array_equal(self.marks, later.marks)
            and bool(np.all(self._modified() == later._modified()))
        )

    def _modified(self) -> NDArray[np.int64] | int:
        """The modified time of every mark, or the one of all of them."""
        if self.marks_version is not None:
            return self.marks_version[1]
        assert self.versions is not None  # noqa: S101  # one of the two is always there
        modified: NDArray[np.int64] = self.versions[1]
        return modified
