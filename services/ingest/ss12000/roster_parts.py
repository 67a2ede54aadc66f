"""What has changed of the roster, as the lists of a delta: each part is one transaction's worth."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.ingest.model.answers import Note
from services.ingest.ss12000 import people
from services.ingest.ss12000.bodies import ref
from services.ingest.ss12000.results import Settled
from services.ingest.ss12000.shelf import Shelf
from services.ingest.ss12000.stock import Staged
from services.ingest.ss12000.units import Units, group_item
from services.ingest.ss12000.vocabulary import Resource
from services.ingest.store.doubts import CODE

if TYPE_CHECKING:
    from services.ingest.store.sources import Source

CHUNK = 2000
"""Pupils of one transaction."""
UNREAD = "groupMemberships"
"""What of a changed group is read for the pupils in it, and not for the group."""
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
class Part:
    """One transaction's worth."""

    roster: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    gone: dict[str, frozenset[str]] = field(default_factory=dict)


async def school(
    shelf: Shelf,
    source: Source,
    dirty: dict[Resource, dict[UUID, Staged]],
    persons: dict[UUID, bool],
    units: Units,
) -> Part:
    """Units, groups and staff that have changed. ``persons``: those changed, True = deleted."""
    part = Part()
    changed = dirty[Resource.ORGANISATION]
    mine = [identity for identity in changed if units.is_unit(identity)]
    part.roster["school_units"] = [units.unit_item(identity) for identity in mine]
    areas = {area for identity in mine if (area := units.area(identity)) is not None}
    areas |= {area for unit in _all_units(units) if (area := units.area(unit)) in changed and area}
    part.roster["areas"] = [units.area_item(identity) for identity in sorted(areas)]
    part.gone["school_units"] = _names(set(changed) - set(mine))
    # A group may have waited for its unit: changed organisations make it dirty.
    groups = {
        identity: item
        for identity, one in dirty[Resource.GROUP].items()
        if not one.deleted and (item := group_item(identity, one.body, units))
    }
    part.roster["groups"] = list(groups.values())
    part.gone["groups"] = _names(set(dirty[Resource.GROUP]) - set(groups))
    named = {
        person
        for one in dirty[Resource.DUTY].values()
        if not one.deleted and (person := ref(one.body, "person"))
    }
    known = await shelf.get(Resource.PERSON, named)
    part.roster["staff"] = await shelf.own_logins(
        source.namespace,
        [
            people.staff_item(identity, one.body)
            for identity, one in known.items()
            if not one.deleted
        ],
    )
    part.gone["staff"] = _names(identity for identity, deleted in persons.items() if deleted)
    return part


async def pupils_of(
    shelf: Shelf,
    persons: dict[UUID, Staged],
    units: Units,
    stuck: dict[Resource, set[UUID]],
    settled: Settled,
) -> Part:
    """Some of the persons that have changed, as pupils with their guardians."""
    part = Part()
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
        if (person := ref(one, "person"))
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
    gone -= await _kept_elsewhere(shelf, set(persons) - set(pupils))
    part.roster["guardians"] = [
        people.guardian_item(identity, guardians[identity]) for identity in sorted(used)
    ]
    part.roster["pupils"] = items
    part.gone["pupils"] = frozenset(gone)
    return part


async def _kept_elsewhere(shelf: Shelf, left: set[UUID]) -> set[str]:
    """Those who left that are pupils under another id: given a new one, or another source's too.

    That says anew what holds of them.
    """
    others = [
        (one, there)
        for one, there, body in await shelf.named_elsewhere(left)
        if people.is_pupil(body)
    ]
    await shelf.say_again([there for _, there in others])
    return {str(one) for one, _ in others}


async def duties_of(
    shelf: Shelf,
    source: Source,
    duties: dict[UUID, Staged],
    units: Units,
    stuck: dict[Resource, set[UUID]],
) -> Part:
    """The duties that have changed."""
    part = Part()
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
        person = ref(one.body, "person")
        if person is not None and person not in persons:
            stuck[Resource.DUTY].add(identity)
            continue
        items += people.duty_items(identity, one.body, units, groups)
    part.roster["duties"] = items
    before = await shelf.duty_names(source.namespace, people.DUTY)
    mine = {name for name in before if UUID(name.split("|")[1]) in duties}
    part.gone["duties"] = frozenset(mine - {item["id"] for item in items})
    return part


def in_doubt(part: Part, doubts: list[Note]) -> set[UUID]:
    """Whom these notes are about."""
    return {UUID(part.roster["pupils"][int(one.field.split("/")[2])]["id"]) for one in doubts}


def leave_out(part: Part, problems: list[Note], settled: Settled) -> bool:
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
        if note.code != CODE:
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
    named = {one["person"] for pupil in part.roster.get("pupils", ()) for one in pupil["guardians"]}
    if "guardians" in part.roster:
        # Whose pupil is left out has nobody here.
        part.roster["guardians"] = [one for one in part.roster["guardians"] if one["id"] in named]
    return True


def _all_units(units: Units) -> list[UUID]:
    return [identity for identity in units.all_ids() if units.is_unit(identity)]


def _names(ids: Collection[UUID] | Any) -> frozenset[str]:
    return frozenset(str(identity) for identity in ids)


def chunks(persons: Collection[UUID]) -> list[list[UUID]]:
    """The persons in as many as go into one transaction."""
    ordered = list(persons)
    return [ordered[at : at + CHUNK] for at in range(0, len(ordered), CHUNK)]
