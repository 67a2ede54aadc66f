"""Who outside the school has a part in a case: the koordinatorers' queue, and those on it."""

from __future__ import annotations

from uuid import UUID

from services.cases.chain.context import Context
from services.cases.store import shares
from services.cases.store.scope import as_system


async def enter_queue(context: Context) -> None:
    """The case waits for a koordinator: the area's koordinatorer and their leader see it."""
    await _share(context, "queue", None)


async def leave_queue(context: Context) -> None:
    """It waits no more."""
    await _end(context, "queue", None)


async def join(context: Context, staff_id: UUID) -> None:
    """Somebody works in the case; the team's leader sees it while anybody does."""
    await leave_queue(context)
    await _share(context, "coordination", None)
    await _share(context, "member", staff_id)


async def keep_for_leader(context: Context) -> None:
    """A case that no school has stays where somebody can find it."""
    await _share(context, "coordination", None)


async def leave(context: Context, staff_id: UUID, *, last: bool) -> None:
    """Somebody works in it no more."""
    await _end(context, "member", staff_id)
    if last:
        await _end(context, "coordination", None)


async def _share(context: Context, audience: str, staff_id: UUID | None) -> None:
    async with as_system(context.connection):
        await shares.add(
            context.connection,
            context.database.new_id(),
            context.case.case_id,
            audience,
            at=context.now,
            staff_id=staff_id,
        )


async def _end(context: Context, audience: str, staff_id: UUID | None) -> None:
    async with as_system(context.connection):
        await context.connection.execute(
            """
            UPDATE cases.case_shares SET ended_at = $4
            WHERE organiser_id = cases.organiser() AND case_id = $1 AND audience = $2
              AND staff_id IS NOT DISTINCT FROM $3 AND ended_at IS NULL
            """,
            context.case.case_id,
            audience,
            staff_id,
            context.now,
        )
