"""Calendar events and attendances as registers: against what a plain reading of the end says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.common.clock import STOCKHOLM
from services.ingest.model.answers import ItemAnswer, Note
from services.ingest.model.lessons import Mark, RegisterIn
from services.ingest.ss12000 import lessons, marks
from services.ingest.ss12000.marks import Said
from services.ingest.ss12000.sent import read_event
from services.ingest.ss12000.staged import Attendance, Course, Event, Membership, offered_to
from tests.integration.ingest import school

ROOT = UUID(int=7)
PUPILS = [uuid5(ROOT, f"p{n}") for n in range(4)]
GROUP = uuid5(ROOT, "group")
MONDAY = datetime(2026, 11, 23, 7, 10, tzinfo=UTC)
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)


def course(name: str = "a", **changes: Any) -> Course:
    found = Course(uuid5(ROOT, name), "u1", counts=True, groups=(GROUP,), group=None, subject="MA")
    return replace(found, **changes)


def event(**changes: Any) -> Event:
    found = Event(
        uuid5(ROOT, "e"), course().id, MONDAY, MONDAY + timedelta(minutes=60), cancelled=False,
        teaching=None, exceptions={}, created=BEGIN, modified=BEGIN,
    )  # fmt: skip
    return replace(found, **changes)


def attendance(pupil: UUID, at: datetime = MONDAY, **changes: Any) -> Attendance:
    found = Attendance(
        uuid5(ROOT, f"{pupil}"), uuid5(ROOT, "e"), pupil, reported=True, present=60, valid=0,
        invalid=0, other=0, created=at, modified=at,
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


MEMBERS = {GROUP: [Membership(one, None, None) for one in PUPILS[:3]]}


def nobody_else(_: UUID, __: datetime) -> bool:
    return False


Lesson = tuple[UUID, datetime]


@dataclass
class Log:
    """What was said, folded as the EWS does: the newest of each lesson and of each mark wins."""

    number: int = 0
    states: dict[Lesson, tuple[tuple[int, int], str]] = field(default_factory=dict)
    marks: dict[tuple[Lesson, str], tuple[tuple[int, int], Mark]] = field(default_factory=dict)

    def hear(self, said: Said) -> None:
        # Each register as it is sent must be one that POST /v1/registers takes.
        RegisterIn.model_validate(msgspec.to_builtins(marks.register(said, course())))
        self.number += 1
        version = (said.modified_ms, self.number)
        lesson = (said.activity, said.starts)
        if said.moved_from is not None:
            self._state((said.activity, said.moved_from), version, "cancelled")
        self._state(lesson, version, said.state)
        for mark in said.marks:
            known = self.marks.get((lesson, mark.pupil))
            if known is None or known[0] < version:
                self.marks[lesson, mark.pupil] = (version, mark)

    def _state(self, lesson: Lesson, version: tuple[int, int], state: str) -> None:
        if lesson not in self.states or self.states[lesson][0] < version:
            self.states[lesson] = (version, state)

    def live(self) -> dict[tuple[Lesson, str], tuple[Any, ...]]:
        return {
            (lesson, pupil): tuple(
                getattr(mark, name) for name in ("offered", "valid", "invalid", "other", "reported")
            )
            for (lesson, pupil), (_, mark) in self.marks.items()
            if self.states[lesson][1] != "cancelled" and not mark.withdrawn
        }


def settle(log: Log, now: Event, listed: list[Attendance], held: Course) -> None:
    planned = lessons.plan(now, held, MEMBERS, listed, stands=nobody_else)
    assert planned is not None
    assert planned.refused == []
    for said in planned.said:
        log.hear(said)
        for one in said.attendances:
            one.said_ms = said.modified_ms


def expected(
    now: Event, listed: list[Attendance], held: Course
) -> dict[tuple[Lesson, str], tuple[Any, ...]]:
    """A plain reading of how things stand at the end."""
    if now.deleted or now.cancelled or not held.counts:
        return {}
    found: dict[tuple[Lesson, str], tuple[Any, ...]] = {}
    lesson = (now.activity, now.starts)
    for pupil in PUPILS:
        part, minutes = now.exceptions.get(pupil, (pupil in PUPILS[:3], None))
        offered = minutes if minutes is not None else now.teaching or now.length
        own = [one for one in listed if one.student == pupil and not one.deleted]
        if own and (pupil not in now.exceptions or part):
            [one] = own
            if one.reported:
                offered = max(offered, one.valid + one.invalid)
                found[lesson, str(pupil)] = (offered, one.valid, one.invalid, 0, True)
            else:
                found[lesson, str(pupil)] = (offered, 0, 0, 0, False)
        elif part:
            found[lesson, str(pupil)] = (offered, 0, 0, 0, False)
    return found


_EVENT_CHANGES = st.one_of(
    st.builds(lambda n: {"move": n}, st.integers(0, 3)),
    st.builds(lambda on: {"cancelled": on}, st.booleans()),
    st.builds(lambda on: {"deleted": on}, st.booleans()),
    st.builds(lambda n: {"teaching": n}, st.sampled_from([None, 40, 60])),
    st.builds(lambda n: {"activity": course("ab"[n]).id}, st.integers(0, 1)),
    st.builds(
        lambda pupil, part, n: {"exceptions": {PUPILS[pupil]: (part, n)}},
        st.integers(0, 3), st.booleans(), st.sampled_from([None, 30]),
    ),
)  # fmt: skip
_ATTENDANCE_CHANGES = st.fixed_dictionaries({
    "pupil": st.integers(0, 3),
    "invalid": st.sampled_from([0, 20, 60]),
    "reported": st.booleans(),
    "deleted": st.booleans(),
})  # fmt: skip


@settings(max_examples=400)
@given(st.lists(st.tuples(st.one_of(_EVENT_CHANGES, _ATTENDANCE_CHANGES), st.booleans()),
                max_size=10))  # fmt: skip
def test_whatever_happened_the_end_holds(steps: list[tuple[dict[str, Any], bool]]) -> None:
    """Moves, cancellations, corrections, deletions and their undoing, settled now and then."""
    log, now = Log(), event()
    listed: dict[UUID, Attendance] = {}
    held = {course("a").id: course("a"), course("b").id: course("b")}
    at = BEGIN
    for change, settled in [*steps, ({"cancelled": now.cancelled}, True)]:
        at += timedelta(hours=1)
        if "pupil" in change:
            pupil = PUPILS[change["pupil"]]
            said_ms = listed[pupil].said_ms if pupil in listed else None
            listed[pupil] = attendance(
                pupil, at, invalid=change["invalid"] if change["reported"] else 0,
                reported=change["reported"], deleted=change["deleted"], said_ms=said_ms,
            )  # fmt: skip
            # As the inbox does for what is new about a known lesson: the mark is to be said.
            now.said_digest = None
        elif "move" in change:
            begin = MONDAY + timedelta(hours=change["move"])
            now = replace(now, starts=begin, ends=begin + timedelta(minutes=60), modified=at)
        else:
            now = replace(now, modified=at, **change)
        if settled:
            settle(log, now, list(listed.values()), held[now.activity])
    settle(log, now, list(listed.values()), held[now.activity])
    assert log.live() == expected(now, list(listed.values()), held[now.activity])


@given(
    st.sets(st.sampled_from(PUPILS)),
    st.sets(st.sampled_from(PUPILS)),
    st.dictionaries(st.sampled_from(PUPILS), st.tuples(st.booleans(), st.none()), max_size=2),
)
def test_the_quick_way_says_what_the_plan_says(
    reported: set[UUID], told: set[UUID], exceptions: dict[UUID, tuple[bool, None]]
) -> None:
    now = event(exceptions=dict(exceptions))
    now.said_activity, now.said_starts = now.activity, now.starts
    now.said_digest = marks.digest(now, course())
    now.said_pupils, now.said_ms = frozenset(told), 5
    other = replace(now)
    listed = [attendance(one, said_ms=7) for one in reported]
    planned = lessons.plan(other, course(), MEMBERS, listed, stands=nobody_else)
    quick = lessons.unreported(now, course(), MEMBERS, frozenset(reported))
    assert planned is not None
    assert quick is not None
    assert [(one.modified_ms, one.state, one.marks) for one in quick] == [
        (one.modified_ms, one.state, one.marks) for one in planned.said
    ]
    assert now == other


def test_nothing_is_said_twice() -> None:
    log, now, listed = Log(), event(), [attendance(PUPILS[0], invalid=60)]
    settle(log, now, listed, course())
    said = log.number
    settle(log, now, listed, course())
    assert log.number == said


def test_a_correction_of_later_does_not_make_the_others_newer() -> None:
    changed: list[marks.ToSay] = [
        (0, Mark("a", reported=True), attendance(PUPILS[0])),
        (60_000, Mark("b", reported=True), attendance(PUPILS[1])),
        (3_600_000, Mark("c", reported=True), attendance(PUPILS[2])),
    ]
    said = marks.rounds(event(), changed)
    assert [(one.modified_ms, len(one.marks)) for one in said] == [(60_000, 2), (3_600_000, 1)]


@pytest.mark.parametrize(
    ("change", "mark"),
    [
        ({"valid": 60, "present": 0}, {"offered": 60, "valid": 60, "reported": True}),
        # Elevråd is attendance elsewhere.
        ({"other": 60, "present": 0}, {"offered": 60, "other": 60, "invalid": 0}),
        # The register knows better than the timetable.
        ({"invalid": 50, "present": 0}, {"offered": 50, "invalid": 50}),
        # What an unreported attendance holds is a default.
        ({"reported": False, "invalid": 60}, {"offered": 45, "reported": False}),
    ],
)
def test_marks(change: dict[str, Any], mark: dict[str, Any]) -> None:
    lesson = event(teaching=45 if change.get("invalid") in (50, 60) else None)
    found = marks.mark_of(lesson, attendance(PUPILS[0], **change), lesson.length)
    assert not isinstance(found, Note)
    assert msgspec.structs.replace(found, **mark) == found


def test_more_absence_than_lesson_is_refused() -> None:
    found = marks.mark_of(event(), attendance(PUPILS[0], valid=40, invalid=50), 60)
    assert isinstance(found, Note)
    assert (found.code, found.field) == ("impossible_minutes", "/invalidAbsenceMinutes")


@pytest.mark.parametrize("on", [date(2026, 8, 17), date(2026, 11, 24)])
def test_who_is_offered_follows_the_dates_of_the_membership(on: date) -> None:
    """Both days are included, in Sweden's calendar."""
    rosters = {GROUP: [Membership(PUPILS[0], date(2026, 8, 18), date(2026, 11, 23))]}
    inside = event()
    outside = event(
        starts=datetime(on.year, on.month, on.day, 0, 30, tzinfo=STOCKHOLM),
        ends=datetime(on.year, on.month, on.day, 1, 30, tzinfo=STOCKHOLM),
    )
    assert offered_to(inside, course(), rosters) == {PUPILS[0]}
    assert offered_to(outside, course(), rosters) == set()


@pytest.mark.parametrize(
    ("start", "end", "length"),
    [
        # The night when the clocks go back and the one when they go forward.
        ("2026-10-25T01:30:00+02:00", "2026-10-25T02:30:00+01:00", 120),
        ("2027-03-28T01:30:00+01:00", "2027-03-28T03:30:00+02:00", 60),
        # Over midnight; and to the second.
        ("2026-11-24T23:30:00+01:00", "2026-11-25T00:30:00+01:00", 60),
        ("2026-11-24T08:10:30+01:00", "2026-11-24T09:10:29+01:00", 60),
        ("2026-11-24T07:10:00Z", "2026-11-24T08:10:00Z", 60),
    ],
)
def test_lengths_are_real_time(start: str, end: str, length: int) -> None:
    answer = ItemAnswer(0)
    found = read_event(school.event("e", start=start, end=end), answer)
    assert found is not None
    assert found.length == length
    assert found.day == datetime.fromisoformat(start).astimezone(STOCKHOLM).date()
