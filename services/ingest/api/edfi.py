"""POST /v1/edfi/studentSectionAttendanceEvents, and the mapping that they need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import RootModel

from services.common.pg import tenant
from services.common.problem import Problem
from services.ingest.adapters.edfi import read_events
from services.ingest.adapters.edfi_mapping import EdFiMapping
from services.ingest.adapters.edfi_registers import answer_events
from services.ingest.api.batch import run_batch
from services.ingest.api.body import read_json, valid
from services.ingest.api.schema import takes
from services.ingest.api.security import service_of, source_with
from services.ingest.model.answers import ItemAnswer
from services.ingest.model.edfi import EventIn
from services.ingest.service import Service
from services.ingest.store.edfi import keep_mapping, mapping_of
from services.ingest.store.rejects import store_rejects
from services.ingest.store.sources import Source

router = APIRouter(prefix="/v1/edfi")

_NAME = "studentSectionAttendanceEvents"
Caller = Annotated[Source, Depends(source_with("registers"))]


class EdFiEvents(RootModel[EventIn | list[EventIn]]):
    """One event, as an ODS API client posts it, or a list of at most 500."""


async def _mapping(service: Service, source: Source) -> EdFiMapping:
    async with tenant(service.pool, source.organiser_id) as connection:
        mapping = await mapping_of(connection, source.source_id)
    if mapping is None:
        raise Problem(
            409,
            "no_mapping",
            "Events know no clock: first say when the class periods are, PUT /v1/edfi/mapping.",
        )
    return mapping


@router.post(
    f"/{_NAME}",
    status_code=202,
    summary="Ed-Fi section attendance events",
    openapi_extra=takes(EdFiEvents),
)
async def post_events(request: Request, source: Caller) -> JSONResponse:
    """One event or a batch; 202 when Kafka has what was accepted."""
    service = service_of(request)
    body = await read_json(request, service.settings.ingest_max_body_bytes)
    items = body if isinstance(body, list) else [body]
    mapping = await _mapping(service, source)

    async def feed(source: Source, items: Sequence[Any]) -> list[ItemAnswer]:
        now = service.clock.now()
        read = read_events(items, mapping, now)
        refused = [answer for answer in read.answers if answer.problems]
        async with tenant(service.pool, source.organiser_id) as connection:
            await store_rejects(connection, source, _NAME, refused, now)
        bodies = [register.body for register in read.registers]
        answer_events(read, await service.intake.registers(source, bodies) if bodies else [])
        return read.answers

    return await run_batch(service, source, _NAME, items, feed)


@router.delete(f"/{_NAME}/{{event}}", summary="Not taken: send what holds instead")
async def delete_event(event: str, source: Caller) -> Response:
    """Nothing is known by an event's id: the caller learns what to send instead."""
    del event, source
    raise Problem(
        422,
        "not_known_by_id",
        "An event is known here by student, section, day and class periods, not by its id. Post "
        "the same event again as it is now: In Attendance where the student was there, another "
        "category where it was something else.",
        field="/id",
    )


@router.put(
    "/mapping",
    status_code=204,
    summary="When an Ed-Fi source's class periods are",
    openapi_extra=takes(EdFiMapping),
)
async def put_mapping(request: Request, source: Caller) -> Response:
    """Replace the calling source's mapping; it holds for events that are sent from now on."""
    service = service_of(request)
    body = await read_json(request, service.settings.ingest_max_body_bytes)
    mapping = valid(EdFiMapping, body)
    async with tenant(service.pool, source.organiser_id) as connection:
        await keep_mapping(connection, source.organiser_id, source.source_id, mapping)
    return Response(status_code=204)


@router.get("/mapping", summary="The calling source's mapping")
async def get_mapping(request: Request, source: Caller) -> dict[str, Any]:
    """What PUT /v1/edfi/mapping was last told; 409 ``no_mapping`` before."""
    return (await _mapping(service_of(request), source)).model_dump(mode="json")
