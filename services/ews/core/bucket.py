"""A bucket: some pupils of one home, their lessons by day, the days' sums by school year.

Rows number the pupils in the order in which they first appeared. What is
restored stays bytes until it is needed: a day's lessons until the day changes or
an episode names them, a pupil's row and threads until somebody asks for them, the
rest until the bucket is first touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from forvarning.state.v1.state_pb2 import BucketValue, StateValue
from services.ews.core import calendar, days
from services.ews.core.lessons import Lesson, Seats, are_first
from services.ews.core.marks import DayMarks, of_day
from services.ews.core.notices import Notice
from services.ews.core.packing import Names
from services.ews.core.pupils import Place, Pupil, Stay
from services.ews.core.stored import Desk, Shelf
from services.ews.core.year import LessonDays, Year, padded

if TYPE_CHECKING:
    from services.ews.core.judge import Group

NOWHERE = Place()
_AT_ONCE = 64
"""Days of one bucket that are added up side by side."""
_FEW_DAYS = 40
"""Days that are looked for one by one, however few the bucket has."""
_Told = tuple[int, int, int, int, list[int], list[int]]


def units_of(value: BucketValue) -> set[bytes]:
    """The units that a bucket's state row names."""
    return {value.units[at : at + 16] for at in range(0, len(value.units), 16)}


