"""Rosters held for a human: what waits, and the decision with a name and a time."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import SecretStr

from services.common.http import require_bearer
from services.common.pg import tenant
from services.common.problem import Problem
from services.ingest import metrics
from services.ingest.api.body import read_json, valid
from services.ingest.api.schema import takes
from services.ingest.api.security import service_of
from services.ingest.model.ops import DecisionIn
from services.ingest.roster.changes import Decided, RosterRefusedError
from services.ingest.service import Service
from services.ingest.store import held
from services.ingest.store.doubts import Doubt, doubt_of
from services.ingest.store.outbox import drain

_STATES = {"apply": "applied", "drop": "dropped"}


async def list_held(request: Request, organiser_id: UUID) -> dict[str, Any]:
    """What waits, then what was decided, the newest first; nobody's name is in it."""
    async with tenant(service_of(request).pool, organiser_id) as connection:
        return {"held": await held.listed(connection)}


async def decide(request: Request, organiser_id: UUID, held_id: UUID) -> dict[str, Any]:
    """Apply a held roster, losses and all, or drop it. Decided once: 409 afterwards.

    Pupils whom a source in SS 12000 has, and who are perhaps known already, are the ones known
    (`same`) or somebody else; there is nothing to drop.
    """
    service = service_of(request)
    body = await read_json(request, service.settings.ingest_max_body_bytes)
    decision = valid(DecisionIn, body)
    async with tenant(service.pool, organiser_id) as connection:
        doubt = await doubt_of(connection, held_id)
        found = None if doubt else await held.get(connection, held_id)
    if doubt is not None:
        return await _tell_apart(service, doubt, decision)
    if found is None:
        raise Problem(404, "unknown_roster", "No roster of this organiser is held by this id.")
    if isinstance(found, str):
        raise _decided(found)
    answer: dict[str, Any] = {"held_id": str(held_id), "state": _STATES[decision.decision]}
    if decision.decision == "apply":
        try:
            applied = await service.roster.put(
                found.source,
                found.roster,
                decided=Decided(_same(decision, found.perhaps_known)),
            )
        except RosterRefusedError as error:
            raise _refused(error) from error
        answer["applied"] = applied.counts
    now = service.clock.now()
    async with tenant(service.pool, organiser_id) as connection:
        done = await held.decide(
            connection, held_id, answer["state"], by=decision.by, note=decision.note, now=now
        )
    if not done:
        raise _decided("decided")
    if decision.decision == "apply":
        await drain(service.pool, service.publisher, organiser_id)
        await service.releaser.run(organiser_id)
    metrics.ROSTERS.labels(answer["state"]).inc()
    return answer


async def _tell_apart(service: Service, doubt: Doubt, decision: DecisionIn) -> dict[str, Any]:
    if decision.decision == "drop":
        raise Problem(
            422,
            "nothing_to_drop",
            "Nothing of these pupils is applied yet: say who is `same`; the others are new.",
            field="/decision",
        )
    same = _same(decision, frozenset(str(one) for one in doubt.persons))
    try:
        settled = await service.inbox.decide(doubt, same, by=decision.by, note=decision.note)
    except RosterRefusedError as error:
        raise _refused(error) from error
    if settled is None:
        raise _decided("decided")
    metrics.ROSTERS.labels("applied").inc()
    return {"held_id": str(doubt.held_id), "state": "applied", "applied": settled.roster}


def _refused(error: RosterRefusedError) -> Problem:
    return Problem(
        422,
        "roster_refused",
        "It cannot be applied as things stand now; it still waits.",
        errors=[problem.body() for problem in error.problems[:1000]],
    )


def _same(decision: DecisionIn, perhaps_known: frozenset[str]) -> frozenset[str]:
    if decision.same == "all":
        return perhaps_known
    if unknown := sorted(set(decision.same) - perhaps_known):
        raise Problem(
            422,
            "unknown_pupil",
            "No reason of this roster is about this pupil.",
            field=f"/same/{decision.same.index(unknown[0])}",
        )
    return frozenset(decision.same)


def _decided(state: str) -> Problem:
    return Problem(409, "decided", f"This roster does not wait any more: it is {state}.")


def held_router(token: SecretStr) -> APIRouter:
    """The calls, for the holder of the operator's ``token`` only."""
    router = APIRouter(
        prefix="/v1/organisers/{organiser_id}/held-rosters",
        dependencies=[Depends(require_bearer(token))],
    )
    router.add_api_route("", list_held, methods=["GET"], summary="Rosters held for a human")
    router.add_api_route(
        "/{held_id}/decision",
        decide,
        methods=["POST"],
        summary="Apply or drop a held roster",
        openapi_extra=takes(DecisionIn),
    )
    return router
