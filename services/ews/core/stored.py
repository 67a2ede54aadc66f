"""Days as state rows hold them: on their own, or a week's together once it has ended.

A day that changes has a row of its own, and while it has one that is the newer. When a
week has ended its days' rows become one: fewer to read back, and of a whole week
what repeats takes less. Identifiers of lessons repeat nowhere, so they stay beside
what is deflated.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Protocol

from forvarning.state.v1.state_pb2 import DayValue, StateValue, WeekNumbers
from services.ews.core import calendar

_LEVEL = 1
"""The quickest: higher ones make these rows hardly smaller."""
_WORTH_A_WEEK = 4
"""Days with rows of their own in weeks that have ended; a correction or two can wait."""


class Stored(Protocol):
    """A day that is still bytes."""

    def value(self) -> DayValue:
        """What its row holds."""


class StoredDay:
    """A day with a row of its own."""

    __slots__ = ("_encoded",)

    def __init__(self, encoded: bytes) -> None:
        self._encoded = encoded

    def value(self) -> DayValue:
        return StateValue.FromString(self._encoded).day


class Desk:
    """Where one week at a time lies open: a school year of them would be most of the memory."""

    __slots__ = ("_days", "_encoded")

    def __init__(self) -> None:
        self._encoded = b""
        self._days: dict[int, DayValue] = {}

    def open(self, encoded: bytes) -> dict[int, DayValue]:
        """The days of a week's row; quick when it is the one that was asked for last."""
        if encoded is not self._encoded:
            self._encoded, self._days = encoded, opened(encoded)
        return self._days


class StoredWeek:
    """A week's row. Its days are read one after the other, from the desk."""

    __slots__ = ("_days", "_desk", "_encoded")

    def __init__(self, encoded: bytes, desk: Desk) -> None:
        self._encoded = encoded
        self._desk = desk
        self._days: list[int] | None = None

    @property
    def days(self) -> list[int]:
        """The days of the week that have lessons."""
        if self._days is None:
            self._days = StateValue.FromString(self._encoded).week.days[:]
        return self._days

    def value(self, day: int) -> DayValue:
        """One of its days."""
        return self._desk.open(self._encoded)[day]


class StoredDayOfWeek:
    """A day that has no row of its own any more."""

    __slots__ = ("_day", "_week")

    def __init__(self, week: StoredWeek, day: int) -> None:
        self._week, self._day = week, day

    def value(self) -> DayValue:
        return self._week.value(self._day)


class Shelf:
    """The rows of a bucket's days and weeks as they were last written, read one at a time."""

    __slots__ = ("_desk", "_own", "_weeks")

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._own: dict[int, bytes] = {}
        """Of days that have one, which is newer than their week's."""
        self._weeks: dict[int, StoredWeek] = {}

    def put(self, day: int, encoded: bytes) -> None:
        """The day has this row of its own now."""
        self._own[day] = encoded

    def put_week(self, week: int, encoded: bytes) -> None:
        """The week has this row now."""
        self._weeks[week] = StoredWeek(encoded, self._desk)

    def stored(self, day: int) -> Stored | None:
        """The day as its row holds it; None where it has none."""
        own = self._own.get(day)
        if own is not None:
            return StoredDay(own)
        week = self._weeks.get(week_of(day))
        return StoredDayOfWeek(week, day) if week is not None and day in week.days else None

    def days(self) -> set[int]:
        """Every day that has a row, or its week has."""
        return {*self._own, *(day for week in self._weeks.values() for day in week.days)}

    def years(self) -> set[int]:
        """The school years of these days."""
        found = {calendar.school_year(day) for day in self._own}
        for number, week in self._weeks.items():
            first, last = (calendar.school_year(day) for day in _span(number))
            # Only the week in which a school year begins has to be opened for that.
            found |= {first} if first == last else set(map(calendar.school_year, week.days))
        return found

    def end_weeks(self, before: int, *, erased: bool) -> Iterator[tuple[int, bytes, list[int]]]:
        """Weeks before the one numbered ``before`` whose days need no rows of their own any more.

        The week, its row, and the days whose rows go. Only when it is worth it, or where a week's
        row still holds what was ``erased``.
        """
        loose: dict[int, list[int]] = {}
        for day in sorted(self._own):
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
                values[day] = StoredDay(self._own.pop(day)).value()
            encoded = encode_week(values)
            self.put_week(week, encoded)
            yield week, encoded, loose[week]


def week_of(day: int) -> int:
    """The number of the week, Monday to Sunday, that an epoch day lies in."""
    return (day + 3) // 7


def _span(week: int) -> tuple[int, int]:
    """The Monday and the Sunday of a week's number."""
    return 7 * week - 3, 7 * week + 3


def opened(encoded: bytes) -> dict[int, DayValue]:
    """The days of a week's row."""
    week = StateValue.FromString(encoded).week
    held = WeekNumbers.FromString(zlib.decompress(week.deflated)).days
    found, at = {}, 0
    for day, lessons, value in zip(week.days, week.lessons, held, strict=True):
        end = at + 16 * lessons
        value.lesson_ids = week.lesson_ids[at:end]
        found[day], at = value, end
    return found


def encode_week(days: Mapping[int, DayValue]) -> bytes:
    """The row of a week with these days."""
    row, numbers = StateValue(), WeekNumbers()
    for day in sorted(days):
        value = days[day]
        row.week.days.append(day)
        row.week.lessons.append(len(value.lesson_ids) // 16)
        numbers.days.add(told=value.told, added_up=value.added_up)
    row.week.lesson_ids = b"".join(days[day].lesson_ids for day in row.week.days)
    row.week.deflated = zlib.compress(numbers.SerializeToString(), _LEVEL)
    return row.SerializeToString()
