"""From one JSON item to a model, or to the list of what is wrong with it."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from services.ingest.model.answers import ItemAnswer, Note

Model = TypeVar("Model", bound=BaseModel)

_CODES = {
    "missing": "missing_field",
    "extra_forbidden": "unknown_field",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "too_long": "too_many",
    "literal_error": "unknown_value",
}


def problems_of(error: ValidationError) -> list[Note]:
    """What pydantic found, without the values: they may be personal data."""
    notes = []
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        pointer = "/" + "/".join(str(part) for part in item["loc"])
        detail = item["msg"].removeprefix("Value error, ")
        code = _CODES.get(item["type"], "invalid")
        if "UTC offset" in detail:
            code = "missing_offset"
        notes.append(Note(code, pointer, f"{pointer}: {detail}"))
    return notes


def parse_item(model: type[Model], item: Any, answer: ItemAnswer) -> Model | None:
    """The model, or None with the problems in ``answer``."""
    if isinstance(item, dict) and isinstance(item.get("id"), str):
        answer.client_id = item["id"][:200]
    try:
        return model.model_validate(item)
    except ValidationError as error:
        answer.refuse(problems_of(error))
        return None
