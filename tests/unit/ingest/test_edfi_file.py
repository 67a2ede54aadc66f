"""Files of Ed-Fi events: a list, one a line, half a file; and all seven categories by file."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.ingest.adapters.csv_file import UnreadableFileError
from services.ingest.adapters.edfi_file import read_edfi_file
from services.ingest.adapters.edfi_mapping import read_edfi_mapping
from services.ingest.imports import deliver
from tests.unit.ingest.test_edfi import MAPPING, event

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
FOLDER = Path("tests/data/edfi")


def test_a_list_one_event_and_one_a_line() -> None:
    one, two = event("Tardy", arrivalTime="08:20:00"), event("Present", "02")
    for content, count in (
        (json.dumps([one, two]), 2),
        (json.dumps(one, indent=2), 1),
        ("\ufeff" + json.dumps(one) + "\r\n\n" + json.dumps(two) + "\n", 2),
    ):
        found = read_edfi_file(content.encode(), MAPPING, NOW)
        assert (found.rows, len(found.lessons), found.findings) == (count, count, [])


def test_half_a_file_of_lines_costs_its_last_event() -> None:
    text = json.dumps(event()) + "\n" + json.dumps(event("Present", "02"))[:-9]
    found = read_edfi_file(text.encode(), MAPPING, NOW)
    assert [(one.line, one.code) for one in found.findings] == [(2, "broken_json")]
    assert len(found.lessons) == 1


@pytest.mark.parametrize("content", [b"", b" \n", b"[{", b"\xff\xfe", b"[" * 100_000])
def test_an_unreadable_file(content: bytes) -> None:
    with pytest.raises(UnreadableFileError):
        read_edfi_file(content, MAPPING, NOW)


def test_a_refused_event_is_found_by_its_number_without_its_values() -> None:
    bad = event(eventDate="igår")
    found = read_edfi_file(json.dumps([event(), bad, 5]).encode(), MAPPING, NOW)
    assert [(one.line, one.field, one.level) for one in found.findings] == [
        (2, "/eventDate", "rejected"),
        (3, "/", "rejected"),
    ]
    assert "604854" not in str(found.findings)


def test_the_example_has_every_category() -> None:
    mapping = read_edfi_mapping(FOLDER / "mapping.toml")
    found = read_edfi_file((FOLDER / "events.json").read_bytes(), mapping, NOW)
    counts = deliver(found, None).counts
    assert counts["findings"] == {"noted no_minutes": 1}
    contents = {name: counts["contents"][name] for name in ("pupils", "marks", "marks_present")}
    assert contents == {"pupils": 7, "marks": 8, "marks_present": 3}
    assert [counts["contents"][f"marks_{kind}"] for kind in ("valid", "invalid", "other")] == [
        1, 4, 0,
    ]  # fmt: skip
