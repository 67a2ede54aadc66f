"""/api/v1: today's list, cases, and what one does about them. Signed in by the session cookie;
calls that change something carry the session's token in ``X-CSRF-Token``."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.cases.actions import CaseActions
from services.cases.api.access import Data, Limit, Offset, Reader, Writer
from services.cases.domain.decisions import MAX_TEXT
from services.cases.store.lists import PAGE, Span
from services.cases.views.case import read_call, read_case
from services.cases.views.cases import CasePage, read_cases
from services.cases.views.models import CallShown, CaseShown
from services.cases.views.today import Part, PartShown, Scope, Today, read_part
from services.cases.views.today import today as read_today

router = APIRouter(prefix="/api/v1", tags=["cases"])


class Body(BaseModel):
    """Base of request bodies: an unknown field is a mistake worth telling."""

    model_config = ConfigDict(extra="forbid")


class Seen(Body):
    """The version of the case that the person looked at."""

    version: int = Field(ge=1)


class Comment(Body):
    """What to write."""

    text: str = Field(min_length=1, max_length=MAX_TEXT)


class Called(Seen):
    """How a call home went."""

    outcome: str
    note: str = Field(default="", max_length=MAX_TEXT)


class SessionShown(BaseModel):
    """The session's own token, for ``X-CSRF-Token``."""

    staff_id: UUID
    organiser_id: UUID
    csrf_token: str


@router.get("/session")
async def session(who: Reader) -> SessionShown:
    """Who is signed in."""
    return SessionShown(
        staff_id=who.viewer.staff_id,
        organiser_id=who.viewer.organiser_id,
        csrf_token=who.csrf_token,
    )


@router.get("/today")
async def today(who: Reader, data: Data, scope: Scope = "all") -> Today:
    """Today's list: the beginning of each part, and how long each is."""
    return await read_today(data, who.viewer, scope)


@router.get("/today/{part}")
async def part(
    part: Part,
    who: Reader,
    data: Data,
    *,
    scope: Scope = "all",
    offset: Offset = 0,
    limit: Limit = PAGE,
) -> PartShown:
    """One part of today's list, from ``offset`` on."""
    return await read_part(data, who.viewer, scope, part, Span(offset, limit))


@router.get("/cases")
async def cases(
    who: Reader,
    data: Data,
    state: Literal["open", "closed", "any"] = "open",
    offset: Offset = 0,
    limit: Limit = PAGE,
) -> CasePage:
    """Cases in the viewer's scope, the newest change first."""
    return await read_cases(data, who.viewer, state, Span(offset, limit))


@router.get("/cases/{case_id}")
async def case(case_id: UUID, who: Reader, data: Data) -> CaseShown:
    """A whole case."""
    return await read_case(data, who.viewer, case_id)


@router.post("/cases/{case_id}/acknowledge")
async def acknowledge(case_id: UUID, body: Seen, who: Writer, data: Data) -> CaseShown:
    """Take a new case on."""
    await CaseActions(data).acknowledge(who.viewer, case_id, body.version)
    return await read_case(data, who.viewer, case_id)


@router.post("/cases/{case_id}/comments", status_code=201)
async def comment(case_id: UUID, body: Comment, who: Writer, data: Data) -> CaseShown:
    """Write in a case."""
    await CaseActions(data).comment(who.viewer, case_id, body.text)
    return await read_case(data, who.viewer, case_id)


@router.get("/calls/{duty_id}")
async def call(duty_id: UUID, who: Reader, data: Data) -> CallShown:
    """A call home, with whom to ring."""
    return await read_call(data, who.viewer, duty_id)


@router.post("/calls/{duty_id}/called")
async def called(duty_id: UUID, body: Called, who: Writer, data: Data) -> CallShown:
    """Say how a call home went."""
    await CaseActions(data).call(who.viewer, duty_id, body.version, body.outcome, body.note)
    return await read_call(data, who.viewer, duty_id)
