"""What has no entities of ours: deletions, logs, and resources that are not about lessons."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ValidationError

from services.common.logging import get_logger
from services.common.pg import tenant
from services.ingest import metrics
from services.ingest.api.body import read_json
from services.ingest.api.schema import takes
from services.ingest.api.security import service_of, source_with
from services.ingest.api.ss12000.documents import LogEntry, StatisticsEntry
from services.ingest.api.ss12000.errors import Refusal, refused
from services.ingest.model.parse import problems_of
from services.ingest.ss12000.readback import ReadBack
from services.ingest.store.sources import Source

log = get_logger(__name__)

Caller = Annotated[Source, Depends(source_with(None))]


async def deleted(request: Request, source: Caller) -> dict[str, Any]:
    """By resource; an entity that was sent again since is not among them."""
    async with tenant(service_of(request).pool, source.organiser_id) as connection:
        found, token = await ReadBack(connection, source).deleted(
            request.query_params.multi_items()
        )
    return {"data": found, "pageToken": token}


async def client_log(request: Request, source: Caller) -> Response:
    return await _note(request, source, LogEntry, "client_log")


async def client_statistics(request: Request, source: Caller) -> Response:
    return await _note(request, source, StatisticsEntry, "client_statistics")


async def nothing() -> dict[str, Any]:
    """None of these is taken, so there is none."""
    return {"data": [], "pageToken": None}


async def none_of_them() -> list[Any]:
    return []


async def not_here() -> Response:
    raise Refusal(404, "not_found", "None of these is kept here.")


def _refuses(code: str, message: str) -> Any:
    async def refuse() -> Response:
        raise Refusal(403, code, message)

    return refuse


def add_others(router: APIRouter) -> None:
    """Add the routes to the router of one base path."""
    shown = router.include_in_schema
    known = [Depends(source_with(None))]
    router.add_api_route(
        "/deletedEntities",
        deleted,
        methods=["GET"],
        summary="Ids of what this source has deleted",
        response_model=None,
    )
    for path, endpoint, model in (
        ("log", client_log, LogEntry),
        ("statistics", client_statistics, StatisticsEntry),
    ):
        # The standard writes both with a slash at the end.
        for end in ("", "/"):
            router.add_api_route(
                f"/{path}{end}",
                endpoint,
                methods=["POST"],
                include_in_schema=shown and not end,
                summary="What the calling system wants its operator to know",
                openapi_extra=takes(model),
                status_code=201,
                response_model=None,
            )
        router.add_api_route(
            f"/{path}",
            nothing,
            methods=["GET"],
            include_in_schema=False,
            dependencies=known,
            response_model=None,
        )
    for path, code, message in _NOT_TAKEN:
        routes: tuple[tuple[str, Any, str], ...] = (
            ("", nothing, "GET"),
            ("", _refuses(code, message), "POST"),
            ("/lookup", none_of_them, "POST"),
            ("/{id}", not_here, "GET"),
            ("/{id}", not_here, "DELETE"),
            ("/{id}", not_here, "PATCH"),
        )
        for suffix, endpoint, method in routes:
            router.add_api_route(
                f"/{path}{suffix}",
                endpoint,
                methods=[method],
                include_in_schema=shown and path in _SHOWN and not suffix,
                dependencies=known,
                summary=f"{path}: not taken",
                response_model=None,
            )


async def _note(request: Request, source: Source, model: type[BaseModel], event: str) -> Response:
    """Into our own log and metrics, without the free text: it may name a pupil."""
    limit = service_of(request).settings.ingest_max_body_bytes
    value = await read_json(request, limit)
    try:
        entry = model.model_validate(value).model_dump(mode="json")
    except ValidationError as error:
        raise refused(problems_of(error)) from error
    told = {
        name: str(entry[name])[:100]
        for name in (
            "severityLevel",
            "messageType",
            "resourceType",
            "resourceId",
            "newCount",
            "updatedCount",
            "deletedCount",
        )
        if entry.get(name) is not None
    }
    level = told.get("severityLevel", "Info")
    metrics.CLIENT_LOG.labels(level).inc()
    log.info(event, source=str(source.source_id), **told)
    return Response(status_code=201)


_PRESCHOOL = (
    "is about förskola and fritidshem. Absence from lessons comes as attendances with their "
    "calendarEvents: POST /attendances."
)
_UNUSED = "is nothing that early warning needs, so it is not taken: leave it out."
_SHOWN = ("attendanceEvents", "subscriptions")
_NOT_TAKEN = (
    (
        "subscriptions",
        "nothing_to_tell",
        (
            "What this server gives back is what the same source has sent: it has no news of "
            "others, so there is nothing to subscribe to."
        ),
    ),
    ("attendanceEvents", "not_lessons", f"attendanceEvents {_PRESCHOOL}"),
    ("attendanceSchedule", "not_lessons", f"attendanceSchedule {_PRESCHOOL}"),
    ("attendanceSchedules", "not_lessons", f"attendanceSchedules {_PRESCHOOL}"),
    (
        "aggregatedAttendance",
        "not_lessons",
        (
            "aggregatedAttendance holds sums, which cannot be corrected lesson by lesson: "
            "POST /attendances."
        ),
    ),
    *(
        (path, "not_needed", f"{path} {_UNUSED}")
        for path in (
            "grades", "studyplans", "programmes", "schoolUnitOfferings", "resources", "rooms",
        )
    ),
)  # fmt: skip
