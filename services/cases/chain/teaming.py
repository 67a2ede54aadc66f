"""The team's leader enters who works in the team, with how much room and until when."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import asyncpg

from services.cases.domain.coordination import TeamMember
from services.cases.store import audit, team
from services.cases.store.scope import Database, Viewer
from services.common.problem import Problem


async def enter(
    database: Database,
    viewer: Viewer,
    *,
    staff_id: UUID,
    profession: str,
    capacity: int,
    since: date,
    until: date | None,
    note: str = "",
) -> None:
    """A place in the team; row-level security says who may give it."""
    if until is not None and until <= since:
        raise Problem(
            422, "wrong_span", "Platsen kan inte sluta innan den börjar.", field="/valid_to"
        )
    member = TeamMember(staff_id, profession, capacity, since, until)
    try:
        async with database.person(viewer) as connection:
            await team.enter(
                connection,
                database.new_id(),
                member,
                note=note,
                at=database.now(),
                by=viewer.staff_id,
            )
            await audit.write(
                connection,
                viewer.organiser_id,
                database.now(),
                viewer.staff_id,
                "team.entered",
                staff=str(staff_id),
                capacity=capacity,
            )
    except asyncpg.InsufficientPrivilegeError as error:
        raise Problem(403, "not_your_team", "Laget sätts samman av teamledaren.") from error
