"""A CSV file of lesson marks, one row per pupil and lesson, by way of a mapping.

Nothing is swallowed: a row that cannot be used is rejected with its line,
field and reason, and what is odd about a row that is used is noted.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import pairwise
from typing import Any

from services.common.clock import STOCKHOLM, local_instant, school_year
from services.ingest.adapters.mapping import Mapping, Source
from services.ingest.adapters.report import Finding

LessonKey = tuple[str, str, date, int]
"""Unit, activity, day, start minute."""


class UnreadableFileError(Exception):
    """Nothing of the file can be used; the text says why."""


class _RejectedRow(Exception):  # noqa: N818 - it never leaves this module
    def __init__(self, column: str, code: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.code = code


@dataclass(slots=True)
class Lesson:
    """One register to be, and the lines that it comes from."""

    body: dict[str, Any]
    lines: dict[str, int] = field(default_factory=dict)
    """Pupil -> line."""


@dataclass(slots=True)
class Import:
    """What a file became."""

    lessons: list[Lesson]
    findings: list[Finding]
    rows: int


def read_csv(content: bytes, mapping: Mapping, modified: datetime) -> Import:
    """Turn a file into registers. ``modified`` is how new its statements are.

    Raises :class:`UnreadableFileError` when the encoding or the heading is wrong.
    """
    reader = _Reader(mapping, modified)
    rows = 0
    for line, row in _rows(content, mapping):
        rows += 1
        reader.take(line, row)
    reader.note_overlaps()
    return Import(list(reader.lessons.values()), reader.findings, rows)


def _rows(content: bytes, mapping: Mapping) -> Iterator[tuple[int, dict[str, str]]]:
    text = _decode(content, mapping.file.encodings)
    heading = text.split("\n", 1)[0]
    delimiter = {"tab": "\t", "auto": max(";,\t", key=heading.count)}.get(
        mapping.file.delimiter, mapping.file.delimiter
    )
    # newline="" and universal splitting: files with mixed line ends are common.
    reader = csv.reader(io.StringIO(text, newline=None), delimiter=delimiter, strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise UnreadableFileError(f"the heading names column {repeated[0]!r} twice")
        if missing := sorted(mapping.columns() - set(names)):
            raise UnreadableFileError(
                f"the heading lacks column {missing[0]!r}; it has: {', '.join(names)}"
            )
        for values in reader:
            if any(value.strip() for value in values):
                # A short or long row keeps its columns; take() refuses it by its length.
                row = {name: value.strip() for name, value in zip(names, values, strict=False)}
                row[""] = str(len(values) - len(names))
                yield reader.line_num, row
    except csv.Error as error:
        raise UnreadableFileError(f"line {reader.line_num}: {error}") from error


def _decode(content: bytes, encodings: tuple[str, ...]) -> str:
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise UnreadableFileError(f"the file is in none of the encodings {', '.join(encodings)}")


class _Reader:
    def __init__(self, mapping: Mapping, modified: datetime) -> None:
        self._mapping = mapping
        self._modified = modified
        self._unique: dict[str, int] = {}
        self._times: dict[tuple[str, date], dict[LessonKey, tuple[int, int, int]]] = defaultdict(
            dict
        )
        self.lessons: dict[LessonKey, Lesson] = {}
        self.findings: list[Finding] = []

    def take(self, line: int, row: dict[str, str]) -> None:
        try:
            self._take(line, row)
        except _RejectedRow as error:
            self.findings.append(Finding(line, error.column, "rejected", error.code, str(error)))

    def _note(self, line: int, column: str, code: str, reason: str) -> None:
        self.findings.append(Finding(line, column, "noted", code, reason))

    def _take(self, line: int, row: dict[str, str]) -> None:
        lesson, mark = self._mapping.lesson, self._mapping.mark
        if row[""] != "0":
            raise _RejectedRow("", "wrong_length", "has not as many columns as the heading")
        self._check(line, row)
        unit = self._text(row, lesson.school_unit)
        activity = self._text(row, lesson.activity)
        day = self._day(line, row, lesson.date)
        start = self._minute(row, lesson.start)
        length = self._length(row, lesson.length_minutes)
        pupil = self._text(row, mark.pupil)
        code = row[mark.codes.column]
        if code not in mark.codes.values:
            raise _RejectedRow(mark.codes.column, "unknown_value", f"{code!r} is no known code")
        key = (unit, activity, day, start)
        if key not in self.lessons:
            self.lessons[key] = Lesson(self._register(row, key, length))
        entry = self.lessons[key]
        self._mark(line, entry, pupil, mark.codes.values[code], length)
        self._times[pupil, day][key] = (start, start + length, line)

    def _check(self, line: int, row: dict[str, str]) -> None:
        for column, allowed in self._mapping.expect.items():
            if row[column] not in allowed:
                raise _RejectedRow(
                    column, "unexpected_value", f"{row[column]!r}, expected {' or '.join(allowed)}"
                )
        for column, same in self._mapping.same.items():
            if same.values.get(row[same.column]) != row[column]:
                raise _RejectedRow(
                    column,
                    "contradiction",
                    f"{row[column]!r} does not go with {same.column} {row[same.column]!r}",
                )
        unique = self._mapping.file.unique
        if unique is not None:
            first = self._unique.setdefault(row[unique], line)
            if first != line:
                self._note(line, unique, "repeated_id", f"the same as on line {first}")

    @staticmethod
    def _text(row: dict[str, str], source: Source) -> str:
        if source.column is None:
            return str(source.value)
        value = row[source.column]
        if source.values:
            if value not in source.values:
                raise _RejectedRow(
                    source.column, "unknown_value", f"{value!r} is not in the mapping"
                )
            value = source.values[value]
        if not value:
            raise _RejectedRow(source.column, "missing_value", "is empty")
        if len(value) > 200:
            raise _RejectedRow(source.column, "too_long", "more than 200 characters")
        return value

    def _day(self, line: int, row: dict[str, str], source: Source) -> date:
        column, value = source.column or "", self._text(row, source)
        readings = []
        for pattern in source.formats or ("%Y-%m-%d",):
            try:
                # A day of the calendar has no time zone.
                readings.append(datetime.strptime(value, pattern).date())  # noqa: DTZ007
            except ValueError:
                continue
        if not readings:
            raise _RejectedRow(column, "bad_date", f"{value!r} is no date of the mapping's formats")
        day = readings[0]
        parts = value.split("/")
        if len(parts) == 3 and all(part.isdecimal() for part in parts):
            first, second = int(parts[0]), int(parts[1])
            if first <= 12 and second <= 12 and first != second:
                self._note(
                    line, column, "ambiguous_date", f"{value!r} has two readings; taken as {day}"
                )
        if day.weekday() >= 5:
            self._note(line, column, "weekend", f"{day} is a Saturday or Sunday")
        stated = self._mapping.school_year
        if stated is not None and row[stated] != str(school_year(day)):
            self._note(
                line, stated, "contradiction", f"{row[stated]!r}, but {day} is in the school year "
                f"{school_year(day)}/{school_year(day) + 1}",
            )  # fmt: skip
        return day

    def _minute(self, row: dict[str, str], source: Source) -> int:
        value = self._text(row, source)
        try:
            wall = time.fromisoformat(value)
        except ValueError as error:
            raise _RejectedRow(source.column or "", "bad_time", f"{value!r} is no HH:MM") from error
        return wall.hour * 60 + wall.minute

    def _length(self, row: dict[str, str], source: Source) -> int:
        value = self._text(row, source)
        if not value.isdecimal() or not 1 <= int(value) <= 720:
            raise _RejectedRow(
                source.column or "", "impossible_minutes", f"{value!r} is not 1 to 720 minutes"
            )
        return int(value)

    def _register(self, row: dict[str, str], key: LessonKey, length: int) -> dict[str, Any]:
        unit, activity, day, start = key
        fields = self._mapping.lesson
        body: dict[str, Any] = {
            "id": f"{unit}/{activity}/{day}/{start}"[:200],
            "school_unit": unit,
            "activity": activity,
            "start": local_instant(day, start).astimezone(STOCKHOLM).isoformat(),
            "length_minutes": length,
            "state": "reported",
            "modified": self._modified.isoformat(),
            "marks": [],
        }
        if fields.group is not None:
            body["group"] = self._text(row, fields.group)
        if fields.subject is not None:
            body["subject"] = self._text(row, fields.subject)[:64]
        return body

    def _mark(self, line: int, entry: Lesson, pupil: str, kind: str, length: int) -> None:
        said: dict[str, Any] = {"pupil": pupil}
        if kind != "present":
            said[kind] = length
        marks = entry.body["marks"]
        if pupil in entry.lines:
            before = entry.lines[pupil]
            position = next(n for n, one in enumerate(marks) if one["pupil"] == pupil)
            if marks[position] == said:
                raise _RejectedRow("", "duplicate_row", f"says what line {before} says")
            self.findings.append(
                Finding(before, "", "rejected", "overridden", f"line {line} says otherwise")
            )
            marks[position] = said
        else:
            marks.append(said)
        entry.lines[pupil] = line

    def note_overlaps(self) -> None:
        """A pupil cannot be in two lessons at once; which one is wrong cannot be told from here."""
        for lessons in self._times.values():
            for (_, end, line), (start, _, other) in pairwise(sorted(lessons.values())):
                if start < end:
                    self._note(other, "", "overlap", f"at the same time as line {line}")
