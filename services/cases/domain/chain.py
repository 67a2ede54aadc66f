"""A case's chain: a fold of what has been written in it. Pure; :mod:`.law` judges by it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from services.cases.domain.case import CaseState

Track = Literal["compulsory", "upper_secondary"]

#: School forms of the roster (SS 12000 codes) by their track.
TRACKS: dict[str, Track] = {
    "FKLASS": "compulsory",
    "GR": "compulsory",
    "GRS": "compulsory",
    "SP": "compulsory",
    "SAM": "compulsory",
    "GY": "upper_secondary",
    "GYS": "upper_secondary",
}
#: Anpassad gymnasieskola has the same rules in a chapter of its own (18 kap.).
ADAPTED_UPPER = "GYS"


def age(born: date | None, day: date) -> int | None:
    """Whole years; who is born on 29 February is a year older on 1 March in other years."""
    if born is None:
        return None
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def elsewhere(home: str, *, independent: bool, municipality: str) -> bool:
    """Whether the pupil's home municipality is another than the school's huvudman, as far as is
    known: it always is where the huvudman is no municipality, and not where nobody says."""
    return independent or (home not in {"", municipality})


@dataclass(frozen=True, slots=True)
class Fact:
    """What the law asks of one entry: never its text."""

    entry_id: UUID
    kind: str
    status: str
    parent_id: UUID | None
    on: date
    """The school date on which it was written."""
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Chain:
    """A case as the law sees it on one day."""

    today: date
    school_form: str | None
    """None where the roster places the pupil nowhere."""
    state: CaseState
    level: int
    """The gravest active warning; 0 when none is active."""
    attention: str | None
    age: int | None
    independent: bool
    """The huvudman is not a municipality, so the home municipality is always another."""
    municipality: str
    """The huvudman's own municipality code, empty where there is none."""
    home: str = ""
    """The pupil's home municipality's code, empty where the roster does not say."""
    report_on_upper: bool = False
    """The huvudman asks for an anmälan from its upper secondary schools too."""
    facts: tuple[Fact, ...] = ()

    @property
    def track(self) -> Track | None:
        return TRACKS.get(self.school_form or "")

    def of(self, kind: str, *statuses: str) -> tuple[Fact, ...]:
        """The entries of a kind, oldest first, in any of these statuses if some are named."""
        return tuple(
            fact
            for fact in self.facts
            if fact.kind == kind and (not statuses or fact.status in statuses)
        )

    def has(self, kind: str, *statuses: str) -> bool:
        return bool(self.of(kind, *statuses))

    def find(self, entry_id: UUID | None) -> Fact | None:
        return next((fact for fact in self.facts if fact.entry_id == entry_id), None)

    def children(self, parent_id: UUID, kind: str) -> tuple[Fact, ...]:
        """The entries of a kind that hang on another."""
        return tuple(f for f in self.facts if f.parent_id == parent_id and f.kind == kind)

    def tagged(self, facts: Collection[Fact]) -> frozenset[str]:
        """Every tag of these entries."""
        return frozenset(tag for fact in facts for tag in fact.tags)
