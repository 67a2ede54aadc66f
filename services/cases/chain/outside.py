"""A beställning from another organiser, taken on: a case here for a pupil who is in no roster here.

The case holds what the document said and what is written in it afterwards (design D11). That it has
been taken on goes back to the sender with the courier, as any receipt does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from services.cases import metrics
from services.cases.documents import received
from services.cases.domain.case import number
from services.cases.domain.entries.registry import KINDS
from services.cases.store import audit, cases, dated_duties, documents, entries, telling
from services.cases.store.cases import UNKNOWN_UNIT, Case
from services.cases.store.documents import Document
from services.cases.store.entries import Entry
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
            await _ordered(connection, database, viewer, held, case)
        await telling.tell(
            connection, database, viewer, case, "taken_on", detail={}, at=database.now()
        )
        await audit.write(
            connection,
            viewer.organiser_id,
            database.now(),
            viewer.staff_id,
            "document.taken_on",
            case_id=case.case_id,
            document=str(document_id),
        )
    metrics.CASE_CHANGES.labels("opened_outside").inc()
    return case.number


async def _open(
    connection: Connection, database: Database, viewer: Viewer, held: Document, *, leads: bool
) -> Case:
    """The case's own row, the document in it, and its place in the queue."""
    now, today = database.now(), database.today()
    year = school_year(today)
    (ordinal,) = await cases.next_ordinals(connection, viewer.organiser_id, year, 1)
    case = Case(
        organiser_id=viewer.organiser_id,
        case_id=database.new_id(),
        number=number(year, ordinal),
        # An id of nobody: the pupil is in no roster here.
        pupil_id=database.new_id(),
        school_year=year,
        school_unit_id=UNKNOWN_UNIT,
        class_id=None,
        state="acknowledged",
        attention=None,
        attention_at=None,
        assigned_staff_id=viewer.staff_id,
        assigned_as="team_leader" if leads else "coordinator",
        level=0,
        family=None,
        headline=f"Beställning från {held.sender}.",
        school_date=today,
        woke=True,
        opened_at=now,
        acknowledged_at=now,
        acknowledged_by=viewer.staff_id,
        closed_at=None,
        closed_by=None,
        close_reason=None,
        close_note=None,
        version=1,
        updated_at=now,
        outside=True,
    )
    await cases.insert(connection, [case])
    await documents.put_with(connection, held.document_id, case.case_id, now, viewer.staff_id)
    await connection.execute(
        """
        INSERT INTO cases.case_shares (organiser_id, share_id, case_id, audience, since)
        VALUES ($1, $2, $3, 'queue', $4)
        """,
        case.organiser_id,
        database.new_id(),
        case.case_id,
        now,
    )
    return case


async def _ordered(
    connection: Connection, database: Database, viewer: Viewer, held: Document, case: Case
) -> None:
    """The beställning as an entry, with the day by which a koordinator is to be named."""
    now, came = database.now(), school_date(held.created_at)
    entry = await entries.create(
        connection,
        Entry(
            organiser_id=case.organiser_id,
            entry_id=database.new_id(),
            case_id=case.case_id,
            school_unit_id=case.school_unit_id,
            class_id=None,
            parent_id=None,
            kind=_KIND,
            status="ordered",
            body=received.coordination_request(held.fields, came),
            sensitivity=KINDS[_KIND].sensitivity,
            named=(),
            school_date=database.today(),
            created_at=now,
            created_by=viewer.staff_id,
            updated_at=now,
            updated_by=viewer.staff_id,
        ),
    )
    wanted = KINDS[_KIND].due(entry.body, entry.status)
    await dated_duties.keep(connection, case, entry, wanted)
