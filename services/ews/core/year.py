"""A bucket's school year, day by day: the sums in one table, the lessons each day by itself.

What is restored stays bytes until it is asked for, and then only the days that are:
who comes back in the middle of a morning is asked for that day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from forvarning.state.v1.state_pb2 import DayValue
from services.ews.core import calendar, days
from services.ews.core.lessons import Lesson
from services.ews.core.marks import DayMarks
from services.ews.core.packing import Names, put_mask, put_table, take_mask, take_table
from services.ews.core.stored import Shelf, Stored
from services.ews.core.written import lesson_of, numbers_of

_NOTHING = (0,) * days.FIELDS


class Lessons:
    """The lessons of a day, by lesson id."""

    def __init__(self, day: int, names: Names, stored: Stored | None = None) -> None:
        self._day = day
        self._names = names
        self._stored = stored
        """What was restored of the day, until its lessons are asked for."""
        self._held: dict[bytes, Lesson] = {}
        self._order: list[Lesson] | None = None

    def changing(self) -> dict[bytes, Lesson]:
        """The lessons, for changing them."""
        self._order = None
        return self._decoded()

    def order(self) -> list[Lesson]:
        """The lessons as :func:`services.ews.core.days.order` gives them, for reading."""
        if self._order is None:
            self._order = days.order(self._decoded().values())
        return self._order

    def peek(self) -> list[Lesson]:
        """:meth:`order`, but what has to be decoded for it is not kept."""
        if self._order is None and self._stored is not None:
            return days.order(self._decode(self._stored).values())
        return self.order()

    def _decoded(self) -> dict[bytes, Lesson]:
        if self._stored is not None:
            self._held = self._decode(self._stored)
            self._stored = None
        return self._held

    def _decode(self, stored: Stored) -> dict[bytes, Lesson]:
        value = stored.value()
        ids, numbers, at = value.lesson_ids, value.told[:], 0
        found: dict[bytes, Lesson] = {}
        for start in range(0, len(ids), 16):
            name = ids[start : start + 16]
            found[name], at = lesson_of(name, self._day, numbers, at, self._names)
        return found

    def write(self, value: DayValue) -> None:
        """Put the lessons into the day's state row."""
        if self._stored is not None:
            held = self._stored.value()
            value.lesson_ids = held.lesson_ids
            value.told.extend(held.told)
            return
        value.lesson_ids = b"".join(self._held)
        for lesson in self._held.values():
            value.told.extend(numbers_of(lesson, self._names))


class LessonDays(Mapping[int, Lessons]):
    """The lessons of a bucket by day: what was restored is read a day at a time."""

    def __init__(self, names: Names, shelf: Shelf | None = None) -> None:
        self._names = names
        self._shelf = shelf
        """Where days may lie that nobody has asked for; None where all are held."""
        self._held: dict[int, Lessons] = {}

    def get(self, day: int, default: object = None) -> Lessons | None:  # type: ignore[override]  # noqa: ARG002  # nobody asks for another
        """The day's lessons; None where there are none."""
        found = self._held.get(day)
        if found is None and self._shelf is not None:
            stored = self._shelf.stored(day)
            if stored is not None:
                found = self._held[day] = Lessons(day, self._names, stored)
        return found

    def make(self, day: int) -> Lessons:
        """The day's lessons, none yet where there are none."""
        found = self.get(day)
        if found is None:
            found = self._held[day] = Lessons(day, self._names)
        return found

    def __getitem__(self, day: int) -> Lessons:
        found = self.get(day)
        if found is None:
            raise KeyError(day)
        return found

    def __contains__(self, day: object) -> bool:
        return isinstance(day, int) and self.get(day) is not None

    def __iter__(self) -> Iterator[int]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[int, Lessons]:
        if self._shelf is not None:
            for day in sorted(self._shelf.days()):
                self.get(day)
            self._shelf = None
        return self._held


