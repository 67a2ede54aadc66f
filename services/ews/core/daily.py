"""The daily facts beside the warnings: AbsenceDay by pupil, GroupDay by unit.

An AbsenceDay is published when the pupil's day is closed with any absence or with
lessons that nobody reported, and then for every change. A closed day that was
never published is a day without known absence: so the great majority of days,
on which everybody is there, costs nothing. What happens today is told by the
warnings.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np

from forvarning.warnings.v1.warnings_pb2 import AbsenceDay, GroupDay
from services.ews.core import calendar, days, groups, ids
from services.ews.core.api import Row
from services.ews.core.bucket import Bucket
from services.ews.core.partition import Dirty, Partition
from services.ews.core.pupils import place_among
from services.ews.core.units import Unit

_HIGHEST = 32_767


class Daily:
    """What a collect hands out for one bucket beside its warnings."""

    def __init__(
        self, partition: Partition, bucket: Bucket, published: dict[bytes, AbsenceDay]
    ) -> None:
        self._partition = partition
        self._bucket = bucket
        self._published = published

    def absences(self, dirty: Dirty, changed: dict[int, days.Mask]) -> Iterable[Row]:
        """The absence days that are due; ``changed`` tells the rows whose day came out anew."""
        size = len(self._bucket.pupils)
        due = dict(changed)
        if dirty.moved or dirty.reconcile:
            moved = np.zeros(size, bool)
            moved[list(dirty.moved)] = True
            # Also a day whose lessons were all taken back may have been told of.
            for day in self._bucket.days:
                due[day] = due.get(day, moved) | moved | dirty.reconcile
        nothing = np.zeros(size, bool)
        for day in sorted(due.keys() | (dirty.closed & self._bucket.days.keys())):
            rows = due.get(day, nothing)
            year = self._bucket.year(calendar.school_year(day))
            sums = year.day(day)[:, :size]
            if self._partition.left:
                rows = rows | self._go_on(day, sums, dirty)
            told = sums[days.REVISION] > 0
            candidates = rows & told
            if dirty.reconcile:
                candidates = rows
            elif self._anywhere_closed(day):
                # A day's closing changes nothing of what was told, but more is worth telling.
                news = sums[days.LESSONS_REPORTED] < sums[days.LESSONS]
                news |= sums[days.LESSONS_ABSENT] > 0
                candidates |= (news if day in dirty.closed else news & rows) & ~told
            yield from self._day(day, sums, candidates, dirty)

    def _day(self, day: int, sums: days.Sums, rows: days.Mask, dirty: Dirty) -> Iterable[Row]:
        """The absence days of one date, as far as they are worth telling."""
        for row in np.nonzero(rows)[0].tolist():
            pupil = self._bucket.pupils[row]
            if pupil.erased:
                continue
            key = ids.absence_day_key(pupil.pupil_id, day)
            known = None
            if dirty.reconcile and key in self._published and self._has_lessons(row, day):
                known = self._published.pop(key)
            if known is not None:
                sums[days.REVISION, row] = min(known.revision, _HIGHEST)
            one = sums[:, row].tolist()
            if not one[days.REVISION] and not (
                (one[days.LESSONS_ABSENT] or one[days.LESSONS_REPORTED] < one[days.LESSONS])
                and self._is_closed(row, day)
            ):
                continue
            event = self._event(one, row, day)
            dirty.revised.add(day)
            if known is not None and known == event:
                continue
            event.revision = min(event.revision + 1, _HIGHEST)
            sums[days.REVISION, row] = event.revision
            yield Row(key, event.SerializeToString())

    def _go_on(self, day: int, sums: days.Sums, dirty: Dirty) -> days.Mask:
        """What a rebuild had left of the day has its facts again: it counts as told.

        Returns whose day that is. It is told anew though nothing be added up: a lesson may come
        again only to be cancelled, and what stands on the topic is the absence from it.
        """
        left = self._partition.left
        found = np.zeros(len(self._bucket.pupils), bool)
        for row, pupil in enumerate(self._bucket.pupils):
            if left.has(pupil.pupil_id, day) and self._has_lessons(row, day):
                sums[days.REVISION, row] = left.take(pupil.pupil_id, day)
                dirty.revised.add(day)
                found[row] = True
        return found

    def _has_lessons(self, row: int, day: int) -> bool:
        """Whether the pupil has a mark here on the day, be it of a lesson that was cancelled."""
        lessons = self._bucket.lessons(day).values()
        return any(lesson.place_of(row) is not None for lesson in lessons)

    def _anywhere_closed(self, day: int) -> bool:
        organiser = self._bucket.organiser_id
        units = self._bucket.units
        return any(self._partition.unit(organiser, unit).is_school_day(day) for unit in units)

    def _is_closed(self, row: int, day: int) -> bool:
        """Whether the day is a closed school day of the pupil's."""
        unit_id = self._bucket.place(row, day).unit_id
        return self._partition.unit(self._bucket.organiser_id, unit_id).is_school_day(day)

    def _event(self, sums: list[int], row: int, day: int) -> AbsenceDay:
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

    def shares(self, day: int, counted: days.Day | None) -> dict[bytes, bool]:
        """Bring the bucket's share of every unit's day up to date.

        Tells the units that it changed, and those of which it is not known since what the
        share was before was not kept: True and False.
        """
        bucket = self._bucket
        if not self._anywhere_closed(day):
            return {}
        found: dict[bytes, bool] = {}
        counted = counted or bucket.counted(day)
        classes = _classes_by_unit(bucket, day)
        for unit_id in bucket.units:
            unit = self._partition.unit(bucket.organiser_id, unit_id)
            if not unit.is_school_day(day):
                continue
            sums = groups.share(counted, classes.get(unit_id, {}))
            held = unit.day(day)
            before = held.parts.get(bucket.key)
            unknown = before is None and held.missing
            if unknown or sums != (before.sums if before else []):
                held.parts[bucket.key] = groups.Part.of(sums)
                found[unit_id] = not unknown
        return found


