"""What a profile does, in plain Swedish: for the people who approve it and live with it.

A sentence names figures and never a reason for the absence, as the warnings do
(services.ews.core.sentences).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from services.common.profiles import Ladder, Step
from services.ews.core.rule import PATTERNS, TODAY, Family, Measure, Metric, Rule, Span, Window
from services.ews.core.sentences import duration
from services.rules import special
from services.rules.reading import LABELS, WholeProfile
from services.rules.words import (
    FAMILIES,
    ROLES,
    STATES,
    amount,
    at_least,
    decimal,
    number,
    school_days,
    sentence,
    time_of,
    together,
)

_ABSENCE = {
    Metric.TOTAL: "frånvaron",
    Metric.VALID: "den giltiga frånvaron",
    Metric.INVALID: "den ogiltiga och oanmälda frånvaron",
    Metric.UNEXPLAINED: "den oanmälda frånvaron",
}
_AWAY = {
    Metric.TOTAL: "",
    Metric.VALID: " med giltig orsak",
    Metric.INVALID: " utan giltig orsak",
    Metric.UNEXPLAINED: " utan anmälan",
}


_CELLS = {
    Measure.WEEKDAY_PATTERN: "på en veckodag",
    Measure.SUBJECT_PATTERN: "i ett ämne",
    Measure.SLOT_PATTERN: "på dagens första, dagens sista eller lektionerna närmast lunchen",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A heading, what stands under it, and where it is taken from."""

    heading: str
    text: str
    bullets: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Chapter:
    """A family of warnings, or the ladder."""

    title: str
    intro: str
    parts: tuple[Part, ...]


def explain(profile: WholeProfile) -> Iterator[Chapter]:
    """A chapter for each family in the file's order of families, and one for the ladder."""
    for code, family in profile.signals.families.items():
        yield Chapter(
            FAMILIES[LABELS[code]],
            _quiet(family),
            tuple(_rule(rule) for rule in family.rules),
        )
    ladder = profile.ladder
    if ladder.steps:
        yield Chapter(
            "Trappan: vad en varning leder till",
            "Det som skollagen kräver gäller alltid, också när trappan säger något annat.",
            tuple(_step(step, ladder) for step in ladder.steps),
        )


def _quiet(family: Family) -> str:
    said = []
    if family.ends_with_term:
        said.append("En varning upphör senast när nästa termin börjar; då börjar alla om.")
    if family.quiet_days:
        said.append(
            f"När en varning har upphört dröjer det {school_days(family.quiet_days)} innan en ny "
            "kan komma, om den inte är allvarligare."
        )
    return " ".join(said)


def _rule(rule: Rule) -> Part:
    said = [f"Varning på nivå {rule.level} när {condition(rule)}."]
    said += [
        text
        for text in (
            special.weighed(rule),
            special.dates(rule),
            _also(rule),
            _unjudged(rule),
            _rests(rule),
        )
        if text
    ]
    return Part(rule.rule_id, " ".join(said), source=rule.source)