class Bucket:
    """Everything that is kept of one bucket, and nothing about what is dirty in it."""

    def __init__(  # what its key says, and where its weeks are read
        self,
        key: str,
        organiser_id: bytes,
        home_id: bytes,
        number: int,
        desk: Desk | None = None,
    ) -> None:
        self.key = key
        self.organiser_id = organiser_id
        self.home_id = home_id
        self.number = number
        self.pupils: list[Pupil] = []
        self.row_of: dict[bytes, int] = {}
        self.groups: dict[int, dict[tuple[object, bytes], Group]] = {}
        """What was last judged, by school year; see services.ews.core.judge."""
        self.settled = False
        """It was restored, and what had been in the facts by then was decided on."""
        self.units: set[bytes] = set()
        """Every unit that a placement or lesson here has named; see :meth:`name_units`."""
        self.names = Names()
        self.days = LessonDays(self.names)
        self._years: dict[int, Year] = {}
        self._shelf = Shelf(desk or Desk())
        self._unread: Shelf | None = None
        """The shelf, where days may lie on it that nobody has asked for."""
        self._years_known = True
        self._told = self._row_tells()
        """What the bucket's row was last written, or read, with."""
        self._last: tuple[int, days.Day] | None = None
        self._seats: dict[bytes, Seats] = {}
        self._stays: dict[int, dict[tuple[Stay, ...], list[int]]] = {}

    def name_units(self, units: Iterable[bytes]) -> None:
        """A placement or lesson names them: the bucket is found by them from now on."""
        self.units.update(units)

    def row(self, pupil_id: bytes) -> int:
        """The pupil's row, made where it has none."""
        found = self.row_of.get(pupil_id)
        if found is None:
            found = len(self.pupils)
            self.row_of[pupil_id] = found
            self.pupils.append(Pupil(pupil_id))
            self._stays.clear()
            for year in self._years.values():
                year.grow(found + 1)
        return found

    @property
    def years(self) -> dict[int, Year]:
        """Every school year of which there is a day."""
        if not self._years_known:
            self._years_known = True
            for year in sorted(self._shelf.years()):
                self.year(year)
        return self._years

    def has_year(self, year: int) -> bool:
        """Whether there is a day of the school year."""
        return year in self._years or year in self.years

    def seated(self, pupil_ids: bytes) -> Seats | None:
        """The seats of packed ids where exactly these were seen lately."""
        return self._seats.get(pupil_ids)

    def seats(self, pupil_ids: bytes) -> Seats:
        """The seats of packed ids; new ones for pupils that were never heard of."""
        ids = [pupil_ids[i : i + 16] for i in range(0, len(pupil_ids), 16)]
        rows = np.array([self.row(one) for one in ids], np.intp)
        keep = np.array([not self.pupils[row].erased for row in rows.tolist()], bool)
        if keep.all():
            found = Seats(rows, are_first(rows), None)
        else:
            found = Seats(rows[keep], are_first(rows[keep]), np.nonzero(keep)[0])
        if len(self._seats) > 512:
            self._seats.clear()
        self._seats[pupil_ids] = found
        return found

    def forget_seats(self) -> None:
        """After an erasure the places of :meth:`seats` are others."""
        self._seats.clear()

    def by_stays(self, year: int) -> dict[tuple[Stay, ...], list[int]]:
        """The rows, erased ones left out, by their placements of a school year."""
        found = self._stays.get(year)
        if found is None:
            found = self._stays[year] = {}
            for row, pupil in enumerate(self.pupils):
                if not pupil.erased:
                    found.setdefault(pupil.stays(year), []).append(row)
        return found

    def forget_stays(self) -> None:
        """After a placement the groups of :meth:`by_stays` are others."""
        self._stays.clear()

    def lessons(self, day: int) -> dict[bytes, Lesson]:
        """The lessons of a day by id, for changing; empty where there are none."""
        return self.days.make(day).changing()

    def order(self, day: int) -> list[Lesson]:
        """The lessons of a day that count, in the order of the day, for reading."""
        found = self.days.get(day)
        return found.order() if found is not None else []

    def year(self, year: int) -> Year:
        found = self._years.get(year)
        if found is None:
            size = max(8, len(self.pupils))
            found = self._years[year] = Year(year, size, self.names, self._unread)
        return found

    def lesson_days(self, first: int, last: int) -> Iterator[int]:
        """The days from ``first`` to ``last`` on which the bucket has lessons."""
        if last - first < _FEW_DAYS or last - first < len(self.days):
            return (day for day in range(first, last + 1) if day in self.days)
        return (day for day in self.days if first <= day <= last)

    def counted(self, day: int) -> days.Day:
        """The day as last counted."""
        if self._last is not None and self._last[0] == day:
            held = self._last[1]
            if held.counted.shape[1] == len(self.pupils):
                return held
        return self.add_up(day)

    def add_up(self, day: int) -> days.Day:
        """The day's lessons added up; nothing is kept."""
        return days.add_up([self.task(day)])[0]

    def marks(self, day: int) -> DayMarks:
        """The day's lessons as bits, for every row."""
        held = self.year(calendar.school_year(day)).marks
        found = held.get(day)
        if found is None or found.bits.shape[1] < len(self.pupils):
            found = held[day] = of_day(self.counted(day))
        return found

    def prepare_marks(self, some: Sequence[int]) -> None:
        """Make the marks of the days that have none side by side: :meth:`marks` is quick then."""
        size = len(self.pupils)
        missing = []
        for day in some:
            there = self.year(calendar.school_year(day)).marks.get(day)
            if there is None or there.bits.shape[1] < size:
                missing.append(day)
        for at in range(0, len(missing) if len(missing) > 1 else 0, _AT_ONCE):
            part = missing[at : at + _AT_ONCE]
            # A school year's lessons of every class, decoded, would be most of the memory.
            found = (self.days.get(day) for day in part)
            held = (lessons.peek() if lessons is not None else () for lessons in found)
            tasks = [days.Task(kept, size, self.notices, self.home_id) for kept in held]
            for day, counted in zip(part, days.add_up(tasks), strict=True):
                self.year(calendar.school_year(day)).marks[day] = of_day(counted)

    def notices(self, row: int) -> list[Notice]:
        """What of the pupil's notices can explain anything."""
        return self.pupils[row].live_notices()

    def task(self, day: int) -> days.Task:
        """What there is to add up of a day."""
        return days.Task(self.order(day), len(self.pupils), self.notices, self.home_id)

    def take(
        self, day: int, counted: days.Day, *, keep_marks: bool = False
    ) -> tuple[days.Mask, days.Mask]:
        """Keep a day as added up anew.

        Tells the rows whose day came out differently, and those that had invalid absence on
        it before. With ``keep_marks`` the day's :meth:`marks` are made while it is at hand.
        """
        year = self.year(calendar.school_year(day))
        size = len(self.pupils)
        self._last = (day, counted)
        if keep_marks:
            year.marks[day] = of_day(counted)
        else:
            year.marks.pop(day, None)
        held = year.day(day)
        before = held[: days.SUMMED, :size]
        changed: days.Mask = (before != counted.sums[: days.SUMMED]).any(0)
        unexcused: days.Mask = (before[days.UNEXPLAINED] + before[days.CONFIRMED]) > 0
        before[:] = counted.sums[: days.SUMMED]
        was = year.units_on(day)
        for unit in {*was, *counted.units}:
            old, new = was.get(unit), counted.units.get(unit)
            if old is None or new is None or len(old) < size:
                old, new = padded(old, size), padded(new, size)
            changed |= old != new
        year.note_units(day, counted.units)
        self.name_units(counted.units)
        return changed, unexcused

    def place(self, row: int, day: int) -> Place:
        """Where the pupil belongs on a day: its placement, else the unit of its lessons.

        Which of several that is says :func:`services.ews.core.days.add_up`.
        """
        placed = self.pupils[row].placed(day)
        if placed is not None:
            return placed
        number = calendar.school_year(day)
        units = self.year(number).units_on(day) if self.has_year(number) else {}
        for unit, mask in units.items():
            if row < len(mask) and mask[row]:
                return Place(unit)
        return NOWHERE

    @property
    def row_is_due(self) -> bool:
        """Whether the bucket's row tells something else than when it was last written."""
        return self._row_tells() != self._told

    def _row_tells(self) -> _Told:
        """All of it that can change. What there is of names, slots, units and rows only grows."""
        erased = [row for row, pupil in enumerate(self.pupils) if pupil.erased]
        failed = [row for row, pupil in enumerate(self.pupils) if pupil.failed]
        return *self.names.sizes, len(self.units), len(self.pupils), erased, failed

    def encode(self) -> bytes:
        """The bucket's state row: its pupils in row order, and what its days name by number."""
        self._told = *_, erased, failed = self._row_tells()
        names, slots = self.names.all()
        value = BucketValue(
            pupil_ids=b"".join(pupil.pupil_id for pupil in self.pupils),
            layout=days.LAYOUT,
            names=names,
            slots=slots,
            units=b"".join(sorted(self.units)),
            erased=erased,
            failed=failed,
        )
        return StateValue(bucket=value).SerializeToString()

    def encode_day(self, day: int) -> bytes:
        """A day's state row. New names may come of it: the bucket's row is written after it."""
        row = StateValue()
        lessons = self.days.get(day)
        if lessons is not None:
            lessons.write(row.day)
        self.year(calendar.school_year(day)).write(day, len(self.pupils), row.day)
        encoded = row.SerializeToString()
        self._shelf.put(day, encoded)
        return encoded

    def end_weeks(self, before: int, *, erased: bool) -> Iterator[tuple[int, bytes, list[int]]]:
        """See :meth:`services.ews.core.stored.Shelf.end_weeks`."""
        return self._shelf.end_weeks(before, erased=erased)

    def restore(
        self,
        bucket: bytes,
        pupils: Iterable[tuple[int, bytes]],
        rows: Iterable[tuple[int, bytes]],
        weeks: Iterable[tuple[int, bytes]] = (),
    ) -> None:
        """Take the state rows: the bucket's, its pupils' by number, those of days and of weeks."""
        value = StateValue.FromString(bucket).bucket
        self.names = Names(value.names, value.slots)
        self._unread = self._shelf
        self.days = LessonDays(self.names, self._unread)
        self._years_known = False
        ids = value.pupil_ids
        for i in range(0, len(ids), 16):
            self.row(ids[i : i + 16])
        for row, encoded in pupils:
            self.pupils[row].restore(encoded)
        for row in value.erased:
            self.pupils[row].erased = True
        for row in value.failed:
            self.pupils[row].failed = True
        self.units = units_of(value)
        for number, encoded in weeks:
            self._shelf.put_week(number, encoded)
        for day, encoded in rows:
            self._shelf.put(day, encoded)
        self._told = self._row_tells()
