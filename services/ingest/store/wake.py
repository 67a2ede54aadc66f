"""From which school day on what is known of a pupil wakes somebody (design D8).

A source's cut-over date divides what it tells: older days build state, later
ones act. cases and notify see warnings, not sources; so before a fact of an
older day is written, its pupils get a row that says from when on they wake.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from services.ingest.store.bulk import insert_newest

if TYPE_CHECKING:
    from services.common.pg import Connection

_REMEMBER = 200_000


class WakeBook:
    """Keeps the rows, and remembers what is committed, so that an import asks once a pupil."""

    def __init__(self) -> None:
        self._known: dict[tuple[UUID, UUID], date] = {}

    async def record(
        self, connection: Connection, organiser_id: UUID, wanted: Mapping[UUID, date]
    ) -> None:
        """Bring the pupils' days to at least those in ``wanted``; to be committed before any fact
        that needs it is written."""
        news = {
            pupil: day
            for pupil, day in wanted.items()
            if self._known.get((organiser_id, pupil), date.min) < day
        }
        await insert_newest(
            connection,
            "people.wake_from",
            {"organiser_id": "uuid", "pupil_id": "uuid", "wake_from": "date"},
            [(organiser_id, pupil, day) for pupil, day in news.items()],
            key=("organiser_id", "pupil_id"),
            newest="wake_from",
        )

    def committed(self, organiser_id: UUID, wanted: Mapping[UUID, date]) -> None:
        """What was recorded is there to stay."""
        if len(self._known) > _REMEMBER:
            self._known.clear()
        for pupil, day in wanted.items():
            key = (organiser_id, pupil)
            self._known[key] = max(day, self._known.get(key, day))


def latest(days: Iterable[tuple[UUID, date]]) -> dict[UUID, date]:
    """The latest day of each pupil."""
    found: dict[UUID, date] = {}
    for pupil, day in days:
        found[pupil] = max(day, found.get(pupil, day))
    return found
