"""A checked roster into the tables of schema people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from services.common.clock import school_year
from services.ingest.model.roster import RosterIn
from services.ingest.roster.changes import Delta
from services.ingest.store.names import name_new
from services.ingest.store.people import Ids, SchoolWriter
from services.ingest.store.pupils import PupilWriter
from services.ingest.store.sources import Source

if TYPE_CHECKING:
    from services.common.pg import Connection


async def name_all(
    connection: Connection,
    source: Source,
    roster: RosterIn,
    ids: Ids,
    matched: Mapping[str, UUID],
    *,
    new_id: Callable[[], UUID],
) -> None:
    """Give everything of the roster that is new a surrogate; ``matched`` pupils have theirs."""
    lists = {
        "area": roster.areas,
        "school_unit": roster.school_units,
        "group": roster.groups,
        "pupil": roster.pupils,
        "guardian": roster.guardians,
        "staff": roster.staff,
        "duty": roster.duties,
    }
    for kind, entries in lists.items():
        await name_new(
            connection,
            source.organiser_id,
            source.namespace,
            kind,
            known=ids[kind],
            wanted=[entry.id for entry in entries or []],
            new_id=new_id,
            matched=matched if kind == "pupil" else None,
        )


async def store(
    connection: Connection,
    source: Source,
    roster: RosterIn,
    ids: Ids,
    *,
    today: date,
    delta: Delta | None,
) -> dict[str, int]:
    """Write all lists; how many of each, and how many pupils left."""
    school = SchoolWriter(connection, source.organiser_id, source.namespace, ids)
    people = PupilWriter(connection, source.organiser_id, source.namespace, ids)
    counts: dict[str, int] = {}
    if roster.organiser is not None:
        await school.organiser(roster.organiser)
        counts["organiser"] = 1
    if roster.areas is not None:
        await school.areas(roster.areas)
    if roster.school_units is not None:
        await school.units(roster.school_units, _gone(delta, "school_unit", ids))
    if roster.groups is not None:
        await school.groups(roster.groups, _gone(delta, "group", ids))
    if roster.guardians is not None:
        await people.guardians(roster.guardians)
    if roster.pupils is not None:
        await people.pupils(roster.pupils)
        await people.placements(roster.pupils, await _years(connection, today))
        counts["pupils_left"] = await people.gone(roster.pupils, today, _gone(delta, "pupil", ids))
    if roster.staff is not None:
        await school.staff(roster.staff, _gone(delta, "staff", ids))
    if roster.duties is not None:
        await school.duties(roster.duties, _gone(delta, "duty", ids))
    if roster.suppressions is not None:
        await people.suppressions(roster.suppressions)
    for name in (
        "areas", "school_units", "groups", "pupils", "guardians", "staff", "duties",
        "suppressions",
    ):  # fmt: skip
        entries = getattr(roster, name)
        if entries is not None:
            counts[name] = len(entries)
    return counts


async def _years(connection: Connection, today: date) -> set[int]:
    """The school years in which placements count: the present one and those with a calendar."""
    rows = await connection.fetch("SELECT DISTINCT school_year FROM people.calendars")
    return {school_year(today), *(row["school_year"] for row in rows)}


def _gone(delta: Delta | None, kind: str, ids: Ids) -> list[UUID] | None:
    return None if delta is None else delta.gone(kind, ids[kind])
