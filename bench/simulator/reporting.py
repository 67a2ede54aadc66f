"""What teachers report about each lesson: when, how well, and what they correct later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from bench.simulator.attendance import Cause, Truth
from bench.simulator.events import NEVER, NOT_KNOWN, Ints, Reason, RegisterEvent
from bench.simulator.notices import DAY, MINUTE, Explained, millis
from bench.simulator.seeds import rng
from bench.simulator.timetable import language_count, language_group
from bench.simulator.world import Lesson, World

_CLOSE = 18 * 60
"""Reports after this local minute are late: every unit's school day has closed."""
_TIMETABLE_SYNC = 5 * 60
_DRAWS = 8
"""Random numbers for each lesson; the fourth tells whether it is cancelled."""
# Looked up once: an enumeration's members are slow to reach, and this is the inner loop.
_OTHER, _LATE = int(Cause.OTHER), int(Cause.LATE)
_EXPLAINABLE = frozenset(map(int, (Cause.ILL, Cause.LEAVE, Cause.REFUSAL, Cause.SKIP)))
_TIMETABLE, _REPORT, _LATE_REPORT = Reason.TIMETABLE, Reason.REPORT, Reason.LATE_REPORT
_ARRIVAL, _CORRECTION, _EXCUSE = Reason.ARRIVAL, Reason.CORRECTION, Reason.EXCUSE
_CONFIRMATION, _CANCELLATION = Reason.CONFIRMATION, Reason.CANCELLATION

Timetable = Literal["all", "needed", "none"]
Draw = npt.NDArray[np.float64]


def _minutes(draw: float, low: int, high: int) -> int:
    return low + int(draw * (high - low))


@cache
def _all(count: int, value: int) -> Ints:
    """A shared array that nobody may write to."""
    found = np.full(count, value, dtype=np.int16)
    found.flags.writeable = False
    return found


class _Marks:
    """The marks of one register while it is put together: everybody there, until written."""

    def __init__(self, pupils: npt.NDArray[np.int32]) -> None:
        self.pupils = pupils
        count = len(pupils)
        self.valid: Ints = _all(count, 0)
        self.invalid: Ints = self.valid
        self.other: Ints = self.valid
        self.late: Ints = _all(count, NOT_KNOWN)
        self.early: Ints = self.late

    def write(
        self,
        index: int,
        *,
        valid: int = 0,
        invalid: int = 0,
        other: int = 0,
        late: int = NOT_KNOWN,
    ) -> None:
        """Replace one mark."""
        if not self.valid.flags.writeable:
            self.valid, self.invalid = self.valid.copy(), self.invalid.copy()
        self.valid[index], self.invalid[index] = valid, invalid
        if other:
            self.other = self.other if self.other.flags.writeable else self.other.copy()
            self.other[index] = other
        if late != NOT_KNOWN:
            self.late = self.late if self.late.flags.writeable else self.late.copy()
            self.late[index] = late


class Reporter:
    """Turns the truth into registers, one unit and school day at a time."""

    def __init__(self, world: World, truth: Truth, explained: Explained) -> None:
        self._world, self._truth, self._explained = world, truth, explained
        self._by_day: dict[tuple[int, int], list[Lesson]] = {}
        for lesson in world.lessons:
            self._by_day.setdefault((lesson.unit, lesson.weekday), []).append(lesson)
        self._midnights = [millis(world, day, 0) for day in range(len(world.days))]
        self._dates = [day.isoformat() for day in world.days]
        # A group is for the pupils whose class, or whose class's year, is the group's.
        self._class_key = {c.id: c.index for c in world.classes}
        self._year_of = np.array([c.unit * 100 + c.grade for c in world.classes])
        self._year_key: dict[str, int] = {}
        for school_class in world.classes:
            for language in range(language_count()):
                group = language_group(world.units[school_class.unit], school_class, language)
                self._year_key[group] = school_class.unit * 100 + school_class.grade

    def participants(self, lesson: Lesson, day: int) -> npt.NDArray[np.int32]:
        """Who has the lesson on that day, by placement and membership dates."""
        candidates = self._world.members.get(lesson.group)
        if candidates is None:
            return np.zeros(0, dtype=np.int32)
        own = self._world.class_of[candidates, day]
        key = self._class_key.get(lesson.group)
        if key is not None:
            return np.asarray(candidates[own == key])
        here = (own >= 0) & (self._year_of[own] == self._year_key[lesson.group])
        return np.asarray(candidates[here])

    def unit_day(
        self, unit: int, day: int, *, timetable: Timetable = "all", restate: bool = False
    ) -> list[RegisterEvent]:
        """Everything that is ever said about the unit's lessons of that day, unsorted.

        ``timetable``: which lessons are announced beforehand; "needed" are
        those that nobody reports or cancels on the day itself.

        ``restate`` makes every unit's system restate marks when an excuse
        comes in, for formats that carry no notices.
        """
        if not self._world.open_days[unit, day]:
            return []
        weekday = self._world.days[day].weekday()
        lessons = self._by_day.get((unit, weekday), [])
        generator = rng(self._world.config.seed, "reporting", unit, day)
        draws = generator.random((len(lessons), _DRAWS))
        events: list[RegisterEvent] = []
        for lesson, draw in zip(lessons, draws, strict=True):
            pupils = self.participants(lesson, day)
            if len(pupils):
                report = _LessonReport(
                    self, lesson, day, pupils, draws=(draw, generator), restate=restate
                )
                events += report.events(timetable)
        return events

    def cancelled(self, unit: int, day: int) -> Iterator[tuple[Lesson, npt.NDArray[np.int32]]]:
        """The unit's lessons that are never held that day, and who would have had them.

        The same as the cancellations among :meth:`unit_day`'s events.
        """
        if not self._world.open_days[unit, day]:
            return
        weekday = self._world.days[day].weekday()
        lessons = self._by_day.get((unit, weekday), [])
        generator = rng(self._world.config.seed, "reporting", unit, day)
        draws = generator.random((len(lessons), _DRAWS))
        for lesson, draw in zip(lessons, draws, strict=True):
            if draw[3] < self._world.config.rates.cancelled:
                yield lesson, self.participants(lesson, day)

    def midnight(self, day: int) -> int:
        """Unix ms of the day's local midnight."""
        return self._midnights[day]

    def date_of(self, day: int) -> str:
        """The day as an ISO date."""
        return self._dates[day]

    @property
    def world(self) -> World:
        """The municipality reported about."""
        return self._world

    @property
    def truth(self) -> Truth:
        """What really happened."""
        return self._truth

    @property
    def since(self) -> npt.NDArray[np.int64]:
        """[pupil, day] -> from when the absence is explained."""
        return self._explained.since


