"""How a roster is to be taken, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from services.ingest.model.answers import Note


@dataclass(frozen=True, slots=True)
class Applied:
    """What a roster did: items per list, and what the sender should know."""

    counts: dict[str, int]
    notes: list[Note]


@dataclass(frozen=True, slots=True)
class Delta:
    """The roster holds what changed; what is no more is named, by the source's own ids."""

    school_units: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    pupils: frozenset[str] = frozenset()
    staff: frozenset[str] = frozenset()
    duties: frozenset[str] = frozenset()
    publish: bool = True
    """False for all parts of a large change but the last: its records go out with that one."""

    def gone(self, kind: str, known: Mapping[str, UUID]) -> list[UUID]:
        """The surrogates of what is no more of a kind, where it was ever known."""
        names = {"school_unit": self.school_units, "group": self.groups, "pupil": self.pupils,
                 "staff": self.staff, "duty": self.duties}[kind]  # fmt: skip
        return [known[name] for name in names if name in known]


@dataclass(frozen=True, slots=True)
class Decided:
    """A human has looked: losses are so, and who bears another pupil's name and birth date is
    that pupil (``same``, by the source's own ids) or somebody else (all others)."""

    same: frozenset[str] = frozenset()


class RosterRefusedError(Exception):
    """Nothing of the roster was applied; ``problems`` names every reason."""

    def __init__(self, problems: list[Note]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems
