"""Pages of documents and of classes: the huvudman's desk, a document, and mall A."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from services.cases.api.documents import pdf_answer
from services.cases.catalogue import CLASS
from services.cases.chain import classes, desk
from services.cases.domain.entries.assessing import COLOURS
from services.cases.domain.entries.registry import KINDS
from services.cases.signin import SignedIn
from services.cases.store.scope import Database
from services.cases.web import forms
from services.cases.web.pages import Data, Reader, Writer
from services.cases.web.render import me, page
from services.common.problem import Problem

router = APIRouter(include_in_schema=False)


@router.get("/anmalningar")
async def inbox(who: Reader, data: Data) -> Response:
    """Anmälningar that wait for somebody, and those that have been received."""
    shown = await desk.read_desk(data, who.viewer)
    return page("desk.html", me=await me(data, who), desk=shown)


@router.get("/handlingar/{document_id}")
async def document(document_id: UUID, who: Reader, data: Data) -> Response:
    """One document."""
    return await _document_page(who, data, document_id)


@router.get("/handlingar/{document_id}/pdf")
async def pdf(document_id: UUID, who: Reader, data: Data) -> Response:
    """Its PDF."""
    return pdf_answer(await desk.read_pdf(data, who.viewer, document_id), document_id)


@router.post("/handlingar/{document_id}/ta-emot")
async def receive(document_id: UUID, who: Writer, data: Data) -> Response:
    """The officer has it on the desk."""
    return await _after(who, data, document_id, desk.receive(data, who.viewer, document_id))


@router.post("/handlingar/{document_id}/skickad")
async def sent(
    document_id: UUID, who: Writer, data: Data, way: Annotated[str, Form()] = ""
) -> Response:
    """Somebody has sent it."""
    done = desk.sent_by_hand(data, who.viewer, document_id, way)
    return await _after(who, data, document_id, done)


@router.post("/handlingar/{document_id}/journal")
async def filed(
    document_id: UUID, who: Writer, data: Data, reference: Annotated[str, Form()] = ""
) -> Response:
    """It is in the elevhälsa's journal system."""
    return await _after(who, data, document_id, desk.file(data, who.viewer, document_id, reference))


async def _after(
    who: SignedIn, data: Database, document_id: UUID, done: Awaitable[None]
) -> Response:
    """The document again, with what was wrong where it did not go."""
    try:
        await done
    except Problem as problem:
        return await _document_page(who, data, document_id, problem)
    return RedirectResponse(f"/handlingar/{document_id}", status_code=303)


async def _document_page(
    who: SignedIn, data: Database, document_id: UUID, problem: Problem | None = None
) -> Response:
    shown = await desk.read_document(data, who.viewer, document_id)
    person = await me(data, who)
    return page(
        "document.html",
        problem.status if problem else 200,
        me=person,
        document=shown,
        problem=problem,
        sender=bool({"attendance_officer", "principal", "organiser_officer"} & person["roles"]),
        officer="organiser_officer" in person["roles"],
        filer=bool({"student_health", "principal", "organiser_officer"} & person["roles"]),
    )


@router.get("/klasser")
async def class_list(who: Reader, data: Data) -> Response:
    """The classes that one works with."""
    found = await classes.read_classes(data, who.viewer)
    return page("classes.html", me=await me(data, who), classes=found)


@router.get("/klasser/{class_id}")
async def class_page(class_id: UUID, who: Reader, data: Data) -> Response:
    """A class, its kartläggningar, and a new one."""
    return await _class_page(who, data, class_id)


@router.post("/klasser/{class_id}")
async def assess(request: Request, class_id: UUID, who: Writer, data: Data) -> Response:
    """Write a kartläggning of the class."""
    form = await request.form()
    raw = forms.read(form, _class_form())
    try:
        await classes.assess(data, who.viewer, class_id, raw)
    except Problem as problem:
        return await _class_page(who, data, class_id, problem, raw)
    return RedirectResponse(f"/klasser/{class_id}", status_code=303)


def _class_form() -> list[forms.FormField]:
    return forms.fields_of(KINDS["class_assessment"], (), "done")


async def _class_page(
    who: SignedIn,
    data: Database,
    class_id: UUID,
    problem: Problem | None = None,
    kept: dict[str, object] | None = None,
) -> Response:
    shown = await classes.read_class(data, who.viewer, class_id)
    today = data.today()
    begin: dict[str, object] = {
        "on": today.isoformat(),
        "term": "autumn" if today.month >= 7 else "spring",
        "round": "first" if shown.line.this_term == 0 else "second",
    }
    errors = problem.extra.get("errors", []) if problem else []
    return page(
        "class.html",
        problem.status if problem else 200,
        me=await me(data, who),
        shown=shown,
        form=_class_form(),
        values=begin | (kept or {}),
        errors={error["field"].split("/")[1]: error["detail"] for error in reversed(errors)},
        problem=problem,
        template=CLASS,
        COLOURS=COLOURS,
    )
