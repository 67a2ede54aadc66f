"""What is configured about a pulled source, and how far it has been read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Self
from uuid import UUID

from services.ingest.ss12000.vocabulary import Resource

Kind = Literal["full", "delta"]
DELETED = "deletedEntities"
"""The cursor of /deletedEntities stands beside those of the resources."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What the source's answers have taught."""

    paths: Mapping[str, str] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    """Not offered, or not for us; asked for again by each full sync."""
    no_delta: frozenset[str] = frozenset()
    """Refuses ``meta.modified.after``, so it is read whole each time."""
    limit_alone: bool = False
    """Refuses ``limit`` beside ``pageToken``."""

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        return cls(
            paths=dict(stored.get("paths", {})),
            missing=frozenset(stored.get("missing", ())),
            no_delta=frozenset(stored.get("no_delta", ())),
            limit_alone=bool(stored.get("limit_alone", False)),
        )

    def stored(self) -> dict[str, Any]:
        return {
            "paths": dict(self.paths),
            "missing": sorted(self.missing),
            "no_delta": sorted(self.no_delta),
            "limit_alone": self.limit_alone,
        }

    def found(self, name: str, path: str) -> Learned:
        return replace(self, paths={**self.paths, name: path}, missing=self.missing - {name})

    def lacking(self, name: str) -> Learned:
        return replace(self, missing=self.missing | {name})


@dataclass(frozen=True, slots=True)
class Pull:
    """One row of ``ingest.pulls``."""

    organiser_id: UUID
    source_id: UUID
    base_url: str
    auth: Literal["none", "bearer", "client_credentials"]
    secret: str | None
    token_url: str | None
    client_id: str | None
    scope: str | None
    resources: tuple[Resource, ...]
    paths: Mapping[str, str]
    page_size: int
    interval_seconds: int
    overlap_seconds: int
    full_every_hours: int
    subscribe: bool
    feedback: bool
    paused: bool
    learned: Learned
    wanted: Kind | None
    accept_losses: bool
    since: datetime
    next_at: datetime
    full_since: datetime | None
    snapshot_at: datetime | None
    full_done_at: datetime | None
    last_success_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: done, held (a human must accept what it would do), or failed."""

    outcome: Literal["done", "held", "failed"]
    code: str | None = None
    detail: str | None = None
    again_at: datetime | None = None
    """The source asked to be left alone until then."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """One row of ``ingest.pull_cursors``: see the migration."""

    resource: str
    high: datetime | None = None
    ended: datetime | None = None
    whole_at: datetime | None = None
    reading: Kind | None = None
    pass_started: datetime | None = None
    pass_after: datetime | None = None
    span_first: datetime | None = None
    page_token: str | None = None
    newest: datetime | None = None
    pages: int = 0
    deleted: frozenset[str] = frozenset()

    def begun(self, kind: Kind, after: datetime | None) -> Cursor:
        """A new pass, at its first page."""
        return replace(
            self,
            reading=kind,
            pass_started=None,
            pass_after=after,
            span_first=None,
            page_token=None,
            newest=None,
            pages=0,
        )

    def finished(self, ended: datetime, whole_at: datetime | None, overlap: timedelta) -> Cursor:
        """The pass is complete; ``high`` is where the next delta's ``after`` begins.

        That is ``overlap`` before this pass began, for what changed on a page already read must
        come again; and no later than the newest ``meta.modified`` that was seen, so that a source
        whose stamps run behind its clock loses nothing. It never goes back.
        """
        high = self.high
        if self.pass_started is not None:
            begun = self.pass_started - overlap
            if self.newest is not None:
                begun = min(begun, self.newest)
            if self.reading == "full" or self.high is None:
                high = begun
            elif self.newest is not None or self.resource == DELETED:
                high = max(begun, self.high)
        return replace(
            self,
            high=high,
            ended=ended,
            whole_at=whole_at if self.reading == "full" else self.whole_at,
            reading=None,
            pass_started=None,
            pass_after=None,
            span_first=None,
            page_token=None,
            newest=None,
        )
