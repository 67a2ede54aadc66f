"""One plain Swedish sentence for people about each warning.

It names the figures, never a cause: the system knows that a child was away, not
why, and a sentence must stand to be read aloud to the child.
"""

from __future__ import annotations

from forvarning.warnings.v1 import warnings_pb2
from forvarning.warnings.v1.warnings_pb2 import Figures
from services.ews.core.calendar import span_in_words
from services.ews.core.rule import FAMILIES, TODAY, Measure, Metric, Rule, Span

_NAMES = {
    Metric.TOTAL: "Frånvaro",
    Metric.VALID: "Giltig frånvaro",
    Metric.INVALID: "Ogiltig eller oanmäld frånvaro",
    Metric.UNEXPLAINED: "Oanmäld frånvaro",
}
_QUALIFIED = {
    Metric.TOTAL: "",
    Metric.VALID: " med giltig orsak",
    Metric.INVALID: " utan giltig orsak",
    Metric.UNEXPLAINED: " utan anmälan",
}
_WEEKDAYS = ("måndagar", "tisdagar", "onsdagar", "torsdagar", "fredagar", "lördagar", "söndagar")
_SLOTS = {
    "first": "på dagens första lektion",
    "last": "på dagens sista lektion",
    "lunch": "på lektionerna närmast lunchen",
}
_DEFINITE = {
    Metric.TOTAL: "Frånvaron",
    Metric.VALID: "Den giltiga frånvaron",
    Metric.INVALID: "Den ogiltiga eller oanmälda frånvaron",
    Metric.UNEXPLAINED: "Den oanmälda frånvaron",
}
_TURNED_FROM: dict[int, str] = {
    FAMILIES["strofranvaro"]: "Spridd frånvaro",
    FAMILIES["langvarig"]: "Sammanhängande frånvaro",
}
_TURNED_INTO: dict[int, str] = {
    FAMILIES["strofranvaro"]: "spridd frånvaro",
    FAMILIES["langvarig"]: "sammanhängande frånvaro",
}
_WORDS = ("noll", "en", "två", "tre", "fyra", "fem", "sex", "sju", "åtta", "nio", "tio", "elva")


def sentence(rule: Rule, figures: Figures, lessons: int, length: int) -> str:
    """The warning in one sentence.

    ``lessons`` are those of the day, for ogiltig_idag; ``length`` is the number
    of school days in the window.
    """
    when = span_in_words(figures.window_first_day, figures.window_last_day)
    if rule.family == TODAY:
        return (
            f"{_NAMES[rule.metric]} {when}: {_count(lessons, 'lektion', 'lektioner')}, "
            f"sammanlagt {duration(int(figures.value))}."
        )
    match rule.measure:
        case Measure.CHANGE:
            share = 100 * _absent(rule.metric, figures) / figures.reported
            return (
                f"{_DEFINITE[rule.metric]} har ökat: {_percent(share)} av undervisningstiden"
                f"{_span(rule, length)}, {when}, mot "
                f"{_percent(100 * figures.baseline_absent / figures.baseline_reported)} "
                "tidigare under läsåret."
            )
        case Measure.TURNING:
            absent = duration(_absent(rule.metric, figures))
            return (
                f"{_turned(rule)}: {absent} frånvaro av {duration(figures.reported)}"
                f"{_span(rule, length)}, {when}."
            )
        case Measure.LEAVE_DAYS:
            return f"Beviljad ledighet {_days(figures.value)}{_span(rule, length)}, {when}."
        case Measure.UNUSUAL_REPORTS:
            reports = _count(int(figures.value), "frånvaroanmälan", "frånvaroanmälningar")
            return (
                f"{reports[0].upper()}{reports[1:]} har gjorts på ett annat sätt än brukligt"
                f"{_span(rule, length)}, {when}; stäm gärna av med hemmet."
            )
        case Measure.RUN_DAYS:
            return (
                f"Frånvarande hela skoldagen{_QUALIFIED[rule.metric]} "
                f"{_days(figures.value)} i rad, {when}."
            )
        case Measure.SHARE:
            absent = duration(round(figures.value * figures.reported / 100))
            return (
                f"{_NAMES[rule.metric]} {_percent(figures.value)} av undervisningstiden"
                f"{_span(rule, length)}, {when}: {absent} av {duration(figures.reported)}."
                f"{_weighed(rule, figures)}{_left_out(figures.shared)}"
            )
        case Measure.OCCASIONS:
            return (
                f"Frånvarande{_QUALIFIED[rule.metric]} vid "
                f"{_count(int(figures.value), 'tillfälle', 'tillfällen', neuter=True)} under "
                f"{_days(figures.absence_days)}{_span(rule, length)}, {when}."
            )
        case Measure.DAYS | Measure.PART_DAYS | Measure.DISPERSED_DAYS:
            return _days_away(rule, figures, length, when)
        case Measure.LATE_ARRIVALS:
            return (
                f"Frånvarande{_QUALIFIED[rule.metric]} en del av lektionen vid "
                f"{_count(int(figures.value), 'lektion', 'lektioner')}"
                f"{_span(rule, length)}, {when}."
            )
        case Measure.WEEKDAY_PATTERN | Measure.SUBJECT_PATTERN | Measure.SLOT_PATTERN:
            return _pattern(rule, figures, length, when)
        case Measure.MINUTES:
            spent = duration(int(figures.value))
            return f"{_NAMES[rule.metric]} {spent}{_span(rule, length)}, {when}."


