"""What the facts leave behind: every mark in a dict, and what is true of a pupil on a day.

An answer is worked out once between two facts: all of them follow from the facts alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, wraps
from typing import Any, TypeVar, TypeVarTuple
from zoneinfo import ZoneInfo

from forvarning.facts.v1 import facts_pb2 as f
from services.ews.core.profile import Profile

STOCKHOLM = ZoneInfo("Europe/Stockholm")
EPOCH = date(1970, 1, 1)
_Of = TypeVarTuple("_Of")
_Answer = TypeVar("_Answer")


def rank(version: f.Version) -> tuple[int, int, int]:
    return (version.priority, version.modified_unix_ms, version.sequence)


@cache
def as_date(day: int) -> date:
    return EPOCH + timedelta(days=day)


def _wave_rank(wave: f.Wave) -> tuple[int, int, bytes]:
    told = wave.SerializeToString(deterministic=True)
    return wave.partitions_closed, wave.revision_sum, told


@cache
def year_of(day: int) -> int:
    when = as_date(day)
    return when.year if (when.month, when.day) >= (7, 1) else when.year - 1


@cache
def _begins(day: int, minute: int) -> int:
    """The second in which that minute of the day begins in Stockholm."""
    when = as_date(day)
    hours, minutes = divmod(minute, 60)
    local = datetime(when.year, when.month, when.day, hours, minutes, tzinfo=STOCKHOLM)
    return int(local.astimezone(UTC).timestamp())


@dataclass
class Seen:
    """A mark as it counts: minutes after the notices."""

    lesson: Any
    offered: int
    reported: bool
    valid: int
    unexplained: int
    confirmed: int
    other: int
    timetabled: bool
    late: int
    early: int

    def of(self, metric: str) -> int:
        return {
            "total": self.valid + self.unexplained + self.confirmed,
            "valid": self.valid,
            "invalid": self.unexplained + self.confirmed,
            "unexplained": self.unexplained,
        }[metric]


def once(ask: Callable[[Record, *_Of], _Answer]) -> Callable[[Record, *_Of], _Answer]:
    """What was answered is remembered until the next fact."""

    @wraps(ask)
    def asked(self: Record, *of: *_Of) -> _Answer:
        question = (ask, of)
        if question not in self.answers:
            self.answers[question] = ask(self, *of)
        answer: _Answer = self.answers[question]
        return answer

    return asked


class Record:
    """Give it all facts in any order; ask what they say."""

    def __init__(self, profiles: dict[bytes, Profile]) -> None:
        self.answers: dict[Any, Any] = {}
        self.by_digest = profiles
        self.lessons: dict[Any, Any] = {}
        self.timetabled: set[Any] = set()
        self.marks: dict[Any, Any] = {}
        self.notices: dict[Any, Any] = {}
        self.placements: dict[Any, Any] = {}
        self.closed: dict[Any, Any] = {}
        self.waves: dict[Any, Any] = {}
        self.activations: list[tuple[bytes, Any]] = []
        self.erased: set[bytes] = set()

    @staticmethod
    def _newest(held: dict[Any, Any], key: Any, value: Any, version: f.Version) -> None:
        if key not in held or rank(held[key][1]) < rank(version):
            held[key] = (value, version)

    def take(self, fact: f.Fact) -> None:
        self.answers.clear()
        match fact.WhichOneof("body"):
            case "register":
                self._register(fact.organiser_id, fact.register)
            case "notice":
                one = fact.notice
                self._newest(self.notices, (one.pupil_id, one.notice_id), one, one.version)
            case "placement":
                self._newest(
                    self.placements,
                    (fact.placement.pupil_id, fact.placement.placement_id),
                    fact.placement,
                    fact.placement.version,
                )
            case "day_closed":
                closed = fact.day_closed
                key = (fact.organiser_id, closed.school_unit_id, closed.epoch_day)
                self._newest(self.closed, key, closed.kind, closed.version)
            case "wave":
                wave = fact.wave
                key = (fact.organiser_id, wave.school_unit_id, wave.epoch_day)
                held = self.waves.get(key)
                if held is None or _wave_rank(held) < _wave_rank(wave):
                    self.waves[key] = wave
            case "profile_activated":
                self.activations.append((fact.organiser_id, fact.profile_activated))
            case "erase":
                self.erased.add(fact.erase.pupil_id)

    def _register(self, organiser: bytes, register: f.Register) -> None:
        lesson = (
            organiser,
            register.home_id,
            register.bucket,
            register.lesson_id,
            register.epoch_day,
        )
        self._newest(self.lessons, lesson, register, register.version)
        if register.state == f.LESSON_STATE_SCHEDULED:
            self.timetabled.add(lesson)
        for i in range(len(register.pupil_ids) // 16):
            pupil = register.pupil_ids[16 * i : 16 * i + 16]
            if not register.flags[i] & (f.MARK_FLAG_REPORTED | f.MARK_FLAG_WITHDRAWN):
                self.timetabled.add(lesson)
            self._newest(
                self.marks,
                (pupil, lesson),
                (
                    register.offered_minutes[i],
                    register.valid_minutes[i],
                    register.invalid_minutes[i],
                    register.other_minutes[i],
                    register.flags[i],
                    register.arrived_late_minutes[i] if register.arrived_late_minutes else 0,
                    register.left_early_minutes[i] if register.left_early_minutes else 0,
                ),
                register.version,
            )

    def pupils(self) -> list[tuple[bytes, bytes]]:
        """(organiser, pupil) of everybody with a mark."""
        return sorted({(lesson[0], pupil) for pupil, lesson in self.marks})

    @once
    def seen(self, organiser: bytes, pupil: bytes) -> dict[int, list[Seen]]:
        """The pupil's marks that count, by day, in the order of the day."""
        by_day: dict[int, list[Seen]] = {}
        for (whose, key), (mark, version) in self.marks.items():
            if whose != pupil or key[0] != organiser:
                continue
            lesson = self.lessons[key][0]
            offered, valid, invalid, other, flags, late, early = mark
            if lesson.state == f.LESSON_STATE_CANCELLED or flags & f.MARK_FLAG_WITHDRAWN:
                continue
            if offered == 0:
                continue
            reported = bool(flags & f.MARK_FLAG_REPORTED)
            if not reported:
                valid = invalid = other = 0
            explained = min(invalid, self._covered(pupil, lesson, flags, version))
            valid, invalid = valid + explained, invalid - explained
            confirmed = invalid if flags & f.MARK_FLAG_INVALID_CONFIRMED else 0
            by_day.setdefault(key[4], []).append(
                Seen(
                    lesson,
                    offered,
                    reported,
                    valid,
                    invalid - confirmed,
                    confirmed,
                    other,
                    key in self.timetabled,
                    late,
                    early,
                )
            )
        for one in by_day.values():
            one.sort(key=lambda seen: seen.lesson.start_minute)
        return by_day

    def _covered(self, pupil: bytes, lesson: f.Register, flags: int, version: f.Version) -> int:
        """Whole minutes of the lesson covered by notices that hold over the mark."""
        begin = _begins(lesson.epoch_day, lesson.start_minute)
        seconds: set[int] = set()
        for notice, told in self.notices_of(pupil):
            firm = flags & (f.MARK_FLAG_EXPLICIT | f.MARK_FLAG_INVALID_CONFIRMED)
            if firm and told.modified_unix_ms < version.modified_unix_ms:
                continue
            first = max(begin, notice.start_unix_s)
            last = min(begin + 60 * lesson.length_minutes, notice.end_unix_s)
            seconds.update(range(first, last))
        return len(seconds) // 60

    @once
    def notices_of(self, pupil: bytes) -> list[tuple[f.Notice, f.Version]]:
        """The pupil's notices that hold, each with its version."""
        return [
            (notice, told)
            for (whose, _), (notice, told) in self.notices.items()
            if whose == pupil and not notice.deleted
        ]

    @once
    def place(self, organiser: bytes, pupil: bytes, day: int) -> tuple[bytes, int]:
        """Unit and school form on a day."""
        active = self.placement(pupil, day)
        if active is not None:
            return active.school_unit_id, active.school_form
        by_unit: dict[bytes, list[Seen]] = {}
        for one in self.seen(organiser, pupil).get(day, []):
            by_unit.setdefault(one.lesson.school_unit_id, []).append(one)

        def best_first(unit: bytes) -> tuple[int, bool, int, bytes]:
            own = by_unit[unit]
            elsewhere = unit != own[0].lesson.home_id
            first = min(one.lesson.start_minute for one in own)
            return -sum(one.offered for one in own), elsewhere, first, unit

        return (min(by_unit, key=best_first), 0) if by_unit else (b"", 0)

    @once
    def placement(self, pupil: bytes, day: int) -> Any:
        active = [
            (one.member_from_day, rank(version), one.placement_id, one)
            for (whose, _), (one, version) in self.placements.items()
            if whose == pupil
            and not one.deleted
            and one.school_year == year_of(day)
            and one.member_from_day <= day
            and (one.member_to_day == 0 or day < one.member_to_day)
        ]
        return max(active, key=lambda row: row[:3])[3] if active else None

    def is_school_day(self, organiser: bytes, pupil: bytes, day: int) -> bool:
        unit, _ = self.place(organiser, pupil, day)
        closed: int = self.closed.get((organiser, unit, day), (0, None))[0]
        return closed == f.DAY_KIND_SCHOOL_DAY

    @once
    def profile(self, organiser: bytes, unit: bytes, form: int, day: int) -> Profile | None:
        fitting = [
            (
                bool(one.school_unit_ids),
                bool(one.school_forms),
                one.valid_from_day,
                rank(one.version),
                one,
            )
            for whose, one in self.activations
            if whose == organiser
            and one.valid_from_day <= day
            and (not one.school_unit_ids or unit in one.school_unit_ids)
            and (not one.school_forms or form in one.school_forms)
        ]
        if not fitting:
            return None
        return self.by_digest[max(fitting, key=lambda row: row[:4])[4].digest]

    def _wave_of(self, organiser: bytes, pupil: bytes, day: int) -> int:
        """What the Wave of the day says of the pupil's class, else of the whole unit."""
        active = self.placement(pupil, day)
        unit = active.school_unit_id if active else self.place(organiser, pupil, day)[0]
        wave = self.waves.get((organiser, unit, day))
        told = {one.class_id: one.explained_permille for one in wave.classes} if wave else {}
        return int(told.get(active.class_id if active else b"", told.get(b"", 0)))

    @once
    def waits(self, organiser: bytes, pupil: bytes, day: int) -> bool:
        """Neither the day's Wave nor a later DayClosed of the unit is in."""
        unit = self.place(organiser, pupil, day)[0]
        closed = {at: held[0] for (_, whose, at), held in self.closed.items() if whose == unit}
        if (organiser, unit, day) in self.waves or closed.get(day) != f.DAY_KIND_SCHOOL_DAY:
            return False
        return day == int(max(closed))

    @once
    def without_waves(self, organiser: bytes, pupil: bytes) -> dict[int, list[Seen]]:
        """The marks with valid absence of days with a wave taken out of what was offered."""
        found: dict[int, list[Seen]] = {}
        for day, marks in self.seen(organiser, pupil).items():
            found[day] = marks
            if not self._wave_of(organiser, pupil, day):
                continue
            left = [replace(one, offered=one.offered - one.valid, valid=0) for one in marks]
            if not any(one.offered for one in left if one.reported):
                left = [replace(one, reported=False) for one in left]
            found[day] = left
        return found
