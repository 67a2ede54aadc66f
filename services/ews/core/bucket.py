"""A bucket: some pupils of one home, their lessons by day, the days' sums by school year.

Rows number the pupils in the order in which they first appeared. What is
restored stays bytes until it is needed: a day's lessons until the day changes or
an episode names them, the rest until the bucket is first touched.
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
from services.ews.core.rows import decode
from services.ews.core.stored import (
    Desk,
    Stored,
    StoredDay,
    StoredDayOfWeek,
    StoredWeek,
    encode_week,
    week_of,
)
from services.ews.core.year import Lessons, Year, padded

if TYPE_CHECKING:
    from services.ews.core.judge import Group

NOWHERE = Place()
_AT_ONCE = 64
"""Days of one bucket that are added up side by side."""
_WORTH_A_WEEK = 4
"""Days with rows of their own in weeks that have ended; a correction or two can wait."""


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
        self.days: dict[int, Lessons] = {}
        self.years: dict[int, Year] = {}
        self.notices: dict[int, list[Notice]] = {}
        self.groups: dict[int, dict[tuple[object, bytes], Group]] = {}
        """What was last judged, by school year; see services.ews.core.judge."""
        self.settled = False
        """It was restored, and what had been in the facts by then was decided on."""
        self.units: set[bytes] = set()
        """Every unit that a placement or lesson here has named; see :meth:`name_units`."""
        self.units_grown = False
        """Since the bucket's row was last encoded."""
        self.names = Names()
        self._desk = desk or Desk()
        self._weeks: dict[int, StoredWeek] = {}
        """Weeks that have a row."""
        self._own_rows: dict[int, bytes] = {}
        """Days that have one, which is newer than their week's; as it was last written."""
        self._last: tuple[int, days.Day] | None = None
        self._seats: dict[bytes, Seats] = {}
        self._stays: dict[int, dict[tuple[Stay, ...], list[int]]] = {}

    def name_units(self, units: Iterable[bytes]) -> None:
        """A placement or lesson names them: the bucket is found by them from now on."""
        known = len(self.units)
        self.units.update(units)
        self.units_grown |= len(self.units) > known

    def row(self, pupil_id: bytes) -> int:
        """The pupil's row, made where it has none."""
        found = self.row_of.get(pupil_id)
        if found is None:
            found = len(self.pupils)
            self.row_of[pupil_id] = found
            self.pupils.append(Pupil(pupil_id))
            self._stays.clear()
            for year in self.years.values():
                year.grow(found + 1)
        return found

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
        found = self.days.get(day)
        if found is None:
            found = self.days[day] = Lessons(day, self.names)
        return found.changing()

    def order(self, day: int) -> list[Lesson]:
        """The lessons of a day that count, in the order of the day, for reading."""
        found = self.days.get(day)
        return found.order() if found is not None else []

    def year(self, year: int) -> Year:
        found = self.years.get(year)
        if found is None:
            found = self.years[year] = Year(year, max(8, len(self.pupils)), self.names)
        return found

    def note_notices(self, row: int) -> None:
        """Keep what of a pupil's notices can explain anything at hand."""
        live = self.pupils[row].live_notices()
        if live:
            self.notices[row] = live
        else:
            self.notices.pop(row, None)

    def lesson_days(self, first: int, last: int) -> Iterator[int]:
        """The days from ``first`` to ``last`` on which the bucket has lessons."""
        if last - first < len(self.days):
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
            held = (self.days[day].peek() if day in self.days else () for day in part)
            tasks = [days.Task(kept, size, self.notices, self.home_id) for kept in held]
            for day, counted in zip(part, days.add_up(tasks), strict=True):
                self.year(calendar.school_year(day)).marks[day] = of_day(counted)

    def task(self, day: int) -> days.Task:
        """What there is to add up of a day."""
        return days.Task(self.order(day), len(self.pupils), self.notices, self.home_id)

    def take(self, day: int, counted: days.Day, *, keep_marks: bool = False) -> days.Mask:
        """Keep a day as added up anew; tells the rows whose day came out differently.

        With ``keep_marks`` the day's :meth:`marks` are made while it is at hand.
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
        before[:] = counted.sums[: days.SUMMED]
        was = year.units_on(day)
        for unit in {*was, *counted.units}:
            old, new = was.get(unit), counted.units.get(unit)
            if old is None or new is None or len(old) < size:
                old, new = padded(old, size), padded(new, size)
            changed |= old != new
        year.note_units(day, counted.units)
        self.name_units(counted.units)
        return changed

    def place(self, row: int, day: int) -> Place:
        """Where the pupil belongs on a day: its placement, else the unit of its lessons.

        Which of several that is says :func:`services.ews.core.days.add_up`.
        """
        placed = self.pupils[row].placed(day)
        if placed is not None:
            return placed
        year = self.years.get(calendar.school_year(day))
        units = year.units_on(day) if year is not None else {}
        for unit, mask in units.items():
            if row < len(mask) and mask[row]:
                return Place(unit)
        return NOWHERE

    def encode(self) -> bytes:
        """The bucket's state row: its pupils in row order, and what its days name by number."""
        ids = b"".join(pupil.pupil_id for pupil in self.pupils)
        names, slots = self.names.all()
        self.units_grown = False
        value = BucketValue(
            pupil_ids=ids,
            layout=days.LAYOUT,
            names=names,
            slots=slots,
            units=b"".join(sorted(self.units)),
        )
        return StateValue(bucket=value).SerializeToString()

    def encode_day(self, day: int) -> bytes:
        """A day's state row. New names may come of it: the bucket's row is written after it."""
        row = StateValue()
        if day in self.days:
            self.days[day].write(row.day)
        self.year(calendar.school_year(day)).write(day, len(self.pupils), row.day)
        found = self._own_rows[day] = row.SerializeToString()
        return found

    def end_weeks(self, before: int, *, erased: bool) -> Iterator[tuple[int, bytes, list[int]]]:
        """Weeks before the one numbered ``before`` whose days need no rows of their own any more.

        The week, its row, and the days whose rows go. Only when it is worth it, or where a week's
        row still holds what was ``erased``.
        """
        loose: dict[int, list[int]] = {}
        for day in sorted(self._own_rows):
            loose.setdefault(week_of(day), []).append(day)
        due = {week for week in loose if week < before}
        if sum(len(loose[week]) for week in due) < _WORTH_A_WEEK:
            due.clear()
        if erased:
            due |= loose.keys() & self._weeks.keys()
        for week in sorted(due):
            held = self._weeks.get(week)
            values = {day: held.value(day) for day in held.days} if held is not None else {}
            for day in loose[week]:
                values[day] = StoredDay(self._own_rows.pop(day)).value()
            encoded = encode_week(values)
            self._weeks[week] = StoredWeek(encoded, self._desk)
            yield week, encoded, loose[week]

    def restore(
        self,
        bucket: bytes,
        pupils: Iterable[bytes],
        rows: Iterable[tuple[int, bytes]],
        weeks: Iterable[tuple[int, bytes]] = (),
    ) -> None:
        """Take the bucket's state rows; those of days with their day, of weeks with their week."""
        value = StateValue.FromString(bucket).bucket
        self.names = Names(value.names, value.slots)
        ids = value.pupil_ids
        for i in range(0, len(ids), 16):
            self.row(ids[i : i + 16])
        for encoded in pupils:
            held = decode(encoded).pupil
            row = self.row(held.pupil_id)
            pupil = self.pupils[row]
            pupil.restore(held)
            self.note_notices(row)
        self.units = units_of(value)
        self._stays.clear()
        for number, encoded in weeks:
            week = self._weeks[number] = StoredWeek(encoded, self._desk)
            for day in week.days:
                self._restore_day(day, StoredDayOfWeek(week, day))
        for day, encoded in rows:
            self._own_rows[day] = encoded
            self._restore_day(day, StoredDay(encoded))

    def _restore_day(self, day: int, stored: Stored) -> None:
        self.days[day] = Lessons(day, self.names, stored)
        self.year(calendar.school_year(day)).keep(day, stored)
