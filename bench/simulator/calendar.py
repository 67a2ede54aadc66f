"""A Swedish school year: terms, lov, public holidays, study days.

Skollagen 7 kap. 17 §: at most 190 days a school year, never Saturdays, Sundays
or public holidays. Lov are set by each municipality; the weeks here are the
common ones (höstlov week 44, sportlov week 8, påsklov the week before Easter).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import holidays

from bench.simulator.seeds import rng

MAX_SCHOOL_DAYS = 190
_EASTER = "Annandag påsk"


@dataclass(frozen=True, slots=True)
class Span:
    """Dates from ``first`` to ``last``, both included."""

    first: date
    last: date
    name: str

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class SchoolYear:
    """One organiser's läsår; ``free`` holds lov and public holidays on weekdays."""

    year: int
    terms: tuple[Span, Span]
    free: tuple[Span, ...]

    def days(self) -> list[date]:
        """Weekdays inside the terms that no lov and no holiday takes, in order."""
        found: list[date] = []
        for term in self.terms:
            day = term.first
            while day <= term.last:
                if day.weekday() < 5 and not any(day in span for span in self.free):
                    found.append(day)
                day += timedelta(days=1)
        return found

    def term_of(self, day: date) -> int:
        """0 in the autumn term, 1 in the spring term."""
        return 0 if day <= self.terms[0].last else 1


def _week(year: int, week: int, weekday: int) -> date:
    return date.fromisocalendar(year, week, weekday)


def school_year(year: int) -> SchoolYear:
    """The school year that begins in August of ``year``."""
    after = year + 1
    autumn_last = _week(year, 51, 5)
    if autumn_last >= date(year, 12, 23):
        autumn_last -= timedelta(days=7)
    spring_first = date(after, 1, 7)
    spring_first += timedelta(days=-spring_first.weekday() % 7)
    spring_last = _week(after, 23, 5)
    autumn = Span(_week(year, 34, 2), autumn_last, f"HT{year}")
    spring = Span(spring_first, spring_last, f"VT{after}")

    public = holidays.country_holidays(
        "SE", years=[year, after], language="sv", include_sundays=False
    )
    names = {day: str(public.get(day)) for day in public}
    easter_monday = next(
        d for d, name in names.items() if d.year == after and "nnandag påsk" in name
    )
    free = [
        Span(_week(year, 44, 1), _week(year, 44, 5), "höstlov"),
        Span(autumn.last + timedelta(days=1), spring.first - timedelta(days=1), "jullov"),
        Span(_week(after, 8, 1), _week(after, 8, 5), "sportlov"),
        Span(easter_monday - timedelta(days=7), easter_monday, "påsklov"),
    ]
    for day, name in sorted(names.items()):
        inside = any(day in term for term in (autumn, spring))
        if not inside or day.weekday() >= 5 or any(day in span for span in free):
            continue
        # A Friday between Ascension Day and the weekend is free in practice.
        bridge = day + timedelta(days=1) if day.weekday() == 3 else day
        free.append(Span(day, bridge, name.lower()))
    return SchoolYear(year, (autumn, spring), tuple(sorted(free, key=lambda s: s.first)))


def study_days(year: SchoolYear, unit: str, seed: int, count: int) -> tuple[Span, ...]:
    """``count`` studiedagar of one unit: beside weekends or on a Wednesday, as is common.

    Never two in a week, never in a term's first or last week.
    """
    generator = rng(seed, "study-days", unit)
    edges = [edge for term in year.terms for edge in (term.first, term.last)]
    open_days = [
        day
        for day in year.days()
        if day.weekday() in (0, 2, 4) and all(abs((day - edge).days) > 6 for edge in edges)
    ]
    chosen: list[date] = []
    for index in generator.permutation(len(open_days)):
        day = open_days[int(index)]
        if all(day.isocalendar()[:2] != other.isocalendar()[:2] for other in chosen):
            chosen.append(day)
        if len(chosen) == count:
            break
    return tuple(Span(day, day, "studiedag") for day in sorted(chosen))
