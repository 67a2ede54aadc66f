"""Templates and what they may use."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.cases.api.access import recognise
from services.cases.domain import calendar, decisions, text
from services.cases.domain.law.step import SCHOOL
from services.cases.signin import SignedIn
from services.cases.store import reading
from services.cases.store.scope import Database
from services.common.problem import Problem
from services.common.roles import DESK, FIGURES, MAY_OPEN, OVERSEES_OPENINGS, PUPIL_ROLES

if TYPE_CHECKING:
    from services.common.pg import Connection

_HERE = Path(__file__).parent


def _fingerprint(name: str) -> str:
    """Lets browsers keep a static file until it changes."""
    return hashlib.sha256((_HERE / "static" / name).read_bytes()).hexdigest()[:12]


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "long_date": text.long_date,
        "full_date": text.full_date,
        "short_date": text.short_date,
        "weekday_date": text.weekday_date,
        "clock_time": text.clock_time,
        "moment": text.moment,
        "minute_of_day": text.minute_of_day,
        "duration": text.duration,
        "percent": text.percent,
    }
    environment.globals |= {
        "count": text.count,
        "days_since": text.days_since,
        "FAMILIES": text.FAMILIES,
        "STATES": text.STATES,
        "EPISODE_STATES": text.EPISODE_STATES,
        "ATTENTION": text.ATTENTION,
        "ROLES": text.ROLES,
        "CALL_OUTCOMES": decisions.CALL_OUTCOMES,
        "MAX_TEXT": decisions.MAX_TEXT,
        "DAY_KINDS": calendar.KINDS,
        "WEEKDAYS": ("Mån", "Tis", "Ons", "Tor", "Fre"),
        "css": f"/static/forvarning.css?v={_fingerprint('forvarning.css')}",
    }
    return environment


_TEMPLATES = _environment()


def page(name: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page from its template."""
    template = _TEMPLATES.get_template(name)
    return HTMLResponse(template.render(**({"me": None} | values)), status_code=status)


async def me(database: Database, session: SignedIn) -> dict[str, Any]:
    """What every page of a signed-in person shows of that person."""
    async with database.person(session.viewer) as connection:
        return await me_within(connection, session)


async def me_within(connection: Connection, session: SignedIn) -> dict[str, Any]:
    """The same, in the person's transaction of a page that has one."""
    viewer = session.viewer
    names = await reading.staff_names(connection, [viewer.staff_id])
    found = await reading.my_duties(connection)
    roles = {row["role"] for row in found}
    duties = []
    for row in found:
        where = row["group_name"] or row["unit_name"] or row["area_name"] or "hela huvudmannen"
        duties.append(f"{text.ROLES.get(row['role'], row['role'])}, {where}")
    return {
        "name": names.get(viewer.staff_id, ""),
        "duties": list(dict.fromkeys(duties)),
        "roles": roles,
        "pupils": not roles or bool(roles & PUPIL_ROLES),
        "classes": bool(roles & SCHOOL),
        "desk": bool(roles & DESK),
        "figures": bool(roles & FIGURES),
        "oversees": bool(roles & OVERSEES_OPENINGS),
        "extracts": "organiser_officer" in roles,
        "may_open": bool(roles & (MAY_OPEN | {"area_manager"})),
        "csrf": session.csrf_token,
    }


async def error_page(request: Request, error: Problem) -> HTMLResponse:
    """A page that says what is wrong and how to go on."""
    database: Database | None = getattr(request.app.state, "database", None)
    session = await recognise(request) if database is not None else None
    shown = await me(database, session) if database is not None and session else None
    if error.status == 401 and session is None:
        answer = HTMLResponse("", status_code=303)
        answer.headers["Location"] = "/logga-in"
        return answer
    answer = page("error.html", error.status, me=shown, problem=error)
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer
