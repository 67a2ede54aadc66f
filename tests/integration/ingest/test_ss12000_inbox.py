"""What is taken in the words of SS 12000, on real Kafka and PostgreSQL."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pytest

from forvarning.facts.v1 import facts_pb2 as facts
from services.common.clock import epoch_day, local_instant
from services.common.pg import tenant
from services.ingest.errors import NotWrittenError
from services.ingest.model.answers import ItemAnswer
from services.ingest.ss12000 import courses, entering, roster_parts, sent, settling
from services.ingest.ss12000.book import Book
from services.ingest.ss12000.book_attendances import attendance_of
from services.ingest.ss12000.book_events import NOBODY
from services.ingest.ss12000.inbox import Settled
from services.ingest.ss12000.pending import to_settle
from services.ingest.ss12000.saying import Sayer
from services.ingest.ss12000.settling import EventSettler
from services.ingest.ss12000.stock import Stock
from services.ingest.ss12000.vocabulary import Resource
from services.ingest.store.sources import Source
from tests.integration.ingest import school
from tests.integration.ingest.school import key
from tests.integration.ingest.world import World

pytestmark = pytest.mark.anyio

State = dict[tuple[int, int, str], tuple[Any, ...]]


async def source_of(world: World) -> Source:
    source = await world.service.sources.get(world.tokens["sis"])
    assert source is not None
    return source


async def take(world: World, resource: str, *entities: dict[str, Any]) -> list[str]:
    answers = await world.service.inbox.take(await source_of(world), Resource(resource), entities)
    assert not [one.problems for one in answers if one.problems]
    return [one.status for one in answers]


async def settle(world: World, **options: Any) -> Settled:
    return await world.service.inbox.settle(await source_of(world), **options)


async def all_of(world: World, entities: dict[str, list[dict[str, Any]]]) -> Settled:
    for resource, listed in entities.items():
        await take(world, resource, *listed)
    return await settle(world)


async def pupils(world: World) -> dict[bytes, str]:
    """Surrogate -> the source's id."""
    rows = await world.sql.fetch(
        "SELECT entity_id, external_id FROM people.external_ids WHERE kind = 'pupil'"
    )
    return {row["entity_id"].bytes: row["external_id"] for row in rows}


