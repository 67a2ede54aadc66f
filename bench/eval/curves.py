"""Trade-off curves: every threshold of every rule, followed evening by evening at once.

The sums of an evening are made once and compared with all thresholds; per threshold
only what the score needs is kept: when each pupil's term was first warned of, whether
a warning stood over from the term before, and the first warning at or after a pattern's
onset. Counted as :mod:`bench.eval.score` counts; a test holds the two together.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from bench.eval.feed import Feed
from bench.eval.registers import Registers
from bench.eval.rules import Evening, Rule, Values, term_column
from bench.eval.score import NEVER_LEAD, PATTERN_WITHIN, Spell, long_enough
from bench.eval.truth import PupilTerm

FAMILY = "any"
NOTHING = -1
_LATEST = np.iinfo(np.int32).max
Spells = dict[str, list[Spell]]
_RUN_BY = 7


@dataclass(slots=True)
class Counts:
    """One threshold's outcome; several years' add up."""

    terms: int = 0
    raised: int = 0
    leads: list[int] = field(default_factory=list)
    """One for each positive; ``hits`` of them were warned of by the crossing."""
    hits: int = 0
    negatives: int = 0
    alarms: int = 0
    delays: list[int | None] = field(default_factory=list)
    runs: int = 0
    runs_found: int = 0

    def add(self, other: Counts) -> None:
        """Take another year's."""
        self.terms += other.terms
        self.raised += other.raised
        self.leads += other.leads
        self.hits += other.hits
        self.negatives += other.negatives
        self.alarms += other.alarms
        self.delays += other.delays
        self.runs += other.runs
        self.runs_found += other.runs_found


Curves = dict[str, dict[float, Counts]]
"""By rule and threshold."""


@dataclass(slots=True)
class Followed:
    """What one pass over a feed gave: curves, and the spells of rules that others use."""

    curves: Curves
    spells: dict[str, Spells]


def follow(
    feed: Feed, rules: Sequence[Rule], terms: Sequence[PupilTerm], school_of: Mapping[str, str]
) -> Followed:
    """Look every evening; ``school_of`` names each pupil's school, by its name in the truth."""
    registers = Registers(feed.pupils, feed.days)
    names = list(feed.pupils.values())
    schools = {unit: number for number, unit in enumerate(sorted(set(school_of.values())))}
    school = np.array([schools.get(school_of.get(name, ""), 0) for name in names], np.int64)
    truth = _Truth(names, feed.days, terms)
    sweeps = [_Sweep(rule, names, truth) for rule in rules]
    for evening in feed.evenings():
        for _, fact in evening.facts:
            registers.take(fact)
        upto = sum(1 for day in feed.days if day <= evening.day)
        if not upto:
            continue
        term = term_column(feed.days, evening.day)
        look = Evening(registers, feed.days, evening.day, upto, term, school)
        for sweep in sweeps:
            sweep.look(look, sweep.rule.value(look))
    return Followed(
        {sweep.rule.name: sweep.counts() for sweep in sweeps},
        {sweep.rule.name: sweep.spells() for sweep in sweeps if sweep.rule.own is not None},
    )


class _Truth:
    """The truth by the feed's rows and columns."""

    def __init__(
        self, names: Sequence[str], days: Sequence[date], terms: Sequence[PupilTerm]
    ) -> None:
        row_of = {name: row for row, name in enumerate(names)}
        self.days = days
        self._ordinals = [day.toordinal() for day in days]
        self.terms = [
            (row_of[term.year.pupil], term) for term in terms if term.year.pupil in row_of
        ]
        self.unknown = [term for term in terms if term.year.pupil not in row_of]
        first_of = {term_column(days, day) for day in days}
        self.first_columns = sorted(first_of)
        self.place = np.zeros((len(names), len(days) + 1), np.int16)
        self.onset = np.full(len(names), _LATEST, np.int64)
        seen: set[str] = set()
        for row, term in self.terms:
            year = term.year
            if year.pupil not in seen:
                seen.add(year.pupil)
                ordinals = [day.toordinal() for day in year.days]
                self.place[row, :-1] = np.searchsorted(ordinals, self._ordinals)
                self.place[row, -1] = len(ordinals)
            if term.onset is not None:
                onset = year.days[term.first + term.onset]
                self.onset[row] = self.column(onset)

    def column(self, day: date) -> int:
        """The first school day of the feed that is not before ``day``."""
        return bisect_left(self._ordinals, day.toordinal())

    def term_of(self, column: int) -> int:
        """Which of the feed's terms a column lies in; what comes after the last is of the last."""
        return max(0, int(np.searchsorted(self.first_columns, column, side="right")) - 1)


