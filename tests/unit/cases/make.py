"""Threads and duties for unit tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.cases.domain.assignment import Duty
from services.cases.domain.threads import Episode, Family, Figures, Thread

TUESDAY = date(2026, 11, 24)
ORGANISER, PUPIL, UNIT, CLASS = (UUID(int=number) for number in (1, 2, 3, 4))
STAFF = UUID(int=9)


def figures(**changes: Any) -> Figures:
    held = Figures(
        first_day=TUESDAY - timedelta(days=27),
        last_day=TUESDAY,
        offered=6000,
        reported=5400,
        valid=300,
        unexplained=900,
        confirmed=60,
        other=0,
        occasions=9,
        days=7,
        run_days=5,
        timetable_known=True,
        value=5,
        threshold=5,
    )
    return replace(held, **changes)


def episode(number: int = 1, **changes: Any) -> Episode:
    held = Episode(
        episode_id=UUID(int=1000 + number),
        state="active",
        level=1,
        raised_day=TUESDAY,
        level_day=TUESDAY,
        resolved_day=None,
        rule="regel",
        profile="standard@1",
        figures=figures(),
        lessons=(),
        sentence="En mening.",
        relapse=False,
    )
    return replace(held, **changes)


def thread(*episodes: Episode, family: Family = "long_term", revision: int = 1) -> Thread:
    return Thread(
        organiser_id=ORGANISER,
        thread_id=UUID(int=hash(family) % 2**64),
        revision=revision,
        pupil_id=PUPIL,
        family=family,
        school_year=2026,
        school_unit_id=UNIT,
        class_id=CLASS,
        school_date=TUESDAY,
        caused_by_unix_ms=0,
        incomplete=False,
        episodes=episodes,
    )


def duty(role: str = "attendance_officer", **changes: Any) -> Duty:
    held = Duty(
        duty_id=uuid4(),
        staff_id=uuid4(),
        role=role,
        area_id=None,
        school_unit_id=UNIT,
        group_id=None,
        grades=frozenset(),
        substitute=False,
        valid_from=date(2026, 8, 1),
        valid_to=None,
    )
    return replace(held, **changes)
