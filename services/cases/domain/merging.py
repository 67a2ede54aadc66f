"""Two people have changed the same text: what it was, what it is, what it was to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.cases.domain.entries.base import Body, Kind
from services.cases.domain.entries.registry import label


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that somebody changed; ``clash`` where both did, differently."""

    field: str
    label: str
    was: Any
    now: Any
    yours: Any
    clash: bool

    @property
    def suggested(self) -> Any:
        """What a merge begins with: one's own where one changed it, else the other's."""
        return self.yours if self.yours != self.was else self.now


def differences(kind: Kind, was: Body, now: Body, yours: Body) -> list[Difference]:
    """Every field that is not the same in all three, in the order of the form."""
    before, present, wanted = (body.model_dump(mode="json") for body in (was, now, yours))
    return [
        Difference(
            field=name,
            label=label(kind, name),
            was=before[name],
            now=present[name],
            yours=wanted[name],
            clash=before[name] != present[name]
            and before[name] != wanted[name]
            and present[name] != wanted[name],
        )
        for name in kind.model.model_fields
        if not before[name] == present[name] == wanted[name]
    ]


def changed(kind: Kind, before: Body, after: Body) -> list[str]:
    """The Swedish names of the fields that differ between two versions."""
    first, second = before.model_dump(mode="json"), after.model_dump(mode="json")
    return [label(kind, name) for name in first if first[name] != second[name]]
