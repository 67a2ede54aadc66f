"""Fills the database: people, cases with their history, what stands with whom.

By COPY as the superuser. What is measured goes the service's own way: the absence days
(landing.py) and the warnings (stream.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import asyncpg

from bench.cases.town import (
    OPEN_SHARE,
    PUPILS_A_CLASS,
    PUPILS_A_UNIT,
    TODAY,
    UNITS_AN_AREA,
    Town,
    uid,
    warning,
)
from bench.ews.basics import say
from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases.domain import threads

if TYPE_CHECKING:
    from typing import TypeAlias

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

_HISTORY = ("opened", "warning_raised", "assigned", "acknowledged", "warning_escalated")
_PORTION = 20_000


async def fill(connection: Connection, town: Town) -> None:
    """Everything but the absence days."""
    await _people(connection, town)
    say("people are there")
    await _cases(connection, town)
    say("cases are there")
    await connection.execute("ANALYZE")


async def days(connection: Connection, town: Town) -> None:
    """Absence days by one statement: the newest first, for so many as the town has."""
    await connection.execute(
        """
        INSERT INTO cases.absence_days (organiser_id, pupil_id, day, offered, reported, valid,
            invalid_unexplained, invalid_confirmed, other, lessons, lessons_reported,
            lessons_absent, revision)
        SELECT p.organiser_id, p.pupil_id, d.day, 300, 300, 0, a.minutes, 0, 0, 5, 5,
               a.minutes / 60, 1
        FROM (SELECT day::date FROM generate_series($1::date - 1000, $1::date, '1 day') AS day
              WHERE extract(isodow FROM day) < 6 AND extract(month FROM day) <> 7
              ORDER BY day DESC LIMIT $3) d
        CROSS JOIN people.pupils p
        CROSS JOIN LATERAL (
            SELECT CASE WHEN (hashtext(p.pupil_id::text) + (d.day - $1::date)) % 12 = 0
                        THEN 300 ELSE 0 END AS minutes) a
        WHERE p.organiser_id = $2
        """,
        TODAY,
        town.organiser,
        town.days // town.pupils,
    )
    say("absence days are there")
    await connection.execute("ANALYZE cases.absence_days")


async def _copy(
    connection: Connection, table: str, columns: str, records: Iterable[Sequence[Any]]
) -> None:
    schema, _, name = table.partition(".")
    await connection.copy_records_to_table(
        name, schema_name=schema, columns=columns.split(), records=records
    )


async def _people(connection: Connection, town: Town) -> None:
    organiser = town.organiser
    await connection.execute(
        "INSERT INTO people.organisers (organiser_id, name, kind) "
        "VALUES ($1, 'Testköpings kommun', 'municipal')",
        organiser,
    )
    areas = range(-(-town.units // UNITS_AN_AREA))
    await _copy(
        connection,
        "people.areas",
        "organiser_id area_id name",
        [(organiser, uid("area", area), f"Område {area + 1}") for area in areas],
    )
    await _copy(
        connection,
        "people.school_units",
        "organiser_id school_unit_id name area_id",
        [
            (organiser, uid("unit", unit), f"Skola {unit + 1}", uid("area", unit // UNITS_AN_AREA))
            for unit in range(town.units)
        ],
    )
    await _copy(
        connection,
        "people.calendars",
        "organiser_id school_unit_id school_year terms free",
        [
            (
                organiser,
                uid("unit", unit),
                year,
                json.dumps([{"name": "HT", "first": f"{year}-08-18", "last": f"{year}-12-18"}]),
                "[]",
            )
            for unit in range(town.units)
            for year in range(town.first_year, TODAY.year + 1)
        ],
    )
    await _copy(
        connection,
        "people.groups",
        "organiser_id group_id school_unit_id kind grade name",
        [
            (
                organiser,
                uid("class", number),
                uid("unit", number * PUPILS_A_CLASS // PUPILS_A_UNIT),
                "class",
                number % 9 + 1,
                f"{number % 9 + 1}{chr(65 + number % 5)}",
            )
            for number in range(-(-town.pupils // PUPILS_A_CLASS))
        ],
    )
    await _copy(
        connection,
        "people.pupils",
        "organiser_id pupil_id given_name family_name birth_date sex protection",
        (
            (
                organiser,
                uid("pupil", pupil),
                *town.name_of(pupil),
                date(2012, 5, 5),
                "unknown",
                "confidential" if pupil % 200 == 0 else "none",
            )
            for pupil in range(town.pupils)
        ),
    )
    await _copy(
        connection,
        "people.placements",
        "organiser_id placement_id pupil_id school_unit_id class_id school_form grade "
        "school_year valid_from",
        (
            (
                organiser,
                uid("case", 9, pupil),
                uid("pupil", pupil),
                uid("unit", town.unit_of(pupil)),
                uid("class", town.class_of(pupil)),
                "GR",
                town.class_of(pupil) % 9 + 1,
                TODAY.year,
                date(TODAY.year, 8, 1),
            )
            for pupil in range(town.pupils)
        ),
    )
    await _staff(connection, town)


async def _staff(connection: Connection, town: Town) -> None:
    """An officer and a rektor a unit (a tenth has neither), a mentor a class, a coordinator an
    area."""
    duties: list[tuple[str, int, str, str, int]] = []
    for unit in town.staffed:
        duties.append(("attendance_officer", unit, "officer", "unit", unit))
        duties.append(("principal", unit, "rektor", "unit", unit))
    duties += [
        ("mentor", number, "mentor", "class", number) for number in range(town.places("mentor"))
    ]
    duties += [
        ("coordinator", area, "koordinator", "area", area)
        for area in range(town.places("coordinator"))
    ]
    await _copy(
        connection,
        "people.staff",
        "organiser_id staff_id login given_name family_name",
        [
            (
                town.organiser,
                staff_id(role, number),
                f"{login}{number}",
                login,
                f"Testsson {number}",
            )
            for role, number, login, _, _ in duties
        ],
    )
    await _copy(
        connection,
        "people.duties",
        "organiser_id duty_id staff_id role area_id school_unit_id group_id valid_from",
        [
            (
                town.organiser,
                uid("staff", 99, _ROLES.index(role), number),
                staff_id(role, number),
                role,
                uid("area", at) if where == "area" else None,
                uid("unit", at) if where == "unit" else None,
                uid("class", at) if where == "class" else None,
                date(2020, 8, 1),
            )
            for role, number, _, where, at in duties
        ],
    )


_ROLES = ("attendance_officer", "principal", "mentor", "coordinator")


def staff_id(role: str, number: int) -> Any:
    """Who has a role in a unit, class or area."""
    return uid("staff", _ROLES.index(role), number)


def is_open(number: int, year: int) -> bool:
    """Whether a case still is: a share of the present school year's."""
    return year == TODAY.year and number % 100 < OPEN_SHARE * 100