def condition(rule: Rule) -> str:
    """When the rule fires, as the end of a sentence."""
    limit, within = rule.threshold, _within(rule.window)
    match rule.measure:
        case Measure.SHARE:
            share = at_least(f"{decimal(limit)} procent", inclusive=rule.inclusive)
            return f"{_ABSENCE[rule.metric]} är {share} av undervisningstiden {within}"
        case Measure.OCCASIONS:
            times = amount(int(limit), "tillfälle", "tillfällen", neuter=True)
            return (
                f"eleven har varit borta{_AWAY[rule.metric]} vid "
                f"{at_least(times, inclusive=rule.inclusive)} {within}; "
                "en sammanhängande frånvaro är ett tillfälle, också över natten"
            )
        case Measure.DAYS | Measure.PART_DAYS:
            days = at_least(school_days(int(limit)), inclusive=rule.inclusive)
            return (
                f"eleven har varit borta{_AWAY[rule.metric]} {_part_of_day(rule)} {days} {within}"
            )
        case Measure.DISPERSED_DAYS:
            days = at_least(school_days(int(limit)), inclusive=rule.inclusive)
            return (
                f"{_ABSENCE[rule.metric]} är utspridd på {days} {within}; "
                "hela dagar i rad räknas som en"
            )
        case Measure.LATE_ARRIVALS:
            lessons = amount(int(limit), "lektion", "lektioner")
            return (
                f"eleven har varit borta{_AWAY[rule.metric]} en del av "
                f"{at_least(lessons, inclusive=rule.inclusive)} {within}; "
                "där klockslag finns räknas sen ankomst, annars varje del av en lektion"
            )
        case Measure.WEEKDAY_PATTERN | Measure.SUBJECT_PATTERN | Measure.SLOT_PATTERN:
            share = at_least(f"{decimal(limit)} procent", inclusive=rule.inclusive)
            return (
                f"{_ABSENCE[rule.metric]} samlas {_CELLS[rule.measure]}: {share} av lektionerna "
                f"där {within}, och minst {decimal(rule.times_the_rest)} gånger så stor andel "
                "som av övriga lektioner"
            )
        case Measure.RUN_DAYS:
            days = at_least(school_days(int(limit)), inclusive=rule.inclusive)
            return (
                f"eleven har varit borta hela dagen{_AWAY[rule.metric]} {days} i rad; "
                "dagar då ingenting är rapporterat räknas inte"
            )
        case Measure.MINUTES:
            spent = at_least(duration(int(limit)), inclusive=rule.inclusive)
            if rule.family == TODAY:
                return f"eleven har varit borta{_AWAY[rule.metric]} {spent} samma dag"
            return f"{_ABSENCE[rule.metric]} är {spent} {within}"
        case _:
            return special.condition(rule, within)


def _part_of_day(rule: Rule) -> str:
    if rule.measure is Measure.PART_DAYS:
        return "en del av dagen men inte hela"
    if rule.day_share:
        return f"minst {decimal(rule.day_share)} procent av dagen"
    return "någon del av dagen"


def _within(window: Window) -> str:
    match window.span:
        case Span.SCHOOL_DAYS if window.length == 1:
            return "den senaste skoldagen"
        case Span.SCHOOL_DAYS:
            return f"under de senaste {window.length} skoldagarna{_term(window)}"
        case Span.CALENDAR_DAYS:
            if window.length == 1:
                return "samma dag"
            return (
                f"under de senaste {window.length} dagarna{_term(window)}, helger och lov inräknade"
            )
        case Span.CALENDAR_MONTH:
            return "hittills under kalendermånaden"
        case Span.TERM:
            return "hittills under terminen"
        case Span.SCHOOL_YEAR:
            return "hittills under läsåret"
        case Span.DAY | Span.RUN:
            return ""


def _term(window: Window) -> str:
    return " av terminen" if window.within_term else ""


def _also(rule: Rule) -> str:
    """What the absence must come to besides, and what is left out of it, or nothing."""
    wants = []
    if rule.min_absence_minutes:
        wants.append(f"vara minst {duration(rule.min_absence_minutes)}")
    if rule.min_absence_days and rule.measure in PATTERNS:
        wants.append(f"ha skett på minst {number(rule.min_absence_days)} sådana dagar")
    elif rule.min_absence_days:
        days = amount(rule.min_absence_days, "dag", "olika dagar")
        wants.append(f"ha skett på minst {days}")
    if rule.min_occasions:
        times = amount(rule.min_occasions, "tillfälle", "tillfällen", neuter=True)
        wants.append(f"ha skett vid minst {times}")
    wants += special.began(rule)
    said = [f"Frånvaron måste också {together(wants)}."] if wants else []
    if rule.subtract_waves:
        said.append("Det som hela klasser har varit borta från tillsammans räknas inte med.")
    return " ".join(said)


def _unjudged(rule: Rule) -> str:
    """Without what the rule says nothing about a day, or nothing."""
    when = []
    if rule.min_membership_days > 1:
        when.append(f"eleven har gått minst {school_days(rule.min_membership_days)}")
    if rule.min_offered_minutes:
        when.append(f"minst {duration(rule.min_offered_minutes)} är rapporterade")
    if rule.min_reporting_rate:
        when.append(f"minst {decimal(rule.min_reporting_rate)} procent av schemat är rapporterat")
    return f"Regeln prövas bara när {together(when)}; annars säger den ingenting." if when else ""


