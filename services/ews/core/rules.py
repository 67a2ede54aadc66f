"""Whether a family's rules fire, for many pupils and days at once.

Everything is counted in whole numbers, so that a value that lies on a threshold
is judged exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.ews.core import days, patterns
from services.ews.core.look import Counting, Ints, Look, first_in_window
from services.ews.core.rule import PATTERNS, Measure, Rule, Span

NOT_JUDGED, CALM, BETWEEN, FIRES = range(4)
"""A rule's verdict on one school day; see :class:`services.ews.core.rule.Rule`."""

Codes = NDArray[np.int8]


def verdicts(rule: Rule, look: Look, run: Ints | None) -> Codes:
    """The rule's verdict for each judged day and pupil; ``run`` is for the rules about runs."""
    if run is not None:
        codes = _codes(run >= rule.least, run < rule.calm_below)
        codes *= look.said
        return _members(rule, look, codes)
    window = look.window(rule.window)
    said = window[:, days.REPORTED]
    if rule.measure is Measure.SHARE:
        value = look.minutes(rule.window, rule.metric)
        top, bottom = rule.threshold_ratio
        scaled, limit = value * (100 * bottom), said * top
        fires = scaled >= limit if rule.inclusive else scaled > limit
        top, bottom = rule.resolve_ratio
        calm = value * (100 * bottom) < said * top
    elif rule.measure in PATTERNS:
        fires, calm = patterns.verdict(rule, look)
    else:
        if rule.measure is Measure.MINUTES:
            value = look.minutes(rule.window, rule.metric)
        else:
            counting = Counting(rule.measure, rule.metric, rule.day_ratio)
            value = look.count(rule.window, counting)
        fires, calm = value >= rule.least, value < rule.calm_below
    if rule.min_absence_minutes:
        fires &= look.minutes(rule.window, rule.metric) >= rule.min_absence_minutes
    if rule.min_absence_days:
        absent = look.count(rule.window, Counting(Measure.DAYS, rule.metric))
        fires &= absent >= rule.min_absence_days
    if rule.min_occasions:
        occasions = look.count(rule.window, Counting(Measure.OCCASIONS, rule.metric))
        fires &= occasions >= rule.min_occasions
    codes = _codes(fires, calm)
    codes *= look.said
    codes *= said >= max(rule.min_offered_minutes, 1)
    if rule.min_reporting_rate:
        top, bottom = rule.rate_ratio
        unknown = window[:, days.TIMETABLED] == 0
        codes *= unknown | (said * (100 * bottom) >= window[:, days.OFFERED] * top)
    return _members(rule, look, codes)


def _codes(fires: days.Mask, calm: days.Mask) -> Codes:
    """FIRES, CALM or BETWEEN; nothing fires that is below the level at which it would rest."""
    codes: Codes = fires.view(np.int8) - calm.view(np.int8)
    codes += BETWEEN
    return codes


def _members(rule: Rule, look: Look, codes: Codes) -> Codes:
    """Not judged where the pupil has not been a member for long enough."""
    if rule.min_membership_days > 1 and len(look.at) and look.at[0] + 1 < rule.min_membership_days:
        codes[look.at + 1 < rule.min_membership_days] = NOT_JUDGED
    return codes


def earliest_needed(rules: Sequence[Rule], axis: Ints, out: int) -> int:
    """The first place of the axis that judging the days from ``out`` on looks at."""
    if out >= len(axis):
        return out
    at: Ints = np.array([out], np.int64)
    spans = {rule.window for rule in rules if rule.window.span not in (Span.RUN, Span.DAY)}
    return min([out, *(int(first_in_window(one, axis, at)[0]) for one in spans)])
