"""'Skolan just nu': what the stream tells a school about itself, as lines for today's list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from services.cases.domain import school
from services.cases.store import reading
from services.cases.views.models import SchoolLine

if TYPE_CHECKING:
    from asyncpg import Record

    from services.common.pg import Connection

_FRESH = timedelta(days=14)
"""What was last told longer ago than a lov lasts is no longer how it is now."""


async def school_now(connection: Connection, today: date) -> list[SchoolLine]:
    """The lines that the viewer may see; none where all is as usual."""
    return lines(await reading.school_signals(connection, today - _FRESH), today)


def lines(rows: Sequence[Record], today: date) -> list[SchoolLine]:
    """One line a signal; what holds for the whole unit says so once, with its parts beneath."""
    whole: dict[tuple[object, str], SchoolLine] = {}
    found: list[SchoolLine] = []
    for row in rows:
        text = school.sentence(_signal(row), today)
        key = (row["school_unit_id"], row["kind"])
        if key in whole:
            whole[key].parts.append(text)
            continue
        line = SchoolLine(kind=row["kind"], school_unit=row["unit_name"] or "", text=text, parts=[])
        if row["scope"] == "unit":
            whole[key] = line
        found.append(line)
    return found


def _signal(row: Record) -> school.Signal:
    return school.Signal(**{name: row[name] for name in school.Signal.__dataclass_fields__})
