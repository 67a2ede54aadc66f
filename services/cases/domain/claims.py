"""Roles that a provider's claims give for a session: only what the organiser has allowed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from services.common.roles import ORGANISER_WIDE, Role

_MOST = 50
"""More values than this in one claim are no person's."""


class Rules(Protocol):
    """How one organiser reads a provider's claims (services.common.settings.ClaimRules)."""

    @property
    def roles_claim(self) -> str: ...
    @property
    def roles(self) -> Mapping[str, Role]: ...
    @property
    def units_claim(self) -> str | None: ...
    @property
    def areas_claim(self) -> str | None: ...
    @property
    def allow(self) -> frozenset[Role]: ...


@dataclass(frozen=True, slots=True)
class Claimed:
    """What the claims say, in the organiser's own words."""

    roles: tuple[Role, ...]
    units: tuple[str, ...]
    """Skolenhetskoder."""
    areas: tuple[str, ...]
    """Names of areas."""


@dataclass(frozen=True, slots=True)
class ClaimedDuty:
    """One role at one place; no place is the whole organiser."""

    role: Role
    area_id: UUID | None = None
    school_unit_id: UUID | None = None


def read(rules: Rules, claims: Mapping[str, Any]) -> Claimed:
    """The roles and places in the claims; what the rules do not name or allow is nothing."""
    roles = {
        role
        for value in _values(claims, rules.roles_claim)
        if (role := rules.roles.get(value)) is not None and role in rules.allow
    }
    return Claimed(
        tuple(sorted(roles)),
        _values(claims, rules.units_claim),
        _values(claims, rules.areas_claim),
    )


def duties(
    claimed: Claimed, units: Mapping[str, UUID], areas: Mapping[str, UUID]
) -> tuple[ClaimedDuty, ...]:
    """Each role at each place that the roster knows.

    Where places are claimed a role holds there and nowhere else, even where none of them is known;
    only a role for the whole organiser needs none.
    """
    found: list[ClaimedDuty] = []
    for role in claimed.roles:
        if claimed.units or claimed.areas:
            found += [
                ClaimedDuty(role, school_unit_id=units[code])
                for code in claimed.units
                if code in units
            ]
            found += [
                ClaimedDuty(role, area_id=areas[name]) for name in claimed.areas if name in areas
            ]
        elif role in ORGANISER_WIDE:
            found.append(ClaimedDuty(role))
    return tuple(found)


def _values(claims: Mapping[str, Any], path: str | None) -> tuple[str, ...]:
    """The texts at a path such as ``realm_access.roles``: one, or a list; anything else is none."""
    if path is None:
        return ()
    node: Any = claims
    if path in claims:
        node = claims[path]
    else:
        for part in path.split("."):
            if not isinstance(node, Mapping) or part not in node:
                return ()
            node = node[part]
    if isinstance(node, str):
        node = [node]
    if not isinstance(node, Sequence) or len(node) > _MOST:
        return ()
    if not all(isinstance(value, str) for value in node):
        return ()
    return tuple(dict.fromkeys(value.strip() for value in node if value.strip()))
