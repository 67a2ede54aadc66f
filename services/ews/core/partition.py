"""All state of one partition, hot and cold, and the rows of ews.state.v1 that hold it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from forvarning.state.v1.state_pb2 import StateValue, Undigested
from services.ews.core import calendar, days, ids
from services.ews.core.api import Row, StateError
from services.ews.core.bucket import Bucket, units_of
from services.ews.core.left import Left
from services.ews.core.lessons import Rows
from services.ews.core.published import ACCOUNT_KEY, Published
from services.ews.core.stored import Desk, week_of
from services.ews.core.units import Profiles, Unit

Cause = tuple[int, int]
"""When ingest accepted a fact, in Unix milliseconds, and the fact's offset."""


ANY_DAY = -1
NEVER = 1 << 30


@dataclass(slots=True)
class Dirty:
    """What has happened to a bucket since the last collect."""

    days: set[int] = field(default_factory=set)
    """Days whose lessons or notices changed."""
    noticed: set[int] = field(default_factory=set)
    """Days from which on somebody's notices tell something else, with lessons or without.

    Kept only where a profile judges what notices tell.
    """
    closed: set[int] = field(default_factory=set)
    """Days that a unit named in the bucket closed, opened or freed."""
    waves: set[int] = field(default_factory=set)
    """Days whose Wave came, or will not be waited for any longer."""
    moved: set[int] = field(default_factory=set)
    """Rows whose place on days already published may have changed."""
    unexcused: dict[int, NDArray[np.bool_]] = field(default_factory=dict)
    """Of ``days``, the rows with invalid absence when they were last decided on."""
    touches: list[tuple[Rows, int, Cause]] = field(default_factory=list)
    """Rows, the day on which something about them changed, and the fact that did it.

    The day is ANY_DAY where it may be any.
    """
    cause: Cause = (0, -1)
    """The newest fact that touched every row."""
    everything: bool = False
    """Every decision is to be made from the beginning."""
    reconcile: bool = False
    """A rebuild has ended: every absence day is to be compared with what is published."""
    revised: set[int] = field(default_factory=set)
    """Days of which the row is to be written, beside ``days``."""
    pupils: set[int] = field(default_factory=set)
    """Rows of which the pupil's row is to be written."""
    erased: bool = False
    """Something was erased, which older rows may still hold."""


@dataclass(slots=True)
class _Cold:
    bucket: bytes = b""
    pupils: dict[str, bytes] = field(default_factory=dict)
    days: dict[str, bytes] = field(default_factory=dict)
    weeks: dict[str, bytes] = field(default_factory=dict)
    units: set[bytes] = field(default_factory=set)
    """As the bucket's row names them."""

    def of_kind(self, kind: str) -> dict[str, bytes]:
        """The rows of one kind of key."""
        return {"q": self.pupils, "d": self.days, "e": self.weeks}[kind]


