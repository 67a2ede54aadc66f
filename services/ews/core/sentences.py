"""One plain Swedish sentence for people about each warning.

It names the figures, never a cause: the system knows that a child was away, not
why, and a sentence must stand to be read aloud to the child.
"""

from __future__ import annotations

from forvarning.warnings.v1.warnings_pb2 import Figures
from services.ews.core.calendar import span_in_words
from services.ews.core.rule import TODAY, Measure, Metric, Rule, Span

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
        case Measure.RUN_DAYS:
            return (
                f"Frånvarande hela skoldagen{_QUALIFIED[rule.metric]} "
                f"{_days(figures.value)} i rad, {when}."
            )
        case Measure.SHARE:
            share = f"{figures.value:.1f}".replace(".", ",").removesuffix(",0")
            absent = duration(round(figures.value * figures.reported / 100))
            return (
                f"{_NAMES[rule.metric]} {share} % av undervisningstiden"
                f"{_span(rule, length)}, {when}: {absent} av {duration(figures.reported)}."
            )
        case Measure.OCCASIONS:
            return (
                f"Frånvarande{_QUALIFIED[rule.metric]} vid "
                f"{_count(int(figures.value), 'tillfälle', 'tillfällen', neuter=True)} under "
                f"{_days(figures.absence_days)}{_span(rule, length)}, {when}."
            )
        case Measure.DAYS:
            return (
                f"Frånvarande{_QUALIFIED[rule.metric]} någon del av dagen "
                f"{_days(figures.value)}{_span(rule, length)}, {when}."
            )
        case Measure.MINUTES:
            spent = duration(int(figures.value))
            return f"{_NAMES[rule.metric]} {spent}{_span(rule, length)}, {when}."


def duration(minutes: int) -> str:
    """ "3 timmar 20 minuter"."""
    hours, rest = divmod(minutes, 60)
    parts = []
    if hours:
        parts.append(f"{hours} timme" if hours == 1 else f"{hours} timmar")
    if rest or not hours:
        parts.append(f"{rest} minut" if rest == 1 else f"{rest} minuter")
    return " ".join(parts)


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
            return f" de senaste {rule.window.length} dagarna" if rule.window.length > 1 else ""
        case Span.CALENDAR_MONTH:
            return " under månaden"
        case Span.TERM:
            return " under terminen"
        case Span.SCHOOL_YEAR:
            return " under läsåret"
        case _:
            return ""
