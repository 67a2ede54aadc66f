"""What a unit's day looks like in each place where absence may gather: class, subject, lesson slot.

Each place is compared with what would be expected there: how the same classes
fare in the rest of their day, or for a class how the unit's other classes do.
That is indirect standardisation (Breslow & Day, Statistical Methods in Cancer
Research II, IARC 1987, ch. 2): a subject that only one class reads does not
stand out because that class is ill. A pupil who is away all day weighs as much
on both sides.

A day with a wave says nothing of a place: what the wave took would be put down
to the teaching. Unreported lessons count as neither present nor absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from forvarning.school.v1 import school_pb2 as pb
from services.ews.core.unitdays import UNIT, Count, UnitDays
from services.ews.core.waves import LEAST_PUPILS, Found, is_the_units

_LUNCH_HOURS = (11, 12)
"""Lessons that begin then are next to the lunch break, as far as the sums by hour tell."""
_Lessons = dict[int, list[int]]
"""By hour: pupils of whom something is told, and those absent of them."""
_Sums = Mapping[tuple[int, str], Count]
"""A class's lessons, by hour and subject."""


class Place(NamedTuple):
    """One place of a unit; what its scope does not name is empty."""

    scope: pb.SignalScope
    class_id: bytes = b""
    subject: str = ""
    slot: pb.Slot = pb.SLOT_UNSPECIFIED


WHOLE = Place(pb.SIGNAL_SCOPE_UNIT)
_FIRST, _LUNCH, _LAST = (
    Place(pb.SIGNAL_SCOPE_SLOT, slot=slot) for slot in (pb.SLOT_FIRST, pb.SLOT_LUNCH, pb.SLOT_LAST)
)


def of_class(class_id: bytes) -> Place:
    """The place that is a class; the unit for :data:`UNIT`."""
    return WHOLE if class_id == UNIT else Place(pb.SIGNAL_SCOPE_CLASS, class_id)


@lru_cache(maxsize=4096)
def _of_subject(subject: str) -> Place:
    return Place(pb.SIGNAL_SCOPE_SUBJECT, subject=subject)


@dataclass(slots=True)
class Seen:
    """A place on a day.

    ``pupils`` were told of and ``absent`` some or all of it, where ``expected``
    thousandths of a pupil would be; all zero where nothing can be compared.
    ``people`` have lessons there, reported or not: ``offered`` and ``reported``
    are their minutes.
    """

    pupils: int = 0
    absent: int = 0
    expected: int = 0
    people: int = 0
    offered: int = 0
    reported: int = 0


def seen(unit: UnitDays, day: int, found: Mapping[bytes, Found]) -> dict[Place, Seen]:
    """Every place of the day; ``found`` tells of its waves (:func:`waves.waves`)."""
    counts = unit.counts(day)
    whole = counts.get(UNIT)
    if whole is None:
        return {}
    places = {WHOLE: Seen(people=whole.pupils, offered=whole.offered, reported=whole.reported)}
    left_out = {name for name, one in found.items() if one.wave}
    calm = set() if is_the_units(found) else counts.keys() - left_out - {UNIT}
    _classes(places, counts, calm)
    _lessons(places, unit, day, calm)
    return places


def _classes(places: dict[Place, Seen], counts: Mapping[bytes, Count], calm: set[bytes]) -> None:
    """The classes against each other; those that are not ``calm`` only say how much is reported."""
    people = {
        name: (max(counts[name].told_of, counts[name].absent), counts[name].absent) for name in calm
    }
    pupils = sum(told for told, _ in people.values())
    absent = sum(away for _, away in people.values())
    for name, count in counts.items():
        if name == UNIT:
            continue
        place = places[of_class(name)] = Seen(
            people=count.pupils, offered=count.offered, reported=count.reported
        )
        told, away = people.get(name, (0, 0))
        if told and pupils - told >= LEAST_PUPILS:
            place.pupils, place.absent = told, away
            place.expected = 1000 * told * (absent - away) // (pupils - told)


def _lessons(places: dict[Place, Seen], unit: UnitDays, day: int, calm: set[bytes]) -> None:
    """Subjects and slots against the rest of the same classes' day."""
    by_class: dict[bytes, dict[tuple[int, str], Count]] = {}
    for one in unit.lessons(day):
        sums = by_class.setdefault(one.class_id, {})
        sums.setdefault((one.slot_hour, one.subject), Count()).add(one)
    for class_id, sums in by_class.items():
        _reporting(places, sums)
        if class_id not in calm:
            continue
        told = {at: max(count.told_of, count.absent) for at, count in sums.items()}
        pupils = sum(told.values())
        absent = sum(count.absent for count in sums.values())
        for name, lessons in _inside(sums, told).items():
            rest, rest_absent = pupils, absent
            for some, away in lessons.values():
                rest -= some
                rest_absent -= away
            if rest < LEAST_PUPILS:
                continue
            # One lesson of the day stands for the place, so that nobody counts twice.
            some, away = min(lessons.items(), key=_largest)[1]
            place = places.get(name)
            if place is None:
                place = places[name] = Seen()
            place.pupils += some
            place.absent += away
            place.expected += 1000 * some * rest_absent // rest


def _largest(lesson: tuple[int, list[int]]) -> tuple[int, int]:
    """Puts first who tells of most pupils, of equal ones the earliest."""
    hour, (pupils, _) = lesson
    return -pupils, hour


def _reporting(places: dict[Place, Seen], sums: _Sums) -> None:
    """How much of each subject of a class is reported."""
    people: dict[str, int] = {}
    for (_, subject), count in sums.items():
        if not subject:
            continue
        name = _of_subject(subject)
        place = places.get(name)
        if place is None:
            place = places[name] = Seen()
        before = people.get(subject, 0)
        people[subject] = max(before, count.pupils)
        place.people += people[subject] - before
        place.offered += count.offered
        place.reported += count.reported


def _inside(sums: _Sums, told: Mapping[tuple[int, str], int]) -> dict[Place, _Lessons]:
    """A class's lessons in each place."""
    inside: dict[Place, _Lessons] = {}
    hours = [hour for hour, _ in sums]
    first, last = min(hours), max(hours)
    for at, count in sums.items():
        hour, subject = at
        names = [_of_subject(subject)] if subject else []
        if first < last:
            if hour == first:
                names.append(_FIRST)
            if hour == last:
                names.append(_LAST)
            if hour in _LUNCH_HOURS:
                names.append(_LUNCH)
        for name in names:
            lesson = inside.setdefault(name, {}).setdefault(hour, [0, 0])
            lesson[0] += told[at]
            lesson[1] += count.absent
    return inside
