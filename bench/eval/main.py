"""`make eval`: simulated school years with known truth, and how good each way of warning is."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from bench.eval import engine
from bench.eval.baselines import FAMILY, Baselines
from bench.eval.score import Score, Spell, by_group, score
from bench.eval.truth import PupilTerm, PupilYear, terms, year_of
from bench.result import Aim, print_result
from bench.simulator.config import SimulatorConfig
from bench.simulator.events import RegisterEvent
from bench.simulator.files import truth_line
from bench.simulator.stream import Simulation

ROOT = Path(__file__).resolve().parents[2]
CASE_FAMILIES = ("strofranvaro", "langvarig", "eskalering")
"""The families that open a case; ogiltig_idag is the day's notice, no early warning."""
EVALUATION_SEEDS = (9_001, 9_002, 9_003)
"""Not looked at while a profile is being tuned: that is what the tuning seeds are for."""
TUNING_SEEDS = (101, 102, 103)
AIMS = (
    Aim("share_recall", ">=", 0.97),
    Aim("share_lead_days", ">=", 28),
    Aim("share_false_alarms", "<=", 7),
    Aim("changes_per_pupil_term", "<=", 0.3),
    Aim("pattern_recall", ">=", 0.9),
    Aim("pattern_delay_days", "<=", 20),
    Aim("run_recall_day7", ">=", 0.99),
    Aim("run_false_alarms", "<=", 1),
)
Spells = dict[str, list[Spell]]


@dataclass(frozen=True, slots=True)
class Year:
    """One simulated school year: the truth, and what each way of warning told."""

    terms: list[PupilTerm]
    told: Spells
    changes: int
    """Raised, escalated, resolved and withdrawn, of the families that open a case."""
    others: dict[str, Spells]
    seconds: float


def simulate(seed: int, pupils: int, profile: bytes) -> Year:
    """A whole school year."""
    began = time.monotonic()
    simulation = Simulation.of(SimulatorConfig(seed=seed, pupils=pupils, today=date(2027, 6, 30)))
    first, last = simulation.world.days[0], simulation.world.days[-1]
    told = engine.warn(simulation, profile, first, last)
    others = Baselines(simulation, first, last).run()
    return Year(
        [term for year in truth_of(simulation, first, last) for term in terms(year)],
        dict(told.spells),
        sum(family in CASE_FAMILIES for all_ in told.changes.values() for family, _ in all_),
        {name: dict(spells) for name, spells in others.items()},
        time.monotonic() - began,
    )


def truth_of(simulation: Simulation, first: date, last: date) -> list[PupilYear]:
    """What truth.jsonl would say; pupils are named with the seed, so that years can be pooled."""
    held = np.ones(simulation.truth.offered.shape, dtype=np.bool_)
    for event in simulation.messages(first, last, timetable="needed"):
        if isinstance(event, RegisterEvent) and event.state == "cancelled":
            slot = simulation.world.lessons[event.lesson].slot
            held[event.pupils, event.day, slot] = False
    lines = (
        truth_line(simulation, pupil, first, last, held)
        for pupil in range(len(simulation.world.pupils))
    )
    return [year_of(line) for line in lines if line is not None]


def scores(years: Sequence[Year]) -> dict[str, Score]:
    """The engine's and every baseline's, over all years."""
    found = {
        "standard": _score(years, [year.told for year in years], CASE_FAMILIES, ("langvarig",))
    }
    for name in years[0].others:
        told = [year.others.get(name, {}) for year in years]
        found[name] = _score(years, told, (FAMILY,), (FAMILY,))
    return found


def _score(
    years: Sequence[Year], told: Sequence[Spells], families: Sequence[str], runs: Sequence[str]
) -> Score:
    return score(
        [(term, spells) for year, spells in zip(years, told, strict=True) for term in year.terms],
        families=families,
        run_families=runs,
    )


