"""Texts of the forms as data: what a kartläggning asks, strengths, and insatser to choose."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from services.cases.domain.entries.planning import Purpose, Tier

_HERE = Path(__file__).parent


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Statement(_Data):
    """A statement to colour; ``bold`` ones are asked first."""

    key: str = Field(max_length=200)
    text: str
    bold: bool = False


class Dimension(_Data):
    """Statements that belong together."""

    name: str
    statements: tuple[Statement, ...]


class Template(_Data):
    """Mall A or mall B."""

    key: str
    version: int
    dimensions: tuple[Dimension, ...]

    @property
    def name(self) -> str:
        """What an assessment keeps of where its statements come from."""
        return f"{self.key}-{self.version}"

    def statements(self) -> Iterator[Statement]:
        """Every statement in its order."""
        for dimension in self.dimensions:
            yield from dimension.statements


class Strength(_Data):
    """Something that carries."""

    key: str
    text: str


class Strengths(_Data):
    """The list of them."""

    key: str
    version: int
    strengths: tuple[Strength, ...]


class Offer(_Data):
    """An insats of the catalogue."""

    key: str
    text: str
    tier: Tier
    purpose: Purpose
    checklist: tuple[str, ...] = ()


class Catalogue(_Data):
    """All of them."""

    key: str
    version: int
    interventions: tuple[Offer, ...]


def _read(name: str) -> dict[str, object]:
    return tomllib.loads((_HERE / f"{name}.toml").read_text("utf-8"))


CLASS = Template.model_validate(_read("class"))
PUPIL = Template.model_validate(_read("pupil"))
STRENGTHS = {one.key: one.text for one in Strengths.model_validate(_read("strengths")).strengths}
OFFERS = {one.key: one for one in Catalogue.model_validate(_read("interventions")).interventions}
#: Choices of an entry's fields that are data, not code: their keys are stored, their texts shown.
CHOICES: dict[str, Mapping[str, str]] = {
    "strengths": STRENGTHS,
    "catalogue": {key: offer.text for key, offer in OFFERS.items()},
}
STATEMENTS = {one.key: one.text for one in (*CLASS.statements(), *PUPIL.statements())}
