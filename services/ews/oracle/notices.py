"""Same-day obligations and deliveries against the warnings that oblige to them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from pydantic import BaseModel

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.common.clock import STOCKHOLM, from_epoch_day
from services.ews.oracle.findings import Finding, Kind, Store
from services.ews.oracle.snapshots import History, standing

#: What is due may take this long before it counts as forgotten.
_SLACK = timedelta(minutes=10)
_ENDS = {"arranged", "suppressed", "call_home"}


class Obligation(BaseModel):
    """As GET /internal/v1/deliveries gives it."""

    obligation_id: str
    thread_id: str
    pupil_id: str
    school_date: date
    state: str
    excused: bool
    due_at: datetime


class Delivery(BaseModel):
    """As GET /internal/v1/deliveries gives it."""

    delivery_id: str
    kind: str
    state: str
    obligation_id: str | None
    pupil_id: str
    school_date: date
    recipient_id: str | None
    message_id: str | None


class Message(BaseModel):
    """As GET /internal/v1/deliveries gives it."""

    message_id: str
    kind: str
    channel: str
    recipient_id: str
    school_date: date
    state: str


@dataclass(frozen=True, slots=True)
class Book:
    """What notify holds of one organiser."""

    wake_from: date | None = None
    pupils_wake_from: Mapping[str, date] = field(default_factory=dict)
    """Pupil's id in hexadecimal -> the day from which on what a source tells of them wakes."""
    late_days: int = 0
    obligations: list[Obligation] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)


def check(
    threads: Mapping[bytes, History], book: Book, protected: frozenset[bytes], now: datetime
) -> Iterator[Finding]:
    """Every notice that is missing, needless, doubled or forbidden.

    ``threads`` are the organiser's published histories of `ogiltig_idag`,
    ``protected`` the pupils who have been protected for as long as the log
    knows them, ``now`` the injected clock's.
    """
    yield from _obligations(threads, book, now)
    yield from _deliveries(book, protected)


def _obligations(threads: Mapping[bytes, History], book: Book, now: datetime) -> Iterator[Finding]:
    recorded: dict[tuple[str, date], Obligation] = {
        (one.pupil_id.replace("-", ""), one.school_date): one for one in book.obligations
    }
    demanded: set[tuple[str, date]] = set()
    for events in threads.values():
        newest = events[-1]
        pupil = newest.pupil_id.hex()
        for day in sorted({from_epoch_day(one.raised_day) for one in standing(newest)}):
            demanded.add((pupil, day))
            held = recorded.get((pupil, day))
            subject = f"{pupil} {day}"
            if held is None:
                if _must_be_known(events, day, book):
                    yield _finding(Kind.MISSING, subject, "no obligation was recorded")
            elif (held.excused or held.state == "withdrawn") and _must_be_known(events, day, book):
                detail = f"stands as {held.state}, excused {held.excused}; the absence stands"
                yield _finding(Kind.DIFFERING, subject, detail)
    with_delivery = {one.obligation_id for one in book.deliveries if one.state != "withdrawn"}
    for key, held in recorded.items():
        subject = f"{key[0]} {key[1]}"
        if key not in demanded and not held.excused and held.state != "withdrawn":
            yield _finding(Kind.EXTRA, subject, f"{held.state} for an absence that does not stand")
        if held.state == "waiting" and held.due_at + _SLACK < now:
            yield _finding(Kind.MISSING, subject, f"was due at {held.due_at.isoformat()}")
        if held.state in _ENDS and held.obligation_id not in with_delivery:
            yield _finding(Kind.MISSING, subject, f"{held.state} without a delivery")


def _must_be_known(events: History, day: date, book: Book) -> bool:
    """Whether notify had to act on the absence: told in time, after the organiser's history.

    By the event that last made the absence stand. One day of tolerance, since
    notify judges by when it reads the event.
    """
    own = book.pupils_wake_from.get(events[-1].pupil_id.hex(), day)
    if book.wake_from is None or day < max(book.wake_from, own):
        return False
    since: pb.WarningEvent | None = None
    for event in events:
        stands = any(from_epoch_day(one.raised_day) == day for one in standing(event))
        since = (since or event) if stands else None
    if since is None or not since.caused_by_unix_ms:
        return False
    told = datetime.fromtimestamp(since.caused_by_unix_ms / 1000, tz=STOCKHOLM).date()
    return told <= day or (told - day).days < book.late_days


def _deliveries(book: Book, protected: frozenset[bytes]) -> Iterator[Finding]:
    messages = {one.message_id: one for one in book.messages}
    sent: dict[tuple[str, date], set[str]] = defaultdict(set)
    for one in book.messages:
        if one.kind == "same_day" and one.state == "sent":
            sent[one.recipient_id, one.school_date].add(one.message_id)
    for (recipient, day), ids in sent.items():
        if len(ids) > 1:
            detail = f"{len(ids)} messages about {day} to one person"
            yield _finding(Kind.ILLEGAL, recipient, detail)
    for delivery in book.deliveries:
        if delivery.state != "sent":
            continue
        if bytes.fromhex(delivery.pupil_id.replace("-", "")) in protected:
            detail = "was sent about a protected pupil"
            yield _finding(Kind.ILLEGAL, delivery.delivery_id, detail)
        message = messages.get(delivery.message_id or "")
        if message is None or message.state != "sent":
            detail = "counts as sent, its message does not"
            yield _finding(Kind.ILLEGAL, delivery.delivery_id, detail)


def book_from(pages: Sequence[Mapping[str, Any]]) -> Book:
    """One book from all pages of the endpoint's answer."""
    if not pages:
        return Book()
    first = pages[0]
    return Book(
        wake_from=date.fromisoformat(first["wake_from"]) if first["wake_from"] else None,
        pupils_wake_from={
            pupil.replace("-", ""): date.fromisoformat(day)
            for pupil, day in first["pupils_wake_from"].items()
        },
        late_days=first["late_days"],
        obligations=[Obligation(**one) for page in pages for one in page["obligations"]],
        deliveries=[Delivery(**one) for page in pages for one in page["deliveries"]],
        messages=[Message(**one) for page in pages for one in page["messages"]],
    )


def _finding(kind: Kind, subject: str, detail: str) -> Finding:
    return Finding(kind, Store.NOTIFY, subject, detail)
