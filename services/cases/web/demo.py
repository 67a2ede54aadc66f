"""/demo, on the local stack only: what happens in the stack right now, counted."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client.parser import text_string_to_metric_families

from services.cases.domain import text
from services.cases.store.scope import Database
from services.cases.web.render import page
from services.common import pg
from services.common.roles import ROLES
from services.common.settings import CasesSettings

router = APIRouter(include_in_schema=False)
_LATEST = 8
_WORDS = {
    "warning_raised": "varning",
    "warning_escalated": "upptrappad",
    "warning_amended": "ändrad efter en rättelse",
    "warning_resolved": "upphörd",
    "warning_withdrawn": "återtagen efter en rättelse",
}
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
        place=await _place(data),
        latest=await _latest(data),
        registers=registers,
        mails=mails,
        counted=counted,
        mailcatcher_url=settings.mailcatcher_url,
        demo_password=settings.cases_demo_password is not None,
        logins=await _logins(data) if settings.cases_demo_password is not None else [],
    )


async def _counts(data: Database) -> dict[str, Any]:
    counted = {"warnings": 0, "same_day": 0, "cases": 0, "calls": 0, "withdrawn": 0}
    for organiser_id in await pg.organiser_ids(data.pool):
        async with data.system(organiser_id) as connection:
            row = await connection.fetchrow(
                """
                SELECT (SELECT count(*) FROM cases.episodes
                        WHERE state <> 'withdrawn' AND family <> 'unexcused_today') AS warnings,
                       -- These tell the home at once, and open no case of their own.
                       (SELECT count(*) FROM cases.episodes
                        WHERE state <> 'withdrawn' AND family = 'unexcused_today') AS same_day,
                       (SELECT count(*) FROM cases.episodes
                        WHERE state = 'withdrawn' AND family <> 'unexcused_today') AS withdrawn,
                       (SELECT count(*) FROM cases.cases) AS cases,
                       (SELECT count(*) FROM cases.duties
                        WHERE kind = 'call_home' AND done_at IS NULL) AS calls
                """
            )
        if row is not None:
            for name in counted:
                counted[name] += row[name]
    return counted


async def _place(data: Database) -> str | None:
    """The organiser's name, where there is one only."""
    organisers = await pg.organiser_ids(data.pool)
    if len(organisers) != 1:
        return None
    async with data.system(organisers[0]) as connection:
        name: str | None = await connection.fetchval("SELECT name FROM people_v1.organisers")
    return name


async def _logins(data: Database) -> list[dict[str, str]]:
    """One person of each role, for whoever tries the demonstration: all of them are made up."""
    found: dict[str, dict[str, str]] = {}
    for organiser_id in await pg.organiser_ids(data.pool):
        async with data.system(organiser_id) as connection:
            rows = await connection.fetch(
                """
                SELECT DISTINCT ON (d.role) d.role, s.login
                FROM people_v1.duties d JOIN people_v1.staff s ON s.staff_id = d.staff_id
                WHERE s.login IS NOT NULL AND NOT d.substitute
                ORDER BY d.role, s.login
                """
            )
        for row in rows:
            name = text.ROLES.get(row["role"], row["role"])
            found.setdefault(row["role"], {"role": name, "login": row["login"]})
    return [found[role] for role in ROLES if role in found]


async def _latest(data: Database) -> list[dict[str, Any]]:
    """The last things that warnings did to cases: numbers and kinds, nothing about a pupil."""
    found: list[dict[str, Any]] = []
    for organiser_id in await pg.organiser_ids(data.pool):
        async with data.system(organiser_id) as connection:
            rows = await connection.fetch(
                """
                SELECT e.at, e.kind, e.detail, c.number
                FROM cases.case_events e JOIN cases.cases c USING (organiser_id, case_id)
                WHERE e.kind IN ('warning_raised', 'warning_escalated', 'warning_amended',
                                 'warning_resolved', 'warning_withdrawn')
                ORDER BY e.seq DESC LIMIT $1
                """,
                _LATEST,
            )
        for row in rows:
            detail = json.loads(row["detail"])
            found.append(
                {
                    "at": row["at"],
                    "number": row["number"],
                    "family": text.FAMILIES.get(detail.get("family"), ""),
                    "what": _WORDS[row["kind"]],
                    "level": detail.get("level"),
                }
            )
    return sorted(found, key=lambda line: line["at"], reverse=True)[:_LATEST]


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
