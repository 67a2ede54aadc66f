"""docs/benchmarks.md, written anew by every whole run: method, figures, and how they compare."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench.ews.basics import ROOT
from bench.ews.ground import Figures
from bench.ews.live import STRETCHES
from bench.result import Aim, machine, own_versions

PAGE = ROOT / "docs/benchmarks.md"
_BAR = 40


def write(
    figures: Figures,
    aims: Sequence[Aim],
    versions: Mapping[str, str],
    failed: Sequence[str] = (),
    page: Path = PAGE,
) -> None:
    """Write the page; ``failed`` are the parts that could not be measured, and why."""
    text = (ROOT / "bench/ews/page.md").read_text("utf-8")
    parts = {
        "machine": _machine(versions),
        "aims": _aims(figures, aims) + "".join(
            f"\n\nCould not be measured: {one.splitlines()[0]}" for one in failed
        ),
        "speed": _speed(figures),
        "plot": _plot(figures),
        "peers": "\n".join(f"- {line}" for line in _told(figures)),
        "worker": _listed(
            figures,
            "marks", "records", "record_bytes", "seconds", "seconds_to_first_checkpoint",
            "marks_per_s_once_running", "cpu_seconds_per_million_marks", "worker_peak_mib",
            "two_workers_marks_per_s", "two_workers_cpu_seconds_per_million_marks", "warnings",
            "undigested", "oracle_missing", "oracle_extra", "oracle_differing", "oracle_illegal",
        ),
        "live": _listed(
            figures,
            "live_pupils", "state_rows", "state_row_kb_per_pupil_year",
            "threads_kb_per_pupil_year", "warnings_bytes_per_mark", "live_facts", "live_marks",
            "live_checkpoints", "checkpoint_lag_p50_seconds", "checkpoint_lag_p99_seconds",
            "changelog_marks_per_checkpoint", "changelog_row_bytes_per_mark",
            "live_changelog_bytes_per_mark", "restore_seconds", "recovery_seconds",
            *(f"recovery_{what}_seconds" for what in STRETCHES.values()),
            "recovery_all_seconds", "recovery_cpu_seconds", "live_worker_peak_mib",
        ),
        "replay": _listed(
            figures,
            "replay_marks", "replay_seconds", "replay_marks_per_s", "replay_cpu_us_per_mark",
            "replay_reading_us_per_mark", "replay_applying_us_per_mark",
            "replay_deciding_us_per_mark", "replay_warnings",
        ),
    }  # fmt: skip
    for name, part in parts.items():
        text = text.replace(f"{{{{{name}}}}}", part)
    page.write_text(text, "utf-8")


def _machine(versions: Mapping[str, str]) -> str:
    held = machine()
    named = ", ".join(f"{name} {one}" for name, one in (own_versions() | dict(versions)).items())
    return f"{held['cpu']}, {held['cores']} cores, {held['memory_gib']} GiB; {named}."


def number(value: float | None) -> str:
    """As people read it: three digits that count, thousands apart."""
    if value is None:
        return "–"
    if value == 0 or abs(value) >= 1000 or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def _aims(figures: Figures, aims: Iterable[Aim]) -> str:
    lines = ["| Figure | Measured | Aim | |", "|---|---|---|---|"]
    for aim in aims:
        value = figures.get(aim.name)
        verdict = "met" if aim.met(value) else "**not met**"
        if value and not aim.met(value):
            apart = max(value / aim.aim, aim.aim / value)
            verdict += f", by a factor of {apart:.2f}"
        lines.append(f"| `{aim.name}` | {number(value)} | {aim.op} {aim.aim:,g} | {verdict} |")
    return "\n".join(lines)


_NAMES = {
    "": "Förvarning's worker",
    "naive_": "naive Faust app",
    "quix_windows_": "Quix Streams, its windows",
    "quix_": "Quix Streams, its state store",
    "quix_core_": "Quix Streams, our registers and core",
    "plain_": "plain aiokafka loop, our core",
    "ceiling_": "ceiling: consume and decode",
}


def _speed(figures: Figures) -> str:
    lines = [
        "| | marks/s | CPU s a million marks | our rate / its rate |",
        "|---|---|---|---|",
    ]
    for prefix, name in _NAMES.items():
        rate = number(figures.get(f"{prefix}marks_per_s"))
        cpu = number(figures.get(f"{prefix}cpu_seconds_per_million_marks"))
        ratio = number(figures.get(f"ratio_{prefix.rstrip('_')}")) if prefix else "1"
        lines.append(f"| {name} | {rate} | {cpu} | {ratio} |")
    return "\n".join(lines)


def _plot(figures: Figures) -> str:
    rates = {name: figures.get(f"{prefix}marks_per_s") for prefix, name in _NAMES.items()}
    most = max((rate for rate in rates.values() if rate), default=1.0)
    lines = []
    for name, rate in rates.items():
        # Every tenth power is as wide as any other: from 100 marks a second on.
        share = math.log10(max(rate or 100, 100) / 100) / math.log10(max(most, 1000) / 100)
        lines.append(f"{name:38}{'█' * round(_BAR * share)} {number(rate)}")
    return "```\n" + "\n".join(lines) + "\n```"


def _told(figures: Figures) -> Iterable[str]:
    for name, peer, why in (
        (
            "naive",
            "the naive Faust app",
            "Faust's cost is by message, and a register is one message where it has some twenty.",
        ),
        (
            "quix",
            "Quix Streams with the pupil's days in its state store",
            "every mark is a message, and every pupil a JSON value in RocksDB.",
        ),
        (
            "quix_windows",
            "Quix Streams with its own windows",
            "a window of 28 days that begins every day is 28 values in RocksDB for every mark.",
        ),
        (
            "quix_core",
            "Quix Streams with our registers and our core",
            "what differs is the shell: its loop and RocksDB against Faust's and transactions.",
        ),
        (
            "plain",
            "the plain loop with our core",
            "it writes no state, opens no transaction and fences nobody.",
        ),
        (
            "ceiling",
            "consume and decode",
            "it decides nothing: nobody who reads these registers in Python is faster.",
        ),
    ):
        ratio = figures.get(f"ratio_{name}")
        if ratio is None:
            yield f"{peer}: not compared in this run."
        elif ratio >= 1:
            yield f"{number(ratio)} times as fast as {peer}: {why}"
        else:
            yield f"**{peer} is {number(1 / ratio)} times as fast as we are**: {why}"


def _listed(figures: Figures, *names: str) -> str:
    lines = ["| | |", "|---|---|"]
    lines += [f"| `{name}` | {number(figures.get(name))} |" for name in names]
    return "\n".join(lines)
