"""/api/v1/coordination: the koordinatorers' queue, their team, and whom to name in a case."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from services.cases.api.access import Data, Limit, Offset, Reader, Writer
from services.cases.api.cases import Body
from services.cases.chain.outside import take_on
from services.cases.chain.teaming import enter
from services.cases.domain.entries.coordination import Profession
from services.cases.store.lists import PAGE, Span
from services.cases.views.models import Shown
from services.cases.views.queue import Assigning, Queue, read_assigning, read_queue

router = APIRouter(prefix="/api/v1/coordination", tags=["coordination"])


class Place(Body):
    """A koordinator's place in the team; ``valid_to`` is the first day without it."""

    staff_id: UUID
    profession: Profession
    capacity: int = Field(ge=0, le=200)
    valid_from: date
    valid_to: date | None = None
    note: str = Field(default="", max_length=200)


@router.get("/queue")
async def queue(
    who: Reader,
    data: Data,
    *,
    waiting: Offset = 0,
    received: Offset = 0,
    mine: Offset = 0,
    limit: Limit = PAGE,
) -> Queue:
    """Who waits, how long, and the team; each list from its offset on."""
    return await read_queue(
        data,
        who.viewer,
        waiting=Span(waiting, limit),
        received=Span(received, limit),
        mine=Span(mine, limit),
    )


@router.get("/cases/{number}/suggestions")
async def suggestions(number: str, who: Reader, data: Data) -> Assigning:
    """Whom to name in a case, best first."""
    return await read_assigning(data, who.viewer, number)


class TakenOn(Shown):
    """The case that a received beställning became."""

    number: str


@router.post("/requests/{document_id}/take")
async def take(document_id: UUID, who: Writer, data: Data) -> TakenOn:
    """Take a beställning from another organiser on: a case here, which waits for a koordinator."""
    return TakenOn(number=await take_on(data, who.viewer, document_id))


@router.post("/team")
async def place(body: Place, who: Writer, data: Data) -> Queue:
    """The team's leader enters a koordinator; the team as it then is."""
    await enter(
        data,
        who.viewer,
        staff_id=body.staff_id,
        profession=body.profession,
        capacity=body.capacity,
        since=body.valid_from,
        until=body.valid_to,
        note=body.note,
    )
    return await read_queue(data, who.viewer)
