"""POST /v1/registers, POST /v1/notices, GET /v1/sources/self."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from services.common.problem import Problem
from services.ingest.api.batch import Feed, run_batch
from services.ingest.api.body import read_json
from services.ingest.api.schema import NoticeBatch, RegisterBatch, takes
from services.ingest.api.security import service_of, source_with
from services.ingest.store.sources import Source

router = APIRouter()


async def _batch(request: Request, source: Source, name: str, feed: Feed) -> JSONResponse:
    service = service_of(request)
    body = await read_json(request, service.settings.ingest_max_body_bytes)
    items = body.get(name) if isinstance(body, dict) else None
    if not isinstance(items, list):
        raise Problem(422, "missing_field", f'Send {{"{name}": [...]}}.', field=f"/{name}")
    if unknown := sorted(set(body) - {name}):
        raise Problem(
            422,
            "unknown_field",
            f"Only {name} may stand beside the braces.",
            field=f"/{unknown[0][:100]}",
        )
    return await run_batch(service, source, name, items, feed)


@router.post(
    "/v1/registers",
    status_code=202,
    summary="Lesson registers",
    openapi_extra=takes(RegisterBatch),
)
async def registers(
    request: Request, source: Annotated[Source, Depends(source_with("registers"))]
) -> JSONResponse:
    """A batch of patches of lesson occurrences; 202 when Kafka has what was accepted."""
    return await _batch(request, source, "registers", service_of(request).intake.registers)


@router.post(
    "/v1/notices",
    status_code=202,
    summary="Frånvaroanmälan and granted leave",
    openapi_extra=takes(NoticeBatch),
)
async def notices(
    request: Request, source: Annotated[Source, Depends(source_with("notices"))]
) -> JSONResponse:
    """A batch of explained intervals; 202 when Kafka has what was accepted."""
    return await _batch(request, source, "notices", service_of(request).intake.notices)


@router.get("/v1/sources/self", summary="What this token is")
async def self_(source: Annotated[Source, Depends(source_with(None))]) -> dict[str, Any]:
    """The calling source: organiser, scopes, rank, quota and cut-over date."""
    return {
        "source_id": str(source.source_id),
        "name": source.name,
        "organiser_id": str(source.organiser_id),
        "namespace": source.namespace,
        "scopes": sorted(source.scopes),
        "priority": source.priority,
        "quota_per_minute": source.quota_per_minute,
        "cut_over": source.cut_over.isoformat() if source.cut_over else None,
    }
