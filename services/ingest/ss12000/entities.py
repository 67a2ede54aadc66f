"""From an entity as it was sent to the little of it that is kept, in the standard's own words.

Each reader gives the kept body and the ids that it refers to. Extra fields are
ignored and missing optional ones fine; a problem names the field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.ingest.model.answers import ItemAnswer
from services.ingest.ss12000 import vocabulary as words
from services.ingest.ss12000.civic import civic_no
from services.ingest.ss12000.reading import Fields
from services.ingest.ss12000.vocabulary import Resource


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity as it is staged; without ``modified`` it counts from its arrival."""

    id: UUID
    created: datetime | None
    modified: datetime | None
    body: dict[str, Any]
    refs: tuple[UUID, ...]


Body = dict[str, Any]
_Reader = Callable[[Fields, set[UUID]], Body]


def read(resource: Resource, value: Mapping[str, Any], answer: ItemAnswer) -> Entity | None:
    """The entity, or None with the reasons in ``answer``."""
    fields = Fields(value, "", answer.problems, answer.notes)
    identity = fields.uuid("id", required=True)
    created, modified = meta(fields)
    refs: set[UUID] = set()
    body = _READERS[resource](fields, refs)
    if answer.problems or identity is None:
        answer.status = "refused"
        return None
    kept = {name: one for name, one in body.items() if one not in (None, [], {})}
    return Entity(identity, created, modified, kept, tuple(sorted(refs)))


def meta(fields: Fields) -> tuple[datetime | None, datetime | None]:
    """When it was created and last changed; some systems send neither."""
    inner = fields.inner("meta")
    if inner is None:
        return None, None
    created, modified = inner.instant("created"), inner.instant("modified")
    return created or modified, modified or created


def _ref(fields: Fields, name: str, refs: set[UUID], *, required: bool = False) -> Body | None:
    found = fields.ref(name, required=required)
    if found is None:
        return None
    refs.add(found)
    return {"id": str(found)}


def _day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()


def _span(fields: Fields, *, required: bool = False) -> Body:
    start, end = fields.day("startDate", required=required), fields.day("endDate")
    if start is not None and end is not None and end < start:
        fields.note("ignored", "endDate", "is before startDate: never valid")
    return _kept({"startDate": _day(start), "endDate": _day(end)})


def _kept(body: Body) -> Body:
    return {name: one for name, one in body.items() if one is not None}


def _school_type(fields: Fields, name: str) -> str | None:
    return fields.choice(name, words.SCHOOL_TYPES, words.SCHOOL_TYPE_VARIANTS)


def _organisation(fields: Fields, refs: set[UUID]) -> Body:
    code = fields.text("schoolUnitCode", most=20)
    if code is not None and not (len(code) == 8 and code.isdecimal()):
        fields.note("ignored", "schoolUnitCode", "a skolenhetskod has 8 digits; left out")
        code = None
    kinds = [
        kind
        for kind in (
            Fields({"value": one}).choice("value", words.SCHOOL_TYPES, words.SCHOOL_TYPE_VARIANTS)
            for one in fields.texts("schoolTypes")
        )
        if kind is not None
    ]
    return {
        "displayName": fields.text("displayName", required=True),
        "organisationType": fields.choice(
            "organisationType", words.ORGANISATION_TYPES, required=True
        ),
        "organisationCode": fields.text("organisationCode", most=100),
        "parentOrganisation": _ref(fields, "parentOrganisation", refs),
        "schoolUnitCode": code,
        "schoolTypes": list(dict.fromkeys(kinds)),
        "municipalityCode": fields.text("municipalityCode", most=10),
        **_span(fields),
    }


def _group(fields: Fields, refs: set[UUID]) -> Body:
    members = []
    for one in fields.items("groupMemberships"):
        person = one.ref("person", required=True)
        if person is None:
            continue
        refs.add(person)
        members.append({"person": {"id": str(person)}, **_span(one)})
    return {
        "displayName": fields.text("displayName") or "Grupp",
        "groupType": fields.choice("groupType", words.GROUP_TYPES) or "Övrigt",
        "schoolType": _school_type(fields, "schoolType"),
        "organisation": _ref(fields, "organisation", refs),
        "groupMemberships": members,
        **_span(fields),
    }


def _activity(fields: Fields, refs: set[UUID]) -> Body:
    groups = []
    for one in fields.items("groups"):
        found = one.uuid("id", required=True)
        if found is not None:
            refs.add(found)
            groups.append({"id": str(found)})
    return {
        "displayName": fields.text("displayName") or "Aktivitet",
        "activityType": fields.choice("activityType", words.ACTIVITY_TYPES),
        "groups": groups,
        "syllabus": _ref(fields, "syllabus", refs),
        "organisation": _ref(fields, "organisation", refs),
        "parentActivity": _ref(fields, "parentActivity", refs),
        **_span(fields),
    }


def _syllabus(fields: Fields, _: set[UUID]) -> Body:
    return {
        "schoolType": _school_type(fields, "schoolType"),
        **{
            name: fields.text(name)
            for name in (
                "subjectCode", "subjectName", "subjectDesignation", "courseCode", "courseName",
            )
        },
    }  # fmt: skip


