"""What reached people, and whether anybody was told twice. Pure.

A repeat under the same Message-ID or webhook-id is one notice: the standards
(RFC 5322 3.6.4, Standard Webhooks) make it recognisable. Two ids for the same
cause are a doubled notice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """One mail or call that was received.

    ``cause`` says what it is about as its receiver sees it: who was told what
    of which day or event. ``about_history``: its cause lies before the start.
    """

    id: str
    cause: tuple[str, ...]
    about_history: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """What a set of notices amounts to."""

    received: int
    """Everything that came, repeats included."""
    distinct: int
    doubled: int
    """How many more ids there are than causes."""
    about_history: int


def tally(notices: Iterable[Notice]) -> Tally:
    """Count. An id that comes with two causes counts as doubled too: it says two things."""
    received = 0
    causes: dict[tuple[str, ...], set[str]] = {}
    ids: dict[str, set[tuple[str, ...]]] = {}
    old: set[str] = set()
    for notice in notices:
        received += 1
        causes.setdefault(notice.cause, set()).add(notice.id)
        ids.setdefault(notice.id, set()).add(notice.cause)
        if notice.about_history:
            old.add(notice.id)
    doubled = sum(len(found) - 1 for found in causes.values())
    doubled += sum(len(found) - 1 for found in ids.values())
    return Tally(received, len(ids), doubled, len(old))
