"""The standard's resources: POST, GET, lookup, DELETE, and what was deleted.

They stand under ``/ss12000/v2.0``, and again at the root: clients in use join an absolute path to
their base address and lose what its path was.
"""

from typing import Annotated, Any
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends, FastAPI, Path, Request, Response
from fastapi.responses import JSONResponse

from services.common.pg import tenant
from services.ingest import metrics
from services.ingest.api.body import read_json
from services.ingest.api.schema import takes
from services.ingest.api.security import service_of, source_with
from services.ingest.api.ss12000.documents import DOCUMENTS
from services.ingest.api.ss12000.errors import Refusal, StandardRoute, refused
from services.ingest.api.ss12000.others import add_others
from services.ingest.model.answers import ItemAnswer
from services.ingest.ss12000.filters import FilterError
from services.ingest.ss12000.readback import MOST, ReadBack
from services.ingest.ss12000.reading import instant_of, uuid_of
from services.ingest.ss12000.vocabulary import (
    PATH_VARIANTS,
    PATHS,
    ROSTER,
    TAKEN,
    Resource,
)
from services.ingest.store.sources import Source
from services.ingest.versions import SKEW

BASE = "/ss12000/v2.0"
ROOTS = (BASE, "/v2.0", "")
Identity = Annotated[UUID, Path(alias="id")]
_MADE = UUID("0b8e4d0c-5b5e-5b57-8d2a-3b1f6a0c9e42")


def _scope(resource: Resource) -> str:
    if resource in ROSTER:
        return "roster"
    return "notices" if resource is Resource.ABSENCE else "registers"


def mount(app: FastAPI) -> None:
    """Add the standard's routes to ``app``; the document shows them once."""
    for root in ROOTS:
        router = APIRouter(
            prefix=root,
            route_class=StandardRoute,
            include_in_schema=root == BASE,
            tags=["SS 12000:2020"],
        )
        add_others(router)
        for resource in TAKEN:
            for path in (PATHS[resource], *PATH_VARIANTS.get(resource, ())):
                _resource(router, resource, path, shown=path == PATHS[resource])
        app.include_router(router)


def _resource(router: APIRouter, resource: Resource, path: str, *, shown: bool) -> None:
    caller = Depends(source_with(_scope(resource)))

    async def post(request: Request, source: Annotated[Source, caller]) -> Response:
        return await _post(request, source, resource)

    async def get(request: Request, source: Annotated[Source, caller]) -> dict[str, Any]:
        async with tenant(service_of(request).pool, source.organiser_id) as connection:
            page = await ReadBack(connection, source).page(
                resource, request.query_params.multi_items()
            )
        return {"data": page.data, "pageToken": page.token}

    async def lookup(request: Request, source: Annotated[Source, caller]) -> list[dict[str, Any]]:
        return await _lookup(request, source, resource)

    async def one(
        request: Request, source: Annotated[Source, caller], identity: Identity
    ) -> dict[str, Any]:
        async with tenant(service_of(request).pool, source.organiser_id) as connection:
            found = await ReadBack(connection, source).some(resource, [identity])
        if not found:
            raise _missing(resource, identity)
        return found[0]

    async def delete(
        request: Request,
        source: Annotated[Source, caller],
        identity: Identity,
    ) -> Response:
        service = service_of(request)
        async with tenant(service.pool, source.organiser_id) as connection:
            found = await ReadBack(connection, source).some(resource, [identity])
        if not found:
            raise _missing(resource, identity)
        # What is posted next lives, though the source's clock be somewhat behind ours: a correction
        # may be a deletion and a new posting.
        known = instant_of(found[0]["meta"]["modified"])
        at = service.clock.now() - SKEW
        await service.inbox.delete(source, resource, [identity], max(at, known or at))
        return Response(status_code=204)

    name = resource.value
    router.add_api_route(
        f"/{path}",
        post,
        methods=["POST"],
        include_in_schema=shown and router.include_in_schema,
        summary=f"{name}: one, or a list of them",
        openapi_extra=takes(DOCUMENTS[resource]),
        response_model=None,
    )
    for suffix, endpoint, method, text in (
        ("", get, "GET", f"{name}: what this source has sent"),
        ("/lookup", lookup, "POST", f"{name}: many by id"),
        ("/{id}", one, "GET", f"{name}: one by id"),
        ("/{id}", delete, "DELETE", f"{name}: is no more"),
    ):
        router.add_api_route(
            f"/{path}{suffix}",
            endpoint,
            methods=[method],
            include_in_schema=shown and router.include_in_schema,
            summary=text,
            response_model=None,
            status_code=204 if method == "DELETE" else 200,
        )


def _missing(resource: Resource, identity: UUID) -> Refusal:
    return Refusal(404, "not_found", f"This source has sent no {resource.value} {identity}.")


