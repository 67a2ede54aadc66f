"""/demo, on the local stack only: what happens in the stack right now, counted."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client.parser import text_string_to_metric_families

from services.cases.store.scope import Database
from services.cases.web.render import page
from services.common import pg
from services.common.settings import CasesSettings

router = APIRouter(include_in_schema=False)
_ITEMS = "forvarning_ingest_items_total"


@router.get("/demo")
async def demo(request: Request) -> Response:
    """Counts only: no pupil is named, so nobody has to sign in to watch."""
    data: Database = request.app.state.database
    settings: CasesSettings = request.app.state.settings
    registers, mails, counted = await asyncio.gather(
        _registers(settings.ingest_url), _mails(settings.mailcatcher_url), _counts(data)
    )
    return page(
        "demo.html",
        now=data.now(),
        registers=registers,
        mails=mails,
        counted=counted,
        mailcatcher_url=settings.mailcatcher_url,
        demo_password=settings.cases_demo_password is not None,
    )


async def _counts(data: Database) -> dict[str, Any]:
    counted = {"warnings": 0, "cases": 0, "calls": 0, "withdrawn": 0}
    for organiser_id in await pg.organiser_ids(data.pool):
        async with data.system(organiser_id) as connection:
            row = await connection.fetchrow(
                """
                SELECT (SELECT count(*) FROM cases.episodes WHERE state <> 'withdrawn') AS warnings,
                       (SELECT count(*) FROM cases.episodes WHERE state = 'withdrawn') AS withdrawn,
                       (SELECT count(*) FROM cases.cases) AS cases,
                       (SELECT count(*) FROM cases.duties
                        WHERE kind = 'call_home' AND done_at IS NULL) AS calls
                """
            )
        if row is not None:
            for name in counted:
                counted[name] += row[name]
    return counted


async def _registers(url: str | None) -> int | None:
    """Registers that ingest has accepted since it started, by its own metrics."""
    answer = await _get(url, "/metrics")
    if answer is None:
        return None
    return sum(
        int(sample.value)
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == _ITEMS
        and sample.labels.get("resource", "").startswith("register")
        and sample.labels.get("outcome") == "accepted"
    )


async def _mails(url: str | None) -> int | None:
    """Mails that the local mail catcher holds."""
    answer = await _get(url, "/messages")
    return None if answer is None else len(answer.json())


async def _get(url: str | None, path: str) -> httpx.Response | None:
    if url is None:
        return None
    try:
        async with httpx.AsyncClient(timeout=2) as client:
            answer = await client.get(url.rstrip("/") + path)
            answer.raise_for_status()
    except httpx.HTTPError:
        return None
    return answer
