"""The words of SS 12000:2020, spelled as the standard has them, and what systems say instead."""

from __future__ import annotations

from enum import StrEnum


class Resource(StrEnum):
    """The standard's EndPointsEnum: what subscriptions, logs and deletions call the entities."""

    ABSENCE = "Absence"
    ATTENDANCE_EVENT = "AttendanceEvent"
    ATTENDANCE = "Attendance"
    GRADE = "Grade"
    CALENDAR_EVENT = "CalendarEvent"
    ATTENDANCE_SCHEDULE = "AttendanceSchedule"
    RESOURCE = "Resource"
    ROOM = "Room"
    ACTIVITY = "Activity"
    DUTY = "Duty"
    PLACEMENT = "Placement"
    STUDY_PLAN = "StudyPlan"
    PROGRAMME = "Programme"
    SYLLABUS = "Syllabus"
    SCHOOL_UNIT_OFFERING = "SchoolUnitOffering"
    GROUP = "Group"
    PERSON = "Person"
    ORGANISATION = "Organisation"


PATHS: dict[Resource, str] = {
    Resource.ABSENCE: "absences",
    Resource.ATTENDANCE_EVENT: "attendanceEvents",
    Resource.ATTENDANCE: "attendances",
    Resource.GRADE: "grades",
    Resource.CALENDAR_EVENT: "calendarEvents",
    Resource.ATTENDANCE_SCHEDULE: "attendanceSchedule",
    Resource.RESOURCE: "resources",
    Resource.ROOM: "rooms",
    Resource.ACTIVITY: "activities",
    Resource.DUTY: "duties",
    Resource.PLACEMENT: "placements",
    Resource.STUDY_PLAN: "studyplans",
    Resource.PROGRAMME: "programmes",
    Resource.SYLLABUS: "syllabuses",
    Resource.SCHOOL_UNIT_OFFERING: "schoolUnitOfferings",
    Resource.GROUP: "groups",
    Resource.PERSON: "persons",
    Resource.ORGANISATION: "organisations",
}
"""The path of each resource as the standard's openapi.yaml writes it."""

PATH_VARIANTS: dict[Resource, tuple[str, ...]] = {
    Resource.ATTENDANCE: ("attendance",),
    Resource.ATTENDANCE_SCHEDULE: ("attendanceSchedules",),
    Resource.CALENDAR_EVENT: ("calendarevents",),
    Resource.STUDY_PLAN: ("studyPlans",),
    Resource.ABSENCE: ("absence",),
    Resource.SYLLABUS: ("syllabi",),
    Resource.ACTIVITY: ("activity",),
}
"""Paths that systems in use have instead."""

DELETED_KEYS: dict[Resource, tuple[str, ...]] = {
    resource: tuple(
        dict.fromkeys((
            path,
            *PATH_VARIANTS.get(resource, ()),
            *{
                # The standard's own schema misspells it.
                Resource.ACTIVITY: ("activitites",),
                Resource.ATTENDANCE_SCHEDULE: ("attendanceSchedules",),
                Resource.STUDY_PLAN: ("studyPlans",),
            }.get(resource, ()),
            resource.value,
        ))
    )
    for resource, path in PATHS.items()
}  # fmt: skip
"""Under which keys /deletedEntities lists a resource's ids; the first is what we write."""

DELETED_KEY: dict[Resource, str] = {
    resource: {
        Resource.ATTENDANCE_SCHEDULE: "attendanceSchedules",
        Resource.STUDY_PLAN: "studyPlans",
    }.get(resource, path)
    for resource, path in PATHS.items()
}

TAKEN = (
    Resource.ORGANISATION,
    Resource.PERSON,
    Resource.GROUP,
    Resource.PLACEMENT,
    Resource.DUTY,
    Resource.SYLLABUS,
    Resource.ACTIVITY,
    Resource.CALENDAR_EVENT,
    Resource.ATTENDANCE,
    Resource.ABSENCE,
)
"""What this product takes, in the order in which a full sync waits least for references."""

ROSTER = (
    Resource.ORGANISATION,
    Resource.PERSON,
    Resource.GROUP,
    Resource.PLACEMENT,
    Resource.DUTY,
)
"""Those of them that make the roster."""

ORGANISATION_TYPES = ("Huvudman", "Stadsdel", "Rektorsområde", "Skola", "Skolenhet", "Övrigt")
SCHOOL_TYPES = (
    "FS", "FKLASS", "FTH", "OPPFTH", "GR", "GRS", "SP", "SAM", "GY", "GYS", "KOMVUX", "SARVUX",
    "SFI", "KU", "YH", "FHS", "STF", "KKU", "HS", "ABU", "AU",
)  # fmt: skip
SCHOOL_TYPE_VARIANTS = {
    # Anpassad grundskola and gymnasieskola, renamed in 2023; the standard is older.
    "AGR": "GRS",
    "AGY": "GYS",
    "GSÄR": "GRS",
    "GYSÄR": "GYS",
    "FSK": "FKLASS",
}
SCHOOL_FORMS = ("FKLASS", "GR", "GRS", "SP", "SAM", "GY", "GYS")
"""School types with compulsory registers of absence from lessons: what this product is about."""

SEXES = {"Kvinna": "female", "Man": "male", "Okänt": "unknown"}
PROTECTION = {
    "Ingen": "none",
    "Sekretessmarkering": "confidential",
    "Skyddad folkbokföring": "protected_registration",
}
PERSON_STATUSES = ("Aktiv", "Utvandrad", "Avliden")
RELATIONS = (
    "Vårdnadshavare", "Annan ansvarig", "Annan behörig", "Utsedd behörig", "God man", "Förälder",
)  # fmt: skip
GUARDIANS = ("Vårdnadshavare", "Förälder")
"""Relations that are told of absence: the others are kept, and told nothing."""
GROUP_TYPES = (
    "Undervisning", "Klass", "Mentor", "Provgrupp", "Schema", "Avdelning", "Personalgrupp",
    "Övrigt",
)  # fmt: skip
ACTIVITY_TYPES = ("Undervisning", "Elevaktivitet", "Provaktivitet", "Läraraktivitet", "Övrigt")
COUNTED_ACTIVITIES = ("Undervisning", "Elevaktivitet")
"""What the standard says shall be reported; an activity without type counts, too."""
DUTY_ROLES = (
    "Rektor", "Lärare", "Förskollärare", "Övrig pedagogisk personal", "Förskolechef",
    "Annan personal",
)  # fmt: skip
ASSIGNMENT_ROLES = (
    "Mentor", "Förskollärare", "Barnskötare", "Fritidspedagog", "Specialpedagog",
    "Elevhälsopersonal", "Pedagogisk ledare", "Schemaläggare",
)  # fmt: skip
ABSENCE_TYPES = {"Anmäld frånvaro": "absence_report", "Beviljad ledighet": "leave"}
ABSENCE_TYPE_VARIANTS = {"Anmäl frånvaro": "Anmäld frånvaro"}
SEVERITIES = ("Info", "Warning", "Error")
