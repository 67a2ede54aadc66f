"""The profile format as a JSON Schema (draft 2020-12), for editors and other programs.

It says what can be said of one file's shape. What compares two values (``below`` and the
threshold, names used twice, a step that follows on another) is the reader's to refuse, so
the schema never refuses what the reader takes.
"""

from __future__ import annotations

from typing import Any

from services.common.profiles import Ladder
from services.ews.core.rule import FAMILIES, NOTED, TODAY, Measure, Metric
from services.rules.keys import FAMILY, PROFILE, RULE, Key, Schema

_TOGETHER = {"prior_share": ["prior_minutes"], "prior_minutes": ["prior_share"]}
_GUARDS = [key.name for key in RULE if key.name.startswith("min_")]


def _table(keys: tuple[Key, ...]) -> Schema:
    return {
        "type": "object",
        "properties": {key.name: key.described for key in keys},
        "required": [key.name for key in keys if key.required],
        "additionalProperties": False,
    }


def _without(table: Schema, *names: str) -> Schema:
    """The table without keys that do not go with it."""
    return {
        **table,
        "properties": {key: one for key, one in table["properties"].items() if key not in names},
        "required": [key for key in table["required"] if key not in names],
    }


def _zero(table: Schema, *names: str) -> Schema:
    """The table with keys that may stand there but say nothing."""
    properties = {key: {"const": 0} for key in names}
    return {**table, "properties": {**table["properties"], **properties}}


def _with(table: Schema, **changed: Schema) -> Schema:
    properties = {key: {**one, **changed.get(key, {})} for key, one in table["properties"].items()}
    return {**table, "properties": properties}


def _rules(today: bool) -> Schema:
    every = {**_table(RULE), "dependentRequired": _TOGETHER}
    counted = {"enum": ["count"]}
    if today:
        return _with(
            _zero(_without(every, "window", "resolve"), *_GUARDS),
            metric={"enum": [Metric.INVALID.value, Metric.UNEXPLAINED.value]},
            measure={"enum": [Measure.MINUTES.value]},
            waves=counted,
            earlier_weight={"const": 0},
        )
    run = Measure.RUN_DAYS.value
    unmeasured = [one.value for one in (Measure.TURNING, *NOTED)]
    others = [one.value for one in Measure if one.value not in (run, *unmeasured)]
    free = {**every, "required": [key for key in every["required"] if key != "metric"]}
    return {
        "oneOf": [
            _with(every, measure={"enum": others}),
            _with(free, measure={"enum": unmeasured}, earlier_weight={"const": 0}),
            _with(
                _zero(
                    _without(every, "window"),
                    *(key for key in _GUARDS if key != "min_membership_days"),
                ),
                measure={"enum": [run]},
                waves=counted,
                earlier_weight={"const": 0},
            ),
        ]
    }


def _family(label: str) -> Schema:
    table = _table(FAMILY)
    reference = "today" if FAMILIES[label] == TODAY else "rule"
    return _with(
        table,
        rules={"type": "array", "minItems": 1, "items": {"$ref": f"#/$defs/{reference}"}},
    )


def _tidy(part: Any) -> Any:
    """The ladder's part without what says nothing in TOML: null, titles, line ends."""
    if isinstance(part, list):
        return [_tidy(one) for one in part]
    if not isinstance(part, dict):
        return part
    match part.get("anyOf"):
        case [one, {"type": "null"}]:
            part = {**one, **{key: value for key, value in part.items() if key != "anyOf"}}
    return {
        key: " ".join(value.split()) if key == "description" else _tidy(value)
        for key, value in part.items()
        if not (key == "title" and isinstance(value, str)) and (key, value) != ("default", None)
    }


def schema() -> dict[str, Any]:
    """The whole document, in the order in which it is written."""
    ladder = _tidy(Ladder.model_json_schema(ref_template="#/$defs/{model}"))
    definitions = ladder.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:forvarning:schema:profile",
        "title": "Förvarning rule profile",
        "description": "Signals and ladder of a rule profile (TOML); see docs/profiles.md.",
        "type": "object",
        "properties": {
            "profile": _table(PROFILE),
            "signals": {
                "type": "object",
                "properties": {label: _family(label) for label in FAMILIES},
                "additionalProperties": False,
                "minProperties": 1,
            },
            "ladder": ladder,
        },
        "required": ["profile", "signals"],
        "additionalProperties": False,
        "$defs": {"rule": _rules(today=False), "today": _rules(today=True), **definitions},
    }
