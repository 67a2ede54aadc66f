"""What was really so: truth.jsonl by pupil and term, and when a warning could have come.

Three truths, each from the attendance that really was, never from what was reported:

- *share*: at least 15 % of the term's offered time was missed (Skolverket's survey of
  2019). The *crossing* is the first day on which that can no longer be undone: from
  then on it holds even if the pupil is there every day that is left.
- *pattern* (ströfrånvaro): from a scripted onset of dispersed, mostly unexcused
  absence (first and last lessons, one weekday, one subject). Which kinds are patterns
  is told by :func:`is_pattern`.
- *run* (långvarig): from the first of 20 school days in a row wholly away
  (Skolinspektionen dnr 2015:2855: at least a month).

A pupil's term is *negative* where under 10 % was missed and no truth holds, and where
the pupil never had a pattern. Else it is neither.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.clock import epoch_day
from services.ews.core.calendar import term_start

POSITIVE_SHARE = 0.15
NEGATIVE_SHARE = 0.10
RUN_DAYS = 20
WHOLE = 0.999
"""A day of which more than this was missed was missed wholly: shares are rounded."""
_EDGE = 1e-9
_NEWCOMER: dict[object, str] = {True: "yes", False: "no"}


class TruthError(ValueError):
    """A line of truth.jsonl that cannot be read; the text names line, field and fix."""


_PATTERNS = frozenset(
    (
        "unauthorised", "unauthorized", "unexcused", "ogiltig", "pattern", "mönster", "monster",
        "strö", "stro", "ströfrånvaro", "strofranvaro", "sporadic", "dispersed", "skip", "skips",
        "skipper", "skipping", "truant", "truancy", "skolk", "weekday", "veckodag", "monday",
        "friday", "subject", "ämne", "amne", "first", "last", "lesson", "lessons", "lektion",
        "slot",
    )
)  # fmt: skip
_NO_PATTERNS = frozenset(
    (
        "authorised", "authorized", "excused", "giltig", "low", "none", "normal", "control",
        "moderate", "run", "runs", "long", "longterm", "långvarig", "langvarig", "refusal",
        "refuser", "sitter", "hemmasittare", "share", "rising", "chronic", "ill", "illness", "sick",
        "sjuk", "wave", "flu", "influenza", "leave", "ledighet", "sickness", "medical", "gradual",
        "increasing", "strong", "strongly", "persistent", "severe",
    )
)  # fmt: skip


def is_pattern(kind: str) -> bool:
    """Whether a kind of absence with an onset is dispersed and mostly unexcused.

    The kind is read as words, whatever case and separators it is written with. A word
    for unexcused or dispersed absence decides for a pattern; otherwise a word for a
    share, a run or excused absence decides against. An onset of a kind of neither is
    taken for one.
    """
    words = set(re.findall(r"[^\W\d_]+", kind.casefold()))
    return bool(words & _PATTERNS) or not words & _NO_PATTERNS


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
    pattern: bool | None = None
    """What the line itself says; None where it leaves it to the kind."""

    @property
    def patterned(self) -> bool:
        """Whether its absence is scripted to be dispersed and mostly unexcused."""
        return self.onset is not None and (
            is_pattern(self.kind) if self.pattern is None else self.pattern
        )


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
    def missed(self) -> NDArray[np.float64]:
        """The share missed of each of the term's school days."""
        return self.year.missed[self.first : self.first + self.length]

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
    if not path.is_file():
        raise TruthError(f"{path}: there is no such file; it holds one line a pupil")
    seen: dict[str, int] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError:
                raise TruthError(
                    f"{path} line {number}: is no JSON; write one object a line"
                ) from None
            try:
                year = year_of(row)
            except TruthError as error:
                raise TruthError(f"{path} line {number}, {error}") from None
            if year.pupil in seen:
                raise TruthError(
                    f"{path} line {number}, pupil: {year.pupil} stands on line {seen[year.pupil]} "
                    "already; write one line a pupil, with all its days"
                )
            seen[year.pupil] = number
            yield year


def year_of(line: object) -> PupilYear:
    """One line of truth.jsonl, decoded. Raises TruthError with the field that is wrong."""
    if not isinstance(line, dict):
        raise TruthError("the line: is no JSON object; write {...}")
    days: dict[date, float] = {}
    missed = line.get("missed")
    if not isinstance(missed, dict) or not missed:
        raise TruthError("missed: an object of date -> share from 0 to 1 is needed, not empty")
    for day, share in missed.items():
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise TruthError(f"missed, {day}: a share from 0 to 1 is needed, not {share!r}")
        days[_day("missed", day)] = float(share)
    ordered = sorted(days)
    onset, pattern, newcomer = line.get("onset"), line.get("pattern"), line.get("newcomer")
    if pattern is not None and not isinstance(pattern, bool):
        raise TruthError(f"pattern: true, false or nothing is needed, not {pattern!r}")
    return PupilYear(
        pupil=_text(line, "pupil"),
        unit=_text(line, "unit"),
        kind=_text(line, "kind"),
        onset=_day("onset", onset) if onset not in (None, "") else None,
        days=tuple(ordered),
        missed=np.array([days[day] for day in ordered]),
        sex=str(line.get("sex") or "unknown"),
        newcomer=_NEWCOMER.get(newcomer, "unknown") if isinstance(newcomer, bool) else "unknown",
        pattern=pattern,
    )


def _text(line: dict[str, Any], name: str) -> str:
    value = line.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise TruthError(f"{name}: a text is needed, not {json.dumps(value)[:60]}")
    return str(value)


def _day(name: str, value: object) -> date:
    """A date, or the date of a date-time."""
    try:
        return datetime.fromisoformat(str(value)).date()
    except ValueError:
        raise TruthError(f"{name}: a date as 2026-11-24 is needed, not {value!r}") from None


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
    for place, away in enumerate((missed > WHOLE).tolist()):
        length = length + 1 if away else 0
        if length == RUN_DAYS:
            return place - RUN_DAYS + 1
    return None


def _onset(year: PupilYear, first: int, after: int) -> int | None:
    if not year.patterned or year.onset is None:
        return None
    place = next((i for i, day in enumerate(year.days) if day >= year.onset), None)
    return place - first if place is not None and first <= place < after else None
