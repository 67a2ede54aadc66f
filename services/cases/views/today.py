"""Today's list: what waits for somebody, never empty of what matters.

A list may be long. The page shows the beginning of each part, what needs doing first first, says
how many there are in all, and leads to the rest (:func:`read_part`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from services.cases.store import audit, due_reading, lists, reading
from services.cases.store.lists import SECTIONS, Picked, Section, Span
from services.cases.store.scope import Database, Viewer
from services.cases.views import rows
from services.cases.views.due import duty_line
from services.cases.views.models import (
    CallLine,
    CaseLine,
    DutyLine,
    OpeningLine,
    SchoolLine,
    Shown,
    UnexcusedLine,
)
from services.cases.views.openings import told
from services.cases.views.queue import waiting_for_me
from services.cases.views.school import school_now

if TYPE_CHECKING:
    from services.common.pg import Connection

Scope = Literal["mine", "all"]
Part = Literal["calls", "duties", Section, "unexcused", "unexcused_before"]
#: How many lines of each part the page begins with: a morning's work, and less of what can wait.
FIRST: dict[Part, int] = {
    "calls": 30,
    "duties": 20,
    "unassigned": 15,
    "overdue": 15,
    "new": 15,
    "changed": 15,
    "under_way": 10,
    "old": 10,
    "unexcused": 30,
    "unexcused_before": 15,
}
#: Parts that show what was taken back too.
_TAKEN_BACK: frozenset[Part] = frozenset({"calls", "unexcused"})
#: What is due after that can wait.
LATER = dt.timedelta(days=7)


class Totals(Shown):
    """How many lines each part has in all."""

    calls: int
    """Those that still have to be made."""
    calls_withdrawn: int
    duties: int
    duties_late: int
    duties_later: int
    """Those that can wait."""
    unassigned: int
    overdue: int
    new: int
    changed: int
    under_way: int
    old: int
    unexcused: int
    """Those that stand."""
    unexcused_withdrawn: int
    unexcused_before: int


class Today(Shown):
    """Today's list: the beginning of each part, and how long each is. A case stands in one of the
    case lists only."""

    date: dt.date
    scope: Scope
    totals: Totals
    school: list[SchoolLine]
    calls: list[CallLine]
    duties: list[DutyLine]
    """What is to be done, what is due first first."""
    unassigned: list[CaseLine]
    overdue: list[CaseLine]
    new: list[CaseLine]
    changed: list[CaseLine]
    under_way: list[CaseLine]
    old: list[CaseLine]
    """Found in old facts when they were read in: listed, but nobody was woken."""
    unexcused: list[UnexcusedLine]
    unexcused_before: list[UnexcusedLine]
    """Those of the last school day before today."""
    queue: int | None
    """Beställningar that wait at the koordinatorers' desk; null for who has no part in it."""
    opened: list[OpeningLine]
    """For who oversees it: what others have read outside their duties in the last two weeks."""


class PartShown(Shown):
    """A stretch of one part of today's list; one of the four lists is filled."""

    part: Part
    scope: Scope
    standing: int
    """Of the lines those that were not taken back: what the list counts."""
    total: int
    """Lines in all; those taken back stand last."""
    offset: int
    next_offset: int | None
    """Null on the last one."""
    calls: list[CallLine]
    duties: list[DutyLine]
    cases: list[CaseLine]
    unexcused: list[UnexcusedLine]


class _Reader:
    """One person's lists in one transaction."""

    def __init__(
        self, connection: Connection, database: Database, viewer: Viewer, scope: Scope
    ) -> None:
        self._connection = connection
        self._viewer = viewer.staff_id
        self._now, self._today = database.now(), database.today()
        self._mine = scope == "mine"

    async def calls(self, span: Span) -> tuple[Picked, list[CallLine]]:
        picked = await lists.calls(self._connection, self._today, span, mine=self._mine)
        found = await reading.some_calls(self._connection, picked.ids)
        return picked, [rows.call_line(row, self._viewer) for row in found]

    async def duties(self, span: Span) -> tuple[Picked, list[DutyLine]]:
        later = self._now + LATER
        picked = await lists.duties(self._connection, self._now, later, span, mine=self._mine)
        found = await due_reading.some(self._connection, picked.ids)
        return picked, [duty_line(row, self._viewer, self._now) for row in found]

    async def sections(self) -> dict[Section, tuple[Picked, list[CaseLine]]]:
        """The first lines of each section."""
        span = Span(0, max(FIRST[section] for section in SECTIONS))
        picked = await lists.sections(self._connection, self._now, span, mine=self._mine)
        first = {name: one.ids[: FIRST[name]] for name, one in picked.items()}
        lines = await self._cases([case_id for ids in first.values() for case_id in ids])
        return {
            name: (
                picked.get(name, Picked()),
                [lines[one] for one in first.get(name, ()) if one in lines],
            )
            for name in SECTIONS
        }

    async def section(self, name: Section, span: Span) -> tuple[Picked, list[CaseLine]]:
        picked = await lists.sections(self._connection, self._now, span, mine=self._mine, only=name)
        one = picked.get(name, Picked())
        return one, list((await self._cases(one.ids)).values())

    async def _cases(self, ids: Sequence[UUID]) -> dict[UUID, CaseLine]:
        found = await reading.some_cases(self._connection, ids)
        return {row["case_id"]: rows.case_line(row, self._viewer, self._now) for row in found}

    async def unexcused(self, span: Span) -> tuple[Picked, list[UnexcusedLine]]:
        picked = await lists.unexcused(self._connection, self._today, span)
        return picked, await self._unexcused(self._today, picked)

    async def unexcused_before(self, span: Span) -> tuple[Picked, list[UnexcusedLine]]:
        """Of the last day before, and only what stands."""
        before = await reading.last_day_with_unexcused(self._connection, self._today)
        if before is None:
            return Picked(), []
        picked = await lists.unexcused(self._connection, before, span, standing=True)
        return picked, await self._unexcused(before, picked)

    async def _unexcused(self, day: dt.date, picked: Picked) -> list[UnexcusedLine]:
        found = await reading.some_unexcused(self._connection, day, picked.ids)
        return [rows.unexcused_line(row) for row in found]


