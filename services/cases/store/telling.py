"""What somebody did in a case: a line in its history, and an event for the others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from services.cases.store import cases, outbox
from services.cases.store.cases import Case, Happened
from services.cases.store.outbox import Told
from services.cases.store.scope import Database, Viewer

if TYPE_CHECKING:
    from services.common.pg import Connection


async def tell(
    connection: Connection,
    database: Database,
    viewer: Viewer,
    case: Case,
    kind: str,
    *,
    detail: Mapping[str, object],
    at: datetime,
) -> None:
    """In the transaction of what was done. What has no event of its own is told as a step."""
    line = Happened(
        event_id=database.new_id(),
        case_id=case.case_id,
        at=at,
        kind=kind,
        actor_staff_id=viewer.staff_id,
        detail=detail,
    )
    await cases.history(connection, case.organiser_id, [line])
    event = kind if kind in outbox.KINDS else "step"
    await outbox.put(connection, [Told.of(case, event, event_id=database.new_id(), at=at)])
