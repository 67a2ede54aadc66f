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
from typing import NamedTuple

from forvarning.school.v1 import school_pb2 as pb
from services.ews.core.unitdays import UNIT, Count, UnitDays
from services.ews.core.waves import LEAST_PUPILS, Found, is_the_units

_LUNCH_HOURS = (11, 12)
"""Lessons that begin then are next to the lunch break, as far as the sums by hour tell."""
_Lessons = dict[int, list[int]]
"""By hour: pupils of whom something is told, and those absent of them."""


class Place(NamedTuple):
    """One place of a unit; what its scope does not name is empty."""

    scope: pb.SignalScope
    class_id: bytes = b""
    subject: str = ""
    slot: pb.Slot = pb.SLOT_UNSPECIFIED


WHOLE = Place(pb.SIGNAL_SCOPE_UNIT)


def of_class(class_id: bytes) -> Place:
    """The place that is a class; the unit for :data:`UNIT`."""
    return WHOLE if class_id == UNIT else Place(pb.SIGNAL_SCOPE_CLASS, class_id)


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
        inside, reporting = _inside(sums)
        for subject, count in reporting.items():
            place = places.setdefault(Place(pb.SIGNAL_SCOPE_SUBJECT, subject=subject), Seen())
            place.people += count.pupils
            place.offered += count.offered
            place.reported += count.reported
        if class_id not in calm:
            continue
        told = sum(_told(count) for count in sums.values())
        away = sum(count.absent for count in sums.values())
        for name, lessons in inside.items():
            rest = told - sum(pupils for pupils, _ in lessons.values())
            if rest < LEAST_PUPILS:
                continue
            rest_away = away - sum(absent for _, absent in lessons.values())
            # One lesson of the day stands for the place, so that nobody counts twice.
            hour = max(lessons, key=lambda at: (lessons[at][0], -at))
            pupils, absent = lessons[hour]
            place = places.setdefault(name, Seen())
            place.pupils += pupils
            place.absent += absent
            place.expected += 1000 * pupils * rest_away // rest


def _inside(
    sums: Mapping[tuple[int, str], Count],
) -> tuple[dict[Place, _Lessons], dict[str, Count]]:
    """A class's lessons in each place, and how much of each subject is reported."""
    inside: dict[Place, _Lessons] = {}
    reporting: dict[str, Count] = {}
    hours = [hour for hour, _ in sums]
    first, last = min(hours), max(hours)
    for (hour, subject), count in sums.items():
        names = []
        if subject:
            names.append(Place(pb.SIGNAL_SCOPE_SUBJECT, subject=subject))
            whole = reporting.setdefault(subject, Count())
            whole.pupils = max(whole.pupils, count.pupils)
            whole.offered += count.offered
            whole.reported += count.reported
        if first < last:
            slots = ((pb.SLOT_FIRST, hour == first), (pb.SLOT_LAST, hour == last))
            names += [Place(pb.SIGNAL_SCOPE_SLOT, slot=slot) for slot, here in slots if here]
            if hour in _LUNCH_HOURS:
                names.append(Place(pb.SIGNAL_SCOPE_SLOT, slot=pb.SLOT_LUNCH))
        for name in names:
            lesson = inside.setdefault(name, {}).setdefault(hour, [0, 0])
            lesson[0] += _told(count)
            lesson[1] += count.absent
    return inside, reporting


def _told(count: Count) -> int:
    """Pupils told of: never fewer than were told to be absent."""
    return max(count.told_of, count.absent)
