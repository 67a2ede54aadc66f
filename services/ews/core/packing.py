"""State as one list of whole numbers, none negative, which protobuf writes as varints.

What is usual takes a byte or none: a table of marks or sums is what is not expected
of the row that most pupils have, and of the others what is different about them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.int16]
"""[column, pupil]."""

_ALL, _THESE, _NOT_THESE = range(3)
_WORD = 1 << 64
_FEW = 12
"""Places that are written sooner one by one than by NumPy."""


def zigzag(number: int) -> int:
    """A number near 0 as one that is not negative; of 64 bits, what is more is cut off."""
    number = (number + (_WORD >> 1)) % _WORD - (_WORD >> 1)
    return 2 * number if number >= 0 else -2 * number - 1


def unzigzag(number: int) -> int:
    """What :func:`zigzag` was given."""
    return number >> 1 if not number & 1 else -(number >> 1) - 1


def put_table(table: Table, expected: Sequence[int], numbers: list[int]) -> None:
    """Append the table; whoever reads it must know its pupils and the row ``expected`` of most."""
    rows = list(zip(*table.view(np.uint16).tolist(), strict=True))
    if not rows:
        return
    usual = rows[0]
    if (alike := rows.count(usual)) * 2 < len(rows):
        usual = max(rows, key=rows.count)
    _put_row(usual, expected, numbers)
    if alike == len(rows):
        numbers.append(0)
        return
    places: dict[tuple[int, ...], list[int]] = {}
    for place, row in enumerate(rows):
        if row != usual:
            places.setdefault(row, []).append(place)
    numbers.append(len(places))
    for row, some in places.items():
        _put_row(row, usual, numbers)
        put_places(some, numbers)


def take_table(
    numbers: Sequence[int], at: int, expected: Sequence[int], pupils: int
) -> tuple[Table, int]:
    """The table that :func:`put_table` wrote at ``at``, and where it ends."""
    table = np.empty((len(expected), pupils), np.uint16)
    if not pupils:
        return table.view(np.int16), at
    usual = list(expected)
    for column, value in (changed := _take_row(numbers, at)):
        usual[column] = value
    at += 1 + len(changed)
    table[:] = np.array(usual, np.uint16)[:, None]
    others = numbers[at]
    at += 1
    for _ in range(others):
        changed = _take_row(numbers, at)
        places, at = take_places(numbers, at + 1 + len(changed))
        for column, value in changed:
            if len(places) < _FEW:
                for place in places:
                    table[column, place] = value
            else:
                table[column, places] = value
    return table.view(np.int16), at


def _put_row(row: Sequence[int], other: Sequence[int], numbers: list[int]) -> None:
    """Append which columns differ from another row's, and the values there."""
    at, bits = len(numbers), 0
    numbers.append(0)
    if row != other:
        for column, (one, its) in enumerate(zip(row, other, strict=True)):
            if one != its:
                bits |= 1 << column
                numbers.append(one)
        numbers[at] = bits


def _take_row(numbers: Sequence[int], at: int) -> list[tuple[int, int]]:
    bits, column = numbers[at], 0
    found = []
    while bits:
        if bits & 1:
            at += 1
            found.append((column, numbers[at]))
        bits >>= 1
        column += 1
    return found


def put_places(places: Sequence[int], numbers: list[int]) -> None:
    """Append places that ascend."""
    numbers.append(len(places))
    before = 0
    for place in places:
        numbers.append(place - before)
        before = place


def take_places(numbers: Sequence[int], at: int) -> tuple[list[int], int]:
    """The places that :func:`put_places` wrote at ``at``, and where they end."""
    end = at + 1 + numbers[at]
    places = []
    place = 0
    for step in numbers[at + 1 : end]:
        place += step
        places.append(place)
    return places, end


def put_mask(mask: NDArray[np.bool_], numbers: list[int]) -> None:
    """Append a mask: all, the ones that are set, or those that are not, whichever is least."""
    there = int(np.count_nonzero(mask))
    if there == len(mask):
        numbers.append(_ALL)
    elif 2 * there <= len(mask):
        numbers.append(_THESE)
        put_places(np.nonzero(mask)[0].tolist(), numbers)
    else:
        numbers.append(_NOT_THESE)
        put_places(np.nonzero(~mask)[0].tolist(), numbers)


def take_mask(numbers: Sequence[int], at: int, size: int) -> tuple[NDArray[np.bool_], int]:
    """The mask that :func:`put_mask` wrote at ``at``, and where it ends."""
    kind = numbers[at]
    if kind not in {_ALL, _THESE, _NOT_THESE}:
        raise ValueError(f"no kind of mask: {kind}")
    mask = np.full(size, kind != _THESE)
    if kind == _ALL:
        return mask, at + 1
    places, end = take_places(numbers, at + 1)
    mask[places] = kind == _THESE
    return mask, end


Slot = tuple[int, ...]
"""Numbers of unit, activity, group and subject; start and length."""
_WIDTH = 6


class Names:
    """What comes back week after week, by number; it only grows.

    Identifiers and subjects are names. What a timetable repeats of a lesson is a slot.
    """

    def __init__(self, held: Sequence[bytes] = (), slots: Sequence[int] = ()) -> None:
        self._held = list(held)
        self._numbers = {one: number for number, one in enumerate(self._held)}
        self._slots: list[Slot] = [
            tuple(slots[at : at + _WIDTH]) for at in range(0, len(slots), _WIDTH)
        ]
        self._slot_numbers = {one: number for number, one in enumerate(self._slots)}

    def number(self, name: bytes) -> int:
        """The name's number, a new one where it has none."""
        found = self._numbers.get(name)
        if found is None:
            found = self._numbers[name] = len(self._held)
            self._held.append(name)
        return found

    def __getitem__(self, number: int) -> bytes:
        return self._held[number]

    def slot_number(self, slot: Slot) -> int:
        """The slot's number, a new one where it has none."""
        found = self._slot_numbers.get(slot)
        if found is None:
            found = self._slot_numbers[slot] = len(self._slots)
            self._slots.append(slot)
        return found

    def slot(self, number: int) -> Slot:
        return self._slots[number]

    @property
    def sizes(self) -> tuple[int, int]:
        """How many names and slots there are."""
        return len(self._held), len(self._slots)

    def all(self) -> tuple[list[bytes], list[int]]:
        """Every name, and every slot's numbers, in the order of theirs."""
        return self._held, [one for slot in self._slots for one in slot]
