"""Utredning: opened, samråd, finished or obehövlig; särskilt stöd; läkarintyg."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from services.cases.domain.entries.base import Body, Kind, Line, Text, choice, says

Consulted = Literal["pupil", "guardian", "student_health"]
CONSULTED = {"pupil": "eleven", "guardian": "vårdnadshavare", "student_health": "elevhälsan"}
Waiver = Literal["certificate", "explained", "elsewhere", "other"]
WAIVERS = {
    "certificate": "Ett läkarintyg visar vad eleven behöver",
    "explained": "Frånvaron är redan förklarad och bemött",
    "elsewhere": "En utredning pågår redan i ett annat ärende",
    "other": "Annat skäl",
}
Conclusion = Literal["school", "pupil", "home", "group", "health", "unclear"]
CONCLUSIONS = {
    "school": "undervisningen och lärmiljön",
    "group": "klassen och relationerna",
    "pupil": "elevens egen situation",
    "home": "situationen utanför skolan",
    "health": "hälsan",
    "unclear": "orsaken är inte klarlagd",
}
SupportOutcome = Literal["programme", "adaptations", "none"]
SUPPORT_OUTCOMES = {
    "programme": "Åtgärdsprogram ska utarbetas",
    "adaptations": "Extra anpassningar räcker",
    "none": "Eleven behöver inte särskilt stöd",
}


class Investigation(Body):
    """Utredning av frånvaron (skollagen 7 kap. 19 a §, 15 kap. 16 §, 18 kap. 16 §)."""

    opened_on: Annotated[date | None, says("Utredningen inleddes")] = None
    lead: Annotated[Line, says("Vem som leder utredningen")] = ""
    why: Annotated[Text, says("Varför utredningen inleds")] = ""
    waived_on: Annotated[date | None, says("Beslutet fattades")] = None
    waiver: Annotated[Waiver | None, choice("Varför utredning är obehövlig", WAIVERS)] = None
    waiver_note: Annotated[
        Text, says("Motivering", "Vad skolan vet redan, och hur frånvaron följs ändå.")
    ] = ""
    finished_on: Annotated[date | None, says("Utredningen är klar")] = None
    conclusions: Annotated[
        tuple[Conclusion, ...], choice("Vad frånvaron hänger samman med", CONCLUSIONS)
    ] = ()
    result: Annotated[
        Text, says("Vad utredningen visar", "Skriv det som behövs för insatserna.")
    ] = ""
    no_pupil: Annotated[Text, says("Varför samråd med eleven saknas")] = ""
    no_guardian: Annotated[Text, says("Varför samråd med vårdnadshavare saknas")] = ""
    no_student_health: Annotated[Text, says("Varför samråd med elevhälsan saknas")] = ""


class Consultation(Body):
    """Samråd inside an utredning; one entry for each talk."""

    on: Annotated[date, says("Datum")]
    party: Annotated[Consulted, choice("Samråd med", CONSULTED)]
    who: Annotated[Line, says("Vem eller vilka som var med"), Field(min_length=1)]
    what: Annotated[
        Text, says("Vad som kom fram", "Uppgifter om hälsa hör hemma i en egen, skyddad post.")
    ] = ""


class SupportInvestigation(Body):
    """Utredning om elevens behov av särskilt stöd (skollagen 3 kap. 7 §)."""

    opened_on: Annotated[date, says("Utredningen inleddes")]
    why: Annotated[Text, says("Varför den behövs")] = ""
    finished_on: Annotated[date | None, says("Utredningen är klar")] = None
    outcome: Annotated[SupportOutcome | None, choice("Beslut", SUPPORT_OUTCOMES)] = None
    result: Annotated[Text, says("Vad utredningen visar")] = ""


class Certificate(Body):
    """Läkarintyg, registered as a document: the paper itself stays where it is kept."""

    issued_on: Annotated[date, says("Intygets datum")]
    received_on: Annotated[date, says("Kom till skolan")]
    first_day: Annotated[date | None, says("Gäller från")] = None
    last_day: Annotated[date | None, says("Gäller till")] = None
    kept: Annotated[
        Line,
        says(
            "Var intyget förvaras",
            "Till exempel elevhälsans journalsystem. Skicka det inte i e-post.",
        ),
        Field(min_length=1),
    ]
    needs: Annotated[Text, says("Vad eleven behöver enligt intyget")] = ""

    @model_validator(mode="after")
    def _in_order(self) -> Certificate:
        if self.first_day and self.last_day and self.last_day < self.first_day:
            raise ValueError("Intyget kan inte sluta gälla innan det börjar.")
        return self


def _consulted(body: Body) -> tuple[str, ...]:
    return (body.party,) if isinstance(body, Consultation) else ()


def _explained(body: Body) -> tuple[str, ...]:
    """The samråd that the investigation says why it lacks."""
    if not isinstance(body, Investigation):
        return ()
    return tuple(party for party in CONSULTED if getattr(body, f"no_{party}"))


KINDS = (
    Kind(
        "investigation",
        "Utredning av frånvaron",
        Investigation,
        {"open": "pågår", "finished": "klar", "waived": "obehövlig"},
        needed={
            "open": ("opened_on", "lead"),
            "waived": ("waived_on", "waiver", "waiver_note"),
            "finished": ("opened_on", "finished_on", "conclusions", "result"),
        },
        tags=_explained,
    ),
    Kind(
        "consultation",
        "Samråd",
        Consultation,
        {"done": "gjort"},
        needed={"done": ("what",)},
        tags=_consulted,
    ),
    Kind(
        "support_investigation",
        "Utredning om särskilt stöd",
        SupportInvestigation,
        {"open": "pågår", "finished": "klar"},
        needed={"finished": ("finished_on", "outcome", "result")},
    ),
    Kind(
        "certificate",
        "Läkarintyg",
        Certificate,
        {"registered": "registrerat"},
        sensitivity="health",
    ),
)
