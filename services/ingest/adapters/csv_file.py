"""A CSV file of lesson marks, one row per pupil and lesson, by way of a mapping.

Nothing is swallowed: a row that cannot be used is rejected with its line,
field and reason, and what is odd about a row that is used is noted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from services.common.clock import STOCKHOLM, local_instant, school_date
from services.ingest.adapters.csv_fields import Fields, RejectedRowError
from services.ingest.adapters.csv_text import UnreadableFileError, read_table
from services.ingest.adapters.mapping import Mapping
from services.ingest.adapters.report import Finding
from services.ingest.adapters.swedish import clock_shift

__all__ = ["Import", "Lesson", "UnreadableFileError", "read_csv"]

LONGEST_MINUTES = 720
"""As RegisterIn has it."""

LessonKey = tuple[str, str, date, int]
"""Unit, activity, day, start minute."""


@dataclass(slots=True)
class Lesson:
    """One register to be, and the lines that it comes from."""

    body: dict[str, Any]
    line: int
    """The first of them."""
    lines: dict[str, int] = field(default_factory=dict)
    """Pupil -> line."""


@dataclass(slots=True)
class Import:
    """What a file became."""

    lessons: list[Lesson]
    findings: list[Finding]
    rows: int
    columns: dict[str, str] = field(default_factory=dict)
    """A register's or mark's field -> the file's name for it."""

    def contents(self) -> dict[str, Any]:
        """What would be sent, in numbers and dates: nobody's name or id."""
        marks = [mark for lesson in self.lessons for mark in lesson.body["marks"]]
        days = sorted({lesson.body["start"][:10] for lesson in self.lessons})
        kinds = Counter(
            next((kind for kind in ("invalid", "valid", "other") if mark.get(kind)), "present")
            for mark in marks
            if mark.get("reported", True)
        )
        return {
            "first_day": days[0] if days else None,
            "last_day": days[-1] if days else None,
            "school_units": len({lesson.body["school_unit"] for lesson in self.lessons}),
            "pupils": len({mark["pupil"] for mark in marks}),
            "marks": len(marks),
            "cancelled_lessons": sum(x.body["state"] == "cancelled" for x in self.lessons),
            "unreported_marks": len(marks) - kinds.total(),
            **{f"marks_{kind}": kinds[kind] for kind in ("present", "valid", "invalid", "other")},
        }


def read_csv(content: bytes, mapping: Mapping, modified: datetime) -> Import:
    """Turn a file into registers. ``modified`` is how new its statements are.

    Raises :class:`UnreadableFileError` when the encoding or the heading is wrong.
    """
    table = read_table(
        content,
        mapping.columns(),
        encodings=mapping.file.encodings,
        delimiter={"auto": None, "tab": "\t"}.get(mapping.file.delimiter, mapping.file.delimiter),
    )
    reader = _Reader(mapping, modified)
    rows = 0
    for line, values in table.rows:
        rows += 1
        if not values:
            continue  # the table has said why
        if len(values) != len(table.heading):
            reason = f"has {len(values)} columns, the heading {len(table.heading)}"
            reader.findings.append(Finding(line, "", "rejected", "wrong_length", reason))
            continue
        reader.take(line, dict(zip(table.heading, values, strict=True)))
    reader.note_overlaps()
    return Import(
        list(reader.lessons.values()), table.findings + reader.findings, rows, mapping.names()
    )


