"""Obligations and deliveries against the warnings that oblige to them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.common.clock import epoch_day, local_instant
from services.ews.oracle.findings import Kind
from services.ews.oracle.notices import Book, Delivery, Message, Obligation, book_from, check

TODAY = date(2026, 11, 24)
NOW = local_instant(TODAY, 16 * 60)
PUPIL, THREAD = UUID(int=1), UUID(int=2)
SINCE = date(2026, 11, 1)


def event(
    *days: date, withdrawn: tuple[date, ...] = (), told: date = TODAY, revision: int = 1
) -> pb.WarningEvent:
    return pb.WarningEvent(
        pupil_id=PUPIL.bytes,
        thread_id=THREAD.bytes,
        revision=revision,
        family=pb.FAMILY_UNEXCUSED_TODAY,
        caused_by_unix_ms=int(local_instant(told, 600).timestamp() * 1000),
        episodes=[
            pb.Episode(
                raised_day=epoch_day(day),
                state=pb.EPISODE_STATE_WITHDRAWN if day in withdrawn else pb.EPISODE_STATE_ACTIVE,
            )
            for day in (*days, *withdrawn)
        ],
    )


def obligation(state: str = "arranged", **changes: Any) -> Obligation:
    values = {
        "obligation_id": "ob",
        "thread_id": str(THREAD),
        "pupil_id": str(PUPIL),
        "school_date": TODAY,
        "state": state,
        "excused": False,
        "due_at": NOW - timedelta(hours=1),
    }
    return Obligation(**(values | changes))


def delivery(state: str = "sent", **changes: Any) -> Delivery:
    values = {
        "delivery_id": "de",
        "kind": "same_day",
        "state": state,
        "obligation_id": "ob",
        "pupil_id": str(PUPIL),
        "school_date": TODAY,
        "recipient_id": "g",
        "message_id": "m",
    }
    return Delivery(**(values | changes))


def message(**changes: Any) -> Message:
    values = {
        "message_id": "m",
        "kind": "same_day",
        "channel": "mail",
        "recipient_id": "g",
        "school_date": TODAY,
        "state": "sent",
    }
    return Message(**(values | changes))


def kinds(*events: pb.WarningEvent, protected: bool = False, **book: Any) -> list[Kind]:
    values: dict[str, Any] = {"wake_from": SINCE, "late_days": 3}
    found = check(
        {THREAD.bytes: list(events)} if events else {},
        Book(**(values | book)),
        frozenset({PUPIL.bytes} if protected else ()),
        NOW,
    )
    return [one.kind for one in found]


WHOLE: dict[str, Any] = {
    "obligations": [obligation()],
    "deliveries": [delivery()],
    "messages": [message()],
}


def test_everything_in_order() -> None:
    assert kinds(event(TODAY), **WHOLE) == []
    assert kinds() == []


def test_an_absence_nobody_recorded() -> None:
    assert kinds(event(TODAY)) == [Kind.MISSING]


@pytest.mark.parametrize(
    ("day", "told", "wake_from", "missing"),
    [
        (TODAY, TODAY, SINCE, True),
        (TODAY - timedelta(days=2), TODAY, SINCE, True),
        # Notify judges by when it reads, so the very limit is left to it.
        (TODAY - timedelta(days=3), TODAY, SINCE, False),
        (TODAY - timedelta(days=9), TODAY - timedelta(days=9), SINCE, True),
        (TODAY - timedelta(days=1), TODAY - timedelta(days=1), TODAY, False),
        (TODAY, TODAY, None, False),
    ],
)
def test_history_and_late_reports_oblige_to_nothing(
    day: date, told: date, wake_from: date | None, missing: bool
) -> None:
    found = kinds(event(day, told=told), wake_from=wake_from)
    assert found == ([Kind.MISSING] if missing else [])


def test_days_before_a_pupils_cut_over_oblige_to_nothing() -> None:
    pupil = event(TODAY).pupil_id.hex()
    for since, found in ((TODAY, [Kind.MISSING]), (TODAY + timedelta(days=1), [])):
        assert kinds(event(TODAY), pupils_wake_from={pupil: since}) == found


def test_it_counts_when_the_absence_last_came_to_stand() -> None:
    day = TODAY - timedelta(days=9)
    told_then = event(day, told=day)
    taken_back = event(withdrawn=(day,), told=day, revision=2)
    again_today = event(day, told=TODAY, revision=3)
    assert kinds(told_then, taken_back, again_today) == []
    assert kinds(told_then, event(day, TODAY, told=TODAY, revision=2)) == [Kind.MISSING] * 2


def test_an_obligation_without_an_absence() -> None:
    gone = event(withdrawn=(TODAY,), revision=2)
    assert kinds(gone, **WHOLE) == [Kind.EXTRA]
    assert kinds(gone, **(WHOLE | {"obligations": [obligation(excused=True)]})) == []
    assert kinds(gone, obligations=[obligation("withdrawn")]) == []
    assert kinds(obligations=[obligation("withdrawn")]) == []
    assert kinds(**WHOLE) == [Kind.EXTRA]


def test_an_absence_that_stands_though_its_obligation_was_dropped() -> None:
    assert kinds(event(TODAY), obligations=[obligation("withdrawn")]) == [Kind.DIFFERING]
    excused = WHOLE | {"obligations": [obligation(excused=True)]}
    assert kinds(event(TODAY), **excused) == [Kind.DIFFERING]


def test_what_was_due_and_forgotten() -> None:
    waiting = obligation("waiting", due_at=NOW - timedelta(minutes=11))
    assert kinds(event(TODAY), obligations=[waiting]) == [Kind.MISSING]
    soon = obligation("waiting", due_at=NOW + timedelta(minutes=5))
    assert kinds(event(TODAY), obligations=[soon]) == []


@pytest.mark.parametrize("state", ["arranged", "suppressed", "call_home"])
def test_an_end_without_a_delivery(state: str) -> None:
    assert kinds(event(TODAY), obligations=[obligation(state)]) == [Kind.MISSING]


def test_two_mails_to_one_person_about_one_day() -> None:
    twice = {**WHOLE, "messages": [message(), message(message_id="other")]}
    assert kinds(event(TODAY), **twice) == [Kind.ILLEGAL]
    cases = [message(kind="case"), message(kind="case", message_id="other")]
    assert kinds(event(TODAY), **{**WHOLE, "messages": [message(), *cases[1:]]}) == []


def test_a_protected_pupil_in_something_sent() -> None:
    assert kinds(event(TODAY), protected=True, **WHOLE) == [Kind.ILLEGAL]
    called: dict[str, Any] = {
        "obligations": [obligation("call_home")],
        "deliveries": [delivery("call_home")],
    }
    assert kinds(event(TODAY), protected=True, **called) == []


def test_a_delivery_that_counts_as_sent_and_was_not() -> None:
    for messages in ([], [message(state="failed")]):
        assert kinds(event(TODAY), **{**WHOLE, "messages": messages}) == [Kind.ILLEGAL]


def test_pages_become_one_book() -> None:
    page = {
        "wake_from": "2026-11-01",
        "pupils_wake_from": {"00000000-0000-0000-0000-00000000000a": "2026-11-24"},
        "late_days": 3,
        "obligations": [obligation().model_dump(mode="json")],
        "deliveries": [],
        "messages": [],
    }
    book = book_from([page, {**page, "obligations": []}])
    assert book.wake_from == SINCE
    assert book.pupils_wake_from == {f"{10:032x}": date(2026, 11, 24)}
    assert len(book.obligations) == 1
    assert book.obligations[0].due_at.astimezone(UTC) == NOW - timedelta(hours=1)
    assert isinstance(book.obligations[0].due_at, datetime)
    assert book_from([]) == Book()
