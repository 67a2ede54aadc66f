"""The ``ladder`` part of a rule profile: what is to happen when a warning fires (design D5).

The ``signals`` part of the same file is the stream's (services.ews.core.profile).
A profile without a ladder leaves it to the case service's own defaults.
Statutory clocks run whatever a ladder says; a ladder only adds its own.
"""

from __future__ import annotations

import tomllib
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

FamilyName = Literal["strofranvaro", "langvarig", "eskalering", "ogiltig_idag", "orapporterat"]
RoleName = Literal["mentor", "attendance_officer", "principal", "student_health", "coordinator"]
CaseState = Literal["open", "assessment", "investigation", "reported", "intervention", "follow_up"]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Text = Annotated[str, Field(pattern=r"\S")]
Weeks = Annotated[list[Annotated[int, Field(ge=1, le=53)]], Field(max_length=53)]


class LadderError(ValueError):
    """A ladder that cannot be used; ``field`` is its path, such as ladder.steps.0.owner.

    ``others`` are what else is wrong with it.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
        self.others: tuple[LadderError, ...] = ()


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


# What the validators below say, for the published JSON Schema.
_TRIGGERS: dict[str, Any] = {
    "oneOf": [
        {"required": ["family"]},
        {"required": ["case_state"], "not": {"required": ["level"]}},
    ]
}


class Trigger(_Part, json_schema_extra=_TRIGGERS):
    """What makes a step begin: a warning, or the case's own state. One of them.

    A warning: of this ``family`` that reaches this ``level``. A state: the case comes
    to ``case_state``, as where a routine begins when an investigation is opened.
    """

    family: FamilyName | None = None
    level: Annotated[int, Field(ge=1, le=9)] | None = None
    case_state: CaseState | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Trigger:
        if (self.family is None) == (self.case_state is None):
            raise ValueError("give family and level, or case_state")
        if self.family is None and self.level is not None:
            raise ValueError("a level goes with a family")
        return self

    @property
    def least(self) -> int:
        """The lowest level that triggers: 1 where none is given."""
        return self.level or 1


class Clock(_Part, json_schema_extra={"minProperties": 1, "maxProperties": 1}):
    """How long: school days, working days (Monday to Friday, no holidays), calendar days, months.

    Exactly one of them is given.
    """

    school_days: Annotated[int, Field(ge=1, le=200)] | None = None
    working_days: Annotated[int, Field(ge=1, le=260)] | None = None
    calendar_days: Annotated[int, Field(ge=1, le=400)] | None = None
    months: Annotated[int, Field(ge=1, le=12)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Clock:
        given = [self.school_days, self.working_days, self.calendar_days, self.months]
        if sum(one is not None for one in given) != 1:
            raise ValueError("give one of school_days, working_days, calendar_days and months")
        return self


class After(_Part):
    """Which step the step follows on: it begins only where its own trigger then holds.

    ``counted_from`` the day on which the other step was begun or done, ``wait`` long;
    without ``wait`` as soon as the trigger holds.
    """

    step: Name
    counted_from: Literal["begun", "done"]
    wait: Clock | None = None


# As below.
_ONE_REPETITION: dict[str, Any] = {"not": {"required": ["repeat", "weeks"]}}


class Step(_Part, json_schema_extra=_ONE_REPETITION):
    """What a trigger leads to: the case's state, who owns it, by when, and who is told.

    ``tasks`` are what is to be done, in words for the people who do it. ``clock`` is the
    time from the step's beginning until it is to be done, ``repeat`` how often its tasks
    come back until the case is closed, ``weeks`` the weeks of the year (ISO) in which they
    do. Not both.
    """

    id: Name
    title: Text | None = None
    trigger: Trigger
    after: After | None = None
    case_state: CaseState = "open"
    owner: RoleName
    clock: Clock | None = None
    repeat: Clock | None = None
    weeks: Weeks = []
    recipients: Annotated[list[RoleName], Field(min_length=1)]
    tasks: list[Text] = []
    source: Text

    @model_validator(mode="after")
    def _comes_back_in_one_way(self) -> Step:
        if self.repeat is not None and self.weeks:
            raise ValueError("give repeat or weeks, not both")
        return self


class Ladder(_Part):
    """The steps, mildest first."""

    steps: list[Step] = []

    @model_validator(mode="after")
    def _names_are_unique_and_lead_back(self) -> Ladder:
        seen: set[str] = set()
        for step in self.steps:
            if step.id in seen:
                raise ValueError(f"the step {step.id!r} stands twice")
            if step.after is not None and step.after.step not in seen:
                raise ValueError(
                    f"the step {step.id!r} follows on {step.after.step!r}, "
                    "which is no step that stands above it"
                )
            seen.add(step.id)
        return self

    def step(self, family: str, level: int) -> Step | None:
        """The step that a warning begins at once: of its family the highest level it has reached.

        Steps that follow on another step are not begun by a warning alone.
        """
        fitting = [
            step
            for step in self.steps
            if step.after is None and step.trigger.family == family and step.trigger.least <= level
        ]
        return max(fitting, key=lambda step: step.trigger.least, default=None)


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
        first, *others = (
            LadderError(".".join(["ladder", *(str(part) for part in one["loc"])]), one["msg"])
            for one in error.errors(include_url=False, include_input=False)
        )
        first.others = tuple(others)
        raise first from error
