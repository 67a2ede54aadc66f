"""What a comparison asks of where the facts come from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line of a folder that counts nowhere; ``field`` is empty where no field is at fault."""

    line: int
    field: str
    reason: str

    def __str__(self) -> str:
        return (
            f"line {self.line}, {self.field}: {self.reason}"
            if self.field
            else (f"line {self.line} {self.reason}")
        )


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact. ``replay_of``: the offset of the dead letter that it restates."""

    offset: int
    value: bytes
    replay_of: int | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """A school unit: its id, and the skolenhetskod where it is known."""

    id: str
    code: str = ""

    @property
    def shown(self) -> str:
        """What people read."""
        return self.code or self.id


class Source(Protocol):
    """Facts in parts that do not concern each other's pupils."""

    @property
    def title(self) -> str:
        """What it is, for the heading."""
        ...

    @property
    def has_waves(self) -> bool:
        """Whether the group step's Waves are among its facts; else they have to be recognised."""
        ...

    @property
    def bad_lines(self) -> list[BadLine]:
        """What could not be read; complete once all parts are."""
        ...

    def opened(self) -> AbstractAsyncContextManager[list[int]]:
        """The numbers of its parts. Raises WhatIfError where it cannot be read."""
        ...

    def facts(self, part: int) -> AsyncIterator[Fact]:
        """A part's facts in their order."""
        ...

    def pupil(self, pupil_id: bytes) -> str:
        """A pupil's surrogate id as the source writes it."""
        ...

    def unit(self, unit_id: bytes) -> Unit:
        """A unit as the source writes it."""
        ...
