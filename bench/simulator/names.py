"""Made-up people: names nobody bears, test personnummer, reserved addresses and numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

FEMALE = (
    "Alva", "Asta", "Diana", "Elin", "Ester", "Fatima", "Freja", "Greta", "Hedda", "Ines",
    "Iris", "Juni", "Leila", "Linnea", "Maja", "Mira", "Nora", "Olivia", "Ronja", "Saga",
    "Selma", "Signe", "Tilda", "Tuva", "Vera", "Wilma", "Yasmin", "Zara",
)  # fmt: skip
MALE = (
    "Adam", "Albin", "Ali", "Arvid", "Axel", "Charlie", "Elias", "Emil", "Frans", "Gustav",
    "Hugo", "Ivar", "Jonas", "Kasper", "Leo", "Loke", "Malte", "Milo", "Nils", "Omar",
    "Oskar", "Sixten", "Theo", "Tore", "Viggo", "Vincent", "William", "Yusuf",
)  # fmt: skip
_FAMILY_STEMS = (
    "Test", "Prov", "Exempel", "Övnings", "Låtsas", "Påhitts", "Fiktiv", "Simul", "Demo",
    "Skugg", "Mönster", "Modell",
)  # fmt: skip
_FAMILY_ENDS = (
    "sson", "ström", "berg", "kvist", "lund", "dal", "gren", "holm", "fors", "mark", "vik",
    "stad", "äng", "hav", "sten", "skog", "backe", "näs", "hed", "ö",
)  # fmt: skip

# PTS has set these numbers aside for books and films: nobody ever answers them.
_MOBILE = "0701740{:03d}"
SWITCHBOARD = "08-465 004 00"


def phone(number: int) -> str:
    """One of the mobile numbers 070-174 06 05 to 06 99 that PTS reserves for fiction."""
    return _MOBILE.format(605 + number % 95)


def address(local: str, domain: str = "example.org") -> str:
    """A mail address under a domain that RFC 2606 reserves."""
    return f"{local}@{domain}"


def given_name(generator: np.random.Generator, female: bool) -> str:
    """A common given name."""
    names = FEMALE if female else MALE
    return names[int(generator.integers(len(names)))]


def family_name(generator: np.random.Generator) -> str:
    """A family name that says of itself that it is made up."""
    stem = _FAMILY_STEMS[int(generator.integers(len(_FAMILY_STEMS)))]
    return stem + _FAMILY_ENDS[int(generator.integers(len(_FAMILY_ENDS)))]


def check_digit(nine: str) -> int:
    """The last digit of a personnummer (Luhn over ÅÅMMDD and the birth number)."""
    total = 0
    for position, character in enumerate(nine):
        product = int(character) * (2 if position % 2 == 0 else 1)
        total += product // 10 + product % 10
    return -total % 10


@dataclass(slots=True)
class CivicNumbers:
    """Hands out test personnummer: birth numbers 980–999, which Skatteverket gives to nobody.

    Its published test personnummer are of this kind. The third digit of the
    birth number is odd for men. Ten a date and sex; where a date is used up
    the birth date moves to the next free one.
    """

    used: dict[tuple[date, bool], int] = field(default_factory=dict)

    def take(self, born: date, female: bool) -> tuple[date, str]:
        """The birth date finally used and the twelve digits."""
        while self.used.get((born, female), 0) >= 10:
            born += timedelta(days=1)
        index = self.used.get((born, female), 0)
        self.used[(born, female)] = index + 1
        birth_number = 980 + 2 * index + (0 if female else 1)
        day = born.strftime("%Y%m%d")
        return born, f"{day}{birth_number}{check_digit(day[2:] + str(birth_number))}"
