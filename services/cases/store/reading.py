"""SQL of what people read. Every query runs in the viewer's own transaction (Database.person)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from services.cases.store import cases
from services.common.clock import school_year

if TYPE_CHECKING:
    from asyncpg import Record

    from services.common.pg import Connection

_CASE = ", ".join(f"c.{name}" for name in cases.FIELDS)

# Who a row is about, as far as the viewer may know: one place for all lists and pages.
# Needs a row x with pupil_id, class_id, school_unit_id and assigned_staff_id.
WHO = """
    k.protected, k.known,
    CASE WHEN k.known THEN p.given_name || ' ' || p.family_name END AS pupil_name,
    CASE WHEN k.known THEN g.name END AS class_name,
    CASE WHEN k.known THEN u.name END AS unit_name
"""
# Deciding is for whom the row stands with, the unit's officers and its rektor.
CAN_DECIDE = """
    (x.assigned_staff_id = (SELECT cases.viewer())
     OR x.school_unit_id = ANY (
         (SELECT cases.units_of('{attendance_officer,principal}'))::uuid[])) IS TRUE AS can_decide
"""
JOIN_WHO = """
    LEFT JOIN people_v1.pupils p ON p.pupil_id = x.pupil_id
    LEFT JOIN people_v1.groups g ON g.group_id = x.class_id
    LEFT JOIN people_v1.school_units u ON u.school_unit_id = x.school_unit_id
    CROSS JOIN LATERAL (
        SELECT o.protected,
               NOT o.protected OR x.pupil_id = ANY ((SELECT cases.known_protected())::uuid[])
                   AS known
        FROM (SELECT x.pupil_id = ANY ((SELECT cases.protected_pupils())::uuid[])
                  AS protected) o) k
"""
_CASE_ROWS = f"""
    SELECT {_CASE}, {WHO},
           ((SELECT cases.desk_only())
            AND NOT c.case_id = ANY ((SELECT cases.opened_by_me())::uuid[])) AS desk_only,
           s.given_name || ' ' || s.family_name AS assigned_name, d.due_at,
           {CAN_DECIDE},
           CASE WHEN c.outside THEN (
               SELECT o.fields FROM cases.documents o
               WHERE o.organiser_id = c.organiser_id AND o.case_id = c.case_id
                 AND o.direction = 'received'
               ORDER BY o.created_at LIMIT 1) END AS outside_fields
    FROM cases.cases c
    JOIN LATERAL (SELECT c.pupil_id, c.class_id, c.school_unit_id, c.assigned_staff_id) x ON true
    {JOIN_WHO}
    LEFT JOIN people_v1.staff s ON s.staff_id = c.assigned_staff_id
    LEFT JOIN LATERAL (
        SELECT min(d.due_at) AS due_at FROM cases.duties d
        WHERE d.organiser_id = c.organiser_id AND d.case_id = c.case_id
          AND d.kind = 'acknowledge' AND d.done_at IS NULL) d ON true
    WHERE c.organiser_id = (SELECT cases.organiser())
"""


async def some_cases(connection: Connection, case_ids: Sequence[UUID]) -> list[Record]:
    """Those of these cases that the viewer may see, in the order given."""
    if not case_ids:
        return []
    rows = await connection.fetch(f"{_CASE_ROWS} AND c.case_id = ANY ($1::uuid[])", list(case_ids))
    return in_order(rows, "case_id", case_ids)


def in_order(rows: Sequence[Record], key: str, wanted: Sequence[UUID]) -> list[Record]:
    """Rows in the order of their ids; an id without a row is left out."""
    found = {row[key]: row for row in rows}
    return [found[one] for one in wanted if one in found]


async def one_case(connection: Connection, case: UUID | str) -> Record | None:
    """A case by id or by number."""
    column = "case_id" if isinstance(case, UUID) else "number"
    return await connection.fetchrow(f"{_CASE_ROWS} AND c.{column} = $1", case)


_CALL_ROWS = f"""
    SELECT x.duty_id, x.pupil_id, x.school_date, x.due_at, x.reason, x.withdrawn_at, x.attempts,
           x.attempted_at, x.assigned_staff_id, x.version, x.case_id, x.done_at, x.done_by,
           x.outcome, x.note, c.number AS case_number, {WHO}, p.birth_date, p.phone AS pupil_phone,
           s.given_name || ' ' || s.family_name AS assigned_name,
           {CAN_DECIDE}
    FROM cases.duties x
    {JOIN_WHO}
    LEFT JOIN cases.cases c ON c.organiser_id = x.organiser_id AND c.case_id = x.case_id
    LEFT JOIN people_v1.staff s ON s.staff_id = x.assigned_staff_id
    WHERE x.organiser_id = (SELECT cases.organiser()) AND x.kind = 'call_home'
