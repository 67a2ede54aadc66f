"""What a case is, and what its warnings do to it. Decisions of people: :mod:`.decisions`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from services.cases.domain.threads import CASE_FAMILIES, Change, Family, Thread

CaseState = Literal["new", "acknowledged", "closed"]
Attention = Literal["raised", "escalated", "withdrawn", "amended"]

# What asks loudest, first: a case shows the gravest thing that nobody has taken a stand on.
_ORDER: tuple[Attention, ...] = ("escalated", "raised", "withdrawn", "amended")


@dataclass(frozen=True, slots=True)
class Standing:
    """What the case's warnings say together."""

    level: int
    family: Family | None
    headline: str


def number(school_year: int, ordinal: int) -> str:
    """F-2026-00042: per organiser and school year, short enough for the telephone."""
    return f"F-{school_year}-{ordinal:05d}"


def standing(threads: Iterable[Thread]) -> Standing:
    """The gravest warning of a case: an active one first, then level, then family.

    Level 0 means that none is active. The headline is then that of the newest one that is over,
    or says that every warning has been taken back.
    """
    ranked = [
        (episode.state == "active", episode.level, -CASE_FAMILIES.index(thread.family), episode)
        for thread in threads
        if thread.family in CASE_FAMILIES
        for episode in thread.standing
    ]
    if not ranked:
        return Standing(0, None, "Varningen har tagits tillbaka: frånvaron är rättad.")
    active, level, family, episode = max(ranked, key=lambda row: (row[:3], row[3].level_day))
    if not active:
        episode = max((row[3] for row in ranked), key=lambda e: e.resolved_day or e.level_day)
    return Standing(level if active else 0, CASE_FAMILIES[-family], episode.sentence)


def attention(
    state: CaseState, present: Attention | None, changes: Sequence[Change]
) -> Attention | None:
    """What a person has to take a stand on after ``changes``.

    A case that nobody has seen yet asks for attention by being new; only a withdrawal is worth
    telling on top. Resolution asks for nothing: it is in the history.
    """
    wanted: set[Attention] = {present} if present else set()
    for change in changes:
        if change.kind == "resolved":
            continue
        if state == "new" and change.kind != "withdrawn":
            continue
        wanted.add(change.kind)
    return next((kind for kind in _ORDER if kind in wanted), None)


def reopens(changes: Sequence[Change]) -> bool:
    """A closed case opens again when a warning is raised or grows worse."""
    return any(change.kind in {"raised", "escalated"} for change in changes)


def is_old(school_date: date, today: date, age_limit_days: int) -> bool:
    """Whether a school date is too old to wake anybody (design D8)."""
    return (today - school_date).days > age_limit_days


def acknowledge_by(opened: date, free: frozenset[date], *, school_days: int = 2) -> date:
    """The school day by whose end somebody should have looked at a new case.

    "Skyndsamt" (skollagen 7 kap. 19 a §) has no number; two school days is this system's own.
    Weekends and the unit's free days do not count.
    """
    day, left = opened, school_days
    # A summer holiday is some ten weeks; a broken calendar must not loop for ever.
    for _ in range(120):
        day += timedelta(days=1)
        if day.weekday() < 5 and day not in free:
            left -= 1
            if left == 0:
                break
    return day
