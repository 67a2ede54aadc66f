"""What the years come to: scores by group, figures by name, tables for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import median

import numpy as np

from bench.eval.curves import FAMILY, Counts, Curves, in_time, pooled
from bench.eval.score import FAR, Entry, Estimate, Score, score
from bench.eval.truth import NEGATIVE_SHARE, POSITIVE_SHARE, WHOLE, PupilTerm
from bench.eval.why import explained
from bench.eval.years import CASE_FAMILIES, Year
from bench.result import Aim

AIMS = (
    Aim("share_recall", ">=", 0.97),
    Aim("share_lead_days", ">=", 28),
    Aim("share_false_alarms", "<=", 7),
    Aim("changes_per_pupil_term", "<=", 0.3),
    Aim("pattern_recall", ">=", 0.9),
    Aim("pattern_delay_days", "<=", 20),
    Aim("run_recall_day7", ">=", 0.99),
    Aim("run_false_alarms", "<=", 1),
    Aim("wave_extra_percent", "<=", 2),
    Aim("noise_cost_percent", "<=", 10),
)
RUN_FAMILIES = ("langvarig",)
ENGINE = "standard"
"""The name of the engine's own line, whatever profile it is given."""
ENOUGH = 20
"""Pupil-terms that a school's figure is of, at least, to be compared with others'."""
BY_SCHOOL = {"share_recall": "high", "share_lead_days": "high", "share_false_alarms": "low"}
PLAIN = (
    "share_recall",
    "share_lead_days",
    "share_false_alarms",
    "changes_per_pupil_term",
    "pattern_recall",
    "pattern_delay_days",
    "run_false_alarms",
)
GROUPS: dict[str, Callable[[PupilTerm], str]] = {
    "kind": lambda term: term.year.kind,
    "sex": lambda term: term.year.sex,
    "newcomer": lambda term: term.year.newcomer,
}
FORTNIGHT = 10
"""School days."""
Flat = dict[str, float]


def engine_score(
    years: Sequence[Year],
    families: Sequence[str] = CASE_FAMILIES,
    chosen: Callable[[PupilTerm], bool] = lambda _: True,
) -> Score:
    """The engine's score over all years, of the chosen terms."""
    told = [
        (term, year.told.spells, year.told.changes)
        for year in years
        for term in year.terms
        if chosen(term)
    ]
    whole = families == CASE_FAMILIES
    return score(
        [
            Entry(
                term,
                spells.get(term.year.pupil, ()),
                changes.get(term.year.pupil, ()) if whole else None,
            )
            for term, spells, changes in told
        ],
        families=families,
        run_families=RUN_FAMILIES if whole else families,
    )


def scores(years: Sequence[Year]) -> dict[str, Score]:
    """The engine's, and every other way's at its own threshold."""
    found = {ENGINE: engine_score(years)}
    for name in years[0].others:
        entries = [
            Entry(term, year.others[name].get(term.year.pupil, ()))
            for year in years
            for term in year.terms
        ]
        found[name] = score(entries, families=(FAMILY,), run_families=(FAMILY,))
    return found


def groups(years: Sequence[Year]) -> dict[str, dict[str, Score]]:
    """The engine's score by family, kind of absence, sex and newcomer status."""
    found = {"family": {family: engine_score(years, (family,)) for family in CASE_FAMILIES}}
    for label, name in GROUPS.items():
        values = sorted({name(term) for year in years for term in year.terms})
        found[label] = {
            value: engine_score(years, chosen=lambda term, v=value, n=name: n(term) == v)  # type: ignore[misc]
            for value in values
        }
    return found


def schools(years: Sequence[Year]) -> dict[str, Score]:
    """The engine's score by year and school."""
    found: dict[str, Score] = {}
    for year in years:
        for unit in sorted({term.year.unit for term in year.terms}):
            found[f"{year.name} {unit}"] = engine_score(
                [year],
                chosen=lambda term, u=unit: term.year.unit == u,  # type: ignore[misc]
            )
    return found


def school_figures(by_school: Mapping[str, Score]) -> Flat:
    """How far schools lie apart: the worst and the best, of those with enough pupils."""
    found: Flat = {"schools": len(by_school)}
    for name, better in BY_SCHOOL.items():
        values = [
            getattr(one, name).value
            for one in by_school.values()
            if getattr(one, name).count >= ENOUGH
        ]
        if values:
            low, high = min(values), max(values)
            found[f"school_{name}_worst"], found[f"school_{name}_best"] = (
                (low, high) if better == "high" else (high, low)
            )
    return found


def flat(one: Score) -> Flat:
    """A score's figures by name, each with its interval."""
    found: Flat = {}
    for name, estimate in estimates(one).items():
        found[name] = estimate.value
        found[f"{name}_low"], found[f"{name}_high"] = estimate.low, estimate.high
    return found


def estimates(one: Score) -> dict[str, Estimate]:
    """A score's estimates by name."""
    named = {name: getattr(one, name) for name in PLAIN}
    return named | {f"run_recall_day{day}": each for day, each in one.run_recall.items()}


def points(curves: Curves) -> dict[str, list[tuple[float, Flat]]]:
    """By rule: each threshold with its figures, in the names of :class:`Score`."""
    return {
        name: [(threshold, _point(counts)) for threshold, counts in sorted(by.items())]
        for name, by in curves.items()
    }