"""


async def some_calls(connection: Connection, duty_ids: Sequence[UUID]) -> list[Record]:
    """Those of these calls home that the viewer may see, in the order given."""
    if not duty_ids:
        return []
    rows = await connection.fetch(f"{_CALL_ROWS} AND x.duty_id = ANY ($1::uuid[])", list(duty_ids))
    return in_order(rows, "duty_id", duty_ids)


async def calls_of(connection: Connection, case_id: UUID) -> list[Record]:
    """The calls home of a case."""
    return await connection.fetch(
        f"{_CALL_ROWS} AND x.case_id = $1 ORDER BY x.due_at, x.duty_id", case_id
    )


async def one_call(connection: Connection, duty_id: UUID) -> Record | None:
    """A call home."""
    return await connection.fetchrow(f"{_CALL_ROWS} AND x.duty_id = $1", duty_id)


async def contacts(connection: Connection, pupil_id: UUID) -> list[Record]:
    """The pupil's guardians and their numbers."""
    return await connection.fetch(
        """
        SELECT given_name || ' ' || family_name AS name, relation, phone
        FROM people_v1.guardians WHERE pupil_id = $1 ORDER BY relation, family_name, given_name
        """,
        pupil_id,
    )


async def some_unexcused(
    connection: Connection, day: date, episode_ids: Sequence[UUID]
) -> list[Record]:
    """Those of these same-day warnings of a school date that the viewer may see, in the order
    given."""
    if not episode_ids:
        return []
    rows = await connection.fetch(
        f"""
        SELECT e.episode_id, e.raised_day, e.state, e.lessons, e.sentence,
               e.unexplained_minutes + e.confirmed_minutes AS minutes,
               c.number AS case_number, {WHO},
               n.state AS notice, n.reason AS notice_reason, n.occurred_at AS notice_at
        FROM cases.episodes e
        JOIN cases.warnings w USING (organiser_id, thread_id)
        LEFT JOIN cases.cases c ON c.organiser_id = w.organiser_id AND c.case_id = w.case_id
        JOIN LATERAL (
            SELECT e.pupil_id, w.class_id, w.school_unit_id, c.assigned_staff_id) x ON true
        {JOIN_WHO}
        LEFT JOIN LATERAL (
            SELECT l.state, l.reason, l.occurred_at FROM cases.deliveries l
            WHERE l.organiser_id = e.organiser_id AND l.pupil_id = e.pupil_id
              AND l.school_date = e.raised_day AND l.kind = 'same_day'
            ORDER BY l.state = 'sent' DESC, l.occurred_at DESC LIMIT 1) n ON true
        WHERE e.organiser_id = (SELECT cases.organiser()) AND e.family = 'unexcused_today'
          AND e.raised_day = $1 AND e.episode_id = ANY ($2::uuid[])
        """,
        day,
        list(episode_ids),
    )
    return in_order(rows, "episode_id", episode_ids)


async def last_day_with_unexcused(connection: Connection, before: date) -> date | None:
    """The newest school date before ``before`` that has a standing same-day warning."""
    day: date | None = await connection.fetchval(
        """
        SELECT max(raised_day) FROM cases.episodes
        WHERE organiser_id = (SELECT cases.organiser())
          AND thread_id = ANY (
              (SELECT cases.unexcused_in_reach($1::date - 5, $1::date - 1, $2))::uuid[])
          AND state <> 'withdrawn' AND raised_day < $1 AND raised_day >= $1::date - 5
        """,
        before,
        school_year(before),
    )
    return day


