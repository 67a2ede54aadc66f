"""The page of one thing that is due: what, by whose rule, and ticking off the routine's steps."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from services.cases.signin import SignedIn
from services.cases.store.scope import Database
from services.cases.views.due import read_duty, tick_off
from services.cases.web.pages import Data, Note, Reader, Writer
from services.cases.web.render import me, page
from services.common.problem import Problem

router = APIRouter(include_in_schema=False)


@router.get("/uppgift/{duty_id}")
async def duty(duty_id: UUID, who: Reader, data: Data) -> Response:
    """What is to be done."""
    return await _page(who, data, duty_id)


@router.post("/uppgift/{duty_id}")
async def done(
    duty_id: UUID,
    who: Writer,
    data: Data,
    *,
    version: Annotated[int, Form()],
    note: Note = "",
) -> Response:
    """It is done."""
    try:
        number = await tick_off(data, who.viewer, duty_id, version, note)
    except Problem as problem:
        if problem.status == 404:
            raise
        return await _page(who, data, duty_id, problem, note)
    return RedirectResponse(f"/arenden/{quote(number, safe='')}", status_code=303)


async def _page(
    who: SignedIn, data: Database, duty_id: UUID, problem: Problem | None = None, note: str = ""
) -> Response:
    shown = await read_duty(data, who.viewer, duty_id)
    return page(
        "duty.html",
        problem.status if problem else 200,
        me=await me(data, who),
        duty=shown,
        problem=problem,
        kept={"note": note},
    )
