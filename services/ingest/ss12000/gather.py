"""Calls for one entity that come at the same time are taken together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.ingest.model.answers import ItemAnswer
from services.ingest.ss12000.results import InboxLike
from services.ingest.ss12000.vocabulary import Resource

if TYPE_CHECKING:
    from services.ingest.store.sources import Source

MOST = 500
_Waiting = tuple[Mapping[str, Any], asyncio.Future[ItemAnswer]]


class Gatherer:
    """The standard posts one attendance a call: a class's register is twenty-five of them.

    While one batch of a source is being written, what arrives waits and becomes
    the next: nobody waits longer than for two batches, and a call's promise is
    the batch's.
    """

    def __init__(self, inbox: InboxLike) -> None:
        self._inbox = inbox
        self._queues: dict[tuple[UUID, Resource], deque[_Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(
        self, source: Source, resource: Resource, entity: Mapping[str, Any]
    ) -> ItemAnswer:
        """What :meth:`Inbox.take` answers for one entity."""
        future: asyncio.Future[ItemAnswer] = asyncio.get_running_loop().create_future()
        key = (source.source_id, resource)
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = deque()
            task = asyncio.create_task(self._run(source, resource, queue))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        queue.append((entity, future))
        return await future

    async def _run(self, source: Source, resource: Resource, queue: deque[_Waiting]) -> None:
        try:
            while queue:
                batch = [queue.popleft() for _ in range(min(MOST, len(queue)))]
                try:
                    answers = await self._inbox.take(source, resource, [one for one, _ in batch])
                except Exception as error:  # noqa: BLE001 - each of the callers has it
                    for _, future in batch:
                        if not future.done():
                            future.set_exception(error)
                    continue
                for (_, future), answer in zip(batch, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)
        finally:
            del self._queues[source.source_id, resource]
            for _, future in queue:
                future.cancel()
