"""Organisations, persons, groups, activities and the like; and absences, as they are taken in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.common.pg import tenant
from services.ingest.model.answers import ItemAnswer
from services.ingest.ss12000 import entities
from services.ingest.ss12000.newer import beats, modified_at, newest
from services.ingest.ss12000.noticing import Noticer, refusal
from services.ingest.ss12000.shelf import Shelf
from services.ingest.ss12000.stock import Staged, table_of, touch
from services.ingest.ss12000.vocabulary import ROSTER, Resource

if TYPE_CHECKING:
    from services.common.pg import Pool
    from services.ingest.store.sources import Source


class OtherTaker:
    """All but lessons. The caller lets one call at a time in for a source."""

    def __init__(self, *, pool: Pool, noticer: Noticer) -> None:
        self._pool = pool
        self._noticer = noticer

    async def take(
        self,
        source: Source,
        resource: Resource,
        pairs: list[tuple[ItemAnswer, Any]],
        arrival: datetime,
    ) -> None:
        read: dict[UUID, tuple[ItemAnswer, Staged]] = {}
        for answer, value in pairs:
            found = entities.read(resource, value, answer)
            if found is None:
                continue
            modified = modified_at(found.modified, arrival, answer)
            staged = Staged(found.id, found.created or modified, modified, found.body, found.refs)
            newest(read, found.id, answer, staged, modified)
        async with tenant(self._pool, source.organiser_id) as connection:
            shelf = Shelf(connection, source)
            known = await shelf.get(resource, list(read))
            await shelf.see(resource, list(read))
            changed: list[Staged] = []
            again: dict[UUID, datetime] = {}
            for identity, (answer, staged) in read.items():
                before = known.get(identity)
                if before is not None and not beats(staged, before, answer, again):
                    continue
                created = staged.created if before is None else min(before.created, staged.created)
                changed.append(replace(staged, created=created))
            await touch(connection, source, table_of(resource), again, resource)
            if resource is not Resource.ABSENCE:
                await self._stage(shelf, resource, changed)
        if resource is Resource.ABSENCE and changed:
            said = await self._noticer.say(source, changed)
            for one in changed:
                answer = read[one.id][0]
                outcome = said[one.id]
                if outcome.status == "refused":
                    answer.refuse(refusal(outcome))
                else:
                    answer.notes += refusal(outcome)

    @staticmethod
    async def _stage(shelf: Shelf, resource: Resource, changed: list[Staged]) -> None:
        ids = {one.id for one in changed}
        before = (
            await shelf.targets(resource, ids)
            if resource in (Resource.GROUP, Resource.DUTY)
            else set()
        )
        await shelf.put(resource, changed)
        await shelf.changed(resource, ids, before)
        if ids and resource in ROSTER:
            await shelf.release_held()

    async def delete(
        self,
        source: Source,
        resource: Resource,
        answers: list[ItemAnswer],
        ids: Sequence[UUID],
        at: datetime,
    ) -> None:
        async with tenant(self._pool, source.organiser_id) as connection:
            shelf = Shelf(connection, source)
            known = await shelf.get(resource, list(ids))
            gone: dict[UUID, Staged] = {}
            for answer, identity in zip(answers, ids, strict=True):
                before = known.get(identity)
                if identity in gone or (before and (before.deleted or before.modified > at)):
                    answer.status = "duplicate"
                    continue
                if before is None:
                    gone[identity] = Staged(identity, at, at, {}, deleted=True)
                    continue
                refs = await shelf.targets(resource, [identity])
                gone[identity] = replace(
                    before, modified=at, deleted=True, refs=tuple(sorted(refs))
                )
            if resource is not Resource.ABSENCE:
                await self._stage(shelf, resource, list(gone.values()))
        if resource is Resource.ABSENCE:
            await self._delete_absences(source, list(gone.values()))

    async def _delete_absences(self, source: Source, gone: list[Staged]) -> None:
        told = [one for one in gone if one.body]
        if told:
            await self._noticer.say(source, told)
        async with tenant(self._pool, source.organiser_id) as connection:
            shelf = Shelf(connection, source)
            await shelf.put(Resource.ABSENCE, [one for one in gone if not one.body])
            await shelf.done(Resource.ABSENCE, [one.id for one in gone])

    async def close_reading(self, source: Source, resource: Resource, reading: str | None) -> None:
        async with tenant(self._pool, source.organiser_id) as connection:
            shelf = Shelf(connection, source)
            if reading is not None and not await shelf.close(resource, reading):
                return
            gone = await shelf.unseen(resource)
            if not gone:
                return
            known = await shelf.get(resource, gone)
            refs = {one: tuple(sorted(await shelf.targets(resource, [one]))) for one in gone}
            # A tombstone that any later word of the entity beats.
            await self._stage(
                shelf,
                resource,
                [
                    replace(
                        known[one],
                        deleted=True,
                        refs=refs[one],
                        modified=known[one].modified - timedelta(microseconds=1),
                    )
                    for one in gone
                ],
            )
