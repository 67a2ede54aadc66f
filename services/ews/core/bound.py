"""Rules bound to the calendar: judged at a date, not day by day.

Borås compares with its thresholds on 30 November and 30 April and at each
month's end ("avstämning 30 november respektive 30 april"; "under en
kalendermånad"). Such a rule is judged once for each date, on the first of the
pupil's school days on or after it; for a month's end on the first school day
after the month. Its window ends with the date, so what happens between the date
and the day on which the rule is judged counts for nothing. On other days the
rule is not judged.

Whether anything was reported on the day of judging does not matter, only what
was in the window: a date does not pass unjudged because a register is late.
Where several dates have the same first school day after them each is judged,
and the strongest verdict is the day's. A date that no school day of the school
year follows is not judged; so the end of June never is.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from services.ews.core import calendar

Ints = NDArray[np.int64]
Dates = tuple[tuple[int, int], ...]
"""Month and day; empty for the end of every month."""


@lru_cache(maxsize=256)
def tally_days(judged: Dates, year: int) -> tuple[tuple[int, int], ...]:
    """The school year's dates, in order: (the earliest day of judging, the window's last day)."""
    if not judged:
        firsts = [
            calendar.as_day(date(year + (month < 7), month, 1))  # a month begins: one has ended
            for month in range(1, 13)
        ]
        return tuple(sorted((first, first - 1) for first in firsts if first > min(firsts)))
    days = [
        calendar.as_day(date(year + (month < 7), month, number)) for month, number in set(judged)
    ]
    return tuple((one, one) for one in sorted(days))


def tallies(judged: Dates, axis: Ints, out: int) -> tuple[Ints, Ints]:
    """Where on the axis of school days the rule is judged, and where its windows end.

    ``places`` are places of the axis from ``out`` on, ascending; ``ends`` the last
    day of each window.
    """
    if not len(axis):
        return _NONE, _NONE
    days = np.array(tally_days(judged, calendar.school_year(int(axis[0]))), np.int64)
    places = np.searchsorted(axis, days[:, 0])
    there = (places >= out) & (places < len(axis))
    return places[there], days[there, 1]


_NONE: Ints = np.zeros(0, np.int64)
