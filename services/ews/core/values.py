"""The figures of an episode that its window's plain sums do not hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forvarning.warnings.v1.warnings_pb2 import Figures
from services.ews.core import bound, change, days, reports, rules
from services.ews.core.bucket import Bucket
from services.ews.core.look import Ints, Look, minutes, of_metric
from services.ews.core.pupils import Pupil
from services.ews.core.rule import Rule


def end(bucket: Bucket, row: int, sums: Ints, axis: Sequence[int], rule: Rule) -> int:
    """The date that the last of the school days is judged for: the last that made it fire.

    ``sums`` is [school day, field], as the rule sees them.
    """
    school_days = np.array(axis)
    _, ends = bound.tallies(rule.judged or (), school_days, len(axis) - 1)
    own = sums[:, :, None].astype(np.int16)
    one = Look(school_days, own, 0, len(axis) - 1, bucket.marks, np.array([row]))
    pupil = bucket.pupils[row]
    one.noted = lambda measure, place: reports.daily(measure, [pupil], school_days, place)
    if (key := change.key(rule)) is not None:
        absent = minutes(sums[:, :, None], rule.metric)
        one.totals[key] = change.summed(absent, sums[:, days.REPORTED, None])
    codes = rules.at_each_date(rule, one)[:, 0]
    return int(ends[codes == codes.max()][-1])


def change_against(figures: Figures, rule: Rule, before: Ints, absent: int) -> None:
    """The value of a change, and the pupil's own figures that it is measured by."""
    _earlier(figures, rule, before)
    figures.value = (absent * (figures.baseline_reported + rule.prior_minutes)) / (
        figures.reported * (figures.baseline_absent + rule.prior_absent)
    )


def weigh(figures: Figures, rule: Rule, before: Ints, absent: int) -> None:
    """What a share comes to, in per cent, where more than the window is weighed.

    See services.ews.core.rule.Rule. What is counted of ``before`` the window is told.
    """
    if rule.earlier_weight:
        _earlier(figures, rule, before)
    elif not rule.prior_minutes:
        return
    weight = rule.earlier_weight
    away = 100 * (absent + rule.prior_absent) + weight * figures.baseline_absent
    said = 100 * (figures.reported + rule.prior_minutes) + weight * figures.baseline_reported
    figures.weighed = 100.0 * away / said


def _earlier(figures: Figures, rule: Rule, before: Ints) -> None:
    """The pupil's own minutes on the school days ``before`` the window."""
    said, away = 0, 0
    for day in before[:, : days.CONFIRMED + 1].tolist():
        said += day[days.REPORTED]
        away += of_metric(rule.metric, *day[days.VALID :])
    figures.baseline_reported, figures.baseline_absent = said, away


def noted(pupil: Pupil, axis: Sequence[int], first: int, rule: Rule) -> list[int]:
    """What notices tell of each school day of the window."""
    told = reports.daily(rule.measure, [pupil], np.array(axis), first)
    return [int(one) for one in told[:, 0]]
