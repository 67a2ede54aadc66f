"""Carries documents between organisers: a new row in the receiver's tenant, then the receipt.

One organiser a transaction, never two. A document is delivered under its own id, so a courier that
died anywhere on the way delivers it again and it is there once:

1. read what waits in the sender's tenant, and check its digest;
2. insert it in the receiver's tenant, exactly as sent (there already: nothing happens);
3. write the receipt in the sender's tenant (there already: nothing happens).

When somebody at the receiver has taken the document on, the sender is told the same way back. What
crosses is the document: no case, no attendance, no id of a pupil.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from services.cases import metrics
from services.cases.documents.render import digest
from services.cases.rounds import Rounds
from services.cases.store import carrying, documents
from services.cases.store.cases import UNKNOWN_UNIT, Happened, history
from services.cases.store.documents import Document
from services.cases.store.scope import Database
from services.common.logging import get_logger

_log = get_logger(__name__)
_PORTION = 50


def _nothing(_point: str) -> None:
    """Where a test may end the courier."""


class Courier(Rounds):
    """Carries whatever waits, whoever sent it."""

    name = "the courier"
    every_seconds = 5.0

    def __init__(self, database: Database, *, at: Callable[[str], None] = _nothing) -> None:
        super().__init__(database)
        self._at = at

    async def once(self) -> int:
        """Carry whatever waits; how many documents were delivered."""
        rows = await self._database.pool.fetch("SELECT cases.organisers_with_documents() AS id")
        delivered = 0
        for row in rows:
            delivered += await self._outgoing(row["id"])
            await self._taken(row["id"])
        return delivered

    async def _outgoing(self, sender: UUID) -> int:
        async with self._database.system(sender) as connection:
            waiting = await carrying.unsent(connection, _PORTION)
        self._at("read")
        delivered = 0
        for document, pdf in waiting:
            if digest(document.fields, pdf) != document.digest:
                # Never carried: what arrives is what was sent, or nothing.
                _log.error("a document is not what was written", document=str(document.document_id))
                metrics.DOCUMENTS.labels("refused").inc()
                continue
            await self._deliver(document, pdf)
            delivered += 1
        return delivered

    async def _deliver(self, document: Document, pdf: bytes) -> None:
        receiver = document.other_organiser_id
        assert receiver is not None  # noqa: S101 - asked for
        now = self._database.now()
        arrived = replace(
            document,
            organiser_id=receiver,
            other_organiser_id=document.organiser_id,
            direction="received",
            # Ids of the sender's tenant mean nothing here, and must not.
            case_id=None,
            entry_id=None,
            created_by=None,
            school_unit_id=UNKNOWN_UNIT,
            created_at=now,
            sent_at=now,
            receipt=None,
        )
        async with self._database.system(receiver) as connection:
            at = await carrying.put(connection, arrived, pdf)
            self._at("inserted")
        self._at("delivered")
        receipt = {"delivered_at": at.isoformat(), "sha256": document.digest.hex()}
        async with self._database.system(document.organiser_id) as connection:
            new = await documents.sent(connection, document.document_id, at, receipt)
            self._at("receipt")
        self._at("done")
        if new:
            metrics.DOCUMENTS.labels("delivered").inc()

    async def _taken(self, receiver: UUID) -> None:
        """Tell the senders what somebody here has taken on."""
        async with self._database.system(receiver) as connection:
            taken = await carrying.taken(connection, _PORTION)
        for document in taken:
            assert document.other_organiser_id is not None  # noqa: S101 - received ones have it
            assert document.received_at is not None  # noqa: S101 - asked for
            async with self._database.system(document.other_organiser_id) as connection:
                told = await carrying.acknowledge(
                    connection, document.document_id, document.received_at
                )
                if told is not None:
                    line = Happened(
                        event_id=self._database.new_id(),
                        case_id=told,
                        at=document.received_at,
                        kind="document_taken",
                        detail={"kind": document.kind},
                    )
                    await history(connection, document.other_organiser_id, [line])
            self._at("told")
            async with self._database.system(receiver) as connection:
                receipt = json.dumps({"told_at": self._database.now().isoformat()})
                await carrying.told(connection, document.document_id, receipt)
