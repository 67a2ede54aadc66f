"""/journal/v1: the elevhälsa's journal system fetches anmälningar and says what it calls them.

A token of its own per installation, in nobody's hands but that system's: unlike /internal its
answers hold who the pupil is.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from services.cases.chain import desk
from services.common.http import require_bearer
from services.common.problem import Problem


class HeldDocument(BaseModel):
    """An anmälan: the fields that were sent, and the same as PDF."""

    document_id: UUID
    kind: str
    fields: dict[str, Any]
    pdf: str
    """Base64."""
    sha256: str
    """Over the fields' canonical JSON followed by the PDF."""
    created_at: str
    received_at: str | None
    """When the huvudman's officer had it on the desk, RFC 3339."""


class TakenOver(BaseModel):
    """What the journal system answers."""

    model_config = ConfigDict(extra="forbid")

    reference: str = Field(min_length=1, max_length=200)


def router(token: SecretStr) -> APIRouter:
    """The routes, behind the journal system's bearer token."""
    routes = APIRouter(
        prefix="/journal/v1", dependencies=[Depends(require_bearer(token))], tags=["journal"]
    )

    @routes.get("/documents")
    async def documents(
        request: Request, organiser: UUID, limit: Annotated[int, Query(ge=1, le=500)] = 100
    ) -> list[HeldDocument]:
        """Anmälningar that the journal system has not taken over, oldest first."""
        found = await desk.export(request.app.state.database, organiser, limit)
        return [
            HeldDocument(
                document_id=held.document_id,
                kind=held.kind,
                fields=dict(held.fields),
                pdf=b64encode(pdf).decode(),
                sha256=held.digest.hex(),
                created_at=held.created_at.isoformat(),
                received_at=held.received_at.isoformat() if held.received_at else None,
            )
            for held, pdf in found
        ]

    @routes.post("/documents/{document_id}/filed", status_code=204)
    async def filed(
        request: Request, document_id: UUID, organiser: UUID, taken: TakenOver
    ) -> Response:
        """The journal system has it, under its own number; the same word twice is one."""
        if not await desk.filed_by_system(
            request.app.state.database, organiser, document_id, taken.reference
        ):
            raise Problem(404, "no_such_document", "There is no such document.")
        return Response(status_code=204)

    return routes