async def _cases(connection: Connection, town: Town) -> None:
    places = town.case_places()
    counts: dict[int, int] = {}
    while portion := list(islice(places, _PORTION)):
        for _, _, year in portion:
            counts[year] = counts.get(year, 0) + 1
        await _portion(connection, town, portion)
        say(f"{portion[-1][0] + 1} cases")
    await _copy(
        connection,
        "cases.case_numbers",
        "organiser_id school_year last_number",
        [(town.organiser, year, town.pupils) for year in counts],
    )


def _opened(number: int, year: int) -> datetime:
    """Cases are opened one after the other through the autumn."""
    return datetime(year, 9, 1, 7, tzinfo=UTC) + timedelta(minutes=number % 100_000)


async def _portion(
    connection: Connection, town: Town, portion: Sequence[tuple[int, int, int]]
) -> None:
    organiser = town.organiser
    await _copy(
        connection,
        "cases.cases",
        "organiser_id case_id number pupil_id school_year school_unit_id class_id state attention "
        "assigned_staff_id assigned_as level family headline school_date woke opened_at "
        "acknowledged_at acknowledged_by closed_at closed_by close_reason updated_at",
        [_case(town, *place) for place in portion],
    )
    await _copy(
        connection,
        "cases.duties",
        "organiser_id duty_id kind pupil_id school_year school_unit_id class_id case_id "
        "assigned_staff_id assigned_as school_date due_at created_at done_at outcome",
        [_duty(town, *place) for place in portion],
    )
    await _warnings(connection, town, portion)
    await _copy(
        connection,
        "cases.case_events",
        "organiser_id event_id case_id at kind detail",
        (
            (
                organiser,
                uid("episode", number, 50 + step),
                uid("case", number),
                _opened(number, year) + timedelta(minutes=step),
                kind,
                json.dumps({"family": "long_term", "level": 1, "sentence": "Frånvarande."}),
            )
            for number, _, year in portion
            for step, kind in enumerate(_HISTORY)
        ),
    )
    await _copy(
        connection,
        "cases.comments",
        "organiser_id comment_id case_id at author_staff_id body",
        [
            (
                organiser,
                uid("episode", number, 80),
                uid("case", number),
                _opened(number, year) + timedelta(days=1),
                staff_id("attendance_officer", town.unit_of(pupil)),
                "Samtal med hemmet är bokat.",
            )
            for number, pupil, year in portion
            if number % 3 == 0
        ],
    )


