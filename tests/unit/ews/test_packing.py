"""What is packed comes back, whatever the numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ews.core.packing import pack, unpack

numbers = st.one_of(st.integers(0, 3), st.integers(0, 300), st.integers(-32_768, 32_767))


@given(st.integers(0, 6), st.integers(0, 40), st.data())
def test_round_trip(rows: int, width: int, data: st.DataObject) -> None:
    cells = [
        data.draw(
            st.one_of(
                numbers.map(lambda one: [one] * width),
                st.lists(numbers, min_size=width, max_size=width),
            )
        )
        for _ in range(rows)
    ]
    matrix = np.array(cells, np.int16).reshape(rows, width)
    packed = pack(matrix)
    found, end = unpack(packed + b"more", rows, width)
    assert (found == matrix).all()
    assert end == len(packed)


def test_a_row_of_one_number_takes_three_bytes() -> None:
    assert len(pack(np.full((4, 30), 60, np.int16))) == 12


def test_a_row_of_small_numbers_takes_a_byte_each_and_others_two() -> None:
    assert len(pack(np.array([[0, 255, 7, 0]], np.int16))) == 5
    assert len(pack(np.array([[0, 256, 7, 0]], np.int16))) == 9
    assert len(pack(np.array([[0, -1, 7, 0]], np.int16))) == 9


def test_bytes_of_another_layout_are_refused() -> None:
    with pytest.raises(ValueError, match="no kind of row: 9"):
        unpack(bytes([9, 0, 0]), 1, 5)
