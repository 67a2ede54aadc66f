"""A CSV mapping: which columns of somebody's file mean what (TOML; docs/csv.md).

    [file]      encodings, delimiter ("," ";" "tab" or "auto"), unique (column whose values differ)
    [lesson]    school_unit, activity, date, start, and length_minutes or end;
                optional group, subject, cancelled
    [mark]      pupil, and either [mark.codes] (column, then per code: the whole lesson as
                "present", "valid", "invalid" or "other") or columns of minutes: valid, invalid,
                other; optional offered, arrived_late, left_early, reported, confirmed
    [expect]    column = allowed values; a row with another value is rejected
    [same]      column = the column that must say the same, with values translated
    school_year column whose year must be the one the date lies in, else the row is noted

``activity = { columns = ["Grupp", "Ämne"] }`` names a lesson's activity by what stays the same
where its id is another after each import of the timetable.

Each field is ``{ column = "..." }`` or ``{ value = ... }``, with ``values`` to
translate what stands in the column. cancelled, reported and confirmed are
``{ column = "...", yes = [...], no = [...] }``.
"""

from __future__ import annotations

import tomllib
from functools import cached_property
from pathlib import Path
from typing import Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Model = TypeVar("Model", bound=BaseModel)


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
    """Dates only: strptime formats, tried in order, in place of the Swedish ways to write one."""
    kind: Literal["id", "civic_no"] = "id"
    """Pupils only: "civic_no" for a personnummer in any of its forms."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.column is None) == (self.value is None):
            raise ValueError("give either column or value")
        return self


class Columns(_Part):
    """Several columns that are one name together, for want of one that stays the same."""

    columns: tuple[str, ...] = Field(min_length=2, max_length=8)

    @property
    def column(self) -> str:
        """Under which findings are told."""
        return self.columns[0]

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """Each column as a source of its own."""
        return tuple(Source(column=name) for name in self.columns)


class Flag(_Part):
    """A column that says yes or no; anything else is rejected."""

    column: str
    yes: tuple[str, ...] = Field(min_length=1)
    no: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if both := sorted(set(self.yes) & set(self.no)):
            raise ValueError(f"{both[0]!r} stands under yes and under no")
        return self


class FileFormat(_Part):
    encodings: tuple[str, ...] = Field(default=("utf-8-sig", "windows-1252"), min_length=1)
    delimiter: Literal[",", ";", "tab", "auto"] = "auto"
    unique: str | None = None


class LessonFields(_Part):
    school_unit: Source
    activity: Source | Columns
    date: Source
    start: Source
    length_minutes: Source | None = None
    end: Source | None = None
    group: Source | None = None
    subject: Source | None = None
    cancelled: Flag | None = None

    @model_validator(mode="after")
    def _length(self) -> Self:
        if (self.length_minutes is None) == (self.end is None):
            raise ValueError("give either length_minutes or end")
        return self


class Codes(_Part):
    column: str
    values: dict[str, Literal["present", "valid", "invalid", "other"]] = Field(min_length=1)


class MarkFields(_Part):
    pupil: Source
    codes: Codes | None = None
    valid: Source | None = None
    invalid: Source | None = None
    other: Source | None = None
    offered: Source | None = None
    arrived_late: Source | None = None
    left_early: Source | None = None
    reported: Flag | None = None
    confirmed: Flag | None = None

    @model_validator(mode="after")
    def _absence(self) -> Self:
        minutes = any((self.valid, self.invalid, self.other))
        if (self.codes is None) != minutes:
            raise ValueError("give either codes or columns of minutes (valid, invalid, other)")
        return self


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

    def names(self) -> dict[str, str]:
        """Field of a register or mark -> the column that it is read from."""
        parts = (self.lesson, self.mark)
        fields = {name: getattr(part, name) for part in parts for name in type(part).model_fields}
        return {name: field.column for name, field in fields.items() if field and field.column}

    def columns(self) -> set[str]:
        """Every column that the file must have."""
        found = {*self.names().values()}
        if isinstance(self.lesson.activity, Columns):
            found |= {*self.lesson.activity.columns}
        found |= {*self.expect, *self.same, *(same.column for same in self.same.values())}
        return found | {name for name in (self.file.unique, self.school_year) if name}


def read_mapping(path: Path) -> Mapping:
    """Raises :class:`MappingError` with the file's name and the field."""
    return read_as(Mapping, path)


def read_as(model: type[Model], path: Path) -> Model:
    """A TOML file as that model. Raises :class:`MappingError` with its name and the field."""
    try:
        return model.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MappingError(f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise MappingError(f"{path}: {field}: {first['msg']}") from error
