"""What a school should be told, worked out the slow way: fractions, whole lists, no shortcuts.

Nothing of the core but which class had a wave on a day, which has tests of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from math import comb
from typing import Any

from forvarning.warnings.v1.warnings_pb2 import GroupDay, GroupSum
from services.ews.core.unitdays import UnitDays
from services.ews.core.waves import waves

Place = tuple[str, object]
"""("unit", ""), ("class", id), ("subject", name) or ("slot", "first", "lunch" or "last")."""
Told = dict[tuple[str, Place, int], list[dict[str, Any]]]
"""Kind, place and school year to the episodes."""


def newest(rows: Iterable[GroupDay]) -> dict[tuple[int, int], GroupDay]:
    kept: dict[tuple[int, int], GroupDay] = {}
    for row in rows:
        key = (row.epoch_day, row.partition)
        if key not in kept or kept[key].revision < row.revision:
            kept[key] = row
    return kept


@dataclass
class Part:
    """Pupils told of, absent ones, all, and minutes."""

    pupils: int = 0
    absent: int = 0
    everybody: int = 0
    offered: int = 0
    reported: int = 0
    sums: list[GroupSum] = field(default_factory=list)

    @classmethod
    def of(cls, sums: list[GroupSum]) -> Part:
        everybody = sum(one.pupils for one in sums)
        offered = sum(one.offered for one in sums)
        reported = sum(one.reported for one in sums)
        absent = sum(one.pupils_absent for one in sums)
        told = everybody * reported // offered if offered else 0
        return cls(max(told, absent), absent, everybody, offered, reported, sums)


@dataclass
class SchoolDay:
    day: int
    found: Any
    classes: dict[bytes, Part]
    lessons: dict[bytes, dict[tuple[int, str], Part]]

    def __post_init__(self) -> None:
        having = {c for c, one in self.found.items() if one.wave}
        self.wave = b"" in having and (len(having) != 2 or self.without(*having - {b""}))
        """Of the unit: not of one class alone."""
        self.calm = set() if self.wave else self.classes.keys() - having
        self.offered = sum(part.offered for part in self.classes.values())
        self.reported = sum(part.reported for part in self.classes.values())

    def without(self, class_id: bytes) -> bool:
        """Whether the rest of the unit has a wave."""
        whole, one = self.found[b""], self.found[class_id]
        absent, pupils = whole.absent - one.absent, max(whole.pupils - one.pupils, 0)
        if absent < 5 or absent * 1000 < pupils * (whole.usual + 40):
            return False
        n, p = max(pupils, absent), Fraction(whole.usual, 1000)
        few = sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(absent))
        return bool(1 - few < Fraction(1, 1000))

    def compared(self, place: Place) -> tuple[int, int, int] | None:
        """Pupils, absent ones, and thousandths of a pupil expected."""
        kind, name = place
        if kind == "class":
            if name not in self.calm or name == b"":
                return None
            others = [self.classes[c] for c in self.calm if c != name]
            own = self.classes[name]
            pupils = sum(part.pupils for part in others)
            if not own.pupils or pupils < 5:
                return None
            share = Fraction(sum(part.absent for part in others), pupils)
            return own.pupils, own.absent, int(1000 * own.pupils * share)
        total = [0, 0, 0]
        for class_id in self.lessons:
            if class_id not in self.calm:
                continue
            lessons = self.lessons[class_id]
            inside = {at: part for at, part in lessons.items() if self.inside(place, at, lessons)}
            outside = [part for at, part in lessons.items() if at not in inside]
            pupils = sum(part.pupils for part in outside)
            if not inside or pupils < 5:
                continue
            hours: dict[int, list[Part]] = {}
            for (hour, _), part in inside.items():
                hours.setdefault(hour, []).append(part)
            biggest = min(hours, key=lambda h: (-sum(p.pupils for p in hours[h]), h))
            told = sum(part.pupils for part in hours[biggest])
            share = Fraction(sum(part.absent for part in outside), pupils)
            total[0] += told
            total[1] += sum(part.absent for part in hours[biggest])
            total[2] += int(1000 * told * share)
        return (total[0], total[1], total[2]) if total[0] else None

    @staticmethod
    def inside(place: Place, at: tuple[int, str], lessons: dict[tuple[int, str], Part]) -> bool:
        kind, name = place
        if kind == "subject":
            return at[1] == name
        hours = sorted({hour for hour, _ in lessons})
        if len(hours) == 1:
            return False
        return {
            "first": at[0] == hours[0],
            "last": at[0] == hours[-1],
            "lunch": at[0] in (11, 12),
        }[str(name)]

    def places(self) -> set[Place]:
        subjects = {s for lessons in self.lessons.values() for _, s in lessons if s}
        return (
            {("unit", "")}
            | {("class", c) for c in self.classes if c}
            | {("subject", s) for s in subjects}
            | {("slot", s) for s in ("first", "lunch", "last")}
        )

    def reporting(self, place: Place) -> tuple[int, int, int]:
        """Pupils, and the minutes offered and reported."""
        kind, name = place
        if kind == "unit":
            return sum(p.everybody for p in self.classes.values()), self.offered, self.reported
        if kind == "class":
            part = self.classes.get(name)  # type: ignore[call-overload]
            return (part.everybody, part.offered, part.reported) if part else (0, 0, 0)
        if kind == "slot":
            return 0, 0, 0
        found = [
            [part for (_, subject), part in lessons.items() if subject == name]
            for lessons in self.lessons.values()
        ]
        return (
            sum(max(part.everybody for part in parts) for parts in found if parts),
            sum(part.offered for parts in found for part in parts),
            sum(part.reported for parts in found for part in parts),
        )


def school_days(rows: Iterable[GroupDay], partitions: int) -> list[SchoolDay]:
    kept = newest(rows)
    unit = UnitDays()
    for row in kept.values():
        unit.take(row)
    days = []
    for day in sorted({day for day, _ in kept}):
        sums = [one for (at, _), row in kept.items() if at == day for one in row.sums]
        if sum(at == day for at, _ in kept) < partitions:
            continue
        whole: dict[bytes, list[GroupSum]] = {}
        lessons: dict[bytes, dict[tuple[int, str], list[GroupSum]]] = {}
        for one in sums:
            if one.slot_hour == 24:
                whole.setdefault(one.class_id, []).append(one)
            else:
                at = (one.slot_hour, one.subject)
                lessons.setdefault(one.class_id, {}).setdefault(at, []).append(one)
        classes = {c: Part.of(some) for c, some in whole.items()}
        if not sum(part.offered for part in classes.values()):
            continue
        said = any(part.reported for part in classes.values())
        days.append(
            SchoolDay(
                day,
                waves(unit, day) if said else {},
                classes,
                {c: {at: Part.of(s) for at, s in by.items()} for c, by in lessons.items()},
            )
        )
    return days


def cluster(window: list[SchoolDay]) -> dict[Place, dict[str, int]]:
    places = set().union(*(day.places() for day in window))
    data: dict[Place, list[tuple[int, int, int]]] = {}
    for place in places - {("unit", "")}:
        days = [day.compared(place) for day in window]
        big = [one for one in days if one is not None and one[0] >= 5]
        if big:
            data[place] = big
    found = {}
    for place, compared in data.items():
        n = len(compared)
        pupils = sum(one[0] for one in compared)
        absent = sum(one[1] for one in compared)
        expected = sum(one[2] for one in compared)
        speak = sum(1 for _, a, e in compared if a - 2 > Fraction(e, 1000))
        chance = Fraction(sum(comb(n, k) for k in range(speak, n + 1)), 2**n)
        if (
            n >= 10
            and chance * len(data) < Fraction(1, 100)
            and Fraction(absent, n) >= 5
            and Fraction(absent, pupils) >= Fraction(expected, 1000 * pupils) + Fraction(1, 10)
        ):
            found[place] = {"window_days": n, "days_for": speak}
    return found


def unreported(window: list[SchoolDay]) -> dict[Place, dict[str, int]]:
    if len(window) < 10:
        return {}
    found = {}
    for place in set().union(*(day.places() for day in window)):
        days = [day.reporting(place) for day in window]
        days = [one for one in days if one[0] >= 5 and one[1] > 0]
        offered, reported = sum(one[1] for one in days), sum(one[2] for one in days)
        missing = sum(one[2] < one[1] for one in days)
        if missing >= 3 and Fraction(reported, offered) < Fraction(8, 10):
            found[place] = {"offered": offered, "reported": reported}
    return found


def told(rows: Iterable[GroupDay], partitions: int) -> Told:
    """Every episode of every signal."""
    years: dict[int, list[SchoolDay]] = {}
    for day in school_days(rows, partitions):
        on = date.fromordinal(date(1970, 1, 1).toordinal() + day.day)
        years.setdefault(on.year if on.month >= 7 else on.year - 1, []).append(day)
    answer: Told = {}
    for year, days in years.items():
        after = [later[0].day for other, later in years.items() if other > year]
        for kind in ("wave", "cluster", "unreported"):
            by_day = [_holds(kind, days[: i + 1]) for i in range(len(days))]
            for place in set().union(*(holds for holds, _ in by_day)):
                episodes = _episodes(
                    [
                        (d.day, h.get(place), place in quiet or "*" in quiet)
                        for d, (h, quiet) in zip(days, by_day, strict=True)
                    ],
                    2 if kind == "wave" else 5,
                    min(after, default=0),
                )
                answer[kind, place, year] = episodes
    return answer


def _holds(kind: str, days: list[SchoolDay]) -> tuple[dict[Place, dict[str, int]], set[Any]]:
    """Where it holds on the last of the days; where the day speaks at all ("*": everywhere)."""
    today = days[-1]
    if kind == "unreported":
        return unreported(days[-10:]), {"*"}
    if not today.reported:
        return {}, set()
    if kind == "cluster":
        return cluster([day for day in days if day.reported][-20:]), {"*"}
    holds: dict[Place, dict[str, int]] = {}
    speaks: set[Any] = set()
    for class_id, one in today.found.items():
        place: Place = ("class", class_id) if class_id else ("unit", "")
        if not one.pupils or (class_id and today.wave):
            continue
        speaks.add(place)
        if one.wave and (class_id or today.wave):
            holds[place] = {"absent": one.absent}
    return holds, speaks


def _episodes(
    days: list[tuple[int, dict[str, int] | None, bool]], limit: int, after: int
) -> list[dict[str, Any]]:
    episodes: list[dict[str, Any]] = []
    quiet = 0
    for day, figures, speaks in days:
        active = bool(episodes) and not episodes[-1]["over_day"]
        if figures is not None:
            if not active:
                episodes.append({"first_day": day, "over_day": 0, "days": 0})
            episodes[-1] |= {"last_day": day, "days": episodes[-1]["days"] + 1, **figures}
            quiet = 0
        elif active and speaks:
            quiet += 1
            if quiet == limit:
                episodes[-1]["over_day"] = day
    if after and episodes and not episodes[-1]["over_day"]:
        episodes[-1]["over_day"] = after
    return episodes
