"""Applies what has changed among organisations, persons, groups and duties to the roster."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import ValidationError

from services.common.pg import tenant
from services.ingest.model.answers import Note
from services.ingest.model.parse import problems_of
from services.ingest.model.roster import RosterIn
from services.ingest.roster.apply import RosterService
from services.ingest.roster.changes import Delta, RosterRefusedError
from services.ingest.ss12000 import roster_parts
from services.ingest.ss12000.results import Settled
from services.ingest.ss12000.roster_parts import Part
from services.ingest.ss12000.shelf import Shelf
from services.ingest.ss12000.stock import Staged
from services.ingest.ss12000.units import Units
from services.ingest.ss12000.vocabulary import ROSTER, Resource

if TYPE_CHECKING:
    from services.common.pg import Pool
    from services.ingest.store.sources import Source

_TRIES = 8


class RosterSettler:
    """From staged entities to the roster, what has changed only."""

    def __init__(self, *, pool: Pool, roster: RosterService) -> None:
        self._pool = pool
        self._roster = roster

    async def run(self, source: Source, settled: Settled, *, accept_losses: bool) -> bool:
        """Apply what is dirty; False where nothing was.

        What cannot be applied alone is left out and told; a roster that would
        lose too many pupils is held as a whole.
        """
        async with tenant(self._pool, source.organiser_id) as connection:
            shelf = Shelf(connection, source)
            held = await connection.fetchval(
                "SELECT held FROM ingest.ss12000_state WHERE source_id = $1", source.source_id
            )
            if held is not None and not accept_losses:
                settled.held = True
                settled.problems += [
                    (Resource.PERSON, None, Note(**one)) for one in json.loads(held)
                ]
                return False
            # Persons and who is in which group are too many to be at hand: each part reads its own.
            persons = await shelf.dirty(Resource.PERSON)
            dirty: dict[Resource, dict[UUID, Staged]] = {
                kind: await shelf.get(kind, only="dirty", without=roster_parts.UNREAD)
                for kind in ROSTER
                if kind is not Resource.PERSON
            }
            if not persons and not any(dirty.values()):
                return False
            organisations = {
                identity: one.body
                for identity, one in (await shelf.get(Resource.ORGANISATION)).items()
                if not one.deleted
            }
            units = Units(organisations)
            stuck: dict[Resource, set[UUID]] = {kind: set() for kind in ROSTER}
            first = await roster_parts.school(shelf, source, dirty, persons, units)
            last = await roster_parts.duties_of(shelf, source, dirty[Resource.DUTY], units, stuck)
        try:
            await self._apply(source, first, settled, publish=False, accept_losses=accept_losses)
            for ids in roster_parts.chunks(persons):
                async with tenant(self._pool, source.organiser_id) as connection:
                    shelf = Shelf(connection, source)
                    chunk = await shelf.get(Resource.PERSON, ids)
                    part = await roster_parts.pupils_of(shelf, chunk, units, stuck, settled)
                await self._apply(source, part, settled, publish=False, accept_losses=accept_losses)
            await self._apply(source, last, settled, publish=True, accept_losses=accept_losses)
        except RosterRefusedError as error:
            await self._hold(source, error.problems)
            settled.held = True
            settled.problems += [(Resource.PERSON, None, note) for note in error.problems]
            return False
        async with tenant(self._pool, source.organiser_id) as connection:
            shelf = Shelf(connection, source)
            for kind in ROSTER:
                looked_at = persons if kind is Resource.PERSON else dirty[kind]
                await shelf.done(kind, list(looked_at), stuck=stuck[kind])
            await connection.execute(
                "UPDATE ingest.ss12000_state SET held = NULL WHERE source_id = $1",
                source.source_id,
            )
        return True

    async def _apply(
        self,
        source: Source,
        part: Part,
        settled: Settled,
        *,
        publish: bool,
        accept_losses: bool,
    ) -> None:
        delta = Delta(**part.gone, publish=publish)
        for _ in range(_TRIES):
            wanted = {name: items for name, items in part.roster.items() if items}
            # A list whose members are gone must be there, if empty.
            wanted |= {name: wanted.get(name, []) for name, gone in part.gone.items() if gone}
            if not wanted and not publish:
                return
            try:
                roster = RosterIn.model_validate(wanted)
                applied = await self._roster.put(
                    source, roster, accept_losses=accept_losses, delta=delta
                )
            except ValidationError as error:
                problems = problems_of(error)
            except RosterRefusedError as error:
                problems = error.problems
                if any(note.code == "too_many_left" for note in problems):
                    raise
            else:
                for name, count in applied.counts.items():
                    settled.roster[name] = settled.roster.get(name, 0) + count
                return
            if not roster_parts.leave_out(part, problems, settled):
                raise RosterRefusedError(problems)
        raise RosterRefusedError(problems)

    async def _hold(self, source: Source, problems: list[Note]) -> None:
        async with tenant(self._pool, source.organiser_id) as connection:
            await connection.execute(
                "INSERT INTO ingest.ss12000_state (organiser_id, source_id, held) "
                "VALUES ($1, $2, $3) ON CONFLICT (organiser_id, source_id) "
                "DO UPDATE SET held = EXCLUDED.held",
                source.organiser_id,
                source.source_id,
                json.dumps(
                    [
                        {"code": note.code, "field": note.field, "detail": note.detail}
                        for note in problems
                    ]
                ),
            )
