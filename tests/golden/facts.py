"""A simulated municipality as the facts that ingest would make of it, in one partition."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from uuid import UUID, uuid5

from bench.simulator.events import NOT_KNOWN, NoticeEvent, RegisterEvent
from bench.simulator.stream import Simulation
from bench.simulator.world import Lesson, World
from forvarning.facts.v1 import facts_pb2 as f
from services.common.clock import epoch_day, local_instant, school_year

_SPACE = UUID("00000000-0000-0000-0000-0000000601d0")
_STATES = {
    "scheduled": f.LESSON_STATE_SCHEDULED,
    "reported": f.LESSON_STATE_REPORTED,
    "cancelled": f.LESSON_STATE_CANCELLED,
}
_KINDS = {"absence_report": f.NOTICE_KIND_ABSENCE_REPORT, "leave": f.NOTICE_KIND_LEAVE}
_REPORTERS = {
    "guardian": f.REPORTED_BY_GUARDIAN,
    "pupil": f.REPORTED_BY_PUPIL,
    "staff": f.REPORTED_BY_STAFF,
}
_FORMS = {"GR": f.SCHOOL_FORM_COMPULSORY, "GY": f.SCHOOL_FORM_UPPER_SECONDARY}


def named(*parts: object) -> bytes:
    """The same 16 bytes for the same words."""
    return uuid5(_SPACE, "|".join(map(str, parts))).bytes


ORGANISER = named("organiser")


def pupil_id(name: str) -> bytes:
    """The id of one of the simulator's pupils."""
    return named("pupil", name)


def term(simulation: Simulation, first: date, last: date) -> Iterator[bytes]:
    """Placements, then what is said by arrival, each day closed at its midnight."""
    log = _Log(simulation, first, last)
    yield from log.placements()
    yield from log.days()


