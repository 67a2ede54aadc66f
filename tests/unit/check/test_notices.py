"""Counting what reached people."""

from __future__ import annotations

from deploy.check.notices import (
    CASE_MAIL,
    DUTIES,
    READING,
    SAME_DAY,
    WEBHOOK,
    Notice,
    Tally,
    tally,
)
from forvarning.cases.v1 import cases_pb2 as cases

HOME = (SAME_DAY, "g1@example.org", "2026-11-24")
MAIL = (CASE_MAIL, "karin@example.com", "F-2026-00001")
CALL = (WEBHOOK, "F-2026-00001", "case.opened")


def _event(number: int, kind: cases.CaseEventKind, *, thread: int = 0) -> cases.CaseEvent:
    return cases.CaseEvent(
        event_id=number.to_bytes(16, "big"),
        case_id=b"c" * 16,
        case_number="F-2026-00001",
        kind=kind,
        thread_id=thread.to_bytes(16, "big") if thread else b"",
        thread_revision=1,
    )


OPENED = _event(1, cases.CASE_EVENT_KIND_OPENED)


def test_a_repeat_under_the_same_id_counts_once() -> None:
    assert tally([Notice("m1", HOME), Notice("m1", HOME)], []) == Tally(2, 1, 0)


def test_two_ids_for_one_guardian_and_day_are_doubled() -> None:
    found = tally([Notice("m1", HOME), Notice("m2", HOME), Notice("m3", HOME)], [])
    assert found.doubled == 2
    other_day = (SAME_DAY, "g1@example.org", "2026-11-25")
    assert tally([Notice("m1", HOME), Notice("m2", other_day)], []).doubled == 0


def test_a_case_may_be_told_of_once_for_each_of_its_events() -> None:
    joined = _event(2, cases.CASE_EVENT_KIND_WARNING_JOINED)
    notices = [Notice("m1", MAIL), Notice("m2", MAIL), Notice("w1", CALL)]
    assert tally(notices, [OPENED, joined]) == Tally(3, 3, 0)
    assert tally(notices, [OPENED]).doubled == 1
    assert tally(notices, []).doubled == 3


def test_a_redelivered_event_is_no_second_cause() -> None:
    assert tally([Notice("w1", CALL), Notice("w2", CALL)], [OPENED, OPENED]).doubled == 1


def test_a_webhook_has_its_own_kind_of_event_as_its_cause() -> None:
    changed = _event(2, cases.CASE_EVENT_KIND_WARNING_CHANGED)
    assert tally([Notice("w1", CALL)], [changed]).doubled == 1
    mail = [Notice("m1", MAIL)]
    assert tally(mail, [changed]).doubled == 1, "a mere change mails nobody"


def test_the_same_revision_said_twice_under_two_events_is_doubled_at_its_root() -> None:
    first = _event(1, cases.CASE_EVENT_KIND_WARNING_CHANGED, thread=7)
    again = _event(2, cases.CASE_EVENT_KIND_WARNING_CHANGED, thread=7)
    assert tally([], [first, again]).doubled == 1
    assert tally([], [first, first]).doubled == 0


def test_nothing() -> None:
    assert tally([], []) == Tally(0, 0, 0)


def test_what_is_due_is_told_once_a_day_and_person_and_not_without_a_cause() -> None:
    mail = (DUTIES, "karin@example.com", "2026-11-24")
    due = _event(1, cases.CASE_EVENT_KIND_DUTY_DUE)
    also = _event(2, cases.CASE_EVENT_KIND_DUTY_DUE)
    assert tally([Notice("m1", mail)], [due, also]).doubled == 0
    assert tally([Notice("m1", mail), Notice("m2", mail)], [due, also]).doubled == 1
    assert tally([Notice("m1", mail)], [OPENED]).doubled == 1


def test_a_reading_with_a_reason_is_told_once() -> None:
    mail = (READING, "rolf@example.com")
    read = _event(1, cases.CASE_EVENT_KIND_READ_WITH_REASON)
    assert tally([Notice("m1", mail)], [read]).doubled == 0
    assert tally([Notice("m1", mail), Notice("m2", mail)], [read]).doubled == 1
