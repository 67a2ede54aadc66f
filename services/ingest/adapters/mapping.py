"""A CSV mapping: which columns of somebody's file mean what (TOML).

    [file]      encodings, delimiter ("," ";" "tab" or "auto"), unique (column whose values differ)
    [lesson]    school_unit, activity, date, start, length_minutes; optional group, subject
    [mark]      pupil; [mark.codes] column, then per code: minutes of the lesson as
                "present", "valid", "invalid" or "other"
    [expect]    column = allowed values; a row with another value is rejected
    [same]      column = the column that must say the same, with values translated
    [school_year] column whose year must be the one the date lies in, else the row is noted

Each field is ``{ column = "..." }`` or ``{ value = ... }``, with ``values`` to
translate what stands in the column.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator


class MappingError(Exception):
    """The mapping cannot be used; the text names the field."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Part):
    """Where a field comes from: a column, or one value for every row."""

    column: str | None = None
    value: str | int | None = None
    values: dict[str, str] = {}
    """What stands in the column -> what it means; anything else is rejected."""
    formats: tuple[str, ...] = ()
    """Dates only: strptime formats, tried in order."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.column is None) == (self.value is None):
            raise ValueError("give either column or value")
        return self


class FileFormat(_Part):
    encodings: tuple[str, ...] = ("utf-8-sig", "windows-1252")
    delimiter: Literal[",", ";", "tab", "auto"] = "auto"
    unique: str | None = None


class LessonFields(_Part):
    school_unit: Source
    activity: Source
    date: Source
    start: Source
    length_minutes: Source
    group: Source | None = None
    subject: Source | None = None


class Codes(_Part):
    column: str
    values: dict[str, Literal["present", "valid", "invalid", "other"]] = Field(min_length=1)


class MarkFields(_Part):
    pupil: Source
    codes: Codes


class SameAs(_Part):
    column: str
    values: dict[str, str]


class Mapping(_Part):
    """One kind of file."""

    file: FileFormat = FileFormat()
    lesson: LessonFields
    mark: MarkFields
    expect: dict[str, tuple[str, ...]] = {}
    same: dict[str, SameAs] = {}
    school_year: str | None = None

    def columns(self) -> set[str]:
        """Every column that the file must have."""
        lesson = [getattr(self.lesson, name) for name in LessonFields.model_fields]
        found = {field.column for field in [*lesson, self.mark.pupil] if field and field.column}
        found |= {self.mark.codes.column, *self.expect, *self.same}
        found |= {same.column for same in self.same.values()}
        return found | {name for name in (self.file.unique, self.school_year) if name}


def read_mapping(path: Path) -> Mapping:
    """Raises :class:`MappingError` with the file's name and the field."""
    try:
        return Mapping.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MappingError(f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise MappingError(f"{path}: {field}: {first['msg']}") from error