class _Sweep:
    """One rule's thresholds, side by side: arrays are [threshold, pupil] or [term, …]."""

    def __init__(self, rule: Rule, names: Sequence[str], truth: _Truth) -> None:
        self.rule, self._names, self._truth = rule, names, truth
        self._thresholds = np.array(rule.thresholds)[:, None]
        shape = (len(rule.thresholds), len(names))
        terms = len(truth.first_columns)
        self._holds = np.zeros(shape, np.bool_)
        self._first = np.full((terms, *shape), NOTHING, np.int16)
        self._times = np.zeros((terms, *shape), np.int16)
        self._carried = np.zeros((terms, *shape), np.bool_)
        self._after = np.full(shape, NOTHING, np.int16)
        self._own = None if rule.own is None else rule.thresholds.index(rule.own)
        self._standing: dict[int, date] = {}
        self._spells: Spells = {}

    def look(self, evening: Evening, value: Values | None) -> None:
        """One evening; ``value`` None where the rule does not look."""
        # A weekend's warning is read on the next school day.
        column = evening.upto - 1 if evening.school_day else evening.upto
        last = len(self._truth.days) - 1
        between = not evening.school_day and (column > last or column in self._truth.first_columns)
        term = NOTHING if between else self._truth.term_of(column)
        before = self._holds
        if value is not None:
            now = value[None, :] >= self._thresholds
            if self._own is not None:
                self._note(now[self._own], before[self._own], evening.today)
            self._take(now, before, column, term)
            self._holds = now
        if column in self._truth.first_columns and evening.school_day:
            self._carried[term] = before & self._holds

    def _take(
        self, now: NDArray[np.bool_], before: NDArray[np.bool_], column: int, term: int
    ) -> None:
        if term != NOTHING:
            raised = now & ~before
            fresh = raised & (self._first[term] == NOTHING)
            self._first[term][fresh] = column
            self._times[term] += raised
        onset = self._truth.onset[None, :]
        open_ = (self._after == NOTHING) & (onset <= column)
        stood = open_ & before & (onset < column)
        self._after[stood] = np.broadcast_to(onset, stood.shape)[stood]
        self._after[open_ & ~stood & now] = column

    def _note(self, now: NDArray[np.bool_], before: NDArray[np.bool_], today: date) -> None:
        for row in np.flatnonzero(now & ~before).tolist():
            self._standing[row] = today
        for row in np.flatnonzero(before & ~now).tolist():
            raised = self._standing.pop(row)
            self._spells.setdefault(self._names[row], []).append(Spell(FAMILY, raised, today))

    def spells(self) -> Spells:
        """Of the threshold that others use; those that stand at the end included."""
        found = {name: list(some) for name, some in self._spells.items()}
        for row, raised in self._standing.items():
            found.setdefault(self._names[row], []).append(Spell(FAMILY, raised))
        return found

    def counts(self) -> dict[float, Counts]:
        """The outcome of each threshold."""
        # A warning that stands still at the end has stood since the onset.
        stood = (self._after == NOTHING) & self._holds
        stood &= self._truth.onset[None, :] < len(self._truth.days)
        onset = np.broadcast_to(self._truth.onset[None, :], stood.shape)
        self._after[stood] = onset[stood]
        return {
            threshold: self._count(index) for index, threshold in enumerate(self.rule.thresholds)
        }

    def _count(self, index: int) -> Counts:
        found = Counts()
        first, carried, times = (
            self._first[:, index],
            self._carried[:, index],
            self._times[:, index],
        )
        after, place = self._after[index], self._truth.place
        for row, term in self._truth.terms:
            year = term.year
            nth = self._truth.term_of(self._truth.column(year.days[term.first]))
            seen = int(first[nth, row])
            raised = None if seen == NOTHING else int(place[row, seen]) - term.first
            over = bool(carried[nth, row])
            found.terms += 1
            found.raised += int(times[nth, row])
            if term.crossing is not None:
                found.hits += over or (raised is not None and raised <= term.crossing)
                if raised is not None and (not over or raised < term.crossing):
                    found.leads.append(term.crossing - raised)
                else:
                    found.leads.append(0 if over else NEVER_LEAD)
            if term.negative:
                found.negatives += 1
                found.alarms += raised is not None
            if term.onset is not None and long_enough(term):
                at = int(after[row])
                begun = term.first + term.onset
                found.delays.append(None if at == NOTHING else max(0, int(place[row, at]) - begun))
            if term.run is not None:
                found.runs += 1
                by = term.run + _RUN_BY - 1
                found.runs_found += over or (raised is not None and raised <= by)
        for term in self._truth.unknown:
            _unwarned(found, term)
        return found


def _unwarned(found: Counts, term: PupilTerm) -> None:
    """A pupil that no register names: nobody can have been warned."""
    found.terms += 1
    if term.crossing is not None:
        found.leads.append(NEVER_LEAD)
    found.negatives += term.negative
    found.runs += term.run is not None
    if term.onset is not None and long_enough(term):
        found.delays.append(None)


def pooled(several: Iterable[Curves]) -> Curves:
    """Several years' curves as one."""
    found: Curves = {}
    for curves in several:
        for name, by_threshold in curves.items():
            into = found.setdefault(name, {})
            for threshold, counts in by_threshold.items():
                into.setdefault(threshold, Counts()).add(counts)
    return found


def in_time(counts: Counts) -> int:
    """How many patterns were warned of within 20 school days."""
    return sum(delay is not None and delay <= PATTERN_WITHIN for delay in counts.delays)
