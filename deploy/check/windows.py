"""Fault windows and recovery (issue 3, "Numbers to show"). Pure; seconds on one clock.

A window begins when the fault is injected and ends with every partition's
first checkpoint after its consequences (a replacement that joins, a broker that
is back); it never lasts longer than the measured recovery time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["worker_kill", "worker_term", "freeze", "resume", "broker_kill", "service"]

RECOVERY_OF: frozenset[Kind] = frozenset({"worker_kill", "worker_term", "freeze", "broker_kill"})
"""Kinds after which some partition has no worker, so that recovery has a meaning."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that was done to the system.

    ``injected`` is when. ``gone_until`` is the moment up to which nothing of it can have
    recovered: the same, but for a broker, which must listen again first. ``over`` is when
    nothing more follows from it: when what replaces it serves.
    """

    kind: Kind
    target: str
    injected: float
    gone_until: float
    over: float


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open ``[begin, end)``."""

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        return max(0.0, self.end - self.begin)

    def meets(self, begin: float, end: float) -> bool:
        """Whether the closed interval ``[begin, end]`` has a moment in it."""
        return begin < self.end and end >= self.begin


def every_first_checkpoint(
    after: float, checkpoints: Mapping[int, Sequence[float]], partitions: int
) -> float | None:
    """When each partition had its first checkpoint after ``after``; None if one never had.

    ``checkpoints`` holds, for each partition, the ascending moments of its checkpoints.
    """
    moments: list[float] = []
    for partition in range(partitions):
        later = [moment for moment in checkpoints.get(partition, ()) if moment > after]
        if not later:
            return None
        moments.append(later[0])
    return max(moments)


def recovery_seconds(
    faults: Iterable[Fault], checkpoints: Mapping[int, Sequence[float]], partitions: int
) -> float | None:
    """The longest time from taking a worker or the broker away to every partition's first
    checkpoint; None where one never came (an aim that then cannot be met)."""
    longest = 0.0
    for fault in faults:
        if fault.kind not in RECOVERY_OF:
            continue
        end = every_first_checkpoint(fault.gone_until, checkpoints, partitions)
        if end is None:
            return None
        longest = max(longest, end - fault.injected)
    return longest


def windows(
    faults: Iterable[Fault],
    checkpoints: Mapping[int, Sequence[float]],
    partitions: int,
    longest: float,
) -> list[Window]:
    """One window for each fault, none longer than ``longest`` seconds."""
    found: list[Window] = []
    for fault in faults:
        end = every_first_checkpoint(fault.over, checkpoints, partitions)
        limit = fault.injected + longest
        found.append(Window(fault.injected, limit if end is None else min(end, limit)))
    return found


def seconds_inside(begin: float, end: float, spans: Iterable[Window]) -> float:
    """How much of ``[begin, end]`` lies in at least one of ``spans``."""
    inside, reached = 0.0, begin
    for span in sorted(spans, key=lambda window: window.begin):
        start = max(span.begin, reached)
        stop = min(span.end, end)
        if stop > start:
            inside += stop - start
            reached = stop
    return inside