async def _post(request: Request, source: Source, resource: Resource) -> Response:
    service = service_of(request)
    body = await read_json(request, service.settings.ingest_max_body_bytes)
    if isinstance(body, dict) and isinstance(body.get("data"), list):
        # A page of another system's answer, sent as it is.
        body = body["data"]
    entities = body if isinstance(body, list) else [body]
    if not all(isinstance(one, dict) for one in entities):
        raise Refusal(400, "invalid", f"Send one {resource.value}, or a list of them.")
    if len(entities) > service.settings.ingest_max_batch:
        raise Refusal(
            413,
            "batch_too_large",
            f"At most {service.settings.ingest_max_batch} entities in a call.",
        )
    wait = service.quotas.take(source.source_id, source.quota_per_minute, len(entities))
    if wait:
        metrics.ITEMS.labels(f"ss12000 {PATHS[resource]}", "over_quota").inc(len(entities))
        raise Refusal(
            429,
            "over_quota",
            f"This source may send {source.quota_per_minute} entities a minute.",
            headers={"Retry-After": str(wait)},
        )
    named = [_with_id(resource, one) for one in entities]
    try:
        if isinstance(body, list):
            answers = await service.inbox.take(source, resource, named)
        else:
            answers = [await service.gatherer.take(source, resource, named[0])]
    except BaseException:
        service.quotas.give_back(source.source_id, len(entities))
        raise
    if isinstance(body, list):
        return _many(answers)
    return await _single(request, source, resource, named[0], answers[0])


def _with_id(resource: Resource, entity: dict[str, Any]) -> dict[str, Any]:
    """An entity with an id: in what is posted the standard lets the server make it.

    The same pupil and lesson get the same id again, so that a second posting
    corrects the first; likewise the same pupil and interval of an absence.
    """
    if entity.get("id") is not None:
        return entity
    names = {
        Resource.ATTENDANCE: ("calendarEvent", "student"),
        Resource.ABSENCE: ("student", "startTime", "endTime", "type"),
    }.get(resource)
    if names is None or any(entity.get(name) is None for name in names):
        return entity
    parts = [
        value.get("id") if isinstance(value := entity[name], dict) else value for name in names
    ]
    return {**entity, "id": str(uuid5(_MADE, f"{resource.value}|{parts}"))}


def _many(answers: list[ItemAnswer]) -> Response:
    refused_ones = sum(one.status == "refused" for one in answers)
    content = {
        "accepted": sum(one.status == "accepted" for one in answers),
        "refused": refused_ones,
        "items": [one.body() for one in answers],
    }
    if answers and refused_ones == len(answers):
        content |= {"code": "all_refused", "message": "Every entity was refused; see items."}
        return JSONResponse(content, 400)
    return JSONResponse(content, 202)


async def _single(
    request: Request,
    source: Source,
    resource: Resource,
    sent: dict[str, Any],
    answer: ItemAnswer,
) -> Response:
    """200 = it holds; 202 = it is kept, and takes effect soon or when what it names has come."""
    if answer.status == "refused":
        raise refused(answer.problems)
    identity = uuid_of(sent.get("id"))
    async with tenant(service_of(request).pool, source.organiser_id) as connection:
        back = ReadBack(connection, source)
        found = await back.some(resource, [] if identity is None else [identity])
        waits = resource is Resource.ATTENDANCE and identity is not None
        waits = waits and identity is not None and await back.waits(identity)
    waits |= any(note.code.startswith(("unknown_", "no_placement")) for note in answer.notes)
    said = resource in (Resource.ATTENDANCE, Resource.ABSENCE)
    headers = {}
    if answer.notes:
        # The body is the entity's: what the sender should know stands beside it.
        headers["X-Forvarning-Notes"] = ", ".join(dict.fromkeys(one.code for one in answer.notes))
    content = found[0] if found else {"id": sent.get("id")}
    return JSONResponse(content, 200 if said and not waits else 202, headers=headers)


_LOOKUPS: dict[Resource, dict[str, str]] = {
    Resource.ATTENDANCE: {
        "students": "student",
        # The standard's own spelling, and the one that is meant.
        "calendareEvents": "calendar_event",
        "calendarEvents": "calendar_event",
    },
    Resource.CALENDAR_EVENT: {"activities": "activity"},
    Resource.ORGANISATION: {
        "schoolUnitCodes": "body ->> 'schoolUnitCode'",
        "organisationCodes": "body ->> 'organisationCode'",
    },
    Resource.PERSON: {"civicNos": "body #>> '{civicNo,value}'"},
}
"""What many may be asked for by, besides their ids."""


async def _lookup(request: Request, source: Source, resource: Resource) -> list[dict[str, Any]]:
    service = service_of(request)
    body = await read_json(request, service.settings.ingest_max_body_bytes)
    if not isinstance(body, dict):
        raise Refusal(400, "invalid", 'Send {"ids": [...]}.')
    columns = {"ids": "id", **_LOOKUPS.get(resource, {})}
    found: dict[str, dict[str, Any]] = {}
    asked = False
    for name, value in body.items():
        column = columns.get(name)
        if column is None:
            raise FilterError(f"{name}: known are {', '.join(columns)}")
        texts = column.startswith("body")
        wanted = [
            one if texts and isinstance(one, str) and "\0" not in one else uuid_of(one)
            for one in (value if isinstance(value, list) else [None])
        ]
        if None in wanted:
            raise Refusal(
                400, "invalid_id", f"{name}: must be a list of {'texts' if texts else 'UUIDs'}"
            )
        asked = True
        async with tenant(service.pool, source.organiser_id) as connection:
            listed = await ReadBack(connection, source).some(resource, wanted, by=column)
        found |= {one["id"]: one for one in listed}
    if not asked:
        raise Refusal(400, "missing_field", 'Send {"ids": [...]}.')
    if len(found) > MOST:
        raise Refusal(503, "too_large", f"More than {MOST} entities: ask for fewer.")
    return list(found.values())
