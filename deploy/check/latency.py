"""From HTTP accepted to warning readable: which statement caused which sighting. Pure.

Measured on ogiltig_idag, the one family that waits for nothing (design D8): a
lesson with unexplained or confirmed invalid minutes belongs in the pupil's
thread as soon as it is accepted. The time runs from the *earliest* 202 of the
unbroken run of statements that made it so, to the first answer of the cases
API whose snapshot shows the lesson in an active episode. A repeat of the same
statement therefore never shortens it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from deploy.check.windows import Window

Pair = tuple[bytes, bytes]
"""(pupil id, lesson id)."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One warning ground that became readable."""

    accepted: float
    seen: float

    @property
    def seconds(self) -> float:
        """Never negative: the answer 202 may reach its sender after the warning is readable."""
        return max(0.0, self.seen - self.accepted)


@dataclass(slots=True)
class _History:
    """What was acknowledged about one pair: (202 at, whether it is a ground), as it came."""

    statements: list[tuple[float, bool]] = field(default_factory=list)


class Matcher:
    """Pairs sightings with the statements that caused them."""

    def __init__(self) -> None:
        self._histories: dict[Pair, _History] = {}
        self._shown: dict[bytes, frozenset[Pair]] = {}
        self._ever: set[Pair] = set()
        self._excused: set[bytes] = set()
        self.samples: list[Sample] = []
        self.unattributed = 0
        """Grounds that became readable again, or whose cause the ledger does not tell."""

    def accepted(self, pair: Pair, at: float, *, ground: bool) -> None:
        """A mark was acknowledged; ``ground`` tells whether it has invalid minutes."""
        self._histories.setdefault(pair, _History()).statements.append((at, ground))

    def excused(self, pupil: bytes) -> None:
        """A notice about the pupil was sent: which of their marks count is now the core's to say,
        so that from here on their grounds are no samples."""
        self._excused.add(pupil)

    def seen(self, thread: bytes, grounds: Iterable[Pair], at: float) -> None:
        """A snapshot was readable at ``at`` with these pairs in its active episodes."""
        now = frozenset(grounds)
        before = self._shown.get(thread, frozenset())
        self._shown[thread] = now
        for pair in now - before:
            if pair in self._ever or pair[0] in self._excused:
                self.unattributed += 1
                continue
            self._ever.add(pair)
            due = self._due_since(pair, at)
            if due is None:
                self.unattributed += 1
            else:
                self.samples.append(Sample(due, at))

    def _due_since(self, pair: Pair, at: float) -> float | None:
        history = self._histories.get(pair)
        if history is None:
            return None
        due: float | None = None
        for moment, ground in sorted(history.statements):
            if not ground:
                due = None
            elif due is None:
                due = moment
            if moment > at and due is not None:
                # The answer came back after the warning was readable.
                break
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
