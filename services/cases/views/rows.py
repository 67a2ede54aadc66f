"""Database rows to shapes. What the viewer may not know never leaves this module."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from services.cases.documents.received import told
from services.cases.domain import text
from services.cases.views.models import CallLine, CaseLine, PupilShown, UnexcusedLine

if TYPE_CHECKING:
    from asyncpg import Record


def pupil(row: Record) -> PupilShown:
    """Who it is, as far as the viewer may know."""
    return PupilShown(
        name=row["pupil_name"],
        class_name=row["class_name"],
        school_unit=row["unit_name"],
        protected=row["protected"],
        known=row["known"],
    )


def _outside(fields: str) -> PupilShown:
    """Who it is by the beställning of another organiser; of a protected pupil it has no name."""
    document = json.loads(fields)
    said = told(document)
    return PupilShown(
        name=said.get("pupil_name") or f"Elev hos {document['sender']}",
        class_name=None,
        school_unit=said.get("school_unit") or document["sender"],
        protected="pupil_name" not in said,
        known=True,
    )


def elsewhere() -> PupilShown:
    """A pupil of another organiser, where only the case's number is needed."""
    return PupilShown(
        name="Elev hos en annan huvudman",
        class_name=None,
        school_unit=None,
        protected=False,
        known=True,
    )


def case_line(row: Record, viewer: UUID, now: datetime) -> CaseLine:
    """A case in a list."""
    # The huvudman's desk learns who and since when, not what the absence is like.
    known = row["known"]
    told = known and not row["desk_only"]
    due = row["due_at"]
    return CaseLine(
        case_id=row["case_id"],
        number=row["number"],
        pupil=_outside(row["outside_fields"]) if row["outside_fields"] else pupil(row),
        state=row["state"],
        attention=row["attention"],
        level=0 if row["desk_only"] else row["level"],
        family=row["family"] if told else None,
        headline=row["headline"] if told else "",
        school_date=row["school_date"],
        woke=row["woke"],
        opened_at=row["opened_at"],
        due_at=due,
        overdue=due is not None and due < now,
        assigned_to=row["assigned_name"],
        assigned_as=row["assigned_as"],
        mine=row["assigned_staff_id"] == viewer,
        outside=row["outside"],
        version=row["version"],
    )


def call_line(row: Record, viewer: UUID) -> CallLine:
    """A duty to ring home in a list."""
    return CallLine(
        duty_id=row["duty_id"],
        pupil=pupil(row),
        case_number=row["case_number"],
        school_date=row["school_date"],
        due_at=row["due_at"],
        reason=text.call_reason(row["reason"]),
        withdrawn=row["withdrawn_at"] is not None,
        attempts=row["attempts"],
        attempted_at=row["attempted_at"],
        assigned_to=row["assigned_name"],
        mine=row["assigned_staff_id"] == viewer,
        version=row["version"],
    )


def unexcused_line(row: Record) -> UnexcusedLine:
    """A pupil with unexplained absence on a day."""
    known = row["known"]
    return UnexcusedLine(
        pupil=pupil(row),
        case_number=row["case_number"],
        school_date=row["raised_day"],
        minutes=row["minutes"] if known else 0,
        lessons=row["lessons"] if known else 0,
        withdrawn=row["state"] == "withdrawn",
        sentence=row["sentence"] if known else "",
        notice=row["notice"],
        notice_at=row["notice_at"],
        notice_reason=_notice_reason(row["notice"], row["notice_reason"]),
    )


def _notice_reason(state: str | None, code: str | None) -> str | None:
    if state == "suppressed":
        return text.suppressed_reason(code)
    return text.call_reason(code) if state == "call_home" else None
