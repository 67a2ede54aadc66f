"""Uppföljning, koordinator and avslut: for each step what is lawful, and what breaks each need."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from services.cases.domain.chain import Fact, Track

TODAY = date(2026, 11, 24)
DAY, LATER = TODAY.isoformat(), (TODAY + timedelta(days=1)).isoformat()
INSATS, PLAN, REQUEST, WORK, CONSENT, APPROACH, NETWORK = (UUID(int=n) for n in range(101, 108))
STAFF, GUARDIAN = UUID(int=201), UUID(int=202)


def fact(entry_id: UUID, kind: str, status: str, *tags: str) -> Fact:
    return Fact(entry_id, kind, status, None, TODAY, frozenset(tags))


STARTED = fact(INSATS, "intervention", "started")
ACTIVE = fact(PLAN, "plan", "active", "pupil")
ORDERED = fact(REQUEST, "coordination_request", "ordered")
ACCEPTED = fact(REQUEST, "coordination_request", "accepted")
ASSIGNED = fact(WORK, "coordination", "assigned", f"staff:{STAFF}")
WORKING = fact(WORK, "coordination", "started", f"staff:{STAFF}")
GIVEN = fact(CONSENT, "consent", "given", f"of:{GUARDIAN}", "for:social_services")
NEARING = fact(APPROACH, "approach_plan", "active")
SHARED = fact(NETWORK, "network", "active", "with:social_services")
OPEN = fact(UUID(int=109), "investigation", "open")

ORDER = {"on": DAY, "help": "Kontakt med hemmet.", "contact": "Rolf", "told": True}
WORKER = {"staff_id": str(STAFF), "profession": "social_worker", "starts_on": DAY}
YES = {
    "party": "guardian",
    "guardian_id": str(GUARDIAN),
    "on": DAY,
    "actors": ["social_services"],
    "way": "written",
}
NEAR = {"starts_on": DAY, "steps": "Till grinden.\nTill biblioteket.", "support": "Maja möter."}
MEETING = {"on": DAY, "actors": ["social_services"], "agreed": "Möte varannan vecka."}
END = {"on": DAY, "reason": "attendance_restored", "band": "60_100"}
BELOW = {"on": DAY, "reason": "poor_health", "band": "under_25", "below_reason": "Vården tar vid."}

LAWFUL: dict[str, tuple[Mapping[str, Any], tuple[Fact, ...], UUID | None]] = {
    "follow_up": (
        {"on": DAY, "works": "partly", "how": "Kommer tre dagar.", "next_time": "Som nu."},
        (STARTED,),
        INSATS,
    ),
    "follow_up_plan": ({"on": DAY, "works": "well", "next_time": "Nästa område."}, (ACTIVE,), PLAN),
    "order_coordination": (ORDER, (), None),
    "withdraw_request": (ORDER | {"ended_why": "Eleven är tillbaka."}, (ORDERED,), REQUEST),
    "decline_request": (ORDER | {"ended_why": "Har redan stöd."}, (ORDERED,), REQUEST),
    "assign_coordinator": (WORKER, (ORDERED,), REQUEST),
    "start_coordination": (WORKER, (ACCEPTED, ASSIGNED), WORK),
    "give_consent": (YES, (), None),
    "withdraw_consent": (YES | {"ended_on": DAY}, (GIVEN,), CONSENT),
    "judge_maturity": ({"on": DAY, "mature": True, "why": "Fyller 16 och förstår."}, (), None),
    "converse": (
        {"on": DAY, "form": "supportive", "place": "walk", "words": "Jag vill gå tidigt."},
        (ACCEPTED, WORKING),
        WORK,
    ),
    "make_approach_plan": (NEAR, (), None),
    "follow_up_approach": (NEAR, (NEARING,), APPROACH),
    "end_approach_plan": (
        NEAR | {"ended_on": DAY, "outcome": "Går varje dag."},
        (NEARING,),
        APPROACH,
    ),
    "share": (MEETING, (), None),
    "end_share": (MEETING | {"ended_on": DAY, "ended_why": "Målet är nått."}, (SHARED,), NETWORK),
    "end_coordination": (END, (ACCEPTED, WORKING), WORK),
    "end_coordination_below": (BELOW, (ACCEPTED, WORKING), WORK),
    "close_case": (END, (), None),
    "close_below": (BELOW, (), None),
}

_AHEAD = {"on": LATER}
_WHY = {"reason": "other"}
Broken = tuple[Track, Mapping[str, Any], tuple[Fact, ...] | None, dict[str, Any]]
BROKEN: dict[tuple[str, str], Broken] = {
    ("follow_up", "not_ahead"): ("compulsory", _AHEAD, None, {}),
    ("follow_up_plan", "not_ahead"): ("upper_secondary", _AHEAD, None, {}),
    ("order_coordination", "not_ordered"): ("upper_secondary", {}, (ORDERED,), {}),
    ("order_coordination", "home_knows"): ("compulsory", {"told": False}, None, {}),
    ("assign_coordinator", "not_already"): ("compulsory", {}, (ACCEPTED, WORKING), {}),
    ("give_consent", "not_ahead"): ("compulsory", _AHEAD, None, {}),
    ("converse", "not_ahead"): ("compulsory", _AHEAD, None, {}),
    ("make_approach_plan", "no_approach"): ("compulsory", {}, (NEARING,), {}),
    ("share", "not_ahead"): ("compulsory", _AHEAD, None, {}),
    ("share", "consented"): ("compulsory", {"lacking": [str(GUARDIAN)]}, None, {}),
    ("end_coordination", "reasoned"): ("compulsory", _WHY, None, {}),
    ("end_coordination", "not_silent"): ("compulsory", {"band": "25_60"}, None, {}),
    ("end_coordination_below", "reasoned"): ("compulsory", _WHY, None, {}),
    ("end_coordination_below", "said_why"): ("compulsory", {"below_reason": ""}, None, {}),
    ("close_case", "seen"): ("compulsory", {}, None, {"attention": "escalated"}),
    ("close_below", "seen"): ("compulsory", {}, None, {"attention": "raised"}),
    ("close_case", "reasoned"): ("compulsory", _WHY, None, {}),
    ("close_case", "investigated"): ("compulsory", {}, (OPEN,), {}),
    ("close_case", "uncoordinated"): ("compulsory", {}, (WORKING,), {}),
    ("close_case", "not_silent"): ("upper_secondary", {"band": "under_25"}, None, {}),
    ("close_below", "reasoned"): ("compulsory", _WHY, None, {}),
    ("close_below", "investigated"): ("upper_secondary", {}, (OPEN,), {}),
    ("close_below", "uncoordinated"): ("compulsory", {}, (ASSIGNED,), {}),
    ("close_below", "said_why"): ("compulsory", {"below_reason": ""}, None, {}),
}

#: What stands in for a need: step, body, facts.
STANDS_IN: list[tuple[str, Mapping[str, Any], tuple[Fact, ...], dict[str, Any]]] = [
    ("close_case", {"band": "25_60"}, (NEARING,), {}),
    ("close_case", {"band": "under_25"}, (NEARING,), {}),
    # Too little is known: words are enough.
    ("close_case", {"band": None, "note": "Eleven flyttade samma vecka."}, (), {}),
    ("close_case", {"reason": "other", "note": "Bytte skola."}, (), {}),
    ("end_coordination", {"band": "under_25"}, (WORKING, NEARING), {}),
    # Two professions on one case.
    ("assign_coordinator", {"staff_id": str(UUID(int=203))}, (ACCEPTED, WORKING), {}),
    # A koordinator who ended may come back, on a new beställning.
    ("order_coordination", {}, (ACCEPTED, fact(WORK, "coordination", "ended")), {}),
]
