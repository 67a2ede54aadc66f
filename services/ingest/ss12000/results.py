"""What settling a source did, and what there is to call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from services.ingest.model.answers import ItemAnswer, Note
from services.ingest.ss12000.vocabulary import Resource
from services.ingest.ss12000.wire import Entity

if TYPE_CHECKING:
    from services.ingest.store.sources import Source


_MOST_TOLD = 10_000


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
    """What could not be applied and why; without id where it is about the whole. The first
    ten thousand: a timetable of last year's lessons has as many problems as lessons."""
    held: bool = False
    """The roster would lose too many pupils: a human must accept it (``accept_losses``)."""

    def tell(self, resource: Resource, identity: UUID | None, note: Note) -> None:
        """Add a problem."""
        if len(self.problems) < _MOST_TOLD:
            self.problems.append((resource, identity, note))


class InboxLike(Protocol):
    """What the Inbox promises; its docstrings are the contract."""

    async def begin_reading(self, source: Source) -> None: ...

    async def take(
        self, source: Source, resource: Resource, entities: Sequence[Entity]
    ) -> list[ItemAnswer]: ...

    async def delete(
        self, source: Source, resource: Resource, ids: Sequence[UUID], at: datetime
    ) -> list[ItemAnswer]: ...

    async def settle(
        self,
        source: Source,
        *,
        snapshot: frozenset[Resource] = frozenset(),
        reading: str | None = None,
        accept_losses: bool = False,
    ) -> Settled: ...
