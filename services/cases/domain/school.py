"""What a school is told about itself, in plain Swedish: numbers, never a cause and never who."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from services.cases.domain.text import long_date

Kind = Literal["wave", "cluster", "unreported"]
Scope = Literal["unit", "class", "subject", "slot"]

_NBSP = "\N{NO-BREAK SPACE}"
_SLOTS = {
    "first": "På dagens första lektion",
    "lunch": "På lektionerna kring lunch",
    "last": "På dagens sista lektion",
}


@dataclass(frozen=True, slots=True)
class Signal:
    """An active signal; ``place`` names the class, the subject or the slot."""

    kind: Kind
    scope: Scope
    place: str
    first_day: date
    last_day: date
    window_days: int
    pupils: int
    absent: int
    share_permille: int
    usual_permille: int
    offered: int
    reported: int


def sentence(signal: Signal, today: date) -> str:
    """The signal as a person reads it on the given school date."""
    match signal.kind:
        case "wave":
            return _wave(signal, today)
        case "cluster":
            return _cluster(signal, today)
        case "unreported":
            return _unreported(signal, today)


def _wave(signal: Signal, today: date) -> str:
    where = "på skolan" if signal.scope == "unit" else f"i {signal.place}"
    usual = round(signal.usual_permille * signal.pupils / 1000)
    since = "" if signal.first_day == signal.last_day else f", sedan {long_date(signal.first_day)}"
    return (
        f"Många {where} är borta med giltig orsak{since}: {_of(signal)} "
        f"{_when(signal.last_day, today)}, vanligen {usual}."
    )


def _cluster(signal: Signal, today: date) -> str:
    if signal.scope == "class":
        begin, others = f"I {signal.place}", "skolans andra klasser"
    else:
        begin = _SLOTS[signal.place] if signal.scope == "slot" else f"I ämnet {signal.place}"
        others = "klassernas övriga lektioner"
    preposition = "i" if signal.scope == "class" else "på"
    return (
        f"{begin} är fler elever borta än annars: i snitt {_of(signal)} om dagen "
        f"({_percent(signal.share_permille)}), mot {_percent(signal.usual_permille)} "
        f"{preposition} {others}. Gäller {signal.window_days}{_NBSP}skoldagar till och med "
        f"{_when(signal.last_day, today)}."
    )


def _unreported(signal: Signal, today: date) -> str:
    where = {
        "unit": "på skolan",
        "class": f"i {signal.place}",
        "subject": f"i ämnet {signal.place}",
    }.get(signal.scope, "")
    # Rounded down: what is under the threshold must not read as on it.
    share = 100 * signal.reported // signal.offered if signal.offered else 0
    return (
        f"Bara {share}{_NBSP}% av lektionstiden {where} är rapporterad. Gäller de senaste "
        f"tio skoldagarna till och med {_when(signal.last_day, today)}."
    )


def _of(signal: Signal) -> str:
    return f"{signal.absent} av {signal.pupils}"


def _percent(permille: int) -> str:
    """Whole per cent, rounded half up."""
    return f"{(permille + 5) // 10}{_NBSP}%"


def _when(day: date, today: date) -> str:
    """i dag, i går, fredag 20 november"""
    days = (today - day).days
    near = {0: f"i{_NBSP}dag", 1: f"i{_NBSP}går"}
    return near.get(days) or long_date(day)
