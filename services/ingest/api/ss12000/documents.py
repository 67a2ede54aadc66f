# ruff: noqa: N815 - the standard's own names
"""The entities for the OpenAPI document: what is read of each. More fields are welcome, ignored."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.ingest.ss12000 import vocabulary as words
from services.ingest.ss12000.vocabulary import Resource


def _one_of(words_of_it: Iterable[str]) -> Any:
    return Field(json_schema_extra={"enum": list(words_of_it)})


OrganisationType = Annotated[str, _one_of(words.ORGANISATION_TYPES)]
SchoolType = Annotated[str, _one_of(words.SCHOOL_TYPES)]
Sex = Annotated[str, _one_of(words.SEXES)]
SecurityMarking = Annotated[str, _one_of(words.PROTECTION)]
PersonStatus = Annotated[str, _one_of(words.PERSON_STATUSES)]
RelationType = Annotated[str, _one_of(words.RELATIONS)]
GroupType = Annotated[str, _one_of(words.GROUP_TYPES)]
ActivityType = Annotated[str, _one_of(words.ACTIVITY_TYPES)]
DutyRole = Annotated[str, _one_of(words.DUTY_ROLES)]
AssignmentRoleType = Annotated[str, _one_of(words.ASSIGNMENT_ROLES)]
AbsenceType = Annotated[str, _one_of(words.ABSENCE_TYPES)]


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Reference(_Open):
    id: UUID


class Meta(_Open):
    created: datetime | None = None
    modified: datetime | None = None


class Entity(_Open):
    id: UUID
    meta: Meta | None = None


class Dated(_Open):
    """Both days included."""

    startDate: date | None = None
    endDate: date | None = None


class Organisation(Entity, Dated):
    displayName: str
    organisationType: OrganisationType
    organisationCode: str | None = None
    parentOrganisation: Reference | None = None
    schoolUnitCode: str | None = None
    schoolTypes: list[SchoolType] = []
    municipalityCode: str | None = None


class CivicNo(_Open):
    value: str
    nationality: str = "SE"


class Enrolment(Dated):
    enroledAt: Reference
    schoolYear: int | None = None
    schoolType: SchoolType
    cancelled: bool = False


class Responsible(_Open):
    person: Reference
    relationType: RelationType | None = None


class Contact(_Open):
    value: str
    type: str | None = None


class Phone(Contact):
    mobile: bool = True


class Person(Entity):
    givenName: str
    familyName: str
    civicNo: CivicNo | None = None
    birthDate: date | None = None
    sex: Sex | None = None
    securityMarking: SecurityMarking | None = None
    personStatus: PersonStatus | None = None
    eduPersonPrincipalNames: list[str] = []
    emails: list[Contact] = []
    phoneNumbers: list[Phone] = []
    enrolments: list[Enrolment] = []
    responsibles: list[Responsible] = []


class GroupMembership(Dated):
    person: Reference


class Group(Entity, Dated):
    displayName: str
    groupType: GroupType
    schoolType: SchoolType | None = None
    organisation: Reference
    groupMemberships: list[GroupMembership] = []


class Activity(Entity, Dated):
    displayName: str
    activityType: ActivityType | None = None
    groups: list[Reference]
    syllabus: Reference | None = None
    organisation: Reference


class Syllabus(Entity):
    subjectCode: str | None = None
    subjectName: str | None = None
    subjectDesignation: str | None = None
    courseCode: str | None = None
    courseName: str | None = None


class AssignmentRole(Dated):
    group: Reference
    assignmentRoleType: AssignmentRoleType


class Duty(Entity, Dated):
    person: Reference | None = None
    dutyAt: Reference
    dutyRole: DutyRole
    assignmentRole: list[AssignmentRole] = []


class Placement(Entity, Dated):
    placedAt: Reference
    child: Reference
    group: Reference | None = None
    schoolType: Literal["FS", "FTH", "OPPFTH"] | None = None


class StudentException(_Open):
    student: Reference
    participates: bool
    startTime: datetime | None = None
    endTime: datetime | None = None
    teachingLength: int | None = None


class CalendarEvent(Entity):
    activity: Reference
    startTime: datetime
    endTime: datetime
    cancelled: bool = False
    teachingLengthStudent: int | None = None
    studentExceptions: list[StudentException] = []


class Attendance(_Open):
    """Without an id the pupil and the lesson are the id: posted again, it is a correction."""

    id: UUID | None = None
    meta: Meta | None = None
    calendarEvent: Reference
    student: Reference
    isReported: bool
    attendanceMinutes: int
    validAbsenceMinutes: int = 0
    invalidAbsenceMinutes: int = 0
    otherAttendanceMinutes: int = 0
    reportedTimestamp: datetime | None = None


class Absence(_Open):
    id: UUID | None = None
    meta: Meta | None = None
    startTime: datetime
    endTime: datetime
    type: AbsenceType
    student: Reference
    organisation: Reference | None = None
    registeredBy: Reference | None = None


class LogEntry(_Open):
    message: str
    severityLevel: Literal["Info", "Warning", "Error"]
    messageType: str | None = None
    resourceType: str | None = None
    resourceId: UUID | None = None


class StatisticsEntry(_Open):
    resourceType: str
    newCount: int
    updatedCount: int
    deletedCount: int


DOCUMENTS: dict[Resource, type[BaseModel]] = {
    Resource.ORGANISATION: Organisation,
    Resource.PERSON: Person,
    Resource.GROUP: Group,
    Resource.ACTIVITY: Activity,
    Resource.SYLLABUS: Syllabus,
    Resource.DUTY: Duty,
    Resource.PLACEMENT: Placement,
    Resource.CALENDAR_EVENT: CalendarEvent,
    Resource.ATTENDANCE: Attendance,
    Resource.ABSENCE: Absence,
}
