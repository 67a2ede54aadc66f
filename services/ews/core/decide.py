"""The decisions about one bucket: which pupils to fold anew, and what to tell of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from forvarning.state.v1.state_pb2 import StateValue
from forvarning.warnings.v1.warnings_pb2 import WarningEvent
from services.ews.core import calendar, days, ids, rules
from services.ews.core.api import FailedFold, Row
from services.ews.core.bucket import Bucket, Year
from services.ews.core.episodes import content
from services.ews.core.fold import Fold, Spell, Step, Track
from services.ews.core.judge import Group, axes, judge
from services.ews.core.partition import Dirty, Partition, causes, thread_row_key
from services.ews.core.profile import FOLDED, TODAY, Metric, Rule
from services.ews.core.publish import Revision, revise
from services.ews.core.pupils import Content, Pupil, ThreadKey
from services.ews.core.units import Unit

_NEVER = 1 << 30


@dataclass(frozen=True, slots=True)
class _Due:
    """A pupil to decide on within a school year, and its place in its group."""

    pupil: Pupil
    row: int
    year: Year
    group: Group
    place: int
    fresh: bool
    """The group was not judged before: nothing kept of the pupil holds."""


class Decision:
    """One bucket's decisions at one collect."""

    def __init__(self, partition: Partition, bucket: Bucket, dirty: Dirty, fold: Fold) -> None:
        self._partition = partition
        self._bucket = bucket
        self._dirty = dirty
        self._fold = fold
        self._profiles = partition.profiles(bucket.organiser_id)
        self._touched, self._causes = causes(dirty, len(bucket.pupils))
        self._earliest = _NEVER
        self.warnings: list[Row] = []
        self.state: list[Row] = []
        self.failed: list[FailedFold] = []

    def run(self) -> None:
        """Decide on every pupil whom anything since the last collect can have changed."""
        dirty = self._dirty
        every = dirty.everything or dirty.pupils
        years = {calendar.school_year(day) for day in (*dirty.days, *dirty.closed)}
        for number in sorted(self._bucket.years):
            if every or number in years:
                self._year(self._bucket.years[number])

    # -- who ----------------------------------------------------------------------------

    def _year(self, year: Year) -> None:
        bucket, dirty = self._bucket, self._dirty
        self._earliest = min(
            (d for d in (*dirty.days, *dirty.closed) if calendar.school_year(d) == year.year),
            default=_NEVER,
        )
        before = {} if dirty.everything else bucket.groups.get(year.year, {})
        after: dict[tuple[object, bytes], Group] = {}
        today = self._unexcused(year)
        for group in axes(bucket, year, self._unit):
            key = (group.stays, group.rows.tobytes())
            held = before.get(key)
            judged = self._judged(group, held, year)
            if judged and judged[0] is group:
                after[key] = group
            for one in judged:
                for place in np.nonzero(self._due(one, held, year, today))[0].tolist():
                    row = int(one.rows[place])
                    pupil = bucket.pupils[row]
                    self._decide(_Due(pupil, row, year, one, place, fresh=held is None))
        bucket.groups[year.year] = after

    def _judged(self, group: Group, held: Group | None, year: Year) -> list[Group]:
        """The group judged; where that raises, its pupils one by one, so that one fails alone."""
        try:
            judge(group, held, year, self._earliest, self._profiles)
        except Exception as error:  # noqa: BLE001  # whatever it is, it must stop no other pupil
            if len(group.rows) == 1:
                self._give_up(group.rows.tolist(), error)
                return []
            alone = (
                Group(group.stays, group.rows[i : i + 1], group.axis, group.places)
                for i in range(len(group.rows))
            )
            return [one for each in alone for one in self._judged(each, None, year)]
        return [group]

    def _unit(self, unit_id: bytes) -> Unit:
        return self._partition.unit(self._bucket.organiser_id, unit_id)

    def _unexcused(self, year: Year) -> days.Mask:
        """The pupils with any invalid absence on the days that changed."""
        size = len(self._bucket.pupils)
        found: days.Mask
        if self._dirty.everything or self._dirty.pupils:
            sums = year.sums[:, :, :size]
            found = np.any(sums[:, days.UNEXPLAINED] + sums[:, days.CONFIRMED], axis=0)
            return found
        found = np.zeros(size, bool)
        for day in self._dirty.days:
            if calendar.school_year(day) == year.year:
                one = year.day(day)[:, :size]
                found |= (one[days.UNEXPLAINED] + one[days.CONFIRMED]) > 0
        return found

    def _due(self, group: Group, held: Group | None, year: Year, today: days.Mask) -> days.Mask:
        """The pupils of the group whose decision may come out differently now."""
        rows = group.rows
        relevant: days.Mask = today[rows]
        for family in FOLDED:
            relevant |= (group.verdicts[family] == rules.FIRES).any(axis=(0, 1))
        pupils = self._bucket.pupils
        for place in np.nonzero(~relevant)[0].tolist():
            threads = pupils[rows[place]].threads
            relevant[place] = any(number == year.year for _, number in threads)
        if held is None or group.kept < max(len(group.axis), len(held.axis)):
            return relevant
        return relevant & (self._touched[rows] | group.differs)

    # -- one pupil ----------------------------------------------------------------------

    def _decide(self, due: _Due) -> None:
        pupil = due.pupil
        incomplete = pupil.pupil_id in self._partition.undigested
        try:
            revisions: list[tuple[ThreadKey, Revision]] = []
            for family in (*FOLDED, TODAY):
                key: ThreadKey = (family, due.year.year)
                spells = self._today(due) if family == TODAY else self._folded(due, family)
                if not spells and key not in pupil.threads:
                    continue
                found = self._contents(due, key, spells)
                thread = ids.thread_id(self._bucket.organiser_id, pupil.pupil_id, *key)
                revision = revise(thread, pupil.threads.get(key), found, incomplete=incomplete)
                if revision is not None:
                    revisions.append((key, revision))
        except Exception as error:  # noqa: BLE001  # whatever it is, it must stop no other pupil
            self._give_up([due.row], error)
            return
        if pupil.failed:
            pupil.failed = False
            self._dirty.pupils.add(due.row)
        for key, revision in revisions:
            self._publish(pupil, due.row, key, revision)

    def _give_up(self, rows: Sequence[int], error: Exception) -> None:
        """The pupils' decisions raised: nothing of them is published, and they are marked."""
        for row in rows:
            pupil = self._bucket.pupils[row]
            if any(one.pupil_id == pupil.pupil_id for one in self.failed):
                continue
            pupil.tracks.clear()
            pupil.contents.clear()
            pupil.failed = True
            self._dirty.pupils.add(row)
            reason = f"{type(error).__name__}: {error}"
            self.failed.append(FailedFold(pupil.pupil_id, int(self._causes[1, row]), reason))
            for key, thread in pupil.threads.items():
                if not thread.incomplete and thread.episodes:
                    shown = replace(thread, revision=thread.revision + 1, incomplete=True)
                    self._publish(pupil, row, key, Revision(shown, []))

    def _folded(self, due: _Due, family: int) -> list[Spell]:
        """The family's episodes, going on from where the pupil's fold has come to."""
        key = (family, due.year.year)
        group = due.group
        verdicts = group.verdicts[family][:, :, due.place]
        track = due.pupil.tracks.get(key)
        if track is None or due.fresh or group.differs[due.place] or track.upto > group.kept:
            fires = (verdicts == rules.FIRES).any(axis=1)
            if not fires.any():
                due.pupil.tracks.pop(key, None)
                return []
            track = Track(upto=int(np.argmax(fires)))
            due.pupil.tracks[key] = track
        start = track.upto
        steps = [
            Step(day, profile, codes)
            for day, profile, codes in zip(
                group.axis[start:].tolist(),
                group.profiles[start:],
                verdicts[start:].tolist(),
                strict=True,
            )
        ]
        self._fold(due.pupil.pupil_id, family, track, steps)
        return track.spells

    def _today(self, due: _Due) -> list[Spell]:
        """One episode for each day with enough invalid absence, closed or not (design D8).

        It stays active until its ground is gone: an unexplained absence does
        not come to rest by the day's ending, only by being excused, and then it
        is withdrawn.
        """
        sums = due.year.sums[:, :, due.row]
        spells: list[Spell] = []
        for at in np.nonzero(sums[:, days.UNEXPLAINED] + sums[:, days.CONFIRMED])[0].tolist():
            day = due.year.start + at
            place = self._bucket.place(due.row, day)
            profile = self._profiles.choose(place.unit_id, place.school_form, day)
            holder: Rule | None = None
            for rule in profile.rules(TODAY) if profile else ():
                minutes = int(sums[at, days.UNEXPLAINED])
                if rule.metric is Metric.INVALID:
                    minutes += int(sums[at, days.CONFIRMED])
                fires = minutes >= rule.threshold if rule.inclusive else minutes > rule.threshold
                if fires and (holder is None or rule.level > holder.level):
                    holder = rule
            if holder is not None and profile is not None:
                spells.append(Spell(day, holder.level, day, holder, profile))
        return spells

    def _contents(
        self, due: _Due, key: ThreadKey, spells: Sequence[Spell]
    ) -> list[tuple[Spell, Content]]:
        """What is to be told of each episode, kept where no day that it is about changed."""
        kept = due.pupil.contents.get(key, {})
        built: dict[int, Content] = {}
        for spell in spells:
            held = kept.get(spell.raised_day)
            if held is None or not held.tells(spell) or self._changed(key[0], spell.level_day):
                if key[0] == TODAY:
                    axis = [spell.level_day]
                else:
                    upto = int(np.searchsorted(due.group.axis, spell.level_day))
                    axis = due.group.axis[: upto + 1].tolist()
                held = content(self._bucket, due.year, due.row, axis, spell)
            built[spell.raised_day] = held
        due.pupil.contents[key] = built
        return [(spell, built[spell.raised_day]) for spell in spells]

    def _changed(self, family: int, level_day: int) -> bool:
        if self._dirty.everything:
            return True
        if family == TODAY:
            return level_day in self._dirty.days
        return self._earliest <= level_day

    def _publish(self, pupil: Pupil, row: int, key: ThreadKey, revision: Revision) -> None:
        thread, bucket = revision.thread, self._bucket
        pupil.threads[key] = thread
        place = bucket.place(row, revision.epoch_day)
        event = WarningEvent(
            organiser_id=bucket.organiser_id,
            thread_id=thread.thread_id,
            revision=thread.revision,
            pupil_id=pupil.pupil_id,
            family=key[0],  # type: ignore[arg-type]  # protobuf enums are plain ints
            school_year=key[1],
            school_unit_id=place.unit_id,
            class_id=place.class_id,
            episodes=thread.episodes,
            caused_by_unix_ms=int(self._causes[0, row]),
            epoch_day=revision.epoch_day,
            incomplete=thread.incomplete,
            home_id=bucket.home_id,
            bucket=bucket.number,
        )
        value = StateValue(thread=event.SerializeToString())
        self.state.append(Row(thread_row_key(bucket, thread.thread_id), value.SerializeToString()))
        event.changes.extend(revision.changes)
        self.warnings.append(Row(thread.thread_id, event.SerializeToString()))
