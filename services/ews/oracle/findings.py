"""What the oracle found, as data. Ids only: no name reaches it, so none is in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class OracleError(Exception):
    """The oracle could not do its work; the text says why and what to do."""


class Kind(StrEnum):
    """What is wrong."""

    MISSING = "missing"
    """The log demands it and it is not there."""
    EXTRA = "extra"
    """It is there and nothing in the log demands it."""
    DIFFERING = "differing"
    """It is there and says something else, or is older."""
    ILLEGAL = "illegal"
    """Its history could not have come about by the rules."""


class Store(StrEnum):
    """Where it was looked for."""

    PUBLISHED = "published"
    """ews.warnings.v1, read committed."""
    ABSENCE_DAYS = "absence_days"
    """ews.absence-days.v1, read committed."""
    SCHOOL_SIGNALS = "school_signals"
    """ews.school-signals.v1."""
    CASES = "cases"
    NOTIFY = "notify"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. ``subject`` is the id of a thread, obligation or delivery."""

    kind: Kind
    store: Store
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.store} {self.subject}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Scope:
    """How much was looked at."""

    facts: int = 0
    registers: int = 0
    marks: int = 0
    undigested: int = 0
    threads: int = 0
    revisions: int = 0
    episodes: int = 0
    absence_days: int = 0
    school_signals: int = 0
    organisers: int = 0
    obligations: int = 0
    deliveries: int = 0
    not_covered: int = 0
    """Threads of school years whose facts are no longer all in the log."""
    removed_register: str = ""
    """Where the register stood that was left out on purpose: partition and offset."""
    lag: int = 0
    """Facts that the stream had not taken into a checkpoint yet."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """The oracle's answer."""

    scope: Scope
    findings: list[Finding] = field(default_factory=list)

    @property
    def well(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def counts(self) -> dict[str, int]:
        """How many of each kind: missing, extra, differing, illegal."""
        found = Counter(finding.kind for finding in self.findings)
        return {kind.value: found[kind] for kind in Kind}

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            **self.counts(),
            "scope": asdict(self.scope),
            "findings": [
                {"kind": f.kind, "store": f.store, "subject": f.subject, "detail": f.detail}
                for f in self.findings
            ],
        }


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """By kind, store and subject, so that two runs can be compared."""
    rank = {kind: place for place, kind in enumerate(Kind)}
    return sorted(findings, key=lambda f: (rank[f.kind], f.store, f.subject, f.detail))