class Partition:
    """Buckets, units and profiles by organiser; decoded when first asked for."""

    def __init__(self) -> None:
        self.dirty: dict[str, Dirty] = {}
        self.dirty_unit_days: set[tuple[bytes, bytes, int]] = set()
        self.dirty_profiles: set[bytes] = set()
        self.dirty_undigested = False
        self.closings: dict[tuple[bytes, bytes, int], Cause] = {}
        """Organiser, unit and day of the DayClosed facts since the last collect."""
        self.waves: dict[tuple[bytes, bytes, int], Cause] = {}
        """Likewise of the days of which it is known now what was shared on them."""
        self.undigested: dict[bytes, set[int]] = {}
        self.published = Published()
        self.left = Left()
        self.rebuilding = False
        """What was published is compared with the facts when all of them are in, not before."""
        self._buckets: dict[str, Bucket] = {}
        self._by_name: dict[tuple[bytes, bytes, int], Bucket] = {}
        self._units: dict[tuple[bytes, bytes], Unit] = {}
        self._profiles: dict[bytes, Profiles] = {}
        self._cold: dict[str, _Cold] = {}
        self._desk = Desk()
        self._unsettled: list[str] | None = None
        self._cold_units: dict[str, dict[int, bytes]] = {}

    # -- what there is ------------------------------------------------------------------

    def bucket(self, organiser_id: bytes, home_id: bytes, number: int) -> Bucket:
        """The bucket, made where there is none."""
        name = (organiser_id, home_id, number)
        found = self._by_name.get(name)
        if found is None:
            found = self._by_name[name] = self.bucket_of(ids.bucket_key(*name))
        return found

    def bucket_of(self, key: str) -> Bucket:
        """The bucket that the key names, made where there is none."""
        found = self._buckets.get(key)
        if found is None:
            found = Bucket(key, *ids.parse_bucket_key(key), self._desk)
            cold = self._cold.get(key)
            if cold is not None:
                pupils, rows, weeks = (
                    [(int(number), encoded) for number, encoded in some.items()]
                    for some in (cold.pupils, cold.days, cold.weeks)
                )
                found.restore(cold.bucket, pupils, rows, weeks)
                found.settled = not self.rebuilding
                if found.settled:
                    for one in self.published.take_up(key, found.row_of):
                        found.pupils[found.row_of[one.pupil_id]].keep_thread(one.key, one.value)
                del self._cold[key]
            self._buckets[key] = found
        return found

    def keys(self, organiser_id: bytes | None = None) -> list[str]:
        """The keys of every bucket, or of every bucket of an organiser."""
        found = [*self._buckets, *self._cold]
        if organiser_id is None:
            return found
        prefix = organiser_id.hex() + ":"
        return [key for key in found if key.startswith(prefix)]

    def buckets(self, organiser_id: bytes | None = None) -> Iterator[Bucket]:
        """Every bucket, or every one of an organiser."""
        for key in self.keys(organiser_id):
            yield self.bucket_of(key)

    def unsettled(self) -> Bucket | None:
        """A bucket that was restored and whose newest school year nobody has judged since.

        None where a decision had failed: that is made up for when facts come.
        """
        if self._unsettled is None:
            self._unsettled = self.keys()
        while self._unsettled:
            bucket = self.bucket_of(self._unsettled.pop())
            judged = max(bucket.years, default=None) in {None, *bucket.groups}
            if bucket.settled and not judged and not any(one.failed for one in bucket.pupils):
                return bucket
        return None

    def of_unit(self, organiser_id: bytes, unit_id: bytes) -> Iterator[Bucket]:
        """The buckets in which a placement or lesson has named the unit; no other is decoded."""
        for key in self.keys(organiser_id):
            cold = self._cold.get(key)
            units = cold.units if cold is not None else self.bucket_of(key).units
            if unit_id in units:
                yield self.bucket_of(key)

    def unit(self, organiser_id: bytes, unit_id: bytes) -> Unit:
        found = self._units.get((organiser_id, unit_id))
        if found is None:
            found = self._units[organiser_id, unit_id] = Unit(organiser_id, unit_id)
            name = f"{organiser_id.hex()}:{unit_id.hex()}"
            for day, encoded in self._cold_units.pop(name, {}).items():
                found.restore(day, encoded)
        return found

    def units(self) -> list[Unit]:
        """Every unit of which a day is known."""
        for name in list(self._cold_units):
            organiser, _, unit = name.partition(":")
            self.unit(bytes.fromhex(organiser), bytes.fromhex(unit))
        return list(self._units.values())

    def profiles(self, organiser_id: bytes) -> Profiles:
        return self._profiles.setdefault(organiser_id, Profiles())

    def mark(self, bucket: Bucket) -> Dirty:
        """The bucket's dirt, for adding to it."""
        found = self.dirty.get(bucket.key)
        if found is None:
            found = self.dirty[bucket.key] = Dirty()
        return found

    def close(self, organiser_id: bytes, unit_id: bytes, day: int, cause: Cause) -> None:
        """Note that a unit's day was closed, opened or freed."""
        self.closings[organiser_id, unit_id, day] = cause

    def wave(self, organiser_id: bytes, unit_id: bytes, day: int, cause: Cause) -> None:
        """Note that what was shared on a unit's day is another, or waited for no longer."""
        if self.profiles(organiser_id).subtract_waves:
            self.waves[organiser_id, unit_id, day] = cause

    # -- restore ------------------------------------------------------------------------

    def restore(self, key: bytes, value: bytes) -> None:
        """Take a changelog row that stands.

        Raises StateError for one of a layout that this version does not read.
        """
        kind, _, rest = key.decode("ascii").partition(":")
        if kind == "b":
            bucket = StateValue.FromString(value).bucket
            if bucket.layout != days.LAYOUT:
                raise StateError(
                    f"the state has layout {bucket.layout}, this version {days.LAYOUT}"
                )
            cold = self._cold.setdefault(rest, _Cold())
            cold.bucket, cold.units = value, units_of(bucket)
        elif kind in {"q", "d", "e"}:
            name, _, last = rest.rpartition(":")
            self._cold.setdefault(name, _Cold()).of_kind(kind)[last] = value
        elif kind == "u":
            name, _, last = rest.rpartition(":")
            self._cold_units.setdefault(name, {})[int(last)] = value
        elif kind == "p":
            self.profiles(bytes.fromhex(rest)).restore(value)
        elif kind == "t":
            self.left.restore(bytes.fromhex(rest), value)
        elif key == ACCOUNT_KEY:
            self.published.expect(value)
        elif kind == "x":
            self.undigested = {
                one.pupil_id: set(one.offsets)
                for one in StateValue.FromString(value).undigested.pupils
            }

    # -- rows ---------------------------------------------------------------------------

    def rows(self) -> Iterator[Row]:
        """The rows of everything dirty but the threads, which go with their publication."""
        for key, dirty in self.dirty.items():
            bucket = self.bucket_of(key)
            for row in sorted(dirty.pupils):
                pupil = bucket.pupils[row]
                yield Row(f"q:{key}:{row}".encode(), pupil.encode())
            for day in sorted(dirty.days | dirty.revised):
                yield Row(f"d:{key}:{day}".encode(), bucket.encode_day(day))
            if dirty.closed or dirty.erased:
                yield from _ended(bucket, dirty)
            if bucket.row_is_due:
                yield Row(f"b:{key}".encode(), bucket.encode())
        for organiser_id, unit_id, day in sorted(self.dirty_unit_days):
            unit = self.unit(organiser_id, unit_id)
            name = f"u:{organiser_id.hex()}:{unit_id.hex()}:{day}".encode()
            yield Row(name, unit.encode(day))
        for organiser_id in sorted(self.dirty_profiles):
            yield Row(f"p:{organiser_id.hex()}".encode(), self.profiles(organiser_id).encode())
        if self.dirty_undigested:
            value = Undigested()
            for pupil_id, offsets in sorted(self.undigested.items()):
                value.pupils.add(pupil_id=pupil_id, offsets=sorted(offsets))
            yield Row(b"x", StateValue(undigested=value).SerializeToString())
        yield from self.left.rows()

    def clean(self) -> None:
        """Everything is handed out."""
        self.dirty = {}
        self.dirty_unit_days = set()
        self.dirty_profiles = set()
        self.dirty_undigested = False
        self.closings = {}
        self.waves = {}


