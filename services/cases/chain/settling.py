"""After every step: the case's duties by the law's clocks and the municipality's ladder."""

from __future__ import annotations

from services.cases.chain.consequences import ALWAYS
from services.cases.chain.context import Context
from services.cases.store import cases, settling
from services.cases.store.entries import Entry
from services.cases.store.scope import as_system


async def settle(context: Context, entry: Entry) -> None:
    """In the step's own transaction, so that no reader sees the one without the other."""
    del entry
    async with as_system(context.connection):
        held = await cases.by_ids(context.connection, [context.case.case_id])
        await settling.settle(context.connection, held, context.now, context.today)


def install() -> None:
    """Into the registry of the chain."""
    ALWAYS.append(settle)
