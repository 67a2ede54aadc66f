"""The pages of people's daily work."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from services.cases.actions import CaseActions
from services.cases.api.access import Offset, check_token, database, recognise
from services.cases.chain.whole import read_whole
from services.cases.signin import SignedIn
from services.cases.store.lists import PAGE, Span
from services.cases.store.scope import Database
from services.cases.views.case import read_call, read_line
from services.cases.views.cases import StateFilter, read_cases
from services.cases.web.render import me, page
from services.common.problem import Problem

router = APIRouter(include_in_schema=False)


class SignInFirst(Problem):
    """Sends a browser to the sign-in page, and back afterwards."""

    def __init__(self, target: str) -> None:
        super().__init__(
            303, "sign_in_first", "Logga in.", headers={"Location": f"/logga-in?vidare={target}"}
        )


async def session_of(request: Request) -> SignedIn:
    """The session, or off to the sign-in page."""
    found = await recognise(request)
    if found is None:
        target = request.url.path if request.method == "GET" else "/"
        raise SignInFirst(quote(target, safe="/"))
    return found


async def form_session(
    session: Annotated[SignedIn, Depends(session_of)],
    csrf: Annotated[str, Form()] = "",
) -> SignedIn:
    """The session of a form of ours."""
    check_token(session, csrf)
    return session


Reader = Annotated[SignedIn, Depends(session_of)]
Writer = Annotated[SignedIn, Depends(form_session)]
Data = Annotated[Database, Depends(database)]
Note = Annotated[str, Form()]


@router.get("/arenden")
async def cases(
    who: Reader,
    data: Data,
    visa: Annotated[str, Query(max_length=10)] = "oppna",
    fran: Offset = 0,
) -> Response:
    """Every case in the viewer's scope."""
    state: StateFilter = "closed" if visa == "avslutade" else "open"
    found = await read_cases(data, who.viewer, state, Span(fran))
    return page(
        "cases.html", me=await me(data, who), found=found, state=state, start=fran, page_size=PAGE
    )


@router.get("/arenden/{number}")
async def case(number: str, who: Reader, data: Data) -> Response:
    """One case."""
    return await _case_page(who, data, number)


async def _case_page(
    who: SignedIn, data: Database, number: str, problem: Problem | None = None, **kept: Any
) -> Response:
    """The case's page; after a refused form with the problem and what was written in it."""
    shown, chain, sent = await read_whole(data, who.viewer, number)
    return page(
        "case.html",
        problem.status if problem else 200,
        me=await me(data, who),
        shown=shown,
        chain=chain,
        documents=sent,
        problem=problem,
        kept={"text": ""} | kept,
        today=data.today(),
    )


@router.post("/arenden/{number}/ta-emot")
async def acknowledge(
    number: str, who: Writer, data: Data, version: Annotated[int, Form()]
) -> Response:
    """Take it on."""
    found = await read_line(data, who.viewer, number)
    try:
        await CaseActions(data).acknowledge(who.viewer, found.case_id, version)
    except Problem as problem:
        return await _case_page(who, data, number, problem)
    return _back(number)


@router.post("/arenden/{number}/anteckna")
async def comment(number: str, who: Writer, data: Data, text: Note = "") -> Response:
    """Write in it."""
    found = await read_line(data, who.viewer, number)
    try:
        await CaseActions(data).comment(who.viewer, found.case_id, text)
    except Problem as problem:
        return await _case_page(who, data, number, problem, text=text)
    return _back(number, "#anteckningar")


def _back(number: str, anchor: str = "") -> Response:
    return RedirectResponse(f"/arenden/{quote(number, safe='')}{anchor}", status_code=303)


@router.get("/ring-hem/{duty_id}")
async def call(duty_id: UUID, who: Reader, data: Data) -> Response:
    """Whom to ring, and how it went."""
    return await _call_page(who, data, duty_id)


@router.post("/ring-hem/{duty_id}")
async def called(
    duty_id: UUID,
    who: Writer,
    data: Data,
    *,
    version: Annotated[int, Form()],
    outcome: Annotated[str, Form()] = "",
    note: Note = "",
) -> Response:
    """How it went."""
    try:
        await CaseActions(data).call(who.viewer, duty_id, version, outcome, note)
    except Problem as problem:
        return await _call_page(who, data, duty_id, problem, outcome=outcome, note=note)
    return RedirectResponse("/", status_code=303)


async def _call_page(
    who: SignedIn, data: Database, duty_id: UUID, problem: Problem | None = None, **kept: str
) -> Response:
    shown = await read_call(data, who.viewer, duty_id)
    return page(
        "call.html",
        problem.status if problem else 200,
        me=await me(data, who),
        shown=shown,
        problem=problem,
        kept={"outcome": "", "note": ""} | kept,
    )
