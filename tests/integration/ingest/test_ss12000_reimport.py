"""A timetable that is imported anew, with other ids for the same lessons."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from forvarning.facts.v1 import facts_pb2 as facts
from services.ingest.ss12000.vocabulary import Resource
from tests.integration.ingest import school
from tests.integration.ingest.school import activity, attendance, event, key
from tests.integration.ingest.test_ss12000_changes import LATER, delete
from tests.integration.ingest.test_ss12000_inbox import (
    REPORTED,
    all_of,
    pupils,
    settle,
    source_of,
    take,
)
from tests.integration.ingest.world import World

pytestmark = pytest.mark.anyio
LATEST = "2026-11-24T11:30:00+01:00"
ACTIVITIES = frozenset({Resource.ACTIVITY})


async def marks(world: World) -> list[tuple[str, tuple[Any, ...]]]:
    """Every mark that counts, twice where two lessons at the same time count."""
    names = await pupils(world)
    short = {key(f"p{n}"): f"p{n}" for n in range(1, 4)}
    lessons: dict[bytes, tuple[Any, Any]] = {}
    found: dict[tuple[bytes, bytes], tuple[Any, Any]] = {}
    for _, body in await world.facts("register"):
        version = (body.version.modified_unix_ms, body.version.sequence)
        if body.lesson_id not in lessons or lessons[body.lesson_id][0] < version:
            lessons[body.lesson_id] = (version, body.state)
        for index in range(len(body.pupil_ids) // 16):
            at = (body.lesson_id, body.pupil_ids[16 * index : 16 * index + 16])
            mark = (body.invalid_minutes[index], body.flags[index])
            if at not in found or found[at][0] < version:
                found[at] = (version, mark)
    return sorted(
        (short[names[pupil]], mark)
        for (lesson, pupil), (_, mark) in found.items()
        if lessons[lesson][1] != facts.LESSON_STATE_CANCELLED
        and not mark[1] & facts.MARK_FLAG_WITHDRAWN
    )


BEFORE = [("p1", (60, REPORTED)), ("p2", (0, REPORTED)), ("p3", (0, 0))]


async def read_before(world: World) -> None:
    """Everything, and from here on a reading of activities that lacks one ends it."""
    await all_of(world, school.everything())
    await settle(world, snapshot=ACTIVITIES)
    assert await marks(world) == BEFORE


async def test_a_whole_reading_with_new_ids_counts_nothing_twice(world: World) -> None:
    await read_before(world)
    await take(world, "Activity", activity("anew", "7A-MA-grupp"))
    await settle(world, snapshot=ACTIVITIES)
    await take(world, "CalendarEvent", event("e1-anew", "anew", at=LATER))
    await take(world, "Attendance", attendance("a3-anew", "e1-anew", "p3", LATER, present=60))
    # The old event was never deleted, and the old attendances hold.
    expected = [*BEFORE[:2], ("p3", (0, REPORTED))]
    assert await marks(world) == expected
    settled = await settle(world)
    assert settled.problems == []
    assert await marks(world) == expected
    aliases = await world.sql.fetch("SELECT activity, same_as FROM ingest.activity_aliases")
    assert [tuple(row) for row in aliases] == [(key("anew"), key("7A-MA"))]
    # Deleted later, as some systems do, the old event takes nothing with it.
    assert await delete(world, "CalendarEvent", "e1", at=LATEST) == ["accepted"]
    await settle(world)
    assert await marks(world) == expected


async def test_what_was_said_before_the_old_one_was_gone_is_taken_back(world: World) -> None:
    await read_before(world)
    await take(world, "Activity", activity("anew", "7A-MA-grupp"))
    await take(world, "CalendarEvent", event("e1-anew", "anew", at=LATER))
    again = attendance("a1-anew", "e1-anew", "p1", LATER, present=30, invalid=30)
    await take(world, "Attendance", again)
    await settle(world)
    # As long as both are there they are two.
    assert len(await marks(world)) == 6
    await delete(world, "Activity", "7A-MA", at=LATEST)
    await settle(world)
    assert await marks(world) == [("p1", (30, REPORTED)), *BEFORE[1:]]
    said = len(await world.facts("register"))
    await settle(world)
    assert len(await world.facts("register")) == said


async def test_attendances_that_are_deleted_after_their_successors_came(world: World) -> None:
    await read_before(world)
    await delete(world, "Activity", "7A-MA", at=LATER)
    await take(world, "Activity", activity("anew", "7A-MA-grupp"))
    await take(world, "CalendarEvent", event("e1-anew", "anew", at=LATER))
    await take(world, "Attendance", attendance("a1-anew", "e1-anew", "p1", LATER, invalid=60))
    await delete(world, "Attendance", "a1", "a2", at=LATEST)
    await delete(world, "CalendarEvent", "e1", at=LATEST)
    await settle(world)
    # Of p2 nobody has said anything since.
    assert await marks(world) == [BEFORE[0], ("p2", (0, 0)), BEFORE[2]]


async def test_where_two_could_be_meant_a_human_says_which(world: World) -> None:
    everything = school.everything()
    everything["Activity"].append(activity("7A-MA-b", "7A-MA-grupp"))
    everything["CalendarEvent"].append(event("e1-b", "7A-MA-b"))
    await all_of(world, everything)
    await settle(world, snapshot=ACTIVITIES)
    before = await marks(world)
    await take(world, "Activity", activity("anew", "7A-MA-grupp"))
    await settle(world, snapshot=ACTIVITIES)
    await take(world, "CalendarEvent", event("e1-anew", "anew", at=LATER))
    answers = await world.service.inbox.take(
        await source_of(world),
        Resource.ATTENDANCE,
        [attendance("a1-anew", "e1-anew", "p1", LATER, present=60)],
    )
    assert [one.status for one in answers] == ["accepted"]
    settled = await settle(world)
    told = [(kind, one, note.code) for kind, one, note in settled.problems]
    assert told == [(Resource.ACTIVITY, UUID(key("anew")), "reimported_unclear")]
    assert await marks(world) == before
    answer = await world.call(
        "POST",
        "/v1/activities/aliases",
        {"aliases": [{"activity": key("anew"), "same_as": key("7A-MA")}]},
    )
    assert answer.status_code == 200, answer.text
    settled = await settle(world)
    assert settled.problems == []
    assert ("p1", (0, REPORTED)) in await marks(world)
    assert len(await marks(world)) == len(before)


async def test_other_lessons_of_a_new_activity_are_its_own(world: World) -> None:
    await read_before(world)
    await take(world, "Activity", activity("anew", "7A-MA-grupp"))
    await settle(world, snapshot=ACTIVITIES)
    start, end = "2026-11-24T10:10:00+01:00", "2026-11-24T11:10:00+01:00"
    await take(world, "CalendarEvent", event("e2", "anew", start=start, end=end, at=LATER))
    await settle(world)
    assert len(await marks(world)) == 6
    assert await world.sql.fetchval("SELECT count(*) FROM ingest.activity_aliases") == 0
