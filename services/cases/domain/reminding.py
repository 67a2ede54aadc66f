"""On which days somebody is told that something is to be done, and that it is late. Pure."""

from __future__ import annotations

from datetime import date

from services.cases.domain.workdays import is_working_day, working_day_before


def tells(due: date, today: date) -> bool:
    """On the day itself, on the first arbetsdag after it, and then on each week's first arbetsdag.

    Never on a day off: what was due on one is told on the next arbetsdag. The list on the page has
    it every day.
    """
    if not is_working_day(today) or due > today:
        return False
    before = working_day_before(today)
    # Since yesterday's round: due today, or due on the arbetsdag before or on a day off since.
    return due >= before or before.isocalendar()[:2] != today.isocalendar()[:2]
