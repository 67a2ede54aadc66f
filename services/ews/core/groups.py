"""Sums of a unit's day by class, slot and subject, for what whole groups share (design D8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import add

import numpy as np

from forvarning.warnings.v1.warnings_pb2 import GroupDay, GroupSum
from services.ews.core.days import CONFIRMED, REPORTED, VALID, Day, Mask, Totals, totals

_FIELDS = (
    "pupils",
    "offered",
    "reported",
    "valid",
    "invalid_unexplained",
    "invalid_confirmed",
    "pupils_absent_all_day",
    "pupils_absent",
    "pupils_mostly_valid",
)
WHOLE_DAY = 24
"""The slot that stands for the whole day."""
Numbers = tuple[int, ...]
"""Pupils, offered, reported, valid, unexplained, confirmed minutes, and the pupils away all day,
with any absence, and validly absent for at least half the day."""
Sum = tuple[bytes, int, str, Numbers]
"""Class, slot, subject, and the numbers."""


def share(day: Day, classes: Mapping[bytes, Sequence[int]]) -> list[Sum]:
    """One bucket's share of a unit's day: ``classes`` are its pupils' rows there, by class."""
    found: list[Sum] = []
    absent: Mask = np.any(day.minutes[VALID : CONFIRMED + 1], axis=0)
    valid = day.sums[VALID]
    mostly: Mask = np.logical_and(valid > 0, 2 * valid >= day.sums[REPORTED])
    for class_id, rows in classes.items():
        if len(rows) == day.counted.shape[1]:
            slots = _slots(day, day.everybody, day.counted, absent, mostly)
        else:
            counted = day.counted[:, rows]
            (some,) = totals(day.sums[:, rows], day.minutes[:, :, rows], counted, [0])
            slots = _slots(day, some, counted, absent[:, rows], mostly[rows])
        for (slot, subject), numbers in sorted(slots.items()):
            if numbers[0]:
                found.append((class_id, slot, subject, numbers))
    return found


def _slots(
    day: Day, some: Totals, counted: Mask, absent: Mask, mostly: Mask
) -> dict[tuple[int, str], Numbers]:
    """For each slot and subject, and for the whole day."""
    if not len(day.lessons):
        return {}
    slots: dict[tuple[int, str], Numbers] = {}
    places: dict[tuple[int, str], list[int]] = {}
    for place, lesson in enumerate(day.lessons):
        places.setdefault((lesson.start // 60, lesson.subject), []).append(place)
    missed = absent.sum(1).tolist()
    for key, at in places.items():
        if len(at) == 1:
            slots[key] = (some.present[at[0]], *some.minutes[at[0]], 0, missed[at[0]], 0)
        else:
            pupils = int(counted[at].any(0).sum())
            added = [sum(one) for one in zip(*(some.minutes[place] for place in at), strict=True)]
            slots[key] = (pupils, *added, 0, int(absent[at].any(0).sum()), 0)
    anything, ill = int(absent.any(0).sum()), int(mostly.sum())
    slots[WHOLE_DAY, ""] = (some.pupils, *some.day_minutes, some.away, anything, ill)
    return slots


@dataclass(frozen=True, slots=True)
class Part:
    """One bucket's share of a unit's day; ``encoded`` is a GroupDay of nothing but the sums."""

    sums: list[Sum]
    encoded: bytes
    classes: frozenset[bytes]

    @classmethod
    def of(cls, sums: list[Sum]) -> Part:
        encoded = GroupDay(sums=map(message, sums)).SerializeToString()
        return cls(sums, encoded, frozenset(one[0] for one in sums))


def merged(parts: Mapping[str, Part]) -> bytes:
    """The sums of all parts as a GroupDay of nothing but them, to be appended to another one's.

    Protobuf merges what is concatenated; only where two buckets share a class
    have its sums to be added up.
    """
    ordered = [parts[key] for key in sorted(parts)]
    classes = frozenset().union(*(part.classes for part in ordered))
    if len(classes) == sum(len(part.classes) for part in ordered):
        return b"".join(part.encoded for part in ordered)
    totals: dict[tuple[bytes, int, str], Numbers] = {}
    for part in ordered:
        for class_id, slot, subject, numbers in part.sums:
            key = (class_id, slot, subject)
            held = totals.get(key)
            totals[key] = tuple(map(add, held, numbers)) if held is not None else numbers
    return Part.of([(*key, totals[key]) for key in sorted(totals)]).encoded


def message(one: Sum) -> GroupSum:
    """The sum as it is published and kept."""
    class_id, slot, subject, numbers = one
    fields = dict(zip(_FIELDS, numbers, strict=True))
    return GroupSum(class_id=class_id, slot_hour=slot, subject=subject, **fields)


def of_message(one: GroupSum) -> Sum:
    """The sum that :func:`message` wrote."""
    numbers = (
        one.pupils,
        one.offered,
        one.reported,
        one.valid,
        one.invalid_unexplained,
        one.invalid_confirmed,
        one.pupils_absent_all_day,
        one.pupils_absent,
        one.pupils_mostly_valid,
    )
    return one.class_id, one.slot_hour, one.subject, numbers
