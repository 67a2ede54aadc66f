"""What a rule that subtracts waves leaves out of a pupil's days (design D8).

On a day with a wave in the pupil's class (in the unit, where the Wave does not
name the class) the pupil's valid absence is taken out of what was offered, what
was reported and what was absent, whether the pupil was away all day or a part
of it. What is left of the day counts as ever: presence, and absence without
valid ground, which a wave never excuses. A day of which nothing reported is
left is a day with nothing reported. For counting stretches, a lesson whose
absence was taken out is one the pupil attended.

Whether there was a wave is known when the Wave is in; the day is judged then,
or at the unit's next DayClosed if that comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.ews.core import days
from services.ews.core.pupils import Place
from services.ews.core.units import Unit

UnitOf = Callable[[bytes], Unit]

_INVALID = 2
"""The place of invalid absence among the four metrics of RUNS and EDGES."""
_KEPT_EDGES = 0b1100_1100
_TOTAL_EDGES = 0b0001_0001


def waved(axis: Sequence[int], places: Sequence[Place], unit_of: UnitOf) -> days.Mask:
    """[day]: whether the class or unit of the day's place had a wave."""
    found: days.Mask = np.zeros(len(axis), bool)
    if any(unit_of(unit_id).wave_days for unit_id in {place.unit_id for place in places}):
        for i, (day, place) in enumerate(zip(axis, places, strict=True)):
            found[i] = unit_of(place.unit_id).has_wave(day, place.class_id)
    return found


def waiting(axis: Sequence[int], places: Sequence[Place], unit_of: UnitOf) -> days.Mask:
    """[day]: whether it is not known yet whether there was a wave."""
    found: days.Mask = np.zeros(len(axis), bool)
    last = {unit_id: unit_of(unit_id) for unit_id in {place.unit_id for place in places}}
    for i, (day, place) in enumerate(zip(axis, places, strict=True)):
        unit = last[place.unit_id]
        found[i] = day == unit.last_told and unit.waits(day)
    return found


def without(sums: NDArray[Any], which: days.Mask) -> NDArray[Any]:
    """A copy of ``sums`` [day, field, ...] with the valid absence of some days taken out."""
    found = sums.copy()
    some = found[which]
    valid = some[:, days.VALID].copy()
    some[:, days.OFFERED] -= valid
    some[:, days.REPORTED] -= valid
    some[:, days.VALID] = 0
    some[:, days.RUNS] = some[:, days.RUNS + _INVALID]
    some[:, days.RUNS + 1] = 0
    edges = some[:, days.EDGES]
    some[:, days.EDGES] = (edges & _KEPT_EDGES) | ((edges >> _INVALID) & _TOTAL_EDGES)
    found[which] = some
    return found
