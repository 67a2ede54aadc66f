"""A unit's school years: which days are school days, and when they end (design D8)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal

import holidays

from services.common.clock import STOCKHOLM, school_year

DayKind = Literal["school_day", "free"]


@dataclass(frozen=True, slots=True)
class Span:
    """First and last day, both included."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Calendar:
    """One läsår of a unit."""

    school_year: int
    terms: tuple[tuple[str, Span], ...]
    free: tuple[Span, ...]

    @property
    def span(self) -> Span:
        """From the first term's first day to the last term's last."""
        return Span(
            min(span.first for _, span in self.terms), max(span.last for _, span in self.terms)
        )

    def kind(self, day: date) -> DayKind | None:
        """What ``day`` is; None outside the läsår.

        No compulsory teaching on Saturdays, Sundays or public holidays:
        skollagen 7 kap. 17 §.
        """
        if day not in self.span:
            return None
        in_term = any(day in span for _, span in self.terms)
        is_free = (
            not in_term
            or day.weekday() >= 5
            or day in _swedish_holidays(day.year)
            or any(day in span for span in self.free)
        )
        return "free" if is_free else "school_day"


@dataclass(frozen=True, slots=True)
class UnitCalendar:
    """What the day closer and the checks need to know of a unit."""

    closes_at: time = time(18, 0)
    years: dict[int, Calendar] = field(default_factory=dict)

    def kind(self, day: date) -> DayKind | None:
        calendar = self.years.get(school_year(day))
        return calendar.kind(day) if calendar else None

    def days(self, after: date | None, through: date) -> Iterator[tuple[date, DayKind]]:
        """Every day of the known läsår in (after, through], in order."""
        for year in sorted(self.years):
            span = self.years[year].span
            day = span.first if after is None else max(span.first, after + timedelta(days=1))
            while day <= min(span.last, through):
                kind = self.years[year].kind(day)
                if kind is not None:
                    yield day, kind
                day += timedelta(days=1)

    def digest(self) -> bytes:
        """Changes with anything that changes a day's kind."""
        content = [
            [
                year,
                [[name, str(span.first), str(span.last)] for name, span in calendar.terms],
                [[str(span.first), str(span.last)] for span in calendar.free],
            ]
            for year, calendar in sorted(self.years.items())
        ]
        return hashlib.sha256(json.dumps(content).encode()).digest()


def last_closable(closes_at: time, now: datetime) -> date:
    """The latest day whose school day has ended at ``now`` (Europe/Stockholm)."""
    local = now.astimezone(STOCKHOLM)
    if local.time().replace(tzinfo=None) >= closes_at:
        return local.date()
    return local.date() - timedelta(days=1)


def closing_instant(day: date, closes_at: time) -> datetime:
    """When ``day`` ends for a unit. A wall time that DST skips is taken after the skip."""
    return datetime.combine(day, closes_at, tzinfo=STOCKHOLM)


def calendar_from(
    year: int, terms: Sequence[dict[str, str]], free: Sequence[dict[str, str]]
) -> Calendar:
    """From the stored JSON of people.calendars."""

    def span(stored: dict[str, str]) -> Span:
        return Span(date.fromisoformat(stored["first"]), date.fromisoformat(stored["last"]))

    return Calendar(
        school_year=year,
        terms=tuple((term["name"], span(term)) for term in terms),
        free=tuple(span(stored) for stored in free),
    )


@lru_cache(maxsize=64)
def _swedish_holidays(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("SE", years=year))
