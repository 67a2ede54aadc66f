"""The ``ladder`` part of a rule profile: what is to happen when a warning fires (design D5).

The ``signals`` part of the same file is the stream's (services.ews.core.profile).
A profile without a ladder leaves it to the case service's own defaults.
Statutory clocks run whatever a ladder says; a ladder only adds its own.
"""

from __future__ import annotations

import tomllib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

FamilyName = Literal["strofranvaro", "langvarig", "eskalering", "ogiltig_idag", "orapporterat"]
RoleName = Literal["mentor", "attendance_officer", "principal", "student_health", "coordinator"]
CaseState = Literal["open", "assessment", "investigation", "reported", "intervention", "follow_up"]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class LadderError(ValueError):
    """A ladder that cannot be used; ``field`` is its path, such as ladder.steps.0.owner."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Trigger(_Part):
    """A warning of this family that reaches this level."""

    family: FamilyName
    level: Annotated[int, Field(ge=1, le=9)] = 1


class Clock(_Part):
    """How long the step may take: counted in school days or in calendar days, one of them."""

    school_days: Annotated[int, Field(ge=1, le=200)] | None = None
    calendar_days: Annotated[int, Field(ge=1, le=400)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Clock:
        if (self.school_days is None) == (self.calendar_days is None):
            raise ValueError("give school_days or calendar_days")
        return self


class Step(_Part):
    """What a trigger leads to: the case's state, who owns it, by when, and who is told."""

    id: Name
    trigger: Trigger
    case_state: CaseState = "open"
    owner: RoleName
    clock: Clock | None = None
    recipients: Annotated[list[RoleName], Field(min_length=1)]
    source: Annotated[str, Field(min_length=1)]


class Ladder(_Part):
    """The steps, mildest first."""

    steps: list[Step] = []

    @model_validator(mode="after")
    def _names_are_unique(self) -> Ladder:
        names = [step.id for step in self.steps]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the step {twice!r} stands twice")
        return self

    def step(self, family: str, level: int) -> Step | None:
        """The step that a warning triggers: of its family the highest level it has reached."""
        fitting = [
            step
            for step in self.steps
            if step.trigger.family == family and step.trigger.level <= level
        ]
        return max(fitting, key=lambda step: step.trigger.level, default=None)


def parse_ladder(content: bytes) -> Ladder:
    """The ladder of a profile's content. Raises :class:`LadderError`."""
    try:
        data = tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise LadderError("file", f"not UTF-8 at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise LadderError("file", str(error)) from error
    try:
        return Ladder.model_validate(data.get("ladder", {}))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join(["ladder", *(str(part) for part in first["loc"])])
        raise LadderError(path, first["msg"]) from error