class Year:
    """The days of one school year: ``sums[day - start, field, row]``."""

    def __init__(self, year: int, capacity: int, names: Names, shelf: Shelf | None = None) -> None:
        self.year = year
        self.start = calendar.year_start(year)
        self.length = calendar.year_start(year + 1) - self.start
        self.marks: dict[int, DayMarks] = {}
        """The lessons as bits of days that a rule asked for and that have not changed since."""
        self._names = names
        self._sums: days.Sums = np.zeros((64, days.FIELDS, capacity), np.int16)
        self._units: dict[int, dict[bytes, days.Mask]] = {}
        self._shelf = shelf
        """Where days may lie that nobody has asked for; None where all are read."""
        self._read: set[int] = set()
        """The days that were asked for: what the shelf has of them is no newer."""

    @property
    def sums(self) -> days.Sums:
        """The sums of every day, for reading and writing."""
        self._load()
        return self._sums

    @property
    def units(self) -> dict[int, dict[bytes, days.Mask]]:
        """To which unit each row belongs by its lessons, by day; only days with lessons."""
        self._load()
        return self._units

    def units_on(self, day: int) -> dict[bytes, days.Mask]:
        """To which unit each row belongs by its lessons of a day."""
        self._load_day(day)
        return self._units.get(day, {})

    def note_units(self, day: int, units: dict[bytes, days.Mask]) -> None:
        """The day was added up anew."""
        if units:
            self._units[day] = units
        else:
            self._units.pop(day, None)

    def grow(self, rows: int) -> None:
        """Make room for so many rows; for some more where there is none."""
        if rows > self._sums.shape[2]:
            self._reserve(rows + 7, self.start)

    def _reserve(self, capacity: int, day: int) -> None:
        held, _, rows = self._sums.shape
        need = held
        while need <= day - self.start:
            need = min(need * 2, self.length)
        if need > held or capacity > rows:
            grown = np.zeros((need, days.FIELDS, max(capacity, rows)), np.int16)
            grown[:held, :, :rows] = self._sums
            self._sums = grown

    def day(self, day: int) -> days.Sums:
        """A view of one day's sums, for writing."""
        self._load_day(day)
        if day - self.start >= len(self._sums):
            self._reserve(0, day)
        view: days.Sums = self._sums[day - self.start]
        return view

    def of(self, axis: NDArray[np.int64]) -> days.Sums:
        """The sums of the given days: [day, field, row]."""
        if self._shelf is not None:
            for day in axis.tolist():
                self._load_day(day)
        if len(axis) and axis[-1] - self.start >= len(self._sums):
            self._reserve(0, int(axis[-1]))
        found: days.Sums = self._sums[axis - self.start]
        return found

    def _load(self) -> None:
        if self._shelf is not None:
            for day in self._shelf.days():
                if 0 <= day - self.start < self.length:
                    self._load_day(day)
            self._shelf = None

    def _load_day(self, day: int) -> None:
        if self._shelf is None or day in self._read:
            return
        self._read.add(day)
        stored = self._shelf.stored(day)
        if stored is None:
            return
        numbers = stored.value().added_up[:]
        size, count, at = numbers[0], numbers[1], 2
        self._reserve(size, day)
        units: dict[bytes, days.Mask] = {}
        for _ in range(count):
            unit = self._names[numbers[at]]
            units[unit], at = take_mask(numbers, at + 1, size)
        sums, _ = take_table(numbers, at, _NOTHING, size)
        self._sums[day - self.start, :, :size] = sums
        self.note_units(day, units)

    def write(self, day: int, size: int, value: DayValue) -> None:
        """Put the day's sums of so many rows into its state row."""
        sums, units = self.day(day)[:, :size], self.units_on(day)
        numbers = [size, len(units)]
        for unit, mask in units.items():
            numbers.append(self._names.number(unit))
            put_mask(padded(mask, size), numbers)
        put_table(sums, _NOTHING, numbers)
        value.added_up.extend(numbers)


def padded(mask: days.Mask | None, size: int) -> days.Mask:
    """The mask for ``size`` rows; what it does not know of is not set."""
    grown = np.zeros(size, bool)
    if mask is not None:
        grown[: len(mask)] = mask
    return grown
