"""Applies what has changed among organisations, persons, groups and duties to the roster."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
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
from services.ingest.store import held
from services.ingest.store.doubts import CODE, Doubt, doubt_of, doubtful

if TYPE_CHECKING:
    from services.common.pg import Connection, Pool
    from services.ingest.store.sources import Source

_TRIES = 8
_IN_DOUBT = Note(
    CODE,
    "/civicNo",
    "/civicNo: another source's pupil has this name and birth date; all that is said of this one "
    "waits until a personnummer or a human tells whether they are the same",
)


class RosterSettler:
    """From staged entities to the roster, what has changed only."""

    def __init__(self, *, pool: Pool, roster: RosterService) -> None:
        self._pool = pool
        self._roster = roster

    async def run(self, source: Source, settled: Settled, *, accept_losses: bool) -> bool:
        """Apply what is dirty; False where nothing was.

        What cannot be applied alone is left out and told; a roster that would
        lose too many pupils is held as a whole. A pupil who is perhaps another
        source's waits, and nobody else.
        """
        done = await self._run(source, settled, accept_losses=accept_losses)
        async with tenant(self._pool, source.organiser_id) as connection:
            for one in await doubtful(connection, source):
                settled.tell(Resource.PERSON, UUID(one.id), _IN_DOUBT)
        return done

    async def _run(self, source: Source, settled: Settled, *, accept_losses: bool) -> bool:
        async with tenant(self._pool, source.organiser_id) as connection:
            shelf = Shelf(connection, source)
            waits = await connection.fetchval(
                "SELECT held FROM ingest.ss12000_state WHERE source_id = $1", source.source_id
            )
            if waits is not None and not accept_losses:
                settled.held = True
                settled.problems += [
                    (Resource.PERSON, None, Note(**one)) for one in json.loads(waits)
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
        doubted: set[UUID] = set()
        try:
            await self._apply(source, first, settled, publish=False, accept_losses=accept_losses)
            for ids in roster_parts.chunks(persons):
                async with tenant(self._pool, source.organiser_id) as connection:
                    shelf = Shelf(connection, source)
                    chunk = await shelf.get(Resource.PERSON, ids)
                    part = await roster_parts.pupils_of(shelf, chunk, units, stuck, settled)
                doubted |= await self._apply(
                    source, part, settled, publish=False, accept_losses=accept_losses
                )
            await self._apply(source, last, settled, publish=True, accept_losses=accept_losses)
        except RosterRefusedError as error:
            await self._hold(source, error.problems)
            settled.held = True
            settled.problems += [(Resource.PERSON, None, note) for note in error.problems]
            return False
        stuck[Resource.PERSON] |= doubted
        async with tenant(self._pool, source.organiser_id) as connection:
            shelf = Shelf(connection, source)
            await shelf.doubt(persons, doubted)
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
    ) -> set[UUID]:
        """Put a part in the roster; returns the persons in doubt, who are not in it."""
        doubted: set[UUID] = set()
        delta = Delta(**part.gone, publish=publish)
        for _ in range(_TRIES):
            wanted = {name: items for name, items in part.roster.items() if items}
            # A list whose members are gone must be there, if empty.
            wanted |= {name: wanted.get(name, []) for name, gone in part.gone.items() if gone}
            if not wanted and not publish:
                return doubted
            try:
                roster = RosterIn.model_validate(wanted)
                applied = await self._roster.put(
                    source, roster, accept_losses=accept_losses, delta=delta
                )
            except ValidationError as error:
                problems = problems_of(error)
            except RosterRefusedError as error:
                problems = error.problems
                doubts = [note for note in problems if note.code == CODE]
                if any(note.code == "too_many_left" for note in problems):
                    # Who is in doubt is seen when the rest has come through.
                    raise RosterRefusedError(
                        [note for note in problems if note not in doubts]
                    ) from error
                doubted |= roster_parts.in_doubt(part, doubts)
            else:
                for name, count in applied.counts.items():
                    settled.roster[name] = settled.roster.get(name, 0) + count
                return doubted
            if not roster_parts.leave_out(part, problems, settled):
                raise RosterRefusedError(problems)
        raise RosterRefusedError(problems)

    async def doubt_again(self, connection: Connection, source: Source) -> None:
        """The roster has changed: who is in doubt no more is looked at."""
        waiting = await doubtful(connection, source)
        if waiting:
            still = await self._roster.perhaps_known(connection, source, waiting)
            gone = [UUID(one.id) for one in waiting if one.id not in still]
            await Shelf(connection, source).look_again(Resource.PERSON, gone)

    async def decide(
        self, doubt: Doubt, same: Collection[str], *, by: str, note: str, now: datetime
    ) -> bool:
        """Name the pupils in doubt, who are looked at then; False where others are by now."""
        source = doubt.source
        async with tenant(self._pool, source.organiser_id) as connection:
            if await doubt_of(connection, doubt.held_id) is None:
                return False
            pupils = await doubtful(connection, source, doubt.persons)
            await self._roster.name(connection, source, pupils, same)
            await Shelf(connection, source).look_again(Resource.PERSON, doubt.persons)
            await held.decided(connection, doubt, len(same), by=by, note=note, now=now)
        return True

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
