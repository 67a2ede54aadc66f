"""Takes entities of SS 12000 in, in whatever order they come, and makes facts and a roster of them.

The interface that the server side and the sync engine share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from services.ingest.model.answers import ItemAnswer, Note
from services.ingest.ss12000.vocabulary import Resource
from services.ingest.store.sources import Source


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


class InboxLike(Protocol):
    """What the sync engine and the server call."""

    async def take(
        self, source: Source, resource: Resource, entities: Sequence[Mapping[str, Any]]
    ) -> list[ItemAnswer]:
        """Stage and apply one page or batch; one answer for each entity, in their order.

        When it returns, what was accepted is acknowledged by Kafka or kept in
        PostgreSQL until its references have come. An entity that is older than
        what is known, or the same, is answered ``duplicate`` and changes nothing.
        Roster entities and calendar events take effect at the next ``settle``.
        Raises :class:`services.ingest.errors.NotWrittenError`: send all of it again.
        """
        ...

    async def delete(
        self, source: Source, resource: Resource, ids: Sequence[UUID], at: datetime
    ) -> list[ItemAnswer]:
        """The source says that these are no more; an id that it never sent is remembered as gone.

        An entity that is sent later with ``meta.modified`` after ``at`` lives again.
        """
        ...

    async def settle(
        self,
        source: Source,
        *,
        snapshot: frozenset[Resource] = frozenset(),
        accept_losses: bool = False,
    ) -> Settled:
        """Apply what was gathered: the roster, then the timetable, then what waited for them.

        ``snapshot`` names resources that were read whole since the last such call:
        what they lacked is gone. Absences, calendar events and attendances are
        never judged so, because sources give them for a span of time only.
        """
        ...
