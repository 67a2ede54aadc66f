"""What every body of an entry has in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Sensitivity = Literal["ordinary", "health", "coordination"]

MAX_TEXT = 4000
Text = Annotated[str, Field(max_length=MAX_TEXT)]
Line = Annotated[str, Field(max_length=200)]


class Body(BaseModel):
    """What people write in an entry: frozen, and nothing beyond its fields.

    A field's ``title`` is its Swedish name and its ``description`` the hint beneath it; pages,
    answers and documents all take them from here. ``words`` in ``json_schema_extra`` holds the
    Swedish for each value of a choice.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def says(title: str, hint: str = "") -> Any:
    """A field's Swedish name and the hint beneath it, for Annotated."""
    return Field(title=title, description=hint or None)


def choice(title: str, words: Mapping[str, str], hint: str = "") -> Any:
    """The same for a choice, with the Swedish of each value."""
    return Field(title=title, description=hint or None, json_schema_extra={"words": dict(words)})


def _no_tags(_: Body) -> tuple[str, ...]:
    return ()


def _nothing_due(_body: Body, _status: str) -> Mapping[str, date]:
    return {}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of entry: its body and its statuses. Which step leads to which: the law's table."""

    name: str
    words: str
    """What it is called, in Swedish."""
    model: type[Body]
    statuses: Mapping[str, str]
    """Status to Swedish."""
    needed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The fields that must be filled in at a status."""
    tags: Callable[[Body], tuple[str, ...]] = _no_tags
    """What the law asks of the body, in words that tell nothing else: whoever judges a step sees
    the tags of entries whose text is not for them."""
    due: Callable[[Body, str], Mapping[str, date]] = _nothing_due
    """The dated duties of an entry at a status: their kind and day."""
    sensitivity: Sensitivity = "ordinary"
    sealed: bool = False
    """Sent: a mistake is mended by a new entry, never by changing this one."""
    computed: tuple[str, ...] = ()
    """Fields that the system fills in; whatever somebody sends in them is not taken."""
