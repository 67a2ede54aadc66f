"""A made-up municipality as ids and numbers: the same options always give the same.

Nobody in it has a life: what is measured is how much there is to look through, so every pupil has
as many cases, warnings and days as the aims ask for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from uuid import UUID

from bench.simulator import names
from forvarning.warnings.v1 import warnings_pb2 as pb
from services.common.clock import epoch_day

#: The school day on which everything is looked at.
TODAY = date(2026, 11, 24)
#: The share of the current school year's cases that is open.
OPEN_SHARE = 0.35
PUPILS_A_UNIT, PUPILS_A_CLASS, UNITS_AN_AREA = 500, 25, 10

_SUBJECTS = ("Matematik", "Svenska", "Engelska", "Idrott och hälsa", "Slöjd", "Bild", "NO")
_NAMED = ("pupil", "unit", "class", "staff", "area", "case", "thread", "episode", "lesson")


def uid(kind: str, *numbers: int) -> UUID:
    """An id out of what it is of and its number; never two alike."""
    value = _NAMED.index(kind) + 1
    for number in numbers:
        value = value << 32 | number
    return UUID(int=value << 16 | 0xBEC)


@dataclass(frozen=True)
class Town:
    """How much there is."""

    pupils: int
    cases: int
    years: int
    days: int
    """Absence days in all."""

    organiser: UUID = field(default=UUID(int=0xF0 << 100), init=False)

    @property
    def units(self) -> int:
        return -(-self.pupils // PUPILS_A_UNIT)

    @cached_property
    def staffed(self) -> list[int]:
        """The units that have an officer and a rektor: nine of ten."""
        return [unit for unit in range(self.units) if unit % 10 != 9]

    def places(self, role: str) -> int:
        """In how many units, classes or areas somebody has the role."""
        if role == "mentor":
            return -(-self.pupils // PUPILS_A_CLASS)
        return -(-self.units // UNITS_AN_AREA) if role == "coordinator" else len(self.staffed)

    @property
    def first_year(self) -> int:
        return 2026 - self.years + 1

    def unit_of(self, pupil: int) -> int:
        return pupil // PUPILS_A_UNIT

    def class_of(self, pupil: int) -> int:
        return pupil // PUPILS_A_CLASS

    def name_of(self, pupil: int) -> tuple[str, str]:
        """Given and family name; invented, and they say so."""
        given = names.FEMALE + names.MALE
        return given[pupil % len(given)], f"Testpåhitt-{pupil // len(given)}"

    def case_places(self) -> Iterator[tuple[int, int, int]]:
        """(number in all, pupil, school year) of every case, oldest year first."""
        for number in range(self.cases):
            year, pupil = divmod(number, self.pupils)
            yield number, pupil, self.first_year + year


def warning(
    town: Town, pupil: int, year: int, day: date, *, family: pb.Family, revision: int = 1
) -> bytes:
    """One thread of a pupil's school year as the stream would publish it."""
    thread = uid("thread", pupil, year, family)
    lessons = [
        pb.LessonGround(
            lesson_id=uid("lesson", pupil, year, 10 * back + number).bytes,
            epoch_day=epoch_day(day) - back,
            start_minute=490 + number * 70,
            length_minutes=60,
            subject=_SUBJECTS[(pupil + number) % len(_SUBJECTS)],
            offered=60,
            valid=60 if number == 2 else 0,
            invalid_unexplained=0 if number == 2 else 60,
        )
        for back in range(5)
        for number in range(4)
    ]
    sentence = f"Frånvarande hela skoldagen {4 + revision} skoldagar i rad."
    episode = pb.Episode(
        episode_id=uid("episode", pupil, year, family).bytes,
        state=pb.EPISODE_STATE_ACTIVE,
        level=min(revision, 3),
        raised_day=epoch_day(day),
        level_day=epoch_day(day),
        rule_id="langvarig-5-dagar",
        profile_id="standard",
        profile_version=1,
        sentence=sentence,
        lessons=lessons,
        figures=pb.Figures(
            window_first_day=epoch_day(day) - 27,
            window_last_day=epoch_day(day),
            offered=6000,
            reported=5400,
            valid=300,
            invalid_unexplained=900,
            absence_occasions=20,
            absence_days=5,
            run_days=4 + revision,
            reporting_rate_known=True,
            value=4 + revision,
            threshold=5,
        ),
    )
    return pb.WarningEvent(
        organiser_id=town.organiser.bytes,
        thread_id=thread.bytes,
        revision=revision,
        pupil_id=uid("pupil", pupil).bytes,
        family=family,
        school_year=year,
        school_unit_id=uid("unit", town.unit_of(pupil)).bytes,
        class_id=uid("class", town.class_of(pupil)).bytes,
        episodes=[episode],
        caused_by_unix_ms=1,
        epoch_day=epoch_day(day),
        home_id=uid("unit", town.unit_of(pupil)).bytes,
        bucket=1,
    ).SerializeToString()