def _case(town: Town, number: int, pupil: int, year: int) -> tuple[Any, ...]:
    opened, still = _opened(number, year), is_open(number, year)
    unit = town.unit_of(pupil)
    new = still and number % 4 == 0
    # Where the school has nobody, the case stands in the coordinators' queue.
    officer = staff_id("attendance_officer", unit) if unit in town.staffed else None
    state = "closed" if not still else "new" if new else "acknowledged"
    return (
        town.organiser,
        uid("case", number),
        f"F-{year}-{pupil + 1:05d}",
        uid("pupil", pupil),
        year,
        uid("unit", unit),
        uid("class", town.class_of(pupil)),
        state,
        "amended" if still and number % 7 == 0 else None,
        officer,
        "attendance_officer" if officer else None,
        number % 3 + 1 if still else 0,
        "long_term",
        "Frånvarande hela skoldagen 5 skoldagar i rad.",
        opened.date(),
        True,
        opened,
        None if new else opened + timedelta(hours=5),
        None if new else officer,
        None if still else opened + timedelta(days=90),
        None if still else officer,
        None if still else "resolved",
        opened + timedelta(hours=6),
    )


def _duty(town: Town, number: int, pupil: int, year: int) -> tuple[Any, ...]:
    opened = _opened(number, year)
    waits = is_open(number, year) and number % 4 == 0
    staffed = town.unit_of(pupil) in town.staffed
    officer = staff_id("attendance_officer", town.unit_of(pupil)) if staffed else None
    return (
        town.organiser,
        uid("case", number, 1),
        "acknowledge",
        uid("pupil", pupil),
        year,
        uid("unit", town.unit_of(pupil)),
        uid("class", town.class_of(pupil)),
        uid("case", number),
        officer,
        "attendance_officer" if officer else None,
        opened.date(),
        opened + timedelta(days=1 if number % 8 == 0 else 200),
        opened,
        None if waits else opened + timedelta(hours=5),
        None if waits else "acknowledged",
    )


async def _warnings(
    connection: Connection, town: Town, portion: Sequence[tuple[int, int, int]]
) -> None:
    held = [
        (number, day, raw, threads.decode(raw)) for number, day, raw in _raw_warnings(town, portion)
    ]
    await _copy(
        connection,
        "cases.warnings",
        "organiser_id thread_id revision family pupil_id school_year school_unit_id class_id "
        "case_id incomplete school_date snapshot received_at",
        [
            (
                town.organiser,
                found.thread_id,
                found.revision,
                found.family,
                found.pupil_id,
                found.school_year,
                found.school_unit_id,
                found.class_id,
                uid("case", number),
                False,
                day,
                raw,
                datetime(day.year, day.month, day.day, 7, tzinfo=UTC),
            )
            for number, day, raw, found in held
        ],
    )
    await _copy(
        connection,
        "cases.episodes",
        "organiser_id thread_id episode_id family pupil_id school_year state level raised_day "
        "unexplained_minutes confirmed_minutes lessons sentence",
        [
            (
                town.organiser,
                found.thread_id,
                episode.episode_id,
                found.family,
                found.pupil_id,
                found.school_year,
                episode.state,
                episode.level,
                episode.raised_day,
                episode.figures.unexplained,
                episode.figures.confirmed,
                len(episode.lessons),
                episode.sentence,
            )
            for _, _, _, found in held
            for episode in found.episodes
        ],
    )


def _raw_warnings(
    town: Town, portion: Sequence[tuple[int, int, int]]
) -> Iterator[tuple[int, date, bytes]]:
    """One long absence a case; of the present year's also sporadic absence, and for some what is
    unexplained today."""
    for number, pupil, year in portion:
        day = _opened(number, year).date()
        yield number, day, warning(town, pupil, year, day, family=pb.FAMILY_LONG_TERM)
        if is_open(number, year):
            yield number, day, warning(town, pupil, year, day, family=pb.FAMILY_SPORADIC)
            if number % 10 == 0:
                raw = warning(town, pupil, year, TODAY, family=pb.FAMILY_UNEXCUSED_TODAY)
                yield number, TODAY, raw
