"""Plan and insatser: what is done, why, and what it led to."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from services.cases.domain.entries.base import Body, Kind, Line, Text, choice, says

Level = Literal["group", "pupil", "school"]
LEVELS = {"group": "grupp eller klass", "pupil": "individ", "school": "skola"}
Tier = Literal["universal", "group", "individual"]
TIERS = {
    "universal": "universell: gäller alla",
    "group": "grupp: gäller några",
    "individual": "individ: gäller eleven",
}
Purpose = Literal["promote", "prevent", "remedy"]
PURPOSES = {
    "promote": "främja skolanknytning",
    "prevent": "förebygga problematisk skolfrånvaro",
    "remedy": "åtgärda i tid",
}
Approach = Literal["evidence", "judgement", "pupil"]
APPROACHES = {
    "evidence": "vetenskaplig grund och beprövad erfarenhet",
    "judgement": "professionell bedömning",
    "pupil": "avstämning med elever",
}


class Plan(Body):
    """One plan, one active utvecklingsområde at a time."""

    level: Annotated[Level, choice("Nivå", LEVELS)]
    starts_on: Annotated[date, says("Planen börjar")]
    background: Annotated[Text, says("Bakgrund")] = ""
    no_assessment: Annotated[
        Text, says("Varför kartläggning saknas", "Behövs bara om ingen kartläggning är gjord.")
    ] = ""
    factors: Annotated[
        Text,
        says("Mönster och faktorer, det mest angelägna först", "En per rad, från kartläggningen."),
    ] = ""
    area: Annotated[
        Line, says("Utvecklingsområde nu", "Ett i taget. När det är klart tar ni nästa.")
    ] = ""
    later: Annotated[Text, says("Områden som väntar", "Ett per rad.")] = ""
    earlier: Annotated[Text, says("Områden som är klara", "Ett per rad.")] = ""
    purposes: Annotated[tuple[Purpose, ...], choice("Syfte", PURPOSES), Field(min_length=1)]
    assessment_id: UUID | None = None
    """The kartläggning that it builds on, filled in by the system."""
    follow_up_on: Annotated[date | None, says("Planen följs upp")] = None
    ended_on: Annotated[date | None, says("Planen avslutas")] = None
    outcome: Annotated[Text, says("Vad planen ledde till")] = ""


class Intervention(Body):
    """One insats: vad, varför, and in the end vad den ledde till."""

    what: Annotated[Text, says("Vad?", "Vad ni gör, så att alla gör likadant.")] = ""
    why: Annotated[Text, says("Varför?", "Vad den ska ändra, och varför ni tror på det.")] = ""
    approaches: Annotated[
        tuple[Approach, ...], choice("Förhållningssätt", APPROACHES), Field(min_length=1)
    ]
    who: Annotated[Line, says("Vem ansvarar"), Field(min_length=1)]
    starts_on: Annotated[date, says("Börjar")]
    follow_up_on: Annotated[date | None, says("Följs upp")] = None
    tier: Annotated[Tier, choice("Insatsnivå", TIERS)]
    purpose: Annotated[Purpose, choice("Syfte", PURPOSES)]
    catalogue: Annotated[Line, says("Insats ur katalogen")] = ""
    checklist: Annotated[
        tuple[Line, ...],
        says("Ingår i insatsen", "En sak per rad. Lämnas det tomt tas katalogens lista."),
    ] = ()
    no_voice: Annotated[
        Text, says("Varför avstämning med eleven saknas", "Behövs bara om den inte är gjord.")
    ] = ""
    started_on: Annotated[date | None, says("Startade")] = None
    adjusted: Annotated[Text, says("Vad som ändras")] = ""
    ended_on: Annotated[date | None, says("Avslutades")] = None
    led_to: Annotated[Text, says("Vad ledde den till?")] = ""


def _plan(body: Body) -> tuple[str, ...]:
    return (body.level,) if isinstance(body, Plan) else ()


def _intervention(body: Body) -> tuple[str, ...]:
    return (body.tier, body.purpose) if isinstance(body, Intervention) else ()


def _plan_due(body: Body, status: str) -> dict[str, date]:
    on = body.follow_up_on if isinstance(body, Plan) and status == "active" else None
    return {"follow_up_plan": on} if on else {}


def _intervention_due(body: Body, status: str) -> dict[str, date]:
    """What is agreed is to start on its day; what has started is to be followed up on one."""
    if not isinstance(body, Intervention):
        return {}
    if status == "agreed":
        return {"start_intervention": body.starts_on}
    if status in {"started", "adjusted", "followed_up"} and body.follow_up_on:
        return {"follow_up": body.follow_up_on}
    return {}


KINDS = (
    Kind(
        "plan",
        "Plan",
        Plan,
        {"active": "gäller", "ended": "avslutad"},
        needed={"active": ("area",), "ended": ("ended_on", "outcome")},
        tags=_plan,
        due=_plan_due,
        computed=("earlier", "assessment_id"),
    ),
    Kind(
        "intervention",
        "Insats",
        Intervention,
        {
            "agreed": "överenskommen",
            "started": "startad",
            "followed_up": "uppföljd",
            "adjusted": "justerad",
            "ended": "avslutad",
        },
        needed={
            "agreed": ("what", "why"),
            "started": ("what", "why", "started_on"),
            "adjusted": ("what", "why", "adjusted"),
            "ended": ("ended_on", "led_to"),
        },
        tags=_intervention,
        due=_intervention_due,
    ),
)
