"""What is written as numbers comes back, whatever it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ews.core.lessons import RANGE, Lesson, Version, are_first
from services.ews.core.packing import (
    Names,
    Slot,
    put_mask,
    put_places,
    put_table,
    take_mask,
    take_places,
    take_table,
    unzigzag,
    zigzag,
)
from services.ews.core.written import lesson_of, numbers_of

AFTER = [77, 78]
"""What stands behind, and is not to be read."""
cells = st.one_of(st.integers(0, 3), st.integers(0, 300), st.integers(-32_768, 32_767))
DAY = 20_738


@given(st.integers(1, 16), st.integers(0, 40), st.data())
def test_tables(columns: int, pupils: int, data: st.DataObject) -> None:
    expected = data.draw(st.lists(st.integers(0, 65_535), min_size=columns, max_size=columns))
    usual = data.draw(st.lists(cells, min_size=columns, max_size=columns))
    table = np.array([[value] * pupils for value in usual], np.int16).reshape(columns, pupils)
    for _ in range(data.draw(st.integers(0, 5)) if pupils else 0):
        column = data.draw(st.integers(0, columns - 1))
        table[column, data.draw(st.integers(0, pupils - 1))] = data.draw(cells)
    numbers = list(AFTER)
    put_table(table, expected, numbers)
    assert all(0 <= one < 1 << 64 for one in numbers)
    found, end = take_table(numbers + AFTER, 2, expected, pupils)
    assert end == len(numbers)
    assert found.dtype == np.int16
    assert found.tolist() == table.tolist()


@pytest.mark.parametrize("alike", [1, 2, 15, 40])
def test_a_table_in_which_many_differ_from_the_usual_in_the_same_way(alike: int) -> None:
    table = np.full((3, 100), 60, np.int16)
    table[1, :alike], table[2, :alike], table[0, 99] = -1, 7, 5
    numbers: list[int] = []
    put_table(table, (60, 60, 60), numbers)
    found, end = take_table(numbers, 0, (60, 60, 60), 100)
    assert (found.tolist(), end) == (table.tolist(), len(numbers))


def test_what_is_expected_takes_two_bytes_and_what_is_usual_is_written_once() -> None:
    table = np.full((4, 30), 60, np.int16)
    numbers: list[int] = []
    put_table(table, (60, 60, 60, 60), numbers)
    assert numbers == [0, 0]
    numbers.clear()
    put_table(table, (60, 0, 60, 0), numbers)
    assert numbers == [0b1010, 60, 60, 0]
    table[1, (3, 5)] = 0
    numbers.clear()
    put_table(table, (60, 60, 60, 60), numbers)
    assert numbers == [0, 1, 0b10, 0, 2, 3, 2]


@given(st.sets(st.integers(0, 70_000), max_size=30).map(sorted))
def test_places(places: list[int]) -> None:
    numbers = list(AFTER)
    put_places(places, numbers)
    assert take_places(numbers + AFTER, 2) == (places, len(numbers))


@given(st.lists(st.booleans(), max_size=70))
def test_masks(held: list[bool]) -> None:
    mask = np.array(held, bool)
    numbers = list(AFTER)
    put_mask(mask, numbers)
    assert len(numbers) <= 4 + len(held) // 2
    found, end = take_mask(numbers + AFTER, 2, len(held))
    assert (found.tolist(), end) == (held, len(numbers))


def test_numbers_of_another_layout_are_refused() -> None:
    with pytest.raises(ValueError, match="no kind of mask: 9"):
        take_mask([9, 0, 0], 0, 5)


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_numbers_near_nothing_are_small(number: int) -> None:
    assert 0 <= zigzag(number) <= 2 * abs(number)
    assert unzigzag(zigzag(number)) == number


def test_names_grow_and_keep_their_numbers() -> None:
    names = Names()
    assert [names.number(one) for one in (b"a", b"", b"a", b"b")] == [0, 1, 0, 2]
    slots: list[Slot] = [(0, 0, 1, 2, 480, 60), (0, 0, 1, 2, 540, 60)]
    assert [names.slot_number(one) for one in (*slots, slots[0])] == [0, 1, 0]
    again = Names(*names.all())
    assert again.sizes == names.sizes == (3, 2)
    assert [again.slot_number(one) for one in reversed(slots)] == [1, 0]
    assert again.sizes == (3, 2)
    assert again.slot_number((0, 0, 1, 2, 600, 60)) == 2
    assert again.sizes == (3, 3)
    assert [again.slot(number) for number in (0, 1)] == slots
    assert [again.number(one) for one in (b"b", b"a", b"c")] == [2, 0, 3]
    assert again.sizes == (4, 3)
    assert [again[number] for number in range(4)] == [b"a", b"", b"b", b"c"]


versions: st.SearchStrategy[Version] = st.tuples(
    st.sampled_from((0, 100, (1 << 32) - 1)),
    st.one_of(
        st.integers(DAY * 86_400_000, (DAY + 9) * 86_400_000),
        st.sampled_from((-(1 << 63), 0, (1 << 63) - 1)),
    ),
    st.one_of(st.integers(1, 100_000), st.sampled_from((0, (1 << 63) - 1))),
)


@st.composite
def lessons(draw: st.DrawFn) -> Lesson:
    lesson = Lesson()
    lesson.lesson_id, lesson.day, lesson.numbers = (
        draw(st.binary(min_size=16, max_size=16)),
        DAY,
        None,
    )
    lesson.unit_id, lesson.activity_id, lesson.group_id = draw(
        st.tuples(*[st.sampled_from((b"u" * 16, b"v" * 16))] * 3)
    )
    lesson.subject = draw(st.sampled_from(("", "SV", "Slöjd åk 9")))
    lesson.start, lesson.length = draw(st.integers(0, 1439)), draw(st.integers(0, 1440))
    lesson.state, lesson.timetabled = draw(st.integers(1, 3)), draw(st.booleans())
    rows = draw(
        st.one_of(
            st.integers(0, 30).map(lambda size: list(range(size))),
            st.sets(st.integers(0, 80), max_size=20).map(sorted),
            st.lists(st.integers(0, 65_535), max_size=20, unique=True),
        )
    )
    lesson.rows = RANGE[: len(rows)] if rows == list(range(len(rows))) else np.array(rows, np.intp)
    lesson.first_rows = are_first(lesson.rows)
    columns = draw(st.integers(5, 7))
    minutes = st.sampled_from((0, 0, 0, 60, 80, 1440))
    marks = draw(
        st.lists(
            st.lists(minutes, min_size=len(rows), max_size=len(rows)),
            min_size=columns,
            max_size=columns,
        )
    )
    lesson.marks = np.array(marks, np.int16).reshape(columns, len(rows))
    lesson.version = draw(versions)
    each = draw(
        st.lists(
            st.sampled_from((lesson.version, draw(versions), draw(versions))),
            min_size=len(rows),
            max_size=len(rows),
        )
    )
    if len(set(each)) <= 1:
        lesson.marks_version, lesson.versions = each[0] if each else draw(versions), None
    else:
        lesson.marks_version = None
        lesson.versions = np.array(each, np.int64).T.copy()
    return lesson


@given(st.lists(lessons(), min_size=1, max_size=3))
def test_lessons(some: list[Lesson]) -> None:
    names = Names()
    numbers = [number for one in some for number in numbers_of(one, names)]
    assert all(0 <= one < 1 << 64 for one in numbers)
    at = 0
    for one in some:
        again, at = lesson_of(one.lesson_id, DAY, numbers + AFTER, at, names)
        assert numbers_of(again, names) == numbers_of(one, names)
        again.numbers = None
        assert numbers_of(again, names) == numbers_of(one, names)
        for name in Lesson.__slots__:
            mine, its = getattr(one, name), getattr(again, name)
            if isinstance(mine, np.ndarray):
                assert (mine.tolist(), mine.dtype) == (its.tolist(), its.dtype), name
            else:
                assert mine == its, name
    assert at == len(numbers)
