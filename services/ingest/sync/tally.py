"""Counts of a run, and its problems, without anything that names a person."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal

from services.ingest import metrics
from services.ingest.model.answers import ItemAnswer
from services.ingest.ss12000.reading import instant_of
from services.ingest.ss12000.results import Settled
from services.ingest.ss12000.vocabulary import Resource
from services.ingest.ss12000.wire import Entity, PlainAttendance, id_of
from services.ingest.sync.store import Problem

_ENTITIES = (dict, PlainAttendance)


class Tally:
    """What one run has done. ``counts``: resource -> outcome -> entities."""

    def __init__(self) -> None:
        self.counts: dict[str, dict[str, int]] = {}
        self.pages = 0
        self._problems: dict[tuple[str, str, str], Problem] = {}

    def answers(
        self,
        resource: Resource,
        entities: Sequence[Entity],
        answers: Sequence[ItemAnswer],
        after: datetime | None,
    ) -> None:
        """Count what became of a page."""
        outcomes: Counter[str] = Counter(one.status for one in answers)
        accepted = outcomes.pop("accepted", 0)
        outcomes["new"] = accepted
        if after is not None:
            outcomes["updated"] = sum(
                answer.status == "accepted" and not _is_new(entity, after)
                for entity, answer in zip(entities, answers, strict=True)
            )
            outcomes["new"] -= outcomes["updated"]
        for entity, answer in zip(entities, answers, strict=True):
            if not (answer.problems or answer.notes):
                continue
            sample = str(id_of(entity) or "")
            for note in answer.problems:
                self.problem(resource, note.code, note.field, "Error", sample)
            for note in answer.notes:
                self.problem(resource, note.code, note.field, "Info", sample)
        for outcome, number in (+outcomes).items():
            self.add(resource, outcome, number)

    def settled(self, settled: Settled) -> None:
        for resource, id_, note in settled.problems:
            self.problem(resource, note.code, note.field, "Warning", str(id_ or ""))
        for resource, waiting in settled.waiting.items():
            self.counts.setdefault(resource.value, {})["waiting"] = waiting

    def add(self, resource: Resource, outcome: str, number: int = 1) -> None:
        own = self.counts.setdefault(resource.value, {})
        own[outcome] = own.get(outcome, 0) + number
        metrics.PULLED.labels(resource.value, outcome).inc(number)

    def problem(
        self, resource: Resource, code: str, field: str, severity: str, sample: str = ""
    ) -> None:
        key = (resource.value, code, _shape(field))
        old = self._problems.get(key)
        count = old.entities + 1 if old else 1
        first = old.sample if old else sample
        self._problems[key] = Problem(resource.value, code, key[2], severity, first, count)
        metrics.PULL_PROBLEMS.labels(resource.value, code).inc()

    def take_problems(self) -> list[Problem]:
        """Those that have come since the last call."""
        found, self._problems = list(self._problems.values()), {}
        return found


@contextmanager
def timed(step: str) -> Iterator[None]:
    """Count the seconds of the block under ``step``."""
    began = time.monotonic()
    try:
        yield
    finally:
        metrics.PULL_SECONDS.labels(step).inc(time.monotonic() - began)


def newest_of(entities: Sequence[Any]) -> datetime | None:
    """The newest ``meta.modified`` of a page; what cannot be read as one does not count."""
    stamps = {_stamp(one, "modified") for one in entities if type(one) in _ENTITIES}
    return max((at for text in stamps if (at := instant_of(text)) is not None), default=None)


def _is_new(entity: Entity, after: datetime) -> bool:
    created = instant_of(_stamp(entity, "created"))
    return created is not None and created > after


def _stamp(entity: Entity, name: Literal["created", "modified"]) -> str | None:
    """What stands there, where it is a text."""
    if type(entity) is PlainAttendance:
        about = entity.meta
        return None if about is None else getattr(about, name)
    meta = entity.get("meta")  # type: ignore[union-attr]
    text = meta.get(name) if isinstance(meta, dict) else None
    return text if isinstance(text, str) else None


def _shape(field: str) -> str:
    """A pointer without its numbers: ``/enrolments/3/startDate`` is one kind of trouble."""
    return "/".join("*" if part.isdecimal() else part for part in field.split("/"))
