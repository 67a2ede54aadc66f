"""Entries that a step changes beside its own: an insats that was followed up, a beställning that
was taken up. Their versions are kept as everybody's are."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.cases.chain.context import Context
from services.cases.domain.entries.registry import KINDS
from services.cases.store import dated_duties, entries
from services.cases.store.entries import Entry
from services.cases.store.scope import as_system


async def move(context: Context, entry_id: UUID, status: str, **changes: Any) -> Entry | None:
    """Bring an entry to a status; None where it is there already and nothing changes.

    The step that the person takes has been judged, and this follows from it: so it is the
    service's own work, also where the entry's text is not for the person.
    """
    async with as_system(context.connection):
        held = await entries.one(context.connection, entry_id, lock=True)
        assert held is not None  # noqa: S101 - entries are never deleted
        body = held.body.model_copy(update=changes)
        if held.status == status and body == held.body:
            return None
        after = await entries.revise(
            context.connection,
            held,
            body=body,
            status=status,
            at=context.now,
            by=context.viewer.staff_id,
        )
        assert after is not None  # noqa: S101 - the row is locked
        wanted = KINDS[after.kind].due(after.body, after.status)
        await dated_duties.keep(context.connection, context.case, after, wanted)
    return after
