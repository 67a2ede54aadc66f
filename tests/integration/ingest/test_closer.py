"""The day closer (design D8) on real Kafka and PostgreSQL, with a clock that the test moves."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from deploy.local.kafka import KafkaServer
from forvarning.facts.v1 import facts_pb2 as facts
from services.common.clock import STOCKHOLM, FixedClock, epoch_day, from_epoch_day
from services.ingest.errors import NotWrittenError
from tests.integration.ingest.conftest import StartWorld
from tests.integration.ingest.world import PARTITIONS, World, register, roster

pytestmark = pytest.mark.anyio

SCHOOL, FREE, REOPENED = (
    facts.DAY_KIND_SCHOOL_DAY,
    facts.DAY_KIND_FREE,
    facts.DAY_KIND_REOPENED,
)


def at(day: str, clock: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=STOCKHOLM)


async def closed(world: World) -> dict[int, list[tuple[date, int]]]:
    """Partition -> (day, kind) in log order."""
    found: dict[int, list[tuple[date, int]]] = defaultdict(list)
    for partition, body in await world.facts("day_closed"):
        found[partition].append((from_epoch_day(body.epoch_day), body.kind))
    return found


def everywhere(*days: tuple[date, int]) -> dict[int, list[tuple[date, int]]]:
    return {partition: list(days) for partition in range(PARTITIONS)}


def calendar(first: str, last: str, *free: tuple[str, str], **changes: Any) -> dict[str, Any]:
    body = roster([])
    body["school_units"][0] |= {
        "calendars": [
            {
                "school_year": 2026,
                "terms": [{"name": "T", "first": first, "last": last}],
                "free": [{"first": a, "last": b} for a, b in free],
            }
        ],
        **changes,
    }
    return body


async def test_a_day_closes_at_six_in_every_partition(world: World) -> None:
    world.clock.at = at("2026-11-23", "17:59:59")
    await world.put(calendar("2026-11-23", "2026-12-18"))
    assert await world.service.closer.run(world.organiser_id) == 0
    world.clock.at = at("2026-11-23", "18:00")
    assert await world.service.closer.run(world.organiser_id) == 1
    assert await world.service.closer.run(world.organiser_id) == 0
    monday = date(2026, 11, 23)
    assert await closed(world) == everywhere((monday, SCHOOL))
    rows = await world.sql.fetch("SELECT acknowledged FROM ingest.day_closing_partitions")
    assert [row["acknowledged"] for row in rows] == [True] * PARTITIONS


async def test_after_downtime_it_catches_up_in_order(world: World) -> None:
    world.clock.at = at("2026-11-01", "12:00")
    await world.put(calendar("2026-10-29", "2026-12-18", ("2026-11-02", "2026-11-03")))
    await world.service.closer.run(world.organiser_id)
    world.clock.at = at("2026-11-10", "19:00")
    await world.service.closer.run(world.organiser_id)
    days = [date(2026, 10, 29) + timedelta(days=n) for n in range(13)]
    # Saturdays, Sundays, Alla helgons dag (31 October 2026, a Saturday) and the two free days.
    free = {date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 2), date(2026, 11, 3),
            date(2026, 11, 7), date(2026, 11, 8)}  # fmt: skip
    expected = [(day, FREE if day in free else SCHOOL) for day in days]
    assert await closed(world) == everywhere(*expected)


async def test_outside_the_school_year_nothing_is_closed(world: World) -> None:
    world.clock.at = at("2026-07-20", "19:00")
    await world.put(calendar("2026-08-18", "2026-12-18"))
    await world.service.closer.run(world.organiser_id)
    assert await closed(world) == {}


@pytest.mark.parametrize("day", ["2026-10-25", "2027-03-28"])
async def test_a_day_on_which_the_clock_is_changed(world: World, day: str) -> None:
    world.clock.at = at(day, "17:59")
    first = (date.fromisoformat(day) - timedelta(days=1)).isoformat()
    await world.put(calendar(first, "2027-06-11"))
    await world.service.closer.run(world.organiser_id)
    world.clock.advance(timedelta(minutes=1))
    await world.service.closer.run(world.organiser_id)
    sunday = date.fromisoformat(day)
    assert (await closed(world))[0] == [(sunday - timedelta(days=1), FREE), (sunday, FREE)]


async def test_a_units_own_closing_time(world: World) -> None:
    world.clock.at = at("2026-11-24", "16:00")
    await world.put(calendar("2026-11-24", "2026-12-18", closes_at="15:30"))
    await world.service.closer.run(world.organiser_id)
    assert (await closed(world))[0] == [(date(2026, 11, 24), SCHOOL)]


async def test_a_corrected_calendar_corrects_the_days(world: World) -> None:
    world.clock.at = at("2026-11-25", "19:00")
    await world.put(calendar("2026-11-23", "2026-12-18"))
    await world.service.closer.run(world.organiser_id)
    await world.put(calendar("2026-11-23", "2026-12-18", ("2026-11-24", "2026-11-24")))
    world.clock.advance(timedelta(minutes=1))
    await world.service.closer.run(world.organiser_id)
    bodies = [body for partition, body in await world.facts("day_closed") if partition == 0]
    *_, wednesday, tuesday = bodies
    assert (tuesday.epoch_day, tuesday.kind) == (epoch_day(date(2026, 11, 24)), FREE)
    older = next(body for body in bodies if body.epoch_day == tuesday.epoch_day)
    assert (tuesday.version.modified_unix_ms, tuesday.version.sequence) > (
        older.version.modified_unix_ms,
        older.version.sequence,
    )
    assert wednesday.kind == SCHOOL
    assert await world.service.closer.run(world.organiser_id) == 0


async def test_a_day_is_reopened_and_closes_again(world: World) -> None:
    world.clock.at = at("2026-11-24", "19:00")
    await world.put(calendar("2026-11-24", "2026-12-18"))
    await world.service.closer.run(world.organiser_id)
    world.clock.advance(timedelta(hours=1))
    body = {"school_unit": "BJORK", "date": "2026-11-24"}
    answer = await world.call("POST", "/v1/days/reopen", body)
    assert (answer.status_code, answer.json()["kind"]) == (202, "reopened")
    await world.service.closer.run(world.organiser_id)
    tuesday = date(2026, 11, 24)
    assert await closed(world) == everywhere((tuesday, SCHOOL), (tuesday, REOPENED))
    world.clock.at = at("2026-11-25", "18:00")
    await world.service.closer.run(world.organiser_id)
    assert (await closed(world))[0][2:] == [
        (tuesday, SCHOOL),
        (date(2026, 11, 25), SCHOOL),
    ]


async def test_a_day_is_closed_by_hand(world: World) -> None:
    world.clock.at = at("2026-11-24", "15:00")
    await world.put(calendar("2026-11-24", "2026-12-18"))
    body = {"school_unit": "u1", "date": "2026-11-24"}
    answer = await world.call("POST", "/v1/days/close", body)
    assert (answer.status_code, answer.json()["kind"]) == (202, "school_day")
    assert (await closed(world))[0] == [(date(2026, 11, 24), SCHOOL)]
    world.clock.at = at("2026-11-24", "18:30")
    assert await world.service.closer.run(world.organiser_id) == 0
    tomorrow = await world.call("POST", "/v1/days/close", body | {"date": "2026-11-25"})
    assert tomorrow.status_code == 422
    assert tomorrow.json()["field"] == "/date"


async def test_without_a_calendar_a_day_with_a_lesson_is_a_school_day(world: World) -> None:
    body = roster()
    body["school_units"][0]["calendars"] = []
    await world.put(body)
    await world.post(register(), register(id="r2", activity="x", state="cancelled",
        start="2026-11-23T08:10:00+01:00", marks=[]))  # fmt: skip
    await world.service.closer.run(world.organiser_id)
    assert await closed(world) == {}
    world.clock.at = at("2026-11-24", "18:00")
    await world.service.closer.run(world.organiser_id)
    assert (await closed(world))[0] == [(date(2026, 11, 24), SCHOOL)]
    # A late register for another day brings that day.
    await world.post(register(start="2026-11-20T08:10:00+01:00"))
    await world.service.closer.run(world.organiser_id)
    assert (await closed(world))[0][1:] == [(date(2026, 11, 20), SCHOOL)]


async def test_of_many_days_with_lessons_those_are_found_that_nobody_closed(world: World) -> None:
    """Two units, days with and without lessons, one all cancelled, some closed, one to come."""
    body = roster()
    body["school_units"][0]["calendars"] = []
    body["school_units"].append({
        "id": "u2", "school_unit_code": "99990002", "name": "Ekskolan", "area": "norr",
        "school_forms": ["GR"], "calendars": [],
    })  # fmt: skip
    await world.put(body)

    def lesson(unit: str, day: str, name: str = "a", state: str = "reported") -> dict[str, Any]:
        return register(id=f"{unit} {day} {name}", school_unit=unit, activity=name, group=None,
            start=f"2026-11-{day}T08:10:00+01:00", state=state, marks=[{"pupil": "p1"}]
            if state == "reported" else [])  # fmt: skip

    world.clock.at = at("2026-11-12", "18:00")
    await world.post(lesson("u1", "10"), lesson("u2", "12"))
    assert await world.service.closer.run(world.organiser_id) == 2
    world.clock.at = at("2026-11-20", "17:59")
    await world.post(
        lesson("u1", "10", "b"), lesson("u1", "13"), lesson("u1", "13", "b", "cancelled"),
        lesson("u1", "17", "a", "cancelled"), lesson("u1", "18"), lesson("u1", "20"),
        lesson("u2", "11"), lesson("u2", "16"), lesson("u2", "16", "b"),
    )  # fmt: skip
    assert await world.service.closer.run(world.organiser_id) == 4
    assert await world.service.closer.run(world.organiser_id) == 0
    days = [day.day for day, _ in (await closed(world))[0]]
    assert days == [10, 12, 11, 13, 16, 18]
    world.clock.at = at("2026-11-20", "18:00")
    assert await world.service.closer.run(world.organiser_id) == 1
    assert (await closed(world))[0][-1] == (date(2026, 11, 20), SCHOOL)


async def test_an_outage_loses_no_day(
    world: World, start_world: StartWorld, kafka: KafkaServer
) -> None:
    """The broker is away when the day ends, and ingest restarts before it is back."""
    world.clock.at = at("2026-11-24", "12:00")
    await world.put(calendar("2026-11-24", "2026-12-18"))
    impatient = await start_world(FixedClock(at("2026-11-24", "18:00")), ingest_ack_seconds=1.0)
    kafka.kill()
    with pytest.raises(NotWrittenError):
        await impatient.service.closer.run(world.organiser_id)
    assert await impatient.service.closer.lag_seconds(world.organiser_id) == 0
    impatient.clock.advance(timedelta(minutes=10))
    assert await impatient.service.closer.lag_seconds(world.organiser_id) == 600
    kafka.start()
    again = await start_world(FixedClock(at("2026-11-25", "18:01")))
    await again.service.closer.run(world.organiser_id)
    found = await closed(world)
    assert set(found) == set(range(PARTITIONS))
    for days in found.values():
        once = list(dict.fromkeys(days))
        assert once == [(date(2026, 11, 24), SCHOOL), (date(2026, 11, 25), SCHOOL)]


async def test_two_organisers_close_apart(world: World) -> None:
    other = await world.source("other")
    world.clock.at = at("2026-11-24", "19:00")
    await world.put(calendar("2026-11-24", "2026-12-18"))
    await world.put(calendar("2026-11-24", "2026-12-18"), token=other["token"])
    await world.service.closer.run(UUID(other["organiser_id"]))
    assert await closed(world) == {}
