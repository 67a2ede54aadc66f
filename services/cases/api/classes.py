"""/api/v1/classes: the classes that one works with, and mall A for each."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from services.cases.api.access import Data, Reader, Writer
from services.cases.api.cases import Body
from services.cases.chain import classes as use
from services.cases.chain.classes import ClassLine, ClassShown

router = APIRouter(prefix="/api/v1/classes", tags=["classes"])


class Assessed(Body):
    """A kartläggning of a class; its fields are in docs/chain.md (class_assessment)."""

    body: dict[str, Any]


@router.get("")
async def classes(who: Reader, data: Data) -> list[ClassLine]:
    """The classes in the viewer's scope."""
    return await use.read_classes(data, who.viewer)


@router.get("/{class_id}")
async def one(class_id: UUID, who: Reader, data: Data) -> ClassShown:
    """A class with its kartläggningar, the newest first."""
    return await use.read_class(data, who.viewer, class_id)


@router.post("/{class_id}/assessments", status_code=201)
async def assess(class_id: UUID, assessed: Assessed, who: Writer, data: Data) -> ClassShown:
    """Write a kartläggning of the class."""
    await use.assess(data, who.viewer, class_id, assessed.body)
    return await use.read_class(data, who.viewer, class_id)
