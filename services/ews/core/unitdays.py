"""A unit's recent days from every partition's sums (ews.group-days.v1), for the group step.

Everything here depends on the set of GroupDay rows only: of each (day,
partition) the highest revision holds, in whatever order they come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from forvarning.warnings.v1.warnings_pb2 import GroupDay, GroupSum
from services.ews.core.groups import WHOLE_DAY

LOOK_BACK = 60
"""Calendar days before a day whose sums its Wave may go by."""
UNIT = b""
"""Stands for the whole unit among its classes."""


@dataclass(slots=True)
class Count:
    """What a class's, or the whole unit's, day adds up to. Minutes, and pupils."""

    pupils: int = 0
    offered: int = 0
    reported: int = 0
    valid: int = 0
    mostly_valid: int = 0
    absent: int = 0

    def add(self, one: GroupSum) -> None:
        self.pupils += one.pupils
        self.offered += one.offered
        self.reported += one.reported
        self.valid += one.valid
        self.mostly_valid += one.pupils_mostly_valid
        self.absent += one.pupils_absent

    @property
    def told_of(self) -> int:
        """The pupils, in proportion to how much was reported of them (design D7)."""
        return self.pupils * self.reported // self.offered if self.offered else 0


@dataclass(slots=True)
class _Row:
    revision: int
    sums: Mapping[bytes, GroupSum]
    everything: Sequence[GroupSum]


@dataclass(slots=True)
class _Day:
    rows: dict[int, _Row] = field(default_factory=dict)
    counts: dict[bytes, Count] | None = None


class UnitDays:
    """The days of one unit."""

    def __init__(self) -> None:
        self._days: dict[int, _Day] = {}
        self.known = 0
        """The sum of all revisions: it grows with every row that is news, whichever it is."""

    def take(self, row: GroupDay) -> bool:
        """Take one partition's sums; whether they were news."""
        held = self._days.setdefault(row.epoch_day, _Day())
        before = held.rows.get(row.partition)
        if before is not None and before.revision >= row.revision:
            return False
        whole = {one.class_id: one for one in row.sums if one.slot_hour == WHOLE_DAY}
        held.rows[row.partition] = _Row(row.revision, whole, row.sums)
        self.known += row.revision - (before.revision if before is not None else 0)
        held.counts = None
        return True

    def days(self) -> list[int]:
        """Every day of which anything is known, in order."""
        return sorted(self._days)

    def partitions(self, day: int) -> int:
        """How many partitions have closed the day."""
        held = self._days.get(day)
        return len(held.rows) if held else 0

    def revisions(self, day: int) -> int:
        """The sum of the revisions of all that the day's Wave may go by.

        It grows with every change to any of it, whichever days turn out to be
        used: so a Wave made from more has the larger version (design D8).
        """
        return sum(
            row.revision
            for at in range(day - LOOK_BACK, day + 1)
            if at in self._days
            for row in self._days[at].rows.values()
        )

    def counts(self, day: int) -> Mapping[bytes, Count]:
        """By class, and under :data:`UNIT` of everybody; empty where nobody had a lesson."""
        held = self._days.get(day)
        if held is None:
            return {}
        if held.counts is None:
            held.counts = {}
            for row in held.rows.values():
                for class_id, one in row.sums.items():
                    for name in {class_id, UNIT}:
                        held.counts.setdefault(name, Count()).add(one)
        return held.counts

    def lessons(self, day: int) -> Iterator[GroupSum]:
        """The sums of the day by class, hour and subject; of a class in two partitions, both."""
        held = self._days.get(day)
        for row in held.rows.values() if held else ():
            for one in row.everything:
                if one.slot_hour != WHOLE_DAY:
                    yield one

    def usual_days(self, day: int, most: int) -> list[int]:
        """The last ``most`` days before the day on which anything was reported, newest first."""
        found: list[int] = []
        for at in range(day - 1, day - LOOK_BACK - 1, -1):
            counts = self.counts(at)
            if UNIT in counts and counts[UNIT].reported:
                found.append(at)
                if len(found) == most:
                    break
        return found
