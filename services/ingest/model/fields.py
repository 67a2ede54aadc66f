"""Field types of the HTTP contract."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StringConstraints

from services.common.clock import STOCKHOLM

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)?", re.ASCII
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


Moment = TypeVar("Moment", date, datetime)


class Strict(BaseModel):
    """A misspelt field is an error, not silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _plausible(moment: Moment) -> Moment:
    # Far from both ends of Python's calendar, where time zones overflow.
    if not 1900 <= moment.year < 2200:
        raise ValueError("lies outside the years 1900 to 2199")
    return moment


def _instant(value: Any) -> datetime:
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("must be an RFC 3339 instant such as 2026-11-24T08:10:00+01:00")
    if value[-1] not in "Zz" and value[-6] not in "+-":
        raise ValueError("has no UTC offset; write for instance 2026-11-24T08:10:00+01:00")
    # Python reads at most microseconds.
    text = re.sub(r"(\.\d{6})\d+", r"\1", value.upper())
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("is no date and time of the calendar") from error
    return _plausible(instant)


def _day(value: Any) -> date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return _plausible(date.fromisoformat(value))
        except ValueError as error:
            raise ValueError("is no date of the calendar between 1900 and 2199") from error
    raise ValueError("must be a date such as 2026-11-24")


Instant = Annotated[datetime, BeforeValidator(_instant)]
"""RFC 3339 with an offset; the offset is kept, because a wrong one gives a wrong source away."""
Day = Annotated[date, BeforeValidator(_day)]
_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
"""PostgreSQL stores no NUL, and no id or name holds any other control character."""

Key = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=200, pattern=_PRINTABLE)
]
"""A source's own id."""
Text = Annotated[str, StringConstraints(strict=True, max_length=200, pattern=_PRINTABLE)]
Minutes = Annotated[int, Field(strict=True, ge=0, le=1440)]
Flag = StrictBool


def offset_is_swedish(instant: datetime) -> bool:
    """Whether ``instant`` was written in UTC or with the offset Sweden had at that moment."""
    offset = instant.utcoffset()
    return offset in (
        instant.astimezone(STOCKHOLM).utcoffset(),
        instant.astimezone(UTC).utcoffset(),
    )
