"""One row's fields, read as the mapping says."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from services.common.clock import school_year
from services.ingest.adapters.mapping import Columns, Flag, Mapping, Source
from services.ingest.adapters.swedish import (
    day_is_ambiguous,
    read_civic_no,
    read_day,
    read_minute,
)
from services.ingest.store.names import CIVIC_NO

Row = dict[str, str]
Note = Callable[[int, str, str, str], None]
"""Called with line, column, code, reason."""

LONGEST_NAME = 200
_MINUTES = re.compile(r"(\d{1,4})(?:[.,]0+)?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class RejectedRowError(Exception):
    """A row that cannot be used: the column, a code, and the reason as text."""

    def __init__(self, column: str, code: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.code = code


class Fields:
    """Reads fields of rows; raises :class:`RejectedRowError`. ``today`` is the file's own day."""

    def __init__(self, mapping: Mapping, today: date, note: Note) -> None:
        self._mapping = mapping
        self._today = today
        self._note = note

    @staticmethod
    def optional(row: Row, source: Source) -> str:
        """The text, translated where the mapping does so; empty where nothing stands."""
        if source.column is None:
            return str(source.value)
        value = row[source.column]
        if source.values:
            if value not in source.values:
                raise RejectedRowError(
                    source.column, "unknown_value", f"{value[:80]!r} is not in the mapping"
                )
            value = source.values[value]
        if len(value) > LONGEST_NAME:
            raise RejectedRowError(source.column, "too_long", "more than 200 characters")
        if _CONTROL.search(value):
            raise RejectedRowError(
                source.column, "control_character", "holds a line break, tab or the like"
            )
        return value

    def text(self, row: Row, source: Source) -> str:
        value = self.optional(row, source)
        if not value:
            raise RejectedRowError(source.column or "", "missing_value", "is empty")
        return value

    def joined(self, row: Row, source: Source | Columns) -> str:
        """One column's text, or several as one name."""
        if isinstance(source, Source):
            return self.text(row, source)
        parts = [self.text(row, one) for one in source.sources]
        # Each part ends where it ends, whatever it holds.
        name = "|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts)
        if len(name) > LONGEST_NAME:
            raise RejectedRowError(source.column, "too_long", "more than 200 characters together")
        return name

    def day(self, line: int, row: Row, source: Source) -> date:
        column, value = source.column or "", self.text(row, source)
        day = _by_formats(value, source.formats) if source.formats else read_day(value)
        if day is None:
            wanted = " or ".join(source.formats) or "such as 2026-11-24 or 24/11 2026"
            raise RejectedRowError(column, "bad_date", f"{value[:40]!r} is no date {wanted}")
        if day_is_ambiguous(value):
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

    def minute(self, row: Row, source: Source) -> int:
        value = self.text(row, source)
        minute = read_minute(value)
        if minute is None:
            raise RejectedRowError(
                source.column or "", "bad_time", f"{value[:40]!r} is no time such as 08:10"
            )
        return minute

    def minutes(self, row: Row, source: Source, most: int) -> int:
        """Whole minutes; an empty field is none."""
        value = self.optional(row, source) or "0"
        match = _MINUTES.fullmatch(value)
        if match is None or int(match[1]) > most:
            raise RejectedRowError(
                source.column or "", "impossible_minutes",
                f"{value[:40]!r} is no whole number of minutes up to {most}",
            )  # fmt: skip
        return int(match[1])

    def flag(self, row: Row, source: Flag) -> bool:
        value = row[source.column]
        if value not in (*source.yes, *source.no):
            raise RejectedRowError(
                source.column, "unknown_value",
                f"{value[:80]!r} is neither {' nor '.join(map(repr, source.yes + source.no))}",
            )  # fmt: skip
        return value in source.yes

    def pupil(self, row: Row, source: Source) -> str:
        """What ingest calls the pupil: the file's id, or the personnummer in its one form."""
        value = self.text(row, source)
        if source.kind == "id":
            return value
        try:
            return CIVIC_NO + read_civic_no(value, self._today)
        except ValueError as error:
            # Without the value: it is a personnummer, or meant to be one.
            raise RejectedRowError(source.column or "", "bad_civic_no", str(error)) from error

    def mark(self, row: Row, pupil: str, length: int) -> dict[str, Any]:
        """The register's entry for one pupil."""
        fields = self._mapping.mark
        said: dict[str, Any] = {"pupil": pupil}
        if fields.reported is not None and not self.flag(row, fields.reported):
            return said | {"reported": False}
        if fields.codes is not None:
            code = row[fields.codes.column]
            if code not in fields.codes.values:
                raise RejectedRowError(
                    fields.codes.column, "unknown_value", f"{code[:80]!r} is no known code"
                )
            kind = fields.codes.values[code]
            if kind != "present":
                said[kind] = length
        for name in ("offered", "valid", "invalid", "other", "arrived_late", "left_early"):
            source: Source | None = getattr(fields, name)
            if source is not None and (name != "offered" or self.optional(row, source)):
                minutes = self.minutes(row, source, length)
                if minutes or name == "offered":
                    said[name] = minutes
        offered = said.get("offered", length)
        absent = sum(said.get(name, 0) for name in ("valid", "invalid", "other"))
        if absent > offered:
            worst = max(("valid", "invalid", "other"), key=lambda name: said.get(name, 0))
            source = getattr(fields, worst)
            raise RejectedRowError(
                (source and source.column) or "", "impossible_minutes",
                f"{absent} minutes absent of the {offered} offered",
            )  # fmt: skip
        if fields.confirmed is not None and self.flag(row, fields.confirmed):
            said["confirmed"] = True
        return said


@lru_cache(maxsize=4096)
def _by_formats(value: str, formats: tuple[str, ...]) -> date | None:
    for pattern in formats:
        try:
            # A day of the calendar has no time zone.
            return datetime.strptime(value, pattern).date()  # noqa: DTZ007
        except ValueError:
            continue
    return None
