"""The calendar strip: a pupil's school days, one column a week, Monday to Friday."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from services.cases.domain import text

Kind = Literal[
    "outside",  # before the school year's start or after today
    "free",  # lov, studiedag, holiday
    "unreported",  # nobody reported a lesson: neither present nor absent (D7)
    "none_known",  # no figures: the stream tells only of days with absence or unreported lessons
    "present",
    "part_valid",
    "part_invalid",
    "full_valid",
    "full_invalid",
]

KINDS: dict[Kind, str] = {
    "present": "närvarande",
    "part_valid": "frånvarande en del av dagen, giltigt",
    "part_invalid": "frånvarande en del av dagen, ogiltigt eller oförklarat",
    "full_valid": "frånvarande hela dagen, giltigt",
    "full_invalid": "frånvarande hela dagen, ogiltigt eller oförklarat",
    "none_known": "ingen känd frånvaro",
    "unreported": "inget rapporterat",
    "free": "ledig dag",
    "outside": "",
}


@dataclass(frozen=True, slots=True)
class DaySums:
    """What is known about one school day; minutes and lessons."""

    day: date
    offered: int
    reported: int
    valid: int
    invalid: int
    lessons: int
    lessons_reported: int
    lessons_absent: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One day of the strip; ``label`` says in words what the colour shows."""

    day: date
    kind: Kind
    label: str


@dataclass(frozen=True, slots=True)
class Week:
    """Five days, and the month's name above the first week of each month."""

    number: int
    month: str
    cells: tuple[Cell, ...]


def kind_of(sums: DaySums) -> Kind:
    """How a day with figures looks. Absent all day = at least one lesson reported and none with
    presence; invalid or unexplained minutes outweigh valid ones, since they ask for more."""
    if sums.lessons_reported == 0:
        return "unreported"
    absent = sums.valid + sums.invalid
    if absent == 0:
        return "present"
    whole = absent >= sums.reported and sums.lessons_absent >= sums.lessons_reported
    if sums.invalid:
        return "full_invalid" if whole else "part_invalid"
    return "full_valid" if whole else "part_valid"


def strip(
    days: Mapping[date, DaySums],
    free: Collection[date],
    terms: Sequence[tuple[date, date]],
    today: date,
) -> list[Week]:
    """The weeks from the school year's start to the present one.

    Without a calendar the strip begins with the first day that is known. It is empty when nothing
    is known at all.
    """
    starts = [first for first, _ in terms] + list(days)
    if not starts:
        return []
    first = min(starts)
    last = max([today, *days])
    monday = first - timedelta(days=first.weekday())
    weeks: list[Week] = []
    month = ""
    # A school year has at most 53 weeks.
    while monday <= last and len(weeks) < 53:
        dates = [monday + timedelta(days=offset) for offset in range(5)]
        named = text.short_date(dates[0]).split("\N{NO-BREAK SPACE}")[1]
        weeks.append(
            Week(
                number=monday.isocalendar().week,
                month=named if named != month else "",
                cells=tuple(_cell(day, days, free, terms, first=first, last=last) for day in dates),
            )
        )
        month = named
        monday += timedelta(days=7)
    return weeks


def _cell(
    day: date,
    days: Mapping[date, DaySums],
    free: Collection[date],
    terms: Sequence[tuple[date, date]],
    *,
    first: date,
    last: date,
) -> Cell:
    kind: Kind
    if (sums := days.get(day)) is not None:
        kind = kind_of(sums)
    elif day < first or day > last:
        kind = "outside"
    elif day in free or (terms and not any(a <= day <= b for a, b in terms)):
        kind = "free"
    else:
        # Today is not over: nothing can be said of it before its lessons are.
        kind = "unreported" if day == last else "none_known"
    return Cell(day, kind, _label(day, kind, sums))


def _label(day: date, kind: Kind, sums: DaySums | None) -> str:
    if kind == "outside":
        return ""
    words = f"{text.weekday_date(day)}: {KINDS[kind]}"
    if sums is not None and kind not in {"present", "unreported", "none_known"}:
        words += (
            f" ({text.duration(sums.valid + sums.invalid)} av {text.duration(sums.reported)}, "
            f"{sums.lessons_absent} av {text.count(sums.lessons_reported, 'lektion', 'lektioner')})"
        )
    return words
