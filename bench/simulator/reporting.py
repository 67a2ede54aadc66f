"""What teachers report about each lesson: when, how well, and what they correct later."""

from __future__ import annotations

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
_EXPLAINABLE = (Cause.ILL, Cause.LEAVE, Cause.REFUSAL, Cause.SKIP)

Draw = npt.NDArray[np.float64]


def _minutes(draw: float, low: int, high: int) -> int:
    return low + int(draw * (high - low))


class _Marks:
    """The marks of one register while it is put together."""

    def __init__(self, pupils: npt.NDArray[np.int32]) -> None:
        self.pupils = pupils
        count = len(pupils)
        self.valid: Ints = np.zeros(count, dtype=np.int16)
        self.invalid: Ints = np.zeros(count, dtype=np.int16)
        self.other: Ints = np.zeros(count, dtype=np.int16)
        self.late: Ints = np.full(count, NOT_KNOWN, dtype=np.int16)
        self.early: Ints = np.full(count, NOT_KNOWN, dtype=np.int16)


class Reporter:
    """Turns the truth into registers, one unit and school day at a time."""

    def __init__(self, world: World, truth: Truth, explained: Explained) -> None:
        self._world, self._truth, self._explained = world, truth, explained
        self._by_day: dict[tuple[int, int], list[Lesson]] = {}
        for lesson in world.lessons:
            self._by_day.setdefault((lesson.unit, lesson.weekday), []).append(lesson)
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

    def unit_day(self, unit: int, day: int, *, restate: bool = False) -> list[RegisterEvent]:
        """Everything that is ever said about the unit's lessons of that day, unsorted.

        ``restate`` makes every unit's system restate marks when an excuse
        comes in, for formats that carry no notices.
        """
        if not self._world.open_days[unit, day]:
            return []
        weekday = self._world.days[day].weekday()
        lessons = self._by_day.get((unit, weekday), [])
        generator = rng(self._world.config.seed, "reporting", unit, day)
        draws = generator.random((len(lessons), 8))
        events: list[RegisterEvent] = []
        for lesson, draw in zip(lessons, draws, strict=True):
            pupils = self.participants(lesson, day)
            if len(pupils):
                events += _LessonReport(
                    self, lesson, day, pupils, draws=(draw, generator), restate=restate
                ).events()
        return events

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
        self.draw, self.rng = draws
        self.restates = restate or self.world.units[lesson.unit].restates
        self.rates = self.world.config.rates
        self.absent = reporter.truth.absent[pupils, day, lesson.slot].astype(np.int16)
        self.cause = reporter.truth.cause[pupils, day, lesson.slot]
        since = reporter.since[pupils, day]
        explainable = np.isin(self.cause, _EXPLAINABLE)
        self.since = np.where(explainable, since, NEVER)
        self.midnight = millis(self.world, day, 0)
        self.key = f"{lesson.activity}/{self.world.days[day].isoformat()}/{lesson.start_minute}"
        self._sent: list[RegisterEvent] = []

    def _at(self, minute: int) -> int:
        """Lesson minutes never cross a change of clocks: that happens on Sunday night."""
        return (
            millis(self.world, self.day, minute)
            if minute >= DAY or minute < 0
            else (self.midnight + minute * MINUTE)
        )

    def _send(self, at: int, reason: Reason, state: str, marks: _Marks, **flags: bool) -> None:
        number = sum(1 for event in self._sent if event.reason is reason)
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

    def events(self) -> list[RegisterEvent]:
        """Timetable entry, cancellation or report, and what follows from it."""
        if self.draw[3] < self.rates.cancelled:
            same_day = self.draw[4] < 0.3
            if same_day:
                self._timetable()
            at = self._at(7 * 60 if same_day else 15 * 60 - DAY)
            self._send(at, Reason.CANCELLATION, "cancelled", _Marks(self.pupils))
            return self._sent
        self._timetable()
        minute = self._report_minute()
        if minute is not None:
            self._report(minute)
        return self._sent

    def _timetable(self) -> None:
        event_at = self._at(_TIMETABLE_SYNC)
        self._send(event_at, Reason.TIMETABLE, "scheduled", _Marks(self.pupils))

    def _report(self, minute: int) -> None:
        at = self._at(minute)
        marks = self._true_marks(at)
        came_late = self.cause == Cause.LATE
        unseen = came_late & (self.lesson.start_minute + self.absent > minute)
        marks.invalid[unseen] = self.lesson.length
        marks.late[unseen] = NOT_KNOWN
        wrong = self._mistake(marks)
        late = minute > _CLOSE
        self._send(at, Reason.LATE_REPORT if late else Reason.REPORT, "reported", marks)
        for index in np.flatnonzero(unseen):
            seen = self._at(self.lesson.start_minute + int(self.absent[index]) + 2)
            self._patch(int(index), max(seen, at + MINUTE), Reason.ARRIVAL, explicit=True)
        self._afterwards(at, wrong)

    def _true_marks(self, at: int) -> _Marks:
        """The marks as the source knows them at ``at``, without mistakes."""
        marks = _Marks(self.pupils)
        explained = self.since <= at
        elsewhere = self.cause == Cause.OTHER
        away = (self.absent > 0) & ~elsewhere
        marks.valid[away & explained] = self.absent[away & explained]
        marks.invalid[away & ~explained] = self.absent[away & ~explained]
        marks.other[elsewhere] = self.absent[elsewhere]
        came_late = self.cause == Cause.LATE
        marks.late[came_late] = self.absent[came_late]
        return marks

    def _mistake(self, marks: _Marks) -> int | None:
        """Perhaps one wrong mark; returns whose it is."""
        if self.draw[5] >= self.rates.corrections:
            return None
        present = self.draw[5] < self.rates.corrections * self.rates.wrong_absent
        pool = np.flatnonzero(
            self.cause == Cause.PRESENT
            if present
            else (self.absent == self.lesson.length) & (self.cause != Cause.OTHER)
        )
        if not len(pool):
            return None
        index = int(pool[int(self.draw[6] * len(pool))])
        marks.valid[index] = 0
        marks.invalid[index] = self.lesson.length if present else 0
        return index

    def _patch(self, index: int, at: int, reason: Reason, **flags: bool) -> None:
        """Restate one mark as it is known at ``at``."""
        whole = self._true_marks(at)
        one = slice(index, index + 1)
        marks = _Marks(self.pupils[one])
        marks.valid, marks.invalid = whole.valid[one], whole.invalid[one]
        marks.other, marks.late = whole.other[one], whole.late[one]
        self._send(at, reason, "reported", marks, **flags)

    def _afterwards(self, at: int, wrong: int | None) -> None:
        """Corrections, excuses that come in after the report, confirmations."""
        known_from = np.full(len(self.pupils), at, dtype=np.int64)
        if wrong is not None:
            draw = float(self.draw[7])
            if draw < 0.3:
                fixed = at + _minutes(draw / 0.3, 10, 90) * MINUTE
            else:
                days = 1 + int(((draw - 0.3) / 0.7) ** 2 * 9)
                fixed = at + days * DAY * MINUTE - _minutes((draw * 89) % 1, 0, 120) * MINUTE
            self._patch(wrong, fixed, Reason.CORRECTION, explicit=True)
            known_from[wrong] = fixed
        unexplained = (
            (self.absent > 0)
            & (self.since > known_from)
            & (self.cause != Cause.LATE)
            & (self.cause != Cause.OTHER)
        )
        if not unexplained.any():
            return
        for index in np.flatnonzero(unexplained):
            decided = int(known_from[index]) + _minutes(self.rng.random(), DAY, 7 * DAY) * MINUTE
            confirm = self.rng.random() < self.rates.confirmed
            if confirm and decided < self.since[index]:
                self._patch(int(index), decided, Reason.CONFIRMATION, confirmed=True)
            if self.restates and self.since[index] < NEVER:
                self._patch(int(index), int(self.since[index]) + MINUTE, Reason.EXCUSE)
