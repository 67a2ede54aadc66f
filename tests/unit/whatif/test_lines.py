"""Lines of facts.jsonl: what is read, and what is refused with its field."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from services.common.clock import epoch_day
from services.ews.whatif.lines import LineError, parse
from tests.unit.whatif.folders import line

GOOD = line(date(2026, 10, 26), 0, "p1", invalid=20, valid=10)


def encoded(**other: Any) -> bytes:
    return json.dumps(GOOD | other).encode()


def test_a_line_is_read_by_the_swedish_calendar_and_clock() -> None:
    said = parse(encoded(start="2026-10-25T23:30:00Z", lesson="x"))
    assert said.day == epoch_day(date(2026, 10, 26))
    assert said.start_minute == 30
    assert (said.valid, said.invalid, said.other, said.minutes) == (10, 20, 0, 60)
    assert (said.pupil, said.unit, said.klass) == ("p1", "norra", "norra-7a")
    assert said.reported
    assert not said.deleted
    assert said.modified_ms == 1_792_998_900_000


def test_class_and_subject_may_be_empty_and_other_fields_are_left_alone() -> None:
    said = parse(encoded(klass=None, subject="", colour="blue"))
    assert (said.klass, said.subject) == ("", "")


@pytest.mark.parametrize("field", sorted(GOOD))
def test_a_missing_field_is_named(field: str) -> None:
    row = {name: value for name, value in GOOD.items() if name != field}
    with pytest.raises(LineError) as caught:
        parse(json.dumps(row).encode())
    assert (caught.value.field, caught.value.reason) == (field, "is missing")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("arrival", "2026-10-26T08:15:00"),
        ("modified", 1_792_998_900),
        ("modified", "yesterday"),
        ("start", "1026-10-26T08:15:00+01:00"),
        ("unit", ""),
        ("unit", 7),
        ("pupil", None),
        ("pupil", "p" * 201),
        ("klass", 7),
        ("lesson", ""),
        ("minutes", 1_441),
        ("minutes", 60.0),
        ("minutes", True),
        ("valid", -1),
        ("invalid", "20"),
        ("other", None),
        ("reported", 1),
        ("deleted", "no"),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object) -> None:
    with pytest.raises(LineError) as caught:
        parse(encoded(**{field: value}))
    assert caught.value.field == field


def test_more_absence_than_lesson_is_refused() -> None:
    assert parse(encoded(valid=40)).valid == 40
    with pytest.raises(LineError, match="60 is less than valid"):
        parse(encoded(valid=41))


@pytest.mark.parametrize("text", [b"{", b"[1]", b"\xff", b"17", b"[" * 100_000])
def test_what_is_no_object_is_refused_whole(text: bytes) -> None:
    with pytest.raises(LineError) as caught:
        parse(text)
    assert not caught.value.field
