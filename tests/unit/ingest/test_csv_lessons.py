"""The CSV adapter's lessons: minutes, flags, midnight, summer time, and the shipped mapping."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.ingest.adapters.csv_file import Import, read_csv
from services.ingest.adapters.mapping import Mapping, MappingError, read_mapping
from services.ingest.adapters.report import summary, table
from services.ingest.imports import deliver
from services.ingest.model.lessons import RegisterIn

MODIFIED = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SKOLA24 = Path("services/ingest/mappings/skola24-like.toml")
EXPORT = Path("tests/data/csv/lektioner.csv")
TEXT = """
[lesson]
school_unit = { value = "u1" }
activity = { column = "Lektion" }
date = { column = "Datum" }
start = { column = "Start" }
end = { column = "Slut" }
[mark]
pupil = { column = "Elev", kind = "civic_no" }
invalid = { column = "Ogiltig" }
offered = { column = "Erbjuden" }
confirmed = { column = "Bekräftad", yes = ["J"], no = ["", "N"] }
"""
HEADING = "Lektion;Datum;Start;Slut;Elev;Ogiltig;Erbjuden;Bekräftad"


def read(*lines: str, text: str = TEXT) -> Import:
    content = "\n".join([HEADING, *lines, ""]).encode()
    return read_csv(content, Mapping.model_validate(tomllib.loads(text)), MODIFIED)


def only(found: Import) -> dict[str, Any]:
    [lesson] = found.lessons
    RegisterIn.model_validate(lesson.body)
    return lesson.body


def codes(found: Import) -> list[tuple[int, str, str]]:
    return [(one.line, one.field, one.code) for one in sorted(found.findings)]


def test_minutes_offered_and_confirmed() -> None:
    found = read(
        "MA;2026-11-24;8:10;9:10;130405-9809;20,0;45;J",
        "MA;2026-11-24;8:10;9:10;130612-9808;;;",
        "MA;2026-11-24;8:10;9:10;130405-9817;0;0;N",
    )
    assert found.findings == []
    assert only(found)["marks"] == [
        {"pupil": "civic_no:201304059809", "offered": 45, "invalid": 20, "confirmed": True},
        {"pupil": "civic_no:201306129808"},
        {"pupil": "civic_no:201304059817", "offered": 0},
    ]


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        ("MA;2026-11-24;8:10;9:10;130405-9809;61;;", "Ogiltig", "impossible_minutes"),
        ("MA;2026-11-24;8:10;9:10;130405-9809;46;45;", "Ogiltig", "impossible_minutes"),
        ("MA;2026-11-24;8:10;9:10;130405-9809;-5;;", "Ogiltig", "impossible_minutes"),
        ("MA;2026-11-24;8:10;9:10;130405-9809;0:45;;", "Ogiltig", "impossible_minutes"),
        ("MA;2026-11-24;8:10;9:10;130405-9809;1e1;;", "Ogiltig", "impossible_minutes"),
        ("MA;2026-11-24;8:10;9:10;130405-9808;0;;", "Elev", "bad_civic_no"),
        ("MA;2026-11-24;8:10;9:10;130405-9809;0;;ja", "Bekräftad", "unknown_value"),
        ("MA;2026-11-24;8:10;8:10;130405-9809;0;;", "Slut", "impossible_minutes"),
        ("MA;2026-11-24;10:00;9:00;130405-9809;0;;", "Slut", "impossible_minutes"),
        ("MA;2026-11-24;8:10;24:00;130405-9809;0;;", "Slut", "bad_time"),
        ('"M\nA";2026-11-24;8:10;9:10;130405-9809;0;;', "Lektion", "control_character"),
        (";2026-11-24;8:10;9:10;130405-9809;0;;", "Lektion", "missing_value"),
    ],
)
def test_a_rejected_row_names_the_field(row: str, field: str, code: str) -> None:
    found = read(row)
    assert codes(found) == [(2, field, code)]
    assert found.lessons == []


def test_the_same_pupil_in_two_forms_is_one() -> None:
    found = read(
        "MA;2026-11-24;8:10;9:10;130405-9809;0;;", "MA;24/11 2026;0810;0910;201304059809;0;;"
    )
    assert codes(found) == [(3, "", "duplicate_row")]


def test_a_lesson_over_midnight_ends_on_the_next_day() -> None:
    found = read("NATT;2026-11-24;23:30;0:15;130405-9809;45;;")
    assert codes(found) == [(2, "Slut", "over_midnight")]
    body = only(found)
    assert (body["start"], body["length_minutes"]) == ("2026-11-24T23:30:00+01:00", 45)


@pytest.mark.parametrize(
    ("row", "start", "length"),
    [
        # Summer time begins: 1:30 to 3:30 is one hour.
        ("N;2027-03-28;1:30;3:30;130405-9809;0;;", "2027-03-28T01:30:00+01:00", 60),
        # It ends: 1:30 to 3:30 is three hours.
        ("N;2026-10-25;1:30;3:30;130405-9809;0;;", "2026-10-25T01:30:00+02:00", 180),
        # By day nothing happens on those days.
        ("N;2027-03-28;8:10;9:10;130405-9809;0;;", "2027-03-28T08:10:00+02:00", 60),
        ("N;2026-10-25;8:10;9:10;130405-9809;0;;", "2026-10-25T08:10:00+01:00", 60),
        # Over midnight into the day.
        ("N;2026-10-24;23:00;3:00;130405-9809;0;;", "2026-10-24T23:00:00+02:00", 300),
    ],
)
def test_local_times_on_the_days_when_the_clocks_change(row: str, start: str, length: int) -> None:
    body = only(read(row))
    assert (body["start"], body["length_minutes"]) == (start, length)


def test_a_time_that_does_not_exist_and_one_that_exists_twice() -> None:
    found = read("N;2027-03-28;2:30;3:30;130405-9809;0;;", "N;2026-10-25;2:30;3:30;130405-9809;0;;")
    assert (2, "Start", "bad_time") in codes(found)
    assert (3, "Start", "ambiguous_time") in codes(found)
    assert only(found)["start"] == "2026-10-25T02:30:00+02:00"


def test_rows_that_disagree_about_their_lesson() -> None:
    text = TEXT + 'reported = { column = "Lektion", yes = ["MA"], no = ["EN"] }\n'
    cancelled = 'cancelled = { column = "Bekräftad", yes = ["J"], no = ["", "N"] }\n[mark]'
    text = text.replace("[mark]", cancelled)
    found = read(
        "MA;2026-11-24;8:10;9:10;130405-9809;0;;",
        "MA;2026-11-24;8:10;9:30;130612-9808;0;;",
        "MA;2026-11-24;8:10;9:10;130405-9817;0;;J",
        "EN;2026-11-24;9:10;9:30;130405-9817;0;;",
        text=text,
    )
    assert codes(found) == [(3, "Slut", "contradiction"), (4, "Bekräftad", "contradiction")]
    assert [one.body["marks"] for one in found.lessons] == [
        [{"pupil": "civic_no:201304059809"}],
        [{"pupil": "civic_no:201304059817", "reported": False}],
    ]


def test_the_export_of_the_docs() -> None:
    found = read_csv(EXPORT.read_bytes(), read_mapping(SKOLA24), MODIFIED)
    assert codes(found) == [
        (9, "Personnummer", "bad_civic_no"),
        (10, "Ogiltig frånvaro (min)", "impossible_minutes"),
        (12, "", "cut_off"),
    ]
    for lesson in found.lessons:
        RegisterIn.model_validate(lesson.body)
    assert found.lessons[0].body["marks"] == [
        {"pupil": "civic_no:201304059809"},
        {"pupil": "civic_no:201304059817", "invalid": 60},
        {"pupil": "civic_no:201306129808", "invalid": 15, "arrived_late": 15},
        {"pupil": "civic_no:201306129816", "valid": 60},
    ]
    assert deliver(found, None).counts == {
        "rows": 11,
        "rejected_rows": 3,
        "registers": 4,
        "accepted": 0,
        "dry_run": True,
        "contents": {
            "first_day": "2026-11-24",
            "last_day": "2026-11-24",
            "school_units": 1,
            "pupils": 4,
            "marks": 8,
            "cancelled_lessons": 1,
            "unreported_marks": 2,
            "marks_present": 2,
            "marks_valid": 1,
            "marks_invalid": 2,
            "marks_other": 1,
        },
        "findings": summary(found.findings),
    }


def test_no_personal_data_in_what_a_terminal_shows() -> None:
    found = read_csv(EXPORT.read_bytes(), read_mapping(SKOLA24), MODIFIED)
    outcome = deliver(found, None)
    shown = "\n".join([*table(outcome.findings), str(outcome.counts)])
    for secret in ("1304", "9808", "9809", "Björkskolan"):
        assert secret not in shown
    assert "bad_civic_no" in shown
    assert "9" in shown


def test_the_table_counts_by_kind_and_is_cut() -> None:
    found = read(*(f"MA;2026-11-2{n};8:10;9:10;130405-9809;x;;" for n in range(3, 10)))
    assert table(found.findings) == [
        "          what                field    rows  lines",
        "rejected  impossible_minutes  Ogiltig  7     2, 3, 4, 5, 6 and 2 more",
        "noted     weekend             Datum    2     7, 8",
    ]
    assert table(found.findings, most=1)[-1] == "… and 1 kinds more"
    assert table([]) == []


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('end = { column = "Slut" }', "", "length_minutes or end"),
        ("[mark]", "length_minutes = { value = 60 }\n[mark]", "length_minutes or end"),
        ('invalid = { column = "Ogiltig" }', "", "codes or columns"),
        ('no = ["", "N"]', 'no = ["J"]', "'J' stands under yes and under no"),
    ],
)
def test_a_mapping_that_contradicts_itself(tmp_path: Path, old: str, new: str, reason: str) -> None:
    (tmp_path / "mapping.toml").write_text(TEXT.replace(old, new))
    with pytest.raises(MappingError, match=reason):
        read_mapping(tmp_path / "mapping.toml")


RENAMED = TEXT.replace(
    'activity = { column = "Lektion" }', 'activity = { columns = ["Grupp", "Ämne"] }'
)


def renamed(lesson: str, group: str, subject: str) -> Import:
    row = f"{lesson};2026-11-24;8:10;9:10;130405-9809;20;60;N;{group};{subject}"
    content = f"{HEADING};Grupp;Ämne\n{row}\n"
    return read_csv(
        content.encode(), Mapping.model_validate(tomllib.loads(RENAMED)), MODIFIED
    )  # fmt: skip


def test_a_lesson_whose_id_is_another_after_each_import_is_known_by_other_columns() -> None:
    first, again = renamed("4711", "7A", "MA"), renamed("9042", "7A", "MA")
    assert only(first)["activity"] == only(again)["activity"] == "7A|MA"
    assert only(first)["id"] == only(again)["id"]
    # No two names run into one.
    assert only(renamed("1", "7A|M", "A"))["activity"] != only(first)["activity"]
    assert codes(renamed("1", "", "MA")) == [(2, "Grupp", "missing_value")]
    assert codes(renamed("1", "7" * 150, "M" * 150)) == [(2, "Grupp", "too_long")]


def test_each_of_the_columns_must_be_there() -> None:
    mapping = Mapping.model_validate(tomllib.loads(RENAMED))
    assert {"Grupp", "Ämne"} <= mapping.columns()
    assert mapping.names()["activity"] == "Grupp"
    with pytest.raises(ValueError, match="columns"):
        Mapping.model_validate(tomllib.loads(RENAMED.replace(', "Ämne"]', "]")))
