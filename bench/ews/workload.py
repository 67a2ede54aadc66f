"""The input log of a simulated municipality, as ingest and its day closer would have written it.

Pure: facts come out as (partition, key, value) in one order that is an order
of arrival in every partition. What ingest does is restated here because no
service may be imported for it; a test compares the two on the same registers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol
from uuid import UUID, uuid5

import numpy as np
import numpy.typing as npt

from bench.simulator.build import closes_at
from bench.simulator.events import NOT_KNOWN, Event, NoticeEvent, RegisterEvent
from bench.simulator.reporting import Timetable
from bench.simulator.world import Pupil, Unit, World
from forvarning.facts.v1 import facts_pb2 as facts
from services.common import ids
from services.common.clock import epoch_day, local_instant

_BENCH = UUID("a3a0b6d4-5df4-4c5e-8f39-0a6f9d0c7b11")
_STATES = {
    "scheduled": facts.LESSON_STATE_SCHEDULED,
    "reported": facts.LESSON_STATE_REPORTED,
    "cancelled": facts.LESSON_STATE_CANCELLED,
}
_KINDS = {"absence_report": facts.NOTICE_KIND_ABSENCE_REPORT, "leave": facts.NOTICE_KIND_LEAVE}
_BY = {
    "guardian": facts.REPORTED_BY_GUARDIAN,
    "pupil": facts.REPORTED_BY_PUPIL,
    "staff": facts.REPORTED_BY_STAFF,
}
_FORMS = {"GR": facts.SCHOOL_FORM_COMPULSORY, "GY": facts.SCHOOL_FORM_UPPER_SECONDARY}
_PROTECTION = {
    "none": facts.PROTECTION_NONE,
    "confidential": facts.PROTECTION_CONFIDENTIAL,
    "protected_registration": facts.PROTECTION_PROTECTED_REGISTRATION,
}
_FEED, _OWN = 100, 900
"""Priorities: a source's, and the installation's own."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the input log. ``marks`` counts the pupils of a register."""

    partition: int
    key: bytes
    value: bytes
    marks: int = 0


class Source(Protocol):
    """What a workload reads: a simulation, or a part of one."""

    @property
    def world(self) -> World:
        """The municipality."""

    def messages(self, first: date, last: date, *, timetable: Timetable) -> Iterator[Event]:
        """What its school systems send, in order of arrival."""


