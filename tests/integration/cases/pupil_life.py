"""A simulated pupil: lessons as facts, judged by the real core, told to cases day by day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

from services.common.clock import epoch_day, local_instant
from tests.integration.cases.world import A, World, made
from tests.unit.ews.facts import School, name
from tests.unit.ews.harness import Harness

PROFILE = Path(__file__).parents[3] / "services" / "ews" / "profiles" / "standard.toml"
PUPIL = UUID(bytes=name(0, "pupil"))
FIRST = date(2026, 8, 18)
_STARTS = (490, 560, 640, 780)
_SUBJECTS = ("MA", "SV", "EN", "NO")
_LOV = (date(2026, 11, 2), date(2026, 11, 6))


def school_days(first: date, last: date) -> Iterator[date]:
    """The world's school days, both ends included."""
    day = first
    while day <= last:
        if day.weekday() < 5 and not _LOV[0] <= day <= _LOV[1]:
            yield day
        day += timedelta(days=1)


class Life:
    """Ines in 7A at Björkskolan: what each lesson says, and what comes of it."""

    def __init__(self, world: World) -> None:
        self._world = world
        content = PROFILE.read_bytes()
        self._school = School(organiser=A.id.bytes, home=A.unit().bytes)
        self._harness = Harness([("standard", 1, content)])
        self._harness.apply(
            self._school.profile(content, profile_id="standard"),
            self._school.placement(
                0, epoch_day(FIRST), unit=A.unit().bytes, class_id=A.group("7A").bytes
            ),
        )

    async def begin(self) -> None:
        """Put her into the roster, with two guardians."""
        run, org = self._world.admin.execute, A.id
        await run(
            "INSERT INTO people.pupils (organiser_id, pupil_id, given_name, family_name, "
            "birth_date, sex, protection) "
            "VALUES ($1, $2, 'Ines', 'Simulberg', '2013-03-02', 'female', 'none')",
            org,
            PUPIL,
        )
        await run(
            "INSERT INTO people.placements VALUES ($1, $2, $3, $4, $5, 'GR', 7, 2026, $6, NULL)",
            org,
            made("placement", "ines"),
            PUPIL,
            A.unit(),
            A.group("7A"),
            FIRST,
        )
        await run("INSERT INTO people.civic_numbers VALUES ($1, $2, '20130302-2384')", org, PUPIL)
        for given in ("Vera", "Viktor"):
            guardian = made("guardian", "ines", given)
            await run(
                "INSERT INTO people.guardians VALUES ($1, $2, $3, 'Simulberg', NULL, '070-1')",
                org,
                guardian,
                given,
            )
            await run(
                "INSERT INTO people.guardian_relations VALUES ($1, $2, $3, 'guardian')",
                org,
                PUPIL,
                guardian,
            )

    async def day(self, day: date, lessons: str = ".") -> int:
        """One school day: a letter for each lesson, or one for all; how many warnings changed.

        ``.`` present, ``v`` giltig, ``i`` oanmäld, ``c`` ogiltig. The clock is then just after the
        school day's end, and the case service has read what the core published.
        """
        at = epoch_day(day)
        letters = lessons * 4 if len(lessons) == 1 else lessons
        marks = {".": (0, 0, 0, 1), "v": (60, 0, 0, 1), "i": (0, 60, 0, 1), "c": (0, 60, 0, 3)}
        unit = A.unit().bytes
        told = self._harness.told(
            *(
                self._school.register(at, start, {0: marks[letter]}, subject=subject, unit=unit)
                for start, subject, letter in zip(_STARTS, _SUBJECTS, letters, strict=True)
            ),
            self._school.closed(at, unit=unit),
            self._school.wave(at, {}, unit=unit),
        )
        self._world.clock.at = local_instant(day, 18 * 60 + 5)
        if told:
            await self._world.take(*(event.SerializeToString() for event in told))
        if self._harness.absence:
            await self._world.take_days(*self._harness.absence.values())
        return len(told)

    async def correct(self, day: date, lesson: int, letter: str) -> int:
        """A teacher corrects one lesson afterwards; how many warnings changed."""
        at = epoch_day(day)
        minutes = {".": (0, 0, 0, 1), "v": (60, 0, 0, 1)}[letter]
        told = self._harness.told(
            self._school.register(
                at,
                _STARTS[lesson],
                {0: minutes},
                subject=_SUBJECTS[lesson],
                unit=A.unit().bytes,
            )
        )
        if told:
            await self._world.take(*(event.SerializeToString() for event in told))
        return len(told)
