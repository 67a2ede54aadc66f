"""Ed-Fi's events as they are sent (Data Standard 5), as far as they are read."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.ingest.model.fields import Day, Instant, Key


class _Part(BaseModel):
    # An ODS sends more than this needs, and its extensions: none of that is an error.
    model_config = ConfigDict(extra="ignore", frozen=True)


class StudentReference(_Part):
    id: Key = Field(alias="studentUniqueId")


class SectionReference(_Part):
    school: int | Key = Field(alias="schoolId")
    section: Key = Field(alias="sectionIdentifier")
    course: Key = Field(alias="localCourseCode")
    session: Key | None = Field(default=None, alias="sessionName")


class PeriodReference(_Part):
    name: Key = Field(alias="classPeriodName")


class ClassPeriod(_Part):
    reference: PeriodReference = Field(alias="classPeriodReference")


Time = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?$")]


class EventIn(_Part):
    """A ``studentSectionAttendanceEvent`` as far as it is read."""

    id: Key | None = None
    category: Key = Field(alias="attendanceEventCategoryDescriptor")
    day: Day = Field(alias="eventDate")
    student: StudentReference = Field(alias="studentReference")
    section: SectionReference = Field(alias="sectionReference")
    periods: tuple[ClassPeriod, ...] = Field(default=(), alias="classPeriods", max_length=20)
    reason: str | None = Field(default=None, alias="attendanceEventReason", max_length=500)
    days: float | None = Field(default=None, alias="eventDuration", ge=0, le=1, allow_inf_nan=False)
    minutes: int | None = Field(default=None, alias="sectionAttendanceDuration", ge=0, le=1440)
    arrival: Time | None = Field(default=None, alias="arrivalTime")
    departure: Time | None = Field(default=None, alias="departureTime")
    modified: Instant | None = Field(default=None, alias="_lastModifiedDate")
