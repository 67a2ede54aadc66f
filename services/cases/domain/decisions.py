"""What people may decide about a case, with the words that the law and the forms use."""

from __future__ import annotations

from services.cases.domain.case import CaseState
from services.common.problem import Problem

#: What came of a call home (skollagen 7 kap. 17 §: informed the same day).
CALL_OUTCOMES: dict[str, str] = {
    "informed": "Vårdnadshavaren är informerad",
    "pupil_informed": "Den myndiga eleven är informerad",
    "not_reached": "Ingen svarade, jag har försökt",
    "already_known": "Hemmet visste redan",
    "special_reasons": "Särskilda skäl att inte informera",
}

MAX_TEXT = 4000


def check_acknowledge(state: CaseState) -> None:
    """Only a new case is taken on; what changes later asks for a decision."""
    if state == "closed":
        raise Problem(
            409, "case_closed", "Ärendet är avslutat. Det öppnas igen om en ny varning kommer."
        )
    if state != "new":
        raise Problem(
            409,
            "decision_needed",
            "Ärendet är redan mottaget. Har varningen ändrats: ta ställning till ändringen.",
        )


def check_comment(text: str) -> str:
    """The comment without surrounding blanks; empty or too long ones are refused."""
    body = text.strip()
    if not body:
        raise Problem(422, "empty_comment", "Skriv något innan du sparar.", field="/text")
    check_length(body, "/text")
    return body


def check_call(outcome: str, note: str) -> None:
    """A call home ends with a known outcome; särskilda skäl must be written down."""
    if outcome not in CALL_OUTCOMES:
        raise Problem(422, "unknown_outcome", "Välj hur det gick.", field="/outcome")
    if outcome == "special_reasons" and not note.strip():
        raise Problem(
            422,
            "note_needed",
            "Skriv vilka de särskilda skälen är (skollagen 7 kap. 17 §).",
            field="/note",
        )
    check_length(note, "/note")


def check_length(text: str, field: str) -> None:
    """At most MAX_TEXT characters."""
    if len(text) > MAX_TEXT:
        raise Problem(
            422,
            "too_long",
            f"Texten är {len(text)} tecken; högst {MAX_TEXT} får plats. Korta den.",
            field=field,
        )
