"""SQL of long lists: how many there are and which of them a page shows is settled first, in the
viewer's own transaction; only those are then looked up whole.

A row is looked for from what the viewer has (migration 0016), and judged by the policies as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from services.cases.store.due_reading import ELSEWHERE
from services.cases.store.reading import JOIN_WHO, WHO
from services.common.clock import school_year

if TYPE_CHECKING:
    from services.common.pg import Connection

Section = Literal["unassigned", "overdue", "new", "changed", "under_way", "old"]
SECTIONS: tuple[Section, ...] = ("unassigned", "overdue", "new", "changed", "under_way", "old")
#: Lines of a page, where nobody asks for another number.
PAGE = 50


@dataclass(frozen=True, slots=True)
class Span:
    """Which lines of a list are wanted."""

    offset: int
    limit: int = PAGE

    def next_offset(self, total: int) -> int | None:
        """Where the lines after these begin; None where there are none."""
        after = self.offset + self.limit
        return after if after < total else None


@dataclass(frozen=True, slots=True)
class Picked:
    """How many lines a list has in all, and the ids of those that are wanted, in order."""

    total: int = 0
    ids: tuple[UUID, ...] = ()
    pressing: int = 0
    """Of calls home those that still have to be made; of duties those that are late; of same-day
    warnings those that stand."""
    later: int = 0
    """Of duties those that can wait."""


# Each open case in the first section that fits. Who has left the roster has no case any more.
_OPEN = """
    SELECT c.case_id, c.level, c.opened_at,
           CASE WHEN s.staff_id IS NULL THEN 'unassigned'
                WHEN d.due_at < $1 THEN 'overdue'
                WHEN c.state = 'new' THEN CASE WHEN c.woke THEN 'new' ELSE 'old' END
                WHEN c.attention IS NOT NULL THEN 'changed'
                ELSE 'under_way' END AS section
    FROM cases.cases c
    LEFT JOIN people_v1.staff s ON s.staff_id = c.assigned_staff_id
    LEFT JOIN LATERAL (
        SELECT min(d.due_at) AS due_at FROM cases.duties d
        WHERE d.organiser_id = c.organiser_id AND d.case_id = c.case_id
          AND d.kind = 'acknowledge' AND d.done_at IS NULL) d ON true
    WHERE c.organiser_id = (SELECT cases.organiser()) AND c.state <> 'closed'
      AND c.case_id = ANY ((SELECT cases.open_cases_in_reach())::uuid[])
      AND (NOT $2 OR c.assigned_staff_id = (SELECT cases.viewer()) OR s.staff_id IS NULL)
"""


async def sections(
    connection: Connection, now: datetime, span: Span, *, mine: bool, only: Section | None = None
) -> dict[Section, Picked]:
    """The viewer's open cases by what they ask for, the gravest first in each."""
    rows = await connection.fetch(
        f"""
        SELECT section, count(*) AS total,
               (array_agg(case_id ORDER BY level DESC, opened_at, case_id))[$3 + 1 : $3 + $4] AS ids
        FROM ({_OPEN}) o WHERE $5::text IS NULL OR section = $5 GROUP BY section
        """,
        now,
        mine,
        span.offset,
        span.limit,
        only,
    )
    return {row["section"]: Picked(row["total"], tuple(row["ids"])) for row in rows}


async def _picked(connection: Connection, sql: str, *values: object) -> Picked:
    """What a statement of one row has counted and picked."""
    row = await connection.fetchrow(sql, *values)
    assert row is not None  # noqa: S101 - an aggregate has one row
    ids = tuple(row["ids"] or ())
    return Picked(row["total"], ids, row.get("pressing", 0), row.get("later", 0))


async def cases_in(connection: Connection, states: Sequence[str], span: Span) -> Picked:
    """The viewer's cases in these states, the newest change first."""
    # Closed ones are found by their indexes: there are too many for a set of all.
    near = "" if "closed" in states else _NEAR
    return await _picked(
        connection,
        f"""
        SELECT count(*) AS total,
               (array_agg(c.case_id ORDER BY c.updated_at DESC, c.case_id))[$2 + 1 : $2 + $3] AS ids
        FROM cases.cases c
        WHERE c.organiser_id = (SELECT cases.organiser()) AND c.state = ANY ($1::text[]) {near}
        """,
        list(states),
        span.offset,
        span.limit,
    )


_NEAR = "AND c.case_id = ANY ((SELECT cases.open_cases_in_reach())::uuid[])"


async def duties(
    connection: Connection, now: datetime, later: datetime, span: Span, *, mine: bool
) -> Picked:
    """What is to be done, what is due first first; from ``later`` on it can wait."""
    return await _picked(
        connection,
        f"""
        SELECT count(*) AS total, count(*) FILTER (WHERE x.due_at < $1) AS pressing,
               count(*) FILTER (WHERE x.due_at >= $5) AS later,
               (array_agg(x.duty_id ORDER BY x.due_at, x.duty_id))[$3 + 1 : $3 + $4] AS ids
        FROM cases.duties x
        JOIN cases.cases c ON c.organiser_id = x.organiser_id AND c.case_id = x.case_id
        LEFT JOIN people_v1.staff s ON s.staff_id = x.assigned_staff_id
        WHERE x.organiser_id = (SELECT cases.organiser())
          AND x.duty_id = ANY ((SELECT cases.open_duties_in_reach())::uuid[])
          AND x.kind <> ALL ('{{{",".join(ELSEWHERE)}}}'::text[])
          AND x.done_at IS NULL AND x.withdrawn_at IS NULL
          AND (NOT $2 OR x.assigned_staff_id = (SELECT cases.viewer()) OR s.staff_id IS NULL)
        """,
        now,
        mine,
        span.offset,
        span.limit,
        later,
    )


