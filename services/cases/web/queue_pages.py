"""The koordinatorers' pages: the queue, naming a koordinator, and the team."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from services.cases.api.access import Offset
from services.cases.chain.outside import take_on
from services.cases.chain.perform import perform
from services.cases.chain.teaming import enter
from services.cases.domain.coordination import TeamMember
from services.cases.domain.entries.coordination import PROFESSIONS
from services.cases.signin import SignedIn
from services.cases.store.lists import PAGE, Span
from services.cases.store.scope import Database
from services.cases.views.queue import read_assigning, read_queue
from services.cases.web.pages import Data, Note, Reader, Writer
from services.cases.web.render import me, page
from services.common.problem import Problem

router = APIRouter(include_in_schema=False)


@router.get("/koordinator")
async def queue(
    who: Reader, data: Data, *, vantar: Offset = 0, andra: Offset = 0, fran: Offset = 0
) -> Response:
    """Who waits, whom one works with, and the team; each list from its offset on."""
    spans = {"waiting": Span(vantar), "received": Span(andra), "mine": Span(fran)}
    return await _queue_page(who, data, spans=spans)


@router.post("/koordinator/laget")
async def place(
    who: Writer,
    data: Data,
    *,
    staff_id: Annotated[str, Form()] = "",
    profession: Annotated[str, Form()] = "",
    capacity: Annotated[str, Form()] = "",
    since: Annotated[str, Form()] = "",
    until: Annotated[str, Form()] = "",
) -> Response:
    """The leader enters a koordinator's profession and room."""
    try:
        found = _place(staff_id, profession, capacity, since, until)
        await enter(
            data,
            who.viewer,
            staff_id=found.staff_id,
            profession=found.profession,
            capacity=found.capacity,
            since=found.valid_from,
            until=found.valid_to,
        )
    except Problem as problem:
        return await _queue_page(who, data, problem)
    return RedirectResponse("/koordinator#laget", status_code=303)


def _place(staff: str, profession: str, capacity: str, since: str, until: str) -> TeamMember:
    """The form's answers, or what is wrong with them."""
    if profession not in PROFESSIONS:
        raise Problem(422, "unknown_profession", "Välj profession.", field="/profession")
    try:
        found = TeamMember(
            UUID(staff),
            profession,
            int(capacity),
            date.fromisoformat(since),
            date.fromisoformat(until) if until else None,
        )
    except ValueError:
        raise Problem(422, "unreadable", "Fyll i vem, antal ärenden och från vilken dag.") from None
    if not 0 <= found.capacity <= 200:
        raise Problem(422, "unreadable", "Antal ärenden är mellan 0 och 200.", field="/capacity")
    return found


async def _queue_page(
    who: SignedIn,
    data: Database,
    problem: Problem | None = None,
    spans: dict[str, Span] | None = None,
) -> Response:
    shown = await read_queue(data, who.viewer, **spans or {})
    return page(
        "queue.html",
        problem.status if problem else 200,
        me=await me(data, who),
        queue=shown,
        problem=problem,
        page_size=PAGE,
        PROFESSIONS=PROFESSIONS,
        today=data.today(),
    )


@router.post("/koordinator/bestallningar/{document_id}/ta-emot")
async def take(document_id: UUID, who: Writer, data: Data) -> Response:
    """Take a beställning from another organiser on; whom to name comes next."""
    try:
        number = await take_on(data, who.viewer, document_id)
    except Problem as problem:
        if problem.code == "not_your_desk":
            raise
        return await _queue_page(who, data, problem)
    return RedirectResponse(f"/arenden/{number}/koordinator", status_code=303)


@router.get("/arenden/{number}/koordinator")
async def assigning(number: str, who: Reader, data: Data) -> Response:
    """Whom to name."""
    return await _assign_page(who, data, number)


@router.post("/arenden/{number}/koordinator")
async def assign(
    number: str,
    who: Writer,
    data: Data,
    *,
    staff_id: Annotated[str, Form()] = "",
    starts_on: Annotated[str, Form()] = "",
    agreed: Note = "",
) -> Response:
    """Name somebody."""
    shown = await read_assigning(data, who.viewer, number)
    chosen = next((one for one in shown.team if str(one.staff_id) == staff_id), None)
    kept = {"staff_id": staff_id, "starts_on": starts_on, "agreed": agreed}
    if chosen is None:
        nobody = Problem(422, "nobody_chosen", "Välj vem som ska arbeta i ärendet.")
        return await _assign_page(who, data, number, problem=nobody, kept=kept)
    body = kept | {"profession": chosen.profession}
    try:
        await perform(data, who.viewer, number, "assign_coordinator", body, target=shown.request_id)
    except Problem as problem:
        return await _assign_page(who, data, number, problem=problem, kept=kept)
    return RedirectResponse("/koordinator", status_code=303)


async def _assign_page(
    who: SignedIn,
    data: Database,
    number: str,
    *,
    problem: Problem | None = None,
    kept: dict[str, str] | None = None,
) -> Response:
    shown = await read_assigning(data, who.viewer, number)
    begin = {"staff_id": "", "starts_on": data.today().isoformat(), "agreed": ""}
    return page(
        "assign.html",
        problem.status if problem else 200,
        me=await me(data, who),
        shown=shown,
        problem=problem,
        kept=begin | (kept or {}),
        PROFESSIONS=PROFESSIONS,
        back=f"/arenden/{quote(number, safe='')}",
    )
