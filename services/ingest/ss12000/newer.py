"""Which of two words about one entity counts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from services.ingest.model.answers import ItemAnswer
from services.ingest.ss12000.staged import Attendance, Event
from services.ingest.versions import SKEW


def modified_at(stated: datetime | None, arrival: datetime, answer: ItemAnswer) -> datetime:
    """When it was changed: without a word of the source, now; never far ahead of our clock."""
    if stated is None:
        return arrival
    if stated > arrival + SKEW:
        answer.note(
            "source_clock_ahead",
            "/meta/modified",
            "/meta/modified: is more than 5 minutes ahead of ours and counts as 5 minutes from "
            "now; check the source's clock",
        )
        return arrival + SKEW
    return stated


def newest(
    read: dict[UUID, tuple[ItemAnswer, Any]],
    identity: UUID,
    answer: ItemAnswer,
    value: Any,
    modified: datetime,
) -> None:
    """Of two about one id in one batch the newer counts, and of two as new the later."""
    other = read.get(identity)
    if other is not None and other[1].modified > modified:
        _superseded(answer)
        return
    if other is not None:
        _superseded(other[0])
    read[identity] = (answer, value)


def _superseded(answer: ItemAnswer) -> None:
    answer.status = "duplicate"
    answer.note("superseded", "/meta/modified", "/meta/modified: is older than what is known")


def beats(new: Any, old: Any, answer: ItemAnswer, again: dict[UUID, datetime]) -> bool:
    """Whether ``new`` is to be taken; else the answer is ``duplicate``.

    What says the same as before, but later, is in ``again``: nothing that is
    older than that may come in between any more.
    """
    if old.deleted and new.modified <= old.modified:
        _superseded(answer)
        return False
    if not old.deleted and new.modified < old.modified:
        _superseded(answer)
        return False
    if not old.deleted and _same(new, old):
        answer.status = "duplicate"
        if new.modified > old.modified:
            again[new.id] = new.modified
        return False
    return True


def _same(new: Any, old: Any) -> bool:
    if isinstance(new, Attendance):
        return new.same(old)
    if isinstance(new, Event):
        return (
            new.activity, new.starts, new.ends, new.cancelled, new.teaching, new.exceptions,
        ) == (
            old.activity, old.starts, old.ends, old.cancelled, old.teaching, old.exceptions,
        )  # fmt: skip
    return bool(new.body == old.body)


def after(before: Event | Attendance, at: datetime) -> bool:
    return before.modified is not None and before.modified > at
