"""What is fuzzed: every decoder of ingest, with what must hold whatever the bytes are.

A target takes bytes and returns; anything that it raises is a finding. Each
decoder may refuse, but in its own words, and what it lets through must pass the
HTTP contract's own checks.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from services.ingest.adapters.cloudevents import read_event
from services.ingest.adapters.csv_file import Import, UnreadableFileError, read_csv
from services.ingest.adapters.edfi_file import read_edfi_file
from services.ingest.adapters.edfi_mapping import EdFiMapping
from services.ingest.adapters.mapping import Mapping as CsvMapping
from services.ingest.adapters.swedish import day_is_ambiguous, read_civic_no, read_day, read_minute
from services.ingest.calendars import UnitCalendar
from services.ingest.imports import deliver
from services.ingest.lessons import check_notice, check_register, notice_years
from services.ingest.model.answers import ItemAnswer
from services.ingest.model.lessons import NoticeIn, RegisterIn
from services.ingest.model.parse import parse_item, problems_of
from services.ingest.model.roster import RosterIn
from services.ingest.roster.check import check_roster
from services.ingest.ss12000 import entities, sent
from services.ingest.ss12000.vocabulary import TAKEN, Resource

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TODAY = date(2026, 11, 24)


def _toml(path: str) -> dict[str, Any]:
    return tomllib.loads(Path(path).read_text("utf-8"))


_BY_MINUTES = CsvMapping.model_validate(_toml("services/ingest/mappings/skola24-like.toml"))
_BY_CODES = CsvMapping.model_validate(
    tomllib.loads("""
[lesson]
school_unit = { value = "u1" }
activity = { column = "L" }
date = { column = "D" }
start = { column = "T" }
end = { column = "S" }
[mark]
pupil = { column = "E" }
[mark.codes]
column = "K"
values = { N = "present", G = "valid", O = "invalid" }
""")
)
_EDFI = EdFiMapping.model_validate(_toml("tests/data/edfi/mapping.toml"))
_UNIT = UnitCalendar(time(18))


def _check_import(found: Import) -> None:
    for lesson in found.lessons:
        RegisterIn.model_validate(lesson.body)
        assert set(lesson.lines) == {mark["pupil"] for mark in lesson.body["marks"]}
    to_json(deliver(found, None).counts)


def csv(content: bytes) -> None:
    """Every row is used, or rejected by its line."""
    for mapping in (_BY_CODES, _BY_MINUTES):
        try:
            found = read_csv(content, mapping, NOW)
        except UnreadableFileError:
            continue
        _check_import(found)
        lines = {line for lesson in found.lessons for line in lesson.lines.values()}
        lines |= {one.line for one in found.findings if one.level == "rejected"}
        assert len(lines) >= found.rows, "a row was swallowed"


def swedish(content: bytes) -> None:
    """Days, times and personnummer: a value or a reason that does not repeat it."""
    text = content.decode("utf-8", "replace")
    day, minute = read_day(text), read_minute(text)
    assert day is None or 1900 <= day.year < 2200
    assert minute is None or 0 <= minute < 1440
    day_is_ambiguous(text)
    try:
        number: str | None = read_civic_no(text, TODAY)
    except ValueError as error:
        reason = str(error)
        number = None
    if number is None:
        assert reason
        assert len(text) < 6 or text not in reason
    else:
        assert len(number) == 12
        assert read_civic_no(number, TODAY) == number, "one pupil has one form"


def edfi(content: bytes) -> None:
    """Ed-Fi events: what they become passes as registers."""
    try:
        found = read_edfi_file(content, _EDFI, NOW)
    except UnreadableFileError:
        return
    _check_import(found)


def _json(content: bytes) -> Any:
    # As services.ingest.api.body reads it.
    try:
        return from_json(content)
    except ValueError:
        return None


def cloudevents(content: bytes) -> None:
    """An event is taken or refused with a reason; and never both."""
    item = _json(content)
    answer = ItemAnswer(0)
    event = read_event(item, answer)
    assert (event is None) == bool(answer.problems)
    to_json(answer.body())


def registers(content: bytes) -> None:
    """Registers and notices as POST /v1/registers and /v1/notices read them."""
    item = _json(content)
    for model in (RegisterIn, NoticeIn):
        answer = ItemAnswer(0)
        parsed = parse_item(model, item, answer)
        assert (parsed is None) == bool(answer.problems)
        if isinstance(parsed, RegisterIn):
            answer.refuse(check_register(parsed, _UNIT, NOW))
        elif isinstance(parsed, NoticeIn) and not check_notice(parsed):
            assert notice_years(parsed)
        to_json(answer.body())


def rosters(content: bytes) -> None:
    """A roster is checked as a whole, whatever refers to whatever."""
    try:
        roster: RosterIn | None = RosterIn.model_validate(_json(content))
    except ValidationError as error:
        problems = problems_of(error)
        roster = None
    if roster is None:
        assert problems
        return
    for problem in check_roster(roster, {}):
        to_json(problem.body())
    again = roster.model_dump_json(by_alias=True, exclude_none=True)
    assert RosterIn.model_validate_json(again) == roster, "a held roster comes back as it was"


_KINDS = sorted(TAKEN, key=lambda one: one.value)


def ss12000(content: bytes) -> None:
    """SS 12000's entities; the first byte, from "0" on, chooses the resource."""
    value = _json(content[1:])
    if not content or not isinstance(value, Mapping):
        return
    resource = _KINDS[(content[0] - ord("0")) % len(_KINDS)]
    answer = ItemAnswer(0)
    if resource is Resource.ATTENDANCE:
        found: Any = sent.read_attendance(value, answer)
    elif resource is Resource.CALENDAR_EVENT:
        found = sent.read_event(value, answer)
    else:
        found = entities.read(resource, value, answer)
    assert found is not None or answer.problems
    to_json(answer.body())


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (csv, swedish, edfi, cloudevents, registers, rosters, ss12000)
}
