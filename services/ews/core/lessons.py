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
from forvarning.state.v1.state_pb2 import LessonValue
from services.ews.core.packing import pack, unpack

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


_RANGE: Rows = np.arange(65_536, dtype=np.intp)


def are_first(rows: Rows) -> bool:
    """Whether they are 0, 1, 2 and so on."""
    return bool(len(rows)) and bool((rows == _RANGE[: len(rows)]).all())


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
        "_encoded",
        "activity_id",
        "day",
        "first_rows",
        "group_id",
        "length",
        "lesson_id",
        "marks",
        "marks_version",
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
    _encoded: bytes | None

    @classmethod
    def of_register(cls, register: Any, seats: Seats, marks: Marks, *, timetabled: bool) -> Lesson:
        """The lesson as one validated register states it; ``marks`` are those of ``seats.rows``."""
        version = _take_version(register.version)
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
        lesson._encoded = None
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
        lesson._encoded = None
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
        mine, theirs = self._version_list(), other._version_list()
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

    def _version_list(self) -> list[Version]:
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
        found = np.nonzero(self.rows == row)[0]
        return int(found[0]) if len(found) else None

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
        lesson._encoded = None
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

    def encode(self) -> bytes:
        """The lesson as :class:`LessonValue` bytes; kept, since lessons never change."""
        if self._encoded is None:
            value = LessonValue(
                lesson_id=self.lesson_id,
                school_unit_id=self.unit_id,
                epoch_day=self.day,
                start_minute=self.start,
                length_minutes=self.length,
                subject=self.subject,
                state=self.state,  # type: ignore[arg-type]  # protobuf enums are plain ints
                marks=self._pack(),
                group_id=self.group_id,
                activity_id=self.activity_id,
                timetabled=self.timetabled,
            )
            _put_version(value.version, self.version)
            if self.marks_version is not None:
                _put_version(value.marks_version, self.marks_version)
            self._encoded = value.SerializeToString()
        return self._encoded

    def _pack(self) -> bytes:
        size = len(self.rows)
        rows = b"" if self.first_rows else self.rows.astype("<u2").tobytes()
        versions = b"" if self.versions is None else self.versions.astype("<i8").tobytes()
        head = bytes((len(self.marks), self.first_rows)) + size.to_bytes(2, "little")
        return head + rows + pack(self.marks) + versions

    @classmethod
    def decode(cls, encoded: bytes) -> Lesson:
        """The lesson that :meth:`encode` wrote."""
        value = LessonValue.FromString(encoded)
        lesson = cls()
        lesson.lesson_id = value.lesson_id
        lesson.day = value.epoch_day
        lesson.version = _take_version(value.version)
        lesson.unit_id = value.school_unit_id
        lesson.activity_id = value.activity_id
        lesson.group_id = value.group_id
        lesson.subject = value.subject
        lesson.start = value.start_minute
        lesson.length = value.length_minutes
        lesson.state = value.state
        lesson.timetabled = value.timetabled
        shared = value.HasField("marks_version")
        lesson.marks_version = _take_version(value.marks_version) if shared else None
        packed = value.marks
        columns, first_rows = packed[0], packed[1]
        size = int.from_bytes(packed[2:4], "little")
        at = 4
        if first_rows:
            lesson._place(_RANGE[:size])
        else:
            lesson._place(np.frombuffer(packed, "<u2", size, at).astype(np.intp))
            at += 2 * size
        lesson.marks, length = unpack(packed[at:], columns, size)
        at += length
        lesson.versions = (
            None if shared else np.frombuffer(packed, "<i8", 3 * size, at).reshape(3, size).copy()
        )
        lesson._encoded = encoded
        return lesson


def _put_version(target: facts_pb2.Version, version: Version) -> None:
    target.priority, target.modified_unix_ms, target.sequence = version
    target.SetInParent()


def _take_version(version: facts_pb2.Version) -> Version:
    return (version.priority, version.modified_unix_ms, version.sequence)
