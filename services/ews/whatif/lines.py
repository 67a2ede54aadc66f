"""One line of facts.jsonl, checked field by field (bench/simulator/files.py writes such lines).

Pure. A line is one statement about one pupil in one lesson.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn

from services.common.clock import STOCKHOLM, epoch_day

_LONGEST_LESSON = 1_440
_LONGEST_KEY = 200
_FIRST_YEAR, _LAST_YEAR = 2000, 2099


class LineError(ValueError):
    """A line that cannot be used; ``field`` is empty where it is no JSON object at all."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class Statement(NamedTuple):
    """What a line says. ``day`` and ``start_minute`` are Sweden's, instants are Unix ms."""

    arrival_ms: int
    modified_ms: int
    unit: str
    klass: str
    subject: str
    lesson: str
    day: int
    start_minute: int
    minutes: int
    pupil: str
    valid: int
    invalid: int
    other: int
    reported: bool
    deleted: bool


def parse(line: bytes) -> Statement:
    """Read a line. Raises :class:`LineError` with the first field that is wrong.

    ``klass`` and ``subject`` may be empty, the other keys not. Fields that are
    not known are left alone.
    """
    try:
        row = json.loads(line)
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise LineError("", "is no JSON") from None
    if not isinstance(row, dict):
        raise LineError("", "is no JSON object")
    return statement(row)


def statement(row: dict[str, Any]) -> Statement:
    """What a decoded line says. Raises :class:`LineError` as :func:`parse` does."""
    _, day, start_minute = _instant(row, "start")
    minutes = _minutes(row, "minutes")
    valid, invalid, other = (_minutes(row, name) for name in ("valid", "invalid", "other"))
    if valid + invalid + other > minutes:
        raise LineError("minutes", f"{minutes} is less than valid + invalid + other")
    return Statement(
        arrival_ms=_instant(row, "arrival")[0],
        modified_ms=_instant(row, "modified")[0],
        unit=_key(row, "unit"),
        klass=_key(row, "klass", may_be_empty=True),
        subject=_key(row, "subject", may_be_empty=True),
        lesson=_key(row, "lesson"),
        day=day,
        start_minute=start_minute,
        minutes=minutes,
        pupil=_key(row, "pupil"),
        valid=valid,
        invalid=invalid,
        other=other,
        reported=_flag(row, "reported"),
        deleted=_flag(row, "deleted"),
    )


def _value(row: dict[str, Any], name: str) -> Any:
    if name not in row:
        raise LineError(name, "is missing")
    return row[name]


def _wrong(name: str, needed: str, value: object) -> NoReturn:
    shown = json.dumps(value, ensure_ascii=False)
    raise LineError(name, f"{needed} is needed, not {shown[:60]}")


def _key(row: dict[str, Any], name: str, *, may_be_empty: bool = False) -> str:
    value = _value(row, name)
    if value is None and may_be_empty:
        return ""
    if not isinstance(value, str) or len(value) > _LONGEST_KEY or not (value or may_be_empty):
        _wrong(name, f"a text of at most {_LONGEST_KEY} characters", value)
    return value


def _minutes(row: dict[str, Any], name: str) -> int:
    value = _value(row, name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LONGEST_LESSON:
        _wrong(name, f"a whole number from 0 to {_LONGEST_LESSON}", value)
    return int(value)


def _flag(row: dict[str, Any], name: str) -> bool:
    value = _value(row, name)
    if not isinstance(value, bool):
        _wrong(name, "true or false", value)
    return value


def _instant(row: dict[str, Any], name: str) -> tuple[int, int, int]:
    """Unix ms; epoch day and minute of Sweden's calendar and clock."""
    value = _value(row, name)
    found = _read_instant(value) if isinstance(value, str) else None
    if found is None:
        _wrong(name, "an instant as 2026-11-24T08:10:00+01:00", value)
    return found


@lru_cache(maxsize=4096)  # a class's lines have the same instants
def _read_instant(text: str) -> tuple[int, int, int] | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.tzinfo is None or not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        return None
    local = found.astimezone(STOCKHOLM)
    unix_ms = round(found.timestamp() * 1000)
    return unix_ms, epoch_day(local.date()), 60 * local.hour + local.minute
