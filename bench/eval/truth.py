"""What was really so: truth.jsonl by pupil and term, and when a warning could have come.

Three truths, each from the attendance that really was, never from what was reported:

- *share*: at least 15 % of the term's offered time was missed (Skolverket's survey of
  2019). The *crossing* is the first day on which that can no longer be undone: from
  then on it holds even if the pupil is there every day that is left.
- *pattern* (ströfrånvaro): from a scripted onset of dispersed, mostly unexcused
  absence.
- *run* (långvarig): from the first of 20 school days in a row wholly away
  (Skolinspektionen dnr 2015:2855: at least a month).

A pupil's term is *negative* where under 10 % was missed and no truth holds, and where
the pupil never had a pattern. Else it is neither.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.clock import epoch_day
from services.ews.core.calendar import term_start

POSITIVE_SHARE = 0.15
NEGATIVE_SHARE = 0.10
RUN_DAYS = 20
_WHOLE = 0.999
"""A day of which more than this was missed was missed wholly: shares are rounded."""
_EDGE = 1e-9
_NEWCOMER: dict[object, str] = {True: "yes", False: "no"}


class TruthError(ValueError):
    """A line of truth.jsonl that cannot be read; the text names line, field and fix."""


@dataclass(frozen=True, slots=True)
class PupilYear:
    """One line of truth.jsonl. ``days`` are the pupil's school days in order."""

    pupil: str
    unit: str
    kind: str
    onset: date | None
    days: tuple[date, ...]
    missed: NDArray[np.float64]
    sex: str
    newcomer: str

    @property
    def patterned(self) -> bool:
        """Whether its absence is scripted to be dispersed and mostly unexcused."""
        return self.onset is not None and "unauthorised" in self.kind


@dataclass(frozen=True, slots=True)
class PupilTerm:
    """One pupil's autumn or spring. Places count the pupil's school days of the term from 0."""

    year: PupilYear
    first: int
    """Place in the school year of the term's first day."""
    length: int
    share: float
    crossing: int | None
    run: int | None
    """The first day of the first run."""
    onset: int | None
    """The pattern's onset, in the term in which it lies."""

    @property
    def negative(self) -> bool:
        """Whether a warning is a false alarm."""
        return (
            self.share < NEGATIVE_SHARE - _EDGE
            and self.crossing is None
            and self.run is None
            and not self.year.patterned
        )


def read(folder: Path) -> Iterator[PupilYear]:
    """The lines of ``folder``/truth.jsonl. Raises TruthError at the first that is no truth."""
    path = folder / "truth.jsonl"
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                yield year_of(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                what = f"{type(error).__name__}: {error}"
                raise TruthError(f"{path.name} line {number}: {what}") from error


def year_of(line: dict[str, Any]) -> PupilYear:
    """One line of truth.jsonl, decoded."""
    days = sorted(line["missed"])
    onset = line.get("onset")
    return PupilYear(
        pupil=line["pupil"],
        unit=line["unit"],
        kind=line["kind"],
        onset=date.fromisoformat(onset) if onset else None,
        days=tuple(date.fromisoformat(day) for day in days),
        missed=np.array([float(line["missed"][day]) for day in days]),
        sex=str(line.get("sex", "unknown")),
        newcomer=_NEWCOMER.get(line.get("newcomer"), "unknown"),
    )


def terms(year: PupilYear) -> list[PupilTerm]:
    """The pupil's terms: 1 January divides them."""
    found: list[PupilTerm] = []
    days = [epoch_day(day) for day in year.days]
    begins = [at for at in range(1, len(days)) if term_start(days[at]) > days[at - 1]]
    for first, after in zip([0, *begins], [*begins, len(days)], strict=True):
        missed = year.missed[first:after]
        found.append(
            PupilTerm(
                year,
                first,
                after - first,
                float(missed.mean()),
                crossing(missed),
                run(missed),
                _onset(year, first, after),
            )
        )
    return found


def crossing(missed: NDArray[np.float64]) -> int | None:
    """The first day after which 15 % of the term is missed whatever comes."""
    over = np.cumsum(missed) >= POSITIVE_SHARE * len(missed) - _EDGE
    return int(np.argmax(over)) if over.any() else None


def run(missed: NDArray[np.float64]) -> int | None:
    """The first day of the first 20 in a row wholly away."""
    length = 0
    for place, away in enumerate((missed > _WHOLE).tolist()):
        length = length + 1 if away else 0
        if length == RUN_DAYS:
            return place - RUN_DAYS + 1
    return None


def _onset(year: PupilYear, first: int, after: int) -> int | None:
    if not year.patterned or year.onset is None:
        return None
    place = next((i for i, day in enumerate(year.days) if day >= year.onset), None)
    return place - first if place is not None and first <= place < after else None
