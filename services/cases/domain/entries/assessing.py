"""Kartläggning: mall A for a class, mall B for a pupil. The statements are data."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from services.cases.domain.entries.base import Body, Kind, Line, Text, choice, says

Colour = Literal["green", "yellow", "red"]
COLOURS = {"green": "Stämmer helt", "yellow": "Stämmer delvis", "red": "Stämmer inte"}
Term = Literal["autumn", "spring"]
TERMS = {"autumn": "Höstterminen", "spring": "Vårterminen"}
Round = Literal["first", "second"]
ROUNDS = {"first": "Första kartläggningen", "second": "Andra kartläggningen"}
Trend = Literal["rising", "steady", "falling", "unknown"]
TRENDS = {
    "rising": "ökar",
    "steady": "är oförändrad",
    "falling": "minskar",
    "unknown": "går inte att bedöma",
}
Risk = Literal["dropout", "goals", "absence", "eligibility"]
RISKS = {
    "dropout": "riskerar att lämna skolan",
    "goals": "riskerar att inte nå kunskapsmålen",
    "absence": "har problematisk skolfrånvaro",
    "eligibility": "riskerar att inte bli behörig till gymnasiet",
}


class Answer(Body):
    """What is thought of one statement."""

    statement: Line
    colour: Colour
    note: Text = ""


class Attendance(Body):
    """What the stream says on the day of the kartläggning; filled in by the system, never typed."""

    as_of: Annotated[date, says("Uppgifterna gäller")]
    level: Annotated[int, says("Varningens nivå"), Field(ge=0)] = 0
    absence_percent: Annotated[float | None, says("Frånvaro, procent av rapporterad tid")] = None
    reporting_percent: Annotated[float | None, says("Rapporteringsgrad, procent")] = None
    trend: Annotated[Trend, choice("Frånvaron", TRENDS)] = "unknown"
    pattern: Annotated[Text, says("Mönster")] = ""
    sentence: Annotated[Text, says("Varningen")] = ""


class ClassAssessment(Body):
    """Mall A, twice a term."""

    template: Line = ""
    """Which version of the statements was answered."""
    on: Annotated[date, says("Datum")]
    term: Annotated[Term, choice("Termin", TERMS)]
    round: Annotated[Round, choice("Omgång", ROUNDS)]
    answers: Annotated[tuple[Answer, ...], says("Påståenden"), Field(min_length=1)]
    summary: Annotated[Text, says("Vad som syns i gruppen")] = ""
    urgent: Annotated[Text, says("Det mest angelägna", "En sak per rad, det viktigaste först.")] = (
        ""
    )

    @model_validator(mode="after")
    def _once(self) -> ClassAssessment:
        once(self.answers)
        return self


class PupilAssessment(Body):
    """Mall B: one pupil, along the four dimensions of engagement."""

    template: Line = ""
    """Which version of the statements was answered."""
    on: Annotated[date, says("Datum")]
    mappers: Annotated[Line, says("Vilka som kartlägger")] = ""
    attendance: Annotated[Attendance | None, says("Frånvaron enligt närvaroregistret")] = None
    answers: Annotated[tuple[Answer, ...], says("Frågor"), Field(min_length=1)]
    strengths: Annotated[tuple[Line, ...], says("Styrkor och sådant som skyddar")] = ()
    strengths_note: Annotated[Text, says("Mer om styrkorna")] = ""
    risks: Annotated[tuple[Risk, ...], choice("Eleven", RISKS)] = ()
    urgent: Annotated[Text, says("Det mest angelägna", "En sak per rad, det viktigaste först.")] = (
        ""
    )

    @model_validator(mode="after")
    def _once(self) -> PupilAssessment:
        once(self.answers)
        return self


def once(answers: tuple[Answer, ...]) -> None:
    """Each statement is answered once."""
    names = [answer.statement for answer in answers]
    if len(set(names)) != len(names):
        raise ValueError("Ett påstående har besvarats två gånger.")


KINDS = (
    Kind(
        "class_assessment",
        "Kartläggning av klassen (mall A)",
        ClassAssessment,
        {"done": "gjord"},
        computed=("template",),
    ),
    Kind(
        "pupil_assessment",
        "Kartläggning av eleven (mall B)",
        PupilAssessment,
        {"done": "gjord"},
        computed=("template", "attendance"),
    ),
)