def fold(registers: Iterable[Any], names: dict[bytes, str]) -> State:
    """Who stands how in which lesson when the newest wins, as the EWS reads it: design D2."""
    lessons: dict[bytes, tuple[Any, Any]] = {}
    marks: dict[tuple[bytes, bytes], tuple[Any, Any]] = {}
    for body in registers:
        version = (
            body.version.priority,
            body.version.modified_unix_ms,
            body.version.sequence,
        )
        if body.lesson_id not in lessons or lessons[body.lesson_id][0] < version:
            lessons[body.lesson_id] = (version, body)
        for index in range(len(body.pupil_ids) // 16):
            pupil = body.pupil_ids[16 * index : 16 * index + 16]
            mark = (
                body.offered_minutes[index],
                body.valid_minutes[index],
                body.invalid_minutes[index],
                body.other_minutes[index],
                body.flags[index],
            )
            at = (body.lesson_id, pupil)
            if at not in marks or marks[at][0] < version:
                marks[at] = (version, mark)
    return {
        (lessons[lesson][1].epoch_day, lessons[lesson][1].start_minute, names[pupil]): (
            lessons[lesson][1].subject,
            lessons[lesson][1].length_minutes,
            *mark,
        )
        for (lesson, pupil), (_, mark) in marks.items()
        if lessons[lesson][1].state != facts.LESSON_STATE_CANCELLED
        and not mark[4] & facts.MARK_FLAG_WITHDRAWN
    }


async def state(world: World) -> State:
    return fold([body for _, body in await world.facts("register")], await pupils(world))


async def mark(world: World, name: str) -> tuple[Any, ...] | None:
    """(offered, valid, invalid, other, flags) of a pupil in the one lesson that is there."""
    found = [value[2:] for (_, _, who), value in (await state(world)).items() if who == key(name)]
    assert len(found) <= 1
    return found[0] if found else None


REPORTED = facts.MARK_FLAG_REPORTED


async def test_an_attendance_becomes_a_mark(world: World) -> None:
    """A whole small school, in good order: marks, the unreported pupil, the roster."""
    settled = await all_of(world, school.everything())
    assert settled.problems == []
    assert settled.waiting == {}
    assert await mark(world, "p1") == (60, 0, 60, 0, REPORTED)
    assert await mark(world, "p2") == (60, 0, 0, 0, REPORTED)
    # Offered by the timetable, reported by nobody.
    assert await mark(world, "p3") == (60, 0, 0, 0, 0)
    [(_, notice)] = await world.facts("notice")
    assert notice.reported_by == facts.REPORTED_BY_GUARDIAN
    rows = await world.sql.fetch("SELECT role FROM people.duties ORDER BY role")
    assert [row["role"] for row in rows] == ["mentor", "principal"]
    row = await world.sql.fetchrow(
        "SELECT p.protection, p.sex, l.grade, l.school_form, g.name "
        "FROM people.pupils p JOIN people.placements l USING (pupil_id) "
        "JOIN people.groups g ON g.group_id = l.class_id LIMIT 1"
    )
    assert tuple(row or ()) == ("none", "female", 7, "GR", "7A")
    rows = await world.sql.fetch("SELECT email FROM people_v1.guardians WHERE relation='guardian'")
    assert {row["email"] for row in rows} == {f"p{n}-vh@example.org" for n in (1, 2, 3)}


async def test_the_planner_knows_a_timetable_that_came_after_a_large_roster(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As of a process that has just begun.
    monkeypatch.setattr(world.service.inbox, "_staged", Counter())
    monkeypatch.setattr(world.service.inbox, "_analyze_at", {})
    await take(world, "Person", *(school.adult(f"v{n}") for n in range(600)))
    await take(world, "CalendarEvent", *(school.event(f"e{n}") for n in range(600)))
    # Of an empty table it would think that everything of a source is as little as one event.
    known = "SELECT reltuples FROM pg_class WHERE oid = 'ingest.ss12000_events'::regclass"
    assert await world.sql.fetchval(known) >= 600


async def test_a_roster_that_is_applied_in_many_parts_is_read_in_many_parts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many pupils there are, a few are at hand at a time; the outcome is the same."""
    most: list[int] = []
    read = Stock.get

    async def counted(self: Stock, resource: Resource, *args: Any, **options: Any) -> Any:
        found = await read(self, resource, *args, **options)
        if resource is Resource.PERSON:
            most.append(len(found))
        return found

    monkeypatch.setattr(roster_parts, "CHUNK", 1)
    for resource, listed in school.everything().items():
        await take(world, resource, *listed)
    monkeypatch.setattr(Stock, "get", counted)
    settled = await settle(world)
    assert (settled.problems, settled.waiting) == ([], {})
    assert max(most) < len(school.everything()["Person"])
    assert sorted((await pupils(world)).values()) == sorted(key(f"p{n}") for n in (1, 2, 3))
    assert await mark(world, "p1") == (60, 0, 60, 0, REPORTED)
    assert await world.sql.fetchval("SELECT count(*) FROM people.duties") == 2


async def roster_only(world: World, **changed: list[dict[str, Any]]) -> None:
    """Everything up to the timetable is there, the timetable is not looked at yet."""
    entities = school.everything() | changed
    for resource in ("Organisation", "Person", "Group", "Duty"):
        await take(world, resource, *entities[resource])
    await settle(world)
    for resource in ("Syllabus", "Activity"):
        await take(world, resource, *entities[resource])


async def to_look_at(world: World) -> int:
    return int(
        await world.sql.fetchval("SELECT count(*) FROM ingest.ss12000_events WHERE dirty OR stuck")
    )


async def test_a_lesson_with_everybodys_attendance_needs_no_second_look(world: World) -> None:
    await roster_only(world)
    await take(world, "CalendarEvent", school.event("e1"))
    await take(
        world, "Attendance",
        *(school.attendance(f"a{n}", "e1", f"p{n}") for n in (1, 2, 3)),
    )  # fmt: skip
    assert await to_look_at(world) == 0
    said = len(await world.facts("register"))
    settled = await settle(world)
    assert (settled.registers, settled.waiting) == (0, {})
    assert len(await world.facts("register")) == said
    assert await mark(world, "p3") == (60, 0, 0, 0, REPORTED)
    # It is known as what it was said to be: taken from the timetable it is taken from everybody.
    await take(world, "CalendarEvent", school.event("e1", at="2026-11-25T08:00:00+01:00",
        cancelled=True))  # fmt: skip
    await settle(world)
    assert await state(world) == {}


async def test_a_lesson_that_lacks_somebody_is_looked_at_again(world: World) -> None:
    await roster_only(world)
    await take(world, "CalendarEvent", school.event("e1"))
    await take(
        world, "Attendance", *(school.attendance(f"a{n}", "e1", f"p{n}") for n in (1, 2))
    )  # fmt: skip
    assert await to_look_at(world) == 1
    await settle(world)
    assert await mark(world, "p3") == (60, 0, 0, 0, 0)


async def test_however_many_groups_there_are_nobody_of_them_is_forgotten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is in which group is kept of so many of them only."""
    monkeypatch.setattr(courses, "_MOST_GROUPS", 1)
    own = (1, 2, 3)
    await roster_only(
        world,
        Group=[school.group("7A", [f"p{n}" for n in own], "Klass"),
               *(school.group(f"g{n}", [f"p{n}"]) for n in own)],
        Activity=[school.activity(f"m{n}", f"g{n}") for n in own],
    )  # fmt: skip

    def lesson(number: int, hour: int) -> dict[str, Any]:
        day = f"2026-11-24T{hour:02}"
        return school.event(
            f"e{number} {hour}", f"m{number}", f"{day}:10:00+01:00", f"{day}:50:00+01:00"
        )

    # Everybody's activity is known then, and of the groups the last two.
    for hour, mine in ((8, [1]), (9, [2]), (10, [3]), (11, [1, 3]), (12, [1, 2])):
        await take(world, "CalendarEvent", *(lesson(one, hour) for one in mine))
        await settle(world)
    said = Counter(who for _, _, who in await state(world))
    assert said == {key("p1"): 3, key("p2"): 2, key("p3"): 2}


async def test_what_waited_for_a_lesson_is_said_though_all_its_members_are_reported(
    world: World,
) -> None:
    """The first to be reported is in no group of the lesson, and came before the timetable."""
    await roster_only(world, Group=[
        school.group("7A", ["p1", "p2", "p3"], "Klass"), school.group("7A-MA-grupp", ["p2", "p3"]),
    ])  # fmt: skip
    await take(world, "Attendance", school.attendance("a1", "e1", "p1", present=0, invalid=60))
    await take(world, "CalendarEvent", school.event("e1"))
    await take(
        world, "Attendance", *(school.attendance(f"a{n}", "e1", f"p{n}") for n in (2, 3))
    )  # fmt: skip
    assert await to_look_at(world) == 1
    await settle(world)
    assert await mark(world, "p1") == (60, 0, 60, 0, REPORTED)


async def test_two_events_of_one_lesson_are_looked_at_together(world: World) -> None:
    """Both say the same lesson: what holds of a pupil is for the settling to say."""
    await roster_only(world)
    await take(world, "CalendarEvent", school.event("e1"), school.event("e2"))
    await take(
        world, "Attendance",
        *(school.attendance(f"a{n}", "e1", f"p{n}") for n in (1, 2, 3)),
    )  # fmt: skip
    assert await to_look_at(world) == 2
    await settle(world)
    assert await to_look_at(world) == 0
    assert await mark(world, "p3") == (60, 0, 0, 0, REPORTED)


async def test_a_reading_goes_on_while_pages_come(
    world: World,
) -> None:
    """Ten minutes after the last page it is over; a page puts that off, once a minute."""
    source = await source_of(world)
    left = (
        "SELECT extract(minute FROM reading_until - now()) FROM ingest.ss12000_state "
        "WHERE reading_until IS NOT NULL"
    )
    await world.service.inbox.begin_reading(source)
    for number in range(1, 4):
        await world.sql.execute(
            "UPDATE ingest.ss12000_state SET reading_until = now() + interval '3 minutes'"
        )
        world.clock.advance(timedelta(minutes=1))
        await take(world, "Organisation", school.unit(f"u{number}"))
        assert await world.sql.fetchval(left) == 9
    # A settled source is read no more, and a page that is posted then does not say so.
    await settle(world)
    world.clock.advance(timedelta(minutes=1))
    await take(world, "Organisation", school.unit("u9"))
    assert await world.sql.fetchval(left) is None


async def test_events_are_settled_round_by_round(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every one is said, also one that comes in behind the round that is under way."""
    monkeypatch.setattr(settling, "EVENTS", 2)
    run, rounds = EventSettler.run, 0
    days = [f"2026-11-{day:02}" for day in range(2, 21) if date(2026, 11, day).weekday() < 5]
    events = sorted(
        (
            school.event(
                f"e {day}", start=f"{day}T08:10:00+01:00", end=f"{day}T09:10:00+01:00",
                at="2026-11-01T08:00:00+01:00",
            )
            for day in days
        ),
        key=lambda one: str(one["id"]),
    )  # fmt: skip
    first, *others = events

    async def late(self: EventSettler, *args: Any) -> Any:
        nonlocal rounds
        rounds += 1
        found = await run(self, *args)
        if rounds == 3:
            source = await source_of(world)
            async with tenant(world.service.pool, source.organiser_id) as connection:
                event = sent.read_event(first, ItemAnswer(0))
                assert event is not None
                await Book(connection, source).put_events([event])
        return found

    entities = school.everything()
    entities.pop("Attendance")
    await all_of(world, entities | {"CalendarEvent": []})
    monkeypatch.setattr(EventSettler, "run", late)
    await take(world, "CalendarEvent", *others)
    await settle(world)
    told = {day for day, _, _ in await state(world)}
    assert told == {epoch_day(date.fromisoformat(day)) for day in days}
    assert await world.sql.fetchval("SELECT count(*) FROM ingest.ss12000_events WHERE dirty") == 0


async def test_an_event_with_the_lowest_id_there_is_is_settled_once(world: World) -> None:
    await roster_only(world)
    await take(world, "CalendarEvent", school.event("e1") | {"id": str(NOBODY)})
    assert (await settle(world)).registers == 1
    assert len(await state(world)) == 3
    source = await source_of(world)
    assert await to_settle(world.service.pool, source.organiser_id, world.clock.now()) == []


@pytest.mark.parametrize("at_once", [1, 2, 1_000])
async def test_the_same_again_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """However many of them are looked up in one question."""
    monkeypatch.setattr(entering, "ASKED_AT_ONCE", at_once)
    entities = school.everything()
    await all_of(world, entities)
    before = len(await world.facts())
    for resource, listed in entities.items():
        assert set(await take(world, resource, *listed)) == {"duplicate"}
    settled = await settle(world)
    assert (settled.registers, settled.notices, settled.roster) == (0, 0, {})
    assert len(await world.facts()) == before


async def test_who_was_overtaken_by_another_process_has_staged_nothing(world: World) -> None:
    """The source's lock went with its connection: what was not there when we looked is there now.

    The call fails as one that may be sent again does, and what the other has staged stays; marks
    are out by then, and the newest counts.
    """
    await all_of(world, school.everything())
    source = await source_of(world)
    sayer = Sayer(pool=world.service.pool, intake=world.service.intake)
    query = "SELECT * FROM ingest.ss12000_attendances ORDER BY id"
    before = await world.sql.fetch(query)
    late = [attendance_of(row) for row in before]
    for one in late:
        one.invalid, one.said_ms = 0, None
    with pytest.raises(NotWrittenError):
        await sayer.attendances(source, late, (), fresh=True)
    assert await world.sql.fetch(query) == before


async def test_who_was_overtaken_stages_nothing_over_what_is_newer(world: World) -> None:
    """A page of which something was known says no more than what it is newer or as new in."""
    await all_of(world, school.everything())
    source = await source_of(world)
    sayer = Sayer(pool=world.service.pool, intake=world.service.intake)
    query = "SELECT * FROM ingest.ss12000_attendances ORDER BY id"
    before = await world.sql.fetch(query)
    older, newer = (attendance_of(row) for row in before)
    assert older.modified is not None
    assert newer.modified is not None
    older.modified -= timedelta(seconds=1)
    newer.modified += timedelta(seconds=1)
    for one in (older, newer):
        one.invalid, one.other = 0, 7
    await sayer.attendances(source, [older, newer], (), fresh=False)
    after = await world.sql.fetch(query)
    assert after[0] == before[0]
    assert (after[1]["other"], after[1]["modified"]) == (7, newer.modified)


def corrected() -> dict[str, list[dict[str, Any]]]:
    """What came later: a correction, a new member, a deleted and a cancelled lesson, a leave."""
    group = school.group(
        "7A-MA-grupp",
        [
            "p1",
            "p2",
            {"person": school.ref("p3"), "startDate": "2026-08-18", "endDate": "2026-11-23"},
            "p4",
        ],
    )
    return {
        "Person": [school.pupil("p4"), school.adult("p4-vh")],
        "Group": [group | {"meta": school.meta("2026-11-23T10:00:00+01:00")}],
        "CalendarEvent": [
            school.event(
                "e2",
                start="2026-11-25T08:10:00+01:00",
                end="2026-11-25T09:30:00+01:00",
                teachingLengthStudent=60,
                studentExceptions=[
                    {"student": school.ref("p1"), "participates": False},
                    {"student": school.ref("p3"), "participates": True, "teachingLength": 30},
                ],
            ),
            school.event(
                "e3", start="2026-11-26T08:10:00+01:00", end="2026-11-26T09:10:00+01:00",
                cancelled=True,
            ),
        ],
        "Attendance": [
            school.attendance("a1", "e1", "p1", "2026-11-24T09:30:00+01:00", present=20, valid=40),
        ],
    }  # fmt: skip


EXPECTED = {
    (8 * 60 + 10, "p1"): (60, 40, 0, 0, REPORTED),
    (8 * 60 + 10, "p2"): (60, 0, 0, 0, REPORTED),
    (8 * 60 + 10, "p4"): (60, 0, 0, 0, 0),
    (-1, "p2"): (60, 0, 0, 0, 0),
    (-1, "p3"): (30, 0, 0, 0, 0),
    (-1, "p4"): (60, 0, 0, 0, 0),
}
"""By (start, pupil); -1 stands for tomorrow's lesson."""


def by_name(found: State) -> dict[tuple[int, str], tuple[Any, ...]]:
    names = {key(f"p{n}"): f"p{n}" for n in range(1, 9)}
    today = min(day for day, _, _ in found)
    return {
        (start if day == today else -1, names[who]): value[2:]
        for (day, start, who), value in found.items()
    }


async def test_what_comes_later_is_what_holds(world: World) -> None:
    await all_of(world, school.everything())
    settled = await all_of(world, corrected())
    assert settled.problems == []
    assert by_name(await state(world)) == EXPECTED


@pytest.mark.parametrize("seed", range(4))
async def test_the_order_of_arrival_does_not_matter(world: World, seed: int) -> None:
    """Every entity on its own, in any order, newer before older, with settling in between."""
    chance = random.Random(seed)
    pages = [
        (resource, entity)
        for entities in (school.everything(), corrected())
        for resource, listed in entities.items()
        for entity in listed
    ]
    chance.shuffle(pages)
    for resource, entity in [*pages, *chance.sample(pages, 5)]:
        await take(world, resource, entity)
        if chance.random() < 0.2:
            await settle(world)
    settled = await settle(world)
    assert (settled.problems, settled.waiting) == ([], {})
    assert by_name(await state(world)) == EXPECTED
    [*_, (_, notice)] = await world.facts("notice")
    assert notice.reported_by == facts.REPORTED_BY_GUARDIAN
    rows = await world.sql.fetch("SELECT relation FROM people.guardian_relations")
    assert [row["relation"] for row in rows] == ["guardian"] * 4


async def test_what_is_reported_ahead_counts_when_its_time_has_come(world: World) -> None:
    """Some systems write planned absence as attendances: nothing is lost, or counts early."""
    entities = school.everything()
    later = {"start": "2026-11-24T14:00:00+01:00", "end": "2026-11-24T15:00:00+01:00"}
    entities["CalendarEvent"] = [school.event("e1", **later)]
    ahead = school.attendance("a1", "e1", "p1", present=0, valid=60)
    entities["Attendance"] = []
    await all_of(world, entities)
    answers = await world.service.inbox.take(await source_of(world), Resource.ATTENDANCE, [ahead])
    assert answers[0].status == "accepted"
    assert [(one.code, one.field) for one in answers[0].notes] == [
        ("reported_ahead", "/calendarEvent/id")
    ]
    settled = await settle(world)
    assert settled.problems == []
    assert await mark(world, "p1") == (60, 0, 0, 0, 0)
    organiser = (await source_of(world)).organiser_id
    assert await to_settle(world.service.pool, organiser, world.clock.now()) == []
    world.clock.advance(local_instant(date(2026, 11, 24), 13 * 60 + 46) - world.clock.now())
    [due] = await to_settle(world.service.pool, organiser, world.clock.now())
    await world.service.inbox.settle(due)
    assert await mark(world, "p1") == (60, 60, 0, 0, REPORTED)
    assert await to_settle(world.service.pool, organiser, world.clock.now()) == []