def _point(counts: Counts) -> Flat:
    delays = [FAR if delay is None else delay for delay in counts.delays]
    nothing = float("nan")
    return {
        "share_recall": counts.hits / len(counts.leads) if counts.leads else nothing,
        "share_lead_days": float(median(counts.leads)) if counts.leads else nothing,
        "share_false_alarms": 100 * counts.alarms / counts.negatives
        if counts.negatives
        else nothing,
        "pattern_recall": in_time(counts) / len(delays) if delays else nothing,
        "pattern_delay_days": float(median(delays)) if delays else nothing,
        "run_recall_day7": counts.runs_found / counts.runs if counts.runs else nothing,
        "raises_per_pupil_term": counts.raised / counts.terms if counts.terms else nothing,
    }


def population(terms: Sequence[PupilTerm]) -> Flat:
    """What the pupils are like: how far a rule's figures can be theirs."""
    shares = np.array([term.share for term in terms])
    negative = [term for term in terms if term.negative]
    positive = [term for term in terms if term.crossing is not None]
    names = ("median_percent", "over_6_percent", "worst_fortnight_percent")
    nothing: Flat = dict.fromkeys([f"negatives_{name}" for name in names], math.nan)
    nothing |= {"crossing_median_day": math.nan, "runs_of_seven_percent": math.nan}
    found: Flat = nothing | {
        "pupil_terms": len(terms),
        "positive_pupil_terms": len(positive),
        "negative_pupil_terms": len(negative),
        "terms_over_15_percent": 100 * float((shares >= POSITIVE_SHARE).mean()),
        "terms_10_to_15_percent": 100
        * float(((shares >= NEGATIVE_SHARE) & (shares < POSITIVE_SHARE)).mean()),
    }
    if negative:
        own = np.array([term.share for term in negative])
        found["negatives_median_percent"] = 100 * float(np.median(own))
        found["negatives_over_6_percent"] = 100 * float((own > 0.06).mean())
        found["negatives_worst_fortnight_percent"] = 100 * float(
            np.mean([_worst(term, FORTNIGHT) >= 0.10 for term in negative])
        )
    if positive:
        crossings = [term.crossing for term in positive if term.crossing is not None]
        found["crossing_median_day"] = float(median(crossings)) + 1
        found["runs_of_seven_percent"] = 100 * float(
            np.mean([_worst(term, 7) >= WHOLE for term in positive])
        )
    return found


def _worst(term: PupilTerm, days: int) -> float:
    """The largest mean share missed of so many school days in a row."""
    missed = term.missed
    if len(missed) <= days:
        return float(missed.mean())
    sums = np.cumsum(np.concatenate([[0.0], missed]))
    return float((sums[days:] - sums[:-days]).max()) / days


def figures_of(
    years: Sequence[Year],
    found: Mapping[str, Score],
    by_group: Mapping[str, Mapping[str, Score]],
    by_school: Mapping[str, Score],
) -> Flat:
    """Everything measured: the engine's figures by their plain names, the others' by theirs."""
    known = [term for year in years for term in year.terms]
    figures = (
        population(known)
        | explained(years)
        | {
            "facts_refused": sum(year.told.refused for year in years),
        }
    )
    for way, one in found.items():
        prefix = "" if way == ENGINE else f"{way}_"
        figures |= {f"{prefix}{name}": value for name, value in flat(one).items()}
    for label, parts in by_group.items():
        for value, one in parts.items():
            mine = {name: each.value for name, each in estimates(one).items() if each.count}
            figures |= {f"{label}_{value}_{name}": each for name, each in mine.items()}
    figures |= school_figures(by_school)
    for name, some in points(pooled(year.curves for year in years)).items():
        for threshold, one_point in some:
            figures |= {
                f"curve_{name}_{threshold:g}_{what}": value for what, value in one_point.items()
            }
    return figures


def table(found: Mapping[str, Score]) -> str:
    """One line a way of warning, for people."""
    lines = [
        (
            f"{'':32} {'recall':>7} {'lead':>6} {'false':>7} {'changes':>8} "
            f"{'pattern':>8} {'delay':>6} {'run d5':>7} {'d7':>6} {'d10':>6} {'run fa':>7} {'n':>7}"
        )
    ]
    for name, one in found.items():
        lines.append(
            f"{name[:32]:32} {one.share_recall.value:7.3f} {one.share_lead_days.value:6.0f} "
            f"{one.share_false_alarms.value:7.1f} {one.changes_per_pupil_term.value:8.2f} "
            f"{one.pattern_recall.value:8.3f} {one.pattern_delay_days.value:6.0f} "
            f"{one.run_recall[5].value:7.3f} {one.run_recall[7].value:6.3f} "
            f"{one.run_recall[10].value:6.3f} "
            f"{one.run_false_alarms.value:7.2f} {one.changes_per_pupil_term.count:7}"
        )
    return "\n".join(lines)


def curve_table(curves: Curves) -> str:
    """One line a threshold."""
    lines = [
        (
            f"{'rule':18} {'threshold':>9} {'recall':>7} {'lead':>6} {'false':>7} "
            f"{'pattern':>8} {'delay':>6} {'run d7':>7} {'raises':>7}"
        )
    ]
    for name, some in points(curves).items():
        for threshold, one in some:
            lines.append(
                f"{name:18} {threshold:9g} "
                f"{one['share_recall']:7.3f} {one['share_lead_days']:6.0f} "
                f"{one['share_false_alarms']:7.1f} {one['pattern_recall']:8.3f} "
                f"{one['pattern_delay_days']:6.0f} {one['run_recall_day7']:7.3f} "
                f"{one['raises_per_pupil_term']:7.2f}"
            )
    return "\n".join(lines)
