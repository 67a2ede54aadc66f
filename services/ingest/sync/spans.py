"""Spans of time in which calendar events are read: the standard wants a ``startTime`` filter."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from services.common.clock import local_instant, school_date, school_year

Span = tuple[datetime, datetime]
_WEEK = timedelta(days=7)


def school_year_span(now: datetime) -> Span:
    """From the first of July to the last of June, both included."""
    year = school_year(school_date(now))
    end = local_instant(date(year + 1, 7, 1), 0) - timedelta(milliseconds=1)
    return local_instant(date(year, 7, 1), 0), end


def first_week(now: datetime) -> datetime:
    """The instant at which the school year's first week begins: a Monday's midnight."""
    begins = school_date(school_year_span(now)[0])
    return local_instant(begins - timedelta(days=begins.weekday()), 0)


def week_of(first: datetime) -> Span:
    """The week that begins at ``first``; its ends are both included, as the filters'."""
    monday = school_date(first.astimezone(UTC))
    return first, local_instant(monday + _WEEK, 0) - timedelta(milliseconds=1)


def next_week(first: datetime, now: datetime) -> datetime | None:
    """The week after; None when that lies behind the school year."""
    following = local_instant(school_date(first) + _WEEK, 0)
    return following if following <= school_year_span(now)[1] else None
