"""Entries of uppföljning and avslut, with the attendance that the system computes beside them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from services.cases.domain.effect import BANDS, Band
from services.cases.domain.entries.base import Body, Kind, Text, choice, says

Works = Literal["well", "partly", "badly", "not_started"]
WORKS = {
    "well": "bra",
    "partly": "delvis",
    "badly": "dåligt",
    "not_started": "insatsen har inte kommit igång",
}
Direction = Literal["higher", "lower", "unclear", "too_little"]
DIRECTIONS = {
    "higher": "högre än före",
    "lower": "lägre än före",
    "unclear": "går inte att skilja från före",
    "too_little": "för lite är känt än",
}
#: Avslutsorsaker of Uppsala's routine for pupils who are not back, and for those who are.
CloseReason = Literal[
    "attendance_restored",
    "explained",
    "withdrawn",
    "moved",
    "other_actor",
    "left_upper_secondary",
    "consent_withdrawn",
    "not_adequate",
    "poor_health",
    "other",
]
CLOSE_REASONS: dict[str, str] = {
    "attendance_restored": "Närvaron fungerar igen",
    "explained": "Frånvaron har fått en förklaring",
    "withdrawn": "Varningen har tagits tillbaka",
    "moved": "Eleven har bytt skola eller flyttat till en annan kommun",
    "other_actor": "En annan aktör tar över samordningen",
    "left_upper_secondary": "Eleven är utskriven från gymnasiet",
    "consent_withdrawn": "Vårdnadshavarna samtycker inte längre",
    "not_adequate": "Koordinatorns stöd är inte rätt eller räcker inte",
    "poor_health": "Eleven mår mycket dåligt",
    "other": "Annat skäl",
}


class FollowUp(Body):
    """Uppföljning of an insats: hur fungerar det, framsteg, hur gör vi nästa gång."""

    on: Annotated[date, says("Datum")]
    works: Annotated[Works, choice("Hur fungerar det?", WORKS)]
    how: Annotated[Text, says("Berätta", "Vad fungerar, och vad gör det inte?")] = ""
    progress: Annotated[
        Text, says("Framsteg", "Också små. Inte bara närvaron: ork, relationer, uppgifter.")
    ] = ""
    next_time: Annotated[Text, says("Hur gör vi nästa gång?")] = ""
    pupil_says: Annotated[Text, says("Vad eleven själv säger")] = ""
    next_on: Annotated[date | None, says("Nästa uppföljning")] = None
    before: Annotated[float | None, says("Närvaro före, procent")] = None
    after: Annotated[float | None, says("Närvaro efter, procent")] = None
    after_low: float | None = None
    after_high: float | None = None
    direction: Annotated[Direction | None, choice("Närvaron", DIRECTIONS)] = None


class FollowUpPlan(Body):
    """Uppföljning of a plan."""

    on: Annotated[date, says("Datum")]
    works: Annotated[Works, choice("Hur fungerar det?", WORKS)]
    progress: Annotated[Text, says("Framsteg")] = ""
    next_time: Annotated[Text, says("Hur gör vi nästa gång?")] = ""
    next_on: Annotated[date | None, says("Nästa uppföljning")] = None


class Closure(Body):
    """Avslut, of the case or of the koordinator's part. The outcome comes from the data."""

    on: Annotated[date, says("Datum")]
    reason: Annotated[CloseReason, choice("Skäl", CLOSE_REASONS)]
    note: Annotated[Text, says("Kommentar", "Behövs när skälet är Annat skäl.")] = ""
    continues: Annotated[
        Text,
        says("Vad som fortsätter", "Stöd och ansvar som eleven behåller när ärendet avslutas."),
    ] = ""
    below_reason: Annotated[
        Text,
        says(
            "Varför det avslutas fast närvaron är under 60 %",
            "Behövs om eleven inte har en plan för skolnärmande.",
        ),
    ] = ""
    presence: Annotated[float | None, says("Närvaro, procent")] = None
    low: float | None = None
    high: float | None = None
    days: Annotated[int, says("Skoldagar som räknats")] = 0
    band: Annotated[Band | None, choice("Utfall", BANDS)] = None


_ATTENDANCE = ("before", "after", "after_low", "after_high", "direction")
_OUTCOME = ("presence", "low", "high", "days", "band")


def _closure(body: Body) -> tuple[str, ...]:
    if not isinstance(body, Closure):
        return ()
    return (body.reason, f"band:{body.band or 'unknown'}")


def _follow_up(body: Body) -> tuple[str, ...]:
    return (body.works,) if isinstance(body, FollowUp | FollowUpPlan) else ()


KINDS = (
    Kind(
        "follow_up",
        "Uppföljning",
        FollowUp,
        {"done": "gjord"},
        needed={"done": ("how", "next_time")},
        tags=_follow_up,
        computed=_ATTENDANCE,
    ),
    Kind(
        "plan_follow_up",
        "Uppföljning av planen",
        FollowUpPlan,
        {"done": "gjord"},
        needed={"done": ("next_time",)},
        tags=_follow_up,
    ),
    Kind(
        "closure",
        "Avslut",
        Closure,
        {"coordination": "koordinatorns del", "case": "ärendet"},
        tags=_closure,
        sealed=True,
        computed=_OUTCOME,
    ),
)
