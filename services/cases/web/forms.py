"""From an entry's model to a form and back: labels, hints and choices are the model's own."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic.fields import FieldInfo
from starlette.datastructures import FormData

from services.cases.catalogue import CHOICES
from services.cases.domain.entries.assessing import Answer
from services.cases.domain.entries.base import MAX_TEXT, Kind

Widget = Literal["text", "line", "date", "number", "check", "radio", "checks", "lines", "answers"]

_LINE = 200


@dataclass(frozen=True, slots=True)
class FormField:
    """One question of a form."""

    name: str
    label: str
    hint: str
    widget: Widget
    required: bool
    choices: Mapping[str, str] = field(default_factory=dict)
    length: int = MAX_TEXT
    empties: bool = False
    """Whether no answer is an answer, and which."""
    empty: str | None = None


def fields_of(
    kind: Kind,
    names: Sequence[str],
    status: str,
    people: Mapping[str, Mapping[str, str]] | None = None,
) -> list[FormField]:
    """The questions of a step, in the order of the model; none that the system answers.

    ``people`` are choices by field that only the roster knows.
    """
    wanted = names or tuple(kind.model.model_fields)
    needed = kind.needed.get(status, ())
    return [
        _field(name, info, name in needed, (people or {}).get(name))
        for name, info in kind.model.model_fields.items()
        if name in wanted and name not in kind.computed
    ]


def _field(name: str, info: FieldInfo, needed: bool, people: Mapping[str, str] | None) -> FormField:
    extra = info.json_schema_extra
    words = extra.get("words", {}) if isinstance(extra, dict) else {}
    choices = people or CHOICES.get(name) or (words if isinstance(words, dict) else {})
    return FormField(
        name=name,
        label=info.title or name,
        hint=info.description or "",
        widget=_widget(info, bool(choices)),
        required=needed or info.is_required(),
        choices={str(key): str(value) for key, value in choices.items()},
        length=_length(info),
        empties=name in CHOICES or type(None) in get_args(info.annotation),
        empty="" if name in CHOICES else None,
    )


def _length(info: FieldInfo) -> int:
    found = [getattr(rule, "max_length", None) for rule in info.metadata]
    return next((length for length in found if length), MAX_TEXT)


def _widget(info: FieldInfo, has_choices: bool) -> Widget:
    inner = _plain(info.annotation)
    if get_origin(inner) is tuple:
        item = get_args(inner)[0]
        if item is Answer:
            return "answers"
        return "checks" if has_choices else "lines"
    if has_choices or inner is UUID:
        # Whom there is to choose from only the roster knows, also when the answer is read.
        return "radio"
    if inner is bool:
        return "check"
    if inner is date:
        return "date"
    if inner in {int, float}:
        return "number"
    return "line" if _length(info) <= _LINE or _has_pattern(info) else "text"


def _has_pattern(info: FieldInfo) -> bool:
    return any(getattr(rule, "pattern", None) for rule in info.metadata)


def _plain(annotation: Any) -> Any:
    """The type without None."""
    if get_origin(annotation) in {Union, types.UnionType}:
        rest = [one for one in get_args(annotation) if one is not type(None)]
        return rest[0] if rest else annotation
    return annotation


def read(form: FormData, fields: Sequence[FormField]) -> dict[str, Any]:
    """What was answered, as the model reads it; what was left empty is left out."""
    found: dict[str, Any] = {}
    for one in fields:
        if one.widget == "answers":
            found[one.name] = _answers(form)
        elif one.widget == "checks":
            found[one.name] = [str(value) for value in form.getlist(one.name)]
        elif one.widget == "check":
            found[one.name] = one.name in form
        else:
            value = _text(form, one.name)
            if one.widget == "lines":
                found[one.name] = [line.strip() for line in value.splitlines() if line.strip()]
            elif one.widget == "number":
                if value.strip():
                    found[one.name] = _number(value)
            elif one.widget in {"text", "line"}:
                found[one.name] = value
            elif value.strip():
                found[one.name] = value.strip()
            elif one.empties:
                found[one.name] = one.empty
    return found


def _text(form: FormData, name: str) -> str:
    """Browsers send line ends as CRLF; texts keep one kind."""
    value = form.get(name, "")
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""


def _number(value: str) -> float | str:
    """6,5 as people write it; what is no number is told by the model."""
    try:
        number = float(value.strip().replace(",", "."))
    except ValueError:
        return value.strip()
    return int(number) if number.is_integer() else number


def _answers(form: FormData) -> list[dict[str, str]]:
    """Every statement that was given a colour, with its note."""
    found = []
    for name in form:
        if name.startswith("colour:"):
            key = name.removeprefix("colour:")
            colour, note = _text(form, name), _text(form, f"note:{key}")
            found.append({"statement": key, "colour": colour, "note": note})
    return found
