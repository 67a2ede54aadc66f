"""What reached people, and whether anybody was told twice. Pure.

A repeat under the same Message-ID or webhook-id is one notice: the standards
(RFC 5322 3.6.4, Standard Webhooks) make it recognisable. More ids than there
are causes are doubled notices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from forvarning.cases.v1 import cases_pb2 as cases

Cause = tuple[str, ...]

SAME_DAY = "same_day"
CASE_MAIL = "case_mail"
WEBHOOK = "webhook"
DUTIES = "duties"
READING = "reading"

_TYPES = {
    "case.opened": cases.CASE_EVENT_KIND_OPENED,
    "case.warning_joined": cases.CASE_EVENT_KIND_WARNING_JOINED,
    "case.warning_changed": cases.CASE_EVENT_KIND_WARNING_CHANGED,
    "case.assigned": cases.CASE_EVENT_KIND_ASSIGNED,
    "case.reopened": cases.CASE_EVENT_KIND_REOPENED,
}
_MAILED = set(_TYPES.values()) - {cases.CASE_EVENT_KIND_WARNING_CHANGED}


_OF_NO_PUPIL = {
    cases.CASE_EVENT_KIND_DUTY_DUE: DUTIES,
    cases.CASE_EVENT_KIND_READ_WITH_REASON: READING,
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One mail or call that was received, and what caused it.

    Causes: ``(SAME_DAY, address, date)``: at most one a day and guardian. ``(DUTIES, address,
    date)``: at most one a day and member of staff, and none without something that is due.
    ``(READING, address)``: at most one for each reading with a reason.
    ``(CASE_MAIL, address, case number)`` and ``(WEBHOOK, case number, type)``: at most one for
    each event of the case.
    """

    id: str
    cause: Cause


@dataclass(frozen=True, slots=True)
class Tally:
    """What a set of notices amounts to."""

    received: int
    """Everything that came, repeats included."""
    distinct: int
    doubled: int


def tally(notices: Iterable[Notice], events: Iterable[cases.CaseEvent]) -> Tally:
    """Count notices against what may have caused them: ``events`` is all of cases.events.v1.

    Two events with ids of their own that say the same of the same revision of a
    warning are a doubled notice at its root, and count as one.
    """
    known = {bytes(event.event_id): event for event in events}
    received = 0
    ids: dict[Cause, set[str]] = {}
    for notice in notices:
        received += 1
        ids.setdefault(notice.cause, set()).add(notice.id)
    allowed = _allowed(known.values())
    doubled = _doubled_events(known.values())
    for cause, found in ids.items():
        most = 1 if cause[0] == SAME_DAY else allowed[_as_counted(cause)]
        if cause[0] == DUTIES:
            most = min(1, allowed[_as_counted(cause)])
        doubled += max(0, len(found) - most)
    return Tally(received, len(set().union(*ids.values())) if ids else 0, doubled)


def _as_counted(cause: Cause) -> Cause:
    if cause[0] in {DUTIES, READING}:
        # A mail says whom it went to, an event does not.
        return (cause[0],)
    return (CASE_MAIL, cause[2]) if cause[0] == CASE_MAIL else cause


def _allowed(events: Iterable[cases.CaseEvent]) -> Mapping[Cause, int]:
    kinds = {kind: name for name, kind in _TYPES.items()}
    counts: Counter[Cause] = Counter()
    for event in events:
        if event.kind in kinds:
            counts[WEBHOOK, event.case_number, kinds[event.kind]] += 1
        if event.kind in _MAILED:
            counts[CASE_MAIL, event.case_number] += 1
        if event.kind in _OF_NO_PUPIL:
            counts[_OF_NO_PUPIL[event.kind],] += 1
    return counts


def _doubled_events(events: Iterable[cases.CaseEvent]) -> int:
    said: Counter[tuple[bytes, int, bytes, int]] = Counter()
    for event in events:
        if event.thread_id:
            key = (event.case_id, event.kind, event.thread_id, event.thread_revision)
            said[key] += 1
    return sum(count - 1 for count in said.values())
