"""Change: how many times a pupil's own baseline the absence of a window is.

The baseline is the share of absence on all of the pupil's school days of the
school year before the window, shrunk towards a share that is usual:

    baseline = (absent + prior_share * prior_minutes) / (reported + prior_minutes)
    value    = (share in the window) / baseline

This is the posterior mean of a beta-binomial model whose prior is worth
``prior_minutes`` minutes of teaching, a parametric empirical Bayes estimate
(C. N. Morris, "Parametric empirical Bayes inference: theory and applications",
Journal of the American Statistical Association 78, 1983, 47-55). Without
shrinkage a pupil who had hardly been away would rise without bound by missing a
lesson, and one with few reported days would be compared with chance. With it
the value is moderate where little is known and nears the plain ratio as school
days add up; and a pupil who is rising is seen while the share itself is still
below every threshold that holds for all.

Where nothing was reported before the window there is no baseline of the pupil's
own, and the rule is not judged. It fires only where the share in the window is
also higher than the pupil's own share before it, as it stands: what is not a
rise is not called one because the prior is low. All of it is whole numbers: minutes times
minutes, so that a value on the threshold is judged exactly. The largest product
is below 10**18 (a year has fewer than 530,000 minutes of lessons).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.ews.core.rule import Measure, Metric, Rule

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Totals = NDArray[np.int32]
"""[school day, 2, pupil]: minutes absent and reported from the year's first day up to this one."""

Key = tuple[Metric, bool]
"""What totals are of: a metric, and whether waves are taken out."""


def key(rule: Rule) -> Key | None:
    """The totals that the rule looks at; None where it looks at none."""
    if rule.measure is Measure.CHANGE or rule.earlier_weight:
        return rule.metric, rule.subtract_waves
    return None


def summed(absent: Ints, said: Ints, upto: Totals | None = None) -> Totals:
    """The totals of minutes [day, pupil], going on from those of the days before."""
    new: Totals = np.cumsum(np.stack((absent, said), axis=1), axis=0, dtype=np.int32)
    if upto is not None and len(upto):
        new += upto[-1]
        return np.concatenate((upto, new))
    return new


def before(totals: Totals, first: Ints) -> Ints:
    """What was before each of the places ``first``: [place, 2, pupil]."""
    found = totals[np.maximum(first - 1, 0)].astype(np.int64)
    found[first == 0] = 0
    return found


def compare(
    rule: Rule, totals: Totals, first: Ints, absent: Ints, said: Ints
) -> tuple[Mask, Mask, Mask]:
    """Whether the rule fires, is calm, and has a baseline to judge by: each [day, pupil].

    ``first`` are the first places of the windows, ``absent`` and ``said`` the
    minutes in them, absent of the rule's metric and reported.
    """
    earlier = before(totals, first)
    value = absent * (earlier[:, 1] + rule.prior_minutes)
    baseline = said * (earlier[:, 0] + rule.prior_absent)
    top, bottom = rule.threshold_ratio
    scaled, limit = value * bottom, baseline * top
    fires = scaled >= limit if rule.inclusive else scaled > limit
    fires &= absent * earlier[:, 1] > said * earlier[:, 0]
    top, bottom = rule.resolve_ratio
    return fires, value * bottom < baseline * top, earlier[:, 1] > 0
