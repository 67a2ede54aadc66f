"""ogiltig_idag: which days have enough invalid absence, closed or not (design D8)."""

from __future__ import annotations

from collections.abc import Container

import numpy as np

from forvarning.warnings.v1 import warnings_pb2
from services.ews.core import calendar, days
from services.ews.core.bucket import Bucket
from services.ews.core.fold import Spell
from services.ews.core.partition import ANY_DAY, Dirty, Touched
from services.ews.core.pupils import Pupil, Thread
from services.ews.core.rule import TODAY, Metric, Rule
from services.ews.core.units import Profiles
from services.ews.core.year import Year

_WITHDRAWN = warnings_pb2.EPISODE_STATE_WITHDRAWN


class Today:
    """What the same-day family makes of one bucket at one collect."""

    def __init__(self, bucket: Bucket, dirty: Dirty, touched: Touched, profiles: Profiles) -> None:
        self._bucket = bucket
        self._dirty = dirty
        self._touched = touched
        self._profiles = profiles

    def unexcused(self, year: Year) -> days.Mask:
        """The pupils with invalid absence on a day that changed for them."""
        size = len(self._bucket.pupils)
        if self._dirty.everything:
            return _anywhere(year.sums[:, :, :size])
        found: days.Mask = np.zeros(size, bool)
        for day, rows in self._touched.by_day.items():
            if day == ANY_DAY:
                found |= rows & _anywhere(year.sums[:, :, :size])
            elif calendar.school_year(day) == year.year:
                one = year.day(day)[:, :size]
                found |= rows & ((one[days.UNEXPLAINED] + one[days.CONFIRMED]) > 0)
        return found

    def may_differ(self, pupil: Pupil, row: int, year: Year) -> bool:
        """Whether a day that changed for the pupil is one that ogiltig_idag tells of."""
        if self._dirty.everything:
            return True
        known: Container[int] | None = pupil.today.get(year.year)
        if known is None and self._bucket.settled:
            if not any(self._may_be_told(row, day) for day in self._touched.by_day):
                return False
            known = _published(pupil.thread((TODAY, year.year)))
        return known is None or any(
            rows[row] and (day in known or day == ANY_DAY)
            for day, rows in self._touched.by_day.items()
        )

    def _may_be_told(self, row: int, day: int) -> bool:
        """Whether a day that changed for the row can be in its published thread.

        Only invalid absence is told of, so nobody need read the thread of who had none.
        """
        unexcused = self._dirty.unexcused.get(day)
        return bool(self._touched.by_day[day][row]) and (unexcused is None or bool(unexcused[row]))

    def spells(self, pupil: Pupil, row: int, year: Year, *, anew: bool) -> tuple[list[Spell], bool]:
        """The pupil's episodes, and whether they may be others than when last told.

        One episode for each day with enough invalid absence, closed or not (design D8).

        It stays active until its ground is gone: an unexplained absence does
        not come to rest by the day's ending, only by being excused, and then it
        is withdrawn. ``anew``: nothing kept of the pupil may be relied on.
        """
        key = (TODAY, year.year)
        thread = pupil.thread(key)
        known = None if anew else pupil.today.get(year.year)
        if known is None and (anew or not self._bucket.settled):
            sums = year.sums[:, :, row]
            invalid = np.nonzero(sums[:, days.UNEXPLAINED] + sums[:, days.CONFIRMED])[0]
            looked_at = {year.start + at for at in invalid.tolist()}
        else:
            looked_at = {
                day
                for day, rows in self._touched.by_day.items()
                if rows[row] and 0 <= day - year.start < year.length
            }
            if known is None:
                # Restored: what was decided is what was published, and nothing else.
                looked_at |= _published(thread)
        known = known if known is not None else {}
        news = thread is None or anew
        for day in sorted(looked_at):
            spell = self._spell(row, day, year.day(day)[:, row].tolist())
            before = known.get(day)
            if spell is not None:
                known[day] = spell
            elif before is not None:
                del known[day]
            news |= spell != before
        pupil.today[year.year] = known
        return [known[day] for day in sorted(known)], news

    def _spell(self, row: int, day: int, sums: list[int]) -> Spell | None:
        invalid = sums[days.UNEXPLAINED] + sums[days.CONFIRMED]
        if not invalid:
            return None
        place = self._bucket.place(row, day)
        profile = self._profiles.choose(place.unit_id, place.school_form, day)
        holder: Rule | None = None
        for rule in profile.rules(TODAY) if profile else ():
            minutes = invalid if rule.metric is Metric.INVALID else sums[days.UNEXPLAINED]
            fires = minutes >= rule.threshold if rule.inclusive else minutes > rule.threshold
            if fires and (holder is None or rule.level > holder.level):
                holder = rule
        if holder is None or profile is None:
            return None
        return Spell(day, holder.level, day, holder, profile)


def _published(thread: Thread | None) -> set[int]:
    """The days that the thread tells of."""
    episodes = thread.episodes if thread is not None else ()
    return {one.raised_day for one in episodes if one.state != _WITHDRAWN}


def _anywhere(sums: days.Sums) -> days.Mask:
    """The pupils with invalid absence on any of the days."""
    found: days.Mask = np.any(sums[:, days.UNEXPLAINED] + sums[:, days.CONFIRMED], axis=0)
    return found
