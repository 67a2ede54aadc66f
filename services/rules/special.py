"""Rules about changes, turnings, notices and dates in plain Swedish; see services.rules.explain."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from math import floor

from services.ews.core.calendar import MONTHS
from services.ews.core.rule import FAMILIES, Measure, Metric, Rule
from services.ews.core.sentences import duration
from services.rules.words import amount, at_least, decimal, number, school_days, together

_KINDS: dict[int, str] = {
    FAMILIES["strofranvaro"]: "spridd frånvaro",
    FAMILIES["langvarig"]: "långvarig frånvaro",
}
_SHARES = {
    Metric.TOTAL: "frånvaron",
    Metric.VALID: "den giltiga frånvaron",
    Metric.INVALID: "den ogiltiga och oanmälda frånvaron",
    Metric.UNEXPLAINED: "den oanmälda frånvaron",
}


_SHOWN_HOURS = (50, 150, 450)
"""Some two weeks of school, six, and most of a term."""
_WHOLE = 100


def condition(rule: Rule, within: str) -> str:
    """When the rule fires, as the end of a sentence."""
    limit = rule.threshold
    match rule.measure:
        case Measure.CHANGE:
            times = at_least(f"{decimal(limit)} gånger", inclusive=rule.inclusive)
            return (
                f"andelen av {_SHARES[rule.metric]} {within} är {times} elevens egen tidigare "
                "under läsåret; är lite känt om eleven jämförs också med en vanlig andel"
            )
        case Measure.TURNING:
            least = int(limit) if rule.inclusive else floor(limit) + 1
            return f"{_turning(rule)} på nivå {least} eller högre, {within}"
        case Measure.LEAVE_DAYS:
            days = at_least(school_days(int(limit)), inclusive=rule.inclusive)
            return f"eleven har haft beviljad ledighet {days} {within}"
        case _:
            many = amount(int(limit), "frånvaroanmälan", "frånvaroanmälningar")
            many = at_least(many, inclusive=rule.inclusive)
            return f"{many} har gjorts på ett annat sätt än brukligt {within}"


def _turning(rule: Rule) -> str:
    if rule.turns_from == rule.turns_into:
        named = together(list(rule.into_rules))
        return f"{_KINDS[rule.turns_from]} har övergått i det som {named} varnar för,"
    return f"{_KINDS[rule.turns_from]} har övergått i {_KINDS[rule.turns_into]}"


def rests(rule: Rule, below: int) -> tuple[str, str]:
    """What comes to rest, and below which value."""
    match rule.measure:
        case Measure.CHANGE:
            times = decimal(rule.resolve_below)
            return "frånvaron", f"mindre än {times} gånger elevens egen tidigare"
        case Measure.TURNING:
            return "nivån", f"lägre än {number(below)}"
        case Measure.LEAVE_DAYS:
            return "dagarna", f"färre än {number(below)}"
        case _:
            return "anmälningarna", f"färre än {number(below)}"


def weighed(rule: Rule) -> str:
    """What a share weighs beside its window: little teaching, and earlier days; or nothing."""
    if rule.measure is not Measure.SHARE:
        return ""
    parts = [_cautious(rule), _earlier(rule)]
    return " ".join(part for part in parts if part)


def _earlier(rule: Rule) -> str:
    """That what the year held before the window counts in part, or nothing."""
    if not rule.earlier_weight:
        return ""
    return (
        f"Tidigare under läsåret räknas också, till {rule.earlier_weight} procent: den som var "
        "borta mycket då varnas det för tidigare."
    )


def _cautious(rule: Rule) -> str:
    """How a prior weighs little teaching, with what that asks for, or nothing."""
    if not rule.prior_minutes:
        return ""
    usual = decimal(100 * Decimal(rule.prior_absent) / rule.prior_minutes)
    asked = [
        f"{decimal(share)} procent efter {hours} rapporterade timmar"
        for hours in _SHOWN_HOURS
        if (share := _needed(rule, 60 * hours)) <= _WHOLE
    ]
    said = (
        f"Lite tid vägs försiktigt: andelen räknas som om eleven dessutom hade haft "
        f"{duration(rule.prior_minutes)} med {usual} procents frånvaro."
    )
    alone = ", utan tidigare skoldagar" if rule.earlier_weight else ""
    return f"{said} Därför krävs{alone} omkring {together(asked)}." if asked else said


def _needed(rule: Rule, reported: int) -> Decimal:
    """At what share of so many minutes the rule fires, to one decimal."""
    absent = rule.threshold * (reported + rule.prior_minutes) / 100 - rule.prior_absent
    return (100 * absent / reported).quantize(Decimal("0.1"), ROUND_HALF_UP)


def dates(rule: Rule) -> str:
    """On which days a rule that is bound to the calendar is judged, or nothing."""
    if rule.judged is None:
        return ""
    if not rule.judged:
        return "Regeln prövas när en månad är slut, för den månaden ut."
    named = together([f"den {day} {MONTHS[month - 1]}" for month, day in rule.judged])
    return f"Regeln prövas {named}, eller första skoldagen därefter."


def began(rule: Rule) -> list[str]:
    """How long ago the absence must have begun, or nothing."""
    if not rule.min_days_since_first:
        return []
    days = amount(rule.min_days_since_first, "dag", "dagar")
    return [f"ha börjat under terminen för minst {days} sedan"]
