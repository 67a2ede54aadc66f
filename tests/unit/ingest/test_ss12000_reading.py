"""Entities of SS 12000 as systems send them: what is taken, what is left out, what is named."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.model.answers import ItemAnswer
from services.ingest.ss12000.civic import civic_no
from services.ingest.ss12000.entities import read
from services.ingest.ss12000.sent import read_attendance, read_event
from services.ingest.ss12000.vocabulary import DELETED_KEYS, PATHS, TAKEN, Resource
from services.ingest.ss12000.wire import plain_attendances
from tests.integration.ingest import school

ENTITIES = {Resource(name): listed[0] for name, listed in school.everything().items()} | {
    Resource.PLACEMENT: {
        "id": school.key("pl"),
        "placedAt": school.ref("u1"),
        "child": school.ref("p1"),
        "startDate": "2026-08-18",
    }
}


def taken(resource: Resource, value: dict[str, Any]) -> tuple[Any, ItemAnswer]:
    answer = ItemAnswer(0)
    if resource is Resource.ATTENDANCE:
        return read_attendance(value, answer), answer
    if resource is Resource.CALENDAR_EVENT:
        return read_event(value, answer), answer
    return read(resource, value, answer), answer


@pytest.mark.parametrize("resource", TAKEN)
def test_unknown_fields_are_ignored(resource: Resource) -> None:
    value = ENTITIES[resource]
    plain, _ = taken(resource, value)
    more, answer = taken(resource, value | {"vendorExtension": {"a": [1]}, "_embedded": {}})
    assert answer.status == "accepted"
    assert more == plain


_UUIDS = st.one_of(
    st.uuids().map(str), st.uuids().map(lambda one: one.hex), st.just("p1"), st.just(7)
)
_STAMPS = st.sampled_from([
    "2026-11-24T08:10:00.123+01:00", "2026-11-24T07:10:00Z", "2026-11-24t07:10:00z", "",
    "2026-11-24T08:10:00", "2026-11-24", "0001-01-01T00:00:00+23:00", "9999-12-31T00:00:00Z",
    "2026-11-24T08:10:00.123456789+01:00", "i går", None,
])  # fmt: skip
_NUMBERS = st.sampled_from([0, 1, 60, 1440, 1441, -1, 60.0, 0.5, "60", "x", True, None, 2**70])


@given(
    st.fixed_dictionaries(
        {
            "id": _UUIDS,
            "calendarEvent": st.one_of(st.fixed_dictionaries({"id": _UUIDS}), _UUIDS),
            "student": st.fixed_dictionaries({"id": _UUIDS, "securityMarking": st.just("Ingen")}),
            "isReported": st.sampled_from([True, False, "true", None]),
            "attendanceMinutes": _NUMBERS,
        },
        optional={
            "validAbsenceMinutes": _NUMBERS,
            "invalidAbsenceMinutes": _NUMBERS,
            "otherAttendanceMinutes": _NUMBERS,
            "reportedTimestamp": _STAMPS,
            "meta": st.one_of(
                st.none(),
                st.fixed_dictionaries({}, optional={"created": _STAMPS, "modified": _STAMPS}),
            ),
            "vendor": st.sampled_from([{"rev": [7]}, "x", None]),
        },
    )
)
def test_the_quick_way_reads_what_the_careful_way_reads(value: dict[str, Any]) -> None:
    """Whatever the quick decoder takes comes out as the careful reading has it, refusals too."""
    page = plain_attendances(json.dumps({"data": [value], "pageToken": "t"}).encode())
    careful, expected = taken(Resource.ATTENDANCE, value)
    if page is None:
        return
    assert page["pageToken"] == "t"
    answer = ItemAnswer(0)
    found = read_attendance(page["data"][0], answer)
    assert (found is None) == (careful is None)
    assert found == careful
    assert {one.field for one in answer.problems} == {one.field for one in expected.problems}


def test_the_quick_way_takes_what_the_standard_says_and_leaves_the_rest() -> None:
    value = ENTITIES[Resource.ATTENDANCE]
    page = plain_attendances(json.dumps({"data": [value, value]}).encode())
    assert page is not None
    assert len(page["data"]) == 2
    odd = {**value, "attendanceMinutes": "60"}
    data: Any
    for data in ([value, odd], [None], {}, [[]]):
        assert plain_attendances(json.dumps({"data": data}).encode()) is None
    assert plain_attendances(b'{"data": [') is None
    assert plain_attendances(b"\xff") is None


REQUIRED = {
    Resource.ORGANISATION: ("displayName", "organisationType"),
    Resource.PERSON: ("givenName", "familyName"),
    Resource.DUTY: ("dutyAt",),
    Resource.PLACEMENT: ("placedAt", "child", "startDate"),
    Resource.CALENDAR_EVENT: ("activity", "startTime", "endTime"),
    Resource.ATTENDANCE: ("calendarEvent", "student", "isReported", "attendanceMinutes"),
    Resource.ABSENCE: ("startTime", "endTime", "type", "student"),
}


@pytest.mark.parametrize("resource", TAKEN)
def test_a_missing_required_field_is_named_and_no_other_is_needed(resource: Resource) -> None:
    value = ENTITIES[resource]
    needed = {"id", *REQUIRED.get(resource, ())}
    for name in needed:
        _, answer = taken(resource, {key: one for key, one in value.items() if key != name})
        assert answer.status == "refused", name
        assert [(one.code, one.field) for one in answer.problems] == [("missing_field", f"/{name}")]
    _, answer = taken(resource, {name: value[name] for name in needed})
    assert answer.problems == []


IMPOSSIBLE: list[tuple[Resource, dict[str, Any], str, str]] = [
    (Resource.ATTENDANCE, {"invalidAbsenceMinutes": -1}, "impossible_minutes",
     "/invalidAbsenceMinutes"),
    (Resource.ATTENDANCE, {"attendanceMinutes": "x"}, "invalid", "/attendanceMinutes"),
    (Resource.ATTENDANCE, {"isReported": "ja"}, "invalid", "/isReported"),
    (Resource.ATTENDANCE, {"student": {"id": "19130405"}}, "invalid", "/student/id"),
    (Resource.ATTENDANCE, {"meta": {"modified": "2026-11-24T08:00:00"}}, "missing_offset",
     "/meta/modified"),
    (Resource.ATTENDANCE, {"reportedTimestamp": "i går"}, "invalid", "/reportedTimestamp"),
    (Resource.CALENDAR_EVENT, {"startTime": "2026-11-24T08:10:00"}, "missing_offset",
     "/startTime"),
    (Resource.CALENDAR_EVENT, {"startTime": "2026-11-24T08:10:00+02:00"}, "wrong_time_zone",
     "/startTime"),
    (Resource.CALENDAR_EVENT, {"endTime": "2026-11-24T08:10:00+01:00"}, "empty_interval",
     "/endTime"),
    (Resource.CALENDAR_EVENT, {"endTime": "2026-11-25T08:10:00+01:00"}, "too_long", "/endTime"),
    (Resource.CALENDAR_EVENT, {"studentExceptions": [{"participates": True}]}, "missing_field",
     "/studentExceptions/0/student"),
    (Resource.ABSENCE, {"type": "Sjuk"}, "unknown_value", "/type"),
    (Resource.ABSENCE, {"endTime": "2026-11-23T00:00:00+01:00"}, "empty_interval", "/endTime"),
    (Resource.GROUP, {"groupMemberships": [{"person": {}}]}, "missing_field",
     "/groupMemberships/0/person/id"),
    (Resource.ORGANISATION, {"organisationType": "Förvaltning"}, "unknown_value",
     "/organisationType"),
]  # fmt: skip


@pytest.mark.parametrize(("resource", "change", "code", "field"), IMPOSSIBLE)
def test_what_is_impossible_is_named(
    resource: Resource, change: dict[str, Any], code: str, field: str
) -> None:
    found, answer = taken(resource, ENTITIES[resource] | change)
    assert found is None
    assert (code, field) in [(one.code, one.field) for one in answer.problems]
    assert all(one.detail.startswith(one.field) for one in answer.problems)


VARIANTS: list[tuple[Resource, dict[str, Any]]] = [
    # Bare ids, minutes as text or with a fraction, nanoseconds, other cases of a word.
    (Resource.ATTENDANCE, {"student": school.key("p1"), "attendanceMinutes": "0"}),
    (Resource.ATTENDANCE, {"attendanceMinutes": 0.0, "isReported": "True"}),
    (Resource.ATTENDANCE, {"meta": {"modified": "2026-11-24T07:15:00.123456789Z"}}),
    (Resource.ATTENDANCE, {"meta": None, "reportedTimestamp": None}),
    (Resource.ABSENCE, {"type": "anmäld frånvaro"}),
    (Resource.GROUP, {"groupType": "klass"}),
    (Resource.CALENDAR_EVENT, {"activity": school.key("7A-MA"), "rooms": "sal 4"}),
]


@pytest.mark.parametrize(("resource", "change"), VARIANTS)
def test_what_systems_write_instead_is_understood(
    resource: Resource, change: dict[str, Any]
) -> None:
    found, answer = taken(resource, ENTITIES[resource] | change)
    assert answer.problems == []
    assert found is not None


def test_optional_nonsense_is_left_out_and_told() -> None:
    value = ENTITIES[Resource.PERSON] | {
        "sex": "F",
        "securityMarking": "Sekretessmarkering",
        "civicNo": {"value": "okänt"},
        "emails": [{"value": ["x"]}, "y"],
        "enrolments": [
            {"enroledAt": school.ref("u1"), "schoolType": "AGR", "endDate": "9999-12-31"}
        ],
    }
    found, answer = taken(Resource.PERSON, value)
    assert answer.problems == []
    assert {one.field for one in answer.notes} == {
        "/sex", "/civicNo/value", "/emails/0/value", "/emails/1",
    }  # fmt: skip
    # Anpassad grundskola has its old code here; the year 9999 is no end.
    assert found.body["enrolments"] == [
        {"enroledAt": school.ref("u1"), "schoolType": "GRS"},
    ]
    assert not {"sex", "civicNo"} & found.body.keys()


def test_what_is_not_needed_of_a_person_is_not_kept() -> None:
    value = ENTITIES[Resource.PERSON] | {
        "addresses": [{"streetAddress": "Storgatan 1"}],
        "photo": "https://example.org/p1.jpg",
        "middleName": "Mellan",
    }
    found, _ = taken(Resource.PERSON, value)
    assert "Storgatan" not in str(found)
    assert "p1.jpg" not in str(found)
    assert "Mellan" not in str(found)


@pytest.mark.parametrize(
    ("text", "born", "value", "birth"),
    [
        ("200112240123", None, "200112240123", date(2001, 12, 24)),
        ("20011224-0123", None, "200112240123", date(2001, 12, 24)),
        ("011224-0123", None, "200112240123", date(2001, 12, 24)),
        ("751224+0123", None, "187512240123", date(1875, 12, 24)),
        ("7512240123", None, "197512240123", date(1975, 12, 24)),
        ("1304050123", date(2013, 4, 5), "201304050123", date(2013, 4, 5)),
        # Samordningsnummer; a temporary number.
        ("200112840123", None, "200112840123", date(2001, 12, 24)),
        ("20130101TF01", None, "20130101TF01", date(2013, 1, 1)),
        ("20130101tf01", None, "20130101TF01", date(2013, 1, 1)),
    ],
)
def test_civic_numbers(text: str, born: date | None, value: str, birth: date) -> None:
    found = civic_no(text, born)
    assert found is not None
    assert (found.value, found.birth_date) == (value, birth)


@pytest.mark.parametrize(
    "text", ["", "0", "20011324-0123", "200113-01234", "elev", "2001122401234"]
)
def test_what_is_no_civic_number(text: str) -> None:
    assert civic_no(text) is None


def test_the_words_are_the_standards() -> None:
    assert len(Resource) == 18
    assert set(PATHS) == set(Resource)
    # The standard's own list of deletions misspells one.
    assert "activitites" in DELETED_KEYS[Resource.ACTIVITY]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
    | st.uuids().map(str) | st.just("2026-11-24T08:10:00+01:00"),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["id", "meta", "person", "value", "modified"]), inner),
    max_leaves=6,
)  # fmt: skip


@given(st.data())
def test_no_value_breaks_a_reader(data: st.DataObject) -> None:
    """Whatever stands in a field: an entity, or problems that name fields."""
    resource = data.draw(st.sampled_from(TAKEN))
    value = dict(ENTITIES[resource])
    for name in data.draw(st.sets(st.sampled_from(sorted(value)), min_size=1, max_size=3)):
        value[name] = data.draw(_JSON)
    found, answer = taken(resource, value)
    assert (found is None) == bool(answer.problems)
    assert all(one.field.startswith("/") for one in [*answer.problems, *answer.notes])


def test_attendance_ids_are_what_was_sent() -> None:
    identity = uuid4()
    found, _ = taken(Resource.ATTENDANCE, ENTITIES[Resource.ATTENDANCE] | {"id": str(identity)})
    assert found.id == identity
    assert isinstance(found.id, UUID)
