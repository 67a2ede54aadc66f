"""The one registry of entry kinds, and how a body is checked on its way in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from services.cases.domain.entries import (
    assessing,
    closing,
    coordination,
    investigating,
    meeting,
    notices,
    planning,
)
from services.cases.domain.entries.base import Body, Kind
from services.common.problem import Problem

_MODULES = (meeting, assessing, investigating, notices, planning, coordination, closing)
KINDS: dict[str, Kind] = {kind.name: kind for module in _MODULES for kind in module.KINDS}


def parse(kind: Kind, status: str, raw: Mapping[str, Any]) -> Body:
    """The body, checked against its model and against what its status needs.

    Problem 422 names every field that is wrong, in Swedish, with ``errors`` as everywhere else.
    """
    try:
        body = kind.model.model_validate_json(json.dumps(dict(raw)))
    except ValidationError as error:
        raise invalid([_told(kind, item) for item in error.errors()]) from error
    missing = [name for name in kind.needed.get(status, ()) if not getattr(body, name)]
    if missing:
        raise invalid([{"field": f"/{name}", "detail": needed(kind, name)} for name in missing])
    return body


def read(kind: str, stored: str) -> Body:
    """A body from the database."""
    return KINDS[kind].model.model_validate_json(stored)


def label(kind: Kind, name: str) -> str:
    """What a field is called, in Swedish."""
    found = kind.model.model_fields.get(name)
    return (found.title if found and found.title else None) or name


def needed(kind: Kind, name: str) -> str:
    """That a field must be filled in."""
    return f"Fyll i {label(kind, name).rstrip('?').lower()}."


def invalid(errors: list[dict[str, str]]) -> Problem:
    """What is wrong with each field: the one shape of it, for the API and the forms."""
    sentence = " ".join(dict.fromkeys(error["detail"] for error in errors))
    return Problem(422, "invalid_entry", sentence, errors=errors)


_TOLD = {
    "missing": "Fyll i {label}.",
    "string_too_short": "Fyll i {label}.",
    "too_short": "Välj minst ett: {label}.",
    "string_too_long": "{label}: texten är för lång, högst {max_length} tecken får plats.",
    "literal_error": "Välj ett av alternativen: {label}.",
    "extra_forbidden": "{label} hör inte hit.",
    "string_pattern_mismatch": "{label}: fyra siffror.",
}


def _told(kind: Kind, item: Any) -> dict[str, str]:
    where = [str(part) for part in item["loc"]]
    name = label(kind, where[0]) if where else kind.words
    template = _TOLD.get(item["type"])
    if template:
        text = template.format(label=name, **item.get("ctx", {}))
        # A sentence begins with a capital; a label inside one does not.
        text = text[0].upper() + text[1:]
    elif item["type"] == "value_error":
        text = str(item["ctx"]["error"])
    elif item["type"].startswith("date"):
        text = f"{name}: skriv datumet som 2026-11-24."
    else:
        text = f"{name}: värdet går inte att läsa."
    return {"field": "/" + "/".join(where), "detail": text}
