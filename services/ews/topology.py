"""Which topics this worker reads and writes; tests give theirs names of their own."""

from __future__ import annotations

from dataclasses import dataclass, fields

from services.common import topics

CHECKPOINT_KEY = b"checkpoint"
"""The key of a partition's checkpoint row on the changelog."""


@dataclass(frozen=True, slots=True)
class Topology:
    """Topic names. Partition n of each transactional topic belongs to partition n of ``facts``."""

    facts: str = topics.FACTS.name
    profiles: str = topics.PROFILES.name
    state: str = topics.STATE.name
    warnings: str = topics.WARNINGS.name
    absence_days: str = topics.ABSENCE_DAYS.name
    group_days: str = topics.GROUP_DAYS.name
    waves: str = topics.WAVES.name
    school_signals: str = topics.SCHOOL_SIGNALS.name
    dead_letters: str = topics.DEAD_LETTERS.name

    def prefixed(self, prefix: str) -> Topology:
        """The same topics under ``prefix``, so that two tests can share a broker."""
        return Topology(**{f.name: prefix + getattr(self, f.name) for f in fields(self)})


def transactional_id(group: str, partition: int) -> str:
    """One id per partition: whoever starts a producer with it fences the owner before (D3)."""
    return f"{group}-{partition}"
