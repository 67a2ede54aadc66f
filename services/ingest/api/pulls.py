"""The operator's calls about sources that ingest reads, and the webhook of those sources."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.common.backoff import Backoff
from services.common.problem import Problem
from services.ingest.api.body import read_json, valid
from services.ingest.api.schema import takes
from services.ingest.api.security import service_of
from services.ingest.errors import IngestError
from services.ingest.model.pulls import PullIn, RunIn
from services.ingest.service import Service
from services.ingest.ss12000.vocabulary import Resource
from services.ingest.sync import spans
from services.ingest.sync.errors import RefusedError
from services.ingest.sync.model import Kind, Learned, Pull
from services.ingest.sync.reader import Reader
from services.ingest.sync.remote import Remote
from services.ingest.sync.status import ADVICE, OTHERWISE, listing, status, under_way
from services.ingest.sync.store import Accepted, hooked, put_pull, want
from services.ingest.sync.subscriptions import hook_hash

hooks = APIRouter()
_MOST_HOOK_BYTES = 65_536
_ONE = "/v1/organisers/{organiser_id}/sources/{source_id}/pull"


async def get_sources(request: Request) -> dict[str, Any]:
    """Every source, and when it was last read where ingest reads it."""
    return {"sources": await listing(service_of(request).pool)}


async def put_config(request: Request, organiser_id: UUID, source_id: UUID) -> dict[str, Any]:
    """Say how a source is read; answers what the source offers. The next run begins at once."""
    service = service_of(request)
    limit = service.settings.ingest_max_body_bytes
    wanted = valid(PullIn, await read_json(request, limit))
    values = wanted.model_dump(mode="json")
    now = service.clock.now()
    values |= {"resources": list(values["resources"]), "since": now, "next_at": now}
    try:
        await put_pull(service.pool, organiser_id, source_id, values)
    except LookupError as error:
        raise _unknown() from error
    found = await _reach(service, organiser_id, source_id, wanted)
    return {"reach": found}


async def get_status(request: Request, organiser_id: UUID, source_id: UUID) -> dict[str, Any]:
    """When it was last read, what was held, what failed and what to do."""
    service = service_of(request)
    found = await status(service.pool, organiser_id, source_id)
    if found is None:
        raise _unknown()
    return found | {"under_way": await under_way(service.pool, organiser_id, source_id)}


async def post_run(request: Request, organiser_id: UUID, source_id: UUID) -> dict[str, Any]:
    """Ask for a run now, rather than at the next interval."""
    service = service_of(request)
    asked = valid(RunIn, await read_json(request, service.settings.ingest_max_body_bytes))
    kind: Kind = "full" if asked.full or asked.accept_losses else "delta"
    losses = None
    if asked.accept_losses and asked.by is not None:
        losses = Accepted(asked.by, service.clock.now())
    known = await want(service.pool, organiser_id, source_id, kind, losses=losses)
    if not known:
        raise _unknown()
    return {"wanted": kind}


@hooks.post("/v1/hooks/ss12000/{hook}", include_in_schema=False)
async def post_hook(request: Request, hook: str) -> Response:
    """A source says that something has changed. What it says is not read: we ask it ourselves.

    The answer is 200 and nothing else, for some count everything else as a failure.
    """
    service = service_of(request)
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > _MOST_HOOK_BYTES:
            raise Problem(413, "body_too_large", "A notification carries no data.")
    found = await hooked(service.pool, hook_hash(hook))
    if found is None:
        raise Problem(404, "unknown_hook", "No subscription has this address.")
    await want(service.pool, *found, "delta")
    return Response(status_code=200)


def add_pulls(router: APIRouter) -> None:
    """Add the operator's calls to his router."""
    router.add_api_route("/v1/sources", get_sources, methods=["GET"], summary="List the sources")
    router.add_api_route(
        _ONE,
        put_config,
        methods=["PUT"],
        summary="Say how a source is read",
        openapi_extra=takes(PullIn),
    )
    router.add_api_route(_ONE, get_status, methods=["GET"], summary="How reading a source goes")
    router.add_api_route(
        f"{_ONE}/runs",
        post_run,
        methods=["POST"],
        status_code=202,
        summary="Read a source now",
        openapi_extra=takes(RunIn),
    )


async def _reach(
    service: Service, organiser_id: UUID, source_id: UUID, wanted: PullIn
) -> list[dict[str, Any]]:
    """Ask for one entity of each resource: what is there, and what is in the way."""
    pull = _trial(service, organiser_id, source_id, wanted)
    found: list[dict[str, Any]] = []
    # A person waits for this answer: two attempts' patience, not six.
    backoff = Backoff(timedelta(milliseconds=100), timedelta(milliseconds=500))
    async with Remote(pull, service.secrets, service.clock, backoff=backoff, timeout=10) as remote:
        reader = Reader(pull, remote)
        now = service.clock.now()
        week = (now, now + timedelta(days=7))
        for resource in wanted.resources:
            span: spans.Span | None = week if resource is Resource.CALENDAR_EVENT else None
            entry: dict[str, Any] = {"resource": resource.value, "path": None, "state": "offered"}
            try:
                entry["path"] = await reader.probe(resource, span)
            except RefusedError as error:
                entry |= _trouble(error)
            except IngestError as error:
                # It would be the same for the others.
                found.append(entry | _trouble(error))
                break
            found.append(entry)
    return found


def _trouble(error: IngestError) -> dict[str, str]:
    code = getattr(error, "code", "failed")
    return {"state": code, "detail": str(error), "advice": ADVICE.get(code, OTHERWISE)}


def _trial(service: Service, organiser_id: UUID, source_id: UUID, wanted: PullIn) -> Pull:
    values: dict[str, Any] = {name: getattr(wanted, name) for name in PullIn.model_fields}
    return Pull(
        organiser_id=organiser_id,
        source_id=source_id,
        learned=Learned(),
        wanted=None,
        accept_losses=False,
        since=service.clock.now(),
        next_at=service.clock.now(),
        full_since=None,
        snapshot_at=None,
        full_done_at=None,
        last_success_at=None,
        **values | {"paths": {str(name): path for name, path in wanted.paths.items()}},
    )


def _unknown() -> Problem:
    return Problem(404, "unknown_source", "No such source, or none that ingest reads.")
