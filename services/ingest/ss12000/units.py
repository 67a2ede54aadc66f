"""Organisations and groups as the roster's areas, school units and groups: pure."""

from __future__ import annotations

from uuid import UUID

from services.ingest.ss12000 import vocabulary as words
from services.ingest.ss12000.bodies import Bodies, Body, ref

_KINDS = {"Klass": "class", "Mentor": "mentor"}
NO_PUPILS = ("Avdelning", "Personalgrupp")
"""Groups of small children and of staff."""


class Units:
    """Which organisations are school units of ours, and what stands for which."""

    def __init__(self, organisations: Bodies) -> None:
        self._all = organisations
        self._below: dict[UUID, list[UUID]] = {}
        for identity, body in organisations.items():
            parent = ref(body, "parentOrganisation")
            if parent is not None:
                self._below.setdefault(parent, []).append(identity)

    def is_unit(self, identity: UUID) -> bool:
        """A skolenhet of a school form that registers absence from lessons."""
        body = self._all.get(identity)
        if body is None:
            return False
        if body["organisationType"] != "Skolenhet" and not body.get("schoolUnitCode"):
            return False
        kinds = body.get("schoolTypes") or []
        return not kinds or any(kind in words.SCHOOL_FORMS for kind in kinds)

    def all_ids(self) -> list[UUID]:
        return sorted(self._all)

    def knows(self, identity: UUID) -> bool:
        return identity in self._all

    def within(self, identity: UUID | None) -> list[UUID]:
        """The school units that an organisation is or holds, in the order of their ids."""
        if identity is None:
            return []
        found: set[UUID] = set()
        seen: set[UUID] = set()
        left = [identity]
        while left:
            one = left.pop()
            if one in seen:
                continue
            seen.add(one)
            if self.is_unit(one):
                found.add(one)
            left += self._below.get(one, [])
        return sorted(found)

    def unit(self, identity: UUID | None) -> UUID | None:
        """The one school unit that an organisation means; None where it is none or many."""
        found = self.within(identity)
        return found[0] if len(found) == 1 else None

    def area(self, identity: UUID) -> UUID | None:
        """The nearest stadsdel or rektorsområde above."""
        seen: set[UUID] = set()
        at: UUID | None = identity
        while at is not None and at not in seen:
            seen.add(at)
            body = self._all.get(at)
            if body is None:
                return None
            if at != identity and body["organisationType"] in ("Stadsdel", "Rektorsområde"):
                return at
            at = ref(body, "parentOrganisation")
        return None

    def unit_item(self, identity: UUID) -> Body:
        body = self._all[identity]
        area = self.area(identity)
        code = body.get("organisationCode")
        return {
            "id": str(identity),
            "school_unit_code": body.get("schoolUnitCode"),
            "name": body["displayName"],
            "area": None if area is None else str(area),
            "school_forms": [
                kind for kind in body.get("schoolTypes", ()) if kind in words.SCHOOL_FORMS
            ],
            "codes": [code] if code and code != body.get("schoolUnitCode") else [],
        }

    def area_item(self, identity: UUID) -> Body:
        return {"id": str(identity), "name": self._all[identity]["displayName"]}


def group_item(identity: UUID, body: Body, units: Units) -> Body | None:
    """A group of the roster; None where it is none of a school unit's pupils."""
    unit = units.unit(ref(body, "organisation"))
    if unit is None or body["groupType"] in NO_PUPILS:
        return None
    return {
        "id": str(identity),
        "school_unit": str(unit),
        "kind": _KINDS.get(body["groupType"], "teaching"),
        "name": body["displayName"],
    }
