"""The operator's call for a pushing source whose roster is held: see it, or accept it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import SecretStr

from services.common.http import require_bearer
from services.common.logging import get_logger
from services.common.pg import tenant
from services.common.problem import Problem
from services.ingest.api.body import read_json, valid
from services.ingest.api.schema import takes
from services.ingest.api.security import service_of
from services.ingest.model.fields import Flag, Strict
from services.ingest.model.roster import Name
from services.ingest.store.decisions import decide
from services.ingest.store.sources import Source, source_from

log = get_logger(__name__)


class SettleIn(Strict):
    """Apply what a source has sent, now."""

    accept_losses: Flag = False
    """A human says that so many pupils did leave."""
    by: Name
    """Whose decision it is: kept with its time where losses are accepted."""


async def settle(request: Request, organiser_id: UUID, source_id: UUID) -> dict[str, Any]:
    """What was applied, what waits and why, and whether the roster is held for a human."""
    service = service_of(request)
    asked = valid(SettleIn, await read_json(request, service.settings.ingest_max_body_bytes))
    source = await _source(request, organiser_id, source_id)
    if asked.accept_losses:
        async with tenant(service.pool, organiser_id) as connection:
            await decide(
                connection,
                organiser_id,
                source_id,
                "accept_losses",
                by=asked.by,
                at=service.clock.now(),
            )
    settled = await service.inbox.settle(source, accept_losses=asked.accept_losses)
    log.info(
        "settled_by_hand",
        source=str(source_id),
        by=asked.by,
        accept_losses=asked.accept_losses,
        held=settled.held,
    )
    return {
        "held": settled.held,
        "applied": settled.roster,
        "registers": settled.registers,
        "notices": settled.notices,
        "waiting": {kind.value: count for kind, count in settled.waiting.items()},
        "problems": [
            {"resource": kind.value, "id": None if one is None else str(one), **note.body()}
            for kind, one, note in settled.problems
        ],
    }


async def _source(request: Request, organiser_id: UUID, source_id: UUID) -> Source:
    async with tenant(service_of(request).pool, organiser_id) as connection:
        row = await connection.fetchrow(
            "SELECT * FROM ingest.sources WHERE source_id = $1 AND revoked_at IS NULL", source_id
        )
    if row is None:
        raise Problem(404, "unknown_source", "This organiser has no such source.")
    return source_from(row)


def settle_router(token: SecretStr) -> APIRouter:
    """The call, for the holder of the operator's ``token`` only."""
    router = APIRouter(dependencies=[Depends(require_bearer(token))])
    router.add_api_route(
        "/v1/organisers/{organiser_id}/sources/{source_id}/settle",
        settle,
        methods=["POST"],
        summary="Apply what a source sent in SS 12000, losses and all if so decided",
        openapi_extra=takes(SettleIn),
    )
    return router
