"""The standard's query parameters as conditions on what is staged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.ingest.ss12000.reading import instant_of, uuid_of
from services.ingest.ss12000.vocabulary import Resource


class FilterError(Exception):
    """A parameter that is unknown, or whose value is none; the text names it and the fix."""


@dataclass(frozen=True, slots=True)
class Filter:
    """``sql`` has ``{}`` for the parameter; ``read`` makes its value, None = no such value."""

    sql: str
    read: Callable[[str], Any]
    what: str
    many: bool = False


def _day(text: str) -> str | None:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def _flag(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())


def _uuid(sql: str) -> Filter:
    return Filter(sql, uuid_of, "a UUID")


def _named(path: str) -> Filter:
    """A reference in the body."""
    return Filter(
        f"body #>> '{{{path},id}}' = {{}}", lambda text: str(uuid_of(text) or "") or None, "a UUID"
    )


def _instant(sql: str) -> Filter:
    # A plus sign that was not escaped in a URL is a space.
    return Filter(
        sql, lambda text: instant_of(text.replace(" ", "+")), "an instant such as 2026-11-24T08:10Z"
    )


def _text(sql: str) -> Filter:
    return Filter(sql, lambda text: text[:200] if "\0" not in text else None, "a text")


def _texts(sql: str) -> Filter:
    return Filter(sql, lambda text: text[:200] if "\0" not in text else None, "a text", many=True)


def _holds(name: str, inner: Callable[[str], Any]) -> Filter:
    def read(text: str) -> str | None:
        found = uuid_of(text)
        return None if found is None else json.dumps({name: [inner(str(found))]})

    return Filter("body @> {}::jsonb", read, "a UUID")


_META = {
    "meta.created.before": _instant("created <= {}"),
    "meta.created.after": _instant("created > {}"),
    "meta.modified.before": _instant("modified <= {}"),
    "meta.modified.after": _instant("modified > {}"),
}
# An entity without the date is always among them, says the standard.
_DATES = {
    f"{name}.{which}": Filter(
        f"coalesce(body ->> '{name}' {operator} {{}}, true)", _day, "a date such as 2026-11-24"
    )
    for name in ("startDate", "endDate")
    for which, operator in (("onOrBefore", "<="), ("onOrAfter", ">="))
}


def _times(column: str, name: str) -> dict[str, Filter]:
    return {
        f"{name}.{which}": _instant(f"{column} {operator} {{}}")
        for which, operator in (("onOrBefore", "<="), ("onOrAfter", ">="))
    }


_OF_ACTIVITY = (
    "activity IN (SELECT r.id FROM ingest.ss12000_refs r WHERE r.source_id = $1 "
    "AND r.resource = 'Activity' AND r.target = {})"
)
_EVENTS_AT = (
    "calendar_event IN (SELECT e.id FROM ingest.ss12000_events e WHERE e.source_id = $1 "
    f"AND {_OF_ACTIVITY.replace('activity IN', 'e.activity IN')})"
)
_WITH_STUDENT = (
    "activity IN (SELECT a.id FROM ingest.ss12000_refs a JOIN ingest.ss12000_refs g "
    "ON g.organiser_id = a.organiser_id AND g.source_id = a.source_id "
    "AND g.resource = 'Group' AND g.id = a.target "
    "WHERE a.source_id = $1 AND a.resource = 'Activity' AND g.target = {})"
)

FILTERS: dict[Resource, Mapping[str, Filter]] = {
    Resource.ORGANISATION: {
        "parent": _named("parentOrganisation"),
        "schoolUnitCode": _texts("body ->> 'schoolUnitCode' = ANY({}::text[])"),
        "organisationCode": _texts("body ->> 'organisationCode' = ANY({}::text[])"),
        "municipalityCode": _text("body ->> 'municipalityCode' = {}"),
        "type": _texts("body ->> 'organisationType' = ANY({}::text[])"),
        "schoolTypes": _texts("body -> 'schoolTypes' ?| {}::text[]"),
        **_DATES,
    },
    Resource.PERSON: {
        "nameContains": _texts(
            "NOT EXISTS (SELECT FROM unnest({}::text[]) AS wanted (part) WHERE strpos(lower("
            "(body ->> 'givenName') || chr(10) || (body ->> 'familyName')), lower(part)) = 0)"
        ),
        "civicNo": _text("body #>> '{civicNo,value}' = {}"),
        "relationship.organisation": _holds("enrolments", lambda one: {"enroledAt": {"id": one}}),
    },
    Resource.GROUP: {
        "groupType": _texts("body ->> 'groupType' = ANY({}::text[])"),
        "schoolTypes": _texts("body ->> 'schoolType' = ANY({}::text[])"),
        "organisation": _named("organisation"),
        **_DATES,
    },
    Resource.ACTIVITY: {
        "group": _holds("groups", lambda one: {"id": one}),
        "organisation": _named("organisation"),
        **_DATES,
    },
    Resource.SYLLABUS: {},
    Resource.DUTY: {
        "person": _named("person"),
        "dutyAt": _named("dutyAt"),
        "organisation": _named("dutyAt"),
        "dutyRole": _texts("body ->> 'dutyRole' = ANY({}::text[])"),
        **_DATES,
    },
    Resource.PLACEMENT: {
        "child": _named("child"),
        "group": _named("group"),
        "placedAt": _named("placedAt"),
        "organisation": _named("placedAt"),
        "schoolType": _texts("body ->> 'schoolType' = ANY({}::text[])"),
        **_DATES,
    },
    Resource.ABSENCE: {
        "student": _named("student"),
        "organisation": _named("organisation"),
        "registeredBy": _named("registeredBy"),
        "type": _texts("body ->> 'type' = ANY({}::text[])"),
        **_times("(body ->> 'startTime')::timestamptz", "startTime"),
        **_times("(body ->> 'endTime')::timestamptz", "endTime"),
    },
    Resource.CALENDAR_EVENT: {
        "activity": _uuid("activity = {}"),
        "organisation": _uuid(_OF_ACTIVITY),
        "group": _uuid(_OF_ACTIVITY),
        "student": _uuid(f"({_WITH_STUDENT} OR coalesce(exceptions ? ({{}}::uuid)::text, false))"),
        "cancelled": Filter("cancelled = {}", _flag, "true or false"),
        **_times("starts", "startTime"),
        **_times("ends", "endTime"),
    },
    Resource.ATTENDANCE: {
        "student": _uuid("student = {}"),
        "calendarEvent": _uuid("calendar_event = {}"),
        "organisation": _uuid(_EVENTS_AT),
        "isReported": Filter("reported = {}", _flag, "true or false"),
        **_times("reported_at", "reportedTimestamp"),
    },
}
SORTS: dict[Resource, Mapping[str, tuple[str, str]]] = {
    resource: {
        "ModifiedDesc": ("modified", "DESC"),
        **(
            {"StartTimeAsc": ("starts", "ASC"), "StartTimeDesc": ("starts", "DESC")}
            if resource is Resource.CALENDAR_EVENT
            else {}
        ),
        **(
            {"DisplayNameAsc": ("coalesce(body ->> 'displayName', '')", "ASC")}
            if resource in (Resource.ORGANISATION, Resource.GROUP, Resource.ACTIVITY)
            else {}
        ),
        **(
            {
                "DisplayNameAsc": ("(body ->> 'familyName') || (body ->> 'givenName')", "ASC"),
                "FamilyNameAsc": ("body ->> 'familyName'", "ASC"),
                "GivenNameAsc": ("body ->> 'givenName'", "ASC"),
            }
            if resource is Resource.PERSON
            else {}
        ),
        **(
            {
                "StartTimeAsc": ("(body ->> 'startTime')::timestamptz", "ASC"),
                "StartTimeDesc": ("(body ->> 'startTime')::timestamptz", "DESC"),
            }
            if resource is Resource.ABSENCE
            else {}
        ),
    }
    for resource in FILTERS
}
NO_FILTERS = frozenset({"limit", "pageToken", "expand", "expandReferenceNames"})
"""Parameters that do not narrow the answer; the rest may not stand beside a pageToken."""


def conditions(
    resource: Resource, query: Sequence[tuple[str, str]], first: int
) -> tuple[list[str], list[Any]]:
    """SQL conditions and their parameters, numbered from ``first`` on; raises FilterError."""
    known = {**FILTERS[resource], **_META}
    wanted: dict[str, list[Any]] = {}
    for name, text in query:
        if name in NO_FILTERS or name == "sortkey":
            continue
        found = known.get(name)
        if found is None:
            raise FilterError(
                f"{name}: is no filter of this resource here; known are {', '.join(sorted(known))}"
            )
        for part in text.split(",") if found.many else [text]:
            value = found.read(part.strip())
            if value is None:
                raise FilterError(f"{name}: must be {found.what}")
            wanted.setdefault(name, []).append(value)
    clauses: list[str] = []
    values: list[Any] = []
    for name, listed in wanted.items():
        if not known[name].many and len(listed) > 1:
            raise FilterError(f"{name}: stands twice")
        values.append(listed if known[name].many else listed[0])
        clauses.append(known[name].sql.replace("{}", f"${first + len(values) - 1}"))
    return clauses, values
