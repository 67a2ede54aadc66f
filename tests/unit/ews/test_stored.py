"""Days and weeks as state rows: what is written comes back, a day at a time or all of it."""

from __future__ import annotations

import random

import numpy as np
import pytest

from forvarning.state.v1.state_pb2 import DayValue, StateValue
from services.ews.core import calendar, days, stored
from services.ews.core.packing import Names
from services.ews.core.stored import (
    Desk,
    Shelf,
    StoredDay,
    StoredDayOfWeek,
    StoredWeek,
    encode_week,
    opened,
    week_of,
)
from services.ews.core.year import Year, padded
from tests.unit.ews.facts import START, day, name

YEAR = 2026
FIRST = calendar.year_start(YEAR)
LAST = calendar.year_start(YEAR + 1) - 1
UNITS = [name(number, "unit") for number in range(3)]


def value(number: int, lessons: int) -> DayValue:
    return DayValue(
        lesson_ids=b"".join(name(100 * number + i, "lesson") for i in range(lessons)),
        told=[number, 0, 1 << 40, *range(lessons)],
        added_up=[7, number, lessons],
    )


def test_a_week_is_monday_to_sunday() -> None:
    monday = START
    assert [week_of(monday + i) - week_of(monday) for i in range(-1, 8)] == [-1, *[0] * 7, 1]
    assert week_of(-4) == -1  # Sunday 28 December 1969
    assert week_of(-3) == 0


def test_a_weeks_days_come_back_as_they_were() -> None:
    week = {START + 4: value(4, 5), START: value(0, 0), START + 1: value(1, 3)}
    row = encode_week(week)
    assert opened(row) == week
    assert encode_week({}) != row
    assert opened(encode_week({})) == {}
    held = StoredWeek(row, Desk())
    assert held.days == [START, START + 1, START + 4]
    for at, one in week.items():
        assert StoredDayOfWeek(held, at).value() == one


def test_a_day_of_its_own_comes_back_as_it_was() -> None:
    row = StateValue(day=value(2, 4)).SerializeToString()
    assert StoredDay(row).value() == value(2, 4)


def test_a_week_lies_open_while_its_days_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bytes] = []

    def reading(encoded: bytes) -> dict[int, DayValue]:
        read.append(encoded)
        return opened(encoded)

    monkeypatch.setattr(stored, "opened", reading)
    rows = [encode_week({at: value(at, 1), at + 1: value(at + 1, 2)}) for at in (0, 7)]
    desk = Desk()
    weeks = [StoredWeek(row, desk) for row in rows]
    for at in (0, 1, 7, 8, 7, 0):
        assert weeks[at // 7].value(at) == value(at, at % 7 + 1)
    assert read == [rows[0], rows[1], rows[0]]


def shelf_of(values: dict[int, DayValue]) -> Shelf:
    shelf = Shelf(Desk())
    for at, one in values.items():
        shelf.put(at, StateValue(day=one).SerializeToString())
    return shelf


def filled(chance: random.Random, rows: int) -> tuple[Year, dict[int, np.ndarray], Names]:
    """A school year with made-up sums on some of its days, the first and the last included."""
    names = Names()
    year = Year(YEAR, 2, names)
    year.grow(rows)
    expected = {}
    for at in (FIRST, FIRST + 63, FIRST + 64, FIRST + 127, FIRST + 128, FIRST + 300, LAST):
        sums = np.array(
            [[chance.choice((0, 1, 60, 240, -1)) for _ in range(rows)] for _ in range(days.FIELDS)],
            np.int16,
        )
        year.day(at)[:, :rows] = sums
        some = chance.sample(UNITS, chance.randint(1, 3))
        masks = np.array([[chance.random() < 0.5 for _ in range(rows)] for _ in some])
        year.note_units(at, dict(zip(some, masks, strict=True)))
        expected[at] = sums
    return year, expected, names


@pytest.mark.parametrize("rows", [1, 3, 30])
@pytest.mark.parametrize("seed", range(3))
def test_a_years_days_come_back_one_by_one_or_all_at_once(rows: int, seed: int) -> None:
    year, expected, names = filled(random.Random(seed), rows)
    values = {}
    for at in expected:
        values[at] = DayValue()
        year.write(at, rows, values[at])

    def back() -> Year:
        return Year(YEAR, rows, names, shelf_of(values))

    def units(of: Year, at: int) -> dict[bytes, list[bool]]:
        return {unit: mask.tolist() for unit, mask in of.units_on(at).items()}

    for at, sums in expected.items():
        assert (back().day(at)[:, :rows] == sums).all()
        assert units(back(), at) == units(year, at)
        again = DayValue()
        back().write(at, rows, again)
        assert again == values[at]
    axis = np.array(sorted(expected), np.int64)
    assert (back().of(axis)[:, :, :rows] == year.of(axis)[:, :, :rows]).all()
    assert (back().of(axis[2:3])[0, :, :rows] == expected[int(axis[2])]).all()
    whole = back()
    assert whole.sums.shape[0] == LAST + 1 - FIRST
    for at, sums in expected.items():
        assert (whole.sums[at - FIRST, :, :rows] == sums).all()
    assert back().units.keys() == expected.keys()
    assert back().units_on(FIRST + 5) == {}
    # What changes after it was restored is not overwritten by what was restored.
    changed = back()
    changed.day(FIRST)[:, 0] = 5
    assert (changed.sums[0, :, 0] == 5).all()
    changed.units_on(FIRST + 63)
    changed.note_units(FIRST + 63, {})
    assert changed.units_on(FIRST + 63) == {}
    assert FIRST + 63 not in changed.units


def test_rows_that_come_later_had_nothing_before() -> None:
    year, expected, _ = filled(random.Random(9), 3)
    year.grow(20)
    assert year.day(FIRST).shape[1] >= 20
    for at, sums in expected.items():
        assert (year.day(at)[:, :3] == sums).all()
        assert not year.day(at)[:, 3:].any()
    before = year.day(FIRST).shape[1]
    year.grow(before)
    assert year.day(FIRST).shape[1] == before
    written = DayValue()
    year.write(FIRST, 20, written)
    found = Year(YEAR, 1, year._names, shelf_of({FIRST: written}))
    assert (found.day(FIRST)[:, :3] == expected[FIRST]).all()
    for mask in found.units_on(FIRST).values():
        assert len(mask) == 20
        assert not mask[3:].any()


def test_a_day_of_which_nothing_is_known_is_nothing() -> None:
    year = Year(YEAR, 4, Names())
    assert not year.of(np.array([FIRST, day(2027, 6, 30)], np.int64)).any()
    assert not year.day(day(2027, 6, 30)).any()
    assert year.units == {}
    assert len(year.of(np.zeros(0, np.int64))) == 0


def test_a_mask_for_more_rows() -> None:
    assert padded(None, 2).tolist() == [False, False]
    assert padded(np.array([True, False]), 4).tolist() == [True, False, False, False]
