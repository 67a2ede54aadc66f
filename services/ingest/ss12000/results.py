"""What settling a source did."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from services.ingest.model.answers import Note
from services.ingest.ss12000.vocabulary import Resource


@dataclass(slots=True)
class Settled:
    """What a call of ``settle`` did."""

    roster: dict[str, int] = field(default_factory=dict)
    """Items of the roster that were applied, by list."""
    registers: int = 0
    marks: int = 0
    notices: int = 0
    waiting: dict[Resource, int] = field(default_factory=dict)
    """Entities that wait for others which have not come yet."""
    problems: list[tuple[Resource, UUID | None, Note]] = field(default_factory=list)
    """What could not be applied and why; without id where it is about the whole."""
    held: bool = False
    """The roster would lose too many pupils: a human must accept it (``accept_losses``)."""
