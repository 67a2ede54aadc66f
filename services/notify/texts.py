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
