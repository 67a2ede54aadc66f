"""A small school by pupil, lesson and day, added up as the workers' partitions would add it up."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from forvarning.warnings.v1.warnings_pb2 import GroupDay, GroupSum
from tests.unit.ews.facts import name

ORGANISER, UNIT = name(1), name(2)
A, B, C = name(1, "a"), name(2, "b"), name(3, "c")
MINUTES = 60
DAY = ((8, "Matematik"), (9, "Svenska"), (11, "Slöjd"), (13, "Idrott"))
"""Hour and subject of a class's lessons, the same every day."""

Lessons = tuple[tuple[int, str], ...]


@dataclass
class SchoolWorld:
    """``classes``: how many pupils. ``valid_days`` are whole days with a valid reason."""

    classes: dict[bytes, int]
    lessons: dict[bytes, Lessons] = field(default_factory=dict)
    partitions: int = 1

    def row(
        self,
        day: int,
        *,
        valid: Mapping[bytes, Iterable[int]] | None = None,
        skips: Mapping[tuple[bytes, int], Iterable[int]] | None = None,
        silent: Iterable[tuple[bytes, int]] = (),
        partition: int = 0,
        revision: int = 1,
        closed: bool = True,
    ) -> GroupDay:
        """One partition's sums: its pupils are those whose number leaves it as remainder.

        ``valid``: who of a class is away all day. ``skips``: who is away from the
        lesson at an hour. ``silent``: the lessons that nobody reported.
        """
        row = GroupDay(
            organiser_id=ORGANISER,
            school_unit_id=UNIT,
            epoch_day=day,
            partition=partition,
            revision=revision,
        )
        for class_id, size in self.classes.items() if closed else ():
            pupils = [n for n in range(size) if n % self.partitions == partition]
            if pupils:
                away = set((valid or {}).get(class_id, ()))
                row.sums.extend(self._class(class_id, pupils, away, skips or {}, frozenset(silent)))
        return row

    def rows(self, day: int, **said: object) -> list[GroupDay]:
        """Every partition's."""
        return [
            self.row(day, partition=partition, **said)  # type: ignore[arg-type]
            for partition in range(self.partitions)
        ]

    def _class(
        self,
        class_id: bytes,
        pupils: Sequence[int],
        away: set[int],
        skips: Mapping[tuple[bytes, int], Iterable[int]],
        silent: frozenset[tuple[bytes, int]],
    ) -> list[GroupSum]:
        sums = []
        absent = dict.fromkeys(pupils, 0)
        reported = 0
        for hour, subject in self.lessons.get(class_id, DAY):
            said = (class_id, hour) not in silent
            gone = {n for n in pupils if n in away or n in set(skips.get((class_id, hour), ()))}
            if said:
                reported += 1
                for n in gone:
                    absent[n] += 1
            else:
                gone = set()
            ill = len(gone & away)
            sums.append(
                GroupSum(
                    class_id=class_id,
                    slot_hour=hour,
                    subject=subject,
                    pupils=len(pupils),
                    offered=MINUTES * len(pupils),
                    reported=MINUTES * len(pupils) * said,
                    valid=MINUTES * ill,
                    invalid_unexplained=MINUTES * (len(gone) - ill),
                    pupils_absent=len(gone),
                )
            )
        mostly = len(away & set(pupils)) if reported else 0
        sums.append(
            GroupSum(
                class_id=class_id,
                slot_hour=24,
                pupils=len(pupils),
                offered=sum(one.offered for one in sums),
                reported=sum(one.reported for one in sums),
                valid=sum(one.valid for one in sums),
                invalid_unexplained=sum(one.invalid_unexplained for one in sums),
                pupils_absent=sum(1 for number in absent.values() if number),
                pupils_absent_all_day=sum(reported and n == reported for n in absent.values()),
                pupils_mostly_valid=mostly,
            )
        )
        return sums


def some(chance: random.Random, size: int, permille: int) -> list[int]:
    """Each of so many pupils with this chance."""
    return [n for n in range(size) if chance.randrange(1000) < permille]