class _Reader:
    def __init__(self, mapping: Mapping, modified: datetime) -> None:
        self._mapping = mapping
        self._modified = modified
        self._fields = Fields(mapping, school_date(modified), self._note)
        self._unique: dict[str, int] = {}
        self._times: dict[tuple[str, date], dict[LessonKey, tuple[int, int, int]]] = defaultdict(
            dict
        )
        self.lessons: dict[LessonKey, Lesson] = {}
        self.findings: list[Finding] = []

    def take(self, line: int, row: dict[str, str]) -> None:
        try:
            self._take(line, row)
        except RejectedRowError as error:
            self.findings.append(Finding(line, error.column, "rejected", error.code, str(error)))

    def _note(self, line: int, column: str, code: str, reason: str) -> None:
        self.findings.append(Finding(line, column, "noted", code, reason))

    def _take(self, line: int, row: dict[str, str]) -> None:
        lesson, read = self._mapping.lesson, self._fields
        self._check(line, row)
        unit = read.text(row, lesson.school_unit)
        activity = read.joined(row, lesson.activity)
        day = read.day(line, row, lesson.date)
        start = read.minute(row, lesson.start)
        shift = clock_shift(day, start)
        if shift == "skipped":
            raise RejectedRowError(
                lesson.start.column or "",
                "bad_time",
                f"the clocks skip this time on {day}: summer time begins",
            )
        length = self._length(line, row, day, start)
        pupil = read.pupil(row, self._mapping.mark.pupil)
        cancelled = lesson.cancelled is not None and read.flag(row, lesson.cancelled)
        mark = {"pupil": pupil} if cancelled else read.mark(row, pupil, length)
        key = (unit, activity, day, start)
        if key not in self.lessons:
            body = self._register(row, key, length, cancelled=cancelled)
            if shift == "twice":
                reason = f"happens twice on {day}; taken as the first"
                self._note(line, lesson.start.column or "", "ambiguous_time", reason)
            self.lessons[key] = Lesson(body, line)
        self._agrees(self.lessons[key], length, cancelled=cancelled)
        self._mark(line, self.lessons[key], mark)
        if not cancelled:
            self._times[pupil, day][key] = (start, start + length, line)

    def _check(self, line: int, row: dict[str, str]) -> None:
        for column, allowed in self._mapping.expect.items():
            if row[column] not in allowed:
                raise RejectedRowError(
                    column, "unexpected_value", f"{row[column]!r}, expected {' or '.join(allowed)}"
                )
        for column, same in self._mapping.same.items():
            if same.values.get(row[same.column]) != row[column]:
                raise RejectedRowError(
                    column,
                    "contradiction",
                    f"{row[column]!r} does not go with {same.column} {row[same.column]!r}",
                )
        unique = self._mapping.file.unique
        if unique is not None:
            first = self._unique.setdefault(row[unique], line)
            if first != line:
                self._note(line, unique, "repeated_id", f"the same as on line {first}")

    def _length(self, line: int, row: dict[str, str], day: date, start: int) -> int:
        """Real minutes, those included or left out that the clocks are put back or on."""
        fields, read = self._mapping.lesson, self._fields
        if fields.end is None:
            assert fields.length_minutes is not None  # noqa: S101 - the mapping has one of them
            column = fields.length_minutes.column or ""
            length = read.minutes(row, fields.length_minutes, LONGEST_MINUTES)
        else:
            column = fields.end.column or ""
            end = read.minute(row, fields.end)
            over_midnight = end < start
            last = day + timedelta(days=1) if over_midnight else day
            elapsed = local_instant(last, end) - local_instant(day, start)
            length = elapsed // timedelta(minutes=1)
            if over_midnight and length <= LONGEST_MINUTES:
                self._note(line, column, "over_midnight", f"taken to end on {last}")
        if not 1 <= length <= LONGEST_MINUTES:
            raise RejectedRowError(
                column,
                "impossible_minutes",
                f"the lesson would last {length} minutes; 1 to {LONGEST_MINUTES} can be",
            )
        return length

    def _register(
        self, row: dict[str, str], key: LessonKey, length: int, *, cancelled: bool
    ) -> dict[str, Any]:
        unit, activity, day, start = key
        fields = self._mapping.lesson
        body: dict[str, Any] = {
            "id": f"{unit}/{activity}/{day}/{start}"[:200],
            "school_unit": unit,
            "activity": activity,
            "start": local_instant(day, start).astimezone(STOCKHOLM).isoformat(),
            "length_minutes": length,
            "state": "cancelled" if cancelled else "reported",
            "modified": self._modified.isoformat(),
            "marks": [],
        }
        if fields.group is not None and (group := self._fields.optional(row, fields.group)):
            body["group"] = group
        if fields.subject is not None:
            body["subject"] = self._fields.optional(row, fields.subject)[:64]
        return body

    def _agrees(self, entry: Lesson, length: int, *, cancelled: bool) -> None:
        """A row about a lesson that is known already must mean the same lesson."""
        fields = self._mapping.lesson
        if length != entry.body["length_minutes"]:
            source = fields.length_minutes or fields.end
            raise RejectedRowError(
                (source and source.column) or "",
                "contradiction",
                f"{length} minutes, but line {entry.line} has {entry.body['length_minutes']} "
                "for the same lesson",
            )
        if cancelled != (entry.body["state"] == "cancelled"):
            assert fields.cancelled is not None  # noqa: S101 - else nothing is cancelled
            raise RejectedRowError(
                fields.cancelled.column,
                "contradiction",
                f"line {entry.line} says otherwise of the same lesson",
            )

    def _mark(self, line: int, entry: Lesson, said: dict[str, Any]) -> None:
        pupil, marks = said["pupil"], entry.body["marks"]
        if pupil in entry.lines:
            before = entry.lines[pupil]
            position = next(n for n, one in enumerate(marks) if one["pupil"] == pupil)
            if marks[position] == said:
                raise RejectedRowError("", "duplicate_row", f"says what line {before} says")
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
