"""What the sources' names mean: units, groups, pupils and their homes, cached per organiser.

Only what was found is cached; a pupil who is not found is looked up again
every time. A roster raises the organiser's version, which empties the cache.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from services.ingest.calendars import UnitCalendar, calendar_from
from services.ingest.store.names import CIVIC_NO

if TYPE_CHECKING:
    from services.common.pg import Connection


@dataclass(frozen=True, slots=True)
class Unit:
    """A school unit as registers need it."""

    school_unit_id: UUID
    calendar: UnitCalendar


@dataclass(frozen=True, slots=True)
class Home:
    """Where a pupil's facts of one school year go."""

    pupil_id: UUID
    home_id: UUID
    bucket: int
    partition: int


HOMES = """
SELECT w.pupil, w.year, e.entity_id, h.home_id, h.bucket, hm.partition
FROM unnest($1::text[], $2::int[]) AS w (pupil, year)
JOIN people.external_ids e ON e.namespace = $3 AND e.kind = 'pupil' AND e.external_id = w.pupil
LEFT JOIN ingest.pupil_homes h ON h.pupil_id = e.entity_id AND h.school_year = w.year
LEFT JOIN ingest.homes hm ON hm.home_id = h.home_id
"""
"""Pupils' homes by the namespace's names; a name that nobody has gives no row."""

HOMES_BY_CIVIC_NO = """
SELECT w.pupil, w.year, c.pupil_id AS entity_id, h.home_id, h.bucket, hm.partition
FROM unnest($1::text[], $2::int[]) AS w (pupil, year)
JOIN people.civic_numbers c ON c.civic_no = substr(w.pupil, length($3) + 1)
LEFT JOIN ingest.pupil_homes h ON h.pupil_id = c.pupil_id AND h.school_year = w.year
LEFT JOIN ingest.homes hm ON hm.home_id = h.home_id
"""
"""The same for a pupil whom the source knows by personnummer only."""

PupilYear = tuple[str, int]
"""A source's own pupil id, and the first calendar year of a school year."""


@dataclass(slots=True)
class Names:
    """One organiser's names as one namespace uses them, at one roster version."""

    version: int
    units: dict[str, Unit] = field(default_factory=dict)
    groups: dict[str, UUID] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    homes: dict[PupilYear, Home] = field(default_factory=dict)

    def activity_key(self, namespace: str, activity: str) -> str:
        """The activity's own key: two school systems may both have an activity "1"."""
        canonical = self.aliases.get(activity, activity)
        return canonical if namespace == "default" else f"{namespace}|{canonical}"


class Directory:
    """The process's cache; every method works inside a transaction of the organiser."""

    def __init__(self) -> None:
        self._names: dict[tuple[UUID, str], Names] = {}

    async def names(self, connection: Connection, organiser_id: UUID, namespace: str) -> Names:
        """The names of the roster as it is now."""
        version = await connection.fetchval(
            "SELECT roster_version FROM people.organisers WHERE organiser_id = $1", organiser_id
        )
        known = self._names.get((organiser_id, namespace))
        if known is None or known.version != version:
            known = await self._load(connection, namespace, version)
            self._names[organiser_id, namespace] = known
        return known

    async def homes(
        self, connection: Connection, names: Names, namespace: str, wanted: Collection[PupilYear]
    ) -> tuple[dict[PupilYear, Home], set[str]]:
        """The homes known, those wanted among them, and the pupils whom the roster knows without.

        Such a pupil has no placement in that school year.
        """
        known = names.homes
        missing = sorted({key for key in wanted if key not in known})
        if not missing:
            return known, set()
        placeless: set[str] = set()
        rows = []
        for query, argument, ones in (
            (HOMES, namespace, [one for one in missing if not one[0].startswith(CIVIC_NO)]),
            (HOMES_BY_CIVIC_NO, CIVIC_NO, [one for one in missing if one[0].startswith(CIVIC_NO)]),
        ):
            if ones:
                rows += await connection.fetch(
                    query, [pupil for pupil, _ in ones], [year for _, year in ones], argument
                )
        for row in rows:
            if row["home_id"] is None:
                placeless.add(row["pupil"])
            else:
                home = Home(row["entity_id"], row["home_id"], row["bucket"], row["partition"])
                known[row["pupil"], row["year"]] = home
        return known, placeless

    @staticmethod
    async def _load(connection: Connection, namespace: str, version: int) -> Names:
        names = Names(version)
        calendars = await load_calendars(connection)
        for row in await connection.fetch(
            "SELECT c.code, c.school_unit_id FROM people.school_unit_codes c "
            "JOIN people.school_units u USING (organiser_id, school_unit_id) "
            "WHERE c.namespace = $1 AND NOT u.removed",
            namespace,
        ):
            unit = row["school_unit_id"]
            names.units[row["code"]] = Unit(unit, calendars[unit])
        for row in await connection.fetch(
            "SELECT external_id, entity_id FROM people.external_ids "
            "WHERE namespace = $1 AND kind = 'group'",
            namespace,
        ):
            names.groups[row["external_id"]] = row["entity_id"]
        for row in await connection.fetch(
            "SELECT activity, same_as FROM ingest.activity_aliases WHERE namespace = $1", namespace
        ):
            names.aliases[row["activity"]] = row["same_as"]
        return names


async def load_calendars(connection: Connection) -> dict[UUID, UnitCalendar]:
    """Every present unit of the transaction's organiser, with the läsår that are known."""
    units = {
        row["school_unit_id"]: UnitCalendar(row["closes_at"])
        for row in await connection.fetch(
            "SELECT school_unit_id, closes_at FROM people.school_units WHERE NOT removed"
        )
    }
    for row in await connection.fetch(
        "SELECT school_unit_id, school_year, terms, free FROM people.calendars"
    ):
        if unit := units.get(row["school_unit_id"]):
            unit.years[row["school_year"]] = calendar_from(
                row["school_year"], json.loads(row["terms"]), json.loads(row["free"])
            )
    return units
