"""What the operator sends: sources and rule profiles."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from services.ingest.model.fields import Day, Key, Strict, Text
from services.ingest.model.roster import Name, SchoolForm


class SourceIn(Strict):
    """A new source. Without ``organiser_id`` an organiser is made, and needs its name."""

    name: Name
    organiser_id: UUID | None = None
    organiser_name: Name | None = None
    organiser_kind: Literal["municipal", "independent"] = "municipal"
    namespace: Key = "default"
    scopes: tuple[Literal["registers", "notices", "roster", "days"], ...] = (
        "registers",
        "notices",
        "roster",
        "days",
    )
    priority: Annotated[int, Field(strict=True, ge=1, le=999)] = 100
    quota_per_minute: Annotated[int, Field(strict=True, ge=1, le=10_000_000)] = 60_000
    cut_over: Day | None = None


class CutOverIn(Strict):
    """From which school day on what a source tells wakes somebody; null = from the first."""

    cut_over: Day | None
    by: Name
    """Whose decision it is: kept with its time."""


class DecisionIn(Strict):
    """What a human decided on a held roster."""

    decision: Literal["apply", "drop"]
    by: Name
    """Whose decision it is: kept with its time."""
    same: tuple[Key, ...] | Literal["all"] = ()
    """Of the pupils who are perhaps known already: those who are, by the source's own ids."""
    note: Text = ""


class ActivationIn(Strict):
    """A rule profile for a scope from a date on."""

    organiser_id: UUID
    content: Annotated[str, Field(strict=True, min_length=1, max_length=200_000)]
    """The profile's file: TOML."""
    valid_from: Day
    school_unit_ids: tuple[UUID, ...] = ()
    school_forms: tuple[SchoolForm, ...] = ()
    comment: Text = ""
