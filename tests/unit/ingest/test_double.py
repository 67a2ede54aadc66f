"""The double's long timetable: the pages that it makes are one list, whole and without repeats."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from services.common.clock import FixedClock
from services.ingest.ss12000.wire import plain_attendances
from tests.support.ss12000.double import build
from tests.support.ss12000.store import School

NOW = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)


def read(school: School, resource: str, filters: dict[str, str], limit: int) -> list[Any]:
    assert school.archive is not None
    found: list[Any] = []
    at: int | None = 0
    while at is not None:
        texts, at = school.archive.page(resource, filters, at, limit)
        assert len(texts) <= limit
        found += json.loads(f"[{','.join(texts)}]")
    return found


def test_it_knows_what_the_one_in_memory_knows() -> None:
    lazy = build(pupils=60, weeks=2, clock=FixedClock(NOW), lazy=True).school
    plain = build(pupils=60, weeks=2, clock=FixedClock(NOW)).school
    marks = read(lazy, "Attendance", {}, 97)
    assert len({one["id"] for one in marks}) == len(marks) == lazy.counts()["Attendance"]
    # By pupil and lesson, for ids of attendances are made in another way.
    names = ("attendanceMinutes", "validAbsenceMinutes", "invalidAbsenceMinutes")

    def by_pair(listed: list[Any]) -> dict[tuple[str, str], tuple[Any, ...]]:
        return {
            (one["calendarEvent"]["id"], one["student"]["id"]): (
                *(one[name] for name in names),
                datetime.fromisoformat(one["meta"]["modified"]),
            )
            for one in listed
        }

    expected = by_pair([row.entity for row in plain.rows("Attendance")])
    assert by_pair(marks) == expected
    events = {one["id"]: one["cancelled"] for one in read(lazy, "CalendarEvent", {}, 50)}
    assert events == {
        row.entity["id"]: row.entity["cancelled"] for row in plain.rows("CalendarEvent")
    }
    assert plain_attendances(json.dumps({"data": marks[:50]}).encode()) is not None


def test_what_is_asked_for_by_time_is_that_part_of_the_whole() -> None:
    school = build(pupils=60, weeks=2, clock=FixedClock(NOW), lazy=True).school
    after = "2026-11-20T12:00:00Z"
    late = read(school, "Attendance", {"meta.modified.after": after}, 40)
    every = read(school, "Attendance", {}, 1000)
    newer = [
        one
        for one in every
        if datetime.fromisoformat(one["meta"]["modified"]) > datetime.fromisoformat(after)
    ]
    assert 0 < len(late) < len(every)
    assert [one["id"] for one in late] == [one["id"] for one in newer]
    week = {
        "startTime.onOrAfter": "2026-11-16T00:00:00+01:00",
        "startTime.onOrBefore": "2026-11-22T23:59:59+01:00",
    }
    events = read(school, "CalendarEvent", week, 30)
    assert events
    assert {one["startTime"][:10] for one in events} <= {f"2026-11-{day}" for day in range(16, 23)}
