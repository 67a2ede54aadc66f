"""From HTTP accepted to warning readable: which statement caused which sighting. Pure.

Measured on ogiltig_idag, the one family that waits for nothing (design D8): a
lesson with invalid minutes belongs in the pupil's thread as soon as the day's
invalid minutes come to what the rule asks for; a few minutes late are no ground
until another lesson of the day adds to them. The time runs from the *earliest*
202 since which this has held without a break, to the first answer of the cases
API whose snapshot shows the lesson in an active episode. A repeat of the same
statement therefore never shortens it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from deploy.check.windows import Window


class Ground(NamedTuple):
    """One pupil's mark in one lesson occurrence."""

    pupil: bytes
    lesson: bytes
    epoch_day: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One ground of a warning that became readable."""

    accepted: float
    seen: float

    @property
    def seconds(self) -> float:
        """Never negative: the answer 202 may reach its sender after the warning is readable."""
        return max(0.0, self.seen - self.accepted)


@dataclass(slots=True)
class _History:
    """What was acknowledged about one mark: (202 at, invalid minutes), as it came."""

    newest_modified: int
    statements: list[tuple[float, int]] = field(default_factory=list)


class Matcher:
    """Pairs sightings with the statements that caused them.

    ``least`` is how many invalid minutes a pupil's day must have to be a warning.
    """

    def __init__(self, least: int = 1) -> None:
        self._least = least
        self._days: dict[tuple[bytes, int], dict[Ground, _History]] = {}
        self._shown: dict[bytes, frozenset[Ground]] = {}
        self._ever: set[Ground] = set()
        self._excused: set[tuple[bytes, int]] = set()
        self.samples: list[Sample] = []
        self.unattributed = 0
        """Grounds that became readable again, or whose cause was not acknowledged by then: the
        answer about the lesson that made the day a warning may still have been on its way."""

    def accepted(self, mark: Ground, at: float, *, modified: int, invalid: int) -> None:
        """A mark with ``invalid`` minutes was acknowledged at ``at``.

        ``modified`` is the source's: an older statement than one before changes nothing in the
        stream (design D2), and nothing here.
        """
        day = self._days.setdefault((mark.pupil, mark.epoch_day), {})
        history = day.get(mark)
        if history is None:
            if not invalid:
                return
            history = day[mark] = _History(modified)
        elif modified < history.newest_modified:
            return
        history.newest_modified = modified
        history.statements.append((at, invalid))

    def excused(self, pupil: bytes, epoch_days: Iterable[int]) -> None:
        """A notice about the pupil's days was sent: which of their marks count is from here on the
        core's to say, so that they are no samples."""
        self._excused.update((pupil, day) for day in epoch_days)

    def known(self, thread: bytes, grounds: Iterable[Ground]) -> None:
        """A snapshot that was readable before the measuring began."""
        self._shown[thread] = frozenset(grounds)
        self._ever.update(self._shown[thread])

    def seen(self, thread: bytes, grounds: Iterable[Ground], at: float) -> None:
        """A snapshot was readable at ``at`` with these grounds in its active episodes."""
        now = frozenset(grounds)
        before = self._shown.get(thread, frozenset())
        self._shown[thread] = now
        for ground in now - before:
            due = None
            if ground not in self._ever and (ground.pupil, ground.epoch_day) not in self._excused:
                due = self._due_since(ground, at)
            self._ever.add(ground)
            if due is None:
                self.unattributed += 1
            else:
                self.samples.append(Sample(due, at))

    def _due_since(self, ground: Ground, at: float) -> float | None:
        day = self._days.get((ground.pupil, ground.epoch_day), {})
        if ground not in day:
            return None
        return _since(ground, day, at, self._least)


def _since(ground: Ground, day: Mapping[Ground, _History], at: float, least: int) -> float | None:
    """Since when the ground had invalid minutes, and the day at least ``least`` of them."""
    said = sorted(
        (moment, lesson, invalid)
        for lesson, history in day.items()
        for moment, invalid in history.statements
    )
    minutes: dict[Ground, int] = {}
    due: float | None = None
    for moment, lesson, invalid in said:
        if moment > at and due is not None:
            break
        # One whose answer came back after the warning was readable may be the cause too.
        minutes[lesson] = invalid
        if not minutes.get(ground) or sum(minutes.values()) < least:
            due = None
        elif due is None:
            due = moment
    return due


def outside(samples: Iterable[Sample], spans: Sequence[Window]) -> list[Sample]:
    """The samples that no fault window touches, from acceptance to sighting."""
    return [
        sample
        for sample in samples
        if not any(span.meets(sample.accepted, max(sample.accepted, sample.seen)) for span in spans)
    ]


def percentile(values: Iterable[float], share: float) -> float | None:
    """The nearest-rank percentile: the smallest value that at least ``share`` of them do not
    exceed. None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
