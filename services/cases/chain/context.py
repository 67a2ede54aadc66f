"""What a step goes by: the case as the person sees it, and as the law does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from services.cases.domain.chain import Chain
from services.cases.store import audit, cases, chain_reading, entries, reading, shares
from services.cases.store.cases import Case
from services.cases.store.scope import Database, Viewer, as_system
from services.cases.views.case import not_found, protected

if TYPE_CHECKING:
    from asyncpg import Record

    from services.common.pg import Connection


@dataclass(frozen=True, slots=True)
class Context:
    """One person at one case, in one transaction."""

    connection: Connection
    database: Database
    viewer: Viewer
    case: Case
    chain: Chain
    roles: frozenset[str]
    can_decide: bool
    now: datetime
    today: date


async def load(
    connection: Connection, database: Database, viewer: Viewer, case: UUID | str, *, lock: bool
) -> Context:
    """The case, its chain and the person's roles in it; with ``lock`` nobody else takes a step in
    it until the transaction ends.

    Problem 404 where there is no such case for the viewer, 403 where the pupil must not be known.
    """
    row = await reading.one_case(connection, case)
    if row is None:
        raise not_found()
    if not row["known"]:
        raise protected()
    if lock:
        await chain_reading.lock(connection, row["case_id"])
        # Whoever held the lock may have changed it.
        row = await reading.one_case(connection, row["case_id"])
        if row is None:
            raise not_found()
    return await context_of(connection, database, viewer, row)


async def context_of(
    connection: Connection, database: Database, viewer: Viewer, row: Record
) -> Context:
    """The same of a case whose row has been read, and may be known."""
    held = cases.from_row(row)
    today = database.today()
    async with as_system(connection):
        facts = await entries.facts(connection, held.case_id, held.class_id, held.school_year)
        chain = await chain_reading.chain(connection, held, facts, today)
    return Context(
        connection=connection,
        database=database,
        viewer=viewer,
        case=held,
        chain=chain,
        roles=await shares.roles_on(connection, held.case_id),
        can_decide=row["can_decide"],
        now=database.now(),
        today=today,
    )


async def audited(context: Context, action: str, **detail: object) -> None:
    """Write down what the person read or did in the case."""
    await audit.write(
        context.connection,
        context.viewer.organiser_id,
        context.now,
        context.viewer.staff_id,
        action,
        case_id=context.case.case_id,
        **detail,
    )
