"""/deletedEntities: what the source says is no more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.ingest.ss12000.results import InboxLike
from services.ingest.ss12000.vocabulary import Resource
from services.ingest.store.sources import Source
from services.ingest.sync.reader import Reader, as_uuid
from services.ingest.sync.tally import Tally

ASKED_ONE_BY_ONE = 20


class Deletions:
    """Applies listed ids.

    The list says neither when an entity was deleted nor whether it has come back since, and the
    overlap lists some twice. So few are asked for one by one: who answers lives. Of many, those
    that were listed before are left alone; the others count as deleted by ``at``, the end of the
    pass before, for what was modified after it was read then may be the entity's return.
    """

    def __init__(self, inbox: InboxLike, source: Source, reader: Reader, tally: Tally) -> None:
        self._inbox = inbox
        self._source = source
        self._reader = reader
        self._tally = tally

    async def apply(
        self, resource: Resource, ids: Sequence[str], *, listed: frozenset[str], at: datetime
    ) -> None:
        """Delete ``ids`` as of ``at``; ``listed`` are those that the last pass listed, too."""
        gone: list[str] = []
        if len(ids) <= ASKED_ONE_BY_ONE:
            for id_ in ids:
                entity = await self._reader.one(resource, id_) if as_uuid(id_) else None
                if entity is None:
                    gone.append(id_)
                else:
                    answers = await self._inbox.take(self._source, resource, [entity])
                    self._tally.answers(resource, [entity], answers, None)
        else:
            gone = [id_ for id_ in ids if id_ not in listed]
        uuids = [(id_, as_uuid(id_)) for id_ in gone]
        for id_ in (id_ for id_, uuid in uuids if uuid is None):
            self._tally.problem(resource, "invalid", "/id", "Warning", id_)
        good = [uuid for _, uuid in uuids if uuid is not None]
        if good:
            await self._inbox.delete(self._source, resource, good, at)
            self._tally.add(resource, "deleted", len(good))
