"""Weekly timetables: which subject, when, how long, with whom.

Skollagen 7 kap. 17 §: at most six hours a day in förskoleklass and the two
lowest årskurser, eight above (the wording that applies until 2028-07-01).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.simulator.seeds import rng
from bench.simulator.world import Lesson, SchoolClass, Teacher, Unit

_LESSONS_A_WEEK: dict[str, dict[str, int]] = {
    "lower": {"SV": 8, "MA": 6, "EN": 1, "IDH": 3, "BL": 2, "MU": 2, "NO": 3, "SO": 3, "TK": 1},
    "middle": {"SV": 6, "MA": 5, "EN": 3, "IDH": 3, "BL": 2, "MU": 2, "SL": 2, "NO": 3, "SO": 3,
               "TK": 1},
    "upper": {"SV": 4, "MA": 4, "EN": 4, "ML": 3, "IDH": 3, "BL": 1, "MU": 1, "SL": 2, "HKK": 2,
              "NO": 4, "SO": 3, "TK": 1},
    "secondary": {"SV": 4, "MA": 4, "EN": 3, "ML": 3, "IDH": 2, "HI": 2, "NA": 3, "SH": 3, "PSY": 2,
                  "KAR": 4},
}  # fmt: skip
_LENGTHS = {"lower": (45, 50, 60), "middle": (50, 55, 60), "upper": (50, 60, 70),
            "secondary": (60, 70, 80)}  # fmt: skip
_FIRST_START = {"lower": 490, "middle": 490, "upper": 490, "secondary": 500}
_MINUTES_CAP = {"lower": 360, "middle": 480, "upper": 480, "secondary": 480}
_HOMEROOM = ("SV", "MA", "EN", "SO")
_LANGUAGES = ("SPA", "TYS")
LANGUAGE_SUBJECT = "ML"
TEACHER_LESSONS = 19
"""Lessons a week of a full-time teacher."""


def stage_family(stage: str) -> str:
    """ "upper7" and its like are one stage when it comes to timetables."""
    return "upper" if stage.startswith("upper") else stage


def has_languages(school_class: SchoolClass) -> bool:
    """Whether the class reads moderna språk in groups shared with its year."""
    return LANGUAGE_SUBJECT in _LESSONS_A_WEEK[stage_family(school_class.stage)]


def language_group(unit: Unit, school_class: SchoolClass, language: int) -> str:
    """Group id of one language in one year of a unit; it mixes the year's classes."""
    return f"{unit.id}-{school_class.grade}-{_LANGUAGES[language]}"


def language_count() -> int:
    """How many languages a pupil can choose among."""
    return len(_LANGUAGES)


@dataclass(frozen=True, slots=True)
class _Cell:
    subject: str
    slot: int
    start: int
    length: int


