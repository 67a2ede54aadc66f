"""From one fact's bytes to the state: checked whole first, then taken in.

Every check comes before the first change, so a fact that is refused leaves the
state as it was (design D3).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import chain
from operator import add, gt
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from forvarning.facts.v1 import facts_pb2
from services.ews.core import days, lessons, reports
from services.ews.core.api import UndigestibleError, UnknownProfileError
from services.ews.core.bucket import Bucket
from services.ews.core.lessons import Lesson, Marks
from services.ews.core.partition import ANY_DAY, Cause, Partition
from services.ews.core.profile import parse_profile
from services.ews.core.pupils import version_of

_FIRST_DAY, _LAST_DAY = 10_957, 47_481
"""2000-01-01 to 2099-12-31: what lies outside is a unit mistaken for another."""
_DAY_MINUTES = 1_440
_LONGEST_NOTICE_S = 800 * 86_400
_LISTS = ("offered_minutes", "valid_minutes", "invalid_minutes", "other_minutes", "flags")
_OPTIONAL = ("arrived_late_minutes", "left_early_minutes")


def _refuse(reason: str, detail: str, pupil_ids: bytes = b"") -> UndigestibleError:
    whole = [pupil_ids[i : i + 16] for i in range(0, len(pupil_ids) - 15, 16)]
    return UndigestibleError(reason, detail, whole)


class Intake:
    """Applies facts to a partition and notes what each has touched."""

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self._contents: dict[tuple[str, int, bytes], bytes] = {}
        self.waiting = False
        """Something came in that may be due at once."""
        self.absence_tombstones: list[tuple[bytes, int]] = []
        self.thread_tombstones: list[tuple[bytes, int]] = []
        """Thread and its last revision."""
        self._take = {
            "register": self._register,
            "notice": self._notice,
            "placement": self._placement,
            "day_closed": self._day_closed,
            "profile_activated": self._profile_activated,
            "wave": self._wave,
            "erase": self._erase,
        }

    def learn(self, profile_id: str, profile_version: int, content: bytes) -> None:
        """Keep a profile's content. Raises ProfileError where it cannot be used."""
        parse_profile(content)
        digest = hashlib.sha256(content).digest()
        self._contents[profile_id, profile_version, digest] = content

    def apply(self, value: bytes, offset: int, *, again: bool) -> None:
        """Take in one fact; ``again`` asks for its pupils' decisions even where it is no news."""
        try:
            fact = facts_pb2.Fact.FromString(value)
        except DecodeError as error:
            raise _refuse("malformed", "these bytes are no Fact") from error
        body = fact.WhichOneof("body")
        if body is None:
            raise _refuse("unknown_body", "body: none that this version knows is set")
        if len(fact.organiser_id) != 16:
            raise _refuse("bad_identifier", "organiser_id: 16 bytes are needed")
        self._take[body](fact, getattr(fact, body), (fact.accepted_unix_ms, offset), again)

    # -- registers ----------------------------------------------------------------------

    def _register(self, fact: Any, register: Any, cause: Cause, again: bool) -> None:
        pupil_ids: bytes = register.pupil_ids
        home_id, lesson_id = register.home_id, register.lesson_id
        if not (len(home_id) == len(lesson_id) == len(register.school_unit_id) == 16):
            _identifiers(register, ("home_id", "lesson_id", "school_unit_id"), pupil_ids)
        day, state = register.epoch_day, register.state
        _day(day, pupil_ids)
        marks, flags, unexcused = _marks(register, pupil_ids)
        if state not in (1, 2, 3):
            raise _refuse("bad_state", "state: scheduled, reported or cancelled", pupil_ids)
        if register.start_minute >= _DAY_MINUTES or register.length_minutes > _DAY_MINUTES:
            raise _refuse(
                "impossible_minutes", "start_minute, length_minutes: a day has 1440", pupil_ids
            )
        bucket = self._partition.bucket(fact.organiser_id, home_id, register.bucket)
        seats = bucket.seated(pupil_ids)
        if seats is None:
            if _twice(pupil_ids):
                raise _refuse("duplicate_pupil", "pupil_ids: a pupil stands twice", pupil_ids)
            seats = bucket.seats(pupil_ids)
        # Also what a register says of erased pupils tells that the lesson was in a timetable.
        timetabled = state == lessons.SCHEDULED or not all(
            one & (lessons.REPORTED | lessons.WITHDRAWN) for one in flags
        )
        if seats.keep is not None:
            marks = marks[:, seats.keep]
        lesson = Lesson.of_register(register, seats, marks, timetabled=timetabled)
        held = bucket.lessons(day)
        before = held.get(lesson_id)
        merged = lesson if before is None else before.merged(lesson)
        if merged is before and not again:
            return
        held[lesson_id] = merged
        dirty = self._partition.mark(bucket)
        if before is not None and not again and before.says_the_same(merged):
            # A school system sends its last days again. Only what comes between the two, out of
            # order, must find the later one; there is nothing to judge and nobody waits.
            dirty.revised.add(day)
            return
        dirty.days.add(day)
        # What changed for the lesson changed for all of its pupils.
        alike = before is not None and before.alike(merged) and not again
        dirty.touches.append((seats.rows if alike else merged.rows, day, cause))
        self.waiting |= unexcused

    # -- pupils -------------------------------------------------------------------------

    def _pupil(self, fact: Any, body: Any) -> tuple[Bucket, int] | None:
        """The pupil's bucket and row; None where it is erased."""
        bucket = self._partition.bucket(fact.organiser_id, body.home_id, body.bucket)
        row = bucket.row(body.pupil_id)
        return None if bucket.pupils[row].erased else (bucket, row)

    def _touch(self, bucket: Bucket, row: int, cause: Cause, changed: Iterable[int]) -> None:
        """Note that the pupil's row is to be written, and decided on from the days ``changed``."""
        dirty = self._partition.mark(bucket)
        rows = np.array([row], np.intp)
        dirty.touches.extend((rows, day, cause) for day in changed)
        dirty.pupils.add(row)
        self.waiting = True

    def _notice(self, fact: Any, notice: Any, cause: Cause, again: bool) -> None:
        _identifiers(notice, ("home_id", "pupil_id", "notice_id"), notice.pupil_id)
        if notice.reporter_id:
            _identifiers(notice, ("reporter_id",), notice.pupil_id)
        length = notice.end_unix_s - notice.start_unix_s
        if not notice.deleted and not 0 < length <= _LONGEST_NOTICE_S:
            raise _refuse(
                "bad_interval", "end_unix_s: after start_unix_s, at most 800 days", notice.pupil_id
            )
        if not notice.deleted:
            _day(notice.start_unix_s // 86_400, notice.pupil_id)
        found = self._pupil(fact, notice)
        if found is None:
            return
        bucket, row = found
        before = bucket.pupils[row].notices.get(notice.notice_id)
        if not bucket.pupils[row].notify(notice) and not again:
            return
        changed: set[int] = set()
        noticed: set[int] = set()
        for one in (before, notice):
            if one is not None and not one.deleted:
                first, last = reports.local_days(one)
                changed.update(bucket.lesson_days(first, last))
                noticed.update(reports.begins(first, last))
        dirty = self._partition.mark(bucket)
        dirty.days |= changed
        if self._partition.profiles(fact.organiser_id).count_notices:
            dirty.noticed |= noticed
            changed |= noticed
        self._touch(bucket, row, cause, (ANY_DAY,) if again else changed)

    def _placement(self, fact: Any, placement: Any, cause: Cause, again: bool) -> None:
        names = ("home_id", "pupil_id", "placement_id", "school_unit_id")
        _identifiers(placement, names, placement.pupil_id)
        if not placement.deleted:
            _day(placement.member_from_day, placement.pupil_id)
            if placement.member_to_day and placement.member_to_day < placement.member_from_day:
                raise _refuse(
                    "bad_interval", "member_to_day: not before member_from_day", placement.pupil_id
                )
        found = self._pupil(fact, placement)
        if found is None:
            return
        bucket, row = found
        if not bucket.pupils[row].place(placement) and not again:
            return
        bucket.pupils[row].forget()
        bucket.forget_stays()
        bucket.name_units((placement.school_unit_id,))
        self._touch(bucket, row, cause, (ANY_DAY,))
        self._partition.mark(bucket).moved.add(row)

    def _erase(self, fact: Any, erase: Any, cause: Cause, _again: bool) -> None:
        _identifiers(erase, ("home_id", "pupil_id"), erase.pupil_id)
        found = self._pupil(fact, erase)
        if found is None:
            return
        bucket, row = found
        pupil = bucket.pupils[row]
        dirty = self._partition.mark(bucket)
        for day in list(bucket.days):
            held = bucket.lessons(day)
            changed = {name: lesson.without(row) for name, lesson in held.items()}
            if any(held[name] is not lesson for name, lesson in changed.items()):
                held.update(changed)
                dirty.days.add(day)
        for year in bucket.years.values():
            for at in np.nonzero(year.sums[:, days.REVISION, row])[0].tolist():
                self.absence_tombstones.append((pupil.pupil_id, year.start + at))
                year.sums[at, days.REVISION, row] = 0
        for day in self._partition.left.erase(pupil.pupil_id):
            self.absence_tombstones.append((pupil.pupil_id, day))
        for thread in pupil.threads.values():
            self.thread_tombstones.append((thread.thread_id, thread.revision))
        pupil.erase()
        bucket.forget_seats()
        bucket.forget_stays()
        dirty.erased = True
        if self._partition.undigested.pop(pupil.pupil_id, None):
            self._partition.dirty_undigested = True
        self._touch(bucket, row, cause, (ANY_DAY,))

    # -- units and organisers -----------------------------------------------------------

    def _day_closed(self, fact: Any, closed: Any, cause: Cause, again: bool) -> None:
        _identifiers(closed, ("school_unit_id",))
        _day(closed.epoch_day)
        if closed.kind not in (1, 2, 3):
            raise _refuse("bad_kind", "kind: school day, free or reopened")
        unit = self._partition.unit(fact.organiser_id, closed.school_unit_id)
        waiting = unit.last_told if unit.waits(unit.last_told) else None
        news = unit.close(closed.epoch_day, closed.kind, version_of(closed.version))
        if not news and not again:
            return
        self._partition.dirty_unit_days.add(
            (fact.organiser_id, closed.school_unit_id, closed.epoch_day)
        )
        self._partition.close(fact.organiser_id, closed.school_unit_id, closed.epoch_day, cause)
        if waiting is not None and not unit.waits(waiting):
            self._partition.wave(fact.organiser_id, closed.school_unit_id, waiting, cause)
        self.waiting = True

    def _wave(self, fact: Any, wave: Any, cause: Cause, again: bool) -> None:
        _identifiers(wave, ("school_unit_id",))
        _day(wave.epoch_day)
        name, day = (fact.organiser_id, wave.school_unit_id), wave.epoch_day
        unit = self._partition.unit(*name)
        waited, before = unit.waits(day), unit.groups_with_wave(day)
        if unit.wave(wave) or again:
            self._partition.dirty_unit_days.add((*name, day))
            # Corrections change how much a wave explains far oftener than who had one. And nobody
            # is waiting for it to the second: the day has ended.
            if waited or again or unit.groups_with_wave(day) != before:
                self._partition.wave(*name, day, cause)

    def _profile_activated(self, fact: Any, activated: Any, cause: Cause, again: bool) -> None:
        key = (activated.profile_id, activated.profile_version, activated.digest)
        content = self._contents.get(key)
        if content is None:
            raise UnknownProfileError(*key)
        if self._partition.profiles(fact.organiser_id).add(activated, content) or again:
            self._partition.dirty_profiles.add(fact.organiser_id)
            for bucket in self._partition.buckets(fact.organiser_id):
                dirty = self._partition.mark(bucket)
                dirty.everything = True
                dirty.cause = cause
            self.waiting = True


def _identifiers(body: Any, names: tuple[str, ...], pupil_ids: bytes = b"") -> None:
    for name in names:
        if len(getattr(body, name)) != 16:
            raise _refuse("bad_identifier", f"{name}: 16 bytes are needed", pupil_ids)


def _day(day: int, pupil_ids: bytes = b"") -> None:
    if not _FIRST_DAY <= day <= _LAST_DAY:
        raise _refuse(
            "bad_day", f"epoch_day: {day} is not a day since 1970 of this century", pupil_ids
        )


def _twice(pupil_ids: bytes) -> bool:
    ids = [pupil_ids[i : i + 16] for i in range(0, len(pupil_ids), 16)]
    return len(set(ids)) < len(ids)


def _marks(register: Any, pupil_ids: bytes) -> tuple[Marks, set[int], bool]:
    """The register's marks, [column, pupil]; the distinct flags; whether any minute is invalid.

    Plain lists until all is checked: a class is too small for NumPy to be the quicker one.
    """
    size, rest = divmod(len(pupil_ids), 16)
    if rest:
        raise _refuse("bad_identifier", "pupil_ids: 16 bytes each are needed", pupil_ids)
    lists = [getattr(register, name)[:] for name in _LISTS]
    offered, valid, invalid, other, flags = lists
    for name in _OPTIONAL:
        optional = getattr(register, name)
        if optional:
            while len(lists) < len(_LISTS) + _OPTIONAL.index(name):
                lists.append([0] * size)
            lists.append(optional[:])
    for i, values in enumerate(lists):
        if len(values) != size:
            name = (_LISTS + _OPTIONAL)[i]
            raise _refuse("uneven_lists", f"{name}: {len(values)} for {size} pupils", pupil_ids)
    marks = _matrix(lists, size, pupil_ids)
    unexcused = any(invalid)
    if (unexcused or any(valid) or any(other)) and any(
        map(gt, map(add, map(add, valid, invalid), other), offered)
    ):
        raise _refuse(
            "impossible_minutes",
            "valid_minutes + invalid_minutes + other_minutes: more than offered_minutes",
            pupil_ids,
        )
    return marks, set(flags), unexcused


def _matrix(lists: list[list[int]], size: int, pupil_ids: bytes) -> Marks:
    """The lists as one array; none of the numbers may be larger than a day's minutes."""
    try:
        # Nearly every number fits a byte, and this is a third of NumPy's own way from lists.
        narrow = np.frombuffer(bytes(chain.from_iterable(lists)), np.uint8)
        return narrow.reshape(len(lists), size).astype(np.int16)
    except ValueError:
        if max(map(max, lists)) > _DAY_MINUTES:
            raise _refuse("impossible_minutes", "more minutes than a day has", pupil_ids) from None
        return np.array(lists, np.int16)
