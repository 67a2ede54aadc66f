"""The operator's calls: sources and rule profiles."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request, Response
from pydantic import SecretStr

from services.common.http import require_bearer
from services.common.problem import Problem
from services.ingest.api.body import Model, read_json, valid
from services.ingest.api.pulls import add_pulls
from services.ingest.api.schema import takes
from services.ingest.api.security import service_of
from services.ingest.errors import ProfileError
from services.ingest.model.ops import ActivationIn, CutOverIn, SourceIn
from services.ingest.profiles import Activation, read_content
from services.ingest.store.decisions import Moved, move_cut_over
from services.ingest.store.outbox import drain
from services.ingest.store.sources import NewSource, add_source, revoke_source


async def _model(request: Request, model: type[Model]) -> Model:
    limit = service_of(request).settings.ingest_max_body_bytes
    return valid(model, await read_json(request, limit))


async def post_source(request: Request) -> dict[str, Any]:
    """Make a source, and its organiser where that is new. The token is shown this once."""
    wanted = await _model(request, SourceIn)
    organiser_id = wanted.organiser_id or uuid4()
    source_id = uuid4()
    try:
        token = await add_source(
            service_of(request).pool,
            NewSource(
                organiser_id=organiser_id,
                source_id=source_id,
                name=wanted.name,
                organiser_name=wanted.organiser_name,
                organiser_kind=wanted.organiser_kind,
                namespace=wanted.namespace,
                scopes=tuple(wanted.scopes),
                priority=wanted.priority,
                quota_per_minute=wanted.quota_per_minute,
                cut_over=wanted.cut_over,
            ),
        )
    except LookupError as error:
        raise Problem(
            422,
            "unknown_organiser",
            "A new organiser needs its organiser_name.",
            field="/organiser_name",
        ) from error
    return {"organiser_id": str(organiser_id), "source_id": str(source_id), "token": token}


async def delete_source(request: Request, organiser_id: UUID, source_id: UUID) -> Response:
    """Revoke a source's token."""
    service = service_of(request)
    if not await revoke_source(service.pool, organiser_id, source_id):
        raise Problem(404, "unknown_source", "No such source, or revoked already.")
    service.sources.forget()
    return Response(status_code=204)


async def put_cut_over(request: Request, organiser_id: UUID, source_id: UUID) -> dict[str, Any]:
    """Change a source's cut-over date; answers what that does to what was read already."""
    wanted = await _model(request, CutOverIn)
    service = service_of(request)
    moved = await move_cut_over(
        service.pool, organiser_id, source_id, wanted.cut_over, by=wanted.by,
        at=service.clock.now(),
    )  # fmt: skip
    if moved is None:
        raise Problem(404, "unknown_source", "No such source, or revoked already.")
    service.sources.forget()
    return {
        "before": moved.before and moved.before.isoformat(),
        "cut_over": moved.after and moved.after.isoformat(),
        "pupils": moved.pupils,
        "effects": _effects(moved),
    }


def _effects(moved: Moved) -> list[str]:
    """In the operator's words."""
    if moved.before == moved.after:
        return ["It was so already: nothing changes."]
    first = moved.after.isoformat() if moved.after else "the first day on"
    found = [f"From now on: school days before {first} build state and wake nobody."]
    if moved.after is None:
        found = ["From now on: every school day wakes somebody."]
    found.append(
        f"Read already: {moved.pupils} pupils, of whom older days were told, wake somebody from "
        "their new day on."
    )
    if moved.before is not None and (moved.after is None or moved.after < moved.before):
        found.append(
            "What was read and woke nobody is not told afterwards; it stands in the pupil's "
            "picture, and the next day that counts is judged with it."
        )
    else:
        found.append("What has woken somebody already stays told: nothing is called back.")
    return found


async def post_profile(request: Request) -> dict[str, Any]:
    """Put a profile into force; answers when every partition has it."""
    wanted = await _model(request, ActivationIn)
    service = service_of(request)
    try:
        content = read_content(wanted.content.encode())
        await service.profiles.activate(
            wanted.organiser_id,
            Activation(
                content,
                wanted.valid_from,
                tuple(wanted.school_unit_ids),
                tuple(wanted.school_forms),
            ),
        )
    except ProfileError as error:
        status = 409 if error.code == "content_changed" else 422
        errors = [
            {"field": "/content", "line": one.line, "key": one.field, "detail": one.reason}
            for one in error.findings
        ]
        extra: dict[str, Any] = {"errors": errors} if errors else {}
        raise Problem(status, error.code, str(error), **extra) from error
    await drain(service.pool, service.publisher, wanted.organiser_id)
    return {
        "profile": f"{content.profile_id}@{content.profile_version}",
        "digest": content.digest.hex(),
        "valid_from": wanted.valid_from.isoformat(),
    }


def ops_router(token: SecretStr) -> APIRouter:
    """The calls, for the holder of ``token`` only."""
    router = APIRouter(dependencies=[Depends(require_bearer(token))])
    router.add_api_route(
        "/v1/sources",
        post_source,
        methods=["POST"],
        status_code=201,
        summary="Add a source",
        openapi_extra=takes(SourceIn),
    )
    router.add_api_route(
        "/v1/organisers/{organiser_id}/sources/{source_id}",
        delete_source,
        methods=["DELETE"],
        status_code=204,
        summary="Revoke a source",
    )
    router.add_api_route(
        "/v1/organisers/{organiser_id}/sources/{source_id}/cut-over",
        put_cut_over,
        methods=["PUT"],
        summary="Change a source's cut-over date",
        openapi_extra=takes(CutOverIn),
    )
    router.add_api_route(
        "/v1/profiles",
        post_profile,
        methods=["POST"],
        status_code=201,
        summary="Activate a rule profile",
        openapi_extra=takes(ActivationIn),
    )
    add_pulls(router)
    return router
