"""Registerutdrag: the page of the huvudman's officer."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from services.cases.documents.render import render
from services.cases.signin import SignedIn
from services.cases.store.scope import Database
from services.cases.views.extract import extract_for
from services.cases.web.pages import Data, Reader, Writer
from services.cases.web.render import me, page
from services.common.problem import Problem

router = APIRouter(include_in_schema=False)


@router.get("/registerutdrag")
async def form(who: Reader, data: Data) -> Response:
    """Whose, and by which request."""
    return await _form(who, data)


async def _form(
    who: SignedIn,
    data: Database,
    problem: Problem | None = None,
    *,
    wanted: str = "",
    reference: str = "",
) -> Response:
    return page(
        "extract.html",
        problem.status if problem else 200,
        me=await me(data, who),
        wanted=wanted,
        reference=reference,
        problem=problem,
    )


@router.post("/registerutdrag")
async def make(
    who: Writer,
    data: Data,
    wanted: Annotated[str, Form(max_length=60)] = "",
    reference: Annotated[str, Form(max_length=200)] = "",
    form: Annotated[str, Form(max_length=10)] = "pdf",
) -> Response:
    """The file itself; nothing of it is kept."""
    try:
        found = await extract_for(data, who.viewer, wanted, reference)
    except Problem as problem:
        return await _form(who, data, problem, wanted=wanted, reference=reference)
    if form == "json":
        text = json.dumps(found.as_json(), ensure_ascii=False, indent=2)
        return _file(text.encode(), "application/json; charset=utf-8", "json")
    return _file(await render(found.sheet(), found.made_at), "application/pdf", "pdf")


def _file(content: bytes, kind: str, ending: str) -> Response:
    # A name that says nothing about whose it is.
    headers = {"Content-Disposition": f'attachment; filename="registerutdrag.{ending}"'}
    return Response(content, media_type=kind, headers=headers)
