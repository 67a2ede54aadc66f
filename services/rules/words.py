"""Numbers, times and names in plain Swedish."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from services.common.profiles import Clock

_WORDS = ("noll", "en", "två", "tre", "fyra", "fem", "sex", "sju", "åtta", "nio", "tio", "elva")

FAMILIES = {
    "strofranvaro": "Ströfrånvaro",
    "langvarig": "Långvarig frånvaro",
    "eskalering": "Eskalering",
    "ogiltig_idag": "Ogiltig frånvaro samma dag",
    "orapporterat": "Orapporterade lektioner",
}
ROLES = {
    "mentor": "mentorn",
    "attendance_officer": "närvaroansvarig",
    "principal": "rektorn",
    "student_health": "elevhälsan",
    "coordinator": "koordinatorn",
}
STATES = {
    "open": "öppet",
    "assessment": "kartläggning",
    "investigation": "utredning",
    "reported": "anmälan till huvudmannen",
    "intervention": "insats",
    "follow_up": "uppföljning",
}


def number(value: int, *, neuter: bool = False) -> str:
    """ "fem", "20"; one is "ett" of neuters."""
    if value == 1:
        return "ett" if neuter else "en"
    return _WORDS[value] if value < len(_WORDS) else str(value)


def amount(value: int, one: str, many: str, *, neuter: bool = False) -> str:
    """ "ett tillfälle", "fem tillfällen", "20 skoldagar"."""
    return f"{number(value, neuter=neuter)} {one if value == 1 else many}"


def school_days(value: int) -> str:
    """ "fem skoldagar"."""
    return amount(value, "skoldag", "skoldagar")


def decimal(value: Decimal) -> str:
    """ "12,5"; a whole number without decimals."""
    whole = int(value)
    return str(whole) if value == whole else f"{value.normalize():f}".replace(".", ",")


def at_least(figure: str, *, inclusive: bool) -> str:
    """The comparator: the threshold itself counts or does not."""
    return f"minst {figure}" if inclusive else f"mer än {figure}"


def together(parts: Sequence[str]) -> str:
    """ "a, b och c"."""
    *head, tail = parts
    return f"{', '.join(head)} och {tail}" if head else tail


def time_of(clock: Clock) -> str:
    """ "två veckor", "fem arbetsdagar", "en månad"."""
    if clock.school_days is not None:
        return school_days(clock.school_days)
    if clock.working_days is not None:
        return amount(clock.working_days, "arbetsdag", "arbetsdagar")
    if clock.months is not None:
        return amount(clock.months, "månad", "månader")
    days = clock.calendar_days or 0
    weeks, rest = divmod(days, 7)
    return amount(days, "dag", "dagar") if rest else amount(weeks, "vecka", "veckor")


def sentence(text: str) -> str:
    """With a capital letter first and a full stop last."""
    return f"{text[0].upper()}{text[1:]}" + ("" if text.endswith(".") else ".")
