"""CloudEvents 1.0: the envelope, its three ways over HTTP, and what names an event."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.adapters.cloudevents import Event, from_headers, read_event, tell
from services.ingest.model.answers import ItemAnswer, Note
from tests.unit.ingest.test_edfi import JSON

DATA = {"school_unit": "u1", "marks": []}


def envelope(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "specversion": "1.0",
        "id": "A234-1234-1234",
        "source": "https://sis.example.org/lessons",
        "type": "forvarning.register.v1",
        "time": "2026-11-24T08:15:03+01:00",
        "datacontenttype": "application/json",
        "data": DATA,
    }
    return {name: value for name, value in (body | changes).items() if value is not ...}


def read(item: Any) -> tuple[Event | None, ItemAnswer]:
    answer = ItemAnswer(0)
    return read_event(item, answer), answer


def good(**changes: Any) -> Event:
    event, answer = read(envelope(**changes))
    assert event is not None, answer
    return event


def test_data_and_the_time_that_stands_in_for_modified() -> None:
    event = good()
    assert event.kind == "register"
    assert event.data == DATA | {"modified": "2026-11-24T08:15:03+01:00"}
    assert event.answer.client_id == "A234-1234-1234"
    own = DATA | {"modified": "2026-11-24T09:00:00Z"}
    assert good(data=own).data == own
    assert good(time=...).data == DATA
    assert good(type="forvarning.roster.v1").data == DATA, "a roster has no modified"


@pytest.mark.parametrize(
    "changes",
    [
        {"datacontenttype": ...},
        {"datacontenttype": "application/json; charset=utf-8"},
        {"datacontenttype": "application/vnd.example+json"},
        {"subject": "7A", "traceparent": "00-ab-cd-01", "dataschema": "https://x/y"},
        {"data": ..., "data_base64": base64.b64encode(json.dumps(DATA).encode()).decode()},
    ],
)
def test_what_may_be_otherwise(changes: dict[str, Any]) -> None:
    assert good(**changes).data["school_unit"] == "u1"


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"specversion": "0.3"}, "unknown_value", "/specversion"),
        ({"specversion": ...}, "missing_field", "/specversion"),
        ({"id": ""}, "invalid", "/id"),
        ({"source": ...}, "missing_field", "/source"),
        ({"type": "com.github.push"}, "unknown_type", "/type"),
        ({"time": "igår"}, "invalid", "/time"),
        ({"time": "2026-11-24T08:15:03"}, "missing_offset", "/time"),
        ({"datacontenttype": "text/xml"}, "unsupported_media_type", "/datacontenttype"),
        ({"data": ...}, "missing_field", "/data"),
        ({"data": [1]}, "missing_field", "/data"),
        ({"data_base64": "e30="}, "invalid", "/data_base64"),
        ({"data": ..., "data_base64": "e3"}, "invalid", "/data_base64"),
        ({"data": ..., "data_base64": "/////w=="}, "invalid", "/data_base64"),
    ],
)
def test_a_refused_envelope_names_the_attribute(
    changes: dict[str, Any], code: str, pointer: str
) -> None:
    event, answer = read(envelope(**changes))
    assert event is None
    assert [(one.code, one.field) for one in answer.problems] == [(code, pointer)]


def test_source_and_id_name_the_event_and_nothing_else_does() -> None:
    key = good().key
    assert good(time="2026-11-25T08:15:03Z", data={}, subject="x").key == key
    assert good(id="other").key != key
    assert good(source="other").key != key
    # No way to move letters from one to the other.
    assert good(source="ab", id="c").key != good(source="a", id="bc").key
    assert len(key) == 32


def test_the_binary_form() -> None:
    headers = {
        "Content-Type": "application/json",
        "CE-SpecVersion": "1.0",
        "ce-id": "A234%201",
        "ce-source": "https://sis.example.org/l%C3%A4sning",
        "ce-type": "forvarning.register.v1",
        "ce-data": "no attribute",
        "Authorization": "Bearer x",
    }
    item = from_headers(headers, DATA)
    assert item == {
        "specversion": "1.0",
        "id": "A234 1",
        "source": "https://sis.example.org/läsning",
        "type": "forvarning.register.v1",
        "data": DATA,
    }
    assert read(item)[0] is not None


def test_what_is_said_of_the_data_points_into_the_event() -> None:
    event = good()
    said = ItemAnswer(3)
    said.note("unknown_pupil", "/marks/0/pupil", "/marks/0/pupil: not known")
    said.refuse([Note("unknown_unit", "/school_unit", "/school_unit: not known")])
    tell(event, said)
    assert event.answer.notes == [
        Note("unknown_pupil", "/data/marks/0/pupil", "/data/marks/0/pupil: not known")
    ]
    assert event.answer.problems[0].field == "/data/school_unit"
    assert event.answer.status == "refused"


@given(JSON, st.sampled_from(sorted(envelope())), JSON)
def test_no_json_at_all_ends_in_anything_else(junk: Any, name: str, value: Any) -> None:
    for item in (junk, envelope(**{name: value})):
        event, answer = read(item)
        assert (event is None) == bool(answer.problems)
