"""What an anmälan carries, per huvudman: forms as data. Fewer fields are better."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

_FORMS = Path(__file__).with_name("report_forms")

FieldName = Literal[
    "pupil_name",
    "civic_number",
    "organiser",
    "school_unit",
    "school_unit_code",
    "principal",
    "contact",
    "investigation_opened_on",
    "investigation_finished_on",
    "support_investigation",
    "measures",
]
LABELS: dict[FieldName, str] = {
    "pupil_name": "Elevens namn",
    "civic_number": "Personnummer",
    "organiser": "Huvudman",
    "school_unit": "Skolenhet",
    "school_unit_code": "Skolenhetskod",
    "principal": "Rektor",
    "contact": "Kontaktperson",
    "investigation_opened_on": "Utredningen inleddes",
    "investigation_finished_on": "Utredningen avslutades",
    "support_investigation": "Utredning om särskilt stöd",
    "measures": "Insatser",
}
#: Who the pupil is; for skyddade personuppgifter none of it is written anywhere.
IDENTIFYING = frozenset({"pupil_name", "civic_number", "school_unit", "school_unit_code"})
#: What may be written of a protected pupil: nothing that says who, where or with whom.
HARMLESS = frozenset({"organiser", "investigation_opened_on", "investigation_finished_on"})


class Part(BaseModel):
    """One form to fill in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    fields: tuple[FieldName, ...] = Field(min_length=1)
    within_days: int | None = Field(default=None, ge=1)


class ReportForm(BaseModel):
    """A huvudman's form: for the opening of an utredning, and for its result where it is wanted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    opened: Part
    result: Part | None = None


def load() -> Mapping[str, ReportForm]:
    """Every shipped form by its key."""
    return {
        path.stem: ReportForm.model_validate(tomllib.loads(path.read_text("utf-8")))
        for path in sorted(_FORMS.glob("*.toml"))
    }


FORMS = load()
