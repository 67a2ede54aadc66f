"""docs/benchmarks-sync.md, written anew by every run that is no trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from bench.ews.basics import ROOT
from bench.result import Aim, machine
from deploy.local.postgres import MUNICIPALITY

PAGE = ROOT / "docs/benchmarks-sync.md"
Figures = Mapping[str, float | None]

_STEPS = (
    ("fetch", "waiting for the school system, and reading its JSON"),
    ("take", "a page is staged in PostgreSQL, and what follows from it acknowledged by Kafka"),
    ("settle", "roster and timetable take effect"),
    ("save", "how far the run has come is stored"),
)
_PROCESSES = (
    ("ingest", "ingest, one process"),
    ("postgres", f"PostgreSQL, crash-safe, with {', '.join(map(' '.join, MUNICIPALITY.items()))}"),
    ("kafka", "Kafka, one broker"),
    ("double", "the made-up school system"),
)


def page(figures: Figures, aims: Sequence[Aim], today: date) -> str:
    """The whole text."""

    def number(name: str) -> float:
        return figures.get(name) or 0.0

    own = machine()
    marks = number("attendances")
    lines = [
        "# How fast a school system is read",
        "",
        (
            "Written by `make bench-sync`; how it measures: [bench/README.md](../bench/README.md). "
            "A made-up school system, ingest, Kafka and PostgreSQL are processes of one machine; "
            "ingest is killed when half of the attendances are in, and started again."
        ),
        "",
        (
            f"Measured on {today.isoformat()}: {own['cpu']}, {own['cores']} cores, "
            f"{own['memory_gib']} GiB. {number('pupils'):,.0f} pupils, "
            f"{number('weeks'):.0f} weeks, {marks:,.0f} attendances, "
            f"pages of {number('page_size'):,.0f}."
        ),
        "",
        "| Aim | Wanted | Measured | |",
        "|---|---|---|---|",
    ]
    for aim in aims:
        value = figures.get(aim.name)
        told = "not measured" if value is None else f"{value:,.0f}"
        met = "met" if aim.met(value) else "**not met**"
        lines.append(f"| `{aim.name}` | {aim.op} {aim.aim:,.0f} | {told} | {met} |")
    seconds = number("seconds")
    lines += [
        "",
        (
            f"The whole sync took {seconds:,.0f} s. Meanwhile "
            f"**{number('others_percent'):.0f} %** of the machine's processors were taken by "
            "processes that have nothing to do with it: the more there are, the less the seconds "
            "by the clock say of ingest, and the processor time below says more."
        ),
        "",
        "## Where the seconds went",
        "",
        "| Step of ingest | Seconds | Share |",
        "|---|---|---|",
    ]
    for name, text in _STEPS:
        value = number(f"{name}_seconds")
        lines.append(f"| {text} | {value:,.1f} | {value / seconds:.0%} |")
    lines += [
        "",
        "## What an attendance costs",
        "",
        "Processor time of the whole sync, roster and timetable included, by attendance.",
        "",
        "| Process | Microseconds |",
        "|---|---|",
    ]
    total = 0.0
    for name, text in _PROCESSES:
        value = number(f"{name}_work_seconds") / marks * 1e6
        total += value
        lines.append(f"| {text} | {value:.1f} |")
    cores = float(own["cores"])
    lines += [
        f"| together | {total:.1f} |",
        "",
        (
            f"{cores:.0f} processors that did nothing else and never waited could read "
            f"{cores * 1e6 / total:,.0f} attendances a second at that price. The school system's "
            "share is the double's: it makes a page while the one before it is read; a real one "
            "has a machine of its own."
        ),
        "",
    ]
    return "\n".join(lines)
