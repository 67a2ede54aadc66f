"""Which rule profile is in force for a pupil: the stream's own order (services.ews.core.units)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Activation:
    """A profile put into force; empty lists mean every unit and school form."""

    profile_id: str
    profile_version: int
    valid_from: date
    school_unit_ids: frozenset[UUID]
    school_forms: frozenset[str]
    activated_at: datetime


def in_force(
    activations: Iterable[Activation], unit_id: UUID, school_form: str | None, day: date
) -> Activation | None:
    """The most specific scope, then the newest valid-from, then the latest activation."""
    fitting = [
        one
        for one in activations
        if one.valid_from <= day
        and (not one.school_unit_ids or unit_id in one.school_unit_ids)
        and (not one.school_forms or school_form in one.school_forms)
    ]
    return max(
        fitting,
        key=lambda one: (
            bool(one.school_unit_ids),
            bool(one.school_forms),
            one.valid_from,
            one.activated_at,
            one.profile_id,
            one.profile_version,
        ),
        default=None,
    )
