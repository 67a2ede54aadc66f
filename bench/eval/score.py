"""Recall, lead and false alarms of anything that warns, against the truth.

What is scored is a set of *spells*: who was warned of what from when to when, by the
day on which it could first be read. A pupil's term is *warned* from the first spell
that is raised in it. A spell carried over from the term before counts as warned, but
earns no lead: whatever was seen then is no foresight now.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import comb, sqrt

from bench.eval.truth import PupilTerm

NEVER_LEAD = -5
"""School days; what a pupil that nobody was warned of counts in the median lead."""
PATTERN_WITHIN = 20
RUN_BY = (5, 7, 10)
_Z = 1.959964
"""Of the normal distribution, for 95 %."""


@dataclass(frozen=True, slots=True)
class Spell:
    """A warning about a pupil. ``cleared`` is the first day on which it no longer stood."""

    family: str
    raised: date
    cleared: date | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % interval, of ``count`` pupils' terms. NaN where there are none."""

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Score:
    """All that is said of one way of warning. Shares are 0 to 1, days are school days."""

    share_recall: Estimate
    share_lead_days: Estimate
    share_false_alarms: Estimate
    """Negative pupil-terms warned of any family, per 100."""
    pattern_recall: Estimate
    pattern_delay_days: Estimate
    run_recall: Mapping[int, Estimate]
    """By the run's day; of the families that are about runs."""
    run_false_alarms: Estimate
    changes_per_pupil_term: Estimate
    """Raised, escalated, resolved and withdrawn; of a rule without levels raised and cleared."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A pupil's term and what was told about the pupil in that school year."""

    term: PupilTerm
    spells: Sequence[Spell]
    changes: Sequence[date] | None = None
    """The days of every change of state; None: those on which a spell was raised or cleared."""


def score(
    entries: Iterable[Entry], *, families: Collection[str], run_families: Collection[str]
) -> Score:
    """Score what was told by these families; ``run_families`` are those that are about runs."""
    entries = list(entries)
    mine = [(one.term, one.spells) for one in entries]
    every = [(term, _Seen(term, some, families)) for term, some in mine]
    runs = [(term, _Seen(term, some, run_families)) for term, some in mine]
    leads = [
        NEVER_LEAD if (lead := seen.lead(term.crossing)) is None else lead
        for term, seen in every
        if term.crossing is not None
    ]
    hits = [seen.by(term.crossing) for term, seen in every if term.crossing is not None]
    alarms = [seen.raised is not None for term, seen in every if term.negative]
    delays = [
        seen.delay(term.onset)
        for term, seen in every
        if term.onset is not None and long_enough(term)
    ]
    return Score(
        share_recall=proportion(hits),
        share_lead_days=median(leads),
        share_false_alarms=proportion(alarms, per=100),
        pattern_recall=proportion(
            [delay is not None and delay <= PATTERN_WITHIN for delay in delays]
        ),
        pattern_delay_days=median([FAR if delay is None else delay for delay in delays]),
        run_recall={
            day: proportion(
                [seen.by(term.run + day - 1) for term, seen in runs if term.run is not None]
            )
            for day in RUN_BY
        },
        run_false_alarms=proportion(
            [seen.raised is not None for term, seen in runs if term.negative], per=100
        ),
        changes_per_pupil_term=mean([_changes(one, families) for one in entries]),
    )


def _changes(entry: Entry, families: Collection[str]) -> int:
    """Changes of state within the term."""
    days = entry.changes
    if days is None:
        mine = [one for one in entry.spells if one.family in families]
        days = [day for one in mine for day in (one.raised, one.cleared) if day is not None]
    return sum(within(entry.term, day) for day in days)


def within(term: PupilTerm, day: date) -> bool:
    """Whether a day is the term's; each day of a year belongs to exactly one."""
    days, after = term.year.days, term.first + term.length
    return (not term.first or days[term.first] <= day) and (after == len(days) or day < days[after])


FAR = 400
"""School days; longer than any delay. What a pattern that was never warned of counts."""


def long_enough(term: PupilTerm) -> bool:
    """Whether there were days enough after the onset for a warning to come in time."""
    assert term.onset is not None  # asked for terms with an onset only
    return term.first + term.onset + PATTERN_WITHIN < len(term.year.days)


class _Seen:
    """When a pupil's term was warned of, as places among the term's school days."""

    def __init__(self, term: PupilTerm, spells: Sequence[Spell], families: Collection[str]) -> None:
        days = term.year.days[term.first : term.first + term.length]
        after = days[-1]
        mine = [one for one in spells if one.family in families]
        raised = [one.raised for one in mine if days[0] <= one.raised <= after]
        self.raised = bisect_left(days, min(raised)) if raised else None
        self.carried = any(
            one.raised < days[0] and (one.cleared is None or one.cleared > days[0]) for one in mine
        )
        year = term.year.days
        self._first = term.first
        self._spells = [
            (
                bisect_left(year, one.raised),
                len(year) if one.cleared is None else bisect_left(year, one.cleared),
            )
            for one in mine
        ]

    def by(self, place: int) -> bool:
        """Whether the warning could be read by the end of that day."""
        return self.carried or (self.raised is not None and self.raised <= place)

    def lead(self, crossing: int) -> int | None:
        """School days between the warning and the crossing; None where nobody was warned."""
        if self.raised is not None and (not self.carried or self.raised < crossing):
            return crossing - self.raised
        return 0 if self.carried else None

    def delay(self, onset: int) -> int | None:
        """School days from the onset to the first warning that stood then or came after."""
        at = self._first + onset
        standing = [max(raised, at) - at for raised, cleared in self._spells if cleared > at]
        return min(standing, default=None)


def proportion(outcomes: Sequence[bool], per: int = 1) -> Estimate:
    """How often it was so, with Wilson's interval (JASA 22, 1927)."""
    count, hits = len(outcomes), sum(outcomes)
    if not count:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    share = hits / count
    centre = (share + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = _Z * sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2)) / (1 + _Z**2 / count)
    return Estimate(
        per * share, per * max(0.0, centre - half), per * min(1.0, centre + half), count
    )


def mean(values: Sequence[float]) -> Estimate:
    """The mean, with the normal approximation's interval."""
    count = len(values)
    if not count:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    middle = sum(values) / count
    spread = sum((value - middle) ** 2 for value in values) / max(count - 1, 1)
    half = _Z * sqrt(spread / count)
    return Estimate(middle, middle - half, middle + half, count)


def median(values: Sequence[float]) -> Estimate:
    """The middle value, with the interval that order statistics give (binomial, 95 %)."""
    ordered = sorted(values)
    count = len(ordered)
    if not count:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    middle = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
    rank = _rank(count)
    return Estimate(middle, ordered[rank], ordered[count - 1 - rank], count)


def _rank(count: int) -> int:
    """The largest place from either end outside which at most 2.5 % of the chance lies."""
    if count > 200:
        return max(0, int(count / 2 - _Z * sqrt(count) / 2))
    tail, rank = 0, 0
    while rank < count // 2:
        tail += comb(count, rank)
        if tail > 0.025 * 2**count:
            break
        rank += 1
    return max(0, rank - 1)
