"""Cases that were read outside somebody's duties, as the list shows them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from services.cases.domain import text
from services.cases.openings import WAITS
from services.cases.store import audit, openings
from services.cases.store.scope import Database, Viewer, as_system
from services.cases.views.models import OpeningLine, Shown

if TYPE_CHECKING:
    from services.common.pg import Connection

_KEPT = timedelta(days=365)
_FRESH = timedelta(days=14)


class OpeningsShown(Shown):
    """The newest first."""

    openings: list[OpeningLine]


async def read_openings(database: Database, viewer: Viewer) -> OpeningsShown:
    """The viewer's own, a rektor's school's, and for the huvudman's officer every one; audited."""
    async with database.person(viewer) as connection:
        lines = await _lines(connection, viewer, database.now(), database.now() - _KEPT)
        await audit.write(
            connection, viewer.organiser_id, database.now(), viewer.staff_id, "openings.read"
        )
    return OpeningsShown(openings=lines)


async def told(connection: Connection, viewer: Viewer, now: datetime) -> list[OpeningLine]:
    """What others have opened in the last two weeks: for today's list of who oversees it."""
    found = await _lines(connection, viewer, now, now - _FRESH)
    return [line for line in found if not line.own]


async def _lines(
    connection: Connection, viewer: Viewer, now: datetime, since: datetime
) -> list[OpeningLine]:
    rows = await openings.newest(connection, since)
    if not rows:
        return []
    async with as_system(connection):
        numbers = await openings.numbers(connection, [row["case_id"] for row in rows])
    return [
        OpeningLine(
            opening_id=row["opening_id"],
            number=numbers.get(row["case_id"], ""),
            # Which school a protected pupil goes to is told to nobody by this list.
            school_unit=None if row["protected"] else row["unit_name"],
            by=row["staff_name"] or text.FORMER,
            own=row["staff_id"] == viewer.staff_id,
            kind=row["kind"],
            reason=row["reason"],
            asked_at=row["asked_at"],
            protected=row["protected"],
            approved_by=(row["approver_name"] or text.FORMER) if row["approved_by"] else None,
            state=_state(row["approved_at"], row["expires_at"], row["asked_at"], now),
            until=row["expires_at"],
        )
        for row in rows
    ]


def _state(
    approved_at: datetime | None, until: datetime | None, asked_at: datetime, now: datetime
) -> Literal["pending", "lapsed", "open", "over"]:
    if until is None:
        return "pending" if approved_at is None and asked_at > now - WAITS else "lapsed"
    return "open" if until > now else "over"


async def open_until(connection: Connection, case_id: UUID) -> datetime | None:
    """When the viewer's own opening of a case ends."""
    return await openings.open_until(connection, case_id)
