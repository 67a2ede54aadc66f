"""Days as state rows hold them: on their own, or a week's together once it has ended.

A day that changes has a row of its own, and while it has one that is the newer. When a
week has ended its days' rows become one: fewer to read back, and of a whole week
what repeats takes less. Identifiers of lessons repeat nowhere, so they stay beside
what is deflated.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Protocol

from forvarning.state.v1.state_pb2 import DayValue, StateValue, WeekNumbers

_LEVEL = 1
"""The quickest: higher ones make these rows hardly smaller."""


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

    __slots__ = ("_desk", "_encoded", "days")

    def __init__(self, encoded: bytes, desk: Desk) -> None:
        self._encoded = encoded
        self._desk = desk
        self.days: list[int] = StateValue.FromString(encoded).week.days[:]

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


def week_of(day: int) -> int:
    """The number of the week, Monday to Sunday, that an epoch day lies in."""
    return (day + 3) // 7


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
