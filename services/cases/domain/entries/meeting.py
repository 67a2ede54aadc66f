"""Entries about talking: contact, the pupil's own words, the guardians'; and what somebody decided
when a warning changed."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from services.cases.domain.entries.base import Body, Kind, Line, Text, choice, says

ChangeDecision = Literal["keep", "close", "correct"]
CHANGE_DECISIONS = {
    "keep": "Ärendet fortsätter som förut",
    "close": "Ärendet avslutas: grunden finns inte kvar",
    "correct": "Underlaget är fel och ska rättas",
}
Party = Literal["pupil", "guardian", "other"]
PARTIES = {"pupil": "eleven", "guardian": "vårdnadshavare", "other": "någon annan"}
Way = Literal["phone", "meeting", "digital", "message", "home_visit"]
WAYS = {
    "phone": "telefon",
    "meeting": "möte på skolan",
    "digital": "digitalt möte",
    "message": "meddelande",
    "home_visit": "hembesök",
}
Place = Literal["school", "home", "walk", "digital", "neutral", "on_the_way"]
PLACES = {
    "school": "på skolan",
    "home": "i hemmet",
    "walk": "under en promenad",
    "digital": "digitalt",
    "neutral": "på en neutral plats",
    "on_the_way": "på väg till skolan",
}


class WarningDecision(Body):
    """A stand taken on a withdrawn, amended or worse warning."""

    decision: Annotated[ChangeDecision, choice("Beslut", CHANGE_DECISIONS)]
    note: Annotated[
        Text, says("Motivering", "Behövs när ärendet avslutas eller underlaget ska rättas.")
    ] = ""


class Contact(Body):
    """A first contact, or a later one, about absence."""

    on: Annotated[date, says("Datum")]
    with_whom: Annotated[tuple[Party, ...], choice("Med vem", PARTIES), Field(min_length=1)]
    way: Annotated[Way, choice("Hur", WAYS)]
    reached: Annotated[bool, says("Ni fick kontakt")] = False
    what: Annotated[Text, says("Vad som sades")] = ""
    agreed: Annotated[Text, says("Vad ni kom överens om")] = ""
    next_on: Annotated[date | None, says("Nästa kontakt")] = None


class PupilVoice(Body):
    """Avstämning med elev: the pupil's own words, before anything is decided for them."""

    on: Annotated[date, says("Datum")]
    place: Annotated[Place, choice("Plats", PLACES)] = "school"
    own_words: Annotated[
        Text, says("Elevens egna ord", "Skriv som eleven säger det. Eleven får läsa det här.")
    ] = ""
    wants: Annotated[Text, says("Vad eleven själv vill")] = ""
    works: Annotated[Text, says("Vad som fungerar, enligt eleven")] = ""
    declined: Annotated[
        bool, says("Eleven vill inte prata nu", "Fråga igen längre fram, gärna någon annanstans.")
    ] = False


class GuardianVoice(Body):
    """Avstämning with a guardian, each by themselves."""

    on: Annotated[date, says("Datum")]
    who: Annotated[Line, says("Vårdnadshavare"), Field(min_length=1)]
    way: Annotated[Way, choice("Hur", WAYS)] = "phone"
    own_words: Annotated[
        Text, says("Vårdnadshavarens egna ord", "Vårdnadshavaren får läsa det här.")
    ] = ""
    wants: Annotated[Text, says("Vad vårdnadshavaren önskar")] = ""
    declined: Annotated[bool, says("Vårdnadshavaren vill inte delta nu")] = False


def _voice(body: Body) -> tuple[str, ...]:
    return ("declined",) if getattr(body, "declined", False) else ()


def _decision(body: Body) -> tuple[str, ...]:
    return (body.decision,) if isinstance(body, WarningDecision) else ()


def _again(body: Body, _status: str) -> dict[str, date]:
    on = body.next_on if isinstance(body, Contact) else None
    return {"contact_again": on} if on else {}


KINDS = (
    Kind(
        "warning_decision",
        "Ställningstagande till ändrad varning",
        WarningDecision,
        {"decided": "beslutat"},
        tags=_decision,
    ),
    Kind("contact", "Kontakt", Contact, {"done": "gjord"}, needed={"done": ("what",)}, due=_again),
    Kind("pupil_voice", "Avstämning med eleven", PupilVoice, {"done": "gjord"}, tags=_voice),
    Kind(
        "guardian_voice",
        "Avstämning med vårdnadshavare",
        GuardianVoice,
        {"done": "gjord"},
        tags=_voice,
    ),
)
