"""Identifiers: made in one place, so that two processes never make them differently."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from uuid import UUID, uuid5

_ROOT = UUID("6f1c1f5e-0d0c-5c0e-9f0a-7a1d3f0e5b21")


def lesson_id(organiser_id: UUID, activity: str, day: date, start_minute: int) -> UUID:
    """The lesson occurrence's id: organiser, activity and local start (design D2)."""
    return uuid5(_ROOT, f"lesson|{organiser_id}|{activity}|{day.isoformat()}|{start_minute}")


def activity_id(organiser_id: UUID, activity: str) -> UUID:
    """An activity's id from the source's own key for it."""
    return uuid5(_ROOT, f"activity|{organiser_id}|{activity}")


def notice_id(organiser_id: UUID, source_id: UUID, notice: str) -> UUID:
    """A notice's id from the source's own."""
    return uuid5(_ROOT, f"notice|{organiser_id}|{source_id}|{notice}")


def reporter_id(organiser_id: UUID, source_id: UUID, account: UUID) -> UUID:
    """A reporting account's id from the source's own random surrogate for it.

    The same account has another id with another organiser, so that nobody can be
    followed from one to the other.
    """
    return uuid5(_ROOT, f"reporter|{organiser_id}|{source_id}|{account}")


def doubt_id(source_id: UUID, persons: Iterable[UUID]) -> UUID:
    """The id under which just these persons of a source wait for a decision."""
    return uuid5(_ROOT, f"doubt|{source_id}|" + ",".join(sorted(str(one) for one in persons)))


def delivery_id(*parts: object) -> UUID:
    """A delivery's id: the same cause, recipient and channel always give the same."""
    return uuid5(_ROOT, "delivery|" + "|".join(str(part) for part in parts))
