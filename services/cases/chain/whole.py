"""A case with its chain and its documents, read in one transaction for its page."""

from __future__ import annotations

from uuid import UUID

from services.cases.chain.context import audited, context_of
from services.cases.chain.desk import DocumentShown, shown_of
from services.cases.chain.showing import ChainShown, chain_of
from services.cases.store import documents
from services.cases.store.scope import Database, Viewer
from services.cases.views.case import case_of, reading_case
from services.cases.views.models import CaseShown


async def read_whole(
    database: Database, viewer: Viewer, case: UUID | str
) -> tuple[CaseShown, ChainShown, list[DocumentShown]]:
    """The case, what has been written, what may come next, and what has been sent; audited, and
    refused as :func:`..views.case.read_case` is."""
    async with reading_case(database, viewer, case) as (connection, row):
        shown = await case_of(database, connection, viewer, row)
        context = await context_of(connection, database, viewer, row)
        chain = await chain_of(context)
        sent = await shown_of(connection, await documents.of_case(connection, chain.case_id))
        await audited(context, "chain.read", entries=len(chain.entries), documents=len(sent))
    return shown, chain, sent