def _classes_by_unit(bucket: Bucket, day: int) -> dict[bytes, dict[bytes, list[int]]]:
    """The rows of each class of each unit on a day; no unit to which nobody belongs then."""
    by_unit: dict[bytes, dict[bytes, list[int]]] = {}
    for stays, rows in bucket.by_stays(calendar.school_year(day)).items():
        placed = place_among(stays, day)
        if placed is not None:
            by_unit.setdefault(placed.unit_id, {}).setdefault(placed.class_id, []).extend(rows)
            continue
        for row in rows:
            place = bucket.place(row, day)
            by_unit.setdefault(place.unit_id, {}).setdefault(place.class_id, []).append(row)
    return by_unit


def _complete(partition: Partition, unit: Unit, day: int) -> None:
    """Bring in the shares that were not kept of a day that was restored."""
    held = unit.day(day)
    if held.missing:
        for bucket in partition.of_unit(unit.organiser_id, unit.unit_id):
            if bucket.key not in held.parts and day in bucket.days:
                classes = _classes_by_unit(bucket, day).get(unit.unit_id, {})
                sums = groups.share(bucket.counted(day), classes)
                held.parts[bucket.key] = groups.Part.of(sums)
        held.missing = False


def group_day(  # whose, of which day, and what is known of it
    partition: Partition, unit: Unit, day: int, number: int, known: GroupDay | None, *, sure: bool
) -> Row | None:
    """The next revision of a unit's day; empty where the day is free after all.

    ``known`` is what had been published of it before a rebuild; None is
    returned where that is still true, and for a day that is open again. Not ``sure``: None
    also where the sums are those that were published.
    """
    held = unit.day(day)
    name = (unit.organiser_id, unit.unit_id, day)
    if known is not None:
        held.group_revision = known.revision
        partition.dirty_unit_days.add(name)
    closed = unit.is_school_day(day) or unit.is_free(day)
    sums = b""
    if unit.is_school_day(day):
        _complete(partition, unit, day)
        sums = groups.merged(held.parts)
    digest = int.from_bytes(blake2b(sums, digest_size=8).digest(), "little")
    if not closed or not (sure or digest != held.sums_digest):
        return None
    partition.dirty_unit_days.add(name)
    held.sums_digest = digest
    if known is not None and _same_sums(known, GroupDay.FromString(sums)):
        return None
    held.group_revision += 1
    head = GroupDay(
        organiser_id=unit.organiser_id,
        school_unit_id=unit.unit_id,
        epoch_day=day,
        partition=number,
        revision=held.group_revision,
    )
    key = ids.group_day_key(unit.unit_id, day, number)
    return Row(key, head.SerializeToString() + sums)


def _same_sums(known: GroupDay, found: GroupDay) -> bool:
    """In any order: it is that of the buckets, which a rebuild may meet in another one."""
    return sorted(map(groups.of_message, known.sums)) == sorted(map(groups.of_message, found.sums))
