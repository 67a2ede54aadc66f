"""Entries of koordinator: beställning, samtycke, samtal, plan för skolnärmande and nätverk."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, ValidationInfo, field_validator

from services.cases.domain.entries.base import Body, Kind, Line, Text, choice, says
from services.cases.domain.workdays import add_working_days

#: A beställning is to be taken up within so many working days: ours, "så gott som omgående".
QUEUE_WORKING_DAYS = 5

Profession = Literal["social_worker", "special_educator", "careers_counsellor"]
PROFESSIONS = {
    "social_worker": "socionom",
    "special_educator": "specialpedagog eller speciallärare",
    "careers_counsellor": "studie- och yrkesvägledare",
}
ORGANISER_KINDS = {"municipal": "kommunal", "independent": "fristående"}
SCHOOL_FORMS = {
    "FKLASS": "förskoleklass",
    "GR": "grundskola",
    "GRS": "anpassad grundskola",
    "SP": "specialskola",
    "SAM": "sameskola",
    "GY": "gymnasieskola",
    "GYS": "anpassad gymnasieskola",
}
SEXES = {"male": "pojke", "female": "flicka"}
Actor = Literal["social_services", "care", "leisure", "health_care", "police", "other"]
ACTORS = {
    "social_services": "socialtjänsten",
    "care": "omsorgen",
    "leisure": "kultur och fritid",
    "health_care": "hälso- och sjukvården",
    "police": "polisen",
    "other": "annan aktör",
}
Party = Literal["guardian", "pupil"]
PARTIES = {"guardian": "vårdnadshavare", "pupil": "eleven"}
ConsentWay = Literal["written", "meeting", "phone"]
CONSENT_WAYS = {"written": "skriftligt", "meeting": "vid ett möte", "phone": "i telefon"}
TalkForm = Literal["supportive", "motivating"]
TALK_FORMS = {"supportive": "stödjande", "motivating": "motiverande"}
TalkPlace = Literal["home", "walk", "digital", "neutral", "on_the_way", "school"]
TALK_PLACES = {
    "home": "i hemmet",
    "walk": "under en promenad",
    "digital": "digitalt",
    "neutral": "på en neutral plats",
    "on_the_way": "på väg till skolan",
    "school": "i skolan",
}


class CoordinationRequest(Body):
    """Beställning: one page that any rektor can send, gymnasium and fristående included."""

    on: Annotated[date, says("Datum")]
    help: Annotated[Text, says("Vad ni vill ha hjälp med")] = ""
    tried: Annotated[Text, says("Vad skolan redan har prövat", "Kort. Det går bra utan.")] = ""
    professions: Annotated[
        tuple[Profession, ...],
        choice("Vem ni helst vill träffa", PROFESSIONS, "Välj en, flera eller ingen."),
    ] = ()
    contact: Annotated[Line, says("Vem på skolan koordinatorn talar med"), Field(min_length=1)]
    phone: Annotated[Line, says("Telefon")] = ""
    told: Annotated[bool, says("Eleven och vårdnadshavarna vet om beställningen")] = False
    ended_why: Annotated[Text, says("Varför beställningen inte blir av")] = ""
    organiser_kind: Annotated[str, says("Huvudmannatyp")] = ""
    school_form: Annotated[str, says("Skolform")] = ""
    sex: Annotated[str, says("Juridiskt kön")] = ""


class Coordination(Body):
    """One person of the team on the case; several professions are several entries."""

    staff_id: Annotated[UUID, says("Koordinator")]
    profession: Annotated[Profession, choice("Profession", PROFESSIONS)]
    starts_on: Annotated[date, says("Börjar")]
    agreed: Annotated[Text, says("Vad ni har kommit överens om")] = ""
    ended_on: Annotated[date | None, says("Avslutades")] = None


class Consent(Body):
    """Samtycke from one guardian, or from a pupil who is mature enough."""

    party: Annotated[Party, choice("Vem som samtycker", PARTIES)]
    guardian_id: Annotated[
        UUID | None,
        says("Vårdnadshavare", "Varje vårdnadshavare tillfrågas för sig."),
        Field(validate_default=True),
    ] = None
    on: Annotated[date, says("Datum")]
    actors: Annotated[
        tuple[Actor, ...], choice("Vilka uppgifter får delas med", ACTORS), Field(min_length=1)
    ]
    about: Annotated[Text, says("Vad samtycket gäller", "Det som får delas, och inget annat.")] = ""
    way: Annotated[ConsentWay, choice("Hur", CONSENT_WAYS)]
    ended_on: Annotated[date | None, says("Återkallat")] = None

    @field_validator("guardian_id")
    @classmethod
    def _whose(cls, found: UUID | None, told: ValidationInfo) -> UUID | None:
        party = told.data.get("party")
        if party == "guardian" and found is None:
            raise ValueError("Välj vilken vårdnadshavare det gäller.")
        if party == "pupil" and found is not None:
            raise ValueError("Välj ingen vårdnadshavare när eleven själv samtycker.")
        return found


class Maturity(Body):
    """Whether the pupil is mature enough for a consent of the pupil's own to be needed."""

    on: Annotated[date, says("Datum")]
    mature: Annotated[bool, says("Eleven är mogen nog att själv samtycka")] = False
    why: Annotated[Text, says("Varför", "Ålder, mognad och vad frågan gäller.")] = ""


