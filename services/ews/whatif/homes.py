"""Where a folder's statements belong, and the facts that they make. Pure.

As ingest does it (design D1): a pupil's home is the unit of the pupil's first
statement of the school year, a class of it is a bucket, and lines in a row that
say something about the same lesson at the same time are one register.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from uuid import UUID, uuid5

from forvarning.facts.v1 import facts_pb2 as f
from services.common.clock import from_epoch_day, school_year
from services.ews.whatif.lines import Statement

_SPACE = UUID("4b0d5b52-4d0e-5d5c-8a0b-0d2f6a1c7e90")
_Stay = tuple[str, str]
"""Unit and class."""
Numbered = tuple[int, Statement]
"""A statement and the number of its line."""


def named(kind: str, *keys: object) -> bytes:
    """The 16 bytes that stand for a key of the folder."""
    return uuid5(_SPACE, "|".join([kind, *map(str, keys)])).bytes


ORGANISER = named("organiser")


@lru_cache(maxsize=1024)
def year_of(day: int) -> int:
    """The school year of an epoch day."""
    return school_year(from_epoch_day(day))


@dataclass(slots=True)
class Router:
    """Sends each statement to a home, and keeps which days had lessons."""

    units: dict[str, None] = field(default_factory=dict)
    days: set[tuple[int, str]] = field(default_factory=set)
    """Day and unit of every lesson that somebody was offered."""
    _homes: dict[tuple[str, int], str] = field(default_factory=dict)

    def home(self, said: Statement) -> str:
        """The unit whose part the statement goes to."""
        self.units.setdefault(said.unit)
        if not said.deleted:
            self.days.add((said.day, said.unit))
        return self._homes.setdefault((said.pupil, year_of(said.day)), said.unit)


@dataclass(slots=True)
class Home:
    """The facts of one home's statements; they are gone through twice."""

    unit: str
    _buckets: dict[tuple[int, str], int] = field(default_factory=dict)
    _seats: dict[tuple[str, int], int] = field(default_factory=dict)
    _days: dict[tuple[str, int], Counter[_Stay]] = field(default_factory=dict)
    _units: set[str] = field(default_factory=set)
    _ids: dict[str, bytes] = field(default_factory=dict)

    def survey(self, statements: Iterable[Numbered]) -> None:
        """Go through all of the home's statements once, before :meth:`facts`."""
        for _, said in statements:
            year = year_of(said.day)
            bucket = self._buckets.setdefault((year, said.klass), len(self._buckets))
            self._seats.setdefault((said.pupil, year), bucket)
            self._units.add(said.unit)
            if said.pupil not in self._ids:
                self._ids[said.pupil] = named("pupil", said.pupil)
            if not said.deleted:
                stays = self._days.setdefault((said.pupil, said.day), Counter())
                stays[said.unit, said.klass] += 1

    def pupils(self) -> dict[bytes, str]:
        """The keys of the home's pupils, by the id that the facts give them."""
        return {pupil_id: pupil for pupil, pupil_id in self._ids.items()}

    def facts(
        self, statements: Iterable[Numbered], closed: Iterable[tuple[int, str]]
    ) -> Iterator[bytes]:
        """Placements, then registers in the order of the lines, then the closed days."""
        yield from self._placements()
        yield from self._registers(statements)
        for day, unit in sorted(closed):
            if unit in self._units:
                closing = f.DayClosed(
                    school_unit_id=named("unit", unit),
                    epoch_day=day,
                    kind=f.DAY_KIND_SCHOOL_DAY,
                    version=f.Version(priority=1, sequence=1),
                )
                yield _fact(0, day_closed=closing)

    # -- placements ---------------------------------------------------------------------

    def _placements(self) -> Iterator[bytes]:
        """One for each stretch of days that a pupil's lessons name the same unit and class.

        A day belongs to the unit and class of most of its lessons, so that a
        lesson elsewhere moves nobody.
        """
        by_pupil: dict[tuple[str, int], list[int]] = {}
        for pupil, day in self._days:
            by_pupil.setdefault((pupil, year_of(day)), []).append(day)
        for (pupil, year), days in sorted(by_pupil.items()):
            spans: list[tuple[int, _Stay]] = []
            for day in sorted(days):
                stays = self._days[pupil, day]
                stay = min(stays, key=lambda one: (-stays[one], one))
                if not spans or spans[-1][1] != stay:
                    spans.append((day, stay))
            ends = [first for first, _ in spans[1:]] + [0]
            for (first, stay), after in zip(spans, ends, strict=True):
                yield self._placement(pupil, year, stay, (first, after))

    def _placement(self, pupil: str, year: int, stay: _Stay, span: tuple[int, int]) -> bytes:
        unit, klass = stay
        placement = f.Placement(
            home_id=named("home", self.unit, year),
            bucket=self._seats[pupil, year],
            pupil_id=self._ids[pupil],
            school_unit_id=named("unit", unit),
            class_id=named("class", unit, klass),
            school_year=year,
            member_from_day=span[0],
            member_to_day=span[1],
            placement_id=named("placement", pupil, year, span[0]),
            version=f.Version(priority=1, sequence=1),
        )
        return _fact(0, placement=placement)

    # -- registers ----------------------------------------------------------------------

    def _registers(self, statements: Iterable[Numbered]) -> Iterator[bytes]:
        """A register holds no pupil twice: a second word about one begins a new register."""
        held: f.Register | None = None
        about: object = None
        arrival = 0
        inside: set[str] = set()
        for number, said in statements:
            bucket = self._seats[said.pupil, year_of(said.day)]
            now = (
                bucket,
                said.arrival_ms,
                said.modified_ms,
                said.unit,
                said.lesson,
                said.subject,
                (said.day, said.start_minute, said.minutes),
                said.reported or said.deleted,
            )
            if held is None or now != about or said.pupil in inside:
                if held is not None:
                    yield _fact(arrival, register=held)
                held = self._register(number, said, bucket)
                about, arrival = now, said.arrival_ms
                inside.clear()
            inside.add(said.pupil)
            held.pupil_ids += self._ids[said.pupil]
            _mark(held, said)
        if held is not None:
            yield _fact(arrival, register=held)

    def _register(self, number: int, said: Statement, bucket: int) -> f.Register:
        known = said.reported or said.deleted
        return f.Register(
            home_id=named("home", self.unit, year_of(said.day)),
            bucket=bucket,
            lesson_id=named("lesson", said.lesson),
            school_unit_id=named("unit", said.unit),
            activity_id=named("activity", said.unit, said.subject),
            subject=said.subject,
            epoch_day=said.day,
            start_minute=said.start_minute,
            length_minutes=said.minutes,
            state=f.LESSON_STATE_REPORTED if known else f.LESSON_STATE_SCHEDULED,
            # The later of two lines that were changed at the same time wins.
            version=f.Version(priority=1, modified_unix_ms=said.modified_ms, sequence=number),
        )


def _mark(register: f.Register, said: Statement) -> None:
    register.offered_minutes.append(said.minutes)
    register.valid_minutes.append(said.valid)
    register.invalid_minutes.append(said.invalid)
    register.other_minutes.append(said.other)
    flags = f.MARK_FLAG_WITHDRAWN if said.deleted else 0
    register.flags.append(flags | (f.MARK_FLAG_REPORTED if said.reported else 0))


def _fact(accepted_ms: int, **body: f.Register | f.Placement | f.DayClosed) -> bytes:
    fact = f.Fact(organiser_id=ORGANISER, accepted_unix_ms=accepted_ms, **body)  # type: ignore[arg-type]
    return fact.SerializeToString()
