"""Personnummer in the forms that systems write them; SS 12000 wants 12 digits, no separator."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

_LONG = re.compile(r"(\d{4})(\d\d)(\d\d)[-+ ]?([0-9A-Za-z]{2}\d{2})")
_SHORT = re.compile(r"(\d\d)(\d\d)(\d\d)([-+]?)([0-9A-Za-z]{2}\d{2})")
_COORDINATION = 60
"""A samordningsnummer has 60 added to the day of birth."""


@dataclass(frozen=True, slots=True)
class CivicNo:
    """12 characters: personnummer, samordningsnummer, or a temporary number with two letters."""

    value: str
    birth_date: date | None
    """None where a samordningsnummer's day is not known (its day is then 60)."""


def civic_no(text: str, birth_date: date | None = None) -> CivicNo | None:
    """The number in its 12 digits; None where it is none.

    Ten digits get the century of ``birth_date``, else the one that makes the
    person a child or an adult under a hundred (a plus sign: over).
    """
    text = text.strip()
    if found := _LONG.fullmatch(text):
        year, month, day, last = found.groups()
        return _made(int(year), int(month), int(day), last.upper())
    if found := _SHORT.fullmatch(text):
        short, month, day, sign, last = found.groups()
        if birth_date is not None:
            century = birth_date.year // 100
        else:
            # Nobody in a register of today was born in the century's later part to come.
            century = 20 if int(short) <= _YOUNGEST else 19
            century -= sign == "+"
        return _made(century * 100 + int(short), int(month), int(day), last.upper())
    return None


_YOUNGEST = 40


def _made(year: int, month: int, day: int, last: str) -> CivicNo | None:
    born = day - _COORDINATION if day > _COORDINATION else day
    unknown = day in (0, _COORDINATION)
    try:
        birth_date = None if unknown else date(year, month, born)
    except ValueError:
        return None
    return CivicNo(f"{year:04}{month:02}{day:02}{last}", birth_date)
