"""Pages about who sees what: opening a case with a reason, the list of such, and figures."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from services.cases.api.access import renew
from services.cases.openings import Openings
from services.cases.signin import SignedIn
from services.cases.store.scope import Database
from services.cases.views.figures import SMALLEST, read_figures, read_unit
from services.cases.views.openings import read_openings
from services.cases.web.pages import Data, Reader, Writer
from services.cases.web.render import me, page
from services.common.clock import school_year
from services.common.problem import Problem

router = APIRouter(include_in_schema=False)
Year = Annotated[int | None, Query(ge=2000, le=2200)]


@router.get("/oppna")
async def open_page(
    who: Reader, data: Data, arende: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    """The form: which case, and why."""
    return await _open_page(who, data, number=arende)


async def _open_page(
    who: SignedIn, data: Database, *, number: str, reason: str = "", problem: Problem | None = None
) -> Response:
    return page(
        "open.html",
        problem.status if problem else 200,
        me=await me(data, who),
        number=number,
        reason=reason,
        problem=problem,
    )


@router.post("/oppna")
async def open_case(
    request: Request,
    who: Writer,
    data: Data,
    number: Annotated[str, Form(max_length=40)] = "",
    reason: Annotated[str, Form(max_length=10_000)] = "",
) -> Response:
    """Open it, or ask a second person."""
    try:
        opened = await Openings(data).ask(who.viewer, number, reason)
    except Problem as problem:
        return await _open_page(who, data, number=number, reason=reason, problem=problem)
    await renew(request, who)
    target = "/oppnade" if opened.pending else f"/arenden/{quote(opened.number, safe='')}"
    return RedirectResponse(target, status_code=303)


@router.get("/oppnade")
async def opened_page(who: Reader, data: Data) -> Response:
    """What has been opened, and what waits for a second person's yes."""
    return await _opened_page(who, data)


async def _opened_page(who: SignedIn, data: Database, problem: Problem | None = None) -> Response:
    return page(
        "openings.html",
        problem.status if problem else 200,
        me=await me(data, who),
        shown=await read_openings(data, who.viewer),
        problem=problem,
    )


@router.post("/oppnade/{opening_id}/godkann")
async def approve(opening_id: UUID, who: Writer, data: Data) -> Response:
    """The second person's yes."""
    try:
        await Openings(data).approve(who.viewer, opening_id)
    except Problem as problem:
        return await _opened_page(who, data, problem)
    return RedirectResponse("/oppnade", status_code=303)


@router.get("/oversikt")
async def figures(who: Reader, data: Data, ar: Year = None) -> Response:
    """Counts."""
    shown = await read_figures(data, who.viewer, ar)
    return page("figures.html", me=await me(data, who), shown=shown, smallest=SMALLEST)


@router.get("/oversikt/{unit_id}")
async def unit(unit_id: UUID, who: Reader, data: Data, ar: Year = None) -> Response:
    """From a unit's figure to its cases by number."""
    year = ar if ar is not None else school_year(data.today())
    shown = await read_unit(data, who.viewer, unit_id, year)
    return page("figures_unit.html", me=await me(data, who), shown=shown)
