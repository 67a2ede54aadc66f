"""A folder with facts.jsonl as a feed: foreign data, read kindly (docs/facts-format.md).

Two passes. The first checks every line and sorts the good ones by home into files on
the disk; the second merges the homes by the time of arrival. What is held in memory is
where each line lies, never the lines: a year of 35,000 pupils goes through.
"""

from __future__ import annotations

import heapq
import json
import marshal
from array import array
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from bench.eval.feed import Evening, by_evening
from forvarning.facts.v1.facts_pb2 import DAY_KIND_SCHOOL_DAY, DayClosed, Fact, Version
from services.common.clock import STOCKHOLM, from_epoch_day, school_year
from services.ews.whatif.homes import ORGANISER, Home, Numbered, Router, named
from services.ews.whatif.lines import LineError, Statement, statement

FILE = "facts.jsonl"
_MOST_BAD = 20
"""Bad lines that are named; the rest are counted."""
_HELD = 50_000
_FIXES = {
    "": "write one JSON object a line, UTF-8",
    "arrival": "when the statement came in, as 2026-11-24T08:10:00+01:00",
    "modified": "when the source last changed it; leave it out if that is when it came in",
    "start": "when the lesson begins, as 2026-11-24T08:10:00+01:00",
    "unit": "the school's key, a text of at most 200 characters",
    "klass": "the class's key, or leave it out",
    "subject": "the subject, or leave it out",
    "lesson": "a key of this lesson on this day, the same in all statements about it",
    "pupil": "the pupil's key, as in truth.jsonl",
    "minutes": "the lesson's length, at least valid + invalid + other",
    "valid": "minutes of excused absence, 0 if none",
    "invalid": "minutes of unexcused absence, 0 if none",
    "other": "minutes of attendance elsewhere, or leave it out",
    "reported": "false if the lesson is only known from the timetable, else leave it out",
    "deleted": "true if the pupil has no part in the lesson after all, else leave it out",
}
_KEYS = ("unit", "klass", "subject", "lesson", "pupil")
_MINUTES = ("minutes", "valid", "invalid", "other")
_FLAGS = ("reported", "deleted")
_DEFAULTS: dict[str, object] = {
    "klass": "", "subject": "", "other": 0, "reported": True, "deleted": False,
}  # fmt: skip


class FactsError(ValueError):
    """A folder that cannot be used; the text names file and fix."""