def _duty(fields: Fields, refs: set[UUID]) -> Body:
    roles = []
    for one in fields.items("assignmentRole"):
        group = _ref(one, "group", refs)
        kind = one.choice("assignmentRoleType", words.ASSIGNMENT_ROLES)
        if group is not None and kind is not None:
            roles.append({"group": group, "assignmentRoleType": kind, **_span(one)})
    return {
        "person": _ref(fields, "person", refs),
        "dutyAt": _ref(fields, "dutyAt", refs, required=True),
        "dutyRole": fields.choice("dutyRole", words.DUTY_ROLES),
        "assignmentRole": roles,
        **_span(fields),
    }


def _placement(fields: Fields, refs: set[UUID]) -> Body:
    return {
        "placedAt": _ref(fields, "placedAt", refs, required=True),
        "child": _ref(fields, "child", refs, required=True),
        "group": _ref(fields, "group", refs),
        "schoolType": fields.choice("schoolType", ("FS", "FTH", "OPPFTH")),
        **_span(fields, required=True),
    }


def _absence(fields: Fields, refs: set[UUID]) -> Body:
    start = fields.instant("startTime", required=True, swedish=True)
    end = fields.instant("endTime", required=True, swedish=True)
    if start is not None and end is not None and end <= start:
        fields.refuse("empty_interval", "endTime", "is not after /startTime")
    return {
        "startTime": start and start.isoformat(),
        "endTime": end and end.isoformat(),
        "type": fields.choice(
            "type", words.ABSENCE_TYPES, words.ABSENCE_TYPE_VARIANTS, required=True
        ),
        "student": _ref(fields, "student", refs, required=True),
        "organisation": _ref(fields, "organisation", set()),
        "registeredBy": _ref(fields, "registeredBy", refs),
    }


def _person(fields: Fields, refs: set[UUID]) -> Body:
    marking = fields.choice("securityMarking", words.PROTECTION)
    hidden = marking not in (None, "Ingen")
    # A system that sends no names of protected persons has its reasons.
    given = fields.text("givenName", required=not hidden)
    family = fields.text("familyName", required=not hidden)
    number = None
    if (civic := fields.inner("civicNo")) is not None:
        number = civic.text("value")
        if (civic.text("nationality") or "SE").upper() != "SE":
            number = None
    elif isinstance(bare := fields.text("civicNo"), str):
        number = bare
    birth = fields.day("birthDate")
    if number is not None:
        found = civic_no(number, birth)
        if found is None:
            fields.note("ignored", "civicNo/value", "is no personnummer of 12 digits; left out")
        number = found.value if found else None
        birth = birth or (found.birth_date if found else None)
    enrolments = []
    for one in fields.items("enrolments"):
        unit = _ref(one, "enroledAt", refs) or _ref(one, "enrolledAt", refs)
        if unit is None:
            one.note("ignored", "enroledAt", "names no school unit; the enrolment is left out")
            continue
        enrolments.append(
            _kept({
                "enroledAt": unit,
                "schoolYear": one.integer("schoolYear", low=0, high=13),
                "schoolType": _school_type(one, "schoolType"),
                "cancelled": one.flag("cancelled") or None,
                **_span(one),
            })
        )  # fmt: skip
    responsibles = []
    for one in fields.items("responsibles"):
        person = _ref(one, "person", refs)
        if person is not None:
            relation = one.choice("relationType", words.RELATIONS) or "Annan ansvarig"
            responsibles.append({"person": person, "relationType": relation})
    return {
        "givenName": given or "Skyddade",
        "familyName": family or "personuppgifter",
        "civicNo": None if number is None else {"value": number},
        "birthDate": _day(birth),
        "sex": fields.choice("sex", words.SEXES),
        "securityMarking": marking,
        "personStatus": fields.choice("personStatus", words.PERSON_STATUSES),
        "eduPersonPrincipalNames": fields.texts("eduPersonPrincipalNames")[:1],
        "emails": _contacts(fields, "emails", ("value",)),
        "phoneNumbers": _contacts(fields, "phoneNumbers", ("value", "number")),
        "enrolments": enrolments,
        "responsibles": responsibles,
    }


def _contacts(fields: Fields, name: str, keys: tuple[str, ...]) -> list[Body]:
    found = []
    for one in fields.items(name):
        value = next((text for key in keys if (text := one.text(key, most=254))), None)
        if value is None:
            continue
        mobile = one.flag("mobile") if one.has("mobile") else None
        found.append(_kept({"value": value, "type": one.text("type"), "mobile": mobile}))
    return found


_READERS: dict[Resource, _Reader] = {
    Resource.ORGANISATION: _organisation,
    Resource.PERSON: _person,
    Resource.GROUP: _group,
    Resource.ACTIVITY: _activity,
    Resource.SYLLABUS: _syllabus,
    Resource.DUTY: _duty,
    Resource.PLACEMENT: _placement,
    Resource.ABSENCE: _absence,
}
