"""The one registry of duties' kinds: what the list of what is due calls each.

Statutory duties begin and end by the law's clocks, whatever a profile says. The kinds marked
``dated`` are due on a day that somebody wrote in an entry.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DutyKind:
    """One kind of duty."""

    name: str
    words: str
    """What is to be done, in Swedish."""
    rule: str
    """The paragraph, or whose rule it is."""
    dated: bool = False


_OWN = "det ni har kommit överens om"

_ALL = (
    DutyKind("call_home", "Ring hem", "skollagen 7 kap. 17 §, 15 kap. 16 §"),
    DutyKind("acknowledge", "Ta emot ärendet", "skollagen 7 kap. 19 a §, 15 kap. 16 §"),
    DutyKind("take_stand", "Ta ställning till utredning", "skollagen 7 kap. 19 a §, 15 kap. 16 §"),
    DutyKind("investigate", "Slutför utredningen", "skollagen 7 kap. 19 a §, 15 kap. 16 §"),
    DutyKind("report_to_organiser", "Anmäl till huvudmannen", "skollagen 7 kap. 19 a §"),
    DutyKind(
        "home_municipality_notice",
        "Lämna uppgift till hemkommunen",
        "skollagen 7 kap. 22 §, 15 kap. 15 §",
    ),
    DutyKind("support_investigation", "Utred behovet av särskilt stöd", "skollagen 3 kap. 7 §"),
    DutyKind("concern_report", "Gör orosanmälan", "socialtjänstlagen (2025:400) 19 kap. 1 §"),
    DutyKind(
        "concern_assessment",
        "Fråga socialnämnden om förhandsbedömningen",
        "socialtjänstlagen (2025:400) 20 kap. 2 §",
    ),
    DutyKind(
        "concern_answer",
        "Fråga socialnämnden om utredning har inletts",
        "socialtjänstlagen (2025:400) 19 kap. 6 §",
    ),
    DutyKind("correct_register", "Se till att närvaron rättas", _OWN),
    DutyKind("contact_again", "Ta ny kontakt", _OWN, dated=True),
    DutyKind("report_result", "Skicka resultatet till huvudmannen", "huvudmannens formulär"),
    DutyKind("start_intervention", "Starta insatsen", _OWN, dated=True),
    DutyKind("follow_up", "Följ upp insatsen", _OWN, dated=True),
    DutyKind("follow_up_plan", "Följ upp planen", _OWN, dated=True),
    DutyKind(
        "assign_coordinator", "Utse koordinator", "fem arbetsdagar, vår egen gräns", dated=True
    ),
    DutyKind("start_coordination", "Koordinatorn börjar", _OWN, dated=True),
    DutyKind("follow_up_approach", "Följ upp planen för skolnärmande", _OWN, dated=True),
    DutyKind("ladder", "Steg i kommunens rutin", "kommunens rutin"),
)
DUTY_KINDS: dict[str, DutyKind] = {kind.name: kind for kind in _ALL}
#: What rests while the case is closed: what people agreed on, which no step can do there.
RESTING = frozenset(kind.name for kind in _ALL if kind.dated or kind.rule == _OWN)

#: The step of the chain that does each of them; a page leads there.
STEPS: dict[str, str] = {
    "take_stand": "open_investigation",
    "investigate": "finish_investigation",
    "report_to_organiser": "report_to_organiser",
    "home_municipality_notice": "notify_home_municipality",
    "support_investigation": "finish_support_investigation",
    "concern_report": "report_concern",
    "concern_assessment": "record_assessment",
    "concern_answer": "answer_concern",
    "contact_again": "contact",
    "report_result": "report_result",
    "start_intervention": "start_intervention",
    "follow_up": "follow_up",
    "follow_up_plan": "follow_up_plan",
    "assign_coordinator": "assign_coordinator",
    "start_coordination": "start_coordination",
    "follow_up_approach": "follow_up_approach",
}
