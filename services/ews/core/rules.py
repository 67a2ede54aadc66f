"""Whether a family's rules fire, for many pupils and days at once.

Everything is counted in whole numbers, so that a value that lies on a threshold
is judged exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.ews.core import bound, change, days, patterns
from services.ews.core.look import Counting, Ints, Look, first_in_window
from services.ews.core.rule import NOTED, PATTERNS, Measure, Rule, Span, Window

NOT_JUDGED, CALM, BETWEEN, FIRES = range(4)
"""A rule's verdict on one school day; see :class:`services.ews.core.rule.Rule`."""

Codes = NDArray[np.int8]
_TERM = Window(Span.TERM)


def verdicts(rule: Rule, look: Look, run: Ints | None) -> Codes:
    """The rule's verdict for each judged day and pupil; ``run`` is for the rules about runs."""
    if run is not None:
        codes = _codes(run >= rule.least, run < rule.calm_below)
        codes *= look.said
        return _members(rule, look, codes)
    if rule.judged is not None:
        return _at_dates(rule, look)
    return _verdicts(rule, look)


def _at_dates(rule: Rule, look: Look) -> Codes:
    """The verdict on the days that dates fall on; of several on one day the strongest."""
    codes = np.zeros(look.said.shape, np.int8)
    places = look.ending(rule.judged or ()).at
    if len(places):
        np.maximum.at(codes, places - look.at[0], at_each_date(rule, look))
    return codes


def at_each_date(rule: Rule, look: Look) -> Codes:
    """The verdict for each of the dates that fall on the days judged: [date, pupil]."""
    return _verdicts(rule, look.ending(rule.judged or ()))


def _verdicts(rule: Rule, look: Look) -> Codes:
    if rule.measure in NOTED:
        return codes_of(rule, look, look.noted_in(rule.window, rule.measure))
    window = look.window(rule.window)
    said = window[:, days.REPORTED]
    known: days.Mask | None = None
    if rule.measure is Measure.CHANGE:
        absent = look.minutes(rule.window, rule.metric)
        fires, calm, known = change.compare(
            rule, look.totals[rule.metric, False], look.first(rule.window), absent, said
        )
    elif rule.measure is Measure.SHARE:
        value, whole = look.minutes(rule.window, rule.metric), said
        if rule.prior_minutes:
            value, whole = value + rule.prior_absent, said + rule.prior_minutes
        if rule.earlier_weight:
            held = look.totals[rule.metric, rule.subtract_waves]
            earlier = rule.earlier_weight * change.before(held, look.first(rule.window))
            value, whole = 100 * value + earlier[:, 0], 100 * whole + earlier[:, 1]
        top, bottom = rule.threshold_ratio
        scaled, limit = value * (100 * bottom), whole * top
        fires = scaled >= limit if rule.inclusive else scaled > limit
        top, bottom = rule.resolve_ratio
        calm = value * (100 * bottom) < whole * top
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
    if rule.min_days_since_first:
        fires &= look.since_first(rule.metric, rule.min_days_since_first)
    codes = _codes(fires, calm)
    codes *= look.said
    if known is not None:
        codes *= known
    codes *= said >= max(rule.min_offered_minutes, 1)
    if rule.min_reporting_rate:
        top, bottom = rule.rate_ratio
        unknown = window[:, days.TIMETABLED] == 0
        codes *= unknown | (said * (100 * bottom) >= window[:, days.OFFERED] * top)
    return _members(rule, look, codes)


def codes_of(rule: Rule, look: Look, value: Ints, known: days.Mask | None = None) -> Codes:
    """The verdicts where the value is a whole number and nothing else is asked."""
    codes = _codes(value >= rule.least, value < rule.calm_below)
    if known is not None:
        codes *= known
    return _members(rule, look, codes)


def _codes(fires: days.Mask, calm: days.Mask) -> Codes:
    """FIRES, CALM or BETWEEN; nothing fires that is below the level at which it would rest."""
    codes: Codes = fires.view(np.int8) - calm.view(np.int8)
    codes += BETWEEN
    return codes


def _members(rule: Rule, look: Look, codes: Codes) -> Codes:
    """Not judged where the pupil has not been a member for long enough."""
    if (
        rule.min_membership_days > 1
        and len(look.after)
        and look.after[0] < rule.min_membership_days
    ):
        codes[look.after < rule.min_membership_days] = NOT_JUDGED
    return codes


def earliest_needed(rules: Sequence[Rule], axis: Ints, out: int) -> int:
    """The first place of the axis that judging the days from ``out`` on looks at."""
    if out >= len(axis):
        return out
    found = out
    counted = [
        rule
        for rule in rules
        if rule.window.span not in (Span.RUN, Span.DAY) and rule.measure is not Measure.TURNING
    ]
    looks = {(rule.window, rule.judged) for rule in counted}
    looks |= {(_TERM, rule.judged) for rule in counted if rule.min_days_since_first}
    for window, judged in looks:
        ends = axis[out : out + 1] if judged is None else bound.tallies(judged, axis, out)[1][:1]
        if len(ends):
            found = min(found, int(first_in_window(window, axis, ends)[0]))
    return found
