"""The chain and the documents of a case, read in one transaction for its page."""

from __future__ import annotations

from uuid import UUID

from services.cases.chain.context import audited, load
from services.cases.chain.desk import DocumentShown, shown_of
from services.cases.chain.showing import ChainShown, chain_of
from services.cases.store import documents
from services.cases.store.scope import Database, Viewer


async def read_whole(
    database: Database, viewer: Viewer, case: UUID | str
) -> tuple[ChainShown, list[DocumentShown]]:
    """What has been written, what may come next, and what has been sent; audited."""
    async with database.person(viewer) as connection:
        context = await load(connection, database, viewer, case, lock=False)
        chain = await chain_of(context)
        sent = await shown_of(connection, await documents.of_case(connection, chain.case_id))
        await audited(context, "chain.read", entries=len(chain.entries), documents=len(sent))
    return chain, sent
