"""/api/v1/cases/{id}: the chain's steps and entries. Bodies are those of docs/chain.md."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from services.cases.api.access import Data, Reader, Writer
from services.cases.api.cases import Body
from services.cases.chain import perform as use
from services.cases.chain.showing import ChainShown, EntryShown, read_chain, read_entry, written
from services.cases.domain.entries.base import Sensitivity
from services.common.problem import Problem

router = APIRouter(prefix="/api/v1/cases/{case_id}", tags=["chain"])


class Taken(Body):
    """A step that somebody takes."""

    body: dict[str, Any]
    target: UUID | None = None
    """The entry that the step moves on or hangs on."""
    version: int | None = Field(default=None, ge=1)
    """The version of it that the person saw."""
    sensitivity: Sensitivity | None = None
    named: list[UUID] = Field(default_factory=list, max_length=50)


class Written(Body):
    """An entry written anew."""

    version: int = Field(ge=1)
    body: dict[str, Any]


@router.get("/chain")
async def chain(case_id: UUID, who: Reader, data: Data) -> ChainShown:
    """What has been written, and which steps are lawful now, each with its paragraph."""
    return await read_chain(data, who.viewer, case_id)


@router.post("/steps/{step}", status_code=201)
async def take(case_id: UUID, step: str, taken: Taken, who: Writer, data: Data) -> EntryShown:
    """Take a step."""
    entry = await use.perform(
        data,
        who.viewer,
        case_id,
        step,
        taken.body,
        target=taken.target,
        version=taken.version,
        sensitivity=taken.sensitivity,
        named=taken.named,
    )
    try:
        return await read_entry(data, who.viewer, case_id, entry.entry_id)
    except Problem as problem:
        # Some steps end one's own part in the case.
        if problem.status != 404:
            raise
        return written(entry)


@router.get("/entries/{entry_id}")
async def entry(case_id: UUID, entry_id: UUID, who: Reader, data: Data) -> EntryShown:
    """An entry with every version of it."""
    return await read_entry(data, who.viewer, case_id, entry_id)


@router.put("/entries/{entry_id}")
async def write(
    case_id: UUID, entry_id: UUID, written: Written, who: Writer, data: Data
) -> EntryShown:
    """Write an entry anew, from the version that one saw."""
    await use.revise(data, who.viewer, case_id, entry_id, written.body, version=written.version)
    return await read_entry(data, who.viewer, case_id, entry_id)
