"""/api/v1/documents: what was sent, for whoever may see it; and the huvudman's desk."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field

from services.cases.api.access import Data, Reader, Writer
from services.cases.api.cases import Body
from services.cases.chain import desk
from services.cases.chain.desk import Desk, DocumentShown

router = APIRouter(prefix="/api/v1/documents", tags=["documents"])


class Filed(Body):
    """The number in the journal system."""

    reference: str = Field(min_length=1, max_length=200)


class Sent(Body):
    """By which way it was sent."""

    way: str = Field(min_length=1, max_length=200)


@router.get("")
async def documents(who: Reader, data: Data) -> Desk:
    """Anmälningar on the viewer's desk."""
    return await desk.read_desk(data, who.viewer)


@router.get("/{document_id}")
async def document(document_id: UUID, who: Reader, data: Data) -> DocumentShown:
    """One document, its fields as sent."""
    return await desk.read_document(data, who.viewer, document_id)


@router.get("/{document_id}/pdf", response_class=Response)
async def pdf(document_id: UUID, who: Reader, data: Data) -> Response:
    """Its PDF."""
    return pdf_answer(await desk.read_pdf(data, who.viewer, document_id), document_id)


@router.post("/{document_id}/receive")
async def receive(document_id: UUID, who: Writer, data: Data) -> DocumentShown:
    """The officer has it on the desk."""
    await desk.receive(data, who.viewer, document_id)
    return await desk.read_document(data, who.viewer, document_id)


@router.post("/{document_id}/sent")
async def sent(document_id: UUID, body: Sent, who: Writer, data: Data) -> DocumentShown:
    """Somebody has sent it to a receiver that is not of this installation."""
    await desk.sent_by_hand(data, who.viewer, document_id, body.way)
    return await desk.read_document(data, who.viewer, document_id)


@router.post("/{document_id}/filed")
async def filed(document_id: UUID, body: Filed, who: Writer, data: Data) -> DocumentShown:
    """It has been put into the elevhälsa's journal system."""
    await desk.file(data, who.viewer, document_id, body.reference)
    return await desk.read_document(data, who.viewer, document_id)


def pdf_answer(pdf: bytes, document_id: UUID) -> Response:
    """A download that no cache keeps, under a name that names nobody."""
    return Response(
        pdf,
        media_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{document_id}.pdf"'},
    )
