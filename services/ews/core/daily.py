"""The daily facts beside the warnings: AbsenceDay by pupil, GroupDay by unit.

An AbsenceDay is published for a pupil's day with any absence, for one that was
closed with lessons nobody reported, and for every later change of one that was
published. A day never published is a day without known absence: so the great
majority of days, on which everybody is there, costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from forvarning.warnings.v1.warnings_pb2 import AbsenceDay, GroupDay
from services.ews.core import calendar, days, groups, ids
from services.ews.core.api import Row
from services.ews.core.bucket import Bucket, Year
from services.ews.core.partition import Dirty, Partition
from services.ews.core.pupils import place_among
from services.ews.core.units import Unit

_HIGHEST = 32_767


class Daily:
    """What a collect hands out for one bucket beside its warnings."""

    def __init__(
        self, partition: Partition, bucket: Bucket, published: dict[tuple[bytes, int], AbsenceDay]
    ) -> None:
        self._partition = partition
        self._bucket = bucket
        self._published = published

    def absences(self, dirty: Dirty, changed: dict[int, days.Mask]) -> Iterable[Row]:
        """The absence days that are due; ``changed`` tells the rows whose day came out anew."""
        size = len(self._bucket.pupils)
        due = {day: np.array(rows) for day, rows in changed.items()}
        for day in dirty.closed:
            year = self._bucket.years.get(calendar.school_year(day))
            if year is not None and day in year.units:
                sums = year.day(day)[:, :size]
                open_ended = sums[days.LESSONS_REPORTED] < sums[days.LESSONS]
                rows = open_ended & (sums[days.REVISION] == 0)
                due[day] = due[day] | rows if day in due else rows
        for row in dirty.moved:
            for day in self._published_days(row):
                due.setdefault(day, np.zeros(size, bool))[row] = True
        if dirty.reconcile:
            for year in self._bucket.years.values():
                for day in year.units:
                    due[day] = np.ones(size, bool)
        for day in sorted(due):
            yield from self._day(day, due[day], dirty)

    def _published_days(self, row: int) -> list[int]:
        return [
            year.start + at
            for year in self._bucket.years.values()
            for at in np.nonzero(year.sums[:, days.REVISION, row])[0].tolist()
        ]

    def _day(self, day: int, rows: days.Mask, dirty: Dirty) -> Iterable[Row]:
        year = self._bucket.year(calendar.school_year(day))
        sums = year.day(day)[:, : len(rows)]
        absent = (sums[days.VALID] + sums[days.UNEXPLAINED] + sums[days.CONFIRMED]) > 0
        told = absent | (sums[days.REVISION] > 0)
        silent = sums[days.LESSONS_REPORTED] < sums[days.LESSONS]
        for row in np.nonzero(rows & (told | silent))[0].tolist():
            pupil = self._bucket.pupils[row]
            known = self._published.get((pupil.pupil_id, day)) if dirty.reconcile else None
            if not (told[row] or known is not None or self._is_closed(row, day)):
                continue
            if pupil.erased:
                continue
            if known is not None:
                sums[days.REVISION, row] = min(known.revision, _HIGHEST)
            event = self._event(year, row, day)
            if known is not None and known == event:
                dirty.revised.add(day)
                continue
            event.revision = min(event.revision + 1, _HIGHEST)
            sums[days.REVISION, row] = event.revision
            dirty.revised.add(day)
            yield Row(ids.absence_day_key(pupil.pupil_id, day), event.SerializeToString())

    def _is_closed(self, row: int, day: int) -> bool:
        """Whether the day is a closed school day of the pupil's."""
        placed = self._bucket.pupils[row].placed(day)
        units = [placed.unit_id] if placed else self._bucket.lesson_units(row, day)
        organiser = self._bucket.organiser_id
        return any(self._partition.unit(organiser, unit).is_school_day(day) for unit in units)

    def _event(self, year: Year, row: int, day: int) -> AbsenceDay:
        sums = year.day(day)[:, row].tolist()
        place = self._bucket.place(row, day)
        return AbsenceDay(
            organiser_id=self._bucket.organiser_id,
            pupil_id=self._bucket.pupils[row].pupil_id,
            epoch_day=day,
            school_unit_id=place.unit_id,
            class_id=place.class_id,
            offered=sums[days.OFFERED],
            reported=sums[days.REPORTED],
            valid=sums[days.VALID],
            invalid_unexplained=sums[days.UNEXPLAINED],
            invalid_confirmed=sums[days.CONFIRMED],
            other=sums[days.OTHER],
            lessons=sums[days.LESSONS],
            lessons_reported=sums[days.LESSONS_REPORTED],
            lessons_absent=sums[days.LESSONS_ABSENT],
            revision=sums[days.REVISION],
        )

    # -- sums of groups -----------------------------------------------------------------

    def shares(self, day: int, counted: days.Day) -> set[bytes]:
        """Bring the bucket's share of every unit's day up to date; tells the units it changed."""
        bucket = self._bucket
        organiser = bucket.organiser_id
        if not any(self._partition.unit(organiser, one).is_school_day(day) for one in bucket.units):
            return set()
        by_unit: dict[bytes, dict[bytes, list[int]]] = {}
        for stays, rows in bucket.by_stays(calendar.school_year(day)).items():
            placed = place_among(stays, day)
            if placed is not None:
                by_unit.setdefault(placed.unit_id, {}).setdefault(placed.class_id, []).extend(rows)
                continue
            for row in rows:
                place = bucket.place(row, day)
                by_unit.setdefault(place.unit_id, {}).setdefault(place.class_id, []).append(row)
        changed: set[bytes] = set()
        for unit_id in {*by_unit, *counted.units, *bucket.units}:
            unit = self._partition.unit(bucket.organiser_id, unit_id)
            if not unit.is_school_day(day):
                continue
            held = unit.day(day)
            classes = {
                name: np.array(rows, np.intp) for name, rows in by_unit.get(unit_id, {}).items()
            }
            part = groups.part(counted, classes)
            if part != held.parts.get(bucket.key, []):
                held.parts[bucket.key] = part
                changed.add(unit_id)
        return changed


def group_day(
    partition: Partition, unit: Unit, day: int, number: int, known: GroupDay | None
) -> Row | None:
    """The next revision of a unit's day; empty where the day is free after all.

    ``known`` is what had been published of it before a rebuild; None is
    returned where that is still true, and for a day that is open again.
    """
    held = unit.day(day)
    if known is not None:
        held.group_revision = known.revision
    partition.dirty_unit_days.add((unit.organiser_id, unit.unit_id, day))
    event = GroupDay(
        organiser_id=unit.organiser_id,
        school_unit_id=unit.unit_id,
        epoch_day=day,
        partition=number,
        revision=held.group_revision,
        sums=groups.merged(held.parts.values()) if unit.is_school_day(day) else (),
    )
    closed = unit.is_school_day(day) or unit.is_free(day)
    if not closed or (known is not None and event == known):
        return None
    held.group_revision += 1
    event.revision = held.group_revision
    return Row(ids.group_day_key(unit.unit_id, day, number), event.SerializeToString())
