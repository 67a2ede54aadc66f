"""A small school in the words of SS 12000: made-up people, one class, a week's timetable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

_ROOT = UUID("5f0f7b0c-2a3f-4a57-9f0e-7c1d3f0e5b21")

Entity = dict[str, Any]


def key(name: str) -> str:
    """The id of whatever is called ``name`` here."""
    return str(uuid5(_ROOT, name))


def ref(name: str) -> dict[str, str]:
    return {"id": key(name)}


def meta(at: str = "2026-08-20T08:00:00+02:00") -> dict[str, str]:
    return {"created": "2026-08-01T08:00:00+02:00", "modified": at}


def organisation(name: str, kind: str = "Skolenhet", **more: Any) -> Entity:
    return {
        "id": key(name),
        "meta": meta(),
        "displayName": name,
        "organisationType": kind,
        **more,
    }


def unit(name: str = "u1", code: str = "99990001", **more: Any) -> Entity:
    return organisation(
        name,
        schoolUnitCode=code,
        schoolTypes=["GR", "FTH"],
        parentOrganisation=ref("huvudman"),
        **more,
    )


def pupil(name: str, unit_name: str = "u1", **more: Any) -> Entity:
    return {
        "id": key(name),
        "meta": meta(),
        "givenName": "Test",
        "familyName": f"Elev {name}",
        "birthDate": "2013-04-05",
        "sex": "Kvinna",
        "securityMarking": "Ingen",
        "enrolments": [
            {
                "enroledAt": ref(unit_name),
                "schoolYear": 7,
                "schoolType": "GR",
                "startDate": "2026-08-18",
            }
        ],
        "responsibles": [{"person": ref(f"{name}-vh"), "relationType": "Vårdnadshavare"}],
        **more,
    }


def adult(name: str, **more: Any) -> Entity:
    return {
        "id": key(name),
        "meta": meta(),
        "givenName": "Vera",
        "familyName": f"Vuxen {name}",
        "emails": [{"value": f"{name}@example.org", "type": "Privat"}],
        "phoneNumbers": [{"value": "070-000 00 00", "mobile": True}],
        **more,
    }


def group(
    name: str, members: Sequence[str | Entity], kind: str = "Undervisning", **more: Any
) -> Entity:
    return {
        "id": key(name),
        "meta": meta(),
        "displayName": name,
        "groupType": kind,
        "startDate": "2026-08-18",
        "organisation": ref("u1"),
        "groupMemberships": [
            {"person": ref(one), "startDate": "2026-08-18"} if isinstance(one, str) else one
            for one in members
        ],
        **more,
    }


def activity(name: str, *groups: str, **more: Any) -> Entity:
    return {
        "id": key(name),
        "meta": meta(),
        "displayName": name,
        "calendarEventsRequired": True,
        "activityType": "Undervisning",
        "startDate": "2026-08-18",
        "groups": [ref(one) for one in groups],
        "organisation": ref("u1"),
        "syllabus": ref("matematik"),
        **more,
    }


def event(
    name: str,
    activity_name: str = "7A-MA",
    start: str = "2026-11-24T08:10:00+01:00",
    end: str = "2026-11-24T09:10:00+01:00",
    at: str = "2026-11-20T08:00:00+01:00",
    **more: Any,
) -> Entity:
    return {
        "id": key(name),
        "meta": meta(at),
        "activity": ref(activity_name),
        "startTime": start,
        "endTime": end,
        **more,
    }


def attendance(
    name: str,
    event_name: str,
    student: str,
    at: str = "2026-11-24T08:15:00+01:00",
    *,
    present: int = 60,
    valid: int = 0,
    invalid: int = 0,
    other: int = 0,
    **more: Any,
) -> Entity:
    return {
        "id": key(name),
        "meta": meta(at),
        "calendarEvent": ref(event_name),
        "student": ref(student),
        "reporter": ref("lärare"),
        "isReported": True,
        "attendanceMinutes": present,
        "validAbsenceMinutes": valid,
        "invalidAbsenceMinutes": invalid,
        "otherAttendanceMinutes": other,
        "reportedTimestamp": at,
        **more,
    }


def absence(name: str, student: str, by: str | None, **more: Any) -> Entity:
    body: Entity = {
        "id": key(name),
        "meta": meta("2026-11-24T07:02:00+01:00"),
        "startTime": "2026-11-24T00:00:00+01:00",
        "endTime": "2026-11-25T00:00:00+01:00",
        "type": "Anmäld frånvaro",
        "student": ref(student),
        "organisation": ref("u1"),
        **more,
    }
    if by is not None:
        body["registeredBy"] = ref(by)
    return body


def syllabus(name: str = "matematik", designation: str = "MA") -> Entity:
    return {
        "id": key(name),
        "meta": meta(),
        "schoolType": "GR",
        "subjectCode": "GRGRMAT01",
        "subjectName": "Matematik",
        "subjectDesignation": designation,
        "official": True,
    }


def duty(name: str, person: str, role: str, at: str = "u1", **more: Any) -> Entity:
    return {
        "id": key(name),
        "meta": meta(),
        "person": ref(person),
        "dutyAt": ref(at),
        "dutyRole": role,
        "startDate": "2026-08-18",
        **more,
    }


def everything(pupils: tuple[str, ...] = ("p1", "p2", "p3")) -> dict[str, list[Entity]]:
    """The school's entities by resource, in an order in which nothing waits."""
    return {
        "Organisation": [organisation("huvudman", "Huvudman", municipalityCode="9999"), unit()],
        "Person": [
            *(pupil(one) for one in pupils),
            *(adult(f"{one}-vh") for one in pupils),
            adult("rektor", eduPersonPrincipalNames=["rektor@test.example"]),
            adult("lärare"),
        ],
        "Group": [group("7A", list(pupils), "Klass"), group("7A-MA-grupp", list(pupils))],
        "Duty": [
            duty("d-rektor", "rektor", "Rektor"),
            duty(
                "d-mentor",
                "lärare",
                "Lärare",
                assignmentRole=[
                    {
                        "group": ref("7A"),
                        "assignmentRoleType": "Mentor",
                        "startDate": "2026-08-18",
                    }
                ],
            ),
        ],
        "Syllabus": [syllabus()],
        "Activity": [activity("7A-MA", "7A-MA-grupp")],
        "CalendarEvent": [event("e1")],
        "Attendance": [
            attendance("a1", "e1", "p1", present=0, invalid=60),
            attendance("a2", "e1", "p2"),
        ],
        "Absence": [absence("n1", "p2", "p2-vh")],
    }
