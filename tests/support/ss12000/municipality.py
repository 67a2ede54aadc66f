"""The simulator's municipality as SS 12000:2020 entities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from bench.simulator import people, timetable
from bench.simulator.events import NoticeEvent, RegisterEvent
from bench.simulator.stream import Simulation
from bench.simulator.world import Lesson, Pupil, SchoolClass
from services.common.clock import STOCKHOLM, local_instant

Entity = dict[str, Any]

_SPACE = UUID("6f1d3c0a-3b7e-5a52-9d0e-8f3f6a0c1200")
_PROTECTION = {
    "none": "Ingen",
    "confidential": "Sekretessmarkering",
    "protected_registration": "Skyddad folkbokföring",
}
_DUTY_ROLE = {"principal": "Rektor", "mentor": "Lärare"}
_SUBJECTS = {
    "SV": "Svenska", "MA": "Matematik", "EN": "Engelska", "IDH": "Idrott och hälsa", "BL": "Bild",
    "MU": "Musik", "NO": "NO", "SO": "SO", "TK": "Teknik", "ML": "Moderna språk", "SL": "Slöjd",
    "HKK": "Hem- och konsumentkunskap", "SPA": "Spanska", "TYS": "Tyska", "HI": "Historia",
    "NA": "Naturkunskap", "SH": "Samhällskunskap", "PSY": "Psykologi", "KAR": "Karaktärsämne",
}  # fmt: skip


def uid(*parts: object) -> str:
    """The same UUID for the same thing in every run."""
    return str(uuid5(_SPACE, "|".join(map(str, parts))))


def stamp(at: datetime) -> str:
    """RFC 3339 with Sweden's offset, to the millisecond."""
    return at.astimezone(STOCKHOLM).isoformat(timespec="milliseconds")


def at_ms(unix_ms: int) -> datetime:
    return datetime.fromtimestamp(unix_ms / 1000, UTC)


def protection(pupil: Pupil) -> str:
    """``securityMarking``."""
    return _PROTECTION[pupil.protection]


@dataclass(frozen=True, slots=True)
class Change:
    """What the school system learns at ``at``; ``resource`` is a name of EndPointsEnum."""

    at: datetime
    resource: str
    entity: Entity


