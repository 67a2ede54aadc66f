"""What a pupil's notices tell beside explaining absence: leave days and unusual reports.

**Leave days** are the school days that granted leave touches, from the local day
on which it begins to the one in whose course it ends, whether the pupil had
lessons then or not; a notice taken back touches none. Beyond ten days a school
year leave may no longer be granted on the principal's behalf, and never without
exceptional reasons (skollagen 2010:800, 7 kap. 18 §).

**Unusual reports** are absence reports made in another way than the home's
reports are made. One that staff made never is, nor one taken back. Another is

- where the pupil reported it, in a school form with skolplikt (skolförordningen
  2011:185, 4 kap. 8 §: it is for the home to report); or
- where its account is none of those that made the pupil's earlier reports of the
  school year, of which there are at least three. Earlier is by start: of those
  that begin together none is. Only reports whose account is known count, on either side.

It asks nothing about who: the system knows accounts, not hands, and a second
guardian who reports for the first time looks the same. Danderyd's Åtgärdstrappan
lets the school think of it ("Tänk på": does the pupil report absence with a
guardian's login?). A report counts on the first of the pupil's school days on or
after the local day on which it begins.

Both are what notices say and not registers, so they are judged on every closed
school day, reported or not. What they count follows from the set of notices and
placements alone, in whatever order these came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forvarning.facts.v1 import facts_pb2 as facts
from services.ews.core import calendar
from services.ews.core.rule import Measure

if TYPE_CHECKING:
    from services.ews.core.pupils import Pupil

Ints = NDArray[np.int64]
FormOn = Callable[[int], int]
"""The pupil's school form on a day, 0 where it is not known."""

COMPULSORY = frozenset(
    (
        facts.SCHOOL_FORM_PRESCHOOL_CLASS,
        facts.SCHOOL_FORM_COMPULSORY,
        facts.SCHOOL_FORM_ADAPTED_COMPULSORY,
        facts.SCHOOL_FORM_SPECIAL,
        facts.SCHOOL_FORM_SAMI,
    )
)
"""The school forms with skolplikt (skollagen 7 kap. 4 §)."""
_ENOUGH = 3
"""So many reports from known accounts make a habit."""


def local_days(notice: facts.Notice) -> tuple[int, int]:
    """The first and the last local day that the notice touches."""
    first = calendar.day_of_instant(notice.start_unix_s)
    return first, max(first, calendar.day_of_instant(notice.end_unix_s - 1))


def begins(first: int, last: int) -> list[int]:
    """The first of the days in each of the school years that they lie in."""
    years = range(calendar.school_year(first), calendar.school_year(last) + 1)
    return [max(first, calendar.year_start(year)) for year in years]


def leave(notices: Iterable[facts.Notice]) -> tuple[tuple[int, int], ...]:
    """The first and last local day of every granted leave that stands."""
    return tuple(
        sorted(
            local_days(one)
            for one in notices
            if one.kind == facts.NOTICE_KIND_LEAVE and not one.deleted
        )
    )


def unusual(notices: Iterable[facts.Notice], form_on: FormOn) -> tuple[int, ...]:
    """The local days on which unusual reports begin, one for each of them, in order."""
    reports = sorted(
        (
            one
            for one in notices
            if one.kind == facts.NOTICE_KIND_ABSENCE_REPORT
            and not one.deleted
            and one.reported_by != facts.REPORTED_BY_STAFF
        ),
        key=lambda one: one.start_unix_s,
    )
    found: list[int] = []
    year = start = -1
    earlier: list[bytes] = []
    at_once: list[bytes] = []
    for one in reports:
        day = calendar.day_of_instant(one.start_unix_s)
        if one.start_unix_s != start:
            # Of reports that begin together none is earlier than another.
            start = one.start_unix_s
            earlier.extend(at_once)
            at_once.clear()
        if calendar.school_year(day) != year:
            year, earlier = calendar.school_year(day), []
        account = one.reporter_id
        strange = bool(account) and len(earlier) >= _ENOUGH and account not in earlier
        if strange or (one.reported_by == facts.REPORTED_BY_PUPIL and form_on(day) in COMPULSORY):
            found.append(day)
        if account:
            at_once.append(account)
    return tuple(found)


def daily(measure: Measure, pupils: Iterable[Pupil], axis: Ints, start: int) -> Ints:
    """What the notices tell of the school days ``axis[start:]``: [day, pupil]."""
    columns = list(pupils)
    found = np.zeros((len(axis) - start, len(columns)), np.int64)
    for column, pupil in enumerate(columns):
        if not pupil.notices:
            continue
        if measure is Measure.LEAVE_DAYS:
            for first, last in pupil.leave_days():
                low, high = np.searchsorted(axis, (first, last + 1))
                found[max(low - start, 0) : max(high - start, 0), column] = 1
            continue
        for day in pupil.unusual_reports():
            if len(axis) and calendar.school_year(day) == calendar.school_year(int(axis[0])):
                place = int(np.searchsorted(axis, day)) - start
                if 0 <= place < len(found):
                    found[place, column] += 1
    return found
