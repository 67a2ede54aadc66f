"""A case's history in plain Swedish: what happened, and what it was before."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.cases.domain import text
from services.cases.domain.decisions import CALL_OUTCOMES
from services.cases.domain.entries.closing import CLOSE_REASONS
from services.cases.domain.entries.registry import KINDS
from services.cases.views.models import HistoryLine

if TYPE_CHECKING:
    from asyncpg import Record


def lines(events: Sequence[Record], names: Mapping[UUID, str]) -> list[HistoryLine]:
    """History as the page shows it, in the order given."""
    found: list[HistoryLine] = []
    for event in events:
        detail: dict[str, Any] = json.loads(event["detail"])
        actor = event["actor_staff_id"]
        found.append(
            HistoryLine(
                at=event["at"],
                kind=event["kind"],
                actor=names.get(actor, text.FORMER) if actor else None,
                school_date=event["school_date"],
                family=detail.get("family"),
                text=_text(event["kind"], detail, names),
                before=_before(event["kind"], detail),
                old=bool(detail.get("old")),
            )
        )
    return found


def _text(kind: str, detail: Mapping[str, Any], names: Mapping[UUID, str]) -> str:
    if kind.startswith("warning_"):
        return _warning(kind.removeprefix("warning_"), detail)
    if kind == "opened":
        late = " Den gäller äldre frånvaro som lästs in i efterhand." if detail.get("old") else ""
        return f"Ärendet öppnades av en varning.{late}"
    if kind == "read_outside":
        who = "en områdeschef" if detail.get("how") == "drill_down" else "någon utanför uppdraget"
        return f"Ärendet lästes av {who}, med skälet: {detail.get('reason', '')}"
    if kind == "assigned":
        return _assigned(detail, names)
    if kind == "closed":
        reason = CLOSE_REASONS.get(str(detail.get("reason")), "")
        note = f" {detail['note']}" if detail.get("note") else ""
        return f"Ärendet avslutades: {reason.lower()}.{note}"
    if kind in {"call_done", "call_tried"}:
        outcome = CALL_OUTCOMES.get(str(detail.get("outcome")), "")
        note = f" {detail['note']}" if detail.get("note") else ""
        return f"Ring hem: {outcome.lower()}.{note}"
    if kind in {"step", "entry_revised"}:
        return _entry(kind, detail)
    if kind == "ladder_done":
        note = f" {detail['note']}" if detail.get("note") else ""
        return f"Klart: {detail.get('title')}.{note}"
    if kind == "notice_suppressed":
        return text.suppressed_reason(detail.get("reason"))
    if kind == "notice_call_home":
        return f"Ring hem: {text.call_reason(detail.get('reason'))}"
    return {
        "reopened": "Ärendet öppnades igen av en ny varning.",
        "acknowledged": "Ärendet togs emot.",
        "taken_on": "Beställningen från en annan huvudman togs emot. Avsändaren får veta det.",
        "commented": "En anteckning skrevs.",
        "sharing_ended": "Samverkan avslutades: ett samtycke är återkallat.",
        "moved": "Eleven har bytt skola inom huvudmannen.",
        "document_taken": "Mottagaren har tagit emot handlingen.",
        "document_sent": "En handling skickades.",
        "document_received": "Huvudmannen har tagit emot anmälan.",
        "document_filed": "Anmälan är förd till elevhälsans journal.",
        "notice_sent": "Hemmet fick meddelande om ogiltig frånvaro.",
        "notice_failed": "Ett meddelande till hemmet gick inte fram.",
    }.get(kind, kind)


def _entry(kind: str, detail: Mapping[str, Any]) -> str:
    """What was written; of a protected entry only that it was, and for whom."""
    if (sensitivity := detail.get("sensitivity")) is not None:
        for_whom = "elevhälsan och rektorn" if sensitivity == "health" else "samordningen"
        return f"En skyddad post för {for_whom} {'ändrades' if kind != 'step' else 'skrevs'}."
    found = KINDS[str(detail["kind"])]
    if kind == "step":
        return f"{found.words}: {found.statuses[str(detail['status'])]}."
    fields = ", ".join(str(name).lower() for name in detail.get("fields", []))
    return f"{found.words} ändrades: {fields}."


def _warning(change: str, detail: Mapping[str, Any]) -> str:
    family = text.FAMILIES.get(str(detail.get("family")), "Varning")
    sentence = detail.get("sentence") or ""
    opening = {
        "raised": f"{family}: varning.",
        "escalated": f"{family}: upptrappad till nivå {detail.get('level')}.",
        "amended": f"{family}: uppgifterna har ändrats.",
        "resolved": f"{family}: varningen har upphört.",
    }
    if change == "withdrawn":
        return f"{family}: varningen är återtagen, en rättelse tog bort grunden för den."
    return f"{opening.get(change, family)} {sentence}".strip()


def _before(kind: str, detail: Mapping[str, Any]) -> str | None:
    if kind not in {"warning_escalated", "warning_amended", "warning_withdrawn"}:
        return None
    before = detail.get("before")
    if not before or (kind != "warning_withdrawn" and before == detail.get("sentence")):
        return None
    return str(before)


def _assigned(detail: Mapping[str, Any], names: Mapping[UUID, str]) -> str:
    staff = detail.get("staff_id")
    if not staff:
        return "Ärendet står inte på någon: skolan saknar både närvaroansvarig och rektor."
    role = text.ROLES.get(str(detail.get("role")), "")
    return f"Ärendet gavs till {names.get(UUID(staff), text.FORMER)} ({role})."
