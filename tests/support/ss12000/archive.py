"""A long timetable and its attendances in little memory: pages are made when they are asked for.

What the double keeps as one object an entity (see :mod:`.store`) takes a kilobyte each; a term of a
whole municipality is 20 million of them. Here one is ten bytes in a column.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import shake_128
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from bench.simulator.events import NoticeEvent, RegisterEvent
from bench.simulator.stream import Simulation
from services.common.clock import local_instant
from tests.support.ss12000.municipality import Change, Municipality, at_ms, protection, stamp, uid

Wanted = Mapping[str, str]
ARCHIVED = ("CalendarEvent", "Attendance")


@dataclass(slots=True)
class _Lesson:
    """One lesson of one day while the simulation is read."""

    lesson: int
    day: int
    starts: int
    modified: int
    cancelled: bool = False
    marks: tuple[npt.NDArray[Any], ...] = ()
    """Pupils, valid, invalid, other, modified."""


@dataclass(slots=True)
class _Selection:
    """Lessons that a filter leaves, in order, and how many entities lie before the end of each."""

    lessons: npt.NDArray[np.int64]
    ends: list[int] = field(default_factory=list)


class Archive:
    """Calendar events and attendances of ``first`` to ``last``, as they stand at ``now``."""

    def __init__(self, simulation: Simulation, first: date, last: date, now: datetime) -> None:
        self._world = simulation.world
        self._town = Municipality(simulation)
        self.notices: list[Change] = []
        """The absences, in order; few enough to be kept as they are."""
        found = self._read(simulation, first, last, int(now.timestamp() * 1000))
        self._lessons = sorted(found, key=lambda one: (one.starts, one.lesson))
        self._starts = np.array([one.starts for one in self._lessons], np.int64)
        self._modified = {
            "CalendarEvent": np.array([one.modified for one in self._lessons], np.int64),
            "Attendance": np.array(
                [one.marks[4].max(initial=0) if one.marks else 0 for one in self._lessons],
                np.int64,
            ),
        }
        self._selected: dict[tuple[str, ...], _Selection] = {}
        self._students = [
            f'"student":{{"id":"{uid("pupil", one.id)}",'
            f'"securityMarking":"{protection(one)}"}},"reporter":{{"id":"'
            for one in self._world.pupils
        ]
        self.counts = {name: self._count(name) for name in ARCHIVED}

    def _read(self, simulation: Simulation, first: date, last: date, now: int) -> list[_Lesson]:
        found: dict[tuple[int, int], _Lesson] = {}
        for event in simulation.messages(first, last):
            if event.arrival > now:
                break
            if isinstance(event, NoticeEvent):
                self.notices.append(self._town.absence(event))
                continue
            one = self._lesson(found, event)
            if event.state == "cancelled":
                one.cancelled, one.modified = True, event.arrival
            elif event.state == "reported":
                _mark(one, event)
        return list(found.values())

    def _lesson(self, found: dict[tuple[int, int], _Lesson], event: RegisterEvent) -> _Lesson:
        known = found.get((event.lesson, event.day))
        if known is None:
            lesson = self._world.lessons[event.lesson]
            begins = local_instant(self._world.days[event.day], lesson.start_minute)
            known_from = int((begins - timedelta(days=7)).timestamp() * 1000)
            known = _Lesson(event.lesson, event.day, int(begins.timestamp()), known_from)
            found[event.lesson, event.day] = known
        return known

    def _count(self, resource: str) -> int:
        if resource == "CalendarEvent":
            return len(self._lessons)
        return sum(len(one.marks[0]) for one in self._lessons if one.marks)

    def page(
        self, resource: str, filters: Wanted, at: int, limit: int | None
    ) -> tuple[list[str], int | None]:
        """Entities as JSON texts from position ``at`` on; the position after them, None = end."""
        selection = self._select(resource, filters)
        total = selection.ends[-1] if selection.ends else 0
        until = total if limit is None else min(total, at + limit)
        # What is newer than the filter is told apart by the mark, so a page may be less than full.
        after = _after_ms(filters)
        make: Callable[[_Lesson, int, int], Iterator[str]]
        make = self._event if resource == "CalendarEvent" else self._attendances(after)
        found: list[str] = []
        number = bisect_right(selection.ends, at)
        while at < until:
            before = selection.ends[number - 1] if number else 0
            upto = min(until, selection.ends[number])
            lesson = self._lessons[int(selection.lessons[number])]
            found += make(lesson, at - before, upto - before)
            at, number = upto, number + 1
        return found, at if at < total else None

    def _select(self, resource: str, filters: Wanted) -> _Selection:
        key = (resource, *(f"{name}={value}" for name, value in sorted(filters.items())))
        known = self._selected.get(key)
        if known is not None:
            return known
        chosen = np.ones(len(self._lessons), bool)
        for name, value in filters.items():
            at = datetime.fromisoformat(value)
            if name == "startTime.onOrAfter":
                chosen &= self._starts >= at.timestamp()
            elif name == "startTime.onOrBefore":
                chosen &= self._starts <= at.timestamp()
            elif name == "meta.modified.after":
                chosen &= self._modified[resource] > at.timestamp() * 1000
            else:
                raise ValueError(f"{name} is nothing that the archive knows")
        lessons = np.nonzero(chosen)[0]
        sizes = [
            1 if resource == "CalendarEvent" else len(one.marks[0]) if one.marks else 0
            for one in (self._lessons[int(n)] for n in lessons)
        ]
        if len(self._selected) > 8:
            self._selected.clear()
        made = _Selection(lessons, np.cumsum(sizes, dtype=np.int64).tolist())
        self._selected[key] = made
        return made

    def _happening(self, one: _Lesson) -> str:
        number = self._world.lessons[one.lesson].number
        return uid("event", number, self._world.days[one.day])

    def _event(self, one: _Lesson, first: int, last: int) -> Iterator[str]:
        if first >= last:
            return
        lesson = self._world.lessons[one.lesson]
        begins = datetime.fromtimestamp(one.starts, UTC)
        changed = stamp(at_ms(one.modified))
        yield (
            f'{{"id":"{self._happening(one)}",'
            f'"activity":{{"id":"{uid("activity", lesson.activity)}"}},'
            f'"startTime":"{stamp(begins)}",'
            f'"endTime":"{stamp(begins + timedelta(minutes=lesson.length))}",'
            f'"cancelled":{"true" if one.cancelled else "false"},'
            f'"teachingLengthStudent":{lesson.length},'
            f'"meta":{{"created":"{changed}","modified":"{changed}"}}}}'
        )

    def _attendances(self, after: int | None) -> Callable[[_Lesson, int, int], Iterator[str]]:
        def make(one: _Lesson, first: int, last: int) -> Iterator[str]:
            happening = self._happening(one)
            lesson = self._world.lessons[one.lesson]
            length = lesson.length
            about = f'"calendarEvent":{{"id":"{happening}"}},'
            teacher = uid("teacher", self._world.teachers[lesson.teacher].id)
            stamps: dict[int, str] = {}
            # All ids of a lesson at once: a mark keeps its place in its lesson.
            ids = shake_128(UUID(happening).bytes).hexdigest(16 * last)
            at = 32 * first
            columns = [column[first:last].tolist() for column in one.marks]
            for pupil, valid, invalid, other, changed in zip(*columns, strict=True):
                own, at = ids[at : at + 32], at + 32
                if after is not None and changed <= after:
                    continue
                when = stamps.get(changed)
                if when is None:
                    text = stamp(at_ms(changed))
                    when = stamps[changed] = (
                        f'"reportedTimestamp":"{text}",'
                        f'"meta":{{"created":"{text}","modified":"{text}"}}}}'
                    )
                yield (
                    f'{{"id":"{own[:8]}-{own[8:12]}-4{own[13:16]}-a{own[17:20]}-{own[20:]}",'
                    f'{about}{self._students[pupil]}{teacher}"}},"isReported":true,'
                    f'"attendanceMinutes":{length - valid - invalid - other},'
                    f'"validAbsenceMinutes":{valid},"invalidAbsenceMinutes":{invalid},'
                    f'"otherAttendanceMinutes":{other},{when}'
                )

        return make


def _mark(one: _Lesson, event: RegisterEvent) -> None:
    """Take a register in, or a correction of some of its marks."""
    if not one.marks:
        when = np.full(len(event.pupils), event.arrival, np.int64)
        one.marks = (event.pupils, event.valid, event.invalid, event.other, when)
        return
    known = {pupil: at for at, pupil in enumerate(one.marks[0].tolist())}
    columns = [column.copy() for column in one.marks]
    fresh: list[int] = []
    for at, pupil in enumerate(event.pupils.tolist()):
        place = known.get(pupil)
        if place is None:
            fresh.append(at)
            continue
        columns[1][place] = event.valid[at]
        columns[2][place] = event.invalid[at]
        columns[3][place] = event.other[at]
        columns[4][place] = event.arrival
    if fresh:
        more: list[npt.NDArray[Any]] = [event.pupils, event.valid, event.invalid, event.other]
        more.append(np.full(len(event.pupils), event.arrival, np.int64))
        columns = [np.append(own, new[fresh]) for own, new in zip(columns, more, strict=True)]
    one.marks = tuple(columns)


def _after_ms(filters: Wanted) -> int | None:
    value = filters.get("meta.modified.after")
    return None if value is None else int(datetime.fromisoformat(value).timestamp() * 1000)
