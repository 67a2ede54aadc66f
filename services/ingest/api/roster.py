"""PUT /v1/roster and the school days' own calls."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from services.common.clock import school_date
from services.common.pg import tenant
from services.common.problem import Problem
from services.ingest import metrics
from services.ingest.api.body import read_json, valid
from services.ingest.api.schema import takes
from services.ingest.api.security import service_of, source_with
from services.ingest.model.answers import Note
from services.ingest.model.days import AliasBatch, DayIn
from services.ingest.model.parse import problems_of
from services.ingest.model.roster import RosterIn
from services.ingest.roster.changes import RosterRefusedError
from services.ingest.roster.holding import Kept
from services.ingest.store.aliases import AliasLoopError, add_aliases
from services.ingest.store.outbox import drain
from services.ingest.store.sources import Source

router = APIRouter()

_SHOWN = 1000


def _refused(problems: list[Note]) -> Problem:
    metrics.ROSTERS.labels("refused").inc()
    return Problem(
        422,
        "roster_refused",
        f"{len(problems)} problems; nothing of the roster was applied.",
        errors=[problem.body() for problem in problems[:_SHOWN]],
    )


@router.put(
    "/v1/roster",
    summary="The organiser's roster, or parts of it",
    responses={202: {"description": "Held for a human: `held` is its id, nothing is applied."}},
    openapi_extra=takes(RosterIn),
)
async def put_roster(
    request: Request,
    source: Annotated[Source, Depends(source_with("roster"))],
    accept_losses: Annotated[
        bool, Query(description="A human says that so many pupils did leave.")
    ] = False,
) -> JSONResponse:
    """Apply a roster: all of it, or nothing and 422 with every reason.

    One that a human may find right all the same is kept for a decision: 202 with its id.
    """
    service = service_of(request)
    body = await read_json(request, service.settings.ingest_max_roster_bytes)
    try:
        roster = RosterIn.model_validate(body)
    except ValidationError as error:
        raise _refused(problems_of(error)) from error
    try:
        taken = await service.desk.take(source, roster, accept_losses=accept_losses)
    except RosterRefusedError as error:
        raise _refused(error.problems) from error
    if isinstance(taken, Kept):
        metrics.ROSTERS.labels("held").inc()
        return JSONResponse(
            {
                "organiser_id": str(source.organiser_id),
                "held": str(taken.held_id),
                "reasons": [reason.body() for reason in taken.reasons[:_SHOWN]],
            },
            202,
        )
    await drain(service.pool, service.publisher, source.organiser_id)
    await service.releaser.run(source.organiser_id)
    metrics.ROSTERS.labels("applied").inc()
    notes = [{"item": note.field, "code": note.code, "detail": note.detail} for note in taken.notes]
    return JSONResponse({
        "organiser_id": str(source.organiser_id),
        "applied": taken.counts,
        "notes": notes,
    })  # fmt: skip


async def _say(request: Request, source: Source, *, reopen: bool) -> JSONResponse:
    service = service_of(request)
    body = await read_json(request, service.settings.ingest_max_body_bytes)
    wanted = valid(DayIn, body)
    async with tenant(service.pool, source.organiser_id) as connection:
        names = await service.directory.names(connection, source.organiser_id, source.namespace)
    unit = names.units.get(wanted.school_unit)
    if unit is None:
        raise Problem(
            422, "unknown_unit", "No school unit has this id or code.", field="/school_unit"
        )
    if wanted.date > school_date(service.clock.now()):
        raise Problem(422, "in_the_future", "The day has not come yet.", field="/date")
    kind = (
        "reopened"
        if reopen
        else await service.closer.kind_of(source.organiser_id, unit.school_unit_id, wanted.date)
    )
    await service.closer.say(source.organiser_id, unit.school_unit_id, wanted.date, kind)
    return JSONResponse(
        {"school_unit": wanted.school_unit, "date": wanted.date.isoformat(), "kind": kind}, 202
    )


@router.post(
    "/v1/days/reopen",
    status_code=202,
    summary="Open a closed school day again",
    openapi_extra=takes(DayIn),
)
async def reopen(
    request: Request, source: Annotated[Source, Depends(source_with("days"))]
) -> JSONResponse:
    """202 when every partition has it; the day closes again at the next closing time."""
    return await _say(request, source, reopen=True)


@router.post(
    "/v1/days/close",
    status_code=202,
    summary="Close a school day by hand",
    openapi_extra=takes(DayIn),
)
async def close(
    request: Request, source: Annotated[Source, Depends(source_with("days"))]
) -> JSONResponse:
    """202 when every partition has it, as the kind of day that the calendar says."""
    return await _say(request, source, reopen=False)


@router.post(
    "/v1/activities/aliases",
    summary="New names for the same activities",
    openapi_extra=takes(AliasBatch),
)
async def aliases(
    request: Request, source: Annotated[Source, Depends(source_with("registers"))]
) -> dict[str, int]:
    """After a timetable was imported anew: its new ids mean the same lessons as the old ones.

    To be sent before registers under the new ids.
    """
    service = service_of(request)
    batch = valid(AliasBatch, await read_json(request, service.settings.ingest_max_body_bytes))
    async with tenant(service.pool, source.organiser_id) as connection:
        try:
            known = await add_aliases(
                connection,
                source.organiser_id,
                source.namespace,
                [(pair.activity, pair.same_as) for pair in batch.aliases],
            )
        except AliasLoopError as error:
            pointer = f"/aliases/{error.index}/same_as"
            raise Problem(
                422, "alias_loop", f"{pointer}: is another name of this activity", field=pointer
            ) from error
    return {"aliases": known}
