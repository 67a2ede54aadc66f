"""What a received beställning says, as the entry that somebody works on: the way back of
:func:`.building.coordination_request`. Words that this installation does not know are left out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.cases.domain.entries.coordination import (
    ORGANISER_KINDS,
    PROFESSIONS,
    SCHOOL_FORMS,
    SEXES,
    CoordinationRequest,
)

_NOTHING = "inget angivet"


def told(fields: Mapping[str, Any]) -> dict[str, str]:
    """The document's own fields by name."""
    return {str(one["name"]): str(one["text"]) for one in fields.get("fields", ())}


def coordination_request(fields: Mapping[str, Any], came: date) -> CoordinationRequest:
    """A beställning as it was sent; it has waited here since the day on which it came."""
    said = told(fields)

    def text(name: str) -> str:
        found = said.get(name, "")
        return "" if found == _NOTHING else found

    wanted = {word.strip() for word in text("professions").split(",")}
    return CoordinationRequest(
        on=came,
        help=text("help"),
        tried=text("tried"),
        professions=tuple(key for key, words in PROFESSIONS.items() if words in wanted),
        contact=text("contact") or str(fields.get("sender", "")),
        phone=text("phone"),
        told=text("told") == "ja",
        organiser_kind=_key(ORGANISER_KINDS, text("organiser_kind")),
        school_form=_key(SCHOOL_FORMS, text("school_form")),
        sex=_key(SEXES, text("sex")) or "unknown",
    )


def _key(words: Mapping[str, str], found: str) -> str:
    return next((key for key, said in words.items() if said == found), "")
