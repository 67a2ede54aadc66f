"""What the group step knows, and which Waves are due; no Kafka, no clock.

A Wave is due for each unit's day that every partition has closed, unless the
last one written says the same: most corrections change no Wave, and what is
the same need not be written to every partition again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping

from forvarning.facts.v1.facts_pb2 import ClassWave, Wave
from forvarning.warnings.v1.warnings_pb2 import GroupDay
from services.ews.core.unitdays import LOOK_BACK, UnitDays
from services.ews.core.waves import explained, waves

UnitName = tuple[bytes, bytes]
"""Organiser and unit."""
Due = tuple[bytes, Wave]
"""The organiser, and the Wave to be written."""


class Board:
    """``partitions`` is the number of partitions of the input log."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._units: dict[UnitName, UnitDays] = {}
        self._changed: dict[UnitName, set[int]] = {}
        """Days whose sums are others: they count for their own Wave and for later ones."""
        self._doubtful: dict[UnitName, set[int]] = {}
        """Days of which something else was written than was known here."""
        self._written: dict[tuple[UnitName, int], Wave] = {}
        self._unfinished: dict[UnitName, set[int]] = {}

    @property
    def units(self) -> Mapping[UnitName, UnitDays]:
        """The sums of every unit."""
        return self._units

    def take(self, row: GroupDay) -> bool:
        """Take a row of ews.group-days.v1; whether it was news."""
        name = (row.organiser_id, row.school_unit_id)
        unit = self._units.setdefault(name, UnitDays())
        news = unit.take(row)
        if news:
            self._changed.setdefault(name, set()).add(row.epoch_day)
        return news

    def take_note(self, organiser_id: bytes, wave: Wave, *, unfinished: bool = False) -> None:
        """Take a row of ews.waves.v1, whoever wrote it.

        ``unfinished``: whoever began did not get to say that every partition has it.
        """
        name, day = (organiser_id, wave.school_unit_id), wave.epoch_day
        held = self._written.get((name, day))
        if held is None or _version(held) <= _version(wave):
            if held is None or list(held.classes) != list(wave.classes):
                self._doubtful.setdefault(name, set()).add(day)
            self._written[name, day] = wave
        days = self._unfinished.setdefault(name, set())
        if unfinished:
            days.add(day)
            self._doubtful.setdefault(name, set()).add(day)
        else:
            days.discard(day)

    def wrote(self, organiser_id: bytes, wave: Wave) -> None:
        """Every partition has this Wave now."""
        name = (organiser_id, wave.school_unit_id)
        self._written[name, wave.epoch_day] = wave
        self._unfinished.get(name, set()).discard(wave.epoch_day)

    @property
    def news(self) -> bool:
        """Whether anything may be due."""
        return bool(self._changed or self._doubtful)

    def due(self) -> Iterator[list[Due]]:
        """The Waves to be written, unit by unit; :meth:`wrote` is to be called for each."""
        changed, self._changed = self._changed, {}
        doubtful, self._doubtful = self._doubtful, {}
        for name in {**changed, **doubtful}:
            yield self._due(name, sorted(changed.get(name, ())), doubtful.get(name, set()))

    def _due(self, name: UnitName, changed: list[int], doubtful: set[int]) -> list[Due]:
        unit = self._units.get(name)
        if unit is None:
            return []
        found: list[Due] = []
        for day in unit.days():
            at = bisect_left(changed, day - LOOK_BACK)
            touched = day in doubtful or (at < len(changed) and changed[at] <= day)
            if not touched or unit.partitions(day) < self._partitions:
                continue
            wave = self._wave(name, unit, day)
            held = self._written.get((name, day))
            if (
                held is None
                or list(held.classes) != list(wave.classes)
                or day in self._unfinished.get(name, ())
            ):
                found.append((name[0], wave))
        return found

    def incomplete(self) -> int:
        """Days, of any unit, that some but not all partitions have closed."""
        return sum(
            0 < unit.partitions(day) < self._partitions
            for unit in self._units.values()
            for day in unit.days()
        )

    def _wave(self, name: UnitName, unit: UnitDays, day: int) -> Wave:
        return Wave(
            school_unit_id=name[1],
            epoch_day=day,
            partitions_closed=unit.partitions(day),
            revision_sum=unit.revisions(day),
            classes=[
                ClassWave(class_id=class_id, explained_permille=permille)
                for class_id, permille in explained(waves(unit, day)).items()
            ],
        )


def _version(wave: Wave) -> tuple[int, int]:
    return wave.partitions_closed, wave.revision_sum
