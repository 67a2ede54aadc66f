"""A made-up school as facts.jsonl lines, easy to write down."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

FIRST = date(2026, 8, 17)
"""A Monday."""
_ZONE = ZoneInfo("Europe/Stockholm")
_LESSONS = ((8, 10, "MA"), (9, 30, "SV"), (12, 40, "EN"))
Line = dict[str, Any]

RUN_RULE = """
[profile]
id = "{id}"
version = 1
name = "Test"

[signals.langvarig]
quiet_school_days = 5

[[signals.langvarig.rules]]
id = "dagar"
level = 1
metric = "total"
measure = "run_days"
comparator = ">="
threshold = {days}
resolve = {{ below = 1, school_days = 2 }}
source = "test"

[[signals.langvarig.rules]]
id = "fler-dagar"
level = 2
metric = "total"
measure = "run_days"
comparator = ">="
threshold = {more}
resolve = {{ below = 1, school_days = 2 }}
source = "test"
"""


def profile(folder: Path, name: str, days: int, more: int = 50) -> Path:
    """A profile that warns after so many whole days away in a row."""
    file = folder / f"{name}.toml"
    file.write_text(RUN_RULE.format(id=name, days=days, more=more), "utf-8")
    return file


def school_day(number: int) -> date:
    """The school day of this number, Saturdays and Sundays left out."""
    return FIRST + timedelta(days=7 * (number // 5) + number % 5)


def line(day: date, lesson: int, pupil: str, **said: Any) -> Line:
    """One statement; present unless told otherwise, made five minutes into the lesson."""
    hour, minute, subject = _LESSONS[lesson]
    start = datetime(day.year, day.month, day.day, hour, minute, tzinfo=_ZONE)
    made = (start + timedelta(minutes=5)).isoformat()
    unit = said.get("unit", "norra")
    return {
        "arrival": made,
        "modified": made,
        "unit": unit,
        "klass": said.get("klass", f"{unit}-7a"),
        "subject": subject,
        "lesson": f"{unit}-{subject}/{start.isoformat()[:16]}",
        "start": start.isoformat(),
        "minutes": 60,
        "pupil": pupil,
        "valid": 0,
        "invalid": 0,
        "other": 0,
        "reported": True,
        "deleted": False,
    } | said


def days(
    pupil: str, count: int, away: Iterable[int] = (), first: int = 0, **said: Any
) -> list[Line]:
    """A pupil's lessons of school days in a row, wholly away on the days ``away``."""
    gone = set(away)
    return [
        line(school_day(n), lesson, pupil, **({"valid": 60} if n in gone else {}) | said)
        for n in range(first, first + count)
        for lesson in range(len(_LESSONS))
    ]


def write(folder: Path, lines: Iterable[Line | str]) -> Path:
    """The folder, with its facts.jsonl."""
    folder.mkdir(exist_ok=True)
    with (folder / "facts.jsonl").open("w", encoding="utf-8") as file:
        for one in lines:
            file.write((one if isinstance(one, str) else json.dumps(one)) + "\n")
    return folder


def by_arrival(*parts: list[Line]) -> list[Line]:
    """As a source sends them."""
    return sorted(
        (one for part in parts for one in part), key=lambda one: (one["arrival"], one["lesson"])
    )
