"""The decision core of one partition; see :class:`services.ews.core.api.PartitionCore`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forvarning.warnings.v1.warnings_pb2 import AbsenceDay, GroupDay, WarningEvent
from services.ews.core import days, fold, ids
from services.ews.core.api import Batch, CoreError, Row, UndigestibleError
from services.ews.core.bucket import Bucket
from services.ews.core.daily import Daily, group_day
from services.ews.core.decide import Decision
from services.ews.core.intake import Intake
from services.ews.core.partition import ANY_DAY, Dirty, Partition

_AT_ONCE = 64
"""Bucket days that are added up side by side."""
_GroupKey = tuple[bytes, bytes, int]
"""Organiser, unit and day."""


class Core:
    """Implements :class:`services.ews.core.api.PartitionCore`.

    ``fold`` is for tests that make a pupil's decision fail. Who never restores does
    without ``state``, and who asks for warnings alone without ``daily`` facts: what
    they leave out is in no batch, and takes no time.
    """

    def __init__(
        self, fold: fold.Fold = fold.fold, *, state: bool = True, daily: bool = True
    ) -> None:
        self._fold = fold
        self._state = state
        self._daily = daily
        self._partition = Partition()
        self._intake = Intake(self._partition)
        self._number = 0
        self._reconciling = False
        """A rebuild has ended and the next collect publishes the difference."""
        self._settled: list[Decision] = []
        """What :meth:`settle` found to tell."""
        self._absence_days: dict[bytes, AbsenceDay] = {}
        self._group_days: dict[bytes, GroupDay] = {}
        """By key, what a rebuild is compared with."""

    # -- before the first fact ------------------------------------------------------------

    def restore(self, key: bytes, value: bytes) -> None:
        self._partition.restore(key, value)

    def restore_published(self, key: bytes, value: bytes | None) -> None:
        self._partition.published.restore(key, value)

    def check_published(self) -> None:
        self._partition.published.check()

    def restore_absence_day(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self._absence_days.pop(key, None)
        else:
            self._absence_days[key] = AbsenceDay.FromString(value)

    def restore_group_day(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self._group_days.pop(key, None)
        else:
            self._group_days[key] = GroupDay.FromString(value)

    def learn_profile(self, profile_id: str, profile_version: int, content: bytes) -> None:
        self._intake.learn(profile_id, profile_version, content)

    def begin_rebuild(self) -> None:
        self._partition.rebuilding = True

    def end_rebuild(self) -> None:
        if not self._partition.rebuilding:
            return
        self._partition.rebuilding = False
        self._reconciling = True
        for bucket in self._partition.buckets():
            dirty = self._partition.mark(bucket)
            dirty.everything = dirty.reconcile = True
            dirty.days.update(bucket.days)

    # -- facts ----------------------------------------------------------------------------

    def apply(
        self, value: bytes, offset: int, *, partition: int, replay_of: int | None = None
    ) -> None:
        self._number = partition
        try:
            self._intake.apply(value, offset, again=replay_of is not None)
        except CoreError:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise UndigestibleError("internal", reason) from error
        if replay_of is not None:
            self._digested(replay_of, offset)

    def mark_undigested(self, pupil_ids: Sequence[bytes], offset: int) -> None:
        for pupil_id in pupil_ids:
            self._partition.undigested.setdefault(pupil_id, set()).add(offset)
        self._partition.dirty_undigested |= bool(pupil_ids)
        self._touch(pupil_ids, offset)

    def _digested(self, dead_letter: int, offset: int) -> None:
        undigested = self._partition.undigested
        cleared = [one for one, offsets in undigested.items() if dead_letter in offsets]
        for pupil_id in cleared:
            undigested[pupil_id].discard(dead_letter)
            if not undigested[pupil_id]:
                del undigested[pupil_id]
        self._partition.dirty_undigested |= bool(cleared)
        self._touch(cleared, offset)

    def _touch(self, pupil_ids: Sequence[bytes], offset: int) -> None:
        """Ask for the pupils' decisions although no fact about them is in."""
        if not pupil_ids:
            return
        for bucket in self._partition.buckets():
            rows = [bucket.row_of[one] for one in pupil_ids if one in bucket.row_of]
            if rows:
                touches = self._partition.mark(bucket).touches
                touches.append((np.array(rows), ANY_DAY, (0, offset)))

    @property
    def wants_flush(self) -> bool:
        return self._intake.waiting and not self._partition.rebuilding

    def settle(self) -> bool:
        partition = self._partition
        if partition.rebuilding or self._reconciling:
            return False
        if partition.dirty or partition.closings or partition.waves:
            return True
        bucket = partition.unsettled()
        if bucket is None:
            return False
        dirty = Dirty()
        decision = Decision(partition, bucket, dirty, self._fold)
        decision.settle()
        if decision.warnings or decision.failed:
            self._settled.append(decision)
            partition.dirty[bucket.key] = dirty
            self._intake.waiting = True
        return True

    # -- decisions ------------------------------------------------------------------------

    def collect(self) -> Batch:
        batch = Batch()
        reconciling = self._reconciling
        counted = self._recount()
        if not self._partition.rebuilding:
            self._adopt(batch)
            for decision in self._settled:
                batch.warnings.extend(decision.warnings)
                batch.failed_folds.extend(decision.failed)
            self._settled.clear()
            self._close()
            self._decide(batch, counted)
            if self._reconciling:
                self._reconciled(batch)
        self._erased(batch)
        if self._state:
            batch.state.extend(self._partition.rows())
            batch.state.extend(self._partition.published.row(anyway=reconciling))
        self._partition.clean()
        self._intake.waiting = False
        return batch

    def _recount(self) -> dict[str, tuple[dict[int, days.Day], dict[int, days.Mask]]]:
        """Add the changed days up; by bucket each day's sums and the rows that differ now."""
        found: dict[str, tuple[dict[int, days.Day], dict[int, days.Mask]]] = {}
        jobs = [
            (self._partition.bucket_of(key), day)
            for key, dirty in self._partition.dirty.items()
            for day in sorted(dirty.days)
        ]
        for at in range(0, len(jobs), _AT_ONCE):
            some = jobs[at : at + _AT_ONCE]
            counted = days.add_up([bucket.task(day) for bucket, day in some])
            for (bucket, day), one in zip(some, counted, strict=True):
                sums, changed = found.setdefault(bucket.key, ({}, {}))
                profiles = self._partition.profiles(bucket.organiser_id)
                sums[day] = one
                dirty = self._partition.dirty[bucket.key]
                changed[day], dirty.unexcused[day] = bucket.take(
                    day, one, keep_marks=profiles.look_at_lessons
                )
        return found

    def _adopt(self, batch: Batch) -> None:
        """Take up the threads that were published of the buckets at hand (design D4)."""
        published = self._partition.published
        for key in published.buckets() & self._partition.dirty.keys():
            bucket = self._partition.bucket_of(key)
            for one in published.take_up(key, bucket.row_of):
                pupil = bucket.pupils[bucket.row_of[one.pupil_id]]
                event = WarningEvent.FromString(one.value)
                if pupil.erased:
                    batch.warnings.append(Row(event.thread_id, None))
                    published.note(event.thread_id, event.revision, 0)
                else:
                    pupil.take(event)
                    pupil.contents.clear()
                    self._partition.mark(bucket).everything = True

    def _close(self) -> None:
        """Tell the buckets of a unit that one of its days was closed, or of a day's Wave."""
        closings, waves = self._partition.closings, self._partition.waves
        by_unit: dict[tuple[bytes, bytes], list[Bucket]] = {}
        for (organiser_id, unit_id, day), cause in (*closings.items(), *waves.items()):
            unit = organiser_id, unit_id
            if unit not in by_unit:
                by_unit[unit] = list(self._partition.of_unit(*unit))
            for bucket in by_unit[unit]:
                dirty = self._partition.mark(bucket)
                if (organiser_id, unit_id, day) in closings:
                    dirty.closed.add(day)
                else:
                    dirty.waves.add(day)
                dirty.cause = max(dirty.cause, cause, key=lambda one: one[1])

    def _decide(
        self, batch: Batch, counted: dict[str, tuple[dict[int, days.Day], dict[int, days.Mask]]]
    ) -> None:
        told: dict[_GroupKey, bool] = {}
        for key, dirty in list(self._partition.dirty.items()):
            bucket = self._partition.bucket_of(key)
            sums, changed = counted.get(key, ({}, {}))
            decision = Decision(self._partition, bucket, dirty, self._fold)
            decision.run()
            batch.warnings.extend(decision.warnings)
            batch.failed_folds.extend(decision.failed)
            if not self._daily:
                continue
            daily = Daily(self._partition, bucket, self._absence_days)
            batch.absence_days.extend(daily.absences(dirty, changed))
            for day in _share_days(bucket, dirty):
                for unit_id, sure in daily.shares(day, sums.get(day)).items():
                    name = (bucket.organiser_id, unit_id, day)
                    told[name] = sure or told.get(name, False)
        if not self._daily:
            return
        for organiser_id, unit_id, day in self._partition.closings:
            unit = self._partition.unit(organiser_id, unit_id)
            if unit.is_school_day(day) or (unit.is_free(day) and unit.day(day).group_revision):
                told[organiser_id, unit_id, day] = True
        if self._reconciling:
            told.update(self._group_days_to_compare())
        for organiser_id, unit_id, day in sorted(told):
            known = self._group_days.get(ids.group_day_key(unit_id, day, self._number))
            unit = self._partition.unit(organiser_id, unit_id)
            row = group_day(
                self._partition,
                unit,
                day,
                self._number,
                known,
                sure=told[organiser_id, unit_id, day],
            )
            if row is not None:
                batch.group_days.append(row)

    def _group_days_to_compare(self) -> dict[_GroupKey, bool]:
        """Every closed day, and every other whose sums had been published."""
        found: dict[_GroupKey, bool] = {}
        for unit in self._partition.units():
            for day in unit.days:
                key = ids.group_day_key(unit.unit_id, day, self._number)
                if unit.is_school_day(day) or key in self._group_days:
                    found[unit.organiser_id, unit.unit_id, day] = True
        return found

    def _reconciled(self, batch: Batch) -> None:
        """The rebuild is over: what had been published is taken up or gone."""
        erased = {
            pupil.pupil_id
            for bucket in self._partition.buckets()
            for pupil in bucket.pupils
            if pupil.erased
        }
        for key, event in self._absence_days.items():
            if event.pupil_id in erased:
                batch.absence_days.append(Row(key, None))
            else:
                self._partition.left.keep(event)
        self._absence_days.clear()
        self._group_days.clear()
        self._reconciling = False

    def _erased(self, batch: Batch) -> None:
        """Tombstones of what had been published of pupils erased since."""
        for pupil_id, day in self._intake.absence_tombstones:
            batch.absence_days.append(Row(ids.absence_day_key(pupil_id, day), None))
        for thread_id, revision in self._intake.thread_tombstones:
            batch.warnings.append(Row(thread_id, None))
            self._partition.published.note(thread_id, revision, 0)
        self._intake.absence_tombstones.clear()
        self._intake.thread_tombstones.clear()


def _share_days(bucket: Bucket, dirty: Dirty) -> list[int]:
    """The days of which the bucket's share in its units' sums may be another."""
    found = dirty.days | dirty.closed
    if dirty.moved:
        found = found.union(bucket.days)
    return sorted(found)
