"""How people and programs in Sweden write days, times and personnummer.

Every reader returns None or raises ValueError with a reason that does not
repeat the value: it may be a personnummer.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache

from services.common.clock import STOCKHOLM, local_instant

_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})", re.ASCII)
_DIGITS = re.compile(r"(\d{4}|\d{2})(\d{2})(\d{2})", re.ASCII)
_DAY_FIRST = re.compile(r"(\d{1,2})([-/.]) ?(\d{1,2})(?:\2 ?| ?- ?| )(\d{4})", re.ASCII)
_SHORT_YEAR = re.compile(r"(\d{1,2})/(\d{1,2})(?:[ -]|/)(\d{2})", re.ASCII)
_IN_WORDS = re.compile(r"(\d{1,2})[.:]?(?:e|a)? ?([a-zåäö]{3,9})\.? (\d{4})")
_WEEKDAY = re.compile(r"(?:(?:mån|tis|ons|tors|fre|lör|sön)[a-z]*\.?,? )?(?:den )?")
_STAMP = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII
)
_MONTHS = (
    "januari", "februari", "mars", "april", "maj", "juni",
    "juli", "augusti", "september", "oktober", "november", "december",
)  # fmt: skip
_TIME = re.compile(r"(?:kl\.? ?)?(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?", re.ASCII)
_TIME_DIGITS = re.compile(r"(?:kl\.? ?)?(\d{1,2})(\d{2})", re.ASCII)


@lru_cache(maxsize=4096)
def read_day(text: str) -> date | None:
    """The day, or None when ``text`` is none.

    Takes 2026-11-24 (also with / or . and one digit), 20261124, 261124,
    24/11 2026, 24/11/2026, 24.11.2026, 24-11-2026, 24/11-26, 24 november
    2026, tisdag den 24 nov 2026, and the day of an instant such as
    2026-11-24T08:10:00+01:00. Two-digit years are of this century. The day
    goes before the month: 11/24/2026 is no Swedish date.
    """
    instant = _instant(text)
    if instant is not None:
        return _date(instant.year, instant.month, instant.day)
    words = " ".join(text.lower().split())
    words = words[_WEEKDAY.match(words).end() :]  # type: ignore[union-attr]  # it may be empty
    for pattern, order in ((_YEAR_FIRST, (1, 3, 4)), (_DIGITS, (1, 2, 3)),
                           (_DAY_FIRST, (4, 3, 1)), (_SHORT_YEAR, (3, 2, 1))):  # fmt: skip
        if match := pattern.fullmatch(words):
            year, month, day = (match.group(number) for number in order)
            return _date(int(year if len(year) == 4 else "20" + year), int(month), int(day))
    if match := _IN_WORDS.fullmatch(words):
        named = [
            number
            for number, month in enumerate(_MONTHS, 1)
            if month.startswith(match.group(2)) or (match.group(2) == "sept" and number == 9)
        ]
        return _date(int(match.group(3)), named[0], int(match.group(1))) if named else None
    return None


def day_is_ambiguous(text: str) -> bool:
    """Whether day and month could be the other way round: 3/4/2026, but not 3/3 or 24/11."""
    parts = [part.strip() for part in re.split(r"[/.]", text)]
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        return False
    first, second = int(parts[0]), int(parts[1])
    return first <= 12 and second <= 12 and first != second


@lru_cache(maxsize=4096)
def read_minute(text: str) -> int | None:
    """Minutes after midnight, or None. Takes 8:10, 08:10, 08.10, 0810, 810, 08:10:00, kl. 8.10
    and the local time of an instant such as 2026-11-24T07:10:00Z. Seconds are dropped.
    """
    instant = _instant(text)
    if instant is not None:
        return instant.hour * 60 + instant.minute
    words = " ".join(text.lower().split())
    match = _TIME.fullmatch(words) or _TIME_DIGITS.fullmatch(words)
    if match is None:
        return None
    hour, minute, second = (int(part or 0) for part in (*match.groups(), "")[:3])
    return hour * 60 + minute if hour < 24 and minute < 60 and second < 60 else None


def _instant(text: str) -> datetime | None:
    """A day and a time in one field; with an offset it is brought to Sweden's."""
    if not _STAMP.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo is None else moment.astimezone(STOCKHOLM)
    except (ValueError, OverflowError):
        return None


def _date(year: int, month: int, day: int) -> date | None:
    if not 1900 <= year < 2200:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def clock_shift(day: date, minute: int) -> str | None:
    """ "skipped" where the clocks jump over this wall time, "twice" where they repeat it."""
    first = local_instant(day, minute).astimezone(STOCKHOLM)
    if first.hour * 60 + first.minute != minute:
        return "skipped"
    return "twice" if first.replace(fold=1).utcoffset() != first.utcoffset() else None


_CIVIC = re.compile(r"(\d{2})?(\d{2})(\d{2})(\d{2})([-+]?)(\d{4})", re.ASCII)
_TEMPORARY = re.compile(r"(\d{8})-?((?=.?[A-Z])[0-9A-Z]{2}\d{2})", re.ASCII)
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))


@lru_cache(maxsize=65_536)
def read_civic_no(text: str, today: date) -> str:
    """Twelve characters: ÅÅÅÅMMDDXXXX, as a roster's ``civic_no`` has them.

    Takes ÅÅÅÅMMDD-XXXX, ÅÅÅÅMMDDXXXX, ÅÅMMDD-XXXX, ÅÅMMDDXXXX, + in place of -
    from the year in which somebody turns a hundred (folkbokföringslagen 18 §),
    samordningsnummer (the day + 60), and the schools' own temporary numbers
    (20130101TF01), which have no check digit. ``today`` decides the century
    of two-digit years. Raises ValueError with the reason.
    """
    value = "".join(text.split()).translate(_DASHES).upper()
    if temporary := _TEMPORARY.fullmatch(value):
        _birth(*(int(temporary[1][a:b]) for a, b in ((0, 4), (4, 6), (6, 8))))
        return temporary[1] + temporary[2]
    match = _CIVIC.fullmatch(value)
    if match is None:
        raise ValueError(_why_not(value))
    century, year, month, day, sign, last = match.groups()
    if century is not None:
        full = int(century + year)
        if sign == "+" and today.year - full < 100:
            raise ValueError("has + but is of somebody under a hundred")
    else:
        full = today.year - (today.year - int(year)) % 100 - (100 if sign == "+" else 0)
    born = _birth(full, int(month), int(day))
    if born > today:
        raise ValueError("is of somebody not born yet")
    digits = year + month + day + last
    doubled = (sum(divmod(int(digit) * (2 - at % 2), 10)) for at, digit in enumerate(digits))
    if sum(doubled) % 10:
        raise ValueError("has a wrong check digit")
    return f"{full:04}{month}{day}{last}"


def _birth(year: int, month: int, day: int) -> date:
    born = _date(year, month, day - 60 if day > 60 else day)
    if born is None or year < 1900:
        raise ValueError("does not begin with a date of birth")
    return born


def _why_not(value: str) -> str:
    if re.fullmatch(r"\d[.,]?\d*E\+?\d+", value):
        return "was shortened by a spreadsheet: format the column as text and export again"
    if re.fullmatch(r"\d{9}|\d{5}-\d{4}", value):
        return "lacks its first digit: a spreadsheet drops a leading zero unless it is text"
    return "is no personnummer such as ÅÅÅÅMMDD-XXXX"
