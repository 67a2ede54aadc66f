"""`make eval`: school years with known truth, and how good each way of warning is."""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.eval import report, years
from bench.eval.curves import pooled
from bench.eval.foreign import FactsError
from bench.eval.page import Found, write
from bench.eval.rules import rules
from bench.eval.score import Entry, score
from bench.eval.truth import TruthError
from bench.eval.years import Calm, Warned, Year
from bench.result import print_result
from services.ews.core.profile import parse_profile

ROOT = Path(__file__).resolve().parents[2]
STANDARD = ROOT / "services/ews/profiles/standard.toml"
EVALUATION_SEEDS = (9_001, 9_002, 9_003)
"""Not looked at while a profile is being tuned: that is what the tuning seeds are for."""
TUNING_SEEDS = (101, 102, 103)
PUPILS = 10_000
_ANSWERED, _COULD_NOT = 0, 2


@dataclass(frozen=True, slots=True)
class Compared:
    """The figures of the same pupils with and without waves and noise, of some seeds."""

    figures: report.Flat
    seconds: float


def main() -> int:
    """0 when it could measure, met or not."""
    given = _arguments()
    content = given.profile.read_bytes()
    try:
        if given.facts is not None:
            found, compared = _foreign(given.facts, content), Compared({}, 0.0)
        else:
            seeds = TUNING_SEEDS if given.tuning else tuple(given.seeds)
            found, compared = _simulated(seeds, given, content)
    except (FactsError, TruthError, OSError) as error:
        print(f"eval: {error}", file=sys.stderr)
        return _COULD_NOT
    by_way, by_group = report.scores(found), report.groups(found)
    by_school = report.schools(found)
    curves = pooled(year.curves for year in found)
    print(report.table(by_way), "\n")
    for label, parts in by_group.items():
        print(f"the engine by {label}\n{report.table(parts)}\n")
    print(f"{report.curve_table(curves)}\n")
    figures = report.figures_of(found, by_way, by_group, by_school) | compared.figures
    figures["seconds"] = compared.seconds + sum(year.seconds for year in found)
    plain = (
        given.facts is None
        and not given.tuning
        and tuple(given.seeds) == EVALUATION_SEEDS
        and given.pupils == PUPILS
        and given.profile.resolve() == STANDARD
    )
    if plain or given.docs is not None:
        kinds = {rule.name: rule.kind for rule in rules(parse_profile(content))}
        write(given.docs or ROOT / "docs", Found(figures, by_way, by_group, curves, kinds))
    known = {name: None if math.isnan(value) else value for name, value in figures.items()}
    print_result("eval", known, report.AIMS)
    return _ANSWERED


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.eval", description=__doc__)
    parser.add_argument("--facts", type=Path, help="a folder with facts.jsonl and truth.jsonl")
    parser.add_argument("--pupils", type=int, default=PUPILS, help="of each simulated year")
    parser.add_argument("--seeds", type=int, nargs="+", default=EVALUATION_SEEDS)
    parser.add_argument("--tuning", action="store_true", help="the seeds that tuning may look at")
    parser.add_argument("--compare", type=int, default=1, help="so many seeds without noise, waves")
    parser.add_argument("--profile", type=Path, default=STANDARD)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--docs", type=Path, help="write warning-quality.md and its plots there")
    return parser.parse_args()


def _foreign(folder: Path, content: bytes) -> list[Year]:
    with tempfile.TemporaryDirectory(prefix="forvarning-eval-") as scratch:
        year = years.foreign(folder, Path(scratch), content)
    for note in year.notes:
        print(note, file=sys.stderr)
    return [year]


def _simulated(
    seeds: Sequence[int], given: argparse.Namespace, content: bytes
) -> tuple[list[Year], Compared]:
    """Every seed with noise; the first ones also without noise and without waves.

    The longest come first. A process ends with its year, so that no more than one year
    for each process is in memory beside what has come out.
    """
    compared = list(seeds[: given.compare])
    with ProcessPoolExecutor(given.processes, max_tasks_per_child=1) as pool:
        noisy = {seed: pool.submit(years.noisy, seed, given.pupils, content) for seed in seeds}
        clean = {
            seed: pool.submit(years.noiseless, seed, given.pupils, content) for seed in compared
        }
        calm = {seed: pool.submit(years.calm, seed, given.pupils, content) for seed in compared}
        for label, jobs in (("", noisy), (" without noise", clean), (" without waves", calm)):
            for seed, job in jobs.items():
                job.add_done_callback(lambda _, s=seed, w=label: _say(f"seed {s}{w}: done"))  # type: ignore[misc]
        found = [job.result() for job in noisy.values()]
        figures, seconds = compare([(noisy[seed], clean[seed], calm[seed]) for seed in compared])
    return found, Compared(figures, seconds)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def compare(
    jobs: Sequence[tuple[Future[Year], Future[tuple[Warned, float]], Future[Calm]]],
) -> tuple[report.Flat, float]:
    """The cost of noise and waves, over the compared seeds together."""
    extra = fewer = later = everybody = 0
    clean_entries: list[Entry] = []
    noisy_years: list[Year] = []
    seconds = 0.0
    for noisy_job, clean_job, calm_job in jobs:
        year, (clean, clean_seconds), calm = (
            noisy_job.result(),
            clean_job.result(),
            calm_job.result(),
        )
        told = (calm.waves, year.told.spells, calm.told.spells)
        counts = years.wave_extra(*told)
        later += years.wave_extra(*told, later=True)[0]
        extra, fewer, everybody = extra + counts[0], fewer + counts[1], everybody + counts[2]
        noisy_years.append(year)
        clean_entries += [
            Entry(
                term,
                clean.spells.get(term.year.pupil, ()),
                clean.changes.get(term.year.pupil, ()),
            )
            for term in year.terms
        ]
        seconds += clean_seconds + calm.seconds
    if not noisy_years:
        return {}, 0.0
    without = report.flat(
        score(clean_entries, families=years.CASE_FAMILIES, run_families=report.RUN_FAMILIES)
    )
    losses = years.noise_cost(without, report.flat(report.engine_score(noisy_years)))
    figures: report.Flat = {f"noise_cost_{name}_percent": value for name, value in losses.items()}
    figures |= {f"noiseless_{name}": value for name, value in without.items()}
    nobody = float("nan")
    figures["noise_cost_percent"] = max(losses.values())
    figures["compared_seeds"] = len(jobs)
    figures["wave_pupils"] = everybody
    figures["wave_extra_percent"] = 100 * extra / everybody if everybody else nobody
    figures["wave_extra_later_percent"] = 100 * later / everybody if everybody else nobody
    figures["wave_fewer_percent"] = 100 * fewer / everybody if everybody else nobody
    return figures, seconds
