"""Kartläggning: pre-filled from the stream for a pupil; for a class a use case of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.cases.catalogue import CHOICES, PUPIL, Template
from services.cases.chain.attendance import per_cent
from services.cases.chain.context import Context
from services.cases.chain.preparing import PREPARE
from services.cases.domain import text, threads
from services.cases.domain.entries.assessing import Attendance, Trend
from services.cases.domain.entries.planning import Plan
from services.cases.domain.entries.registry import invalid
from services.cases.store import reading
from services.cases.store.entries import Entry

if TYPE_CHECKING:
    from asyncpg import Record

    from services.common.pg import Connection

_FOR_GROUPS = ("class_assessment", "pupil_assessment")
#: About four school weeks against the four before.
_SPAN = 28
#: Percentage points of absence; and reported minutes without which nothing is said.
_MARGIN, _LEAST = 5.0, 600


async def attendance(
    connection: Connection, case_id: UUID, pupil_id: UUID, today: date
) -> Attendance:
    """What the stream says of the pupil today: the gravest warning that holds, and the trend."""
    held = [threads.decode(raw) for raw in await reading.snapshots(connection, case_id)]
    standing = [
        episode
        for thread in held
        if thread.family in threads.CASE_FAMILIES
        for episode in thread.active or thread.standing
    ]
    first = today - timedelta(days=2 * _SPAN)
    days = await reading.absence_days(connection, pupil_id, first, today)
    middle = today - timedelta(days=_SPAN)
    trend = trend_of(
        [day for day in days if day["day"] <= middle], [day for day in days if day["day"] > middle]
    )
    if not standing:
        return Attendance(as_of=today, trend=trend)
    gravest = max(standing, key=lambda one: (one.state == "active", one.level, one.level_day))
    seen = gravest.figures
    pattern = ""
    if seen.pattern:
        where, _ = text.pattern_place(seen.pattern.kind, seen.pattern.cell)
        pattern = f"{seen.pattern.absent} av {seen.pattern.reported} lektioner {where}"
    return Attendance(
        as_of=today,
        level=gravest.level if gravest.state == "active" else 0,
        absence_percent=per_cent(seen.absence_rate),
        reporting_percent=per_cent(seen.reporting_rate),
        trend=trend,
        pattern=pattern,
        sentence=gravest.sentence,
    )


def trend_of(before: Sequence[Record | Mapping[str, Any]], now: Sequence[Any]) -> Trend:
    """Whether absence grows: four weeks against the four before, five points either way.

    Only days with absence or something unreported are told, so where too little was reported
    nothing is said.
    """
    shares = []
    for days in (before, now):
        reported = sum(day["reported"] for day in days)
        if reported < _LEAST:
            return "unknown"
        shares.append(100 * sum(day["valid"] + day["invalid"] for day in days) / reported)
    change = shares[1] - shares[0]
    if abs(change) < _MARGIN:
        return "steady"
    return "rising" if change > 0 else "falling"


def check(template: Template, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Every answer is to a statement of the template; strengths are of the list."""
    known = {one.key for one in template.statements()}
    answers = raw.get("answers") or []
    asked = [str(one.get("statement", "")) for one in answers if isinstance(one, dict)]
    if strange := [key for key in asked if key not in known]:
        raise invalid([{"field": "/answers", "detail": f"Okänt påstående: {strange[0]}."}])
    for key in raw.get("strengths") or []:
        if key not in CHOICES["strengths"]:
            raise invalid([{"field": "/strengths", "detail": f"Okänd styrka: {key}."}])
    return dict(raw) | {"template": template.name}


async def _pupil(context: Context, raw: dict[str, Any], _: Entry | None) -> dict[str, Any]:
    found = await attendance(
        context.connection, context.case.case_id, context.case.pupil_id, context.today
    )
    return check(PUPIL, raw) | {"attendance": found.model_dump(mode="json")}


async def _offer(_: Context, raw: dict[str, Any], __: Entry | None) -> dict[str, Any]:
    if (key := raw.get("catalogue")) and key not in CHOICES["catalogue"]:
        raise invalid([{"field": "/catalogue", "detail": f"Okänd insats: {key}."}])
    return raw


async def _ground(context: Context, raw: dict[str, Any], _: Entry | None) -> dict[str, Any]:
    """The plan says which kartläggning it builds on: the newest of its level."""
    wanted = ("pupil_assessment",) if raw.get("level") == "pupil" else _FOR_GROUPS
    found = [fact.entry_id for fact in context.chain.facts if fact.kind in wanted]
    return raw | {"assessment_id": str(found[-1]) if found else None}


async def _next_area(_: Context, raw: dict[str, Any], target: Entry | None) -> dict[str, Any]:
    """The area that one leaves is done."""
    if target is None or not isinstance(target.body, Plan):
        return raw
    done = [*target.body.earlier.splitlines(), target.body.area]
    return raw | {"earlier": "\n".join(filter(None, done))}


def install() -> None:
    """Into the registries of the chain."""
    PREPARE["make_plan"] = _ground
    PREPARE["next_area"] = _next_area
    PREPARE["assess_pupil"] = _pupil
    PREPARE["agree_intervention"] = _offer