@dataclass(frozen=True, slots=True)
class _Away:
    """A pupil who was not simply there. ``index`` is the place in the register."""

    index: int
    minutes: int
    cause: int
    since: int
    """Unix ms from which it is explained; NEVER otherwise."""


class _LessonReport:
    """All registers about one lesson occurrence."""

    def __init__(
        self,
        reporter: Reporter,
        lesson: Lesson,
        day: int,
        pupils: npt.NDArray[np.int32],
        *,
        draws: tuple[Draw, np.random.Generator],
        restate: bool,
    ) -> None:
        self.world = reporter.world
        self.lesson, self.day, self.pupils = lesson, day, pupils
        self.draw, self.rng = draws[0].tolist(), draws[1]
        self.restates = restate or self.world.units[lesson.unit].restates
        self.rates = self.world.config.rates
        self.causes = reporter.truth.cause[pupils, day, lesson.slot]
        hit = np.flatnonzero(self.causes)
        chosen = pupils[hit]
        columns = zip(
            hit.tolist(),
            reporter.truth.absent[chosen, day, lesson.slot].tolist(),
            self.causes[hit].tolist(),
            reporter.since[chosen, day].tolist(),
            strict=True,
        )
        self.away = [
            _Away(index, minutes, cause, since if cause in _EXPLAINABLE else NEVER)
            for index, minutes, cause, since in columns
        ]
        self.midnight = reporter.midnight(day)
        self.key = f"{lesson.activity}/{reporter.date_of(day)}/{lesson.start_minute}"
        self._sent: list[RegisterEvent] = []
        self._numbers: dict[Reason, int] = {}

    def _at(self, minute: int) -> int:
        """Lesson minutes never cross a change of clocks: that happens on Sunday night."""
        if 0 <= minute < DAY:
            return self.midnight + minute * MINUTE
        return millis(self.world, self.day, minute)

    def _send(self, at: int, reason: Reason, state: str, marks: _Marks, **flags: bool) -> None:
        number = self._numbers.get(reason, 0)
        self._numbers[reason] = number + 1
        self._sent.append(
            RegisterEvent(
                id=f"{self.key}/{reason}" + (f"/{number}" if number else ""),
                arrival=at,
                modified=at,
                lesson=self.lesson.number,
                day=self.day,
                state=state,
                reason=reason,
                pupils=marks.pupils,
                valid=marks.valid,
                invalid=marks.invalid,
                other=marks.other,
                late=marks.late,
                early=marks.early,
                **flags,
            )
        )

    def _report_minute(self) -> int | None:
        """Local minute of the report, counted from the day's midnight; None: never reported."""
        lesson, (never, kind, when) = self.lesson, self.draw[:3]
        if never < self.world.teachers[lesson.teacher].unreported:
            return None
        if kind < self.rates.late_register:
            share = kind / self.rates.late_register
            if share < 0.6:
                return _minutes(when, _CLOSE + 10, 22 * 60)
            most = 4 if share < 0.9 else 11
            days = 1 + int(when * (most - 1))
            return days * DAY + _minutes((when * 97) % 1, 7 * 60, 16 * 60)
        end = lesson.start_minute + lesson.length
        if kind < self.rates.late_register + self.rates.slow_register:
            return min(_minutes(when, end + 45, end + 300), _CLOSE - 20)
        if kind < 0.72:
            return lesson.start_minute + _minutes(when, 2, 14)
        return end + _minutes(when, -5, 6)

    def events(self, timetable: Timetable) -> list[RegisterEvent]:
        """Timetable entry where asked for, cancellation or report, and what follows from it."""
        if self.draw[3] < self.rates.cancelled:
            same_day = self.draw[4] < 0.3
            if same_day and timetable == "all":
                self._timetable()
            at = self._at(7 * 60 if same_day else 15 * 60 - DAY)
            self._send(at, _CANCELLATION, "cancelled", _Marks(self.pupils))
            return self._sent
        minute = self._report_minute()
        reported_today = minute is not None and minute <= _CLOSE
        if timetable == "all" or (timetable == "needed" and not reported_today):
            self._timetable()
        if minute is not None:
            self._report(minute)
        return self._sent

    def _timetable(self) -> None:
        self._send(self._at(_TIMETABLE_SYNC), _TIMETABLE, "scheduled", _Marks(self.pupils))

    def _report(self, minute: int) -> None:
        at = self._at(minute)
        marks = _Marks(self.pupils)
        unseen: list[_Away] = []
        for away in self.away:
            if away.cause == _LATE and self.lesson.start_minute + away.minutes > minute:
                marks.write(away.index, invalid=self.lesson.length)
                unseen.append(away)
            else:
                self._mark(marks, away.index, away, at)
        wrong = self._mistake(marks)
        reason = _LATE_REPORT if minute > _CLOSE else _REPORT
        self._send(at, reason, "reported", marks)
        for away in unseen:
            seen = self._at(self.lesson.start_minute + away.minutes + 2)
            self._patch(away.index, away, max(seen, at + MINUTE), _ARRIVAL, explicit=True)
        self._afterwards(at, wrong)

    def _mark(self, marks: _Marks, index: int, away: _Away, at: int) -> None:
        """Write what the source knows about ``away`` at ``at``."""
        if away.cause == _OTHER:
            marks.write(index, other=away.minutes)
        elif away.cause == _LATE:
            marks.write(index, invalid=away.minutes, late=away.minutes)
        elif away.since <= at:
            marks.write(index, valid=away.minutes)
        else:
            marks.write(index, invalid=away.minutes)

    def _mistake(self, marks: _Marks) -> int | None:
        """Perhaps one wrong mark; returns whose it is."""
        if self.draw[5] >= self.rates.corrections:
            return None
        present = self.draw[5] < self.rates.corrections * self.rates.wrong_absent
        if present:
            pool = np.flatnonzero(self.causes == 0).tolist()
        else:
            whole = self.lesson.length
            pool = [a.index for a in self.away if a.minutes == whole and a.cause != _OTHER]
        if not pool:
            return None
        index = int(pool[int(self.draw[6] * len(pool))])
        marks.write(index, invalid=self.lesson.length if present else 0)
        return index

    def _patch(
        self, index: int, away: _Away | None, at: int, reason: Reason, **flags: bool
    ) -> None:
        """Restate one mark as it is known at ``at``; ``away`` None: the pupil was there."""
        marks = _Marks(self.pupils[index : index + 1])
        if away is not None:
            self._mark(marks, 0, away, at)
        self._send(at, reason, "reported", marks, **flags)

    def _afterwards(self, at: int, wrong: int | None) -> None:
        """Corrections, excuses that come in after the report, confirmations."""
        fixed = at
        if wrong is not None:
            draw = self.draw[7]
            if draw < 0.3:
                fixed = at + _minutes(draw / 0.3, 10, 90) * MINUTE
            else:
                days = 1 + int(((draw - 0.3) / 0.7) ** 2 * 9)
                fixed = at + days * DAY * MINUTE - _minutes((draw * 89) % 1, 0, 120) * MINUTE
            truth = next((a for a in self.away if a.index == wrong), None)
            self._patch(wrong, truth, fixed, _CORRECTION, explicit=True)
        for away in self.away:
            known = fixed if away.index == wrong else at
            if away.since <= known or away.cause in (_LATE, _OTHER):
                continue
            decided = known + _minutes(self.rng.random(), DAY, 7 * DAY) * MINUTE
            confirm = self.rng.random() < self.rates.confirmed
            if confirm and decided < away.since:
                self._patch(away.index, away, decided, _CONFIRMATION, confirmed=True)
            if self.restates and away.since < NEVER:
                self._patch(away.index, away, away.since + MINUTE, _EXCUSE)
