"""The words of the mails: thin, kind, and without anything that names a pupil or a school.

JO 6466-2015 criticised sensitive facts about a pupil in ordinary e-mail; a
mail from here says only that there is something to see, or whom to ring.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """A mail's subject and plain text."""

    subject: str
    body: str


def case_waits(case_number: str, address: str) -> Text:
    """To the närvaroansvarig: a case waits, log in."""
    return Text(
        subject=f"Du har ett ärende: {case_number}",
        body=(
            "Hej!\n\n"
            "Du har ett ärende, logga in.\n\n"
            f"Ärende: {case_number}\n"
            f"Logga in: {address}\n\n"
            "Mejlet innehåller med avsikt inga fler uppgifter.\n"
            "Det går inte att svara på det.\n"
        ),
    )


def duties_due(cases: int, address: str) -> Text:
    """To whom duties stand with: in how many cases something is due or late, log in."""
    where = "ett ärende" if cases == 1 else f"{cases} ärenden"
    return Text(
        subject="Något ska bli klart i dag",
        body=(
            "Hej!\n\n"
            f"I {where} finns något som du ska göra i dag, eller som redan skulle ha varit gjort. "
            "Det står överst i Idag.\n\n"
            f"Logga in: {address}\n\n"
            "Mejlet innehåller med avsikt inga fler uppgifter.\n"
            "Det går inte att svara på det.\n"
        ),
    )


def read_with_reason(address: str) -> Text:
    """To the rektor: somebody outside their duties has read one of the school's cases."""
    return Text(
        subject="Ett ärende på din skola har lästs med särskilt skäl",
        body=(
            "Hej!\n\n"
            "Någon utanför sitt uppdrag har öppnat ett av skolans ärenden med särskilt skäl. "
            "I Idag ser du vilket ärende, vem och varför. Är skälet inte rimligt, prata med den "
            "som läste eller med huvudmannen.\n\n"
            f"Logga in: {address}\n\n"
            "Mejlet innehåller med avsikt inga fler uppgifter.\n"
            "Det går inte att svara på det.\n"
        ),
    )


def absence_today(phone: str | None) -> Text:
    """To a guardian (skollagen 7 kap. 17 §, 15 kap. 16 §): an unexplained absence today."""
    return Text(
        subject="Frånvaro i dag",
        body=(
            "Hej!\n\n"
            "Vi vill berätta att det finns en frånvaro i dag som vi inte har fått "
            "någon förklaring till.\n\n"
            f"{_whom_to_ring(phone)}\n\n"
            "Har du redan anmält frånvaron behöver du inte göra något.\n\n"
            "Av omtanke om er innehåller mejlet inga fler uppgifter.\n"
            "Det går inte att svara på det.\n"
        ),
    )


def absence_today_adult(phone: str | None) -> Text:
    """To a pupil who is of age: you have an unexplained absence today."""
    return Text(
        subject="Frånvaro i dag",
        body=(
            "Hej!\n\n"
            "Vi vill berätta att du har en frånvaro i dag som vi inte har fått "
            "någon förklaring till.\n\n"
            f"{_whom_to_ring(phone)}\n\n"
            "Har du redan anmält frånvaron behöver du inte göra något.\n\n"
            "Mejlet innehåller med avsikt inga fler uppgifter.\n"
            "Det går inte att svara på det.\n"
        ),
    )


def _whom_to_ring(phone: str | None) -> str:
    if phone and phone.strip():
        return f"Ring oss gärna på {phone.strip()}, så hjälps vi åt."
    return "Hör gärna av dig på det sätt du brukar, så hjälps vi åt."
