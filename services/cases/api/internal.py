"""/internal/v1: for the oracle and latency probes, with a token of its own. No names in it."""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, SecretStr

from services.cases.store.scope import Database
from services.common.http import require_bearer


class HeldWarning(BaseModel):
    """The highest revision of a thread that the case service holds."""

    thread_id: UUID
    revision: int
    snapshot: str
    """forvarning.warnings.v1.WarningEvent as it came, base64."""
    case_number: str | None
    received_at: str
    """By the injected clock, RFC 3339."""
    recorded_unix_ms: int
    """By the database server's clock: when it was written."""


class HeldWarnings(BaseModel):
    """A page; ask again with ``after`` = ``next`` until ``warnings`` is empty."""

    warnings: list[HeldWarning]
    next: int


def router(token: SecretStr) -> APIRouter:
    """The routes, behind the operator's bearer token."""
    routes = APIRouter(prefix="/internal/v1", dependencies=[Depends(require_bearer(token))])

    @routes.get("/warnings")
    async def warnings(
        request: Request,
        organiser: UUID,
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
    ) -> HeldWarnings:
        """Threads in the order in which they last changed, after a change number.

        A thread that changes while one pages comes again with a higher number; none is missed.
        """
        database: Database = request.app.state.database
        async with database.system(organiser) as connection:
            rows = await connection.fetch(
                """
                SELECT w.thread_id, w.revision, w.snapshot, w.received_at, w.recorded_at,
                       w.change_seq, c.number
                FROM cases.warnings w LEFT JOIN cases.cases c USING (organiser_id, case_id)
                WHERE w.organiser_id = $1 AND w.change_seq > $2
                ORDER BY w.change_seq LIMIT $3
                """,
                organiser,
                after,
                limit,
            )
        return HeldWarnings(
            warnings=[
                HeldWarning(
                    thread_id=row["thread_id"],
                    revision=row["revision"],
                    snapshot=b64encode(row["snapshot"]).decode(),
                    case_number=row["number"],
                    received_at=row["received_at"].isoformat(),
                    recorded_unix_ms=int(row["recorded_at"].timestamp() * 1000),
                )
                for row in rows
            ],
            next=rows[-1]["change_seq"] if rows else after,
        )

    return routes
