"""What a school system says, and when: the simulator's output before any format."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int16]
NEVER = 1 << 62
NOT_KNOWN = -1
"""In ``late`` and ``early``: the source says nothing about it."""


class Reason(StrEnum):
    """Why a register was sent; counted by the feeder, unknown to ingest."""

    TIMETABLE = "timetable"
    REPORT = "report"
    LATE_REPORT = "late_report"
    """After the unit's school day has closed."""
    ARRIVAL = "arrival"
    """Marked absent at first, came in a few minutes later."""
    CORRECTION = "correction"
    EXCUSE = "excuse"
    CONFIRMATION = "confirmation"
    CANCELLATION = "cancellation"


CORRECTIONS = (Reason.ARRIVAL, Reason.CORRECTION, Reason.EXCUSE, Reason.CONFIRMATION)


@dataclass(frozen=True, slots=True)
class RegisterEvent:
    """A register or a patch of one: parallel arrays, one entry a pupil. Times are Unix ms."""

    id: str
    arrival: int
    modified: int
    lesson: int
    day: int
    state: str
    reason: Reason
    pupils: npt.NDArray[np.int32]
    valid: Ints
    invalid: Ints
    other: Ints
    late: Ints
    early: Ints
    confirmed: bool = False
    explicit: bool = False


@dataclass(frozen=True, slots=True)
class NoticeEvent:
    """A frånvaroanmälan or a granted leave. Times are Unix ms; ``end`` is exclusive."""

    id: str
    arrival: int
    modified: int
    pupil: int
    kind: str
    start: int
    end: int
    reported_by: str
    reporter: str | None
    """The account that reported, as a UUID; None for the staff's word."""
    deleted: bool


Event = RegisterEvent | NoticeEvent
