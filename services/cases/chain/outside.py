"""A beställning from another organiser, taken on: a case here for a pupil who is in no roster here.

The case holds what the document said and what is written in it afterwards (design D11). That it has
been taken on goes back to the sender with the courier, as any receipt does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from services.cases import metrics
from services.cases.chain import consequences, sharing
from services.cases.chain.context import audited, load
from services.cases.chain.perform import create
from services.cases.documents import received
from services.cases.domain.assignment import Assignment
from services.cases.domain.law.table import BY_NAME
from services.cases.store import cases, documents
from services.cases.store.cases import UNKNOWN_UNIT, Case
from services.cases.store.documents import Document
from services.cases.store.scope import Database, Viewer, as_system
from services.cases.views.queue import team_roles
from services.common.clock import school_date, school_year
from services.common.problem import Problem

if TYPE_CHECKING:
    from services.common.pg import Connection

_KIND = "coordination_request"


async def take_on(database: Database, viewer: Viewer, document_id: UUID) -> str:
    """Open a case from a received beställning; its number. It waits in the queue for a koordinator.

    Problem 403 for who is none of the team, 404 where there is no such beställning, 409 where
    somebody has taken it on already.
    """
    async with database.person(viewer) as connection:
        roles = await team_roles(connection)
        held = await documents.one(connection, document_id)
        if held is None or (held.direction, held.kind) != ("received", _KIND):
            raise Problem(
                404,
                "no_such_request",
                "Det finns ingen sådan beställning, eller så har någon annan redan tagit emot den.",
            )
        async with as_system(connection):
            held = await documents.one(connection, document_id, lock=True)
            if held is None or held.case_id is not None:
                raise Problem(409, "already_taken", "Beställningen är redan mottagen.")
            case = await _open(connection, database, viewer, held, leads="team_leader" in roles)
        context = await load(connection, database, viewer, case.case_id, lock=False)
        await sharing.enter_queue(context)
        body = received.coordination_request(held.fields, school_date(held.created_at))
        async with as_system(connection):
            entry = await create(context, BY_NAME["order_coordination"], body, None)
        # The day by which a koordinator is to be named.
        await consequences.after(context, entry)
        await consequences.tell(context, "taken_on", {})
        await audited(context, "document.taken_on", document=str(document_id))
    metrics.CASE_CHANGES.labels("opened_outside").inc()
    return case.number


async def _open(
    connection: Connection, database: Database, viewer: Viewer, held: Document, *, leads: bool
) -> Case:
    """The case's own row, and the document in it."""
    now, today = database.now(), database.today()
    year = school_year(today)
    (ordinal,) = await cases.next_ordinals(connection, viewer.organiser_id, year, 1)
    case = (
        Case.opened(
            viewer.organiser_id,
            database.new_id(),
            ordinal,
            # An id of nobody: the pupil is in no roster here.
            pupil_id=database.new_id(),
            school_year=year,
            school_unit_id=UNKNOWN_UNIT,
            class_id=None,
            headline=f"Beställning från {held.sender}.",
            school_date=today,
            at=now,
            outside=True,
        )
        .assigned(Assignment(viewer.staff_id, "team_leader" if leads else "coordinator"))
        .acknowledged(viewer.staff_id, now)
    )
    await cases.insert(connection, [case])
    await documents.put_with(connection, held.document_id, case.case_id, now, viewer.staff_id)
    return case
