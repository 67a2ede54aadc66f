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
