"""What must be asked of the database before pupils are written."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from services.ingest.model.roster import PupilIn

if TYPE_CHECKING:
    from services.common.pg import Connection

FEW = 5
"""So many may leave a unit between two snapshots, however small the unit is."""


class Named(Protocol):
    """What tells a pupil from another."""

    @property
    def id(self) -> str: ...
    @property
    def given_name(self) -> str: ...
    @property
    def family_name(self) -> str: ...
    @property
    def birth_date(self) -> date: ...
    @property
    def civic_no(self) -> str | None: ...


async def match_civic_numbers(
    connection: Connection, pupils: Collection[Named], known: dict[str, UUID]
) -> dict[str, UUID]:
    """Pupils sent under a new id who are known by their personnummer under another one.

    Not by one that the same roster corrects: whose it was has another from now on.
    """
    wanted = {
        pupil.civic_no: pupil.id
        for pupil in pupils
        if pupil.civic_no is not None and pupil.id not in known
    }
    owners = await _owners(connection, wanted)
    now = {
        known[pupil.id]: pupil.civic_no
        for pupil in pupils
        if pupil.civic_no is not None and pupil.id in known
    }
    return {
        wanted[civic_no]: owner
        for civic_no, owner in owners.items()
        if now.get(owner, civic_no) == civic_no
    }


async def _owners(connection: Connection, civic_numbers: Iterable[str]) -> dict[str, UUID]:
    """Who has these personnummer in the roster. Joined: an array would be gone through for every
    pupil where the planner knows nothing of the table yet, as in a first roster."""
    rows = await connection.fetch(
        "SELECT c.civic_no, c.pupil_id FROM (SELECT DISTINCT unnest($1::text[]) AS civic_no) w "
        "JOIN people.civic_numbers c USING (civic_no)",
        list(civic_numbers),
    )
    return {row["civic_no"]: row["pupil_id"] for row in rows}


async def namesakes(
    connection: Connection, pupils: Collection[Named], known: dict[str, UUID]
) -> dict[str, list[UUID]]:
    """Pupils sent under an id that is new -> all who bear their name and birth date and whom
    another namespace knows, where no personnummer tells whether they are the same.

    ``known`` holds the namespace's own pupils, and those matched on personnummer.
    """
    fresh = [pupil for pupil in pupils if pupil.id not in known]
    if not fresh:
        return {}
    rows = await connection.fetch(
        """
        SELECT w.id, p.pupil_id
        FROM unnest($1::text[], $2::text[], $3::text[], $4::date[], $5::text[])
            AS w (id, given_name, family_name, birth_date, civic_no)
        JOIN people.pupils p ON p.birth_date = w.birth_date
            AND lower(p.given_name) = lower(w.given_name)
            AND lower(p.family_name) = lower(w.family_name)
        LEFT JOIN people.civic_numbers c ON c.organiser_id = p.organiser_id
            AND c.pupil_id = p.pupil_id
        WHERE NOT p.removed AND (w.civic_no IS NULL OR c.civic_no IS NULL)
        ORDER BY w.id, p.pupil_id
        """,
        [pupil.id for pupil in fresh],
        [pupil.given_name for pupil in fresh],
        [pupil.family_name for pupil in fresh],
        [pupil.birth_date for pupil in fresh],
        [pupil.civic_no for pupil in fresh],
    )
    # Not in the query: an array would be gone through for every pupil of the roster.
    own = set(known.values())
    found: dict[str, list[UUID]] = {}
    for row in rows:
        if row["pupil_id"] not in own:
            found.setdefault(row["id"], []).append(row["pupil_id"])
    return found


async def taken_civic_numbers(
    connection: Connection, pupils: list[PupilIn], known: dict[str, UUID]
) -> list[int]:
    """Positions of pupils whose personnummer the roster has for somebody else who stays."""
    here = {known[one.id] for one in pupils if one.id in known}
    owner = await _owners(connection, [one.civic_no for one in pupils if one.civic_no is not None])
    return [
        index
        for index, one in enumerate(pupils)
        if one.id in known
        and owner.get(one.civic_no or "", known[one.id]) != known[one.id]
        and owner[one.civic_no or ""] not in here
    ]


async def losses(
    connection: Connection, namespace: str, staying: list[UUID], today: date
) -> list[tuple[str, int, int]]:
    """(unit's name, pupils it would lose, pupils it has) where a snapshot takes many away."""
    rows = await connection.fetch(
        """
        SELECT u.name, count(*) AS has, count(*) FILTER (WHERE s.pupil_id IS NULL) AS loses
        FROM (SELECT DISTINCT l.organiser_id, l.school_unit_id, l.pupil_id
              FROM people.placements l
              JOIN people.external_ids e ON e.organiser_id = l.organiser_id
                AND e.entity_id = l.pupil_id AND e.kind = 'pupil' AND e.namespace = $2
              JOIN people.pupils p ON p.organiser_id = l.organiser_id AND p.pupil_id = l.pupil_id
              WHERE NOT p.removed AND l.valid_from <= $3
                AND (l.valid_to IS NULL OR l.valid_to > $3)) l
        JOIN people.school_units u USING (organiser_id, school_unit_id)
        -- Each once; an array would be gone through for every pupil.
        LEFT JOIN (SELECT DISTINCT unnest($1::uuid[]) AS pupil_id) s ON s.pupil_id = l.pupil_id
        GROUP BY u.name
        """,
        staying,
        namespace,
        today,
    )
    return [
        (row["name"], row["loses"], row["has"])
        for row in rows
        if row["loses"] > FEW and row["loses"] * 10 > row["has"]
    ]
