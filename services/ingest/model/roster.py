"""The roster as it is sent: PUT /v1/roster (docs/api-ingest.md)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from services.common.roles import OF_A_CLASS, ORGANISER_WIDE, Role
from services.ingest.model.fields import Day, Flag, Key, Strict, Text

Name = Key
Optional200 = Key | None
Email = Annotated[
    str,
    StringConstraints(
        strict=True,
        max_length=254,
        pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+\.[^@\s\x00-\x1f\x7f]+$",
    ),
]
WebhookUrl = Annotated[
    str, StringConstraints(strict=True, pattern=r"^https?://[^\s\x00-\x1f\x7f]+$", max_length=500)
]
Grade = Annotated[int, Field(strict=True, ge=0, le=13)]
SchoolForm = Literal["FKLASS", "GR", "GRS", "SP", "SAM", "GY", "GYS"]
ClosesAt = Annotated[str, StringConstraints(strict=True, pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class SpanIn(Strict):
    """First and last day, both included."""

    first: Day
    last: Day

    @model_validator(mode="after")
    def _ordered(self) -> SpanIn:
        if self.last < self.first:
            raise ValueError("last is before first")
        return self


class TermIn(SpanIn):
    name: Name


class FreeIn(SpanIn):
    reason: Text = ""


class CalendarIn(Strict):
    school_year: Annotated[int, Field(strict=True, ge=2000, le=2100)]
    terms: Annotated[list[TermIn], Field(min_length=1)]
    free: tuple[FreeIn, ...] = ()

    @model_validator(mode="after")
    def _inside(self) -> CalendarIn:
        for term in self.terms:
            year = term.first.year if term.first.month >= 7 else term.first.year - 1
            last = term.last.year if term.last.month >= 7 else term.last.year - 1
            if year != self.school_year or last != self.school_year:
                raise ValueError(
                    f"term {term.name} lies outside the school year "
                    f"{self.school_year}-07-01 to {self.school_year + 1}-06-30"
                )
        return self


class OrganiserIn(Strict):
    name: Name
    kind: Literal["municipal", "independent"]
    municipality_code: Annotated[str, StringConstraints(pattern=r"^(\d{4})?$")] = ""
    phone: Text = ""


class AreaIn(Strict):
    id: Key
    name: Name


class SchoolUnitIn(Strict):
    id: Key
    school_unit_code: Annotated[str, StringConstraints(pattern=r"^\d{8}$")] | None = None
    name: Name
    area: Key | None = None
    school_forms: tuple[SchoolForm, ...] = ()
    codes: tuple[Key, ...] = ()
    closes_at: ClosesAt = "18:00"
    calendars: tuple[CalendarIn, ...] = ()

    @model_validator(mode="after")
    def _one_a_year(self) -> SchoolUnitIn:
        years = [calendar.school_year for calendar in self.calendars]
        if len(years) != len(set(years)):
            raise ValueError("two calendars for one school year")
        return self

    @property
    def all_codes(self) -> set[str]:
        """Everything that a register may call this unit."""
        official = {self.school_unit_code} if self.school_unit_code else set()
        return {self.id, *self.codes} | official


class GroupIn(Strict):
    id: Key
    school_unit: Key
    kind: Literal["class", "mentor", "teaching"]
    grade: Grade | None = None
    name: Name


class ValidIn(Strict):
    """From a day to a day, the latter excluded; open without it."""

    from_: Day = Field(alias="from")
    to: Day | None = None

    @model_validator(mode="after")
    def _ordered(self) -> ValidIn:
        if self.to is not None and self.to <= self.from_:
            raise ValueError("to is exclusive and must be after from")
        return self


class PlacementIn(ValidIn):
    school_unit: Key
    class_: Key | None = Field(default=None, alias="class")
    school_form: SchoolForm
    grade: Grade


class MembershipIn(ValidIn):
    group: Key


class RelationIn(Strict):
    person: Key
    relation: Name = "guardian"


class PupilIn(Strict):
    id: Key
    given_name: Name
    family_name: Name
    birth_date: Day
    civic_no: Annotated[str, StringConstraints(pattern=r"^\d{8}[0-9A-Z]{2}\d{2}$")] | None = None
    sex: Literal["female", "male", "unknown"] = "unknown"
    home_municipality: Annotated[str, StringConstraints(pattern=r"^\d{4}$")] | None = None
    protection: Literal["none", "confidential", "protected_registration"] = "none"
    email: Email | None = None
    phone: Optional200 = None
    placements: tuple[PlacementIn, ...] = ()
    memberships: tuple[MembershipIn, ...] = ()
    guardians: tuple[RelationIn, ...] = ()


class GuardianIn(Strict):
    id: Key
    given_name: Name
    family_name: Name
    email: Email | None = None
    phone: Optional200 = None


class StaffIn(Strict):
    id: Key
    given_name: Name
    family_name: Name
    email: Email | None = None
    webhook_url: WebhookUrl | None = None
    webhook_secret: (
        Annotated[str, StringConstraints(pattern=r"^whsec_[A-Za-z0-9+/=]{32,}$", max_length=200)]
        | None
    ) = None
    login: Optional200 = None


class DutyIn(ValidIn):
    id: Key
    staff: Key
    role: Role
    area: Key | None = None
    school_unit: Key | None = None
    class_: Key | None = Field(default=None, alias="class")
    grades: tuple[Grade, ...] = ()
    substitute: Flag = False

    @model_validator(mode="after")
    def _somewhere(self) -> DutyIn:
        nowhere = self.area is None and self.school_unit is None and self.class_ is None
        if nowhere and self.role not in ORGANISER_WIDE:
            raise ValueError("a duty needs an area, a school_unit or a class")
        if self.class_ is not None and self.role not in OF_A_CLASS:
            raise ValueError(f"a duty as {self.role} is not for one class")
        return self


class SuppressionIn(ValidIn):
    pupil: Key
    reason: Name


class RosterIn(Strict):
    """The whole roster, or the lists that are present; each present list is a snapshot."""

    organiser: OrganiserIn | None = None
    areas: list[AreaIn] | None = None
    school_units: list[SchoolUnitIn] | None = None
    groups: list[GroupIn] | None = None
    pupils: list[PupilIn] | None = None
    guardians: list[GuardianIn] | None = None
    staff: list[StaffIn] | None = None
    duties: list[DutyIn] | None = None
    suppressions: list[SuppressionIn] | None = None
