"""docs/benchmarks-cases.md, written anew by every whole run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.ews.basics import ROOT
from bench.result import Aim, machine, own_versions

PAGE = ROOT / "docs/benchmarks-cases.md"
_TEXT = Path(__file__).with_name("page.md")


def write(figures: Mapping[str, float | None], aims: Sequence[Aim], page: Path = PAGE) -> None:
    """Figures into the text."""
    text = _TEXT.read_text("utf-8")
    parts = {"machine": _machine(), "aims": _aims(figures, aims), "figures": _all(figures)}
    for name, part in parts.items():
        text = text.replace(f"{{{{{name}}}}}", part)
    page.write_text(text, "utf-8")


def _machine() -> str:
    found, versions = machine(), own_versions()
    packages = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"{found['cpu']}, {found['cores']} cores, {found['memory_gib']} GiB. {packages}."


def _aims(figures: Mapping[str, float | None], aims: Sequence[Aim]) -> str:
    rows = ["| Figure | Measured | Aim | |", "|---|---|---|---|"]
    for aim in aims:
        value = figures.get(aim.name)
        met = "met" if aim.met(value) else "**not met**"
        rows.append(f"| `{aim.name}` | {number(value)} | {aim.op} {aim.aim:g} | {met} |")
    return "\n".join(rows)


def _all(figures: Mapping[str, float | None]) -> str:
    rows = ["| Figure | |", "|---|---|"]
    rows += [f"| `{name}` | {number(value)} |" for name, value in figures.items()]
    return "\n".join(rows)


def number(value: float | None) -> str:
    """Readable: three figures that count, thousands apart."""
    if value is None:
        return "not measured"
    if value == int(value) or abs(value) >= 1000:
        return f"{round(value):,}"
    return f"{value:.3g}"