class Municipality:
    """Translates one simulation; holds no state beside what it is given."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._world = simulation.world
        self.known_from = local_instant(self._world.calendar.terms[0].first, 0) - timedelta(days=7)

    def roster(self) -> Iterator[Change]:
        """Organisations, people, groups and duties, in an order that refers backwards only."""
        for resource, entity in self._roster():
            yield Change(self.known_from, resource, entity)

    def _roster(self) -> Iterator[tuple[str, Entity]]:
        world = self._world
        organiser = {
            "id": uid("organiser"),
            "displayName": "Testköpings kommun",
            "organisationType": "Huvudman",
            "organisationNumber": "2120009999",
            "municipalityCode": "9999",
        }
        yield "Organisation", organiser
        for key, name in world.areas:
            yield (
                "Organisation",
                {
                    "id": uid("area", key),
                    "displayName": name,
                    "organisationType": "Rektorsområde",
                    "parentOrganisation": {"id": organiser["id"]},
                },
            )
        for unit in world.units:
            yield (
                "Organisation",
                {
                    "id": uid("unit", unit.id),
                    "displayName": unit.name,
                    "organisationType": "Skolenhet",
                    "schoolUnitCode": unit.code,
                    "schoolTypes": [unit.school_form],
                    "municipalityCode": "9999",
                    "parentOrganisation": {"id": uid("area", unit.area)},
                },
            )
        for pupil in world.pupils:
            yield "Person", self._pupil(pupil)
        for guardian in world.guardians:
            yield "Person", _adult("guardian", guardian, "Privat")
        for member in world.staff:
            yield "Person", _adult("staff", member, "Skola personal")
        for teacher in world.teachers:
            yield (
                "Person",
                {
                    "id": uid("teacher", teacher.id),
                    "givenName": "Lärare",
                    "familyName": f"Påhittsson {teacher.id}",
                    "securityMarking": "Ingen",
                    "personStatus": "Aktiv",
                },
            )
        for subject, name in _SUBJECTS.items():
            yield (
                "Syllabus",
                {"id": uid("syllabus", subject), "subjectCode": subject, "subjectName": name},
            )
        yield from self._groups()
        yield from self._duties()
        yield from self._activities()

    def _pupil(self, pupil: Pupil) -> Entity:
        body: Entity = {
            "id": uid("pupil", pupil.id),
            "givenName": pupil.given_name,
            "familyName": pupil.family_name,
            "birthDate": pupil.born.isoformat(),
            "sex": "Kvinna" if pupil.female else "Man",
            "securityMarking": protection(pupil),
            "personStatus": "Aktiv",
            "enrolments": [],
            "responsibles": [
                {"person": {"id": uid("guardian", key)}, "relationType": "Vårdnadshavare"}
                for key in pupil.guardians
            ],
        }
        if pupil.civic_no:
            body["civicNo"] = {"value": pupil.civic_no, "nationality": "SE"}
        for stay in pupil.stays:
            school_class = self._world.classes[stay.school_class]
            unit = self._world.units[school_class.unit]
            enrolment: Entity = {
                "enroledAt": {"id": uid("unit", unit.id)},
                "schoolYear": school_class.grade,
                "schoolType": unit.school_form,
                "startDate": stay.first.isoformat(),
            }
            body["enrolments"].append(enrolment | _until(stay.end))
        return body

    def _groups(self) -> Iterator[tuple[str, Entity]]:
        world = self._world
        members: dict[str, list[Entity]] = {}
        for pupil in world.pupils:
            person = {"id": uid("pupil", pupil.id)}
            spans = [(world.classes[s.school_class].id, s.first, s.end) for s in pupil.stays]
            for group, first, end in (
                *spans,
                *people.language_spans(pupil, world.units, world.classes),
            ):
                members.setdefault(group, []).append(
                    {"person": person, "startDate": first.isoformat(), **_until(end)}
                )
        start = world.calendar.terms[0].first.isoformat()
        seen: set[str] = set()
        for school_class in world.classes:
            unit = world.units[school_class.unit]
            names = [(school_class.id, school_class.name, "Klass")]
            if timetable.has_languages(school_class):
                for language in range(timetable.language_count()):
                    group = timetable.language_group(unit, school_class, language)
                    names.append((group, group.removeprefix(f"{unit.id}-"), "Undervisning"))
            for key, name, kind in names:
                if key in seen:
                    continue
                seen.add(key)
                yield (
                    "Group",
                    {
                        "id": uid("group", key),
                        "displayName": name,
                        "groupType": kind,
                        "schoolType": unit.school_form,
                        "startDate": start,
                        "organisation": {"id": uid("unit", unit.id)},
                        "groupMemberships": members.get(key, []),
                    },
                )

    def _duties(self) -> Iterator[tuple[str, Entity]]:
        world = self._world
        start = world.calendar.terms[0].first.isoformat()
        classes: dict[str, SchoolClass] = {c.id: c for c in world.classes}
        units = {unit.id: unit for unit in world.units}
        for duty in world.duties:
            body: Entity = {
                "id": uid("duty", duty.id),
                "person": {"id": uid("staff", duty.staff)},
                "dutyRole": _DUTY_ROLE.get(duty.role, "Annan personal"),
                "startDate": start,
            }
            if duty.school_class:
                school_class = classes[duty.school_class]
                body["dutyAt"] = {"id": uid("unit", world.units[school_class.unit].id)}
                body["assignmentRole"] = [
                    {
                        "group": {"id": uid("group", duty.school_class)},
                        "assignmentRoleType": "Mentor",
                        "startDate": start,
                    }
                ]
            elif duty.unit:
                body["dutyAt"] = {"id": uid("unit", duty.unit)}
                if duty.role == "student_health":
                    body["assignmentRole"] = [
                        {
                            "group": {"id": uid("group", c.id)},
                            "assignmentRoleType": "Elevhälsopersonal",
                            "startDate": start,
                        }
                        for c in world.classes
                        if c.unit == units[duty.unit].index
                    ]
            else:
                at = uid("area", duty.area) if duty.area else uid("organiser")
                body["dutyAt"] = {"id": at}
            yield "Duty", body
        for teacher in world.teachers:
            yield (
                "Duty",
                {
                    "id": uid("duty", teacher.id),
                    "person": {"id": uid("teacher", teacher.id)},
                    "dutyRole": "Lärare",
                    "dutyAt": {"id": uid("unit", world.units[teacher.unit].id)},
                    "startDate": start,
                },
            )

    def _activities(self) -> Iterator[tuple[str, Entity]]:
        calendar = self._world.calendar
        done: set[str] = set()
        for lesson in self._world.lessons:
            if lesson.activity in done:
                continue
            done.add(lesson.activity)
            teacher = self._world.teachers[lesson.teacher]
            yield (
                "Activity",
                {
                    "id": uid("activity", lesson.activity),
                    "displayName": f"{lesson.subject} {lesson.group.split('-', 1)[-1]}",
                    "calendarEventsRequired": True,
                    "activityType": "Undervisning",
                    "startDate": calendar.terms[0].first.isoformat(),
                    "endDate": calendar.terms[1].last.isoformat(),
                    "groups": [{"id": uid("group", lesson.group)}],
                    "teachers": [{"duty": {"id": uid("duty", teacher.id)}, "grader": True}],
                    "syllabus": {
                        "id": uid("syllabus", lesson.subject),
                        "displayName": _SUBJECTS.get(lesson.subject, lesson.subject),
                    },
                    "organisation": {"id": uid("unit", self._world.units[lesson.unit].id)},
                },
            )

    def calendar_event(self, lesson: Lesson, day: int) -> Entity:
        """One occurrence, not cancelled."""
        begins = local_instant(self._world.days[day], lesson.start_minute)
        return {
            "id": uid("event", lesson.number, self._world.days[day]),
            "activity": {"id": uid("activity", lesson.activity)},
            "startTime": stamp(begins),
            "endTime": stamp(begins + timedelta(minutes=lesson.length)),
            "cancelled": False,
            "teachingLengthStudent": lesson.length,
        }

    def changes(self, first: date, last: date) -> Iterator[Change]:
        """Timetable, marks and notices from ``first`` to ``last``, as they become known."""
        for event in self._simulation.messages(first, last):
            if isinstance(event, NoticeEvent):
                yield self.absence(event)
                continue
            lesson = self._world.lessons[event.lesson]
            if event.state != "reported":
                entity = self.calendar_event(lesson, event.day)
                entity["cancelled"] = event.state == "cancelled"
                yield Change(at_ms(event.arrival), "CalendarEvent", entity)
            else:
                yield from self._attendances(event, lesson)

    def _attendances(self, event: RegisterEvent, lesson: Lesson) -> Iterator[Change]:
        happening = uid("event", lesson.number, self._world.days[event.day])
        reporter = {"id": uid("teacher", self._world.teachers[lesson.teacher].id)}
        reported = stamp(at_ms(event.modified))
        at = at_ms(event.arrival)
        columns = (event.pupils, event.valid, event.invalid, event.other)
        for number, valid, invalid, other in zip(*(c.tolist() for c in columns), strict=True):
            pupil = self._world.pupils[number]
            entity: Entity = {
                "id": uid("attendance", happening, pupil.id),
                "calendarEvent": {"id": happening},
                "student": {
                    "id": uid("pupil", pupil.id),
                    "securityMarking": protection(pupil),
                },
                "reporter": reporter,
                "isReported": True,
                "attendanceMinutes": lesson.length - valid - invalid - other,
                "validAbsenceMinutes": valid,
                "invalidAbsenceMinutes": invalid,
                "otherAttendanceMinutes": other,
                "reportedTimestamp": reported,
            }
            yield Change(at, "Attendance", entity)

    def absence(self, event: NoticeEvent) -> Change:
        """A frånvaroanmälan or leave, or its deletion."""
        pupil = self._world.pupils[event.pupil]
        by = uid("guardian", pupil.guardians[0]) if pupil.guardians else uid("pupil", pupil.id)
        if event.reported_by == "pupil":
            by = uid("pupil", pupil.id)
        elif event.reported_by == "staff":
            by = uid("staff", self._world.staff[0].id)
        entity: Entity = {
            "id": uid("absence", event.id),
            "startTime": stamp(at_ms(event.start)),
            "endTime": stamp(at_ms(event.end)),
            "type": "Anmäld frånvaro" if event.kind == "absence_report" else "Beviljad ledighet",
            "student": {"id": uid("pupil", pupil.id)},
            "registeredBy": {"id": by},
        }
        if event.deleted:
            entity["deleted"] = True
        return Change(at_ms(event.arrival), "Absence", entity)


def _until(end: date | None) -> Entity:
    """SS 12000's endDate is the last day, where the simulator's end is the first day after."""
    return {} if end is None else {"endDate": (end - timedelta(days=1)).isoformat()}


def _adult(kind: str, person: Any, email_type: str) -> Entity:
    body: Entity = {
        "id": uid(kind, person.id),
        "givenName": person.given_name,
        "familyName": person.family_name,
        "securityMarking": "Ingen",
        "personStatus": "Aktiv",
    }
    if login := getattr(person, "login", None):
        body["eduPersonPrincipalNames"] = [f"{login}@example.com"]
        body["emails"] = [{"value": f"{login}@example.com", "type": email_type}]
    else:
        if person.email:
            body["emails"] = [{"value": person.email, "type": email_type}]
        if person.phone:
            body["phoneNumbers"] = [{"value": person.phone, "type": "Hem", "mobile": True}]
    return body
