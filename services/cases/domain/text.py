"""Swedish words and figures for people: dates, times, shares, and the names of things."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from services.common.clock import STOCKHOLM

_DAYS = ("måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag")
_MONTHS = (
    "januari",
    "februari",
    "mars",
    "april",
    "maj",
    "juni",
    "juli",
    "augusti",
    "september",
    "oktober",
    "november",
    "december",
)
_SHORT = ("jan", "feb", "mars", "apr", "maj", "juni", "juli", "aug", "sep", "okt", "nov", "dec")
_NBSP = "\N{NO-BREAK SPACE}"

FAMILIES = {
    "sporadic": "Ströfrånvaro",
    "long_term": "Långvarig frånvaro",
    "escalation": "Eskalering",
    "unexcused_today": "Ogiltig frånvaro",
    "unreported": "Orapporterade lektioner",
}
#: Whoever wrote something and is in the roster no more.
FORMER = "tidigare medarbetare"
STATES = {"new": "Nytt", "acknowledged": "Pågår", "closed": "Avslutat"}
EPISODE_STATES = {"active": "Gäller", "resolved": "Upphörd", "withdrawn": "Återtagen"}
ATTENTION = {
    "raised": "Ny varning",
    "escalated": "Varningen har trappats upp",
    "amended": "Varningen har ändrats",
    "withdrawn": "En varning har återtagits",
}
ROLES = {
    "mentor": "mentor",
    "attendance_officer": "närvaroansvarig",
    "principal": "rektor",
    "student_health": "elevhälsa",
    "coordinator": "koordinator",
    "team_leader": "teamledare",
    "area_manager": "områdeschef",
    "organiser_officer": "handläggare hos huvudmannen",
    "compulsory_officer": "skolpliktshandläggare",
    "board": "nämnden",
    "operations": "drift",
}
#: Why no notice went home the same day, by the codes of notify's delivery log.
CALL_REASONS = {
    "protected_pupil": "Eleven har skyddade personuppgifter, så inget meddelande skickas.",
    "no_address": "Det finns ingen e-postadress till hemmet.",
    "address_refused": "Hemmets e-postadress tar inte emot meddelanden.",
    "no_guardian": "Ingen vårdnadshavare finns i registret.",
    "unknown_pupil": "Eleven saknas i registret.",
    "too_late": "Meddelandet hann inte skickas samma dag.",
    "not_delivered": "Meddelandet gick inte fram.",
}
#: Why a notice was not needed, by the same codes.
SUPPRESSED = {
    "already_told_today": "Hemmet har redan fått ett meddelande idag.",
    "special_reasons": "Hemmet informeras inte: särskilda skäl finns antecknade.",
}
_CALL_DEFAULT = "Inget meddelande kunde skickas samma dag."


_SLOTS = {
    "first": "på dagens första lektion",
    "last": "på dagens sista lektion",
    "lunch": "på lektionerna närmast lunchen",
}


def roles(names: Collection[str]) -> str:
    """mentor, närvaroansvarig eller rektor; in the order of ROLES"""
    known = [words for name, words in ROLES.items() if name in names]
    return " eller ".join(filter(None, [", ".join(known[:-1]), *known[-1:]]))


def pattern_place(kind: str, cell: str) -> tuple[str, str]:
    """Where a pattern lies, and what everything else is called: på fredagar, övriga veckodagar"""
    match kind:
        case "weekday" if cell in {"1", "2", "3", "4", "5", "6", "7"}:
            return f"på {_DAYS[int(cell) - 1]}ar", "övriga veckodagar"
        case "subject":
            return f"i ämnet {cell}", "övriga ämnen"
        case _:
            return _SLOTS.get(cell, cell), "övriga lektioner"


def call_reason(code: str | None) -> str:
    """One sentence for a reason code; an unknown code says what is certain."""
    return CALL_REASONS.get(code or "", _CALL_DEFAULT)


def suppressed_reason(code: str | None) -> str:
    """One sentence for why no notice was sent though somebody could have had one."""
    return SUPPRESSED.get(code or "", "Inget meddelande behövdes.")


def long_date(day: date) -> str:
    """tisdag 24 november"""
    return f"{_DAYS[day.weekday()]} {day.day}{_NBSP}{_MONTHS[day.month - 1]}"


def full_date(day: date) -> str:
    """24 november 2026"""
    return f"{day.day}{_NBSP}{_MONTHS[day.month - 1]} {day.year}"


def short_date(day: date) -> str:
    """24 nov"""
    return f"{day.day}{_NBSP}{_SHORT[day.month - 1]}"


def weekday_date(day: date) -> str:
    """tis 24 nov"""
    return f"{_DAYS[day.weekday()][:3]} {short_date(day)}"


def clock_time(instant: datetime) -> str:
    """kl. 07.45, by the wall clock in Sweden"""
    local = instant.astimezone(STOCKHOLM)
    return f"kl.{_NBSP}{local.hour:02d}.{local.minute:02d}"


def moment(instant: datetime) -> str:
    """24 nov kl. 07.45"""
    return f"{short_date(instant.astimezone(STOCKHOLM).date())} {clock_time(instant)}"


def minute_of_day(minute: int) -> str:
    """08.10"""
    return f"{minute // 60:02d}.{minute % 60:02d}"


def duration(minutes: int) -> str:
    """2 tim 45 min"""
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{rest}{_NBSP}min"
    if not rest:
        return f"{hours}{_NBSP}tim"
    return f"{hours}{_NBSP}tim {rest}{_NBSP}min"


def percent(share: float | None) -> str:
    """23 %, or okänd"""
    return "okänd" if share is None else f"{round(share * 100)}{_NBSP}%"


def count(number: int, one: str, many: str) -> str:
    """1 lektion, 3 lektioner"""
    return f"{number}{_NBSP}{one if number == 1 else many}"


def days_since(day: date, today: date) -> str:
    """idag, igår, för 5 dagar sedan"""
    days = (today - day).days
    if days <= 0:
        return "idag"
    if days == 1:
        return "igår"
    return f"för {days}{_NBSP}dagar sedan"