def _rests(rule: Rule) -> str:
    """When a warning that the rule has raised comes to rest."""
    if rule.family == TODAY:
        return "Varningen tas tillbaka om frånvaron får en giltig förklaring."
    days = school_days(rule.resolve_days)
    below = ceil(rule.resolve_below)
    if rule.measure is Measure.RUN_DAYS and rule.metric is Metric.TOTAL and below == 1:
        return f"Varningen upphör när eleven har varit i skolan {days} i rad."
    if rule.measure in (Measure.OCCASIONS, Measure.DAYS) and below == rule.resolve_days == 1:
        what = "inget tillfälle" if rule.measure is Measure.OCCASIONS else "ingen sådan dag"
        return f"Varningen upphör så snart {what} finns kvar i perioden."
    match rule.measure:
        case (
            Measure.SHARE | Measure.WEEKDAY_PATTERN | Measure.SUBJECT_PATTERN | Measure.SLOT_PATTERN
        ):
            what = "andelen, räknad på samma sätt," if rule.prior_minutes else "andelen"
            value = f"lägre än {decimal(rule.resolve_below)} procent"
        case Measure.OCCASIONS:
            what, value = "tillfällena", f"färre än {number(below, neuter=True)}"
        case Measure.DAYS | Measure.PART_DAYS | Measure.DISPERSED_DAYS:
            what, value = "dagarna", f"färre än {number(below)}"
        case Measure.LATE_ARRIVALS:
            what, value = "lektionerna", f"färre än {number(below)}"
        case Measure.RUN_DAYS:
            what, value = "dagarna i rad", f"färre än {number(below)}"
        case Measure.MINUTES:
            what, value = "tiden", f"kortare än {duration(below)}"
        case _:
            what, value = special.rests(rule, below)
    if rule.resolve_days == 1 and rule.judged is not None:
        return f"Varningen upphör vid nästa avstämning om {what} då är {value}."
    if rule.resolve_days == 1:
        return f"Varningen upphör så snart {what} är {value}."
    return f"Varningen upphör när {what} har varit {value} under {days} i rad."


def _step(step: Step, ladder: Ladder) -> Part:
    said = [_begins(step, ladder), f"Ansvarig är {ROLES[step.owner]}."]
    if step.case_state not in ("open", step.trigger.case_state):
        said.append(f"Ärendet går till {STATES[step.case_state]}.")
    if step.clock is not None:
        said.append(f"Det ska vara klart inom {time_of(step.clock)}.")
    if step.repeat is not None:
        said.append(f"Det görs om efter {time_of(step.repeat)}, tills ärendet avslutas.")
    if step.weeks:
        week = "vecka" if len(step.weeks) == 1 else "veckorna"
        numbers = together([str(one) for one in step.weeks])
        said.append(f"Det görs {week} {numbers} varje år, tills ärendet avslutas.")
    told = together([ROLES[one] for one in step.recipients])
    said.append(sentence(f"{told} får veta"))
    return Part(step.title or step.id, " ".join(said), tuple(step.tasks), step.source)


def _begins(step: Step, ladder: Ladder) -> str:
    trigger = step.trigger
    if trigger.family is None:
        state = STATES[trigger.case_state or "open"]
        holds, reaches = f"ärendet då är i {state}", f"ärendet går till {state}"
    else:
        family = FAMILIES[trigger.family].lower()
        holds = f"en varning om {family} då gäller på minst nivå {trigger.least}"
        reaches = f"en varning om {family} når nivå {trigger.least}"
    if step.after is None:
        return f"Börjar när {reaches}."
    earlier = next(one for one in ladder.steps if one.id == step.after.step)
    name = f"”{earlier.title or earlier.id}”"
    point = "har börjat" if step.after.counted_from == "begun" else "är klart"
    if step.after.wait is None:
        return f"Följer på {name}: börjar när det {point}, om {holds}."
    wait = time_of(step.after.wait)
    return f"Följer på {name}: börjar {wait} efter att det {point}, om {holds}."