class Foreign:
    """Implements :class:`bench.eval.feed.Feed`; ``scratch`` is an empty folder for its files."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self._path, self._scratch = folder / FILE, scratch
        if not self._path.is_file():
            raise FactsError(f"{self._path}: there is no such file; see docs/facts-format.md")
        self.organiser = ORGANISER
        self.lines = 0
        self.bad: list[str] = []
        """The first bad lines, each with file, line, field and fix."""
        self.bad_lines = 0
        self._router = Router()
        self._homes: list[Home] = []
        self._arrivals: list[array[int]] = []
        self._places: list[array[int]] = []
        self._lessons: list[array[int]] = []
        self._sort()
        if not self._homes:
            first = f": {self.bad[0]}" if self.bad else ""
            raise FactsError(f"{self._path}: no line can be used{first}")
        self.pupils = {key: name for home in self._homes for key, name in home.pupils().items()}
        self.days = tuple(from_epoch_day(day) for day in sorted({d for d, _ in self._router.days}))

    def _sort(self) -> None:
        """Each usable line into its home's file."""
        number_of: dict[str, int] = {}
        held: dict[int, list[bytes]] = defaultdict(list)
        ends: list[int] = []
        with self._path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                self.lines += 1
                try:
                    said = kindly(line)
                except LineError as error:
                    self._refuse(number, error)
                    continue
                unit = self._router.home(said)
                home = number_of.setdefault(unit, len(number_of))
                if home == len(self._homes):
                    self._homes.append(Home(unit))
                    self._arrivals.append(array("q"))
                    self._places.append(array("q"))
                    self._lessons.append(array("L"))
                    ends.append(0)
                self._homes[home].survey([(number, said)])
                value = marshal.dumps((number, *said))
                self._arrivals[home].append(said.arrival_ms)
                self._places[home].append(ends[home])
                self._lessons[home].append(
                    crc32(f"{said.unit}|{said.lesson}|{said.klass}".encode())
                )
                ends[home] += len(value)
                held[home].append(value)
                if self.lines % _HELD == 0:
                    self._spill(held)
        self._spill(held)

    def _spill(self, held: dict[int, list[bytes]]) -> None:
        for home, values in held.items():
            with (self._scratch / str(home)).open("ab") as file:
                file.writelines(values)
        held.clear()

    def _refuse(self, number: int, error: LineError) -> None:
        self.bad_lines += 1
        if len(self.bad) < _MOST_BAD:
            where = f"{self._path} line {number}" + (f", {error.field}" if error.field else "")
            self.bad.append(f"{where}: {error.reason}; {_FIXES[error.field]}")

    def evenings(self) -> Iterator[Evening]:
        homes = [self._facts(number) for number in range(len(self._homes))]
        closings = self._closings()
        merged = heapq.merge(*homes, closings, key=lambda pair: pair[0])
        facts = ((fact.SerializeToString(), fact) for _, fact in merged)
        last_ms = max(max(arrivals) for arrivals in self._arrivals)
        arrived = datetime.fromtimestamp(last_ms / 1000, STOCKHOLM).date()
        # What comes in long after the last lesson belongs to no school year.
        end = max(self.days[-1], min(arrived, date(school_year(self.days[-1]) + 1, 7, 31)))
        yield from by_evening(facts, self.days[0], end)

    def _facts(self, number: int) -> Iterator[tuple[int, Fact]]:
        """A home's placements, then its registers by arrival, each with its time."""
        for value in self._homes[number].facts(self._statements(number), ()):
            fact = Fact.FromString(value)
            yield fact.accepted_unix_ms, fact

    def _statements(self, number: int) -> Iterator[Numbered]:
        # By arrival, and then a lesson's lines together: they make one register. Lines
        # about the same lesson keep their order, since the later of two equally new wins.
        lessons, arrivals = np.array(self._lessons[number]), np.array(self._arrivals[number])
        order = np.lexsort((lessons, arrivals)).tolist()
        places = self._places[number]
        with (self._scratch / str(number)).open("rb") as file:
            at = -1
            for one in order:
                if places[one] != at:
                    file.seek(places[one])
                line, *fields = marshal.load(file)  # noqa: S302 - this process wrote it
                at = places[one + 1] if one + 1 < len(places) else -1
                yield line, Statement(*fields)

    def _closings(self) -> Iterator[tuple[int, Fact]]:
        """A day on which a unit had lessons is a school day of it, and ends in the evening."""
        for day, unit in sorted(self._router.days):
            at = _evening(day)
            closing = DayClosed(
                school_unit_id=named("unit", unit),
                epoch_day=day,
                kind=DAY_KIND_SCHOOL_DAY,
                version=Version(priority=1, sequence=1),
            )
            yield at, Fact(organiser_id=ORGANISER, accepted_unix_ms=at, day_closed=closing)


@lru_cache(maxsize=512)
def _evening(day: int) -> int:
    on = from_epoch_day(day)
    return round(datetime(on.year, on.month, on.day, 18, 0, tzinfo=STOCKHOLM).timestamp() * 1000)


def kindly(line: bytes) -> Statement:
    """Read a line as replay does, but with what may be left out filled in.

    Without ``modified`` it is the time of arrival, without an offset Sweden's clock; a
    key may be a number, a whole number of minutes may be written 60.0, and a flag 0 or 1.
    """
    try:
        row = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise LineError("", "is no JSON") from None
    if not isinstance(row, dict):
        raise LineError("", "is no JSON object")
    for name, value in _DEFAULTS.items():
        if row.get(name) is None:
            row[name] = value
    if row.get("modified") in (None, ""):
        row["modified"] = row.get("arrival")
    for name in ("arrival", "modified", "start"):
        if isinstance(row.get(name), str):
            row[name] = _with_offset(row[name])
    _plain(row)
    return statement(row)


def _plain(row: dict[str, Any]) -> None:
    """Numbers for keys, floats for whole minutes and 0 or 1 for flags, as they are meant."""
    for name in _KEYS:
        if type(row.get(name)) is int:
            row[name] = str(row[name])
    for name in _MINUTES:
        value = row.get(name)
        if isinstance(value, float) and value.is_integer():
            row[name] = int(value)
    for name in _FLAGS:
        if type(row[name]) is int and row[name] in (0, 1):
            row[name] = bool(row[name])


@lru_cache(maxsize=8192)  # a class's lines have the same instants
def _with_offset(text: str) -> str:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if found.tzinfo else found.replace(tzinfo=STOCKHOLM).isoformat()
