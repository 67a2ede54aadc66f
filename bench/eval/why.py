"""Figures that say why the others are as they are: what changes are made of, and the pupils."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from bench.eval.curves import FAMILY, Spells
from bench.eval.engine import CHANGES
from bench.eval.score import Entry, proportion, score, within
from bench.eval.truth import PupilTerm
from bench.eval.years import CASE_FAMILIES, Year

FIRST_WEEKS = 20
"""School days of a term in which little is known of anybody."""
Flat = dict[str, float]


def explained(years: Sequence[Year]) -> Flat:
    """By name; NaN where there is nobody of whom it could be said."""
    return changes(years) | over_new_year(years) | _others(years)


def changes(years: Sequence[Year]) -> Flat:
    """What the changes of state are, per pupil-term; and of how many terms any is a raise."""
    count = max(sum(len(year.terms) for year in years), 1)
    made: Counter[tuple[str, str]] = Counter()
    for year in years:
        made.update(year.told.kinds)
    found: Flat = {}
    for kind in CHANGES.values():
        found[f"changes_{kind}"] = sum(n for (_, one), n in made.items() if one == kind) / count
    for family in CASE_FAMILIES:
        found[f"changes_of_{family}"] = (
            sum(n for (one, _), n in made.items() if one == family) / count
        )
    warned = [
        bool(_raised(term, year.told.spells, CASE_FAMILIES))
        for year in years
        for term in year.terms
    ]
    return found | {"warned_terms_percent": proportion(warned, per=100).value}


def over_new_year(years: Sequence[Year]) -> Flat:
    """How many of the springs that missed 15 % follow on an autumn that did."""
    autumns = {
        (year.name, term.year.pupil): term
        for year in years
        for term in year.terms
        if not term.first
    }
    again = [
        before.crossing is not None
        for year in years
        for term in year.terms
        if term.first
        and term.crossing is not None
        and (before := autumns.get((year.name, term.year.pupil))) is not None
    ]
    return {"springs_again_percent": proportion(again, per=100).value}


def _others(years: Sequence[Year]) -> Flat:
    """Of each other way: the lead in autumns, and how many false alarms come early in a term."""
    found: Flat = {}
    for way in years[0].others:
        autumns = [
            Entry(term, year.others[way].get(term.year.pupil, ()))
            for year in years
            for term in year.terms
            if not term.first
        ]
        first = [
            first
            for year in years
            for term in year.terms
            if term.negative and (first := _raised(term, year.others[way], (FAMILY,)))
        ]
        found[f"{way}_autumn_lead_days"] = (
            score(autumns, families=(FAMILY,), run_families=(FAMILY,)).share_lead_days.value
            if autumns
            else math.nan
        )
        found[f"{way}_early_false_alarms_percent"] = proportion(
            [place <= FIRST_WEEKS for place in first], per=100
        ).value
    return found


def _raised(term: PupilTerm, spells: Spells, families: Sequence[str]) -> int:
    """On which school day of the term, from 1, a warning was first raised; 0 for never."""
    days = [
        spell.raised
        for spell in spells.get(term.year.pupil, ())
        if spell.family in families and within(term, spell.raised)
    ]
    if not days:
        return 0
    own = term.year.days[term.first : term.first + term.length]
    return max(1, sum(1 for day in own if day <= min(days)))