async def school_signals(connection: Connection, since: date) -> list[Record]:
    """What goes on in the viewer's units (of a mentor's class its wave), told since a date."""
    return await connection.fetch(
        """
        SELECT s.kind, s.scope, coalesce(g.name, s.subject, s.slot, '') AS place, s.school_unit_id,
               u.name AS unit_name, s.first_day, s.last_day, s.window_days, s.pupils, s.absent,
               s.share_permille, s.usual_permille, s.offered, s.reported
        FROM cases.school_signals s
        LEFT JOIN people_v1.groups g ON g.group_id = s.class_id
        LEFT JOIN people_v1.school_units u ON u.school_unit_id = s.school_unit_id
        WHERE s.organiser_id = (SELECT cases.organiser())
          AND s.state = 'active' AND s.last_day >= $1
          -- A class that the roster does not know cannot be named.
          AND (s.scope <> 'class' OR g.name IS NOT NULL)
        ORDER BY u.name, s.school_unit_id,
                 array_position('{wave,cluster,unreported}'::text[], s.kind),
                 s.scope <> 'unit', s.scope <> 'class', place, s.signal_id
        """,
        since,
    )


async def snapshots(connection: Connection, case_id: UUID) -> list[bytes]:
    """The warning threads of a case."""
    rows = await connection.fetch(
        """
        SELECT snapshot FROM cases.warnings
        WHERE organiser_id = (SELECT cases.organiser()) AND case_id = $1 ORDER BY family, thread_id
        """,
        case_id,
    )
    return [row["snapshot"] for row in rows]


async def absence_days(
    connection: Connection, pupil_id: UUID, first: date, last: date
) -> list[Record]:
    """The pupil's days between two dates, both included."""
    return await connection.fetch(
        """
        SELECT day, offered, reported, valid, invalid_unexplained + invalid_confirmed AS invalid,
               lessons, lessons_reported, lessons_absent
        FROM cases.absence_days
        WHERE organiser_id = (SELECT cases.organiser()) AND pupil_id = $1 AND day BETWEEN $2 AND $3
        """,
        pupil_id,
        first,
        last,
    )


async def history(connection: Connection, case_id: UUID) -> list[Record]:
    """What happened, the newest first."""
    return await connection.fetch(
        """
        SELECT at, kind, actor_staff_id, school_date, detail FROM cases.case_events
        WHERE organiser_id = (SELECT cases.organiser()) AND case_id = $1 ORDER BY at DESC, seq DESC
        """,
        case_id,
    )


async def comments(connection: Connection, case_id: UUID) -> list[Record]:
    """What was written, the oldest first."""
    return await connection.fetch(
        """
        SELECT at, author_staff_id, body FROM cases.comments
        WHERE organiser_id = (SELECT cases.organiser()) AND case_id = $1 ORDER BY at, comment_id
        """,
        case_id,
    )


async def staff_names(connection: Connection, staff_ids: Sequence[UUID]) -> dict[UUID, str]:
    """What staff are called; who has left is missing."""
    if not staff_ids:
        return {}
    rows = await connection.fetch(
        """
        SELECT staff_id, given_name || ' ' || family_name AS name FROM people_v1.staff
        WHERE staff_id = ANY ($1::uuid[])
        """,
        list(staff_ids),
    )
    return {row["staff_id"]: row["name"] for row in rows}


async def my_duties(connection: Connection) -> list[Record]:
    """The viewer's duties today, the session's claims included, with what they cover."""
    return await connection.fetch(
        """
        SELECT d.role, u.name AS unit_name, g.name AS group_name, a.name AS area_name
        FROM cases.my_duties() d
        LEFT JOIN people_v1.school_units u ON u.school_unit_id = d.school_unit_id
        LEFT JOIN people_v1.groups g ON g.group_id = d.group_id
        LEFT JOIN people_v1.areas a ON a.area_id = d.area_id
        ORDER BY d.role, u.name, g.name
        """
    )
