"""Which register to leave out, so that a run on the copy has to find a difference. Pure.

A register of nobody's absence, or one that a later one restates, may be left
out without any warning changing. One whose marks are the only reported word
about a lesson that a standing warning rests on may not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from forvarning.facts.v1 import facts_pb2
from forvarning.warnings.v1 import warnings_pb2
from services.ews.oracle.findings import OracleError
from services.ews.oracle.snapshots import standing

_ID = 16


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a fact stands in the input log."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"partition {self.partition}, offset {self.offset}"


@dataclass(slots=True)
class Grounds:
    """Who reported the lessons that standing warnings rest on: fed with the log a second time."""

    wanted: set[tuple[bytes, bytes]]
    """Pupil and lesson."""
    said: dict[tuple[bytes, bytes], list[Place]] = field(default_factory=dict)

    @classmethod
    def of(cls, threads: Mapping[bytes, warnings_pb2.WarningEvent]) -> Grounds:
        """The grounds of every standing episode."""
        return cls(
            {
                (event.pupil_id, lesson.lesson_id)
                for event in threads.values()
                for episode in standing(event)
                for lesson in episode.lessons
            }
        )

    def take(self, place: Place, register: facts_pb2.Register) -> None:
        """Note the register where it reports a mark of a wanted pair."""
        packed, flags = register.pupil_ids, register.flags
        for number in range(len(packed) // _ID):
            pair = (packed[number * _ID : (number + 1) * _ID], register.lesson_id)
            if pair in self.wanted and flags[number] & facts_pb2.MARK_FLAG_REPORTED:
                self.said.setdefault(pair, []).append(place)

    def decisive(self) -> list[Place]:
        """Registers that alone speak about a ground, in the order of the log."""
        return sorted({places[0] for places in self.said.values() if len(places) == 1})


def choose(candidates: Iterable[Place], number: int) -> Place:
    """The candidate with this number, counting round; OracleError where there is none."""
    found = list(candidates)
    if not found:
        raise OracleError(
            "No register can be left out: no standing warning rests on a lesson that exactly one "
            "register reports. Run it on a log with warnings."
        )
    return found[number % len(found)]
