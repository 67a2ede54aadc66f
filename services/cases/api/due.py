"""/api/v1/duties: one thing that is due, and ticking off a step of the municipality's routine."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from services.cases.api.access import Data, Reader, Writer
from services.cases.api.cases import Seen
from services.cases.domain.decisions import MAX_TEXT
from services.cases.views.due import read_duty, tick_off
from services.cases.views.models import DutyLine

router = APIRouter(prefix="/api/v1/duties", tags=["duties"])


class Done(Seen):
    """A step that was done."""

    note: str = Field(default="", max_length=MAX_TEXT)


@router.get("/{duty_id}")
async def duty(duty_id: UUID, who: Reader, data: Data) -> DutyLine:
    """What is to be done."""
    return await read_duty(data, who.viewer, duty_id)


@router.post("/{duty_id}/done", status_code=204)
async def done(duty_id: UUID, body: Done, who: Writer, data: Data) -> None:
    """A step of the municipality's routine is done; 409 for what a step of the chain does."""
    await tick_off(data, who.viewer, duty_id, body.version, body.note)
