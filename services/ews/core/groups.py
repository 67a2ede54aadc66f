"""Sums of a unit's day by class and lesson slot, for what whole groups share (design D8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from forvarning.warnings.v1.warnings_pb2 import GroupDay, GroupSum
from services.ews.core.days import Day, Mask, Totals, totals

WHOLE_DAY = 24
"""The slot that stands for the whole day."""
Sum = tuple[bytes, int, int, int, int, int, int, int, int]
"""Class and slot, then pupils, offered, reported, valid, unexplained, confirmed, away all day."""


def share(day: Day, classes: Mapping[bytes, Sequence[int]]) -> list[Sum]:
    """One bucket's share of a unit's day: ``classes`` are its pupils' rows there, by class."""
    found: list[Sum] = []
    for class_id, rows in classes.items():
        if len(rows) == day.counted.shape[1]:
            slots = _slots(day, day.everybody, day.counted)
        else:
            counted = day.counted[:, rows]
            (some,) = totals(day.sums[:, rows], day.minutes[:, :, rows], counted, [0])
            slots = _slots(day, some, counted)
        for slot, (pupils, said, gone) in sorted(slots.items()):
            if pupils:
                offered, reported, valid, unexplained, confirmed = said
                found.append(
                    (class_id, slot, pupils, offered, reported, valid, unexplained, confirmed, gone)
                )
    return found


def _slots(day: Day, some: Totals, counted: Mask) -> dict[int, tuple[int, list[int], int]]:
    """For each slot the pupils, their minutes by kind, and how many were away all day."""
    if not len(day.lessons):
        return {}
    slots: dict[int, tuple[int, list[int], int]] = {}
    places: dict[int, list[int]] = {}
    for place, lesson in enumerate(day.lessons):
        places.setdefault(lesson.start // 60, []).append(place)
    for hour, at in places.items():
        if len(at) == 1:
            slots[hour] = (some.present[at[0]], some.minutes[at[0]], 0)
        else:
            pupils = int(counted[at].any(0).sum())
            added = [sum(one) for one in zip(*(some.minutes[place] for place in at), strict=True)]
            slots[hour] = (pupils, added, 0)
    slots[WHOLE_DAY] = (some.pupils, some.day_minutes, some.away)
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

    @classmethod
    def decode(cls, encoded: bytes) -> Part:
        """The part that :attr:`encoded` came from."""
        sums = [of_message(one) for one in GroupDay.FromString(encoded).sums]
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
    totals: dict[tuple[bytes, int], Sum] = {}
    for part in ordered:
        for one in part.sums:
            key = one[:2]
            held = totals.get(key)
            if held is not None:
                added = (a + b for a, b in zip(held[2:], one[2:], strict=True))
                totals[key] = (*key, *added)  # type: ignore[assignment]  # as long as they are
            else:
                totals[key] = one
    return Part.of([totals[key] for key in sorted(totals)]).encoded


def message(one: Sum) -> GroupSum:
    """The sum as it is published and kept."""
    return GroupSum(
        class_id=one[0],
        slot_hour=one[1],
        pupils=one[2],
        offered=one[3],
        reported=one[4],
        valid=one[5],
        invalid_unexplained=one[6],
        invalid_confirmed=one[7],
        pupils_absent_all_day=one[8],
    )


def of_message(one: GroupSum) -> Sum:
    """The sum that :func:`message` wrote."""
    return (
        one.class_id,
        one.slot_hour,
        one.pupils,
        one.offered,
        one.reported,
        one.valid,
        one.invalid_unexplained,
        one.invalid_confirmed,
        one.pupils_absent_all_day,
    )