class Conversation(Body):
    """Samtal with the pupil."""

    on: Annotated[date, says("Datum")]
    form: Annotated[TalkForm, choice("Form", TALK_FORMS)]
    place: Annotated[TalkPlace, choice("Plats", TALK_PLACES)]
    words: Annotated[Text, says("Vad eleven sade", "Med elevens egna ord.")] = ""
    agreed: Annotated[Text, says("Vad ni kom överens om")] = ""


class ApproachPlan(Body):
    """Plan för skolnärmande: the way back in small steps."""

    starts_on: Annotated[date, says("Planen börjar")]
    goal: Annotated[Text, says("Elevens eget mål")] = ""
    steps: Annotated[Text, says("Stegen", "Ett per rad, det minsta först.")] = ""
    support: Annotated[Text, says("Stöd som eleven behåller", "Vem gör vad på skolan.")] = ""
    follow_up_on: Annotated[date | None, says("Följs upp")] = None
    ended_on: Annotated[date | None, says("Avslutas")] = None
    outcome: Annotated[Text, says("Vad planen ledde till")] = ""


class Network(Body):
    """Samverkan with others, and who they are. Nothing is shared that nobody has consented to."""

    on: Annotated[date, says("Datum")]
    actors: Annotated[tuple[Actor, ...], choice("Samverkan med", ACTORS), Field(min_length=1)]
    who: Annotated[Line, says("Vilka som var med")] = ""
    agreed: Annotated[Text, says("Vad ni kom överens om")] = ""
    ended_on: Annotated[date | None, says("Avslutades")] = None
    ended_why: Annotated[Text, says("Varför samverkan avslutas")] = ""
    lacking: tuple[str, ...] = ()
    """Whose consent is missing, filled in by the system: empty, or nothing is shared."""


def _consent(body: Body) -> tuple[str, ...]:
    """Whose it is and for whom, so that the gate can be judged without the text."""
    if not isinstance(body, Consent):
        return ()
    whose = f"of:{body.guardian_id}" if body.guardian_id else "of:pupil"
    return (whose, *(f"for:{actor}" for actor in body.actors))


def _maturity(body: Body) -> tuple[str, ...]:
    return ("mature",) if isinstance(body, Maturity) and body.mature else ()


def _network(body: Body) -> tuple[str, ...]:
    return tuple(f"with:{actor}" for actor in body.actors) if isinstance(body, Network) else ()


def _coordination(body: Body) -> tuple[str, ...]:
    if not isinstance(body, Coordination):
        return ()
    return (f"staff:{body.staff_id}", body.profession)


def _request_due(body: Body, status: str) -> dict[str, date]:
    if not isinstance(body, CoordinationRequest) or status != "ordered":
        return {}
    return {"assign_coordinator": add_working_days(body.on, QUEUE_WORKING_DAYS)}


def _coordination_due(body: Body, status: str) -> dict[str, date]:
    if not isinstance(body, Coordination) or status != "assigned":
        return {}
    return {"start_coordination": body.starts_on}


def _approach_due(body: Body, status: str) -> dict[str, date]:
    if not isinstance(body, ApproachPlan) or status != "active" or not body.follow_up_on:
        return {}
    return {"follow_up_approach": body.follow_up_on}


KINDS = (
    Kind(
        "coordination_request",
        "Beställning av koordinator",
        CoordinationRequest,
        {
            "ordered": "väntar på koordinator",
            "accepted": "mottagen",
            "declined": "inte mottagen",
            "withdrawn": "återtagen",
        },
        needed={"ordered": ("help",), "declined": ("ended_why",), "withdrawn": ("ended_why",)},
        due=_request_due,
        computed=("organiser_kind", "school_form", "sex"),
    ),
    Kind(
        "coordination",
        "Koordinator",
        Coordination,
        {"assigned": "utsedd", "started": "pågår", "ended": "avslutad"},
        needed={"ended": ("ended_on",)},
        tags=_coordination,
        due=_coordination_due,
    ),
    Kind(
        "consent",
        "Samtycke",
        Consent,
        {"given": "gäller", "withdrawn": "återkallat"},
        needed={"withdrawn": ("ended_on",)},
        tags=_consent,
    ),
    Kind(
        "maturity",
        "Elevens mognad",
        Maturity,
        {"judged": "bedömd"},
        needed={"judged": ("why",)},
        tags=_maturity,
    ),
    Kind(
        "conversation",
        "Samtal med eleven",
        Conversation,
        {"done": "gjort"},
        needed={"done": ("words",)},
        sensitivity="coordination",
    ),
    Kind(
        "approach_plan",
        "Plan för skolnärmande",
        ApproachPlan,
        {"active": "gäller", "ended": "avslutad"},
        needed={"active": ("steps", "support"), "ended": ("ended_on", "outcome")},
        due=_approach_due,
    ),
    Kind(
        "network",
        "Samverkan",
        Network,
        {"active": "pågår", "ended": "avslutad"},
        needed={"active": ("agreed",), "ended": ("ended_on", "ended_why")},
        tags=_network,
        sensitivity="coordination",
        computed=("lacking",),
    ),
)
