"""The words of notify: what is owed, to whom, and what became of it.

Errors, all of them :class:`NotifyError`::

    NotifyError
    ├── UnreadableEventError   an event's bytes or ids are not what the contract says
    ├── RefusedAddressError    a webhook address that must not be called (SSRF)
    └── SendError              one attempt failed; says whether another may help
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.common import ids


class NotifyError(Exception):
    """Root of what notify raises."""


class UnreadableEventError(NotifyError):
    """The event cannot be read; it belongs among the dead letters. ``reason`` is a short code."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


class RefusedAddressError(NotifyError):
    """The address may not be called from here."""


class SendError(NotifyError):
    """One attempt failed.

    ``outcome`` is a short code for the log, ``detail`` the protocol's own
    number. ``final`` means that another attempt cannot help; ``gone`` that the
    receiver asked never to be called again (410); ``retry_after`` is what the
    receiver asked for.
    """

    def __init__(
        self,
        outcome: str,
        detail: str = "",
        *,
        final: bool = False,
        gone: bool = False,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(f"{outcome} {detail}".strip())
        self.outcome = outcome
        self.detail = detail
        self.final = final
        self.gone = gone
        self.retry_after = retry_after


class ObligationState(StrEnum):
    """Where a same-day obligation stands."""

    WAITING = "waiting"
    ARRANGED = "arranged"
    WITHDRAWN = "withdrawn"
    SUPPRESSED = "suppressed"
    CALL_HOME = "call_home"


class DeliveryState(StrEnum):
    """Where a delivery stands; all but PENDING and WITHDRAWN are published."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    CALL_HOME = "call_home"
    WITHDRAWN = "withdrawn"


class Kind(StrEnum):
    """Why somebody is told."""

    SAME_DAY = "same_day"
    CASE = "case"


class Channel(StrEnum):
    """How somebody is told."""

    MAIL = "mail"
    WEBHOOK = "webhook"


class RecipientKind(StrEnum):
    """Who is told."""

    GUARDIAN = "guardian"
    PUPIL = "pupil"
    STAFF = "staff"


class Reason(StrEnum):
    """Why a delivery did not become a sent message: the codes of the delivery log."""

    TOO_LATE = "too_late"
    PROTECTED_PUPIL = "protected_pupil"
    UNKNOWN_PUPIL = "unknown_pupil"
    NO_GUARDIAN = "no_guardian"
    NO_ADDRESS = "no_address"
    ADDRESS_REFUSED = "address_refused"
    NOT_DELIVERED = "not_delivered"
    ALREADY_TOLD_TODAY = "already_told_today"
    SPECIAL_REASONS = "special_reasons"
    WEBHOOK_DISABLED = "webhook_disabled"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class Obligation:
    """A same-day obligation as the database holds it."""

    organiser_id: UUID
    obligation_id: UUID
    pupil_id: UUID
    school_unit_id: UUID
    school_date: date
    state: ObligationState
    excused: bool
    raised_at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """One mail or webhook call that has been claimed for an attempt."""

    organiser_id: UUID
    message_id: UUID
    kind: Kind
    channel: Channel
    recipient_kind: RecipientKind
    recipient_id: UUID
    school_date: date
    case_id: UUID | None
    case_number: str | None
    event_type: str | None
    occurred_at: datetime
    attempts: int
    give_up_at: datetime


def obligation_id(organiser_id: UUID, pupil_id: UUID, day: date) -> UUID:
    """One pupil and school date always give the same obligation."""
    return ids.delivery_id("obligation", organiser_id, pupil_id, day.isoformat())


def same_day_message_id(organiser_id: UUID, recipient_id: UUID, day: date) -> UUID:
    """One recipient and school date always give the same mail: at most one a day."""
    return ids.delivery_id("same-day", organiser_id, recipient_id, day.isoformat())


def same_day_delivery_id(obligation: UUID, revision: int, recipient_id: UUID | None) -> UUID:
    """One obligation as last raised, and one recipient; without one, the call home."""
    return ids.delivery_id("same-day", obligation, revision, recipient_id or "call-home")


def case_message_id(case_id: UUID, staff_id: UUID, channel: Channel, cause: object) -> UUID:
    """One case, person and cause: the school date for mail, the event for webhooks."""
    return ids.delivery_id("case", case_id, staff_id, channel, cause)
