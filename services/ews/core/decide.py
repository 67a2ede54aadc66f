"""The decisions about one bucket: which pupils to fold anew, and what to tell of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from forvarning.warnings.v1.warnings_pb2 import WarningEvent
from services.ews.core import calendar, days, ids, rules, shared, turning
from services.ews.core.api import FailedFold, Row
from services.ews.core.bucket import Bucket
from services.ews.core.episodes import content
from services.ews.core.fold import Fold, Spell, Step, Track
from services.ews.core.judge import Group, axes, judge
from services.ews.core.partition import (
    ANY_DAY,
    NEVER,
    Dirty,
    Partition,
    Touched,
    earliest,
)
from services.ews.core.publish import Revision, revise
from services.ews.core.pupils import Content, Pupil, ThreadKey
from services.ews.core.rule import FOLDED, TODAY
from services.ews.core.today import Today
from services.ews.core.units import Unit
from services.ews.core.year import Year


@dataclass(frozen=True, slots=True)
class _Due:
    """A pupil to decide on within a school year, and its place in its group."""

    pupil: Pupil
    row: int
    year: Year
    group: Group | None
    """None where only ogiltig_idag is decided on."""
    place: int
    changed_from: int
    """The earliest day on which anything about the pupil may be otherwise than when last told."""
    whole: bool
    """Nothing kept of the pupil's decisions may be relied on."""

    @property
    def judged(self) -> Group:
        """The group, which folded families have."""
        assert self.group is not None  # noqa: S101  # asked for by these only
        return self.group


