"""Pages of the chain: a form for each step, each entry with its versions, two writing at once."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData

from services.cases.catalogue import CLASS, OFFERS, PUPIL
from services.cases.chain import perform as use
from services.cases.chain.prefilling import prefilled
from services.cases.chain.showing import EntryShown, read_chain, read_entry, said
from services.cases.domain.entries.assessing import COLOURS
from services.cases.domain.entries.base import Sensitivity
from services.cases.domain.entries.registry import KINDS
from services.cases.domain.law.step import HEALTH, PRINCIPAL, Step
from services.cases.domain.law.table import BY_NAME, STEPS
from services.cases.signin import SignedIn
from services.cases.store.scope import Database
from services.cases.views.case import read_line
from services.cases.web import forms
from services.cases.web.pages import Data, Reader, Writer
from services.cases.web.render import me, page
from services.common.problem import Problem

router = APIRouter(include_in_schema=False)

_TEMPLATES = {"class_assessment": CLASS, "pupil_assessment": PUPIL}


def _step(name: str) -> Step:
    found = BY_NAME.get(name)
    if found is None or found.kind not in KINDS or found.hidden:
        raise Problem(404, "no_such_step", "Sidan finns inte.")
    return found


@router.get("/arenden/{number}/steg/{step}")
async def step_form(
    number: str,
    step: str,
    who: Reader,
    data: Data,
    post: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """The form of a step, with what is already known filled in."""
    return await _step_page(who, data, number, _step(step), post)


@router.post("/arenden/{number}/steg/{step}")
async def take_step(request: Request, number: str, step: str, who: Writer, data: Data) -> Response:
    """Take it; what was typed comes back with what is wrong."""
    found = _step(step)
    form = await request.form()
    fields = forms.fields_of(KINDS[found.kind], found.fields, found.to)
    raw = forms.read(form, fields)
    target = str(form.get("target", ""))
    sensitivity: Sensitivity | None = "health" if form.get("sensitivity") == "health" else None
    version = str(form.get("version", ""))
    try:
        if found.name == "agree_intervention" and not raw.get("checklist"):
            offer = OFFERS.get(str(raw.get("catalogue")))
            raw["checklist"] = list(offer.checklist) if offer else []
        entry = await use.perform(
            data,
            who.viewer,
            number,
            found.name,
            raw,
            target=_uuid(target),
            version=int(version) if version.isdigit() else None,
            sensitivity=sensitivity,
        )
    except Problem as problem:
        return await _step_page(
            who, data, number, found, target, problem=problem, kept=raw, form=form
        )
    return _to(number, entry.entry_id)


async def _step_page(
    who: SignedIn,
    data: Database,
    number: str,
    step: Step,
    target: str,
    *,
    problem: Problem | None = None,
    kept: dict[str, Any] | None = None,
    form: FormData | None = None,
) -> Response:
    case = await read_line(data, who.viewer, number)
    chain = await read_chain(data, who.viewer, number)
    verdict = next(one for one in chain.steps if one.name == step.name)
    by_id = {entry.entry_id: entry for entry in chain.entries}
    targets = [by_id[one] for one in verdict.targets if one in by_id]
    chosen = by_id.get(_uuid(target) or UUID(int=0)) or (targets[-1] if targets else None)
    person = await me(data, who)
    begin = await prefilled(data, who.viewer, number, step, writer=person["name"], target=chosen)
    kind = KINDS[step.kind]
    differences: list[dict[str, Any]] = problem.extra.get("differences", []) if problem else []
    ordinary = kind.sensitivity == "ordinary" and step.means == "create" and not kind.sealed
    return page(
        "step.html",
        problem.status if problem else 200,
        me=person,
        case=case,
        step=verdict,
        step_moves=step.means == "move",
        form=forms.fields_of(kind, step.fields, step.to, begin.people),
        values=begin.values
        | (kept or {})
        | {one["field"]: one["suggested"] for one in differences},
        differences=differences,
        said=lambda name, value: said(kind, name, value),
        errors=_errors(problem),
        problem=problem,
        attendance=begin.known,
        target=str(chosen.entry_id) if chosen else "",
        version=problem.extra["version"] if problem and differences else _version(form, chosen),
        targets=targets,
        template=_TEMPLATES.get(step.kind),
        COLOURS=COLOURS,
        may_protect=ordinary and bool({HEALTH, PRINCIPAL} & set(chain.roles)),
        protected_kind=kind.sensitivity == "health",
        sensitivity=form.get("sensitivity") if form else "",
    )


def _version(form: FormData | None, chosen: EntryShown | None) -> object:
    """The version that the person saw first; a page that comes back keeps it."""
    return (form.get("version") if form else None) or (chosen.version if chosen else "")


@router.get("/arenden/{number}/poster/{entry_id}")
async def entry_page(number: str, entry_id: UUID, who: Reader, data: Data) -> Response:
    """An entry with its versions, and what may be done with it."""
    case = await read_line(data, who.viewer, number)
    entry = await read_entry(data, who.viewer, number, entry_id)
    chain = await read_chain(data, who.viewer, number)
    return page(
        "entry.html",
        me=await me(data, who),
        case=case,
        entry=entry,
        problem=None,
        # A class's kartläggning is read on the class's own page.
        ground=any(str(one.entry_id) == entry.body.get("assessment_id") for one in chain.entries),
        may_revise=_may_revise(entry, chain.roles) and case.state != "closed",
        next_steps=[
            step for step in chain.steps if step.allowed and entry.entry_id in step.targets
        ],
    )


def _may_revise(entry: EntryShown, roles: list[str]) -> bool:
    return not entry.sealed and any(
        step.kind == entry.kind and step.roles & set(roles) for step in STEPS
    )


@router.get("/arenden/{number}/poster/{entry_id}/andra")
async def edit_form(number: str, entry_id: UUID, who: Reader, data: Data) -> Response:
    """Write an entry anew."""
    return await _edit_page(who, data, number, entry_id)


@router.post("/arenden/{number}/poster/{entry_id}/andra")
async def edit(request: Request, number: str, entry_id: UUID, who: Writer, data: Data) -> Response:
    """Save it; who was slower gets both texts and a form that begins with them merged."""
    held = await read_entry(data, who.viewer, number, entry_id)
    form = await request.form()
    raw = forms.read(form, _editable(held))
    version = str(form.get("version", ""))
    try:
        await use.revise(
            data,
            who.viewer,
            number,
            entry_id,
            raw,
            version=int(version) if version.isdigit() else 0,
        )
    except Problem as problem:
        return await _edit_page(who, data, number, entry_id, problem=problem, kept=raw)
    return _to(number, entry_id)


def _editable(entry: EntryShown) -> list[forms.FormField]:
    """The questions of the steps that have been taken so far."""
    kind = KINDS[entry.kind]
    steps = [step for step in STEPS if step.kind == entry.kind]
    asked = {name for step in steps if step.to == entry.status for name in step.fields}
    answered = {name for name, value in entry.body.items() if value not in (None, "", [], False)}
    every = not all(step.fields for step in steps)
    names = tuple(
        name for name in kind.model.model_fields if every or name in asked or name in answered
    )
    return forms.fields_of(kind, names, entry.status)


async def _edit_page(
    who: SignedIn,
    data: Database,
    number: str,
    entry_id: UUID,
    *,
    problem: Problem | None = None,
    kept: dict[str, Any] | None = None,
) -> Response:
    case = await read_line(data, who.viewer, number)
    entry = await read_entry(data, who.viewer, number, entry_id)
    differences: list[dict[str, Any]] = problem.extra.get("differences", []) if problem else []
    values = entry.body | (kept or {})
    if differences:
        values |= {one["field"]: one["suggested"] for one in differences}
    version = entry.version if differences or not problem else problem.extra.get("version")
    kind = KINDS[entry.kind]
    return page(
        "edit.html",
        problem.status if problem else 200,
        me=await me(data, who),
        case=case,
        entry=entry,
        form=_editable(entry),
        values=values,
        errors=_errors(problem),
        problem=problem,
        differences=differences,
        said=lambda name, value: said(kind, name, value),
        version=version or entry.version,
        template=_TEMPLATES.get(entry.kind),
        COLOURS=COLOURS,
    )


def _errors(problem: Problem | None) -> dict[str, str]:
    """What is wrong, by the field that it stands beneath."""
    found: list[dict[str, str]] = problem.extra.get("errors", []) if problem else []
    return {error["field"].split("/")[1]: error["detail"] for error in reversed(found)}


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None


def _to(number: str, entry_id: UUID) -> Response:
    where = f"/arenden/{quote(number, safe='')}/poster/{entry_id}"
    return RedirectResponse(where, status_code=303)