async def calls(connection: Connection, today: date, span: Span, *, mine: bool) -> Picked:
    """Calls home not yet made, oldest first; withdrawn ones last, and only on their own day."""
    return await _picked(
        connection,
        """
        SELECT count(*) AS total, count(*) FILTER (WHERE x.withdrawn_at IS NULL) AS pressing,
               (array_agg(x.duty_id ORDER BY x.withdrawn_at IS NOT NULL, x.due_at, x.duty_id)
               )[$3 + 1 : $3 + $4] AS ids
        FROM cases.duties x
        LEFT JOIN people_v1.staff s ON s.staff_id = x.assigned_staff_id
        WHERE x.organiser_id = (SELECT cases.organiser()) AND x.kind = 'call_home'
          AND x.duty_id = ANY ((SELECT cases.open_duties_in_reach())::uuid[])
          AND x.done_at IS NULL AND (x.withdrawn_at IS NULL OR x.school_date = $1)
          AND (NOT $2 OR x.assigned_staff_id = (SELECT cases.viewer()) OR s.staff_id IS NULL)
        """,
        today,
        mine,
        span.offset,
        span.limit,
    )


async def unexcused(
    connection: Connection, day: date, span: Span, *, standing: bool = False
) -> Picked:
    """Same-day warnings of a school date by school and class: those that stand, then those taken
    back; with ``standing`` only the former."""
    return await _picked(
        connection,
        f"""
        SELECT count(*) AS total, count(*) FILTER (WHERE state <> 'withdrawn') AS pressing,
               (array_agg(episode_id ORDER BY state = 'withdrawn', unit_name, class_name,
                    pupil_name, episode_id))[$2 + 1 : $2 + $3] AS ids
        FROM (
            SELECT e.episode_id, e.state, {WHO}
            FROM cases.episodes e
            JOIN cases.warnings w USING (organiser_id, thread_id)
            JOIN LATERAL (SELECT e.pupil_id, w.class_id, w.school_unit_id) x ON true
            {JOIN_WHO}
            WHERE e.organiser_id = (SELECT cases.organiser()) AND e.raised_day = $1
              AND e.thread_id = ANY ((SELECT cases.unexcused_in_reach($1, $1, $4))::uuid[])
              AND NOT ($5 AND e.state = 'withdrawn')) o
        """,
        day,
        span.offset,
        span.limit,
        school_year(day),
        standing,
    )


# A closed case waits for no koordinator, whatever its beställning says.
_ORDERED = """
    FROM cases.entries e JOIN cases.cases c USING (organiser_id, case_id)
    WHERE e.organiser_id = (SELECT cases.organiser()) AND e.kind = 'coordination_request'
      AND e.status = 'ordered' AND c.state <> 'closed'
"""


async def ordered(connection: Connection, span: Span) -> Picked:
    """Beställningar that wait for a koordinator, the oldest first; ids of the entries."""
    return await _picked(
        connection,
        f"""
        SELECT count(*) AS total,
               (array_agg(e.entry_id ORDER BY e.body ->> 'on', c.number))[$1 + 1 : $1 + $2] AS ids
        {_ORDERED}
        """,
        span.offset,
        span.limit,
    )


async def coordinated(connection: Connection, span: Span) -> Picked:
    """Open cases that the viewer works in, or a leader's team does, the gravest first."""
    return await _picked(
        connection,
        f"""
        SELECT count(*) AS total,
               (array_agg(c.case_id ORDER BY c.level DESC, c.opened_at, c.case_id)
               )[$1 + 1 : $1 + $2] AS ids
        FROM cases.cases c
        WHERE c.organiser_id = (SELECT cases.organiser()) AND c.state <> 'closed'
          AND c.case_id IN (
              SELECT s.case_id FROM cases.case_shares s
              WHERE s.organiser_id = (SELECT cases.organiser()) AND s.ended_at IS NULL
                AND (s.staff_id = (SELECT cases.viewer()) OR s.audience = 'coordination'))
          AND c.case_id NOT IN (SELECT e.case_id {_ORDERED})
        """,
        span.offset,
        span.limit,
    )


async def received(connection: Connection, span: Span) -> Picked:
    """Beställningar from other organisers that nobody has taken on, the oldest first."""
    return await _picked(
        connection,
        """
        SELECT count(*) AS total,
               (array_agg(document_id ORDER BY created_at, document_id))[$1 + 1 : $1 + $2] AS ids
        FROM cases.documents
        WHERE organiser_id = cases.organiser() AND direction = 'received'
          AND kind = 'coordination_request' AND case_id IS NULL
        """,
        span.offset,
        span.limit,
    )
