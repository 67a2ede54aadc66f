"""Whether absence gathers in a place of a unit, and whether too little of it is reported.

**A cluster** is a class, a subject or a lesson slot in which, over the last
twenty school days, all of this holds:

- on nearly every day, of at least ten, more pupils were absent there than expected
  (:mod:`services.ews.core.cells`), also without two of them, whoever they are:
  neither one ill pupil nor two make a cluster, however long they are away;
- so many days would speak for it by chance in fewer than one window in a
  hundred, whichever of the unit's places it is: the exact sign test (Dixon &
  Mood, JASA 41 (1946) 557-566) with the level divided by the number of places
  judged (Bonferroni; Dunn, JASA 56 (1961) 52-64). Days are the unit of the test,
  for the pupils of one day are not independent: they share a bus and a teacher;
- on average at least five pupils were absent there, ten percentage points more
  than expected: what is certain and small concerns nobody.

**Unreported**: under eighty per cent of the offered time of the last ten school
days was reported, with reports missing on at least three of them. The offered
time is what a timetable or a report makes known; where no timetable is known
nothing is missing. Large cities' schools leave 2 to 3 % of school days unsubmitted
(NYC 2009-2017); a rule with a minimum rapporteringsgrad is silent well above half.

Days on which a place has fewer than five pupils count for nothing: such a class
adds to its unit's figures and has none of its own. Whole numbers throughout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import comb

from forvarning.school.v1 import school_pb2 as pb
from services.ews.core.cells import Place, Seen
from services.ews.core.waves import LEAST_PUPILS

CLUSTER_DAYS = 20
UNREPORTED_DAYS = 10
LEAST_DAYS = 10
"""Days of the window that must say something of a place."""
ONE_WINDOW_IN = 100
SET_ASIDE = 2
"""Pupils without whom a day must still speak for a cluster."""
EXCESS = 100
"""Thousandths of the pupils beyond the expected."""
LEAST_REPORTED = 800
"""Thousandths of the offered time."""
LEAST_DAYS_MISSING = 3

Day = tuple[int, Mapping[Place, Seen]]
"""An epoch day and its places."""
_REPORTING = (pb.SIGNAL_SCOPE_UNIT, pb.SIGNAL_SCOPE_CLASS, pb.SIGNAL_SCOPE_SUBJECT)


def clusters(window: Sequence[Day]) -> dict[Place, pb.SignalFigures]:
    """The places that are a cluster over the window, which is in the order of the days."""
    found: dict[Place, list[tuple[int, Seen]]] = {}
    for day, places in window:
        for place, one in places.items():
            if one.pupils >= LEAST_PUPILS:
                found.setdefault(place, []).append((day, one))
    told: dict[Place, pb.SignalFigures] = {}
    for place, days in found.items():
        number = len(days)
        absent = sum(one.absent for _, one in days)
        pupils = sum(one.pupils for _, one in days)
        expected = sum(one.expected for _, one in days)
        if number < LEAST_DAYS or absent < LEAST_PUPILS * number:
            continue
        if 1000 * absent < expected + EXCESS * pupils:
            continue
        speak = sum(1000 * (one.absent - SET_ASIDE) > one.expected for _, one in days)
        if not is_unlikely(speak, number, len(found)):
            continue
        told[place] = pb.SignalFigures(
            window_first_day=window[0][0],
            window_last_day=window[-1][0],
            window_days=number,
            days_for=speak,
            pupils=_average(pupils, number),
            absent=_average(absent, number),
            share_permille=1000 * absent // pupils,
            usual_permille=expected // pupils,
        )
    return told


def is_unlikely(speak: int, days: int, places: int) -> bool:
    """Whether P(X >= speak) < 1 / (:data:`ONE_WINDOW_IN` * places) for X ~ Bin(days, 1/2)."""
    tail = sum(comb(days, x) for x in range(speak, days + 1))
    return bool(tail * ONE_WINDOW_IN * places < 1 << days)


def unreported(window: Sequence[Day]) -> dict[Place, pb.SignalFigures]:
    """The places of which too little is reported; none before the window is full."""
    if len(window) < UNREPORTED_DAYS:
        return {}
    sums: dict[Place, list[int]] = {}
    for _, places in window:
        for place, one in places.items():
            if place.scope in _REPORTING and one.people >= LEAST_PUPILS and one.offered:
                held = sums.setdefault(place, [0] * 5)
                missing = one.reported < one.offered
                for i, add in enumerate((1, missing, one.offered, one.reported, one.people)):
                    held[i] += add
    return {
        place: pb.SignalFigures(
            window_first_day=window[0][0],
            window_last_day=window[-1][0],
            window_days=number,
            days_for=missing,
            pupils=_average(people, number),
            offered=offered,
            reported=reported,
        )
        for place, (number, missing, offered, reported, people) in sums.items()
        if missing >= LEAST_DAYS_MISSING and 1000 * reported < LEAST_REPORTED * offered
    }


def _average(total: int, number: int) -> int:
    """Rounded, half up."""
    return (2 * total + number) // (2 * number)
