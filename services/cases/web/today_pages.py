"""Today's list, and each of its parts page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import RedirectResponse, Response

from services.cases.api.access import Offset
from services.cases.store.lists import PAGE, Span
from services.cases.views.today import LATER, Part, Scope, read_part, today_within
from services.cases.web.pages import Data, Reader
from services.cases.web.render import me, me_within, page
from services.common.problem import Problem
from services.common.roles import PUPIL_ROLES

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of today's list: where its own page is, and what it is called there."""

    path: str
    title: str
    one: str
    many: str
    order: str
    """What stands first, for the line that says how much is shown."""
    narrowed: bool = True
    """Whether "Mina" has only what stands with the viewer or nobody; a pupil's absence does not."""


_WORST = "de allvarligaste först"
_BY_CLASS = "efter skola och klass"
PARTS: dict[Part, _Part] = {
    "calls": _Part("ring-hem", "Ring hem", "samtal", "samtal", "de äldsta först"),
    "duties": _Part("att-gora", "Att göra", "uppgift", "uppgifter", "det som ska vara klart först"),
    "unassigned": _Part("utan-ansvarig", "Utan ansvarig", "ärende", "ärenden", _WORST),
    "overdue": _Part("forsenade", "Försenade", "ärende", "ärenden", _WORST),
    "new": _Part("nya", "Nya", "ärende", "ärenden", _WORST),
    "changed": _Part("andrade", "Ändrade sedan du såg dem", "ärende", "ärenden", _WORST),
    "under_way": _Part("pagar", "Pågår", "ärende", "ärenden", _WORST),
    "old": _Part("aldre", "Äldre frånvaro, inläst i efterhand", "ärende", "ärenden", _WORST),
    "unexcused": _Part(
        "ogiltig", "Ogiltig frånvaro idag", "elev", "elever", _BY_CLASS, narrowed=False
    ),
    "unexcused_before": _Part(
        "ogiltig-tidigare",
        "Fortfarande utan förklaring",
        "elev",
        "elever",
        _BY_CLASS,
        narrowed=False,
    ),
}
_PART_AT = {part.path: name for name, part in PARTS.items()}


@router.get("/")
async def today(
    who: Reader, data: Data, visa: Annotated[str | None, Query(max_length=10)] = None
) -> Response:
    """Today's list. A närvaroansvarig begins with her own, a rektor with the whole school's, and
    whose duties are about figures with those."""
    async with data.person(who.viewer) as connection:
        shown_me = await me_within(connection, who)
        if not shown_me["roles"] & PUPIL_ROLES:
            if shown_me["figures"]:
                return RedirectResponse("/oversikt", status_code=303)
            return page("nothing.html", me=shown_me)
        if shown_me["roles"] <= {"compulsory_officer"}:
            # Anmälningar are what comes to that desk; no clock of a case stands with it.
            return RedirectResponse("/anmalningar", status_code=303)
        scope = _scope(visa, shown_me["roles"])
        shown = await today_within(connection, data, who.viewer, scope)
    return page(
        "today.html",
        me=shown_me,
        today=shown,
        now=data.now(),
        later_from=data.now() + LATER,
        PARTS=PARTS,
    )


def _scope(visa: str | None, roles: set[str]) -> Scope:
    own = "attendance_officer" in roles and "principal" not in roles
    return "mine" if visa == "mina" or (visa is None and own) else "all"


@router.get("/idag/{part}")
async def today_part(
    part: str,
    who: Reader,
    data: Data,
    visa: Annotated[str | None, Query(max_length=10)] = None,
    fran: Offset = 0,
) -> Response:
    """One part of today's list, page by page."""
    name = _PART_AT.get(part)
    if name is None:
        raise Problem(404, "no_such_part", "Den delen finns inte i dagens lista.")
    shown_me = await me(data, who)
    scope = _scope(visa, shown_me["roles"])
    shown = await read_part(data, who.viewer, scope, name, Span(fran))
    return page(
        "part.html", me=shown_me, shown=shown, part=PARTS[name], today=data.today(), page_size=PAGE
    )