def _days_away(rule: Rule, figures: Figures, length: int, when: str) -> str:
    number, span = _days(figures.value), _span(rule, length)
    match rule.measure:
        case Measure.PART_DAYS:
            away = f"Frånvarande{_QUALIFIED[rule.metric]} en del av dagen men inte hela"
        case Measure.DISPERSED_DAYS:
            return (
                f"{_NAMES[rule.metric]} utspridd på {number}{span}, {when}; "
                f"hela dagar i rad räknas som en."
            )
        case _ if rule.day_share:
            part = _percent(float(rule.day_share))
            away = f"Frånvarande{_QUALIFIED[rule.metric]} minst {part} av dagen"
        case _:
            away = f"Frånvarande{_QUALIFIED[rule.metric]} någon del av dagen"
    return f"{away} {number}{span}, {when}."


def _pattern(rule: Rule, figures: Figures, length: int, when: str) -> str:
    found = figures.pattern
    match found.kind:
        case warnings_pb2.PATTERN_KIND_WEEKDAY:
            where, others = f"på {_WEEKDAYS[int(found.cell) - 1]}", "övriga veckodagar"
        case warnings_pb2.PATTERN_KIND_SUBJECT:
            where, others = f"i ämnet {found.cell}", "övriga ämnen"
        case _:
            where, others = _SLOTS[found.cell], "övriga lektioner"
    return (
        f"{_NAMES[rule.metric]} framför allt {where}{_span(rule, length)}, {when}: "
        f"{found.lessons_absent} av {found.lessons_reported} lektioner "
        f"({_percent(found.share)}), {others} {_percent(found.elsewhere_share)}."
    )


def _percent(share: float) -> str:
    return f"{share:.1f}".replace(".", ",").removesuffix(",0") + " %"


def duration(minutes: int) -> str:
    """ "3 timmar 20 minuter"."""
    hours, rest = divmod(minutes, 60)
    parts = []
    if hours:
        parts.append(f"{hours} timme" if hours == 1 else f"{hours} timmar")
    if rest or not hours:
        parts.append(f"{rest} minut" if rest == 1 else f"{rest} minuter")
    return " ".join(parts)


def _absent(metric: Metric, figures: Figures) -> int:
    """The metric's minutes."""
    unexplained, confirmed = figures.invalid_unexplained, figures.invalid_confirmed
    return {
        Metric.TOTAL: figures.valid + unexplained + confirmed,
        Metric.VALID: figures.valid,
        Metric.INVALID: unexplained + confirmed,
        Metric.UNEXPLAINED: unexplained,
    }[metric]


def _turned(rule: Rule) -> str:
    if rule.turns_from == rule.turns_into:
        return f"{_TURNED_FROM[rule.turns_from]} har börjat följa ett mönster"
    return f"{_TURNED_FROM[rule.turns_from]} har övergått i {_TURNED_INTO[rule.turns_into]}"


def _weighed(rule: Rule, figures: Figures) -> str:
    """What else than the share told, which is the real one, decided on the warning."""
    said = ""
    if rule.prior_minutes:
        said = (
            " Ju mindre undervisning som är rapporterad, desto större andel krävs för en varning."
        )
    if figures.baseline_reported:
        earlier = _percent(100 * figures.baseline_absent / figures.baseline_reported)
        said += f" Tidigare under läsåret var andelen {earlier}, och också det vägs in."
    return said


def _left_out(shared: int) -> str:
    """What a wave took out of the figures, so that they can be checked against the register."""
    if not shared:
        return ""
    return (
        f" {duration(shared).capitalize()} giltig frånvaro är inte medräknad: "
        "den delades av många i klassen eller på skolan."
    )


def _count(number: int, one: str, many: str, *, neuter: bool = False) -> str:
    if number == 1:
        return f"{'ett' if neuter else 'en'} {one}"
    return f"{_WORDS[number] if number < len(_WORDS) else number} {many}"


def _days(number: float) -> str:
    return f"{int(number)} skoldag" if number == 1 else f"{int(number)} skoldagar"


def _span(rule: Rule, length: int) -> str:
    match rule.window.span:
        case Span.SCHOOL_DAYS:
            return f" de senaste {length} skoldagarna" if length > 1 else " den senaste skoldagen"
        case Span.CALENDAR_DAYS:
            if rule.window.length == 1:
                return ""
            term = " av terminen" if rule.window.within_term else ""
            return f" de senaste {rule.window.length} dagarna{term}"
        case Span.CALENDAR_MONTH:
            return " under månaden"
        case Span.TERM:
            return " under terminen"
        case _:
            return " under läsåret"