def groups(years: Sequence[Year]) -> dict[str, dict[str, Score]]:
    """The engine's scores by trajectory, sex and newcomer status."""
    found: dict[str, dict[str, Score]] = {}
    names = {
        "kind": lambda term: term.year.kind,
        "sex": lambda term: term.year.sex,
        "newcomer": lambda term: term.year.newcomer,
    }
    for label, name in names.items():
        parts: dict[str, list[tuple[PupilTerm, Spells]]] = {}
        for year in years:
            for value, some in by_group(year.terms, name).items():
                parts.setdefault(value, []).extend((term, year.told) for term in some)
        found[label] = {
            value: score(some, families=CASE_FAMILIES, run_families=("langvarig",))
            for value, some in sorted(parts.items())
        }
    return found


def figures_of(years: Sequence[Year], found: Mapping[str, Score]) -> dict[str, float | None]:
    """Everything measured: the engine's figures by their plain names, the others' by theirs."""
    count = sum(len(year.terms) for year in years)
    figures: dict[str, float | None] = {
        "pupil_terms": count,
        "changes_per_pupil_term": sum(year.changes for year in years) / count,
        "seconds": sum(year.seconds for year in years),
    }
    for way, one in found.items():
        prefix = "" if way == "standard" else f"{way}_"
        flat = _flat(one)
        figures |= {f"{prefix}{name}": value for name, value in flat.items()}
    return figures


def _flat(one: Score) -> dict[str, float]:
    found: dict[str, float] = {}
    named = {
        name: getattr(one, name)
        for name in (
            "share_recall",
            "share_lead_days",
            "share_false_alarms",
            "pattern_recall",
            "pattern_delay_days",
            "run_false_alarms",
        )
    } | {f"run_recall_day{day}": estimate for day, estimate in one.run_recall.items()}
    for name, estimate in named.items():
        found[name] = estimate.value
        found[f"{name}_low"], found[f"{name}_high"] = estimate.low, estimate.high
    return found


def table(found: Mapping[str, Score]) -> str:
    """One line a way of warning, for people."""
    head = (
        f"{'':32} {'recall':>7} {'lead':>6} {'false':>7} "
        f"{'pattern':>8} {'delay':>6} {'run d7':>7} {'run fa':>7} {'n':>7}"
    )
    lines = [head]
    for name, one in found.items():
        lines.append(
            f"{name:32} {one.share_recall.value:7.3f} {one.share_lead_days.value:6.0f} "
            f"{one.share_false_alarms.value:7.1f} {one.pattern_recall.value:8.3f} "
            f"{one.pattern_delay_days.value:6.0f} {one.run_recall[7].value:7.3f} "
            f"{one.run_false_alarms.value:7.2f} {one.share_recall.count:7}"
        )
    return "\n".join(lines)


def main() -> int:
    """0 when it could measure, met or not."""
    parser = argparse.ArgumentParser(prog="python -m bench.eval", description=__doc__)
    parser.add_argument("--pupils", type=int, default=10_000, help="of each year")
    parser.add_argument("--seeds", type=int, nargs="+", default=EVALUATION_SEEDS)
    parser.add_argument("--tuning", action="store_true", help="the seeds that tuning may look at")
    parser.add_argument(
        "--profile", type=Path, default=ROOT / "services/ews/profiles/standard.toml"
    )
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    seeds = TUNING_SEEDS if given.tuning else given.seeds
    content = given.profile.read_bytes()
    years: list[Year] = []
    with ProcessPoolExecutor(given.processes) as pool:
        jobs = [pool.submit(simulate, seed, given.pupils, content) for seed in seeds]
        for seed, job in zip(seeds, jobs, strict=True):
            years.append(job.result())
            print(f"seed {seed}: {years[-1].seconds:.0f} s", file=sys.stderr, flush=True)
    found = scores(years)
    print(table(found), file=sys.stderr)
    for label, parts in groups(years).items():
        print(f"\nstandard by {label}\n{table(parts)}", file=sys.stderr)
    print_result("eval", figures_of(years, found), AIMS)
    return 0
