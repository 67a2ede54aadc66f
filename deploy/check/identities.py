"""What the sources' ids became: read from the database as its owner, for the check alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from bench.simulator.events import RegisterEvent
from bench.simulator.world import World
from services.common.clock import epoch_day
from services.common.ids import lesson_id


@dataclass(frozen=True, slots=True)
class Identities:
    """One organiser's surrogates, as they were when :func:`read` ran."""

    organiser: UUID
    pupils: Mapping[str, bytes]
    """The source's pupil id -> surrogate."""

    def pupil(self, source_id: str) -> bytes | None:
        """The surrogate; None where the roster did not know the pupil."""
        return self.pupils.get(source_id)


def lesson_of(organiser: UUID, world: World, event: RegisterEvent) -> tuple[bytes, int]:
    """The id of the lesson occurrence that a register is about, and its epoch day.

    The one source of the check has ingest's default namespace, in which an
    activity keeps its own name.
    """
    lesson = world.lessons[event.lesson]
    day = world.days[event.day]
    found = lesson_id(organiser, lesson.activity, day, lesson.start_minute)
    return found.bytes, epoch_day(day)


async def read(database_url: str, organiser: UUID) -> Identities:
    """Every pupil's surrogate. ``database_url`` is the superuser's."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(
            "SELECT external_id, entity_id FROM people.external_ids "
            "WHERE organiser_id = $1 AND kind = 'pupil'",
            organiser,
        )
    finally:
        await connection.close()
    return Identities(organiser, {row["external_id"]: row["entity_id"].bytes for row in rows})


async def parked(database_url: str, organiser: UUID) -> frozenset[tuple[bytes | str, bytes]]:
    """(pupil's source id, lesson or notice id) of what waits for the roster."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(
            "SELECT pupil, about FROM ingest.parked WHERE organiser_id = $1", organiser
        )
    finally:
        await connection.close()
    return frozenset((row["pupil"], row["about"].bytes) for row in rows)
