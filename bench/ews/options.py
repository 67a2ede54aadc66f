"""How much is measured. The defaults are what `make bench-ews` measures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """One run."""

    pupils: int = 35_000
    days: int = 50
    seed: int = 1
    partitions: int = 32
    naive_marks: int = 150_000
    """What the naive app is given; Quix Streams gets three times as many, being quicker."""
    min_seconds: float = 60.0
    """A run that is over sooner measures nothing."""
    year_pupils: int = 100_000
    """Whose school year lies in the state that a killed worker comes back to."""
    live_seconds: float = 60.0
    """How long the busiest part of a school morning is watched."""
    replay_marks: int = 20_000_000
    only: tuple[str, ...] = ()
    """The parts to run; none is all of them, and only then docs/benchmarks.md is written."""

    @property
    def whole(self) -> bool:
        """Whether this is the run that counts, and no trial."""
        return self == Options()
