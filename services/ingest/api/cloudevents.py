"""POST /v1/events: CloudEvents 1.0, structured, batched or binary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import RootModel, ValidationError

from services.common.pg import tenant
from services.common.problem import Problem
from services.ingest import metrics
from services.ingest.adapters.cloudevents import (
    BATCHED,
    STRUCTURED,
    EnvelopeIn,
    Event,
    from_headers,
    read_event,
    tell,
)
from services.ingest.api.batch import run_batch
from services.ingest.api.body import media_type_of, read_json
from services.ingest.api.schema import takes
from services.ingest.api.security import service_of, source_with
from services.ingest.model.answers import ItemAnswer, Note
from services.ingest.model.parse import problems_of
from services.ingest.model.roster import RosterIn
from services.ingest.roster.changes import RosterRefusedError
from services.ingest.roster.holding import Kept
from services.ingest.service import Service
from services.ingest.store.cloud_events import accepted, accepted_before
from services.ingest.store.outbox import drain
from services.ingest.store.rejects import store_rejects
from services.ingest.store.sources import Source

router = APIRouter()

_SCOPES = {"register": "registers", "notice": "notices", "roster": "roster"}


class CloudEvents(RootModel[EnvelopeIn | list[EnvelopeIn]]):
    """One event in JSON, or a batch of at most 500."""


@router.post(
    "/v1/events",
    status_code=202,
    summary="CloudEvents 1.0",
    openapi_extra=takes(CloudEvents, STRUCTURED, BATCHED),
)
async def post_events(
    request: Request, source: Annotated[Source, Depends(source_with(None))]
) -> JSONResponse:
    """Registers, notices and parts of the roster; 202 when what was accepted is written."""
    service = service_of(request)
    media_type = media_type_of(request)
    binary = media_type == "application/json" and "ce-specversion" in request.headers
    body = await read_json(
        request,
        service.settings.ingest_max_body_bytes,
        ("application/json",) if binary else (STRUCTURED, BATCHED),
    )
    if binary:
        items: Any = [from_headers(request.headers, body)]
    else:
        items = body if media_type == BATCHED else [body]
    if not isinstance(items, list):
        raise Problem(422, "invalid", "A batch is a JSON list of events.")

    async def feed(source: Source, items: Sequence[Any]) -> list[ItemAnswer]:
        return await _Batch(service, source, items).run()

    return await run_batch(service, source, "events", items, feed)


class _Batch:
    def __init__(self, service: Service, source: Source, items: Sequence[Any]) -> None:
        self._service = service
        self._source = source
        self._items = items

    async def run(self) -> list[ItemAnswer]:
        now = self._service.clock.now()
        answers = [ItemAnswer(index) for index in range(len(self._items))]
        events = [
            event
            for answer, item in zip(answers, self._items, strict=True)
            if (event := read_event(item, answer)) is not None and self._may(event)
        ]
        refused = [answer for answer in answers if answer.problems]
        async with tenant(self._service.pool, self._source.organiser_id) as connection:
            await store_rejects(connection, self._source, "events", refused, now)
            known = await accepted_before(connection, self._source, {e.key for e in events})
        fresh = []
        for event in events:
            if event.key in known:
                event.answer.status = "duplicate"
            else:
                known.add(event.key)
                fresh.append(event)
        # The roster first: registers of the same batch may be about its pupils.
        for event in fresh:
            if event.kind == "roster":
                await self._roster(event)
        intake = self._service.intake
        for kind, take in (("register", intake.registers), ("notice", intake.notices)):
            chosen = [event for event in fresh if event.kind == kind]
            if chosen:
                said = await take(self._source, [event.data for event in chosen])
                for event, answer in zip(chosen, said, strict=True):
                    tell(event, answer)
        # Only now: what is not written must not be known when it is sent again.
        keys = {event.key for event in fresh if not event.answer.problems}
        async with tenant(self._service.pool, self._source.organiser_id) as connection:
            await accepted(connection, self._source, keys, now)
        return answers

    def _may(self, event: Event) -> bool:
        scope = _SCOPES[event.kind]
        if scope in self._source.scopes:
            return True
        event.answer.refuse(
            [Note("forbidden", "/type", f"/type: this source may not send {scope}")]
        )
        return False

    async def _roster(self, event: Event) -> None:
        said = ItemAnswer(event.answer.index)
        try:
            roster = RosterIn.model_validate(event.data)
            taken = await self._service.desk.take(self._source, roster)
        except ValidationError as error:
            said.refuse(problems_of(error))
        except RosterRefusedError as error:
            said.refuse(error.problems)
        else:
            if isinstance(taken, Kept):
                # Taken, and not applied: what to decide on stands in the note.
                said.note("held", "", f": held for a human's decision as {taken.held_id}")
                said.notes += taken.reasons[:100]
            else:
                said.notes += taken.notes
                await drain(self._service.pool, self._service.publisher, self._source.organiser_id)
                await self._service.releaser.run(self._source.organiser_id)
        metrics.ROSTERS.labels("refused" if said.problems else "applied").inc()
        tell(event, said)
