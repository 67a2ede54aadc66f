"""The pupil's attendance as the chain needs it: around an insats, and now, for the outcome."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from services.cases.chain.context import Context
from services.cases.domain import effect
from services.cases.domain.effect import Day, Effect, Period
from services.cases.domain.workdays import SchoolCalendar
from services.cases.store import ground, reading
from services.cases.store.scope import as_system

if TYPE_CHECKING:
    from services.common.pg import Connection

#: Forty school days around a start, with a summer between them.
_BACK = timedelta(days=250)


async def around(context: Context, start: date) -> Effect:
    """Before and after a day, as far as the days are over."""
    async with as_system(context.connection):
        known, calendar, since = await _known(
            context.connection, context.case.pupil_id, context.case.school_unit_id, start
        )
    return effect.judge(known, calendar, start=start, until=_over(context.today), since=since)


async def now(context: Context) -> Period:
    """The newest school days that are over."""
    until = _over(context.today)
    async with as_system(context.connection):
        known, calendar, since = await _known(
            context.connection, context.case.pupil_id, context.case.school_unit_id, until
        )
    return effect.recent(known, calendar, until=until, since=since)


def _over(today: date) -> date:
    # What happens today is told by the warnings; the day's sums come when it is closed.
    return today - timedelta(days=1)


async def _known(
    connection: Connection, pupil_id: UUID, unit_id: UUID, around_day: date
) -> tuple[dict[date, Day], SchoolCalendar, date | None]:
    rows = await reading.absence_days(connection, pupil_id, around_day - _BACK, around_day + _BACK)
    since = await connection.fetchval(
        "SELECT min(valid_from) FROM people_v1.placements WHERE pupil_id = $1", pupil_id
    )
    known = {
        row["day"]: Day(row["day"], row["offered"], row["reported"], row["valid"] + row["invalid"])
        for row in rows
    }
    return known, await ground.calendar(connection, unit_id), since


def per_cent(share: float | None) -> float | None:
    """One decimal, as people read it."""
    return None if share is None else round(100 * share, 1)
