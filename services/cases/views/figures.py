"""Counts for the områdeschef and the nämnd. Small ones are hidden by the database itself."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from services.cases.domain import text
from services.cases.store import audit
from services.cases.store import figures as store
from services.cases.store.scope import Database, Viewer
from services.cases.views.models import Shown
from services.common.clock import school_year
from services.common.problem import Problem

if TYPE_CHECKING:
    from asyncpg import Record

SMALLEST = 5
"""Fewer than this are not shown (migration 0006, cases.figures)."""


class Figure(Shown):
    """A count; ``cases`` is null where it is too small to show, or would give such a one away."""

    key: str
    label: str
    cases: int | None


class FiguresShown(Shown):
    """A school year's cases, each table counting the same ones."""

    school_year: int
    scope: str
    """The areas, or the whole organiser."""
    may_open: bool
    """The viewer may go on from a unit to its cases."""
    total: int | None
    units: list[Figure]
    families: list[Figure]
    states: list[Figure]


class NumberLine(Shown):
    """A case by its number, which names nobody."""

    number: str
    state: str
    family: str | None
    level: int
    opened_at: datetime


class UnitFigures(Shown):
    """A unit's cases by number."""

    school_unit: str
    school_year: int
    cases: list[NumberLine]


async def read_figures(database: Database, viewer: Viewer, year: int | None) -> FiguresShown:
    """The counts of a school year, this one unless another is asked for; audited.

    Problem 403 for whoever has no duty that is about figures.
    """
    year = year if year is not None else school_year(database.today())
    async with database.person(viewer) as connection:
        roles = await store.roles(connection)
        if not roles:
            raise not_for_you()
        rows = await store.figures(connection, year)
        units = await store.unit_names(connection)
        areas = await store.areas(connection)
        await audit.write(
            connection,
            viewer.organiser_id,
            database.now(),
            viewer.staff_id,
            "figures.read",
            school_year=year,
        )
    return FiguresShown(
        school_year=year,
        scope=", ".join(areas) or "hela huvudmannen",
        may_open="area_manager" in roles,
        total=next((row["shown"] for row in rows if row["dimension"] == "total"), 0),
        units=_figures(rows, "unit", {str(unit): name for unit, name in units.items()}),
        families=_figures(rows, "family", text.FAMILIES | {"": "Varningen har återtagits"}),
        states=_figures(rows, "state", text.STATES),
    )


async def read_unit(database: Database, viewer: Viewer, unit: UUID, year: int) -> UnitFigures:
    """The numbers of a unit's cases, for an områdeschef who has to go on to one; audited.

    Problem 404 where the unit is none of the viewer's area.
    """
    async with database.person(viewer) as connection:
        if not await store.manages(connection, unit):
            raise Problem(404, "no_such_unit", "Skolan ingår inte i ditt område.")
        rows = await store.area_cases(connection, unit, year)
        names = await store.unit_names(connection)
        await audit.write(
            connection,
            viewer.organiser_id,
            database.now(),
            viewer.staff_id,
            "figures.unit_read",
            school_year=year,
            unit=str(unit),
        )
    return UnitFigures(
        school_unit=names.get(unit, "Okänd skola"),
        school_year=year,
        cases=[NumberLine.model_validate(dict(row)) for row in rows],
    )


def not_for_you() -> Problem:
    """The viewer's duties are about pupils, or about none."""
    return Problem(
        403,
        "no_figures",
        "Översikten är för områdeschefer och nämnden.",
    )


def _figures(rows: list[Record], dimension: str, labels: dict[str, str]) -> list[Figure]:
    """In the order of the labels."""
    found = {row["key"]: row["shown"] for row in rows if row["dimension"] == dimension}
    shown = [
        Figure(key=key, label=label, cases=found[key])
        for key, label in labels.items()
        if key in found
    ]
    unknown = [
        Figure(key=key, label="Okänd", cases=cases)
        for key, cases in found.items()
        if key not in labels
    ]
    return shown + unknown
