"""Cases by state, page by page."""

from __future__ import annotations

from typing import Literal

from services.cases.store import audit, lists, reading
from services.cases.store.lists import Span
from services.cases.store.scope import Database, Viewer
from services.cases.views import rows
from services.cases.views.models import CaseLine, Shown

StateFilter = Literal["open", "closed", "any"]
_STATES: dict[StateFilter, tuple[str, ...]] = {
    "open": ("new", "acknowledged"),
    "closed": ("closed",),
    "any": ("new", "acknowledged", "closed"),
}


class CasePage(Shown):
    """A page of cases; ``next_offset`` is null on the last one."""

    cases: list[CaseLine]
    total: int
    """Cases in all."""
    next_offset: int | None


async def read_cases(
    database: Database, viewer: Viewer, state: StateFilter, span: Span
) -> CasePage:
    """A page of the viewer's cases, the newest change first; audited."""
    now = database.now()
    async with database.person(viewer) as connection:
        picked = await lists.cases_in(connection, _STATES[state], span)
        found = await reading.some_cases(connection, picked.ids)
        lines = [rows.case_line(row, viewer.staff_id, now) for row in found]
        await audit.write(
            connection,
            viewer.organiser_id,
            now,
            viewer.staff_id,
            "cases.read",
            cases=sorted(line.number for line in lines),
        )
    return CasePage(cases=lines, total=picked.total, next_offset=span.next_offset(picked.total))
