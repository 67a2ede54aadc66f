"""The CSV adapter: what real systems send, and that nothing of it is swallowed."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.adapters.csv_file import Import, UnreadableFileError, read_csv
from services.ingest.adapters.mapping import Mapping, MappingError, read_mapping
from services.ingest.adapters.report import Finding, summary, write_report

MODIFIED = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MAPPING = Mapping.model_validate(
    tomllib.loads("""
[lesson]
school_unit = { column = "Skola" }
activity = { column = "Lektion" }
date = { column = "Datum" }
start = { column = "Tid" }
length_minutes = { column = "Minuter" }
subject = { column = "Ämne" }
[mark]
pupil = { column = "Elev" }
[mark.codes]
column = "Kod"
values = { N = "present", G = "valid", O = "invalid", A = "other" }
""")
)
HEADING = "Skola;Lektion;Datum;Tid;Minuter;Ämne;Elev;Kod"
GOOD = "u1;7A-MA;2026-11-24;08:10;60;MA;p1;N"


def read(*lines: str, encoding: str = "utf-8", end: str = "\n") -> Import:
    return read_csv(end.join([HEADING, *lines]).encode(encoding), MAPPING, MODIFIED)


def test_rows_of_one_lesson_are_one_register() -> None:
    found = read(GOOD, GOOD.replace("p1;N", "p2;O"), GOOD.replace("08:10", "10:00"))
    assert found.findings == []
    assert [lesson.body for lesson in found.lessons] == [
        {
            "id": "u1/7A-MA/2026-11-24/490",
            "school_unit": "u1",
            "activity": "7A-MA",
            "subject": "MA",
            "start": "2026-11-24T08:10:00+01:00",
            "length_minutes": 60,
            "state": "reported",
            "modified": "2026-11-24T12:00:00+00:00",
            "marks": [{"pupil": "p1"}, {"pupil": "p2", "invalid": 60}],
        },
        found.lessons[1].body,
    ]
    assert found.lessons[0].lines == {"p1": 2, "p2": 3}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "windows-1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(encoding: str, end: str) -> None:
    found = read(GOOD.replace("MA;p1", "Slöjd;p1"), encoding=encoding, end=end)
    assert found.findings == []
    assert found.lessons[0].body["subject"] == "Slöjd"


def test_mixed_line_ends_and_empty_lines() -> None:
    content = f"{HEADING}\r\n{GOOD}\n\n;;;;;;;\r{GOOD.replace('p1', 'p2')}\r\n".encode()
    assert len(read_csv(content, MAPPING, MODIFIED).lessons[0].body["marks"]) == 2


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        (GOOD.replace("2026-11-24", "2026-02-30"), "Datum", "bad_date"),
        (GOOD.replace("2026-11-24", "24 nov"), "Datum", "bad_date"),
        (GOOD.replace("08:10", "25:00"), "Tid", "bad_time"),
        (GOOD.replace(";60;", ";0;"), "Minuter", "impossible_minutes"),
        (GOOD.replace(";60;", ";-5;"), "Minuter", "impossible_minutes"),
        (GOOD.replace(";60;", ";6O;"), "Minuter", "impossible_minutes"),
        (GOOD.replace(";N", ";X"), "Kod", "unknown_value"),
        (GOOD.replace("p1", ""), "Elev", "missing_value"),
        (GOOD + ";more", "", "wrong_length"),
        (GOOD[:-2], "", "wrong_length"),
    ],
)
def test_a_bad_row_is_rejected_with_line_field_and_reason(row: str, field: str, code: str) -> None:
    found = read(row, GOOD)
    [finding] = found.findings
    assert (finding.line, finding.field, finding.level, finding.code) == (
        2,
        field,
        "rejected",
        code,
    )
    assert finding.reason
    assert len(found.lessons) == 1


def test_the_same_row_twice_and_a_row_that_says_otherwise() -> None:
    found = read(GOOD, GOOD, GOOD.replace(";N", ";O"))
    assert [(f.line, f.code) for f in sorted(found.findings)] == [
        (2, "overridden"),
        (3, "duplicate_row"),
    ]
    assert found.lessons[0].body["marks"] == [{"pupil": "p1", "invalid": 60}]


def test_oddities_are_noted_and_used() -> None:
    found = read(GOOD.replace("24", "22"), GOOD.replace("24", "22").replace("7A-MA", "7A-SV"))
    assert [(f.line, f.level, f.code) for f in sorted(found.findings)] == [
        (2, "noted", "weekend"),
        (3, "noted", "overlap"),
        (3, "noted", "weekend"),
    ]
    assert len(found.lessons) == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (HEADING.replace(";Kod", "").encode(), "lacks column 'Kod'"),
        (f"{HEADING};Kod".encode(), "'Kod' twice"),
        (b"", "empty"),
    ],
)
def test_an_unreadable_file(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        read_csv(content, MAPPING, MODIFIED)


@given(st.binary(max_size=400))
def test_no_bytes_at_all_end_in_anything_else(junk: bytes) -> None:
    for content in (junk, HEADING.encode() + b"\n" + junk):
        try:
            found = read_csv(content, MAPPING, MODIFIED)
        except UnreadableFileError:
            continue
        if found.rows == 0:
            continue
        used = sum(len(lesson.lines) for lesson in found.lessons)
        rejected = {f.line for f in found.findings if f.level == "rejected"}
        assert used + len(rejected) >= found.rows


def test_the_contoso_file_is_reported_not_swallowed() -> None:
    folder = Path("tests/data/contoso")
    mapping = read_mapping(folder / "mapping.toml")
    content = (folder / "contoso_sis_period_attendance.csv").read_bytes()
    found = read_csv(content, mapping, MODIFIED)
    assert found.rows == 1462
    assert len(found.lessons) == 1461
    assert summary(found.findings) == {
        "noted ambiguous_date": 529,
        "noted contradiction": 1462,
        "noted repeated_id": 1,
        "noted weekend": 420,
        "rejected duplicate_row": 1,
    }
    absent = sum("invalid" in mark for one in found.lessons for mark in one.body["marks"])
    assert absent == 292
    starts = sorted(one.body["start"] for one in found.lessons)
    assert (starts[0], starts[-1]) == ("2019-09-01T08:00:00+02:00", "2020-05-30T13:00:00+02:00")


def test_a_file_that_contradicts_itself() -> None:
    folder = Path("tests/data/contoso")
    mapping = read_mapping(folder / "mapping.toml")
    lines = (folder / "contoso_sis_period_attendance.csv").read_text().splitlines()
    odd = [
        lines[0],
        lines[2].replace("Present", "Absent"),
        lines[3].replace(",P,1,", ",P,0,"),
        lines[4].replace(",No,", ",Yes,"),
        lines[5].replace(",sec1,", ",sec99,"),
    ]
    found = read_csv("\n".join(odd).encode(), mapping, MODIFIED)
    rejected = [(f.line, f.field, f.code) for f in sorted(found.findings) if f.level == "rejected"]
    assert rejected == [
        (2, "attendance_status", "contradiction"),
        (3, "PresenceFlag", "contradiction"),
        (4, "all_day", "unexpected_value"),
        (5, "section_id", "unknown_value"),
    ]
    assert found.lessons == []


def test_the_report(tmp_path: Path) -> None:
    write_report(
        tmp_path / "report.csv",
        [Finding(3, "Kod", "rejected", "x", "why, then"), Finding(2, "Tid", "noted", "y", "so")],
    )
    assert (tmp_path / "report.csv").read_text() == (
        'line,field,level,code,reason\n2,Tid,noted,y,so\n3,Kod,rejected,x,"why, then"\n'
    )


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[lesson", "table declaration"),
        ('[lesson]\nschool_unit = { column = "a", value = "b" }', "school_unit"),
        ("[nonsense]", "lesson"),
    ],
)
def test_a_bad_mapping_names_the_field(tmp_path: Path, text: str, field: str) -> None:
    (tmp_path / "mapping.toml").write_text(text)
    with pytest.raises(MappingError, match=field):
        read_mapping(tmp_path / "mapping.toml")