class _Log:
    def __init__(self, simulation: Simulation, first: date, last: date) -> None:
        self._simulation = simulation
        self._world: World = simulation.world
        self._first, self._last = first, last
        self._sequence = 0
        self._homes = {pupil.index: pupil.stays[0].school_class for pupil in self._world.pupils}

    def _fact(self, accepted_ms: int, **body: object) -> bytes:
        fact = f.Fact(organiser_id=ORGANISER, accepted_unix_ms=accepted_ms, **body)  # type: ignore[arg-type]  # one of the oneof's messages
        return fact.SerializeToString()

    def _version(self, modified_ms: int) -> f.Version:
        self._sequence += 1
        return f.Version(priority=1, modified_unix_ms=modified_ms, sequence=self._sequence)

    def _home(self, pupil: int) -> tuple[bytes, int]:
        """The home and bucket of a pupil: the unit and class of the first placement."""
        own = self._world.classes[self._homes[pupil]]
        return named("home", own.unit), own.index

    def placements(self) -> Iterator[bytes]:
        for pupil in self._world.pupils:
            home, bucket = self._home(pupil.index)
            for stay in pupil.stays:
                own = self._world.classes[stay.school_class]
                unit = self._world.units[own.unit]
                placement = f.Placement(
                    home_id=home,
                    bucket=bucket,
                    pupil_id=pupil_id(pupil.id),
                    school_unit_id=named("unit", unit.index),
                    class_id=named("class", own.index),
                    school_year=school_year(self._first),
                    member_from_day=epoch_day(stay.first),
                    member_to_day=epoch_day(stay.end) if stay.end else 0,
                    school_form=_FORMS[unit.school_form],
                    grade=own.grade,
                    protection=f.PROTECTION_NONE,
                    placement_id=named("placement", pupil.id, stay.first),
                    version=self._version(0),
                )
                yield self._fact(0, placement=placement)

    def days(self) -> Iterator[bytes]:
        day = self._first
        for event in self._simulation.messages(self._first, self._last, timetable="needed"):
            while day <= self._last and event.arrival >= _midnight_after(day):
                yield from self._closing(day)
                day += timedelta(days=1)
            if isinstance(event, RegisterEvent):
                yield from self._registers(event)
            else:
                yield self._notice(event)
        while day <= self._last:
            yield from self._closing(day)
            day += timedelta(days=1)

    def _closing(self, day: date) -> Iterator[bytes]:
        place = self._world.day_index(day)
        for unit in self._world.units:
            held = place is not None and bool(self._world.open_days[unit.index, place])
            closed = f.DayClosed(
                school_unit_id=named("unit", unit.index),
                epoch_day=epoch_day(day),
                kind=f.DAY_KIND_SCHOOL_DAY if held else f.DAY_KIND_FREE,
                version=self._version(_midnight_after(day)),
            )
            yield self._fact(_midnight_after(day), day_closed=closed)

    def _registers(self, event: RegisterEvent) -> Iterator[bytes]:
        """One for each bucket in which the event's pupils sit."""
        lesson = self._world.lessons[event.lesson]
        version = self._version(event.modified)
        split: dict[tuple[bytes, int], list[int]] = {}
        for at, pupil in enumerate(event.pupils.tolist()):
            split.setdefault(self._home(pupil), []).append(at)
        for (home, bucket), places in split.items():
            register = self._register(event, lesson, version)
            register.home_id, register.bucket = home, bucket
            for at in places:
                self._mark(register, event, lesson, at)
            if all(late == 0 for late in register.arrived_late_minutes):
                del register.arrived_late_minutes[:]
            if all(early == 0 for early in register.left_early_minutes):
                del register.left_early_minutes[:]
            yield self._fact(event.arrival, register=register)

    def _register(self, event: RegisterEvent, lesson: Lesson, version: f.Version) -> f.Register:
        day = self._world.days[event.day]
        return f.Register(
            lesson_id=named("lesson", lesson.activity, day, lesson.start_minute),
            school_unit_id=named("unit", lesson.unit),
            activity_id=named("activity", lesson.activity),
            group_id=named("group", lesson.group),
            subject=lesson.subject,
            epoch_day=epoch_day(day),
            start_minute=lesson.start_minute,
            length_minutes=lesson.length,
            state=_STATES[event.state],
            version=version,
        )

    def _mark(self, register: f.Register, event: RegisterEvent, lesson: Lesson, at: int) -> None:
        register.pupil_ids += pupil_id(self._world.pupils[int(event.pupils[at])].id)
        register.offered_minutes.append(lesson.length)
        register.valid_minutes.append(int(event.valid[at]))
        register.invalid_minutes.append(int(event.invalid[at]))
        register.other_minutes.append(int(event.other[at]))
        register.flags.append(
            (f.MARK_FLAG_REPORTED if event.state == "reported" else 0)
            | (f.MARK_FLAG_INVALID_CONFIRMED if event.confirmed else 0)
            | (f.MARK_FLAG_EXPLICIT if event.explicit else 0)
        )
        late, early = int(event.late[at]), int(event.early[at])
        register.arrived_late_minutes.append(0 if late == NOT_KNOWN else late)
        register.left_early_minutes.append(0 if early == NOT_KNOWN else early)

    def _notice(self, event: NoticeEvent) -> bytes:
        home, bucket = self._home(event.pupil)
        notice = f.Notice(
            home_id=home,
            bucket=bucket,
            pupil_id=pupil_id(self._world.pupils[event.pupil].id),
            notice_id=named("notice", event.id),
            kind=_KINDS[event.kind],
            start_unix_s=event.start // 1000,
            end_unix_s=-(-event.end // 1000),
            reported_by=_REPORTERS[event.reported_by],
            deleted=event.deleted,
            version=self._version(event.modified),
        )
        return self._fact(event.arrival, notice=notice)


def _midnight_after(day: date) -> int:
    return int(local_instant(day + timedelta(days=1), 0).timestamp() * 1000)
