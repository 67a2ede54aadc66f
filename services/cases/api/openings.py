"""/api/v1: cases read outside one's duties, and counts. As in cases.py: the session's cookie, and
its token where something changes."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from services.cases.api.access import Data, Reader, Writer, renew
from services.cases.api.cases import Body
from services.cases.domain.decisions import MAX_TEXT
from services.cases.openings import Openings
from services.cases.views.figures import FiguresShown, UnitFigures, read_figures, read_unit
from services.cases.views.openings import OpeningsShown, read_openings
from services.common.clock import school_year

router = APIRouter(prefix="/api/v1", tags=["access"])

Year = Annotated[int | None, Query(ge=2000, le=2200)]


class Asking(Body):
    """Which case, and why."""

    number: str = Field(min_length=1, max_length=40)
    reason: str = Field(max_length=MAX_TEXT)


class Asked(BaseModel):
    """``pending``: a second person has to say yes before the case can be read."""

    opening_id: UUID
    number: str
    pending: bool


@router.get("/openings")
async def openings(who: Reader, data: Data) -> OpeningsShown:
    """What has been read outside somebody's duties, as far as the viewer oversees it."""
    return await read_openings(data, who.viewer)


@router.post("/openings", status_code=201)
async def ask(request: Request, body: Asking, who: Writer, data: Data) -> Asked:
    """Read a case outside one's duties, for an hour."""
    opened = await Openings(data).ask(who.viewer, body.number, body.reason)
    await renew(request, who)
    return Asked(opening_id=opened.opening_id, number=opened.number, pending=opened.pending)


@router.post("/openings/{opening_id}/approve")
async def approve(opening_id: UUID, who: Writer, data: Data) -> OpeningsShown:
    """Say yes as the second person."""
    await Openings(data).approve(who.viewer, opening_id)
    return await read_openings(data, who.viewer)


@router.get("/figures")
async def figures(who: Reader, data: Data, year: Year = None) -> FiguresShown:
    """Counts of a school year's cases."""
    return await read_figures(data, who.viewer, year)


@router.get("/figures/units/{unit_id}")
async def unit_figures(unit_id: UUID, who: Reader, data: Data, year: Year = None) -> UnitFigures:
    """A unit's cases by number."""
    wanted = year if year is not None else school_year(data.today())
    return await read_unit(data, who.viewer, unit_id, wanted)
