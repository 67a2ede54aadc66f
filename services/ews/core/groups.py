"""Sums of a unit's day by class and lesson slot, for what whole groups share (design D8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from forvarning.warnings.v1.warnings_pb2 import GroupSum
from services.ews.core.days import Day
from services.ews.core.lessons import Rows

WHOLE_DAY = 24
"""The slot that stands for the whole day."""
_FIELDS = (
    "pupils",
    "offered",
    "reported",
    "valid",
    "invalid_unexplained",
    "invalid_confirmed",
    "pupils_absent_all_day",
)


def part(day: Day, classes: Mapping[bytes, Rows]) -> list[GroupSum]:
    """One bucket's share of a unit's day: ``classes`` are its pupils placed there, by class."""
    found: list[GroupSum] = []
    for class_id, rows in classes.items():
        slots = _slots(day, rows)
        for slot in sorted(slots):
            if slots[slot][0]:
                values = dict(zip(_FIELDS, slots[slot], strict=True))
                found.append(GroupSum(class_id=class_id, slot_hour=slot, **values))
    return found


def _slots(day: Day, rows: Rows) -> dict[int, list[int]]:
    if not len(day.lessons):
        return {}
    counted = day.counted[:, rows]
    said = (day.offered[:, rows] * day.reported[:, rows]).astype(np.int32)
    absent = (day.valid[:, rows] + day.unexplained[:, rows] + day.confirmed[:, rows]).sum(0)
    minutes = np.stack(
        (
            day.offered[:, rows].sum(1),
            said.sum(1),
            day.valid[:, rows].sum(1),
            day.unexplained[:, rows].sum(1),
            day.confirmed[:, rows].sum(1),
        ),
        axis=1,
    )
    hours = np.array([lesson.start // 60 for lesson in day.lessons])
    slots: dict[int, list[int]] = {}
    for hour in sorted(set(hours.tolist())):
        where = hours == hour
        pupils = int(counted[where].any(0).sum())
        slots[hour] = [pupils, *minutes[where].sum(0).tolist(), 0]
    all_day = said.sum(0)
    gone = int(((all_day > 0) & (absent >= all_day)).sum())
    slots[WHOLE_DAY] = [int(counted.any(0).sum()), *minutes.sum(0).tolist(), gone]
    return slots


def merged(parts: Iterable[Iterable[GroupSum]]) -> list[GroupSum]:
    """The sums of all parts, by class and slot."""
    totals: dict[tuple[bytes, int], list[int]] = {}
    for one in parts:
        for sums in one:
            held = totals.setdefault((sums.class_id, sums.slot_hour), [0] * len(_FIELDS))
            for i, name in enumerate(_FIELDS):
                held[i] += getattr(sums, name)
    return [
        GroupSum(class_id=class_id, slot_hour=slot, **dict(zip(_FIELDS, values, strict=True)))
        for (class_id, slot), values in sorted(totals.items())
    ]