class Decision:
    """One bucket's decisions at one collect."""

    def __init__(self, partition: Partition, bucket: Bucket, dirty: Dirty, fold: Fold) -> None:
        self._partition = partition
        self._bucket = bucket
        self._dirty = dirty
        self._fold = fold
        self._profiles = partition.profiles(bucket.organiser_id)
        self._touched = Touched.of(dirty, len(bucket.pupils))
        self._today = Today(bucket, dirty, self._touched, self._profiles)
        self._given_up: set[int] = set()
        self.warnings: list[Row] = []
        self.failed: list[FailedFold] = []

    def run(self) -> None:
        """Decide on every pupil whom anything since the last collect can have changed."""
        dirty = self._dirty
        every = dirty.everything or ANY_DAY in self._touched.by_day
        known = dirty.closed | dirty.waves | dirty.noticed
        years = {calendar.school_year(day) for day in dirty.days | known}
        for number in sorted(self._bucket.years if every else filter(self._bucket.has_year, years)):
            year = self._bucket.year(number)
            if every or known or not self._still_open(year):
                self._year(year)
            else:
                self._day_under_way(year)

    def settle(self) -> None:
        """Judge the newest school year, of which nothing has changed since it was published."""
        self._year(self._bucket.years[max(self._bucket.years)], everybody=True)

    def _still_open(self, year: Year) -> bool:
        """Whether all that is closed was decided, and none of the days that changed is closed."""
        groups = self._bucket.groups.get(year.year)
        if groups is not None or not self._bucket.settled:
            everybody = sum(len(rows) for rows in self._bucket.by_stays(year.year).values())
            judged = sum(len(group.rows) for group in (groups or {}).values())
            if judged != everybody:
                return False
        if any(pupil.failed for pupil in self._bucket.pupils):
            return False
        changed = [d for d in self._dirty.days if calendar.school_year(d) == year.year]
        units = [self._unit(one) for one in self._bucket.units]
        return not any(unit.is_school_day(day) for unit in units for day in changed)

    def _day_under_way(self, year: Year) -> None:
        """Only ogiltig_idag can come out otherwise: no closed day changed.

        So who comes back in the middle of a school day need not judge the year first.
        """
        unexcused = self._today.unexcused(year)
        earliest = self._touched.earliest.tolist()
        for row, pupil in enumerate(self._bucket.pupils):
            if pupil.erased or earliest[row] >= NEVER:
                continue
            told = pupil.has_thread((TODAY, year.year))
            if unexcused[row] or (told and self._today.may_differ(pupil, row, year)):
                due = _Due(pupil, row, year, None, 0, earliest[row], whole=False)
                self._decide(due, folded=False, today=True)

    # -- who ----------------------------------------------------------------------------

    def _year(self, year: Year, *, everybody: bool = False) -> None:
        bucket, dirty = self._bucket, self._dirty
        closed = earliest(dirty.closed | dirty.waves, year.year)
        lessons = earliest(dirty.days | dirty.noticed, year.year)
        before = {} if dirty.everything else bucket.groups.get(year.year, {})
        after: dict[tuple[object, bytes], Group] = {}
        unexcused = self._today.unexcused(year)
        some = None if everybody or closed < NEVER else self._concerned(year)
        for whole_group in axes(bucket, year, self._unit):
            group = whole_group if some is None else whole_group.only(some)
            if group is None:
                continue
            key = (group.stays, group.rows.tobytes())
            held = before.get(key)
            judged = self._judged(group, held, year, min(closed, lessons))
            if judged and judged[0] is group:
                after[key] = group
            for one in judged:
                folded, today = self._due(one, held, year, unexcused)
                for place in np.nonzero(folded | today)[0].tolist():
                    row = int(one.rows[place])
                    changed = int(self._touched.earliest[row])
                    due = _Due(
                        bucket.pupils[row],
                        row,
                        year,
                        one,
                        place,
                        min(changed, closed),
                        whole=held is None or dirty.everything or changed == ANY_DAY,
                    )
                    self._decide(due, folded=bool(folded[place]), today=bool(today[place]))
        if some is None:
            bucket.groups[year.year] = after

    def _concerned(self, year: Year) -> days.Mask | None:
        """Whom alone a change concerns where the others are as they were published; else None."""
        bucket = self._bucket
        if not bucket.settled or year.year in bucket.groups or self._dirty.everything:
            return None
        found: days.Mask = self._touched.earliest < NEVER
        for row, pupil in enumerate(bucket.pupils):
            found[row] |= pupil.failed
        return None if found.all() else found

    def _judged(self, group: Group, held: Group | None, year: Year, since: int) -> list[Group]:
        """The group judged; where that raises, its pupils one by one, so that one fails alone."""
        try:
            judge(group, held, self._bucket, year, since, self._profiles, self._unit)
        except Exception as error:  # noqa: BLE001  # whatever it is, it must stop no other pupil
            if len(group.rows) == 1:
                self._give_up(int(group.rows[0]), error)
                return []
            alone = (
                Group(group.stays, group.rows[i : i + 1], group.axis, group.places)
                for i in range(len(group.rows))
            )
            return [one for each in alone for one in self._judged(each, None, year, since)]
        return [group]

    def _unit(self, unit_id: bytes) -> Unit:
        return self._partition.unit(self._bucket.organiser_id, unit_id)

    def _due(
        self, group: Group, held: Group | None, year: Year, unexcused: days.Mask
    ) -> tuple[days.Mask, days.Mask]:
        """Whose folded families, and whose ogiltig_idag, may come out otherwise now."""
        rows = group.rows
        size = len(rows)
        folded: days.Mask = np.logical_or.reduce([group.fires[family] for family in FOLDED])
        today = unexcused[rows]
        told: days.Mask = np.zeros(size, bool)
        failed: days.Mask = np.zeros(size, bool)
        pupils = self._bucket.pupils
        for place, row in enumerate(rows.tolist()):
            pupil = pupils[row]
            for family, number in pupil.thread_keys():
                if number == year.year:
                    if family != TODAY:
                        folded[place] = True
                    elif not today[place]:
                        told[place] = self._today.may_differ(pupil, row, year)
            failed[place] = pupil.failed
        if self._dirty.everything or held is None:
            return folded | failed, today | told
        touched = self._touched.earliest[rows] < NEVER
        # A verdict may be the same with and without what a Wave took; the figures are not.
        if not self._dirty.waves and group.kept >= max(len(group.axis), len(held.axis)):
            folded &= touched | group.differs
        return folded | failed, today | (told & touched)

    # -- one pupil ----------------------------------------------------------------------

    def _decide(self, due: _Due, *, folded: bool, today: bool) -> None:
        pupil = due.pupil
        incomplete = pupil.pupil_id in self._partition.undigested
        whole = due.whole or pupil.failed
        if whole:
            folded = today = True
        if pupil.failed:
            # What was published is older than the facts: nothing kept tells the truth.
            pupil.forget()
        try:
            revisions: list[tuple[ThreadKey, Revision]] = []
            for family in (*FOLDED, TODAY):
                if not (today if family == TODAY else folded):
                    continue
                key: ThreadKey = (family, due.year.year)
                if (
                    family != TODAY
                    and not due.judged.fires[family][due.place]
                    and not pupil.has_thread(key)
                ):
                    pupil.tracks.pop(key, None)
                    continue
                if family == TODAY:
                    spells, news = self._today.spells(pupil, due.row, due.year, anew=due.whole)
                else:
                    spells, news = self._folded(due, family)
                thread = pupil.thread(key)
                if thread is None and not spells:
                    continue
                found, told_anew = self._contents(due, key, spells)
                if not (news or told_anew or whole):
                    continue
                name = thread.thread_id if thread else self._thread_id(pupil, key)
                revision = revise(name, thread, found, incomplete=incomplete)
                if revision is not None:
                    revisions.append((key, revision))
        except Exception as error:  # noqa: BLE001  # whatever it is, it must stop no other pupil
            self._give_up(due.row, error)
            return
        if pupil.failed:
            pupil.failed = False
        for key, revision in revisions:
            self._publish(pupil, due.row, key, revision)

    def _thread_id(self, pupil: Pupil, key: ThreadKey) -> bytes:
        return ids.thread_id(self._bucket.organiser_id, pupil.pupil_id, *key)

    def _give_up(self, row: int, error: Exception) -> None:
        """The pupil's decision raised: what it would say is not published, and that is shown."""
        if row in self._given_up:
            return
        self._given_up.add(row)
        pupil = self._bucket.pupils[row]
        pupil.forget()
        pupil.failed = True
        reason = f"{type(error).__name__}: {error}"
        offset = int(self._touched.causes[1, row])
        self.failed.append(FailedFold(pupil.pupil_id, offset, reason))
        for key, thread in pupil.threads.items():
            if not thread.incomplete and thread.episodes:
                shown = replace(thread, revision=thread.revision + 1, incomplete=True)
                self._publish(pupil, row, key, Revision(shown, []))

    def _folded(self, due: _Due, family: int) -> tuple[list[Spell], bool]:
        """The family's episodes, and whether they may be others than when last told.

        Goes on from where the pupil's fold has come to, if what it has seen stands.
        """
        key = (family, due.year.year)
        group = due.judged
        verdicts = group.verdicts[family][:, :, due.place]
        track = due.pupil.tracks.get(key)
        anew = track is None or due.whole or group.differs[due.place] or track.upto > group.kept
        if track is None or anew:
            fires = (verdicts == rules.FIRES).any(axis=1)
            if not fires.any():
                due.pupil.tracks.pop(key, None)
                return [], True
            track = Track(upto=int(np.argmax(fires)))
            due.pupil.tracks[key] = track
        before = track.summary()
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
        return track.spells, anew or track.summary() != before

    def _contents(
        self, due: _Due, key: ThreadKey, spells: Sequence[Spell]
    ) -> tuple[list[tuple[Spell, Content]], bool]:
        """What is to be told of each episode, and whether any of it had to be built.

        What was told stands where no day that it is about changed.
        """
        kept = due.pupil.contents.get(key, {})
        built: dict[int, Content] = {}
        anew = len(kept) != len(spells)
        for spell in spells:
            held = kept.get(spell.raised_day)
            if held is None or not held.tells(spell) or self._changed(due, key[0], spell.level_day):
                axis, waved, turned = [spell.level_day], None, 0
                if key[0] != TODAY:
                    upto = int(np.searchsorted(due.judged.axis, spell.level_day)) + 1
                    axis = due.judged.axis[:upto].tolist()
                    if spell.rule.subtract_waves:
                        waved = shared.waved(axis, due.judged.places[:upto], self._unit)
                    turned = turning.value_of(due.judged, due.place, spell)
                held = content(self._bucket, due.year, due.row, axis, spell, waved, turned)
                anew = True
            built[spell.raised_day] = held
        due.pupil.contents[key] = built
        return [(spell, built[spell.raised_day]) for spell in spells], anew

    def _changed(self, due: _Due, family: int, level_day: int) -> bool:
        if self._dirty.everything or due.changed_from == ANY_DAY:
            return True
        if family == TODAY:
            rows = self._touched.by_day.get(level_day)
            return rows is not None and bool(rows[due.row])
        return due.changed_from <= level_day

    def _publish(self, pupil: Pupil, row: int, key: ThreadKey, revision: Revision) -> None:
        thread, bucket = revision.thread, self._bucket
        before = pupil.thread(key)
        pupil.tell(key, thread)
        published = self._partition.published
        published.note(thread.thread_id, before.revision if before else 0, thread.revision)
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
            changes=revision.changes,
            caused_by_unix_ms=int(self._touched.causes[0, row]),
            epoch_day=revision.epoch_day,
            incomplete=thread.incomplete,
            home_id=bucket.home_id,
            bucket=bucket.number,
        )
        self.warnings.append(Row(thread.thread_id, event.SerializeToString()))
