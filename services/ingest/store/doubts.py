"""Pupils in SS 12000 who are perhaps another source's: each waits on its own source's shelf."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from services.common.ids import doubt_id
from services.ingest.model.answers import Note
from services.ingest.store.sources import Source, source_from

if TYPE_CHECKING:
    from services.common.pg import Connection

CODE = "same_pupil_perhaps"

_WAIT = "in_doubt AND NOT dirty"
"""Who was sent anew is judged anew, within a second or so."""


def perhaps_the_same(pointer: str) -> Note:
    """Of a pupil who may be another source's; without the name."""
    return Note(
        CODE,
        pointer,
        f"{pointer}: another source's pupil has this name and birth date; send the "
        "personnummer, or a human must say whether they are the same",
    )


@dataclass(frozen=True, slots=True)
class Doubtful:
    """What tells the pupil from others."""

    id: str
    given_name: str
    family_name: str
    birth_date: date
    civic_no: str | None


@dataclass(frozen=True, slots=True)
class Doubt:
    """All who wait of one source."""

    source: Source
    persons: tuple[UUID, ...]

    @property
    def held_id(self) -> UUID:
        """Names just these, so that nobody decides on one whom they have not seen."""
        return doubt_id(self.source.source_id, self.persons)

    @property
    def reasons(self) -> list[Note]:
        """Without names."""
        return [perhaps_the_same(f"/persons/{one}") for one in self.persons]


async def doubts(connection: Connection) -> list[Doubt]:
    """The organiser's, by source."""
    rows = await connection.fetch(
        "SELECT s.*, w.persons FROM ingest.sources s JOIN ("
        "SELECT organiser_id, source_id, array_agg(id ORDER BY id) AS persons "
        f"FROM people.ss12000_persons WHERE {_WAIT} GROUP BY organiser_id, source_id"
        ") w USING (organiser_id, source_id) "
        "WHERE s.revoked_at IS NULL ORDER BY s.name, s.source_id"
    )
    return [Doubt(source_from(row), tuple(row["persons"])) for row in rows]


async def doubt_of(connection: Connection, held_id: UUID) -> Doubt | None:
    """Those of this id, as long as just they wait."""
    found = await doubts(connection)
    return next((one for one in found if one.held_id == held_id), None)


async def doubtful(
    connection: Connection, source: Source, persons: Collection[UUID] | None = None
) -> list[Doubtful]:
    """Who waits of a source, or these of them."""
    rows = await connection.fetch(
        "SELECT id::text, body->>'givenName' AS given_name, body->>'familyName' AS family_name, "
        "(body->>'birthDate')::date AS birth_date, body#>>'{civicNo,value}' AS civic_no "
        f"FROM people.ss12000_persons WHERE source_id = $1 AND {_WAIT} "
        "AND ($2::uuid[] IS NULL OR id = ANY($2)) ORDER BY id",
        source.source_id,
        None if persons is None else list(persons),
    )
    return [Doubtful(**row) for row in rows]
