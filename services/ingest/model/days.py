"""Small calls about lessons: a day closed or reopened by hand, activities renamed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from services.ingest.model.fields import Day, Key, Strict


class DayIn(Strict):
    school_unit: Key
    date: Day


class AliasIn(Strict):
    activity: Key
    """The new id."""
    same_as: Key
    """The id that the activity had before."""


class AliasBatch(Strict):
    aliases: Annotated[tuple[AliasIn, ...], Field(min_length=1, max_length=50_000)]
