"""One school day of a unit, closed or reopened by hand."""

from __future__ import annotations

from services.ingest.model.fields import Day, Key, Strict


class DayIn(Strict):
    school_unit: Key
    date: Day
