"""Applies what has changed among organisations, persons, groups and duties to the roster."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import ValidationError

from services.common.pg import tenant
from services.ingest.model.answers import Note
from services.ingest.model.parse import problems_of
from services.ingest.model.roster import RosterIn
from services.ingest.roster.apply import Delta, RosterRefusedError, RosterService
from services.ingest.ss12000 import people
from services.ingest.ss12000.people import Units
from services.ingest.ss12000.results import Settled
from services.ingest.ss12000.shelf import Shelf, Staged
from services.ingest.ss12000.vocabulary import ROSTER, Resource

if TYPE_CHECKING:
    from services.common.pg import Pool
    from services.ingest.store.sources import Source

CHUNK = 2000
"""Pupils of one transaction."""
_TRIES = 8
_LISTS = {
    "areas": Resource.ORGANISATION,
    "school_units": Resource.ORGANISATION,
    "groups": Resource.GROUP,
    "guardians": Resource.PERSON,
    "pupils": Resource.PERSON,
    "staff": Resource.PERSON,
    "duties": Resource.DUTY,
}
_OPTIONAL = {"email", "phone", "login", "civic_no", "area", "school_unit_code", "codes"}
_LISTED = {"guardians", "memberships", "placements"}


_NO_BIRTH_DATE = Note(
    "missing_field",
    "/birthDate",
    "/birthDate: a pupil without it, and without an identity number that tells it, is not in the "
    "roster; all that is said of them waits until the person is sent with one of the two",
)


@dataclass(slots=True)
class _Part:
    """One transaction's worth."""

    roster: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    gone: dict[str, frozenset[str]] = field(default_factory=dict)


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
            dirty = {kind: await shelf.get(kind, only="dirty") for kind in ROSTER}
            if not any(dirty.values()):
                return False
            organisations = {
                identity: one.body
                for identity, one in (await shelf.get(Resource.ORGANISATION)).items()
                if not one.deleted
            }
            units = Units(organisations)
            stuck: dict[Resource, set[UUID]] = {kind: set() for kind in ROSTER}
            parts = [await self._school(shelf, source, dirty, units)]
            parts += [
                await self._pupils(shelf, chunk, units, stuck, settled)
                for chunk in _chunks(dirty[Resource.PERSON])
            ]
            parts.append(await self._duties(shelf, source, dirty[Resource.DUTY], units, stuck))
        try:
            for index, part in enumerate(parts):
                await self._apply(
                    source, part, settled, publish=index == len(parts) - 1,
                    accept_losses=accept_losses,
                )  # fmt: skip
        except RosterRefusedError as error:
            await self._hold(source, error.problems)
            settled.held = True
            settled.problems += [(Resource.PERSON, None, note) for note in error.problems]
            return False
        async with tenant(self._pool, source.organiser_id) as connection:
            shelf = Shelf(connection, source)
            for kind in ROSTER:
                await shelf.done(kind, list(dirty[kind]), stuck=stuck[kind])
            await connection.execute(
                "UPDATE ingest.ss12000_state SET held = NULL WHERE source_id = $1",
                source.source_id,
            )
        return True

    async def _school(
        self,
        shelf: Shelf,
        source: Source,
        dirty: dict[Resource, dict[UUID, Staged]],
        units: Units,
    ) -> _Part:
        part = _Part()
        changed = dirty[Resource.ORGANISATION]
        mine = [identity for identity in changed if units.is_unit(identity)]
        part.roster["school_units"] = [units.unit_item(identity) for identity in mine]
        areas = {area for identity in mine if (area := units.area(identity)) is not None}
        areas |= {
            area for unit in _all_units(units) if (area := units.area(unit)) in changed and area
        }
        part.roster["areas"] = [units.area_item(identity) for identity in sorted(areas)]
        part.gone["school_units"] = _names(set(changed) - set(mine))
        # A group may have waited for its unit: changed organisations make it dirty.
        groups = {
            identity: item
            for identity, one in dirty[Resource.GROUP].items()
            if not one.deleted and (item := people.group_item(identity, one.body, units))
        }
        part.roster["groups"] = list(groups.values())
        part.gone["groups"] = _names(set(dirty[Resource.GROUP]) - set(groups))
        persons = {
            person
            for one in dirty[Resource.DUTY].values()
            if not one.deleted and (person := people.ref(one.body, "person"))
        }
        known = await shelf.get(Resource.PERSON, persons)
        part.roster["staff"] = await shelf.own_logins(
            source.namespace,
            [
                people.staff_item(identity, one.body)
                for identity, one in known.items()
                if not one.deleted
            ],
        )
        part.gone["staff"] = _names(
            identity for identity, one in dirty[Resource.PERSON].items() if one.deleted
        )
        return part

    async def _pupils(
        self,
        shelf: Shelf,
        persons: dict[UUID, Staged],
        units: Units,
        stuck: dict[Resource, set[UUID]],
        settled: Settled,
    ) -> _Part:
        part = _Part()
        pupils = {
            identity: one.body
            for identity, one in persons.items()
            if not one.deleted and people.is_pupil(one.body)
        }
        groups = {
            identity: one.body
            for identity, one in (
                await shelf.get(Resource.GROUP, await shelf.naming(Resource.GROUP, list(pupils)))
            ).items()
            if not one.deleted
        }
        members = people.members_of(groups, units, set(pupils))
        named = {
            person
            for body in pupils.values()
            for one in body.get("responsibles", ())
            if (person := people.ref(one, "person"))
        }
        guardians = {
            identity: one.body
            for identity, one in (await shelf.get(Resource.PERSON, named)).items()
            if not one.deleted
        }
        items = []
        used: set[UUID] = set()
        gone = {str(identity) for identity in persons}
        for identity, body in pupils.items():
            item, missing = people.pupil_item(
                identity, body, members.get(identity, ()), units, guardians
            )
            if item is not None:
                items.append(item)
                used |= {UUID(one["person"]) for one in item["guardians"]}
            if missing is not None:
                stuck[Resource.PERSON].add(identity)
            if missing == "birthDate":
                # No other entity will bring it, so that somebody must hear of it.
                settled.tell(Resource.PERSON, identity, _NO_BIRTH_DATE)
            if item is not None or missing is not None:
                gone.discard(str(identity))
        part.roster["guardians"] = [
            people.guardian_item(identity, guardians[identity]) for identity in sorted(used)
        ]
        part.roster["pupils"] = items
        part.gone["pupils"] = frozenset(gone)
        return part

    async def _duties(
        self,
        shelf: Shelf,
        source: Source,
        duties: dict[UUID, Staged],
        units: Units,
        stuck: dict[Resource, set[UUID]],
    ) -> _Part:
        part = _Part()
        named = await shelf.targets(Resource.DUTY, list(duties))
        groups = {
            identity: one.body
            for identity, one in (await shelf.get(Resource.GROUP, named)).items()
            if not one.deleted
        }
        persons = {
            identity
            for identity, one in (await shelf.get(Resource.PERSON, named)).items()
            if not one.deleted
        }
        items = []
        for identity, one in duties.items():
            if one.deleted:
                continue
            person = people.ref(one.body, "person")
            if person is not None and person not in persons:
                stuck[Resource.DUTY].add(identity)
                continue
            items += people.duty_items(identity, one.body, units, groups)
        part.roster["duties"] = items
        before = await shelf.duty_names(source.namespace, people.DUTY)
        mine = {name for name in before if UUID(name.split("|")[1]) in duties}
        part.gone["duties"] = frozenset(mine - {item["id"] for item in items})
        return part

    async def _apply(
        self,
        source: Source,
        part: _Part,
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
            if not _leave_out(part, problems, settled):
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


def _all_units(units: Units) -> list[UUID]:
    return [identity for identity in units.all_ids() if units.is_unit(identity)]


def _names(ids: Collection[UUID] | Any) -> frozenset[str]:
    return frozenset(str(identity) for identity in ids)


def _chunks(persons: dict[UUID, Staged]) -> list[dict[UUID, Staged]]:
    ordered = list(persons.items())
    return [dict(ordered[at : at + CHUNK]) for at in range(0, len(ordered), CHUNK)]


def _leave_out(part: _Part, problems: list[Note], settled: Settled) -> bool:
    """Take out what the roster cannot have, as little as can be; False where nothing helps."""
    cuts: dict[tuple[str, int], dict[tuple[str, int], None]] = {}
    whole: set[tuple[str, int]] = set()
    for note in problems:
        path = note.field.strip("/").split("/")
        if len(path) < 2 or path[0] not in part.roster or not path[1].isdecimal():
            return False
        at = (path[0], int(path[1]))
        item = part.roster[path[0]][at[1]]
        name = item["id"].removeprefix(people.DUTY).split("|")[0]
        settled.problems.append((_LISTS[path[0]], UUID(name), note))
        if len(path) >= 4 and path[2] in _LISTED and path[3].isdecimal():
            cuts.setdefault(at, {})[path[2], int(path[3])] = None
        elif len(path) >= 3 and path[2] in _OPTIONAL:
            item[path[2]] = [] if path[2] == "codes" else None
        else:
            whole.add(at)
    for (name, index), inner in cuts.items():
        for key, position in sorted(inner, reverse=True):
            del part.roster[name][index][key][position]
    for name, index in sorted(whole, reverse=True):
        del part.roster[name][index]
    return True