def _ended(bucket: Bucket, dirty: Dirty) -> Iterator[Row]:
    """The rows of weeks that have ended by what was closed, instead of those of their days."""
    before = week_of(max(dirty.closed, default=0))
    for week, encoded, gone in bucket.end_weeks(before, erased=dirty.erased):
        yield Row(f"e:{bucket.key}:{week}".encode(), encoded)
        yield from (Row(f"d:{bucket.key}:{day}".encode(), None) for day in gone)


def earliest(some: set[int], year: int) -> int:
    """The first of the days that lies in the school year; NEVER where none does."""
    return min((day for day in some if calendar.school_year(day) == year), default=NEVER)


@dataclass(frozen=True, slots=True)
class Touched:
    """What :attr:`Dirty.touches` says of each row."""

    earliest: NDArray[np.int64]
    """The earliest day that changed; NEVER where none did."""
    causes: NDArray[np.int64]
    """The newest fact: accepted time and offset, [2, row]."""
    by_day: dict[int, NDArray[np.bool_]]
    """The rows that each day changed for; ANY_DAY is one of the keys."""

    @classmethod
    def of(cls, dirty: Dirty, size: int) -> Touched:
        earliest = np.full(size, NEVER, np.int64)
        newest = np.empty((2, size), np.int64)
        newest[0], newest[1] = dirty.cause
        by_day: dict[int, NDArray[np.bool_]] = {}
        last: dict[int, tuple[Rows, Cause]] = {}
        seen: set[tuple[int, int]] = set()
        for rows, day, cause in dirty.touches:
            # A class's registers all have the same rows; what counts of them is the newest.
            name = id(rows)
            if cause[1] >= dirty.cause[1]:
                last.pop(name, None)
                last[name] = rows, cause
            if (name, day) in seen:
                continue
            seen.add((name, day))
            rows_of_day = by_day.get(day)
            if rows_of_day is None:
                rows_of_day = by_day[day] = np.zeros(size, bool)
            rows_of_day[rows] = True
        for rows, cause in last.values():
            newest[0, rows], newest[1, rows] = cause
        for day in sorted(by_day, reverse=True):
            earliest[by_day[day]] = day
        return cls(earliest, newest, by_day)
