"""Ed-Fi section attendance events: categories, durations, clock times, class periods."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.adapters.edfi import read_events
from services.ingest.adapters.edfi_mapping import EdFiMapping, read_edfi_mapping
from services.ingest.adapters.edfi_registers import Read, answer_events
from services.ingest.adapters.mapping import MappingError
from services.ingest.model.answers import ItemAnswer, Note
from services.ingest.model.lessons import RegisterIn

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
MAPPING = EdFiMapping.model_validate({
    "schools": {"255901001": "99990001"},
    "subjects": {"MA-07": "MA"},
    "sections": {"7A-MA-2": ["03"]},
    "reasons": {"Elevråd": "other", "Sjuk": "valid"},
    "periods": [
        {"name": "01", "start": "08:10", "end": "09:10"},
        {"name": "02", "start": "09:20", "end": "10:20"},
        {"name": "03", "start": "10:40", "end": "11:40"},
        {"name": "03", "start": "10:00", "end": "11:00", "weekdays": [5]},
        {"name": "03", "start": "12:00", "end": "13:00", "school": "2"},
        {"name": "natt", "start": "23:30", "end": "00:30"},
    ],
})  # fmt: skip


def event(category: str = "Unexcused Absence", *periods: str, **changes: Any) -> dict[str, Any]:
    """As an ODS sends it."""
    body: dict[str, Any] = {
        "id": "f2b8a1f07e0a4a4f9a6b9a3f6f9b0c11",
        "attendanceEventCategoryDescriptor": (
            f"uri://ed-fi.org/AttendanceEventCategoryDescriptor#{category}"
        ),
        "eventDate": "2026-11-24",
        "studentReference": {"studentUniqueId": "604854", "link": {"rel": "Student", "href": "/x"}},
        "sectionReference": {
            "localCourseCode": "MA-07", "schoolId": 255901001, "schoolYear": 2027,
            "sectionIdentifier": "7A-MA-1", "sessionName": "HT2026",
        },
        "classPeriods": [
            {"classPeriodReference": {"classPeriodName": name, "schoolId": 255901001}}
            for name in periods or ("01",)
        ],
        "_etag": "5250168",
        "_lastModifiedDate": "2026-11-24T08:20:11.123Z",
    }  # fmt: skip
    return body | changes


def read(*events: dict[str, Any], mapping: EdFiMapping = MAPPING) -> Read:
    found = read_events(events, mapping, NOW)
    for register in found.registers:
        RegisterIn.model_validate(register.body)
    return found


def marks(*events: dict[str, Any], mapping: EdFiMapping = MAPPING) -> list[dict[str, Any]]:
    """Every mark without its pupil, by start."""
    found = read(*events, mapping=mapping)
    assert [answer.problems for answer in found.answers] == [[]] * len(events)
    ordered = sorted(found.registers, key=lambda one: str(one.body["start"]))
    return [
        {name: value for name, value in mark.items() if name != "pupil"}
        for register in ordered
        for mark in register.body["marks"]
    ]


@pytest.mark.parametrize(
    ("category", "changes", "mark"),
    [
        ("Present", {}, {}),
        ("In Attendance", {"sectionAttendanceDuration": 45}, {}),
        ("Unexcused Absence", {}, {"invalid": 60}),
        ("Excused Absence", {}, {"valid": 60}),
        ("Excused Absence", {"eventDuration": 1.0}, {"valid": 60}),
        ("Excused Absence", {"sectionAttendanceDuration": 20}, {"valid": 20}),
        ("Unexcused Absence", {"eventDuration": 0.1}, {"invalid": 36}),
        ("Unexcused Absence", {"eventDuration": 0.5}, {"invalid": 60}),
        ("Unexcused Absence", {"sectionAttendanceDuration": 0}, {}),
        ("Tardy", {"arrivalTime": "08:25:00"}, {"invalid": 15, "arrived_late": 15}),
        ("Tardy", {"sectionAttendanceDuration": 15}, {"invalid": 15}),
        # The clock is exacter than a duration.
        ("Tardy", {"arrivalTime": "08:25:00", "sectionAttendanceDuration": 45},
         {"invalid": 15, "arrived_late": 15}),
        ("Tardy", {"arrivalTime": "08:05:00"}, {}),
        ("Tardy", {"arrivalTime": "09:30:00"}, {"invalid": 60, "arrived_late": 60}),
        ("Early departure", {"departureTime": "09:00:00"}, {"invalid": 10, "left_early": 10}),
        ("Early departure", {"departureTime": "09:30:00"}, {}),
        ("Partial", {"sectionAttendanceDuration": 40}, {"invalid": 20}),
        ("Partial", {"arrivalTime": "08:20", "departureTime": "09:00"}, {"invalid": 20}),
        # Left and came back.
        ("Partial", {"departureTime": "08:30", "arrivalTime": "08:50"}, {"invalid": 20}),
        ("Excused Absence", {"departureTime": "08:30:00"}, {"valid": 40}),
        ("Tardy", {"arrivalTime": "08:25:00", "attendanceEventReason": "Sjuk"},
         {"valid": 15, "arrived_late": 15}),
        ("Excused Absence", {"attendanceEventReason": "Elevråd"}, {"other": 60}),
        ("EXCUSED ABSENCE", {}, {"valid": 60}),
    ],
)  # fmt: skip
def test_a_category(category: str, changes: dict[str, Any], mark: dict[str, Any]) -> None:
    assert marks(event(category, **changes)) == [mark]


@pytest.mark.parametrize("category", ["Tardy", "Early departure", "Partial"])
def test_partly_without_minutes_is_present_and_says_so(category: str) -> None:
    found = read(event(category))
    assert found.registers[0].body["marks"] == [{"pupil": "604854"}]
    assert [note.code for note in found.answers[0].notes] == ["no_minutes"]


def test_the_register() -> None:
    [register] = read(event("Present", "01")).registers
    assert register.body == {
        "id": "MA-07|7A-MA-1|HT2026/2026-11-24/490",
        "school_unit": "99990001",
        "activity": "MA-07|7A-MA-1|HT2026",
        "subject": "MA",
        "start": "2026-11-24T08:10:00+01:00",
        "length_minutes": 60,
        "state": "reported",
        "modified": "2026-11-24T08:20:11.123000+00:00",
        "marks": [{"pupil": "604854"}],
    }


@pytest.mark.parametrize(
    ("category", "changes", "expected"),
    [
        ("Unexcused Absence", {}, [{"invalid": 60}, {"invalid": 60}]),
        ("Excused Absence", {"sectionAttendanceDuration": 80}, [{"valid": 60}, {"valid": 20}]),
        ("Tardy", {"arrivalTime": "09:30:00"},
         [{"invalid": 60, "arrived_late": 60}, {"invalid": 10, "arrived_late": 10}]),
        ("Early departure", {"departureTime": "09:00:00"},
         [{"invalid": 10, "left_early": 10}, {"invalid": 60, "left_early": 60}]),
        ("Early departure", {"sectionAttendanceDuration": 70}, [{"invalid": 10}, {"invalid": 60}]),
        ("Partial", {"sectionAttendanceDuration": 100}, [{"invalid": 20}, {}]),
    ],
)  # fmt: skip
def test_a_section_of_two_periods(
    category: str, changes: dict[str, Any], expected: list[dict[str, Any]]
) -> None:
    assert marks(event(category, "02", "01", **changes)) == expected


def test_the_periods_of_a_weekday_a_school_and_a_section() -> None:
    section = event()["sectionReference"]
    cases = [
        (event("Present", "03"), "T10:40"),
        (event("Present", "03", eventDate="2026-11-27"), "T10:00"),
        (event("Present", "03", sectionReference=section | {"schoolId": "2"}), "T12:00"),
        (
            event(classPeriods=[], sectionReference=section | {"sectionIdentifier": "7A-MA-2"}),
            "T10:40",
        ),
    ]  # fmt: skip
    for one, start in cases:
        assert start in read(one).registers[0].body["start"]


def test_a_period_over_midnight() -> None:
    late = event("Tardy", "natt", arrivalTime="00:10:00")
    assert marks(late) == [{"invalid": 40, "arrived_late": 40}]
    assert read(late).registers[0].body["length_minutes"] == 60


def test_tardy_and_early_departure_of_one_lesson_are_added_up() -> None:
    both = [
        event("Tardy", arrivalTime="08:25:00"),
        event(
            "Early departure", departureTime="09:00:00", _lastModifiedDate="2026-11-24T09:01:00Z"
        ),
    ]
    for events in (both, both[::-1]):
        found = read(*events)
        assert marks(*events) == [{"invalid": 25, "arrived_late": 15, "left_early": 10}]
        assert [answer.status for answer in found.answers] == ["accepted", "accepted"]


def test_of_two_events_that_disagree_the_newer_counts() -> None:
    older = event("Unexcused Absence")
    newer = event("Excused Absence", _lastModifiedDate="2026-11-24T10:00:00Z")
    for events in ((older, newer), (newer, older)):
        found = read(*events)
        assert marks(*events) == [{"valid": 60}]
        assert {answer.status for answer in found.answers} == {"accepted", "duplicate"}
        assert found.answers[events.index(older)].status == "duplicate"


def test_students_of_one_lesson_share_a_register_unless_changed_at_different_times() -> None:
    def student(name: str, modified: str = "2026-11-24T08:20:11Z") -> dict[str, Any]:
        return event(studentReference={"studentUniqueId": name}, _lastModifiedDate=modified)

    found = read(student("1"), student("2"), student("3", "2026-11-24T09:00:00Z"))
    assert [len(one.body["marks"]) for one in found.registers] == [2, 1]


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"attendanceEventCategoryDescriptor": "uri://x#Skolk"}, "unknown_value",
         "/attendanceEventCategoryDescriptor"),
        ({"classPeriods": []}, "missing_field", "/classPeriods"),
        ({"classPeriods": [{"classPeriodReference": {"classPeriodName": "99"}}]}, "unknown_period",
         "/classPeriods/0"),
        ({"eventDate": "2026-02-30"}, "invalid", "/eventDate"),
        ({"studentReference": {}}, "missing_field", "/studentReference/studentUniqueId"),
        ({"eventDuration": 1.5}, "out_of_range", "/eventDuration"),
        ({"eventDuration": float("nan")}, "invalid", "/eventDuration"),
        ({"arrivalTime": "25:00:00"}, "invalid", "/arrivalTime"),
        ({"_lastModifiedDate": "2026-11-24T08:20:11"}, "missing_offset", "/_lastModifiedDate"),
        ({"classPeriods": [{}]}, "missing_field", "/classPeriods/0/classPeriodReference"),
    ],
)  # fmt: skip
def test_a_refused_event_names_its_field(changes: dict[str, Any], code: str, pointer: str) -> None:
    found = read(event(**changes), event())
    [problem] = found.answers[0].problems
    if code != "invalid":
        assert problem.code == code
    assert problem.field == pointer
    assert found.answers[1].status == "accepted"
    assert len(found.registers) == 1


def test_students_by_personnummer() -> None:
    mapping = MAPPING.model_copy(update={"students": "civic_no"})
    good = event(studentReference={"studentUniqueId": "130405-9809"})
    assert read(good, mapping=mapping).registers[0].body["marks"][0]["pupil"] == (
        "civic_no:201304059809"
    )
    found = read(event(), mapping=mapping)
    assert found.answers[0].problems[0].code == "bad_civic_no"
    assert "604854" not in found.answers[0].problems[0].detail


def test_unexcused_may_be_confirmed() -> None:
    mapping = MAPPING.model_copy(update={"unexcused_is_confirmed": True})
    assert marks(event(), mapping=mapping) == [{"invalid": 60, "confirmed": True}]
    assert marks(event(attendanceEventReason="Sjuk"), mapping=mapping) == [{"valid": 60}]


def test_what_ingest_says_of_a_register_reaches_its_events() -> None:
    def student(name: str) -> dict[str, Any]:
        return event(studentReference={"studentUniqueId": name})

    found = read(student("1"), student("2"))
    answer = ItemAnswer(0)
    answer.note("unknown_pupil", "/marks/1/pupil", "/marks/1/pupil: not known")
    answer_events(found, [answer])
    assert [len(one.notes) for one in found.answers] == [0, 1]
    assert found.answers[1].notes[0] == Note(
        "unknown_pupil",
        "/studentReference/studentUniqueId",
        "/studentReference/studentUniqueId: not known",
    )
    refused = ItemAnswer(0)
    refused.refuse([Note("unknown_unit", "/school_unit", "/school_unit: not known")])
    answer_events(found, [refused])
    assert {one.status for one in found.answers} == {"refused"}
    assert found.answers[0].problems[0].field == "/sectionReference/schoolId"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "periods"),
        ('[[periods]]\nname = "1"\nstart = "8:10"\nend = "09:10"', "periods.0.start"),
        ('[[periods]]\nname = "1"\nstart = "09:10"\nend = "09:10"', "the same"),
        ('[[periods]]\nname = "1"\nstart = "09:10"\nend = "09:11"\n' * 2, "two times"),
        ("[[periods]", "mapping.toml"),
    ],
)
def test_a_bad_mapping_names_the_field(tmp_path: Any, text: str, reason: str) -> None:
    (tmp_path / "mapping.toml").write_text(text)
    with pytest.raises(MappingError, match=reason):
        read_edfi_mapping(tmp_path / "mapping.toml")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=3), st.sampled_from(sorted(event())), JSON)
def test_no_json_at_all_ends_in_anything_else(junk: list[Any], name: str, value: Any) -> None:
    found = read_events([*junk, event(**{name: value}), event()], MAPPING, NOW)
    for register in found.registers:
        RegisterIn.model_validate(json.loads(json.dumps(register.body)))
    assert len(found.answers) == len(junk) + 2
    assert all(a.status != "accepted" or not a.problems for a in found.answers)


def test_a_section_with_long_names_is_told_from_another_and_fits() -> None:
    section = event("Present")["sectionReference"]
    long = [section | {"sectionIdentifier": "S" * 199 + last, "localCourseCode": "C" * 199}
            for last in "ab"]  # fmt: skip
    found = read(*(event("Present", sectionReference=one) for one in long))
    names = {register.body["activity"] for register in found.registers}
    assert len(names) == 2
    assert max(map(len, names)) <= 200
