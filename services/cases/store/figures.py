"""SQL of counts (migration 0006). Every query runs as a person; who may not sees no row."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from services.common.roles import FIGURES

if TYPE_CHECKING:
    from asyncpg import Record

    from services.common.pg import Connection


async def roles(connection: Connection) -> frozenset[str]:
    """The viewer's roles that are about figures."""
    rows = await connection.fetch(
        "SELECT DISTINCT role FROM cases.my_duties() WHERE role = ANY ($1::text[])",
        sorted(FIGURES),
    )
    return frozenset(row["role"] for row in rows)


async def areas(connection: Connection) -> list[str]:
    """The names of the areas and units that those roles are for; none: the whole organiser."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT coalesce(u.name, a.name) AS name FROM cases.my_duties() d
        LEFT JOIN people_v1.areas a ON a.area_id = d.area_id
        LEFT JOIN people_v1.school_units u ON u.school_unit_id = d.school_unit_id
        WHERE d.role = ANY ($1::text[]) ORDER BY name
        """,
        sorted(FIGURES),
    )
    names = [row["name"] for row in rows]
    return [] if None in names else names


async def figures(connection: Connection, year: int) -> list[Record]:
    """Counts by dimension; null where hidden."""
    return await connection.fetch("SELECT * FROM cases.figures($1)", year)


async def unit_names(connection: Connection) -> dict[UUID, str]:
    """What the units are called, in the order of their names."""
    rows = await connection.fetch(
        "SELECT school_unit_id, name FROM people_v1.school_units ORDER BY name, school_unit_id"
    )
    return {row["school_unit_id"]: row["name"] for row in rows}


async def manages(connection: Connection, unit: UUID) -> bool:
    """Whether the unit is in an area that the viewer manages."""
    found: bool = await connection.fetchval(
        "SELECT $1 = ANY (cases.units_of('{area_manager}'))", unit
    )
    return found


async def area_cases(connection: Connection, unit: UUID, year: int) -> list[Record]:
    """The unit's cases by number."""
    return await connection.fetch("SELECT * FROM cases.area_cases($1, $2)", unit, year)
