"""What an import has to say: row, field, reason."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Level = Literal["rejected", "noted"]


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing about one row. ``line`` counts from 1, the heading included; 0 is the file."""

    line: int
    field: str
    level: Level
    code: str
    reason: str


def write_report(path: Path, findings: Iterable[Finding]) -> None:
    """A CSV file with the columns line, field, level, code, reason, in row order."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["line", "field", "level", "code", "reason"])
        for finding in sorted(findings):
            writer.writerow(
                [finding.line, finding.field, finding.level, finding.code, finding.reason]
            )


def summary(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings of each kind: "<level> <code>" -> count."""
    return dict(sorted(Counter(f"{f.level} {f.code}" for f in findings).items()))


def table(findings: Iterable[Finding], *, most: int = 20) -> list[str]:
    """Lines for a terminal: where and what, one row for each kind and field.

    Reasons stay out: they quote the file, and a screen is seen and recorded.
    """
    kinds: dict[tuple[str, str, str], list[int]] = {}
    for one in sorted(findings):
        kinds.setdefault((one.level, one.code, one.field), []).append(one.line)
    if not kinds:
        return []
    rows = [("", "what", "field", "rows", "lines")]
    # What was rejected goes before what was only noted.
    for (level, code, field), lines in sorted(
        kinds.items(), key=lambda kind: kind[0][0] != "rejected"
    ):
        first = ", ".join(str(line) for line in lines[:5])
        more = f" and {len(lines) - 5} more" if len(lines) > 5 else ""
        rows.append((level, code, field, str(len(lines)), first + more))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    shown = rows[: most + 1]
    text = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in shown]
    return text + ([f"… and {len(rows) - len(shown)} kinds more"] if len(rows) > len(shown) else [])