class Workload:
    """One organiser's facts for the school days from ``first`` to ``last``.

    Homes are the pupils' first units and buckets their first classes, spread
    over the partitions so that each has about as many pupils.
    """

    def __init__(
        self, simulation: Source, partitions: int, first: date, last: date, profile: bytes
    ) -> None:
        self._simulation, self._world = simulation, simulation.world
        self._partitions, self._first, self._last = partitions, first, last
        self._profile = profile
        world = self._world
        self.organiser = uuid5(_BENCH, f"organiser|{world.config.seed}")
        self._organiser = self.organiser.bytes
        self._sequence = 0
        self._units = [self._id("unit", unit.id) for unit in world.units]
        self._classes = [self._id("class", school_class.id) for school_class in world.classes]
        self._homes = [self._id("home", unit.id) for unit in world.units]
        self._pupils = [self._id("pupil", pupil.id) for pupil in world.pupils]
        self._pupil_bytes = np.frombuffer(b"".join(self._pupils), dtype=np.uint8).reshape(-1, 16)
        # Bucket numbers count within the home; the pair is one number here.
        classes_before = [0] * len(world.units)
        number_in_unit = []
        for school_class in world.classes:
            number_in_unit.append(classes_before[school_class.unit])
            classes_before[school_class.unit] += 1
        home_classes = np.array([pupil.stays[0].school_class for pupil in world.pupils])
        self._bucket_of: npt.NDArray[np.int64] = home_classes
        self._home_of_class = [school_class.unit for school_class in world.classes]
        self._number_in_unit = number_in_unit
        self._partition_of_home = self._spread()
        self._activities: dict[str, bytes] = {}
        self._groups: dict[str, bytes] = {}
        self._lesson_ids: dict[tuple[int, int], bytes] = {}

    def _id(self, kind: str, name: str) -> bytes:
        return uuid5(_BENCH, f"{self.organiser}|{kind}|{name}").bytes

    def _spread(self) -> list[int]:
        sizes = np.zeros(len(self._world.units), dtype=int)
        for pupil in self._world.pupils:
            sizes[self._home_of_class[pupil.stays[0].school_class]] += 1
        loads = [0] * self._partitions
        chosen = [0] * len(sizes)
        for home in np.argsort(-sizes):
            least = loads.index(min(loads))
            chosen[int(home)] = least
            loads[least] += int(sizes[home])
        return chosen

    def _version(self, modified: int, priority: int = _FEED) -> facts.Version:
        self._sequence += 1
        return facts.Version(priority=priority, modified_unix_ms=modified, sequence=self._sequence)

    def _fact(self, accepted: int, **body: object) -> bytes:
        fact = facts.Fact(organiser_id=self._organiser, accepted_unix_ms=accepted, **body)  # type: ignore[arg-type]
        return fact.SerializeToString()

    def pupil_ids(self) -> dict[str, bytes]:
        """The source's pupil id -> the surrogate used here."""
        return {pupil.id: self._pupils[pupil.index] for pupil in self._world.pupils}

    def profile(self) -> tuple[str, int, bytes, bytes]:
        """Id, version, content and digest of the profile in force."""
        return self.profile_of(self._profile)

    @staticmethod
    def profile_of(content: bytes) -> tuple[str, int, bytes, bytes]:
        """The same of any content: it is activated as version 1 of `standard`."""
        return "standard", 1, content, hashlib.sha256(content).digest()

    def records(self) -> Iterator[Record]:
        """Every record, in order of arrival."""
        start = self._millis(self._first, 0)
        yield from self._everywhere(start, profile_activated=self._activation(start))
        for pupil in self._world.pupils:
            yield from self._placements(pupil, self._first)
        closings = self._closings()
        mornings = self._moves()
        closing, move = next(closings, None), next(mornings, None)
        events = self._simulation.messages(self._first, self._last, timetable="needed")
        for event in events:
            while move is not None and move[0] <= event.arrival:
                yield from self._placements(move[1], move[2])
                move = next(mornings, None)
            while closing is not None and closing[0] <= event.arrival:
                yield from self._everywhere(closing[0], day_closed=closing[1])
                closing = next(closings, None)
            if isinstance(event, RegisterEvent):
                yield from self._registers(event)
            else:
                yield self._notice(event)
        while closing is not None:
            yield from self._everywhere(closing[0], day_closed=closing[1])
            closing = next(closings, None)

    def _millis(self, day: date, minute: int) -> int:
        return round(local_instant(day, minute).timestamp() * 1000)

    def _everywhere(self, at: int, **body: object) -> Iterator[Record]:
        value = self._fact(at, **body)
        for partition in range(self._partitions):
            yield Record(partition, self._organiser, value)

    def _activation(self, at: int) -> facts.ProfileActivated:
        profile_id, version, _, digest = self.profile()
        return facts.ProfileActivated(
            profile_id=profile_id,
            profile_version=version,
            digest=digest,
            valid_from_day=epoch_day(date(self._world.calendar.year, 7, 1)),
            version=self._version(at, _OWN),
        )

    def _closings(self) -> Iterator[tuple[int, facts.DayClosed]]:
        """Every date of the span for every unit: school day or free, as the closer says it."""
        day = self._first
        while day <= self._last:
            index = self._world.day_index(day)
            due: list[tuple[int, Unit]] = []
            for unit in self._world.units:
                hours, minutes = map(int, closes_at(unit).split(":"))
                due.append((hours * 60 + minutes, unit))
            for minute, unit in sorted(due, key=lambda pair: pair[0]):
                held = index is not None and bool(self._world.open_days[unit.index, index])
                at = self._millis(day, minute)
                yield (
                    at,
                    facts.DayClosed(
                        school_unit_id=self._units[unit.index],
                        epoch_day=epoch_day(day),
                        kind=facts.DAY_KIND_SCHOOL_DAY if held else facts.DAY_KIND_FREE,
                        version=self._version(at, _OWN),
                    ),
                )
            day += timedelta(days=1)

    def _moves(self) -> Iterator[tuple[int, Pupil, date]]:
        """Mornings on which somebody joins, moves or leaves."""
        found: list[tuple[int, int, date]] = []
        for pupil in self._world.pupils:
            dates = {d for stay in pupil.stays for d in (stay.first, stay.end) if d}
            found += [
                (self._millis(day, 4 * 60), pupil.index, day)
                for day in dates
                if self._first < day <= self._last
            ]
        for at, pupil_index, day in sorted(found):
            yield at, self._world.pupils[pupil_index], day

    def _home(self, bucket: int) -> tuple[bytes, int, int]:
        """Home id, bucket number within it, and partition."""
        home = self._home_of_class[bucket]
        return self._homes[home], self._number_in_unit[bucket], self._partition_of_home[home]

    def _placements(self, pupil: Pupil, as_of: date) -> Iterator[Record]:
        at = self._millis(as_of, 4 * 60)
        home, bucket, partition = self._home(int(self._bucket_of[pupil.index]))
        for number, stay in enumerate(pupil.stays):
            if stay.first > as_of:
                continue
            school_class = self._world.classes[stay.school_class]
            unit = self._world.units[school_class.unit]
            ended = stay.end is not None and stay.end <= as_of
            body = facts.Placement(
                home_id=home,
                bucket=bucket,
                pupil_id=self._pupils[pupil.index],
                school_unit_id=self._units[unit.index],
                class_id=self._classes[school_class.index],
                school_year=self._world.calendar.year,
                member_from_day=epoch_day(stay.first),
                member_to_day=epoch_day(stay.end) if stay.end and ended else 0,
                school_form=_FORMS[unit.school_form],
                grade=school_class.grade,
                protection=_PROTECTION[pupil.protection],
                placement_id=self._id("placement", f"{pupil.id}|{number}"),
                version=self._version(at),
            )
            yield Record(partition, home, self._fact(at, placement=body))

    def _notice(self, event: NoticeEvent) -> Record:
        home, bucket, partition = self._home(int(self._bucket_of[event.pupil]))
        body = facts.Notice(
            home_id=home,
            bucket=bucket,
            pupil_id=self._pupils[event.pupil],
            notice_id=self._id("notice", event.id),
            kind=_KINDS[event.kind],
            start_unix_s=event.start // 1000,
            end_unix_s=-(-event.end // 1000),
            reported_by=_BY[event.reported_by],
            reporter_id=UUID(event.reporter).bytes if event.reporter else b"",
            deleted=event.deleted,
            version=self._version(event.modified),
        )
        return Record(partition, home, self._fact(event.arrival, notice=body))

    def _registers(self, event: RegisterEvent) -> Iterator[Record]:
        """One record for each bucket that the register's pupils sit in."""
        buckets = self._bucket_of[event.pupils]
        own = int(buckets[0])
        if (buckets == own).all():
            yield self._register(event, own, slice(None))
            return
        for bucket in np.unique(buckets).tolist():
            yield self._register(event, bucket, buckets == bucket)

    def _register(
        self, event: RegisterEvent, bucket: int, chosen: slice | npt.NDArray[np.bool_]
    ) -> Record:
        world = self._world
        lesson = world.lessons[event.lesson]
        home, number, partition = self._home(bucket)
        pupils = event.pupils[chosen]
        invalid = event.invalid[chosen]
        flags = np.full(
            len(pupils),
            (facts.MARK_FLAG_REPORTED if event.state == "reported" else 0)
            | (facts.MARK_FLAG_INVALID_CONFIRMED if event.confirmed else 0)
            | (facts.MARK_FLAG_EXPLICIT if event.explicit else 0),
        )
        late = event.late[chosen]
        known = late != NOT_KNOWN
        body = facts.Register(
            home_id=home,
            bucket=number,
            lesson_id=self._lesson_id(event),
            school_unit_id=self._units[lesson.unit],
            activity_id=self._activity(lesson.activity),
            group_id=self._group(lesson.group),
            subject=lesson.subject,
            epoch_day=epoch_day(world.days[event.day]),
            start_minute=lesson.start_minute,
            length_minutes=lesson.length,
            state=_STATES[event.state],
            version=self._version(event.modified),
            pupil_ids=self._pupil_bytes[pupils].tobytes(),
            offered_minutes=[lesson.length] * len(pupils),
            valid_minutes=event.valid[chosen].tolist(),
            invalid_minutes=invalid.tolist(),
            other_minutes=event.other[chosen].tolist(),
            flags=flags.tolist(),
            arrived_late_minutes=np.where(known, late, 0).tolist() if known.any() else [],
        )
        return Record(partition, home, self._fact(event.arrival, register=body), len(pupils))

    def _lesson_id(self, event: RegisterEvent) -> bytes:
        key = (event.lesson, event.day)
        found = self._lesson_ids.get(key)
        if found is None:
            lesson, day = self._world.lessons[event.lesson], self._world.days[event.day]
            made = ids.lesson_id(self.organiser, lesson.activity, day, lesson.start_minute)
            found = self._lesson_ids[key] = made.bytes
        return found

    def _activity(self, name: str) -> bytes:
        if name not in self._activities:
            self._activities[name] = ids.activity_id(self.organiser, name).bytes
        return self._activities[name]

    def _group(self, name: str) -> bytes:
        if name not in self._groups:
            self._groups[name] = self._id("group", name)
        return self._groups[name]
