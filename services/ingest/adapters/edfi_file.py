"""A file of Ed-Fi events: a JSON list, one event, or one event a line."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from services.ingest.adapters.csv_file import Import, Lesson, UnreadableFileError
from services.ingest.adapters.edfi import read_events
from services.ingest.adapters.edfi_mapping import EdFiMapping
from services.ingest.adapters.edfi_registers import POINTERS
from services.ingest.adapters.report import Finding, Level
from services.ingest.model.answers import Note


def read_edfi_file(content: bytes, mapping: EdFiMapping, modified: datetime) -> Import:
    """The file's registers; a finding's line is the event's number, from 1.

    ``modified`` is how new events without ``_lastModifiedDate`` are. Raises
    :class:`UnreadableFileError` when the file is no JSON; a broken line of a
    file of lines costs that event only.
    """
    findings: list[Finding] = []
    events = _events(content, findings)
    read = read_events([event for _, event in events], mapping, modified)
    numbers = [number for number, _ in events]
    for answer in read.answers:
        number = numbers[answer.index]
        findings += [_finding(number, "rejected", one) for one in answer.problems]
        findings += [_finding(number, "noted", one) for one in answer.notes]
    lessons = []
    for register in read.registers:
        marks = register.body["marks"]
        lines = {marks[at]["pupil"]: numbers[index] for index, at in register.marks.items()}
        lessons.append(Lesson(register.body, min(lines.values()), lines))
    columns = {field: pointer.lstrip("/") for field, pointer in POINTERS.items()}
    return Import(lessons, findings, len(events), columns)


def _finding(number: int, level: Level, note: Note) -> Finding:
    reason = note.detail.removeprefix(f"{note.field}: ")
    return Finding(number, note.field, level, note.code, reason)


def _events(content: bytes, findings: list[Finding]) -> list[tuple[int, Any]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFileError("is no UTF-8") from error
    if not text.strip():
        raise UnreadableFileError("the file is empty")
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return _lines(text, findings)
    return list(enumerate(whole if isinstance(whole, list) else [whole], 1))


def _lines(text: str, findings: list[Finding]) -> list[tuple[int, Any]]:
    events = []
    for number, line in enumerate(filter(str.strip, text.split("\n")), 1):
        try:
            events.append((number, json.loads(line)))
        except (ValueError, RecursionError):
            findings.append(
                Finding(number, "", "rejected", "broken_json", "is no JSON; is the file cut off?")
            )
    if not events:
        raise UnreadableFileError("is neither JSON nor one JSON object a line; is it cut off?")
    return events