def _year_grid(seed: int, unit: Unit, grade: int, stage: str) -> list[list[_Cell]]:
    """When a year has its lessons, and which are the shared language lessons.

    The year's classes share the grid's times, so a teaching group meets at the
    same slot in all of them; each class then fills its own subjects in.
    """
    generator = rng(seed, "grid", unit.id, grade)
    week = _LESSONS_A_WEEK[stage]
    total = sum(week.values())
    counts = [total // 5 + (1 if day < total % 5 else 0) for day in range(5)]
    generator.shuffle(counts)
    language_days = set(generator.permutation(5)[: week.get(LANGUAGE_SUBJECT, 0)].tolist())
    grid: list[list[_Cell]] = []
    for weekday, count in enumerate(counts):
        language_slot = int(generator.integers(count)) if weekday in language_days else -1
        start, used, cells = _FIRST_START[stage] + 10 * int(generator.integers(3)), 0, []
        for slot in range(count):
            length = int(generator.choice(_LENGTHS[stage]))
            length = min(length, (_MINUTES_CAP[stage] - used) // (count - slot))
            subject = LANGUAGE_SUBJECT if slot == language_slot else ""
            cells.append(_Cell(subject, slot, start, length))
            used += length
            start += length + (40 if slot == count // 2 - 1 else 10)
        grid.append(cells)
    return grid


class _Staffing:
    """Gives each class and subject a teacher of the unit, filling up one before the next."""

    def __init__(self, unit: Unit, first: int) -> None:
        self._unit = unit
        self._first = first
        self.loads: list[int] = []
        self._open: dict[str, int] = {}

    def take(self, subject: str, lessons: int) -> int:
        """A teacher for ``lessons`` weekly lessons of ``subject``; index in the world."""
        current = self._open.get(subject)
        if current is None or self.loads[current] + lessons > TEACHER_LESSONS:
            roomy = [
                i for i, load in enumerate(self.loads) if load + lessons <= TEACHER_LESSONS - 6
            ]
            current = roomy[0] if roomy else len(self.loads)
            if current == len(self.loads):
                self.loads.append(0)
            self._open[subject] = current
        self.loads[current] += lessons
        return self._first + current


def unit_timetable(
    seed: int, unit: Unit, classes: list[SchoolClass], first_teacher: int, first_lesson: int
) -> tuple[list[Lesson], int]:
    """All weekly lessons of a unit and how many teachers hold them."""
    staffing = _Staffing(unit, first_teacher)
    lessons: list[Lesson] = []

    def add(group: str, cell: _Cell, subject: str, teacher: int, weekday: int) -> None:
        lessons.append(
            Lesson(
                activity=f"a-{group}-{subject}",
                group=group,
                unit=unit.index,
                subject=subject,
                teacher=teacher,
                weekday=weekday,
                slot=cell.slot,
                start_minute=cell.start,
                length=cell.length,
                number=first_lesson + len(lessons),
            )
        )

    for grade in sorted({c.grade for c in classes}):
        year = [c for c in classes if c.grade == grade]
        stage = stage_family(year[0].stage)
        week = _LESSONS_A_WEEK[stage]
        grid = _year_grid(seed, unit, grade, stage)
        if LANGUAGE_SUBJECT in week:
            for language, subject in enumerate(_LANGUAGES):
                teacher = staffing.take(subject, week[LANGUAGE_SUBJECT])
                group = language_group(unit, year[0], language)
                for weekday, cells in enumerate(grid):
                    for cell in cells:
                        if cell.subject == LANGUAGE_SUBJECT:
                            add(group, cell, subject, teacher, weekday)
        for school_class in year:
            generator = rng(seed, "subjects", school_class.id)
            own = [s for s, n in week.items() if s != LANGUAGE_SUBJECT for _ in range(n)]
            order = [own[int(i)] for i in generator.permutation(len(own))]
            if stage == "lower":
                core = sum(week[s] for s in _HOMEROOM)
                homeroom = staffing.take(f"class {school_class.id}", core)
                rest = staffing.take("lower", sum(week.values()) - core)
                teachers = {s: homeroom if s in _HOMEROOM else rest for s in week}
            else:
                teachers = {s: staffing.take(s, n) for s, n in week.items() if s in own}
            position = 0
            for weekday, cells in enumerate(grid):
                for cell in cells:
                    if cell.subject:
                        continue
                    subject = order[position]
                    position += 1
                    add(school_class.id, cell, subject, teachers[subject], weekday)
    return lessons, len(staffing.loads)


def staff_quality(
    seed: int, unit_of: list[int], rates: tuple[float, float, float, float]
) -> list[Teacher]:
    """How well each teacher reports: a few never, some badly, the rest nearly always.

    ``rates`` = (never, sloppy, a sloppy one's unreported share, everybody's).
    One at least never reports, unless ``never`` is 0.
    """
    never, sloppy, sloppy_unreported, base = rates
    generator = rng(seed, "teachers")
    order = generator.permutation(len(unit_of))
    count_never = max(1, round(never * len(unit_of))) if never else 0
    count_sloppy = round(sloppy * len(unit_of))
    unreported = np.full(len(unit_of), base)
    unreported[order[:count_never]] = 1.0
    unreported[order[count_never : count_never + count_sloppy]] = sloppy_unreported
    return [
        Teacher(id=f"t{index}", unit=unit, unreported=float(unreported[index]))
        for index, unit in enumerate(unit_of)
    ]
