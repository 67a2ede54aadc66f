"""SQL of the list of what is due. Every query runs in the viewer's own transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from services.cases.store.reading import CAN_DECIDE, JOIN_WHO, WHO, in_order

if TYPE_CHECKING:
    from asyncpg import Record

    from services.common.pg import Connection

#: These two have places of their own in today's list.
ELSEWHERE = ("call_home", "acknowledge")
_ROWS = f"""
    SELECT x.duty_id, x.kind, x.pupil_id, x.school_date, x.due_at, x.created_at, x.rule, x.ours,
           x.title, x.tasks, x.step, x.occurrence, x.assigned_staff_id, x.assigned_as, x.version,
           x.case_id, x.entry_id, x.done_at, x.done_by, x.note, x.withdrawn_at,
           c.number AS case_number, c.outside, {WHO},
           s.given_name || ' ' || s.family_name AS assigned_name,
           {CAN_DECIDE}
    FROM cases.duties x
    {JOIN_WHO}
    JOIN cases.cases c ON c.organiser_id = x.organiser_id AND c.case_id = x.case_id
    LEFT JOIN people_v1.staff s ON s.staff_id = x.assigned_staff_id
    WHERE x.organiser_id = (SELECT cases.organiser())
      AND x.kind <> ALL ('{{{",".join(ELSEWHERE)}}}'::text[])
"""


async def some(connection: Connection, duty_ids: Sequence[UUID]) -> list[Record]:
    """Those of these duties that the viewer may see, in the order given."""
    if not duty_ids:
        return []
    rows = await connection.fetch(f"{_ROWS} AND x.duty_id = ANY ($1::uuid[])", list(duty_ids))
    return in_order(rows, "duty_id", duty_ids)


async def one(connection: Connection, duty_id: UUID) -> Record | None:
    """One duty, done ones too."""
    return await connection.fetchrow(f"{_ROWS} AND x.duty_id = $1", duty_id)


async def tick_off(
    connection: Connection, duty_id: UUID, version: int, values: tuple[object, ...]
) -> bool:
    """A step of the ladder is done; False when somebody was quicker. Values: at, by, note."""
    answer = await connection.execute(
        """
        UPDATE cases.duties SET done_at = $3, done_by = $4, note = $5, outcome = 'done',
            version = version + 1
        WHERE organiser_id = cases.organiser() AND duty_id = $1 AND version = $2
          AND kind = 'ladder' AND done_at IS NULL AND withdrawn_at IS NULL
        """,
        duty_id,
        version,
        *values,
    )
    return bool(answer == "UPDATE 1")
