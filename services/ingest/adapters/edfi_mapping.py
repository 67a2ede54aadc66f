"""What an Ed-Fi source must say besides its events: when its class periods are (docs/edfi.md).

students = "id"            or "civic_no", where studentUniqueId is a personnummer
day_minutes = 360          what 1 day of eventDuration is, where the event is a part of one
unexcused_is_confirmed     true where staff has confirmed it before it becomes an event
[schools]                  schoolId = the roster's id or code of the unit
[subjects]                 localCourseCode = subject
[sections]                 sectionIdentifier = [class periods], for events that name none
[reasons]                  attendanceEventReason = "valid", "invalid" or "other"
[[periods]]                name, start, end; optional school, weekdays (1 = Monday)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from services.common.clock import local_instant
from services.ingest.adapters.mapping import read_as
from services.ingest.model.fields import Key, Strict

Wall = Annotated[str, StringConstraints(strict=True, pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


@dataclass(frozen=True, slots=True)
class Times:
    """Local minutes after midnight; an end before the start is the next day's."""

    start: int
    end: int

    def length(self, day: date) -> int:
        """Real minutes on ``day``: an hour more or less when the clocks change meanwhile."""
        last = day + timedelta(days=1) if self.end < self.start else day
        span = local_instant(last, self.end) - local_instant(day, self.start)
        return span // timedelta(minutes=1)


class PeriodIn(Strict):
    """When a class period is: of one school or of all, on some weekdays or on all."""

    name: Key
    start: Wall
    end: Wall
    school: Key | None = None
    weekdays: Annotated[tuple[Annotated[int, Field(ge=1, le=7)], ...], Field(max_length=7)] = ()

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start == self.end:
            raise ValueError("start and end are the same")
        return self

    def times(self) -> Times:
        start, end = (int(wall[:2]) * 60 + int(wall[3:]) for wall in (self.start, self.end))
        return Times(start, end)


class EdFiMapping(Strict):
    """One source's mapping."""

    students: Literal["id", "civic_no"] = "id"
    day_minutes: Annotated[int, Field(strict=True, ge=1, le=1440)] = 360
    unexcused_is_confirmed: bool = False
    schools: dict[Key, Key] = Field(default_factory=dict)
    subjects: dict[Key, Key] = Field(default_factory=dict)
    sections: dict[Key, list[Key]] = Field(default_factory=dict)
    reasons: dict[Key, Literal["valid", "invalid", "other"]] = Field(default_factory=dict)
    periods: Annotated[tuple[PeriodIn, ...], Field(min_length=1, max_length=5000)]

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        seen: set[tuple[str | None, str, int]] = set()
        for period in self.periods:
            for weekday in period.weekdays or (0,):
                key = (period.school, period.name, weekday)
                if key in seen:
                    raise ValueError(f"period {period.name} has two times on the same days")
                seen.add(key)
        return self

    def times(self, school: str, name: str, day: date) -> Times | None:
        """The period's times: the school's own go before all schools', the weekday's before all."""
        fitting = [
            period
            for period in self.periods
            if period.name == name
            and period.school in {None, school}
            and (not period.weekdays or day.isoweekday() in period.weekdays)
        ]
        best = max(fitting, key=lambda p: (p.school is not None, bool(p.weekdays)), default=None)
        return best.times() if best else None


def read_edfi_mapping(path: Path) -> EdFiMapping:
    """Raises :class:`MappingError` with the file's name and the field."""
    return read_as(EdFiMapping, path)