async def today(database: Database, viewer: Viewer, scope: Scope) -> Today:
    """The viewer's list for today; reading it is audited with the cases that it named.

    ``mine`` narrows to what stands with the viewer; what stands with nobody is always there.
    """
    async with database.person(viewer) as connection:
        return await today_within(connection, database, viewer, scope)


async def today_within(
    connection: Connection, database: Database, viewer: Viewer, scope: Scope
) -> Today:
    """The same, in the person's transaction of a page that has one; the audit is its last
    statement."""
    now, day = database.now(), database.today()
    reader = _Reader(connection, database, viewer, scope)
    calls, call_lines = await reader.calls(Span(0, FIRST["calls"]))
    duties, duty_lines = await reader.duties(Span(0, FIRST["duties"]))
    sections = await reader.sections()
    unexcused, unexcused_lines = await reader.unexcused(Span(0, FIRST["unexcused"]))
    earlier, earlier_lines = await reader.unexcused_before(Span(0, FIRST["unexcused_before"]))
    named = [line for _, lines in sections.values() for line in lines]
    shown = Today(
        date=day,
        scope=scope,
        totals=Totals(
            calls=calls.pressing,
            calls_withdrawn=calls.total - calls.pressing,
            duties=duties.total,
            duties_late=duties.pressing,
            duties_later=duties.later,
            unexcused=unexcused.pressing,
            unexcused_withdrawn=unexcused.total - unexcused.pressing,
            unexcused_before=earlier.total,
            **{section: picked.total for section, (picked, _) in sections.items()},
        ),
        school=await school_now(connection, day),
        calls=call_lines,
        duties=duty_lines,
        unexcused=unexcused_lines,
        unexcused_before=earlier_lines,
        queue=await waiting_for_me(connection),
        opened=await told(connection, viewer, now),
        **{section: lines for section, (_, lines) in sections.items()},
    )
    await audit.write(
        connection,
        viewer.organiser_id,
        now,
        viewer.staff_id,
        "list.read",
        cases=sorted(line.number for line in named),
        calls=len(call_lines),
        duties=len(duty_lines),
        unexcused=len(unexcused_lines) + len(earlier_lines),
    )
    return shown


async def read_part(
    database: Database, viewer: Viewer, scope: Scope, part: Part, span: Span
) -> PartShown:
    """A stretch of one part of today's list, in the same order; audited like the list."""
    async with database.person(viewer) as connection:
        reader = _Reader(connection, database, viewer, scope)
        calls: list[CallLine] = []
        duties: list[DutyLine] = []
        cases: list[CaseLine] = []
        unexcused: list[UnexcusedLine] = []
        if part == "calls":
            picked, calls = await reader.calls(span)
        elif part == "duties":
            picked, duties = await reader.duties(span)
        elif part == "unexcused":
            picked, unexcused = await reader.unexcused(span)
        elif part == "unexcused_before":
            picked, unexcused = await reader.unexcused_before(span)
        else:
            picked, cases = await reader.section(part, span)
        await audit.write(
            connection,
            viewer.organiser_id,
            database.now(),
            viewer.staff_id,
            "list.read",
            part=part,
            cases=sorted(line.number for line in cases),
            calls=len(calls),
            duties=len(duties),
            unexcused=len(unexcused),
        )
    return PartShown(
        part=part,
        scope=scope,
        standing=picked.pressing if part in _TAKEN_BACK else picked.total,
        total=picked.total,
        offset=span.offset,
        next_offset=span.next_offset(picked.total),
        calls=calls,
        duties=duties,
        cases=cases,
        unexcused=unexcused,
    )
